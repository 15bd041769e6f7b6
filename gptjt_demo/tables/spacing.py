"""Blanks between a delimiter and a quoted cell (`a, "b, c"`), which many people write and RFC 4180 does not know.

In: the lines of a delimited text. Out: the same lines without those blanks, and how many there were. Blanks that are
part of a cell stay: those of a cell that is not quoted, and those inside quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_BLANK = "[ \t\u00a0\u2000-\u200a\u202f\u3000]"
_QUOTED = re.compile(r'(?:[^"]|"")*+')


def any_spaced(lines: Iterable[str], delimiter: str) -> bool:
    """Whether there may be such blanks: a look that mistakes what stands inside quotes."""
    mark, blank = re.escape(delimiter), _blank(delimiter)
    pattern = re.compile(rf'{mark}{blank}+"|"{blank}+(?:{mark}|$)', re.MULTILINE)
    return any(pattern.search(line) for line in lines)


class Tightened:
    """Lines without the blanks; `count` says in how many places some have been left out so far."""

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self.count = 0
        self._lines, self._delimiter = lines, delimiter
        self._blanks = re.compile(f"{_blank(delimiter)}*")
        self._inside = False  # a quoted cell goes on from the line before

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            yield "".join(self._pieces(line)) if self._inside or '"' in line else line

    def _pieces(self, line: str) -> Iterator[str]:
        position = 0
        while position < len(line):
            if not self._inside:
                start = self._past_blanks(line, position)
                if line[start : start + 1] != '"':
                    end = self._cell_end(line, position)
                    yield line[position:end]
                    position = end
                    continue
                self.count += start > position
                yield '"'
                position, self._inside = start + 1, True
            end = _QUOTED.match(line, position).end()  # type: ignore[union-attr]
            if end == len(line):
                yield line[position:]
                return
            yield line[position : end + 1]
            self._inside = False
            position = self._past_blanks(line, end + 1)
            if line[position : position + 1] not in (self._delimiter, "\r", "\n", ""):
                position = end + 1
            self.count += position > end + 1
            end = self._cell_end(line, position)
            yield line[position:end]
            position = end

    def _cell_end(self, line: str, position: int) -> int:
        return line.find(self._delimiter, position) + 1 or len(line)

    def _past_blanks(self, line: str, position: int) -> int:
        return self._blanks.match(line, position).end()  # type: ignore[union-attr]


def _blank(delimiter: str) -> str:
    return _BLANK.replace("\t", "") if delimiter == "\t" else _BLANK
