"""Characters that XML does not have, in a part of a workbook: marked, so that a parser reads on, and found again.

Programs write them all the same: a control character, a reference to one (`&#x1;`), half of a surrogate pair, bytes of
another encoding. In: a part's bytes. Out: its text, in which each is wrapped in a mark; and, of a text that a parser
made of it, that text with the marks as halves of surrogate pairs, which `sheet.whole` knows as damage. So they cost
their cells and not the file. Does not know elements.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_MARK = "\ufdd0"  # no character, but one that XML takes; where a file has it itself, it is wrapped too
_REFERENCE = r"&#x[0-9A-Fa-f]{1,32};|&#[0-9]{1,32};"
_DAMAGE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff{_MARK}]|{_REFERENCE}")
_WRAPPED = re.compile(f"{_MARK}([^{_MARK}]*){_MARK}")
_LONGEST = 40  # characters of a reference, and some more
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)""")
_NONE = "\udc7f"  # what is no character at all, as U+FFFF


def marked(blocks: Iterable[bytes]) -> Iterator[str | bytes]:
    """A part's text, a block at a time; the bytes themselves where they are in an encoding that is not read here."""
    decoder: codecs.IncrementalDecoder | None = None
    held = ""
    for number, block in enumerate(blocks):
        if not number:
            decoder = _decoder(block)
        if decoder is None:
            yield block
            continue
        text = held + decoder.decode(block)
        begun = text.rfind("&", max(0, len(text) - _LONGEST))
        held = text[begun:] if begun >= 0 and ";" not in text[begun:] else ""
        yield _DAMAGE.sub(_wrapped, text[: len(text) - len(held)])
    if decoder is not None:
        yield _DAMAGE.sub(_wrapped, held + decoder.decode(b"", True))


def unmarked(text: str, *, literal: bool = False) -> str:
    """A text with what was marked as halves of surrogate pairs; or, of a CDATA section, references as they stand."""
    return _WRAPPED.sub(_literal if literal else _half, text) if _MARK in text else text


def _decoder(head: bytes) -> codecs.IncrementalDecoder | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("surrogatepass")
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    if declared is not None and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        return None
    return codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")


def _wrapped(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 1:
        return f"{_MARK}{ord(found):X}{_MARK}"
    code = _code(found[2:-1])
    good = code in (0x9, 0xA, 0xD) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0xFFFF < code < 0x110000
    return found if good and code != ord(_MARK) else f"{_MARK}{found[1:-1]}{_MARK}"


def _code(number: str) -> int:
    return int(number[1:], 16) if number[0] == "x" else int(number)


def _half(match: re.Match[str]) -> str:
    code = _code(match[1][1:]) if match[1].startswith("#") else int(match[1], 16)
    if code == ord(_MARK):
        return _MARK
    if code < 0x20:
        return chr(0xDC00 + code)
    return chr(code) if 0xD800 <= code <= 0xDFFF else _NONE


def _literal(match: re.Match[str]) -> str:
    return f"&{match[1]};" if match[1].startswith("#") else _half(match)
