"""What changed between two templates, field by field, in plain words.

In: two templates. Out: changes, each with what stood there before and what stands there after, as text. Knows no
file, no page and no model; a field that it has no words of its own for is told as what it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from gptjt_demo.settings import Sampling
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.lint.finding import count
from gptjt_demo.templates.template import Template

NOTHING = "nothing changed"
LONGEST = 40  # characters of a value that stands within the words
ALIKE = 0.6  # above it, two rows are one that was edited
# Comparing takes the product of two lengths, and what is compared may be a stranger's.
COMPARED = 24  # words of a row: enough to know one again
MOST_PAIRS = 400  # of rows
MOST_LINES = 120  # between the first and the last line that differ

_CALLED = {"name": "short name", "query": "sample query", "checks": "checks"}
_GAPS = ("output_cue", "separator", "instruction_separator", "field_separator")  # may be blanks alone: shown as in JSON

Row = tuple[str, ...]
"""A case: its inputs' values in the inputs' order, and its output."""


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        field: the template's, as its file names it; of a setting `generation.NAME`.
        words: what was done to it, such as `2 examples added`.
        before: what stood there; empty where nothing did.
        after: what stands there now.
    """

    field: str
    words: str
    before: str = ""
    after: str = ""


def differences(old: Template, new: Template) -> tuple[Change, ...]:
    """All changes, in the order of a template's fields; none where the two are the same."""
    return tuple(_changes(old, new))


def summary(changes: Sequence[Change]) -> str:
    """All changes in a line."""
    return ", ".join(change.words for change in changes) or NOTHING


def marked(change: Change) -> Iterator[tuple[str, str]]:
    """A change's lines, each with `-` where it went, `+` where it came, and a blank where it stayed."""
    old, new = change.before.splitlines(), change.after.splitlines()
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    codes = [("replace", 0, len(gone), 0, len(come))]
    if max(len(gone), len(come)) <= MOST_LINES:
        codes = SequenceMatcher(None, gone, come, autojunk=False).get_opcodes()  # type: ignore[assignment]
    yield from ((" ", line) for line in old[:head])
    for kind, i, j, k, m in codes:
        if kind == "equal":
            yield from ((" ", line) for line in gone[i:j])
        else:
            yield from (("-", line) for line in gone[i:j])
            yield from (("+", line) for line in come[k:m])
    yield from ((" ", line) for line in old[len(old) - tail :])


def _changes(old: Template, new: Template) -> Iterator[Change]:
    was, now = (template.model_dump(mode="json") for template in (old, new))
    for field in type(new).model_fields:
        if field == "labels":
            yield from _labels(old.labels, new.labels)
        elif field in ("examples", "checks"):
            yield from _rows(field, old, new)
        elif field == "generation":
            yield from _settings(old, new)
        elif was[field] != now[field]:
            yield _value(field, _CALLED.get(field, field.replace("_", " ")), was[field], now[field])


def _value(field: str, called: str, was: Any, now: Any) -> Change:
    """One value in another's place."""
    show = _quoted if field in _GAPS else _text
    before, after = show(was), show(now)
    verb = "added" if not before else "removed" if not after else "changed"
    short = all(0 < len(text) <= LONGEST and "\n" not in text for text in (before, after))
    words = f"{called} changed from {_named(before)} to {_named(after)}" if short else f"{called} {verb}"
    if not before and after.isalnum():
        words = f"{called} set to {after}"
    return Change(field, words, before, after)


def _settings(old: Template, new: Template) -> Iterator[Change]:
    """The settings of a generation, those that follow from separator and cues aside."""
    was, now = (template.model_dump(mode="json")["generation"] for template in (old, new))
    for name, info in Sampling.model_fields.items():
        before, after = was.get(name, info.default), now.get(name, info.default)
        if name == "stop":
            yield from _stops(before, after, old, new)
        elif before != after:
            yield _value(f"generation.{name}", name.replace("_", " "), before, after)


def _stops(before: Sequence[str], after: Sequence[str], old: Template, new: Template) -> Iterator[Change]:
    """A template's own stops; not where one only follows from a separator or cue now, or did."""
    follow = set(before) <= set(new.generation.stop) and set(after) <= set(old.generation.stop)
    if list(before) != list(after) and (set(before) == set(after) or not follow):
        lists = ("\n".join(map(_quoted, stops)) for stops in (before, after))
        yield Change("generation.stop", "stop sequences changed", *lists)


