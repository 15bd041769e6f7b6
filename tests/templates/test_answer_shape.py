"""A template's shape of answers: read strictly, kept by files, links and programs, and named where it is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gptjt_demo.errors import TemplateError
from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Pattern
from gptjt_demo.templates.answer_shape import AnswerShape, read_shape_words
from gptjt_demo.templates.formats import FORMATS, export, left_out, read
from gptjt_demo.templates.link import from_fragment, to_fragment
from gptjt_demo.templates.lint.lint import lint
from gptjt_demo.templates.template import Template

HEAD = """\
name: small
title: Small
examples:
  - input: Ana, a@example.com
    output: Ana,a@example.com
query:
  input: Bob, b@example.com
"""


def held(shape: str) -> Template:
    return Template.from_yaml(f"{HEAD}shape:\n{shape}")


SHAPES = {
    "  columns: 2\n": CsvRecord(2),
    "  from_input: true\n": ItemsOf(("Bob, b@example.com",)),
    '  from_input: true\n  separator: "; "\n': ItemsOf(("Bob, b@example.com",), "; "),
    "  pattern: '\\d+ \"x\"/[^,]'\n": Pattern('\\d+ "x"/[^,]'),
    "  one_of:\n    - NO\n    - 007\n": OneOf(("NO", "007")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_a_link_and_a_persons_words_keep_the_shape(shape: str) -> None:
    template = held(shape)
    assert template.shape_for(template.query) == SHAPES[shape]
    assert Template.from_yaml(template.to_yaml()) == template
    assert from_fragment(to_fragment(template))[0] == template
    assert template.shape is not None
    assert read_shape_words(template.shape.kind, template.shape.value) == template.shape


def test_a_template_without_one_takes_any_text() -> None:
    template = Template.from_yaml(HEAD)
    assert template.shape_for("x") is None
    assert "shape" not in template.to_yaml()
    assert read_shape_words("none") is None


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("  columns: 1\n", "shape.columns"),
        ("  colums: 2\n", "did you mean 'columns'"),
        ("  separator: ';'\n", "give one of columns, from_input, pattern and one_of"),
        ("  columns: 2\n  from_input: true\n", "give one of columns"),
        ("  columns: 2\n  separator: ';'\n", "a separator goes with from_input"),
        (
            "  pattern: '[a'\n",
            "line 9, shape.pattern: '[a' does not fit; the pattern cannot be read: unclosed character class",
        ),
        ("  pattern: '(?=a)b'\n", "looks ahead or back"),
        ("  pattern: 'a\\n\\nb'\n", "shape.pattern: no text has it that holds none of the stops"),
        ("  one_of: [a, a]\n", "'a' is given twice"),
        ('  one_of: [a, "b\\n\\nc"]\n', "shape.one_of[1]: an answer ends before the stop"),
        ('  from_input: true\n  separator: "\\n\\n"\n', "shape.separator: an answer ends before the stop"),
        ('  columns: 2\ngeneration:\n  stop: [","]\n', "shape.columns: an answer ends before the stop ','"),
    ],
)
def test_what_is_no_shape_or_cannot_be_answered_is_refused_with_its_place(shape: str, words: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        held(shape)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("cvs", "3", "did you mean 'csv'"),
        ("csv", "three", "'three' columns; give a number from 2 to 100"),
        ("csv", "101", "2 to 100"),
        ("pattern", "", "there is no pattern"),
        ("pattern", "[", "unclosed character class"),
        ("one-of", " , ", "there are no answers"),
        ("one-of", "a, a", "given twice"),
        ("one-of", '"a', "a quote is not closed"),
        ("items", "x" * 51, "51 characters, the limit is 50"),
    ],
)
def test_words_that_name_no_shape_are_refused_in_a_line(kind: str, value: str, words: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        read_shape_words(kind, value)


def test_an_example_that_lacks_the_shape_is_pointed_out() -> None:
    assert lint(held("  columns: 2\n")) == lint(Template.from_yaml(HEAD))
    (found,) = [each for each in lint(held("  columns: 3\n")) if each.rule == "other-shape"]
    assert found.where == "examples[0].output"
    assert [each.rule for each in lint(held("  from_input: true\n"))].count(
        "other-shape"
    ) == 1  # no blank behind a comma


def test_programs_ask_within_the_shape_and_other_formats_say_that_they_cannot() -> None:
    template = held("  columns: 2\n")
    texts = {item.name: export(template, item.name) for item in FORMATS}
    assert "shape=shape)" in texts["python"]
    assert "'shape': {'columns': 2}" in texts["gradio-client"] or "shape={'columns': 2}" in texts["gradio-client"]
    assert '"shape": {"columns": 2}' in texts["curl"]
    assert {name for name in texts if left_out(template, name)} == {"hf-widget", "lm-eval"}
    assert not any(left_out(Template.from_yaml(HEAD), name) for name in texts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["python", "curl", "gradio-client"])
def test_a_program_is_read_back_with_its_shape(shape: str, form: str) -> None:
    (found,) = read(export(held(shape), form))
    assert found.shape == held(shape).shape


def test_the_texts_of_several_inputs_are_all_taken_from() -> None:
    changes: dict[str, Any] = {"inputs": [{"name": "one", "cue": "A"}, {"name": "two", "cue": "B"}], "examples": ()}
    template = Template.from_yaml(HEAD).revised(**changes, query={}, shape=AnswerShape(from_input=True))
    assert template.shape_for({"one": "x", "two": "y"}) == ItemsOf(("x", "y"))
