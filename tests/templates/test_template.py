"""Templates: what is accepted, and that files, rows and prompts keep every byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from made_templates import PROMPTS, templates, texts

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.prompt_text import complete_cue
from gptjt_demo.templates.template import Template

BLANKS = " \t"


def small(**changes: Any) -> Template:
    fields: dict[str, Any] = {"name": "small", "title": "Small", "examples": [{"input": "a", "output": "b"}]}
    return Template(**(fields | changes))


# --- the five widget templates


@pytest.mark.parametrize("name", PROMPTS)
def test_widget_prompts_are_the_model_cards_to_the_byte(name: str) -> None:
    template = Template.load(name)
    assert template.render(template.query) == PROMPTS[name]


@pytest.mark.parametrize("name", PROMPTS)
def test_widget_answers_end_with_their_line(name: str) -> None:
    assert Template.load(name).generation.stop[0] == "\n"


@pytest.mark.parametrize("name", PROMPTS)
def test_widget_prompts_are_read_back_into_the_same_rows(name: str) -> None:
    template = Template.load(name)
    read, query = Template.parse(PROMPTS[name])
    assert read.examples == template.examples
    assert (read.instruction, read.inputs, read.output_cue) == (
        template.instruction,
        template.inputs,
        template.output_cue,
    )
    assert query == template.query


# --- the prompt


@given(templates(), texts)
def test_every_prompt_is_the_same_header_then_the_query(template: Template, text: str) -> None:
    bare = template.revised(instruction="", examples=())

    def header(text: str) -> str:
        query = {item.name: text for item in template.inputs}
        prompt, asked = template.render(query), bare.render(query)
        assert prompt.endswith(asked)
        assert "\r" not in prompt
        return prompt.removesuffix(asked)

    assert header(text) == header("another")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_text_is_in_the_prompt_exactly_once_and_as_typed(text: str) -> None:
    marked = f"«{text}»".replace("\r", "")
    template = small(instruction="Say it.", examples=[])
    assert template.render(marked) == f"Say it.\n\nInput: {marked}\nOutput:"
    assert small(instruction=marked).render("x").startswith(f"{marked}\n\nInput: a\n")
    assert f"\nOutput: {marked}\n" in small(examples=[{"input": "a", "output": marked}]).render("x")


@pytest.mark.parametrize(
    ("typed", "shown"), [("Emotion", "Emotion:"), ("Q1", "Q1:"), ("=>", "=>"), ("भा", "भा:"), ("", "")]
)
def test_a_colon_follows_a_letter_or_digit_only(typed: str, shown: str) -> None:
    assert complete_cue(typed) == complete_cue(f"{typed} ") == shown


def test_a_cue_with_a_blank_gives_the_same_prompt_and_is_kept_in_the_file() -> None:
    plain, blank = small(output_cue="Emotion:"), small(output_cue="Emotion: ")
    assert plain.render("x") == blank.render("x") == "Input: a\nEmotion: b\n\nInput: x\nEmotion:"
    assert plain.generation == blank.generation
    assert 'output_cue: "Emotion: "\n' in blank.to_yaml()
    assert Template.from_yaml(blank.to_yaml()).output_cue == "Emotion: "


def test_blank_lines_of_an_instruction_are_kept() -> None:
    assert small(instruction="\nA\n\n").render("x").startswith("\nA\n\n\n\nInput: a")


def test_line_ends_of_windows_give_the_same_prompt() -> None:
    text = small(instruction="A\nB", examples=[{"input": "c\nd", "output": "e"}]).to_yaml()
    unix, windows, old = (Template.from_yaml(text.replace("\n", end)) for end in ("\n", "\r\n", "\r"))
    assert unix == windows == old
    assert unix.render("f\r\ng\rh") == unix.render("f\ng\nh")


def test_several_inputs_are_given_by_name() -> None:
    inputs = [{"name": "premise", "cue": "Premise"}, {"name": "claim", "cue": "Claim"}]
    template = small(inputs=inputs, examples=[{"claim": "c", "premise": "p", "output": "yes"}])
    expected = "Premise: p\nClaim: c\nOutput: yes\n\nPremise: P\nClaim: C\nOutput:"
    assert template.render({"claim": "C", "premise": "P"}) == expected
    with pytest.raises(TemplateError, match="premise, claim"):
        template.render("P")


@pytest.mark.parametrize(
    "query", [{}, {"other": "x"}, {"input": "x", "other": "y"}, {"input": None}, {"input": 5}, "\ud800"]
)
def test_a_query_that_does_not_fit_is_refused_by_name(query: Any) -> None:
    with pytest.raises(TemplateError) as caught:
        small().render(query)
    assert caught.value.where.startswith("query.")


# --- stops


def test_stops_follow_from_the_separator_and_the_cues() -> None:
    template = small(separator="\n###\n", output_cue="=>", field_separator=" ", generation={"stop": ["END", "\n###\n"]})
    assert template.generation.stop == ("END", "\n###\n", " Input:", " =>")


def test_an_empty_cue_or_separator_adds_nothing() -> None:
    template = small(
        inputs=[{"name": "input", "cue": ""}], output_cue="", separator="", field_separator="", examples=[]
    )
    assert template.generation.stop == ()
    assert template.render("just this") == "just this"


def test_revising_cues_drops_the_stops_of_the_old_ones() -> None:
    template = small(generation={"stop": ["END"]}).revised(output_cue="Label", separator="\n")
    assert template.generation.stop == ("END", "\n", "\nInput:", "\nLabel:")


def test_too_many_stops_are_refused() -> None:
    with pytest.raises(TemplateError, match="17 stops"):
        small(generation={"stop": [str(i) for i in range(14)]})


# --- files


@given(templates())
def test_a_template_is_the_same_after_writing_and_reading(template: Template) -> None:
    text = template.to_yaml()
    assert Template.from_yaml(text) == template
    assert Template.model_validate(template.model_dump()) == template
    # Any other YAML reader sees the same strings.
    plain = yaml.safe_load(text)
    assert plain.get("instruction", "") == template.instruction
    assert plain.get("labels", []) == list(template.labels)
    assert plain.get("examples", []) == list(template.model_dump()["examples"])


@pytest.mark.parametrize("name", PROMPTS)
def test_shipped_files_are_written_as_the_program_writes_them(name: str) -> None:
    path = Path(__file__).parents[2] / "prompts" / f"{name}.yaml"
    assert Template.load(path).to_yaml() == path.read_text(encoding="utf-8")


def test_a_template_too_large_to_be_read_back_is_not_written() -> None:
    rows = [{"input": "x" * 90_000, "output": "y"}] * 4
    with pytest.raises(TemplateError, match="262,144"):
        small(examples=rows).to_yaml()


HEAD = "name: x\ntitle: X\n"
WRONG = {
    "unknown field": (f"{HEAD}instructions: a", "line 3, instructions", "'instruction'"),
    "unknown setting": (f"{HEAD}generation:\n  topk: 1", "line 4, generation.topk", "'top_k'"),
    "missing title": ("name: x", "title", "add"),
    "bad name": ("name: My File\ntitle: X", "line 1, name", "a-z"),
    "blank title": ('name: x\ntitle: " "', "line 2, title", "name"),
    "number out of range": (f"{HEAD}generation:\n  top_k: -1", "line 4, generation.top_k", "0"),
    "broken number": (f"{HEAD}generation:\n  top_k: 16.5", "line 4, generation.top_k", "integer"),
    "list for a text": (f"{HEAD}instruction: [a]", "line 3, instruction", "one text"),
    "text for a list": (f"{HEAD}labels: a", "line 3, labels", "dash"),
    "missing output": (f"{HEAD}examples:\n- input: a", "line 4, examples[0].output", "add"),
    "missing input": (f"{HEAD}examples:\n- output: a", "line 4, examples[0]", "input"),
    "unknown input": (f"{HEAD}examples:\n- {{inptu: a, output: b}}", "line 4, examples[0].inptu", "'input'"),
    "unknown query": (f"{HEAD}query: {{foo: a}}", "line 3, query.foo", "input"),
    "input named output": (f"{HEAD}inputs: [{{name: output, cue: a}}]", "line 3, inputs[0].name", "another name"),
    "same input twice": (
        f"{HEAD}inputs: [{{name: a, cue: a}}, {{name: a, cue: b}}]",
        "line 3, inputs[1].name",
        "rename",
    ),
    "no inputs": (f"{HEAD}inputs: []", "line 3, inputs", "at least one"),
    "labels that read alike": (f"{HEAD}labels: [Joy, joy.]", "line 3, labels[1]", "rename"),
    "blank label": (f'{HEAD}labels: [" "]', "line 3, labels[0]", "remove"),
    "attention": (f"{HEAD}attention: both", "line 3, attention", "'prefix' or 'causal'"),
    "empty check": (f"{HEAD}check: {{}}", "line 3, check", "columns"),
    "unquoted escape": (f"{HEAD}separator: \\n###\\n", "line 3, separator", "double quotes"),
    "long text": (f"{HEAD}instruction: {'x' * 100_001}", "line 3, instruction", "shorten"),
    "many examples": (f"{HEAD}examples: [{'{input: a, output: b}, ' * 201}]", "line 3, examples", "remove"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_one_line_with_file_line_field_and_mend(case: str) -> None:
    text, where, mend = WRONG[case]
    with pytest.raises(TemplateError) as caught:
        Template.from_yaml(text, where="my.yaml")
    separator = ", " if not where.startswith("line") else " "
    assert caught.value.where == f"my.yaml{separator}{where}"
    assert mend in caught.value.mend
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_half_a_character_is_refused() -> None:
    with pytest.raises(TemplateError, match="instruction") as caught:
        small(instruction="a\ud83d")
    assert str(caught.value).isascii()


def test_a_template_is_loaded_by_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(small(name="mine").to_yaml(), encoding="utf-8")
    assert Template.load(path) == Template.load(str(path)) == small(name="mine")
    assert Template.load("currency").title == "Country Currency"
    with pytest.raises(TemplateError, match="did you mean 'currency'"):
        Template.load("curency")


# --- pasted prompts


@given(templates(), texts)
def test_a_rendered_prompt_is_read_back_to_the_byte(template: Template, text: str) -> None:
    prompt = template.render({item.name: text for item in template.inputs})
    if prompt.strip():
        read, query = Template.parse(prompt)
        assert read.render(query) == prompt.rstrip(BLANKS)


LINES = [
    "Input:",
    "Input: a",
    "Output:",
    "Output: b",
    "Output: ",
    "",
    "a => b",
    "c =>",
    "###",
    "---",
    " x",
    "Q. c",
    "A.",
    "\n",
]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=5), max_size=12), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_any_text_is_read_without_losing_a_byte(lines: list[str], end: str) -> None:
    text = end.join(lines)
    if text.strip():
        read, query = Template.parse(text)
        assert read.render(query) == text.replace("\r\n", "\n").replace("\r", "\n").rstrip(BLANKS)


@pytest.mark.parametrize("text", ["", " ", "\n \t\n"])
def test_blank_text_is_no_prompt(text: str) -> None:
    with pytest.raises(TemplateError, match="paste a prompt"):
        Template.parse(text)


def test_text_that_is_no_few_shot_prompt_is_the_query_itself() -> None:
    read, query = Template.parse("Once upon a time\n")
    assert query == {"input": "Once upon a time\n"}
    assert (read.instruction, read.examples, read.generation.stop) == ("", (), ())


def test_more_examples_than_a_template_may_hold_are_still_not_lost() -> None:
    text = "Q: a\nA: b\n\n" * 201 + "Q: c\nA:"
    read, query = Template.parse(text)
    assert read.render(query) == text
