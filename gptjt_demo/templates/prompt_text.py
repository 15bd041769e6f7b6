"""A few-shot prompt as text: from its parts to the exact bytes, and from pasted text back to the parts.

Rendering is concatenation and nothing else. Reading tries the shapes that people write (blocks of `Cue: value` lines,
one `input => output` a line) and keeps a reading only if it renders to the same text; the last reading is the text
itself as one input. Strings in, a template's fields out; knows nothing of files, labels or settings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

BLANKS = " \t"
_MAX_CUE = 60  # characters; a longer line is a sentence that happens to end in a colon
_ARROWS = ("=>", "->", "→", "⇒", "-->", "==>", ">>", "=", "|", "||", "::")
# A line's beginning that may be a cue: words up to a colon (`Input:`), or one word that ends in a sign (`Q.`, `[IN]`).
_COLON_CUE = re.compile(r"^[^\s:][^:\n]{0,58}:(?=[ \n])", re.MULTILINE)
_SIGN_CUE = re.compile(r"^\S{0,19}[^\w\s](?=[ \n])", re.MULTILINE)
# What parts rows on a line of its own: a ruled line (`###`, `* * *`), or a word in brackets (`[SEP]`, `<|end|>`).
_RULE = re.compile(r"\n+(?:(?P<mark>[^\w\s.!?]|_)(?:[ \t]*(?P=mark))+|\[\w+\]|<\|?\w+\|?>)[ \t]*\n+\Z")
_LAST_LINE = re.compile(r"\n+[^\n]{1,30}\n+\Z")


def complete_cue(cue: str) -> str:
    """The cue as it stands in a prompt: without blanks at its end, with a colon after a letter or digit."""
    cue = cue.rstrip(BLANKS)
    # A mark (M) ends words too, in Devanagari or Thai, say.
    return f"{cue}:" if cue and unicodedata.category(cue[-1])[0] in "LNM" else cue


def _joined(cue: str, value: str) -> str:
    """A space stands between two texts, and nowhere else: not at a line's start or end."""
    space = "" if not cue or not value or cue.endswith("\n") or value.startswith("\n") else " "
    return f"{cue}{space}{value}"


@dataclass(frozen=True)
class Shape:
    """All parts of a prompt but the query.

    Cues are complete; an example is its inputs' values, then its output. Where no separator is named for the
    instruction, the one between the rows follows it.
    """

    instruction: str
    cues: tuple[str, ...]
    output_cue: str
    separator: str
    field_separator: str
    examples: tuple[tuple[str, ...], ...] = ()
    instruction_separator: str | None = None

    def header(self) -> str:
        """Everything before the query: each of `prompt`'s results starts with it."""
        gap = self.separator if self.instruction_separator is None else self.instruction_separator
        lead = self.instruction + gap if self.instruction else ""
        rows = [_joined(self._block(values), values[-1]) for values in self.examples]
        return lead + "".join(row + self.separator for row in rows)

    def prompt(self, query: Sequence[str]) -> str:
        """The exact prompt for one value for each input. Blanks after the final cue are dropped, nothing else."""
        return self.header() + self._block(query).rstrip(BLANKS)

    def _block(self, values: Sequence[str]) -> str:
        fields = [_joined(cue, value) for cue, value in zip(self.cues, values, strict=False)]
        return self.field_separator.join([*fields, self.output_cue])


Reading = tuple[Shape, tuple[str, ...]]  # the parts, and the query's values
Split = tuple[list[str], list[str], list[list[str]]]  # cues; what precedes the first in each segment; the raw values


def readings(text: str) -> Iterator[dict[str, Any]]:
    """What the text may be, as the fields of a template, likeliest first; each renders to the text exactly.

    Args:
        text: a prompt with `\n` line ends and no blanks at its end.
    """
    whole = Shape(instruction="", cues=("",), output_cue="", separator="", field_separator="")
    for shape, query in chain(_arrow_lines(text), _blocks(text), [(whole, (text,))]):
        if shape.prompt(query) == text:
            yield _fields(shape, query)


