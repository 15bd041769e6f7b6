"""A template and a query as a link that holds all of it, and back; nothing is stored anywhere.

    #t=1.<data>.<checksum>

1 is the version, `data` the deflated JSON of template and query in URL-safe base64, and the checksum, last so that a
cut shows, is taken over both. What comes out of a link has passed the template's own validation: it is data and
cannot run. Knows nothing of pages but their address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from gptjt_demo.errors import LinkError, TemplateError
from gptjt_demo.templates.template import Template

# Raise it when a field's default changes, too: a link leaves defaults out.
VERSION = 1
# RFC 9110 asks everybody to support addresses of 8,000 characters, and mail and chat programs cut longer ones.
# The page's own address takes a part of them.
MAX_FRAGMENT = 7_800
MAX_LINK = 4 * MAX_FRAGMENT  # percent-encoding makes three characters of one
MAX_PLAIN = 256 * 1024  # bytes; as much as a template's file may hold
_CHECKSUM = 8  # characters; an altered link passes by chance once in 2**48

_LINK = re.compile(r"(?:[^#]*#)?t=(?P<version>\d{1,9})\.(?P<data>[A-Za-z0-9_-]*)(?P<rest>.*)", re.DOTALL)
# A whole checksum; what follows it, and could not be of it, belongs to the text around the link.
_END = re.compile(rf"\.(?P<checksum>[A-Za-z0-9_-]{{{_CHECKSUM}}})(?![A-Za-z0-9_-])")
_CUT = re.compile(rf"\.?|\.[A-Za-z0-9_-]{{1,{_CHECKSUM - 1}}}")
_BEGINNING = re.compile(r"(?:\S*#)?t=\d", re.ASCII)


def to_fragment(template: Template, query: str | Mapping[str, str] | None = None) -> str:
    """The part of a link from `#` on.

    Args:
        template: what to share.
        query: the value of the only input, or inputs' values by name; by default the template's sample.

    Raises:
        LinkError: too long for a link; says to share the file instead.
        TemplateError: the query does not fit the template.
    """
    shared: dict[str, Any] = {"template": template.model_dump(exclude_defaults=True, exclude_none=True)}
    asked = template.query if query is None else _values(template, query)
    if asked != template.query:
        shared["query"] = asked
    plain = json.dumps(shared, ensure_ascii=False, separators=(",", ":")).encode()
    data = _encode(zlib.compress(plain, 9, wbits=-15))
    fragment = f"#t={VERSION}.{data}.{_checksum(VERSION, data)}"
    what = ""
    if len(plain) > MAX_PLAIN:
        what = f"{len(plain):,} bytes, a link may hold {MAX_PLAIN:,}"
    elif len(fragment) > MAX_FRAGMENT:
        what = f"the link would have {len(fragment):,} characters, and many programs cut one over {MAX_FRAGMENT:,}"
    if what:
        raise LinkError(what, where=template.name, mend="share the template's YAML file instead")
    return fragment


def from_fragment(text: str) -> tuple[Template, dict[str, str]]:
    """The template and the query of a link.

    Args:
        text: a fragment or a whole address, as a mail program may have left it: wrapped, in <>, percent-encoded.

    Raises:
        LinkError: the link is cut, altered, made by a newer version, or none of ours.
    """
    if not isinstance(text, str):
        raise _error(f"it is {type(text).__name__} and not text", "give a str")
    if len(text) > MAX_LINK:
        raise _error(f"{len(text):,} characters, too long for one", "open the template's YAML file instead")
    match = _LINK.fullmatch(_unwrapped(text))
    if not match:
        raise _error("there is no template in it", "copy it again; it ends in #t=… with some letters")
    version, data, rest = int(match["version"]), match["data"], match["rest"]
    if version > VERSION:
        raise _error(f"a newer version made it ({version}, known is {VERSION})", "update this program")
    end = _END.match(rest)
    if end is None and _CUT.fullmatch(rest.rstrip(".…")):  # dots are where programs shorten what they show
        raise _error("its end was cut off", "copy the whole link again")
    if end is None or version != VERSION or end["checksum"] != _checksum(version, data):
        raise _error("it was altered on its way", "copy it again")
    shared = _inflated(data)
    try:
        template = Template.model_validate(shared.get("template"))
        return template, _values(template, shared.get("query", template.query))
    except TemplateError as error:
        raise _error(f"it holds no template of this version: {error}", "ask for the YAML file") from None


def is_link(text: str) -> bool:
    """Whether a pasted text is meant as a link of ours, whole or not."""
    text = text[: MAX_LINK + 1].strip()
    return " " not in text and _BEGINNING.match(_unwrapped(text)) is not None


def _values(template: Template, query: str | Mapping[str, str]) -> dict[str, str]:
    if isinstance(query, str) and len(template.inputs) == 1:
        query = {template.inputs[0].name: query}
    return template.revised(query=query).query


def _unwrapped(text: str) -> str:
    """Without what programs add to a link: line breaks, invisible characters, angle brackets, escapes. In a fragment
    there is none of it."""
    text = "".join(each for each in text if not each.isspace() and unicodedata.category(each) != "Cf")
    text = text.removeprefix("<").removesuffix(">")
    return unquote(unquote(text))


def _inflated(data: str) -> dict[str, Any]:
    try:
        inflater = zlib.decompressobj(wbits=-15)
        plain = inflater.decompress(_decode(data), MAX_PLAIN)
        if not inflater.eof:  # there is more, perhaps gigabytes: it is never made
            raise _error(f"it holds more than {MAX_PLAIN:,} bytes", "open the template's YAML file instead")
        shared = json.loads(plain)
    except (ValueError, zlib.error, RecursionError):
        raise _error("it holds no template", "ask for the YAML file") from None
    if not isinstance(shared, dict) or not shared.keys() <= {"template", "query"}:
        raise _error("it holds no template", "ask for the YAML file")
    return shared


def _checksum(version: int, data: str) -> str:
    return _encode(hashlib.sha256(f"{version}.{data}".encode()).digest())[:_CHECKSUM]


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _error(what: str, mend: str) -> LinkError:
    return LinkError(what, where="link", mend=mend)
