"""The labelled samples hold what their README says, and nothing that the prompts give away."""

from __future__ import annotations

import csv
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import yaml

from gptjt_demo.errors import TableError
from gptjt_demo.evaluation import samples
from gptjt_demo.tables import table
from gptjt_demo.templates.answer_check import verdict
from gptjt_demo.templates.libraries import Library

Row = tuple[str, str]

PHONE = re.compile(r"\d{3}-555-01\d\d")
ADDRESS = re.compile(r"[a-z0-9_.]+@example\.(com|net|org)")


def rows(name: str) -> list[Row]:
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        header, *body = csv.reader(file, strict=True)
    assert header == ["input", "output"]
    return [(given, right) for given, right in body]


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def sentences(text: str) -> set[str]:
    return {words(part) for part in re.split(r"[.!?]+(?=\s|$)", text)} - {""}


def prompt_texts() -> list[str]:
    """All inputs in the prompts of the five tasks: their examples' and their sample queries'."""
    library = Library.open()
    templates = [library[name] for name in samples.names()]
    return [
        text for t in templates for values in (*(row.inputs for row in t.examples), t.query) for text in values.values()
    ]


every_sample = pytest.mark.parametrize("name", samples.names())


def test_the_directory_holds_the_named_samples_and_no_others() -> None:
    folder = samples.path("emotion").parent
    assert {file.stem for file in folder.glob("*.csv")} == set(samples.names())
    assert len(samples.names()) == 5


def test_an_unknown_name_is_refused_in_one_line_with_the_known_ones() -> None:
    with pytest.raises(TableError, match=r"no sample is named '\.\./secret'; choose one of emotion, currency"):
        samples.path("../secret")


@every_sample
def test_each_sample_has_60_to_80_rows_without_blanks_or_repeated_inputs(name: str) -> None:
    body = rows(name)
    assert 60 <= len(body) <= 80
    assert all(cell and cell == cell.strip() for row in body for cell in row)
    assert all(cell.replace("\t", " ").isprintable() for row in body for cell in row)
    assert len({words(given) for given, _ in body}) == len(body)


@pytest.mark.parametrize("name", ["emotion", "hate", "entities"])
def test_no_two_texts_are_nearly_the_same(name: str) -> None:
    inputs = [words(given) for given, _ in rows(name)]
    assert [(a, b) for i, a in enumerate(inputs) for b in inputs[:i] if alike(a, b)] == []


@every_sample
def test_files_are_plain_utf_8_with_lf_and_minimal_quotes(name: str) -> None:
    data = samples.path(name).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    again = [",".join(quoted(cell) for cell in row) for row in [("input", "output"), *rows(name)]]
    assert data.decode("utf-8") == "\n".join(again) + "\n"


@every_sample
def test_the_projects_own_reader_gives_the_same_rows(name: str) -> None:
    read = table.read(samples.path(name))
    assert read.columns == ("input", "output")
    assert list(read) == rows(name)


@every_sample
def test_right_answers_are_labels_of_the_template_and_pass_its_check(name: str) -> None:
    template = Library.open()[name]
    for given, right in rows(name):
        assert not template.labels or right in template.labels
        assert verdict(template.check, right, given) is None


@pytest.mark.parametrize(("name", "labels"), [("emotion", 6), ("hate", 2)])
def test_labels_are_all_there_and_balanced(name: str, labels: int) -> None:
    counts = Counter(right for _, right in rows(name))
    assert len(counts) == labels
    assert max(counts.values()) - min(counts.values()) <= 2


def test_posts_do_not_name_their_emotion() -> None:
    assert [given for given, right in rows("emotion") if re.search(rf"\b{right}\b", given, re.IGNORECASE)] == []


def test_no_single_word_gives_hate_speech_away() -> None:
    """Rows that mention immigrants or women stand on both sides."""
    about = re.compile(r"immigra|migrant|refugee|asylum|foreigner|\bwom[ae]n\b|\bgirls?\b", re.IGNORECASE)
    counts = Counter(right for given, right in rows("hate") if about.search(given))
    assert counts["not hate speech"] >= 15


def test_currencies_look_like_the_prompts_example() -> None:
    for given, right in rows("currency"):
        assert given not in ("Switzerland", "India")
        assert re.fullmatch(r"[A-Z][\w-]*( [A-Z][\w-]*)*", right)


def test_entities_are_parts_of_the_sentence_in_its_order() -> None:
    for given, right in rows("entities"):
        position, items = 0, right.split(", ")
        assert 1 <= len(items) <= 5
        assert len(set(items)) == len(items)
        for item in items:
            match = re.compile(rf"(?<!\w){re.escape(item)}(?!\w)").search(given, position)
            assert match, f"{item!r} does not stand in its place in {given!r}"
            position = match.end()


def test_no_capitalised_word_inside_a_sentence_is_missed() -> None:
    """A capital letter after the first word is a name, but for days, months and "I"."""
    other = {"I", "Friday", "September"}
    for given, right in rows("entities"):
        capitalised = re.findall(r"(?<=\s)[A-Z]\w*", given)
        assert {word for word in capitalised if word not in right} <= other, given


def test_contacts_are_three_fields_made_of_the_input() -> None:
    seen: list[str] = []
    for given, right in rows("cleaning"):
        (fields,) = csv.reader([right], strict=True)
        name, address, phone = fields
        assert ADDRESS.fullmatch(address)
        assert re.findall(r"[\w.]+@[\w.]+", given) == [address]
        assert PHONE.fullmatch(phone)
        assert re.sub(r"\D", "", given)[-10:] == phone.replace("-", "")
        last_first = re.sub(r"^(.+) (\S+)$", r"\2, \1", name)
        assert name in re.sub(r" +", " ", given) or last_first in given
        seen += fields
    assert len(set(seen)) == len(seen)


@every_sample
def test_no_row_shares_a_sentence_with_a_prompt_or_nearly_equals_one(name: str) -> None:
    texts = prompt_texts()
    known = set().union(*map(sentences, texts))
    assert len(known) >= len(texts)
    for given, _ in rows(name):
        assert not sentences(given) & known
        assert not any(alike(words(given), words(text)) for text in texts if len(text) > 12)


@every_sample
def test_the_readme_says_how_many_rows_and_labels_there_are(name: str) -> None:
    readme: Path = samples.path(name).with_name("README.md")
    line = next(line for line in readme.read_text("utf-8").splitlines() if line.startswith(f"| `{name}.csv`"))
    body = rows(name)
    assert f"| {len(body)} |" in line
    for label, count in Counter(right for _, right in body).items():
        if name in ("emotion", "hate") or label == "Euro":
            assert f"{label} {count}" in line or f"{count} are {label}" in line


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if re.search('[",\n]', cell) else cell


def alike(a: str, b: str) -> bool:
    """Whether most of two texts, word by word, is the same."""
    return SequenceMatcher(None, a.split(), b.split(), autojunk=False).ratio() > 0.7


def test_the_data_set_card_has_a_head_that_agrees_with_the_files() -> None:
    folder = samples.path("emotion").parent
    fields = yaml.safe_load((folder / "README.md").read_text("utf-8").split("---\n", 2)[1])
    assert (fields["language"], fields["license"]) == ("en", "cc0-1.0")
    assert {"text-classification", "text-generation"} <= set(fields["task_categories"])
    assert fields["size_categories"] == ["n<1K"]
    assert sum(len(rows(path.stem)) for path in folder.glob("*.csv")) < 1000
    assert {config["data_files"] for config in fields["configs"]} == {path.name for path in folder.glob("*.csv")}