def _fields(shape: Shape, query: tuple[str, ...]) -> dict[str, Any]:
    names = _names(shape.cues)
    return {
        "instruction": shape.instruction,
        "inputs": [{"name": name, "cue": _short(cue)} for name, cue in zip(names, shape.cues, strict=True)],
        "output_cue": _short(shape.output_cue),
        "separator": shape.separator,
        "instruction_separator": shape.instruction_separator,
        "field_separator": shape.field_separator,
        "examples": [dict(zip((*names, "output"), values, strict=True)) for values in shape.examples],
        "query": dict(zip(names, query, strict=True)),
    }


def _short(cue: str) -> str:
    """`Input:` as a person would type it in a template: `Input`."""
    short = cue.removesuffix(":")
    return short if complete_cue(short) == cue else cue


def _names(cues: tuple[str, ...]) -> list[str]:
    """A name for each input, made of its cue."""
    names: list[str] = []
    for cue in cues:
        base = re.sub(r"[^a-z0-9]+", "-", cue.lower())[:40].strip("-")
        base = "input" if base in ("", "output") else base
        while base in names:
            base += "-2"
        names.append(base)
    return names


def _blocks(text: str) -> Iterator[Reading]:
    """Fields on lines of their own, each after its cue; the last line is the output's cue with nothing after it."""
    body = text.rstrip("\n")
    tail = text[len(body) :]
    last = body[body.rfind("\n") + 1 :]
    if not 0 < len(last) <= _MAX_CUE or last[0] in BLANKS or complete_cue(last) != last:
        return
    starts = [match.start() for match in re.finditer(rf"^{re.escape(last)}(?=[ \n]|\Z)", text, re.MULTILINE)]
    for skipped in range(min(len(starts), 3)):  # the first ones may belong to the instruction
        # The text before each output cue: the instruction or the last answer, then the values of the inputs.
        begins = [0, *(start + len(last) for start in starts[skipped:])]
        segments = [text[begin:end] for begin, end in zip(begins, starts[skipped:], strict=False)]
        split = (
            _split_by_cues(segments) if len(segments) > 1 else _split_query(segments[0]) if last[-1] == ":" else None
        )
        reading = split and _assembled(split, last, tail)
        if reading:
            yield reading


def _assembled(split: Split, last: str, tail: str) -> Reading | None:
    cues, leads, fields = split
    instruction, *outputs = leads
    separator = _common_ending(outputs or [instruction]) if any(leads) else "\n\n"
    field_separator = _common_ending([value for row in fields for value in row])
    if not separator or not field_separator:
        return None
    gap = None if not instruction or instruction.endswith(separator) else _common_ending([instruction])
    if gap == "":
        return None
    instruction = instruction.removesuffix(separator if gap is None else gap)
    outputs = [output.removesuffix(separator).removeprefix(tail or " ") for output in outputs]
    columns = [[value.removesuffix(field_separator) for value in column] for column in zip(*fields, strict=True)]
    joined = [_without_join(cue, column) for cue, column in zip(cues, columns, strict=True)]
    rows = list(zip(*(values for _, values in joined), strict=True))
    examples = tuple((*row, output) for row, output in zip(rows, outputs, strict=False))
    names = tuple(cue for cue, _ in joined)
    return Shape(instruction, names, last + tail, separator, field_separator, examples, gap), rows[-1]


def _split_by_cues(segments: list[str]) -> Split | None:
    """Input cues are those that stand in every segment."""
    for pattern in (_COLON_CUE, _SIGN_CUE):
        found = [[(match[0], match.start()) for match in pattern.finditer(segment)] for segment in segments]
        common = set.intersection(*({cue for cue, _ in matches} for matches in found))
        cues = [cue for cue in dict.fromkeys(cue for cue, _ in found[-1]) if cue in common]
        if cues:
            break
    else:
        return _split_without_cue(segments)
    leads, fields = [], []
    for number, (segment, matches) in enumerate(zip(segments, found, strict=True)):
        firsts = [start for cue, start in matches if cue == cues[0]]
        # An instruction may hold the cue too, so there the last one counts.
        begin = firsts[-1 if number == 0 else 0]
        leads.append(segment[:begin])
        row = []
        ahead = iter(matches)  # one pass for all cues, as each begins behind the one before it
        for cue, following in zip(cues, [*cues[1:], ""], strict=True):
            begin += len(cue)
            end = next((start for name, start in ahead if name == following and start >= begin), len(segment))
            row.append(segment[begin:end])
            begin = end
        fields.append(row)
    return cues, leads, fields


