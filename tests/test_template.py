"""Templates: what is accepted, and that files, rows and prompts keep every byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.check import Check, normalised
from gptjt_demo.errors import TemplateError
from gptjt_demo.prompt_text import complete_cue
from gptjt_demo.sampling import Sampling
from gptjt_demo.template import Example, Input, Template

PROMPTS = {
    "emotion": (
        "The task is to label the post's emotion as sadness, joy, love, anger, fear, or surprise.\n\n"
        "Input: I'm feeling quite sad and sorry for myself but ill snap out of it soon.\nOutput: sadness\n\n"
        "Input: I am just feeling cranky and blue.\nOutput: anger\n\n"
        "Input: I can have for a treat or if i am feeling festive.\nOutput:"
    ),
    "currency": (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: India\nOutput:"
    ),
    "hate": (
        "Label whether the following tweet contains hate speech against either immigrants or women. Hate Speech (HS) "
        "is commonly defined as any communication that disparages a person or a group on the basis of some "
        "characteristic such as race, color, ethnicity, gender, sexual orientation, nationality, religion, or other "
        "characteristics.\n"
        "Possible labels:\n1. hate speech\n2. not hate speech\n\n"
        "Tweet: HOW REFRESHING! In South Korea, there is no such thing as 'political correctness\" when it comes to "
        "dealing with Muslim refugee wannabes via @user\nLabel: hate speech\n\n"
        "Tweet: New to Twitter-- any men on here know what the process is to get #verified?\nLabel: not hate speech\n\n"
        "Tweet: Dont worry @user you are and will always be the most hysterical woman.\nLabel:"
    ),
    "entities": (
        "Extract all the names of people, places, and organizations from the following sentences.\n\n"
        "Sentence: Satya Nadella, the CEO of Microsoft, was visiting the Bahamas last May.\n"
        "Entities: Satya Nadella, Microsoft, Bahamas\n\n"
        "Sentence: Pacific Northwest cities include Seattle and Portland, which I have visited with Vikash.\nEntities:"
    ),
    "cleaning": (
        "Format the data into a CSV file:\n\n"
        "Input: Jane Doe jane.doe@example.com (520) 382 2435\nOutput: Jane Doe,jane.doe@example.com,520-382-2435\n\n"
        "Input: Peter Lee (510) 333-2429 email: peter@example.com\nOutput:"
    ),
}
BLANKS = " \t"


def small(**changes: Any) -> Template:
    fields: dict[str, Any] = {"name": "small", "title": "Small", "examples": [{"input": "a", "output": "b"}]}
    return Template(**(fields | changes))


# Text that breaks file formats and template engines, and any other text that UTF-8 can hold.
NASTY = [
    "",
    " ",
    "\n",
    "NO",
    "007",
    "1e5",
    "~",
    "null",
    "# no",
    "a: b",
    "- a",
    "{{input}}",
    "${x}",
    "%s",
    "\\n",
    "'",
    '"',
]
NASTY += [
    "\u2028",
    "\x85",
    "\ufeff",
    "\x00",
    "\x1b[0m",
    "👩‍🔬",
    "<|endoftext|>",
    "a \n b",
    "\n\n\n",
    "|-",
    "a\n\nb\n",
    "---",
    "`",
]
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=4).map("".join)
labels = st.lists(texts.filter(str.strip), max_size=4, unique_by=lambda label: normalised(label.replace("\r", "\n")))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    names = draw(
        st.lists(st.sampled_from(["input", "no", "007", "premise", "a_b"]), min_size=1, max_size=3, unique=True)
    )
    gaps = st.sampled_from(["\n\n", "\n", " ", "", "\n---\n", "\u2028", "\t"])
    rows = st.fixed_dictionaries({**dict.fromkeys(names, texts), "output": texts})
    cues = st.text(max_size=6) | st.sampled_from(["Input: ", "Q.", "=>", "", "\n", "भा"])
    return Template(
        name="any-1",
        title="Any: # title",
        description=draw(texts),
        instruction=draw(texts),
        inputs=tuple(Input(name=name, cue=draw(cues)) for name in names),
        output_cue=draw(cues),
        separator=draw(gaps),
        field_separator=draw(gaps),
        examples=tuple(Example.model_validate(row) for row in draw(st.lists(rows, max_size=3))),
        query={name: draw(texts) for name in names},
        labels=tuple(draw(labels)),
        generation=Sampling(
            max_new_tokens=draw(st.integers(1, 1024)),
            temperature=draw(st.floats(0, 5)),
            seed=draw(st.none() | st.integers(0, 2**32 - 1)),
            stop=tuple(draw(st.lists(texts.filter(bool), max_size=3, unique=True))),
        ),
        attention=draw(st.sampled_from([None, "prefix", "causal"])),
        check=draw(st.sampled_from([None, Check(columns=3), Check(from_input=True)])),
        notice=draw(texts),
    )


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
def test_every_prompt_is_the_header_then_the_query(template: Template, text: str) -> None:
    prompt = template.render({item.name: text for item in template.inputs})
    assert prompt.startswith(template._shape().header())
    assert "\r" not in prompt


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
    path = Path(__file__).parent.parent / "prompts" / f"{name}.yaml"
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


def test_templates_need_no_model_library() -> None:
    code = "import sys, gptjt_demo.template, gptjt_demo.library; print([m for m in sys.modules if '.' not in m])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'pydantic'" in loaded
    assert not [name for name in ("torch", "transformers", "pandas", "numpy", "gradio") if f"'{name}'" in loaded]


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