def _labels(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
    lists = "\n".join(old), "\n".join(new)
    said = []
    if len(old) == len(new):  # in its place stands another: it was renamed
        for before, after in zip(old, new, strict=True):
            if before in gone and after in come:
                said.append(f"label {before!r} renamed {after!r}")
                gone.remove(before)
                come.remove(after)
    for verb, labels in (("added", come), ("removed", gone)):
        if 0 < len(labels) <= 3:
            said += [f"label {label!r} {verb}" for label in labels]
        elif labels:
            said.append(f"{count(len(labels), 'label')} {verb}")
    if not said and tuple(old) != tuple(new):
        said.append("labels in another order")
    if said:
        yield Change("labels", ", ".join(said), *lists)


def _rows(field: str, old: Template, new: Template) -> Iterator[Change]:
    """Rows that came, went, were edited, or stand in another order. Inputs are compared by their place."""
    noun = field.removesuffix("s")
    was, now = _cases(old, field), _cases(new, field)
    left, come = Counter(was) - Counter(now), Counter(now) - Counter(was)
    gone_rows, come_rows = _taken(was, left), _taken(now, come)
    edited = []
    for find in (_of_one_input, _alike):  # the sure ones first
        for before in list(gone_rows):
            if (after := find(before, come_rows, len(gone_rows))) is not None:
                edited.append((before, after))
                gone_rows.remove(before)
                come_rows.remove(after)
    if come_rows:
        yield Change(field, f"{count(len(come_rows), noun)} added", "", _shown(new, come_rows))
    if gone_rows:
        yield Change(field, f"{count(len(gone_rows), noun)} removed", _shown(old, gone_rows), "")
    if edited:
        words = f"{count(len(edited), noun)} changed"
        yield Change(field, words, _shown(old, [row for row, _ in edited]), _shown(new, [row for _, row in edited]))
    follows = dict(edited)
    stayed = Counter(now) & Counter(was)
    stayed.update(after for _, after in edited)
    kept = [follows.get(row, row) for row in was if follows.get(row, row) in stayed]
    order = _taken(now, stayed)
    if sorted(kept) == sorted(order) and kept != order:
        yield Change(field, f"{noun}s in another order", _shown(new, kept), _shown(new, order))


def _cases(template: Template, field: str) -> list[Row]:
    names = [item.name for item in template.inputs]
    return [(*(row.inputs[name] for name in names), row.output) for row in getattr(template, field)]


def _taken(rows: Sequence[Row], wanted: Counter[Row]) -> list[Row]:
    """As many of each row as are wanted, in the rows' order; of equal ones the last."""
    left, found = Counter(wanted), []
    for row in reversed(rows):
        if left[row]:
            left[row] -= 1
            found.append(row)
    return found[::-1]


def _of_one_input(before: Row, others: Sequence[Row], rows: int) -> Row | None:
    """The row with the same inputs, whose output was edited."""
    return next((other for other in others if other[:-1] == before[:-1]), None)


def _alike(before: Row, others: Sequence[Row], rows: int) -> Row | None:
    """The row that reads most like this one, where there are not too many to compare."""
    if rows * len(others) > MOST_PAIRS:
        return None
    best, found = ALIKE, None
    matcher = SequenceMatcher(None, b=_words(before), autojunk=False)
    for other in others:
        matcher.set_seq1(_words(other))
        if matcher.quick_ratio() > best and matcher.ratio() > best:
            best, found = matcher.ratio(), other
    return found


def _words(row: Row) -> list[str]:
    """A row's first words; the first characters of one that is written without blanks."""
    text = "\n".join(row)
    words = text[: COMPARED * 20].split()
    return words[:COMPARED] if len(words) > 3 else list(text[:COMPARED])


def _shown(template: Template, rows: Sequence[Row]) -> str:
    """Rows as people read them: a line for each value behind its cue, and a blank line between two rows."""
    cues = [item.cue or item.name for item in template.inputs] + [template.output_cue or "output"]
    heads = [cue.strip().removesuffix(":") for cue in cues]
    return "\n\n".join("\n".join(f"{head}: {text}" for head, text in zip(heads, row, strict=True)) for row in rows)


def _text(value: Any) -> str:
    """A value as text; nothing for one that says nothing."""
    if value is None or (isinstance(value, dict) and not any(value.values())):
        return ""
    if isinstance(value, dict):
        return yaml_text.write(_bare(value))
    if isinstance(value, list):
        _, *lines = yaml_text.write({"list": _bare(value)}).splitlines() if value else [""]
        return "\n".join(line[2:] for line in lines)
    return str(value)


def _bare(value: Any) -> Any:
    """Plain data without what is not set."""
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if item is not None}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _quoted(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _named(text: str) -> str:
    return text if text.startswith('"') or text.replace(".", "").isalnum() else f"“{text}”"