def _split_without_cue(segments: list[str]) -> Split | None:
    """The input has no cue of its own: it is what follows the last blank line."""
    leads, fields = [], []
    for number, segment in enumerate(segments):
        gap = segment.rstrip("\n").rfind("\n\n") if number == 0 else segment.find("\n\n")
        if gap < 0 and number:
            return None
        begin = gap + 2 if gap >= 0 else 0
        leads.append(segment[:begin])
        fields.append([segment[begin:]])
    return [""], leads, fields


def _split_query(segment: str) -> Split | None:
    """Without an example, the fields are the lines of the last paragraph, which must start with a cue."""
    begin = segment.rstrip("\n").rfind("\n\n")
    begin = begin + 2 if begin >= 0 else 0
    matches = list(_COLON_CUE.finditer(segment, begin))
    if not matches or matches[0].start() != begin:
        return None
    cues = [match[0] for match in matches]
    ends = [match.start() for match in matches[1:]] + [len(segment)]
    return cues, [segment[:begin]], [[segment[match.end() : end] for match, end in zip(matches, ends, strict=True)]]


def _common_ending(texts: list[str]) -> str:
    """The line ends, or the line that parts rows, that all texts end with; empty if there is none."""
    rules = {match[0] if (match := _RULE.search(text[-200:])) else "" for text in texts}
    if rules == {""} and len(texts) > 1:  # any other line that stands under every one of them parts them too
        rules = {match[0] if (match := _LAST_LINE.search(text[-200:])) else "" for text in texts}
        rules = rules if len(rules) == 1 else {""}
    if rules != {""}:
        return rules.pop() if len(rules) == 1 else ""
    return "\n" * min(len(text) - len(text.rstrip("\n")) for text in texts)


def _without_join(cue: str, values: list[str]) -> tuple[str, list[str]]:
    """The cue and its values, without the space or line end between them."""
    if cue and values and all(value.startswith("\n") for value in values):
        return f"{cue}\n", [value[1:] for value in values]
    return cue, [value.removeprefix(" ") if cue and not cue.endswith("\n") else value for value in values]


def _arrow_lines(text: str) -> Iterator[Reading]:
    """One example a line, `input => output`; the last line ends with the arrow, or with `=> Cue:`."""
    words = text[text.rfind("\n") + 1 :].split(" ")
    arrows = [index for index, word in enumerate(words) if word in _ARROWS] or [len(words) - 1]
    arrow = " ".join(words[arrows[-1] :]) if arrows[-1] else ""
    if not (arrow in _ARROWS or (arrow.endswith(":") and f" {arrow} " in text)):
        return
    rule = _RULE.search(text[: text.rfind("\n") + 1][-200:])
    for separator in (*([rule[0]] if rule else []), "\n\n", "\n"):
        *parts, last = text.split(separator)
        begin = len(parts)
        while begin and "\n" not in parts[begin - 1] and f" {arrow} " in parts[begin - 1]:
            begin -= 1
        if "\n" in last or (begin == len(parts) and (separator != "\n" or arrow not in _ARROWS)):
            continue
        pairs = [part.split(f" {arrow} ", 1) for part in parts[begin:]]
        inputs = [*(value for value, _ in pairs), last.removesuffix(f" {arrow}")]
        cues = {match[0] if (match := _COLON_CUE.match(value)) else "" for value in inputs}
        cue = cues.pop() if len(cues) == 1 else ""
        values = [value.removeprefix(cue).removeprefix(" " if cue else "") for value in inputs]
        examples = tuple((value, output) for value, (_, output) in zip(values, pairs, strict=False))
        shape = Shape(separator.join(parts[:begin]), (cue,), arrow, separator, " ", examples)
        yield shape, (values[-1],)
