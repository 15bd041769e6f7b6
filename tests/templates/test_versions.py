"""A template's history: what changed in plain words, what was measured with each version, and back to any of them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from made_templates import templates

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions import history as histories
from gptjt_demo.templates.versions.difference import differences, marked, summary
from gptjt_demo.templates.versions.history import History, history_file, keep, record, restore
from gptjt_demo.templates.versions.measured import Measured, prompt_key

LIBRARY = Library.open()
EMOTION = LIBRARY["emotion"]
ROWS = [row.model_dump() for row in EMOTION.examples]
FIRST, SECOND = ROWS


def figures(template: Template, **more: Any) -> Measured:
    """A measurement of a template."""
    return Measured(
        **{
            "key": prompt_key(template),
            "time": "2026-11-28T10:00:00Z",
            "file": "gold.csv",
            "rows": 60,
            "right": 49,
            "accuracy": 49 / 60,
            "interval": (0.7, 0.9),
            "attention": "prefix",
            "model": "mini",
            "how": "logprob",
            **more,
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("# my own\nname: mine\ntitle: Mine\nlabels: [a, b]\n", encoding="utf-8")
    return path


# --- what changed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "nothing changed"),
        ({"instruction": "Other."}, "instruction changed"),
        ({"instruction": ""}, "instruction removed"),
        ({"title": "Moods"}, "title changed from “Sentiment Analysis” to Moods"),
        ({"examples": [*ROWS, {"input": "x", "output": "joy"}, {"input": "y", "output": "joy"}]}, "2 examples added"),
        ({"examples": [SECOND]}, "1 example removed"),
        ({"examples": [FIRST, {**SECOND, "output": "sadness"}]}, "1 example changed"),
        ({"examples": [SECOND, FIRST]}, "examples in another order"),
        ({"examples": [{**SECOND, "output": "joy"}, FIRST]}, "1 example changed, examples in another order"),
        ({"examples": [FIRST, FIRST, SECOND]}, "1 example added"),
        ({"labels": ["sadness", "joy", "love", "anger", "worry", "surprise"]}, "label 'fear' renamed 'worry'"),
        ({"labels": [*EMOTION.labels, "calm"]}, "label 'calm' added"),
        ({"labels": EMOTION.labels[:5]}, "label 'surprise' removed"),
        ({"labels": EMOTION.labels[::-1]}, "labels in another order"),
        ({"labels": []}, "6 labels removed"),
        ({"separator": "\n"}, r'separator changed from "\n\n" to "\n"'),
        ({"inputs": [{"name": "input", "cue": "Post"}]}, "inputs changed"),
        ({"attention": "causal"}, "attention set to causal"),
        ({"query": {"input": "q"}}, "sample query changed"),
        (
            {"generation": {**EMOTION.model_dump()["generation"], "temperature": 0.5}},
            "temperature changed from 1.0 to 0.5",
        ),
        ({"generation": {**EMOTION.model_dump()["generation"], "seed": 7}}, "seed set to 7"),
        ({"check": {"columns": 3}}, "check added"),
    ],
)
def test_a_change_is_said_in_plain_words(changes: dict[str, Any], words: str) -> None:
    assert summary(differences(EMOTION, EMOTION.revised(**changes))) == words


def test_several_changes_are_one_line_and_each_has_what_was_and_what_is() -> None:
    new = EMOTION.revised(
        instruction=f"{EMOTION.instruction}\nBe brief.",
        examples=[*ROWS, {"input": "x", "output": "joy"}, {"input": "y", "output": "joy"}],
        labels=["sadness", "joy", "love", "anger", "fear", "neutral"],
    )
    found = differences(EMOTION, new)
    assert summary(found) == "instruction changed, 2 examples added, label 'surprise' renamed 'neutral'"
    assert [change.field for change in found] == ["instruction", "examples", "labels"]
    assert found[0].before == EMOTION.instruction
    assert list(marked(found[0])) == [(" ", EMOTION.instruction), ("+", "Be brief.")]
    assert (found[1].before, found[1].after) == ("", "Input: x\nOutput: joy\n\nInput: y\nOutput: joy")
    assert ("-", "surprise") in marked(found[2])


@settings(max_examples=40)
@given(templates(), templates())
def test_only_equal_templates_have_no_difference(one: Template, other: Template) -> None:
    assert differences(one, one) == ()
    assert (differences(one, other) == ()) == (one == other)
    for change in differences(one, other):
        assert change.words
        lines = list(marked(change))
        assert [text for mark, text in lines if mark != "+"] == change.before.splitlines()
        assert [text for mark, text in lines if mark != "-"] == change.after.splitlines()


def test_long_and_many_rows_are_compared_at_once() -> None:
    long = [{"input": f"{number} " + "ab" * 40_000, "output": "x"} for number in range(60)]
    other = [{**row, "input": row["input"].replace("a", "c")} for row in long]
    found = differences(EMOTION.revised(examples=long), EMOTION.revised(examples=other))
    assert summary(found) == "60 examples added, 60 examples removed"
    one, other_one = ("\n".join(random.Random(seed).choices("ab", k=20_000)) for seed in (1, 2))
    (change,) = differences(EMOTION.revised(instruction=one), EMOTION.revised(instruction=other_one))
    assert len(list(marked(change))) > 30_000
    (change,) = differences(EMOTION.revised(instruction=one), EMOTION.revised(instruction=f"{one[:10]}c{one[11:]}"))
    assert [mark for mark, _ in marked(change) if mark != " "] == ["-", "+"]


# --- whose figures


def test_figures_belong_to_whatever_answers_the_same() -> None:
    same = EMOTION.revised(title="Moods", name="moods", query={"input": "x"}, attention="causal", licence="MIT")
    assert prompt_key(same) == prompt_key(EMOTION)
    for changes in ({"instruction": "x"}, {"labels": EMOTION.labels[::-1]}, {"examples": ROWS[:1]}):
        assert prompt_key(EMOTION.revised(**changes)) != prompt_key(EMOTION)


def test_a_measurement_is_a_sentence_with_file_rows_mode_model_and_date() -> None:
    assert figures(EMOTION).sentence == (
        "accuracy 81.7 % (95 % interval 70.0 to 90.0 %) on 60 rows of gold.csv, prefix attention, mini, 2026-11-28"
    )
    assert figures(EMOTION, how="").sentence.startswith("exact match")
    assert "labels by batch" in figures(EMOTION, how="batch").sentence


@pytest.mark.parametrize("change", [{"key": "x"}, {"accuracy": 2}, {"rows": 0}, {"file": 3}, {"time": "now"}])
def test_what_is_no_measurement_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="no measurement"):
        Measured.read({**figures(EMOTION).model_dump(), **change})


# --- the history


def test_a_file_is_kept_once_for_each_text_that_it_had(file: Path) -> None:
    assert (keep(file)[0].number, keep(file)[1]) == (1, False)
    first = file.read_text()
    file.write_text(first.replace("[a, b]", "[a, c]"))
    version, new = keep(file, "c  is\nbetter")
    assert (version.number, version.note, new) == (2, "c is better", True)
    history = History.of(file)
    assert [each.text for each in history.versions] == [first, file.read_text()]
    assert history_file(file).name == "mine.history.jsonl"
    assert Library.open([file.parent]).load("mine@1").labels == ("a", "b")
    assert Library.open([file.parent]).load(f"{file}@2").labels == ("a", "c")
    assert Library.open([file.parent])["mine"].labels == ("a", "c")  # the history is no template


def test_back_to_any_version_brings_the_file_back_with_its_comments_and_loses_nothing(file: Path) -> None:
    keep(file)
    first = file.read_bytes()
    file.write_bytes(b"name: mine\r\ntitle: [broken\r\n")
    version = restore(file, 1)
    assert file.read_bytes() == first
    assert version.number == 3
    history = History.of(file)
    assert history.version(2).text == "name: mine\r\ntitle: [broken\r\n"
    with pytest.raises(TemplateError, match="version 2"):
        history.version(2).template()
    file.unlink()
    assert restore(file, 2).number == 4
    assert file.read_bytes() == b"name: mine\r\ntitle: [broken\r\n"
    with pytest.raises(TemplateError, match="there is no version 9; known: 1, 2, 3, 4"):
        restore(file, 9)


def test_a_link_to_a_file_stays_one_and_so_do_its_rights(file: Path, tmp_path: Path) -> None:
    keep(file)
    linked = tmp_path / "linked.yaml"
    linked.symlink_to(file)
    history_file(file).rename(history_file(linked))
    os.chmod(file, 0o640)
    file.write_text("name: mine\ntitle: Other\n")
    restore(linked, 1)
    assert linked.is_symlink()
    assert "my own" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


def test_figures_are_found_with_every_version_that_answers_the_same(file: Path) -> None:
    keep(file)
    first = Template.load(file)
    record(file, [figures(first), figures(first, file="later.csv")])
    file.write_text(file.read_text().replace("Mine", "Ours"))
    keep(file)
    file.write_text(file.read_text().replace("[a, b]", "[b, a]"))
    keep(file)
    history = History.of(file)
    assert [each.file for each in history.figures(history.version(2).template())] == ["later.csv", "gold.csv"]
    assert history.figures(history.version(3).template()) == []


def test_a_damaged_line_is_passed_over_and_takes_no_other_with_it(file: Path) -> None:
    keep(file)
    lines = [b"{", b"[" * 100_000, b'{"kind": "version", "number": 0}', b'{"kind": "measured"}', b"\xff", b"3"]
    with history_file(file).open("ab") as out:
        out.write(b"\n".join(lines))  # the last without an end, as a killed process leaves it
    file.write_text("name: mine\ntitle: Two\n")
    keep(file)
    history = History.of(file)
    assert [each.number for each in history.versions] == [1, 2]
    assert history.damaged == len(lines)


def test_two_who_keep_at_once_get_two_numbers(file: Path) -> None:
    keep(file)
    line = json.loads(history_file(file).read_text())
    with history_file(file).open("a") as out:
        out.write(json.dumps({**line, "text": "name: mine\ntitle: Two\n"}) + "\n")
    assert [each.number for each in History.of(file).versions] == [1, 2]


def test_a_history_stays_within_its_bounds_and_keeps_the_newest(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "MOST", 10)
    monkeypatch.setattr(histories, "MOST_MEASURED", 6)
    for number in range(25):
        file.write_text(f"name: mine\ntitle: Title {number}\n")
        keep(file)
        record(file, [figures(EMOTION, rows=number + 1)])
        history = History.of(file)
        assert len(history.versions) <= 10
        assert len(history.measured) <= 6
        assert history.newest is not None
        assert (history.newest.number, history.newest.text) == (number + 1, file.read_text())
        assert history.measured[-1].rows == number + 1
    monkeypatch.setattr(histories, "MOST_BYTES", 4_000)
    for number in range(20):
        file.write_text(f"name: mine\ntitle: Title {number}\ndescription: {'x' * 900}\n")
        keep(file)
        assert history_file(file).stat().st_size <= 4_000
    assert History.of(file).newest is not None


def test_a_shipped_template_and_an_unknown_one_have_no_history(tmp_path: Path) -> None:
    library = Library.open([tmp_path])
    with pytest.raises(TemplateError, match="a shipped template has no history"):
        library.file("emotion")
    with pytest.raises(TemplateError, match="did you mean 'emotion'"):
        library.file("emotoin")
    with pytest.raises(TemplateError, match="a shipped template has no history"):
        library.load("emotion@1")


def test_what_cannot_be_read_or_written_is_one_line(file: Path) -> None:
    history_file(file).mkdir()
    for act in (lambda: keep(file), lambda: record(file, [figures(EMOTION)]), lambda: restore(file, 1)):
        with pytest.raises(TemplateError, match=r"mine\.history\.jsonl: cannot be"):
            act()
