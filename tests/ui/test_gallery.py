"""The gallery: every shipped template is complete, its checks are its own, and a model's mistakes on them are shown."""

from __future__ import annotations

import csv
import threading
from typing import Any

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine
from made_templates import PROMPTS

from gptjt_demo.evaluation import samples
from gptjt_demo.evaluation.checks import run_checks
from gptjt_demo.templates.answer_check import match_label, normalised, verdict
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.shipped import CARD, folder
from gptjt_demo.templates.template import Template

LIBRARY = Library.open()
OURS = [template for template in LIBRARY if template.name not in CARD]
every = pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
ours = pytest.mark.parametrize("template", OURS, ids=lambda template: template.name)


def texts(template: Template) -> list[tuple[str, ...]]:
    """All cases of a template: examples, checks and the query."""
    rows = [*(row.inputs for row in (*template.examples, *template.checks)), template.query]
    return [tuple(normalised(value) for value in row.values()) for row in rows]


# --- the cards


@every
def test_a_card_shows_a_case_of_the_prompt_with_its_answer_and_no_licence(template: Template) -> None:
    from html import escape

    from gptjt_demo.ui.gallery.cards import cards

    shown = cards([template])
    assert any(
        all(escape(text) in shown for text in (*example.inputs.values(), example.output))
        for example in template.examples
    )
    assert "gallery-answer" in shown
    assert template.licence not in shown


# --- the templates


def test_ten_templates_stand_beside_the_cards_five() -> None:
    assert len(LIBRARY) == 15
    assert len({template.title for template in LIBRARY}) == 15
    assert any(len(template.inputs) == 2 for template in OURS)


@ours
def test_our_own_templates_have_all_that_a_gallery_shows(template: Template) -> None:
    assert 3 <= len(template.examples) <= 6
    assert template.description.endswith(".")
    assert (template.licence, template.source) == ("CC0-1.0", "written for this project")
    assert all(value.strip() for value in template.query.values())
    assert {row.output for row in template.examples} == set(template.labels) or not template.labels


@every
def test_every_template_has_checks_that_are_no_part_of_its_prompt(template: Template) -> None:
    assert 4 <= len(template.checks) <= 6
    assert len(set(texts(template))) == len(texts(template))
    prompt = template.render(template.query)
    for case in template.checks:
        assert not any(value in prompt for value in case.inputs.values())


@every
def test_right_answers_pass_what_the_template_demands_of_an_answer(template: Template) -> None:
    for case in (*template.examples, *template.checks):
        assert verdict(template.check, case.output, case.inputs) is None
        assert not template.labels or match_label(case.output, template.labels) == case.output
        assert "\n" not in case.output


@every
def test_a_labels_checks_are_not_all_of_one_kind(template: Template) -> None:
    assert len({case.output for case in template.checks}) > 1


@pytest.mark.parametrize("name", CARD)
def test_checks_are_not_taken_from_the_labelled_samples(name: str) -> None:
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        labelled = {normalised(row["input"]) for row in csv.DictReader(file)}
    checks = {normalised(value) for case in LIBRARY[name].checks for value in case.inputs.values()}
    assert len(labelled) > 50
    assert not labelled & checks


@pytest.mark.parametrize("name", PROMPTS)
def test_checks_change_no_byte_of_the_cards_prompts(name: str) -> None:
    template = LIBRARY[name]
    assert template.render(template.query) == template.revised(checks=()).render(template.query) == PROMPTS[name]


@ours
def test_a_rendered_gallery_prompt_is_read_back_into_its_rows(template: Template) -> None:
    read, query = Template.parse(template.render(template.query))
    assert list(query.values()) == list(template.query.values())
    assert [row.output for row in read.examples] == [row.output for row in template.examples]
    assert read.instruction == template.instruction


@every
def test_files_are_written_as_a_template_writes_itself(template: Template) -> None:
    path = folder() / f"{template.name}.yaml"
    assert path.read_text(encoding="utf-8") == template.to_yaml()


@pytest.mark.parametrize("wrong", [{"other": "x", "output": "y"}, {"output": "y"}, {"input": "x"}])
def test_a_check_that_lacks_a_value_is_refused_by_its_place(wrong: dict[str, str]) -> None:
    with pytest.raises(Exception, match=r"is missing|no such input") as raised:
        LIBRARY["currency"].revised(checks=[wrong])
    assert str(raised.value).startswith("checks[0]")


# --- a model's answers


def answers(template: Template, wrong: int = -1) -> dict[str, str]:
    """Right answers to a template's checks, one of them wrong."""
    return {
        next(iter(case.inputs.values())): "something else" if i == wrong else f" {case.output}."
        for i, case in enumerate(template.checks)
    }


def test_free_text_is_right_but_for_case_and_final_marks() -> None:
    template = LIBRARY["currency"]
    report = run_checks(FakeEngine(answers(template, wrong=1)), template)
    assert (report.right, len(report.results), str(report)) == (4, 5, "fake: 4 of 5 right")
    assert [result.case for result in report.wrong] == [template.checks[1]]
    assert str(report.wrong[0]) == "Russia: 'something else' instead of 'Russian Ruble'"


def test_labels_are_chosen_by_score_and_never_by_what_is_generated() -> None:
    engine = FakeEngine(default="anger", scores={"joy": -0.1})
    report = run_checks(engine, LIBRARY["emotion"])
    assert report.right == 1
    assert {result.answer for result in report.results} == {"joy"}
    assert engine.prompts == []


def test_the_templates_attention_is_used_and_said() -> None:
    template = LIBRARY["currency"].revised(attention="causal")
    engine = FakeEngine()
    assert run_checks(engine, template).attention == "causal"
    assert {stream.attention for stream in engine.streams} == {"causal"}
    assert run_checks(engine, LIBRARY["currency"]).attention == "prefix"


def test_a_check_that_cannot_be_asked_is_wrong_with_its_reason() -> None:
    template = LIBRARY["currency"].revised(checks=[{"input": "x " * 5000, "output": "y"}])
    report = run_checks(FakeEngine(), template)
    assert report.right == 0
    assert "context" in str(report.wrong[0])
    assert len(str(report.wrong[0])) < 250


def test_checks_stop_when_they_are_cancelled_and_none_are_no_error() -> None:
    cancel = threading.Event()
    cancel.set()
    assert run_checks(FakeEngine(), LIBRARY["currency"], cancel=cancel).results == ()
    bare = LIBRARY["currency"].revised(checks=())
    assert str(run_checks(FakeEngine(), bare)) == "fake: 0 of 0 right"


def test_check_run_prints_right_and_wrong_and_a_wrong_answer_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    engine = FakeEngine(answers(LIBRARY["currency"], wrong=0), scores={"hate speech": -0.1})
    answer_with(monkeypatch, engine)
    files = [folder() / "currency.yaml", folder() / "hate.yaml"]
    status, out, err = run(capsys, "templates", "check", *files, "--run")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[2:4] == ["currency: fake: 4 of 5 right", "  Netherlands: 'something else' instead of 'Euro'"]
    assert lines[4] == "hate: fake: 2 of 4 right"
    assert len(lines) == 7
    (tmp_path / "bad.yaml").write_text("title: [", encoding="utf-8")
    status, out, err = run(capsys, "templates", "check", tmp_path / "bad.yaml", files[0], "--run")
    assert (status, err.count("\n")) == (2, 1)
    assert "currency: fake: 4 of 5 right" in out
