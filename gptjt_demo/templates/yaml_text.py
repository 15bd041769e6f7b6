"""YAML as people write it by hand: text in, plain data with line numbers out, and back to text.

Every scalar is a string, so `labels: [NO, yes, 007]` are those three strings. What YAML would silently swallow
is refused with its line: a key given twice, a value that is missing, a hashtag read as a comment. Aliases, tags and
deep nesting are refused before anything is built from them. Knows nothing of templates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

import yaml

from gptjt_demo.errors import TemplateError

Data: TypeAlias = "str | list[Data] | dict[str, Data]"
Value: TypeAlias = "str | bool | int | float | Sequence[Value] | Mapping[str, Value]"

MAX_CHARACTERS = 256 * 1024  # hundreds of long examples fit; PyYAML still answers in seconds
MAX_BYTES = 4 * MAX_CHARACTERS  # no character takes more than four
MAX_DEPTH = 8  # a template needs four

# A comment that was meant as text: `input: so happy #love`.
_HASHTAG = re.compile(r"[ \t]+#[^\s#]")
# Words that some YAML reader takes for something other than text.
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"}
# Characters that YAML forbids, folds or reads as a line's end when they stand in a file unescaped.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_UNPRINTABLE = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read(text: str, *, where: str = "") -> tuple[dict[str, Data], dict[str, int]]:
    """Read one YAML mapping.

    Args:
        text: the file's text, with or without a byte-order mark.
        where: the file's name, for messages.

    Returns:
        The data, and the line (from 1) on which each field stands, by paths such as `examples[2].output`.

    Raises:
        TemplateError: the text is not such YAML; says the line and how to mend it.
    """
    if not isinstance(text, str):
        raise TemplateError(f"it is {type(text).__name__} and not text", where=where, mend="give a str")
    check_length(text, where=where)
    return _Reader(text.removeprefix("\ufeff"), where).read()


def read_file(path: str, most: int = MAX_BYTES) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        TemplateError: it is absent, not readable, not UTF-8 or too large.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise TemplateError("there is no such file", where=path or repr(path), mend="check the path") from None
    except OSError as error:
        raise TemplateError(f"cannot be read ({error.strerror})", where=path, mend="give a YAML file") from None
    except ValueError as error:  # a path that no file can have
        raise TemplateError(f"no file's name ({error})", where=repr(path), mend="check the path") from None
    return decode(content, where=path, most=most)


def decode(content: bytes, *, where: str, most: int = MAX_BYTES) -> str:
    """A file's bytes as text, without a byte-order mark.

    Raises:
        TemplateError: they are not UTF-8, or too many.
    """
    if len(content) > most:
        raise TemplateError(f"more than {most:,} bytes", where=where, mend="use fewer or shorter examples")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TemplateError("the file is not UTF-8 text", where=where, mend="save it as UTF-8") from None


def check_length(text: str, *, where: str) -> None:
    """Refuse a file that is too large to be read."""
    if len(text) > MAX_CHARACTERS:
        what = f"more than {MAX_CHARACTERS:,} characters"
        raise TemplateError(what, where=where, mend="use fewer or shorter examples")


class _Reader:
    """Builds the data of one text from PyYAML's events."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.lines: dict[str, int] = {}

    def read(self) -> tuple[dict[str, Data], dict[str, int]]:
        try:
            self.events: Iterator[yaml.Event] = iter(yaml.parse(self.text, Loader=yaml.SafeLoader))
            next(self.events)  # the stream's start
            if isinstance(next(self.events), yaml.StreamEndEvent):
                self.fail("the file is empty", mend="write fields such as `name: my-template`")
            start = next(self.events)
            data = self.build(start, "", MAX_DEPTH)
            next(self.events)  # the document's end
            if not isinstance(after := next(self.events), yaml.StreamEndEvent):
                self.fail("a second document starts here", after, mend="keep one template a file")
        except yaml.reader.ReaderError as error:
            line = len(re.findall(r"\r\n|\r|\n", self.text[: error.position])) + 1
            what = f"the character U+{ord(self.text[error.position]):04X} may not stand in YAML"
            self.fail(what, line=line, mend="remove it, or write it escaped within double quotes")
        except yaml.MarkedYAMLError as error:
            self.explain(error)
        if not isinstance(data, dict):
            kind = "a list" if isinstance(data, list) else "one text"
            self.fail(f"the file holds {kind}, not fields", start, mend="write fields such as `name: my-template`")
        return data, self.lines

    def build(self, event: yaml.Event, path: str, depth: int) -> Data:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self.fail("anchors (&) and aliases (*) are not read", event, mend="write the value out, or quote the text")
        if getattr(event, "tag", None):
            self.fail("tags (!) are not read", event, mend="remove the tag, or quote the text")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if not depth:
            self.fail("nested too deeply", event, mend=f"use at most {MAX_DEPTH} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Data] = []
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                items.append(self.build(item, self.mark(f"{path}[{len(items)}]", item), depth - 1))
            return items
        fields: dict[str, Data] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            name = self.build(key, path, depth - 1)
            if not isinstance(name, str):
                self.fail("a field's name must be one word", key, mend="write `name: value`")
            if name in fields:
                self.fail(f"the field {name!r} is given twice", key, mend="keep one of the two")
            below = self.mark(f"{path}.{name}" if path else name, key)
            fields[name] = self.build(next(self.events), below, depth - 1)
        return fields

    def scalar(self, event: yaml.ScalarEvent, path: str) -> str:
        plain = event.style is None
        if plain and not event.value:
            mend = 'remove the line, or write "" for an empty text; quote a text that starts with # or {'
            self.fail(f"{path or 'the field'} has no value", event, mend=mend)
        if plain and event.end_mark and _HASHTAG.match(self.text, event.end_mark.index):
            mend = "quote the value, or put a space after the # of a comment"
            self.fail("what follows # would be lost as a comment", event, mend=mend)
        return str(event.value)

    def mark(self, path: str, event: yaml.Event) -> str:
        if event.start_mark:
            self.lines[path] = event.start_mark.line + 1
        return path

    def explain(self, error: yaml.MarkedYAMLError) -> NoReturn:
        """Say PyYAML's error in the words of somebody who wants to write a template."""
        problem, mark = error.problem or "this is not YAML", error.problem_mark or error.context_mark
        if "end of stream" in problem and error.context_mark:  # the beginning is what to look for
            problem, mark = "a quote or bracket that is never closed", error.context_mark
        number = mark.line + 1 if mark else 0
        lines = self.text.splitlines()
        typed = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        if "mapping values are not allowed" in problem:
            key, _, value = typed.removeprefix("- ").partition(": ")
            example = f", as in {key}: {json.dumps(value, ensure_ascii=False)}" if value and len(typed) < 80 else ""
            self.fail('a second ": " in one value', line=number, mend=f"put the value in quotes{example}")
        if start := re.search(r"character '(.*)' that cannot start", problem):
            if start[1] == r"\t":
                self.fail("a tab where only spaces may stand", line=number, mend="indent with spaces")
            self.fail(f"a value that starts with {start[1]}", line=number, mend="put the value in quotes")
        if "expected <block end>" in problem or "could not find expected ':'" in problem:
            problem = "this line fits nothing before it"
        self.fail(
            problem, line=number, mend="check quotes and indentation; text that holds quotes needs quotes around it"
        )

    def fail(self, what: str, event: yaml.Event | None = None, *, line: int = 0, mend: str) -> NoReturn:
        line = event.start_mark.line + 1 if event and event.start_mark else line
        where = " ".join(part for part in (self.where, f"line {line}" if line else "") if part)
        raise TemplateError(what, where=where, mend=mend) from None


def write(document: Mapping[str, Value], *, ascii: bool = False) -> str:
    """Write a mapping for people: literal blocks for text of several lines, quotes only where needed.

    `read` gives the same strings back, and so does any YAML 1.1 or 1.2 reader.

    Args:
        document: what to write; its keys are ASCII.
        ascii: put text that is not ASCII in quotes, with escapes.
    """
    return "".join(f"{line}\n" for line in _fields(_quoted(document) if ascii else document))


class _Quoted(str):
    """Text that has to be written in quotes, with an escape for each character beyond ASCII."""


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _Quoted(value)
    if isinstance(value, Mapping):
        return {key: _quoted(item) for key, item in value.items()}
    return [_quoted(item) for item in value] if isinstance(value, Sequence) else value


def _fields(mapping: Mapping[str, Value]) -> Iterable[str]:
    for key, value in mapping.items():
        yield from _entry(f"{_scalar(key)}:", value)


def _entry(lead: str, value: Value) -> Iterable[str]:
    """The lines of one value, after its key or its dash; what lies under them is indented by two."""
    if isinstance(value, str) and _fits_block(value):
        yield f"{lead} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    elif isinstance(value, str | bool | int | float):
        yield f"{lead} {_scalar(value)}"
    elif not value:
        yield f"{lead} {'{}' if isinstance(value, Mapping) else '[]'}"
    else:
        yield lead
        if isinstance(value, Mapping):
            yield from (f"  {line}" if line else "" for line in _fields(value))
        else:
            for item in value:
                yield from _item(item)


def _item(value: Value) -> Iterable[str]:
    if isinstance(value, Mapping) and value:
        for number, line in enumerate(_fields(value)):
            yield f"  {'- ' if number == 0 else '  '}{line}" if line else ""
    else:
        yield from (f"  {line}" if line else "" for line in _entry("-", value))


def _scalar(value: str | bool | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(repr(value)).normalize(), "f")
    if _fits_plain(value):
        return value
    escaped = re.compile("[^\x00-\x7e]") if isinstance(value, _Quoted) else _ESCAPED
    return escaped.sub(lambda match: _escape(ord(match[0])), json.dumps(value, ensure_ascii=False))


def _escape(number: int) -> str:
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _fits_plain(text: str) -> bool:
    return (
        not isinstance(text, _Quoted)
        and text[:1].isalpha()
        and text == text.strip()
        and not text.endswith(":")
        and not any(part in text for part in ("\n", ": ", " #"))
        and not _UNPRINTABLE.search(text)
        and text.lower() not in _NOT_TEXT
    )


def _fits_block(text: str) -> bool:
    """A block shows no trailing blanks and cannot start with one; such text is safer in quotes."""
    return (
        not isinstance(text, _Quoted)
        and "\n" in text.removesuffix("\n")
        and not text.startswith((" ", "\n"))
        and not text.endswith("\n\n")
        and not any(line != line.rstrip() for line in text.split("\n"))
        and not _UNPRINTABLE.search(text)
    )
