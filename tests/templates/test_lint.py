"""Lint: a rule finds its mistake, names the place, its mend leaves nothing to find; good templates are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from made_templates import templates

from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.lint.lint import Finding, lint
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine

LIBRARY = Library.open()
ROWS = [("so glad", "joy"), ("so low", "sadness"), ("what fun", "joy"), ("how dull", "sadness")]


def small(**changes: Any) -> Template:
    rows = [{"input": text, "output": label} for text, label in ROWS]
    fields = {"name": "small", "title": "Small", "examples": rows, "labels": ["joy", "sadness"]}
    return Template.model_validate(fields | {"instruction": "Name it.", "query": {"input": "what now"}} | changes)


def rules(template: Template, **given: Any) -> list[str]:
    return [finding.rule for finding in lint(template, **given)]


def only(template: Template, **given: Any) -> Finding:
    (finding,) = lint(template, **given)
    return finding


def rows(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"examples": [{"input": text, "output": label} for text, label in pairs]}


# --- no false alarms


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_shipped_templates_are_told_only_what_is_true(template: Template, mini: Engine) -> None:
    found = lint(template, count_tokens=mini.count_tokens, context=mini.context, encode=mini.encode)
    said = [(finding.rule, finding.message) for finding in found]
    assert said == (
        [("unseen-label", "no example shows joy, love, fear and surprise")] if template.name == "emotion" else []
    )


@settings(deadline=None)
@given(templates())
def test_any_template_is_looked_over_and_any_mend_is_a_template(template: Template) -> None:
    for finding in lint(template, count_tokens=len, context=300, encode=lambda text: list(text.encode())):
        assert "\n" not in finding.message
        assert bool(finding.mend) == (finding.fixed is not None)
        if finding.fixed is not None:
            finding.fixed.render(finding.query if finding.query is not None else template.query)


# --- cues


PROMPTS = {
    "Input: a\nOutput: b\n\ninput : c\nOutput: d\n\nInput: e\nOutput:": "examples[1].input",
    "Do it.\n\nInput: a\nOutput: b\n\nInput: c\noutput: d\n\nInput: e\nOutput:": "query.input",
    "Do it.\n\nInput: a\noutput: b\n\nInput: c\nOutput: d\n\nInput: e\nOutput:": "instruction",
    "Do it.\n\nInput: a\nOutput: b\n\nInput: c\nOutput: d\n\nInput: e\noutput :": "output_cue",
    "Input : a\nOutput: b\n\nInput: c\nOutput: d\n\nInput: e\nOutput:": "examples[0].input",
    "Input: a\nOutput: b\n\n INPUT: c\nOutput: d\n\nInput: e\nOutput:": "examples[1].input",
}


@pytest.mark.parametrize(("text", "where"), PROMPTS.items())
def test_a_pasted_cue_that_differs_is_found_and_mending_it_gives_the_row_back(text: str, where: str) -> None:
    template, query = Template.parse(text)
    (finding,) = [finding for finding in lint(template, query) if finding.rule == "cue-differs"]
    assert finding.where == where
    assert finding.fixed is not None
    assert finding.query == {"input": "e"}
    assert [(row.inputs["input"], row.output) for row in finding.fixed.examples] == [("a", "b"), ("c", "d")]
    assert finding.fixed.inputs[0].cue == "Input"
    assert lint(finding.fixed, finding.query) == ()


def test_a_cue_typed_into_a_cell_is_found() -> None:
    template = small(**rows(("a\nOutput: b\n\nInput: c", "joy"), ("d", "sadness")))
    finding = only(template)
    assert (finding.rule, finding.where) == ("cue-inside", "examples[0].input")
    assert finding.fixed is not None
    assert len(finding.fixed.examples) == 3


def test_words_with_a_colon_that_are_no_cue_are_left_alone() -> None:
    template = small(
        instruction="Note: choose one.\nPossible labels:\n1. joy",
        **rows(("From: Ann\nTo: Bob", "joy"), ("Re: hello", "sadness")),
    )
    assert lint(template) == ()


def test_a_prompt_without_a_final_cue_is_offered_one() -> None:
    template, query = Template.parse("Once upon a time")
    finding = only(template, query=query)
    assert (finding.rule, finding.where) == ("no-final-cue", "output_cue")
    assert finding.fixed is not None
    assert finding.fixed.render(query) == "Once upon a time\nOutput:"


# --- spaces


@pytest.mark.parametrize(
    ("changes", "rule", "where"),
    [
        ({"instruction": "Name it. "}, "trailing-space", "instruction"),
        ({"output_cue": "Emotion: "}, "trailing-space", "output_cue"),
        ({"inputs": [{"name": "input", "cue": "Text \t"}]}, "trailing-space", "inputs[0].cue"),
        (rows(("a", "joy"), ("b", " sadness")), "stray-space", "examples[1].output"),
        (rows(("a ", "joy"), ("b", " sadness")), "stray-space", "examples[0].input"),
    ],
)
def test_spaces_that_mislead_are_found_and_removed(changes: Any, rule: str, where: str) -> None:
    finding = only(small(**changes))
    assert (finding.rule, finding.where) == (rule, where)
    assert finding.fixed is not None
    assert lint(finding.fixed) == ()


def test_a_space_after_a_cue_changes_no_prompt_when_it_is_removed() -> None:
    template = small(output_cue="Emotion: ")
    fixed = only(template).fixed
    assert fixed is not None
    assert fixed.render("x") == template.render("x")
    assert template.output_cue == "Emotion: "


# --- labels and examples


@pytest.mark.parametrize(
    ("changes", "rule", "where", "mended"),
    [
        ({"labels": ["joy", "sadness", "fear"]}, "unseen-label", "labels", False),
        (rows(("a", "joy"), ("b", "sadness"), ("c", "rage")), "unknown-label", "examples[2].output", True),
        (rows(("a", "Joy."), ("b", "sadness")), "label-spelling", "examples[0].output", True),
        (rows(*[(c, "joy") for c in "abc"], ("d", "sadness")), "unbalanced-labels", "examples", False),
        (rows(("a", "joy"), ("A ", "joy"), ("b", "sadness")), "duplicate-example", "examples[1]", True),
        (rows(("a", "joy"), ("a", "sadness")), "contradiction", "examples[1]", False),
        ({"labels": [], **rows(("a", "joy"), ("b", " "))}, "empty-answer", "examples[1].output", False),
        ({"query": {"input": "So  glad"}}, "leak", "examples[0]", True),
    ],
)
def test_rows_and_labels_that_mislead_are_found(changes: Any, rule: str, where: str, mended: bool) -> None:
    found = [finding for finding in lint(small(**changes)) if finding.rule not in ("stray-space",)]
    assert [(finding.rule, finding.where) for finding in found] == [(rule, where)]
    assert (found[0].fixed is not None) == mended
    if found[0].fixed is not None:
        assert rule not in rules(found[0].fixed)


def test_an_answer_outside_the_labels_is_never_matched_by_being_inside_one() -> None:
    template = small(labels=["hate speech", "not hate speech"], **rows(("a", "speech"), ("b", "not hate speech.")))
    assert rules(template) == ["unknown-label", "label-spelling", "unseen-label"]


def test_slightly_uneven_labels_are_no_finding() -> None:
    assert lint(small(**rows(("a", "joy"), ("b", "joy"), ("c", "sadness")))) == ()


# --- tokens


def test_a_prompt_over_the_context_is_offered_the_examples_that_fit() -> None:
    template = small(labels=[], generation={"max_new_tokens": 10})
    whole = len(template.render("what now"))
    assert rules(template, count_tokens=len, context=2 * whole) == []
    near = only(template, count_tokens=len, context=whole + 10)
    assert (near.rule, near.where, near.fixed) == ("length", "prompt", None)
    over = only(template, count_tokens=len, context=whole + 9)
    assert "too long" in over.message
    assert over.fixed is not None
    assert over.fixed.examples == template.examples[:3]
    assert only(template, count_tokens=len, context=20).fixed is None


def test_the_query_in_hand_counts_not_the_sample() -> None:
    assert rules(small(), query={"input": "x" * 400}, count_tokens=len, context=500) == ["length"]


def pairs(text: str) -> Sequence[int]:
    """A tokenizer whose only long token is ` joy`, and `:` with a following space."""
    text = text.replace(" joy", "\x01")
    return [ord(character) for character in text]


def test_a_label_that_is_cut_otherwise_after_a_line_end_is_found() -> None:
    template = small(output_cue="Emotion:\n")
    finding = only(template, encode=pairs)
    assert (finding.rule, finding.where) == ("label-tokens", "output_cue")
    assert "joy" in finding.message
    assert "sadness" not in finding.message
    assert finding.fixed is not None
    assert lint(finding.fixed, encode=pairs) == ()


def test_a_label_that_melts_into_its_cue_is_found() -> None:
    def melting(text: str) -> Sequence[int]:
        return [ord(character) for character in text.replace("> j", "\x01")]

    assert rules(small(output_cue="=>"), encode=melting) == ["label-tokens"]
