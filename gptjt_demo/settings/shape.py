"""The shape of an answer in free text: what a text must be for an answer to be whole. Plain data for every room.

In: numbers and texts, from a template, a control or a program. Out: a `Shape`, which an engine is given with a call.
Does not know how a shape is kept to while an answer is written: that is `shape_grammar`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gptjt_demo.errors import SettingError, nearest

MAX_COLUMNS = 100
MAX_TEXTS = 200
MAX_PATTERN = 1000  # characters; also of a text or a separator
SEPARATOR = ", "


@dataclass(frozen=True)
class CsvRecord:
    """One line of comma-separated values, each blank, bare, or in double quotes, as `csv.reader` reads one.

    Attributes:
        columns: how many values, 2 to `MAX_COLUMNS`.

    Raises:
        SettingError: it is another number.
    """

    columns: int

    def __post_init__(self) -> None:
        if type(self.columns) is not int or not 2 <= self.columns <= MAX_COLUMNS:
            raise _refusal(f"{self.columns!r} columns", f"give a whole number from 2 to {MAX_COLUMNS}")


@dataclass(frozen=True)
class ItemsOf:
    """A list whose items occur in a text, spelled as there; it may be empty, and blanks may follow it.

    An item is of one line, begins and ends where a word does, and holds no separator: of "Portland, Oregon" with
    separators of a comma, "Portland" and "Oregon" are items and "Port" is none. In writing that puts no blanks between
    words, an item may begin and end anywhere.

    Attributes:
        texts: where items are taken from; an item lies within one of them.
        separator: what stands between two items.

    Raises:
        SettingError: a text is none, or the separator is blank in a way that nobody sees.
    """

    texts: tuple[str, ...]
    separator: str = SEPARATOR

    def __post_init__(self) -> None:
        _check_texts(self.texts)
        if not isinstance(self.separator, str) or not 0 < len(self.separator) <= MAX_PATTERN:
            raise _refusal("a separator of no characters", f"give a text, such as {SEPARATOR!r}")


@dataclass(frozen=True)
class Pattern:
    r"""What a regular expression matches, all of it.

    Its syntax is that of Rust's `regex` and RE2: `\d`, `[a-z]`, `(a|b)`, `{2,5}`, `(?i)`; a dot is no line end. There
    is no looking ahead or back, no `\b` and no back-reference.

    Attributes:
        regex: 1 to `MAX_PATTERN` characters, without a line end.

    Raises:
        SettingError: it is none. Whether it can be read is found by `shape_grammar.check`.
    """

    regex: str

    def __post_init__(self) -> None:
        if not isinstance(self.regex, str) or not 0 < len(self.regex) <= MAX_PATTERN:
            raise _refusal(
                "no pattern, or a very long one", f"give a regular expression of 1 to {MAX_PATTERN} characters"
            )
        if len(self.regex.splitlines()) > 1 or self.regex[-1:] == "\n":
            raise _refusal("the pattern has several lines", r"write \n for a line end")


@dataclass(frozen=True)
class OneOf:
    """One of some texts, to the character.

    Attributes:
        texts: 1 to `MAX_TEXTS` of them, none blank, none twice.

    Raises:
        SettingError: they are not.
    """

    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_texts(self.texts)
        if not self.texts or len(self.texts) > MAX_TEXTS:
            raise _refusal(f"{len(self.texts)} texts", f"give 1 to {MAX_TEXTS} possible answers")
        for text in self.texts:
            if not text.strip() or len(text) > MAX_PATTERN:
                raise _refusal("a possible answer is blank, or very long", "remove it or write its text")
            if self.texts.count(text) > 1:
                raise _refusal(f"{text!r} is given twice", "remove one of them")


Shape = CsvRecord | ItemsOf | Pattern | OneOf

_FIELDS: dict[str, type[Shape]] = {"columns": CsvRecord, "items_of": ItemsOf, "pattern": Pattern, "one_of": OneOf}


def read_shape(values: Mapping[str, Any] | None) -> Shape | None:
    """A shape from plain data, such as JSON: `{"columns": 3}`, `{"one_of": ["a", "b"]}`, `{"pattern": "[0-9]+"}`, or
    `{"items_of": ["a text"], "separator": ", "}`. None is none.

    Raises:
        SettingError: it is something else, or one of its values does not fit.
    """
    if values is None:
        return None
    if not isinstance(values, Mapping):
        raise _refusal(f"it is {type(values).__name__}", f"give one of {', '.join(_FIELDS)}")
    named = [name for name in values if name != "separator"]
    for name in named:
        if name not in _FIELDS:
            raise SettingError("there is no such shape", where=f"shape.{name}", mend=nearest(str(name), _FIELDS))
    if len(named) != 1 or ("separator" in values and named != ["items_of"]):
        raise _refusal("it is not one shape", f"give one of {', '.join(_FIELDS)}; a separator goes with items_of")
    value = values[named[0]]
    if named[0] in ("items_of", "one_of"):
        value = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    if named[0] == "items_of":
        return ItemsOf(value, values.get("separator", SEPARATOR))
    return _FIELDS[named[0]](value)


def shape_data(shape: Shape) -> dict[str, Any]:
    """A shape as the plain data that `read_shape` reads."""
    if isinstance(shape, ItemsOf):
        return {"items_of": list(shape.texts), "separator": shape.separator}
    if isinstance(shape, OneOf):
        return {"one_of": list(shape.texts)}
    return {"columns": shape.columns} if isinstance(shape, CsvRecord) else {"pattern": shape.regex}


def described(shape: Shape) -> str:
    """A shape in a few words for people."""
    if isinstance(shape, CsvRecord):
        return f"a CSV record of {shape.columns} columns"
    if isinstance(shape, ItemsOf):
        return f"a list of items that occur in the input, with {shape.separator!r} between them"
    if isinstance(shape, Pattern):
        return f"what the pattern {shape.regex} matches"
    return f"one of {len(shape.texts)} texts"


def shape_words(shape: Shape, whole: bool | None) -> str:
    """Whether an answer has the shape that it was held to, in a few words."""
    return f"has its shape by construction, {described(shape)}" if whole else f"unfinished: not yet {described(shape)}"


def _check_texts(texts: object) -> None:
    if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
        raise _refusal("there are no texts", "give a tuple of them")


def _refusal(what: str, mend: str) -> SettingError:
    return SettingError(what, where="shape", mend=mend)
