"""Which encoding a text file has.

In: a path. Out: the codec and the words for it, after the whole file has been decoded once, a block at a time; or a
`TableError` with the line of the first byte that does not fit. A few bytes that do not fit, or a stray NUL, in a file
that is plainly of an encoding are handed on to the reader, as halves of surrogate pairs (`errors_of`), so that
they cost their rows and not the file. Does not know what the text means.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.errors import TableError

_BLOCK = 1 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte-order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 (little-endian)"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 (big-endian)"),
)
_STRAY_BYTE = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of a byte that does not decode
_CHARACTER = re.compile("[^\x00-\x7f\udc80-\udcff]")
_HALF = re.compile("\udced[\udca0-\udcbf][\udc80-\udcbf]")  # half of a surrogate pair as UTF-8 would have it
_MOST = 10, 0.01  # at most so many damaged characters, or so large a part of all: a file with more of them is not text
_WESTERN = 0.2  # text in a Latin script has fewer letters with accents; Shift JIS and the like have more such bytes
# Letters of a Latin script seldom stand four in a row with accents; what Cyrillic, Greek, Chinese, Korean and other
# encodings of bytes become under a wrong name does nothing else.
_RUN = re.compile("[\xa1-\xff]{4,}")
_RUNS = 5  # fewer may be an alphabet that somebody wrote down
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class TextEncoding:
    """A codec's name for Python, and its name for people."""

    codec: str
    words: str


def errors_of(codec: str) -> str:
    """How damage in a text is handed on: Python's name for it. A NUL is handed on as it is."""
    return "surrogatepass" if codec.startswith(("utf-16", "utf-32")) else "surrogateescape"


def detect(path: Path) -> TextEncoding:
    """The file's encoding: by its byte-order mark, else UTF-8 if it decodes, else UTF-16 if plain, else Windows-1252.

    Raises:
        TableError: the file is not text, or text in another encoding.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, codec, words in _MARKS:
        if head.startswith(mark):
            _verify(path, codec, words, errors_of(codec))
            return TextEncoding(codec, words)
    if order := _utf16_without_mark(head):
        codec, words = order
        _verify(path, codec, words, errors_of(codec))
        return TextEncoding(codec, words)
    try:
        _verify(path, "utf-8", "UTF-8")
        return TextEncoding("utf-8", "UTF-8")
    except _Undecodable:
        if _damaged_utf8(path):
            return TextEncoding("utf-8", "UTF-8")
    stray = letters = characters = runs = in_runs = 0
    for text in _decoded(path, "cp1252", "Windows-1252", errors_of("cp1252")):
        stray, letters = stray + len(_STRAY_BYTE.findall(text)), letters + len(_CHARACTER.findall(text))
        characters += len(text)
        for run in _RUN.findall(text):
            runs, in_runs = runs + 1, in_runs + len(run)
        if _CONTROL.search(text):
            raise TableError("not a text file", where=path.name, mend="save the table as CSV, TSV, JSONL or XLSX")
    if _too_many(stray, characters) or (stray and letters + stray > _WESTERN * characters):
        _verify(path, "cp1252", "Windows-1252")  # which says where the first is
    if runs >= _RUNS and in_runs > letters / 2:
        raise TableError(
            "neither UTF-8 nor Windows-1252, but text in another encoding", where=path.name, mend="save it as UTF-8"
        )
    return TextEncoding("cp1252", "Windows-1252, because it is not UTF-8")


class _Undecodable(TableError):
    """Bytes that an encoding does not know."""


def _decoded(path: Path, codec: str, words: str, errors: str = "strict") -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    line, characters, nuls, first_nul = 1, 0, 0, 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += _line_breaks(error.object[: error.start].decode(codec, "replace"))
                raise _Undecodable(
                    f"line {line}: a byte (0x{error.object[error.start]:02X}) that is not {words}",
                    where=path.name,
                    mend="save the file as UTF-8 again",
                ) from None
            if "\0" in text:
                first_nul = first_nul or line + _line_breaks(text[: text.index("\0")])
                nuls += text.count("\0")
            line += _line_breaks(text)
            characters += len(text)
            if _too_many(nuls, characters):
                raise TableError(
                    f"line {first_nul}: a NUL character, so this is not a text file, or a damaged one",
                    where=path.name,
                    mend="save the table as CSV in UTF-8 again",
                )
            yield text
            if not block:
                return


def _line_breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _verify(path: Path, codec: str, words: str, errors: str = "strict") -> None:
    for _ in _decoded(path, codec, words, errors):
        pass


def _utf16_without_mark(head: bytes) -> tuple[str, str] | None:
    """Text in a Latin script has a zero in every second byte."""
    even, odd = head[0::2], head[1::2]
    if len(head) < 4 or len(head) % 2:
        return None
    if odd.count(0) > 0.6 * len(odd) and not even.count(0):
        return "utf-16-le", "UTF-16 (little-endian, without a byte-order mark)"
    if even.count(0) > 0.6 * len(even) and not odd.count(0):
        return "utf-16-be", "UTF-16 (big-endian, without a byte-order mark)"
    return None


def _damaged_utf8(path: Path) -> bool:
    """Whether it is UTF-8 with a few bad bytes: Windows-1252 text almost never forms UTF-8 sequences by chance."""
    good = bad = 0
    for text in _decoded(path, "utf-8", "UTF-8", "surrogateescape"):
        halves = len(_HALF.findall(text))  # no other encoding has these three bytes for anything that people write
        good += len(_CHARACTER.findall(text)) + halves
        bad += len(_STRAY_BYTE.findall(text)) - 3 * halves
    return bool(good) and good >= bad


def _too_many(damaged: int, characters: int) -> bool:
    return damaged > max(_MOST[0], _MOST[1] * characters)
