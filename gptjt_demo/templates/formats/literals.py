"""Python's literals as our exports write them, read without Python's own parser, which hostile text can bring down.

In: a text and the place where a value begins: texts in quotes (several in a row are one), numbers, True, False, None,
and lists, tuples and dicts of them. Out: the value. Nothing else is read, and nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 12
_TOKEN = re.compile(
    r"""\s*+(?:(?P<text>'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+")"""
    r"""|(?P<number>-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?)(?![\w.])"""
    r"""|(?P<word>True|False|None)\b|(?P<mark>[\[\](){},:]))"""
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}  # what `repr` writes
_WORDS = {"True": True, "False": False, "None": None}
_CLOSING = {"[": "]", "(": ")", "{": "}"}


def literal(text: str, start: int) -> Any:
    """The value that begins there.

    Raises:
        ValueError: there is none.
    """
    return _Reader(text, start).value(MAX_DEPTH)


class _Reader:
    """The tokens of a text, one ahead."""

    def __init__(self, text: str, start: int) -> None:
        self._tokens = _tokens(text, start)
        self._next = next(self._tokens)

    def value(self, depth: int) -> Any:
        kind, token = self._take()
        if kind == "text":
            parts = [token]
            while self._next[0] == "text":
                parts.append(self._take()[1])
            return "".join(_ESCAPE.sub(_escaped, part[1:-1]) for part in parts)
        if kind == "number":
            return float(token) if re.search("[.e]", token) else int(token)
        if kind == "word":
            return _WORDS[token]
        if token not in _CLOSING or not depth:
            raise ValueError("no value")
        return self._several(token, depth - 1)

    def _several(self, opening: str, depth: int) -> Any:
        found: list[Any] = []
        keys: list[Any] = []
        comma = True
        while self._next[1] != _CLOSING[opening]:
            if not comma:
                raise ValueError("no comma")
            if opening == "{":
                keys.append(self.value(0))
                self._mark(":")
            found.append(self.value(depth))
            if comma := self._next[1] == ",":
                self._take()
        self._take()
        if opening == "{":
            return dict(zip(keys, found, strict=True))
        if opening == "(":
            return found[0] if len(found) == 1 and not comma else tuple(found)
        return found

    def _mark(self, wanted: str) -> None:
        if self._take()[1] != wanted:
            raise ValueError(f"no {wanted}")

    def _take(self) -> tuple[str, str]:
        taken = self._next
        self._next = next(self._tokens)
        return taken


def _escaped(match: re.Match[str]) -> str:
    """The character that an escape stands for."""
    number = match[1] or match[2] or match[3]
    if number is None and match[4] not in _NAMED:
        raise ValueError("no such escape")
    return chr(int(number, 16)) if number else _NAMED[match[4]]


def _tokens(text: str, start: int) -> Iterator[tuple[str, str]]:
    """Kind and text of each; after the last one there is a blank one for ever."""
    while (found := _TOKEN.match(text, start)) is not None:
        yield str(found.lastgroup), found[str(found.lastgroup)]
        start = found.end()
    while True:
        yield "", ""
