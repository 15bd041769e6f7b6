"""Other tools' formats: what is read renders to their text, what is written runs and asks the exact prompt."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
import yaml
from command_line import run as command
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from made_templates import templates

import gptjt_demo
from gptjt_demo.errors import LinkError, PlaygroundError, SettingError, TemplateError
from gptjt_demo.templates.formats import FORMATS, export, load, read, save
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import to_fragment
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from conftest import Serve

LIBRARY = Library.open()
HOSTILE = (
    """{{ 7*7 }} {% raw %} {# c #} {%- x -%} {{{ }}} ${HOME} $(id) `id` 'q' "d" \\n \\ ! %s <b> # é 🏳️‍🌈\n\tEOF\nJSON"""
)
CARD = """\
---
license: apache-2.0   # a licence
tags: [a, &x b]
inference:
  parameters:
    max_new_tokens: 5
    temperature: 1.0
    top_k: 1
    repetition_penalty: 1.1
widget:
- example_title: "Sentiment Analysis"
  text: |-
    Label the post.

    Input: so happy
    Output: joy

    Input: {{x}} $y # z
    Output:
-
  example_title: Sentiment Analysis
  text: "Input: a\\nOutput: b\\n\\nInput: c\\nOutput: "
- text: Once upon a time
empty:
---

# Title

widget: this is text
"""


def lm_eval_prompt(task: str, values: dict[str, str]) -> str:
    """What the harness makes of a task's doc_to_text, which it renders with these settings."""
    document = yaml.safe_load(task)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    rendered = environment.from_string(document["doc_to_text"]).render(**values)
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(document["doc_to_text"])
    assert plain.render(**values) == rendered
    return str(rendered)


def columns(task: str) -> list[str]:
    """The columns of a task's rows, from the rows that it shows."""
    row = json.loads(next(line[2:] for line in task.splitlines() if line.startswith("# {")))
    return [name for name in row if name != "output"]


def run(program: str, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a Python program prints, with a scripted engine for the model."""
    monkeypatch.setattr(gptjt_demo, "load", lambda name: engine, raising=False)
    out = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        exec(compile(program, "snippet.py", "exec"), {})
    return out.getvalue()


# --- in


def test_all_examples_of_a_model_card_are_read_with_its_settings() -> None:
    first, second, third = read(CARD, "README.md")
    assert [item.name for item in (first, second, third)] == ["sentiment-analysis", "sentiment-analysis-2", "example-3"]
    assert first.title == second.title == "Sentiment Analysis"
    assert first.instruction == "Label the post."
    assert first.examples[0].output == "joy"
    assert first.query == {"input": "{{x}} $y # z"}
    assert (first.generation.max_new_tokens, first.generation.temperature, first.generation.top_k) == (5, 1.0, 1)
    assert second.render(second.query) == "Input: a\nOutput: b\n\nInput: c\nOutput:"
    assert third.render(third.query) == "Once upon a time"


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card[card.index("widget:\n") : card.index("empty:")],
        lambda card: card[card.index("- example_title") : card.index("empty:")],
        lambda card: card.replace("\n", "\r\n"),
        lambda card: "\ufeff" + card,
    ],
    ids=["block", "list", "crlf", "mark"],
)
def test_a_pasted_block_gives_the_same_prompts_as_the_whole_card(change: Any) -> None:
    assert [item.render(item.query) for item in read(change(CARD))] == [i.render(i.query) for i in read(CARD)]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- text: Once upon a time", "- src: cat.jpg", "line 23, widget[2]: this example has no text"),
        ("max_new_tokens: 5", "max_new_tokens: 5000", "parameters.max_new_tokens: 5000 does not fit"),
        ("Once upon a time", '" "', "widget[2]: there is nothing in it"),
        ("widget:\n", "widgets:\n", "no widget examples"),
        ("- text: Once", "- text: &a Once", "line 23: anchors"),
    ],
)
def test_a_mistake_in_a_card_is_one_line_that_says_where(old: str, new: str, words: str) -> None:
    with pytest.raises(TemplateError) as raised:
        read(CARD.replace(old, new), "README.md")
    assert words in str(raised.value)
    assert str(raised.value).startswith("README.md")


@pytest.mark.parametrize(
    ("text", "value", "prompt"),
    [
        ("prompt: 'Summarize this: $input'", "a b", "Summarize this: a b"),
        ("prompt: 'Summarize ${input}'", "a b", "Summarize a b"),
        ("prompt: Say it loudly.", "a", "Say it loudly.\na"),
        ('prompt: "($input) costs $$5?"', "a", "(a) costs $5?"),
        ('prompt: "Text:\\n$input\\n\\nSummary:"', "a\nb", "Text:\na\nb\n\nSummary:"),
        ("system: Be brief.\nprompt: '$input => '", "a", "Be brief.\n\na =>"),
        ("system: Be brief.\nmodel: gpt-4o", "a", "Be brief.\n\nInput: a\nOutput:"),
        ("prompt: 'In $lang: $input'\ndefaults:\n  lang: French", "a", "In French: a"),
        ('prompt: "Do.\\n\\nQ: x\\nA: y\\n\\nQ: $input\\nA:"', "a", "Do.\n\nQ: x\nA: y\n\nQ: a\nA:"),
    ],
)
def test_an_llm_template_renders_to_the_text_that_llm_would_send(text: str, value: str, prompt: str) -> None:
    (template,) = read(text, "my-summary.yaml")
    assert template.render(value) == prompt
    assert (template.name, template.title) == ("my-summary", "My summary")
    assert not any(stop.isspace() and "\n" not in stop for stop in template.generation.stop)


def test_variables_of_an_llm_template_become_inputs_with_their_defaults() -> None:
    text = 'name: pair\nprompt: "Compare.\\n\\nFirst: $a_b\\nSecond: $input\\nSame:"\ndefaults: {a_b: one}\n'
    (template,) = read(f"{text}options: {{temperature: 0.5, max_tokens: 9, stop: END}}\n")
    assert template.query == {"a-b": "one", "input": ""}
    assert template.render({"a-b": "x", "input": "y"}) == "Compare.\n\nFirst: x\nSecond: y\nSame:"
    assert (template.generation.temperature, template.generation.max_new_tokens) == (0.5, 9)
    assert "END" in template.generation.stop
    few_shot = 'prompt: "Q: x\\nA: y\\n\\nQ: $input\\nA:"'
    assert [row.output for row in read(few_shot)[0].examples] == ["y"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prompt: It costs $5. $input", "$ that begins no variable"),
        ("prompt: $input and $input", "no place for them"),
        ("prompt: $a then $b then $input", "no place for them"),
        ("system: Speak $lang", "$lang has no value"),
        ("prompt: x\nschema_object:\n  type: object", "schema_object: this has no counterpart"),
        ("prompt: x\nextract: true", "extract: this has no counterpart"),
        ("prompt: x\noptions:\n  json_object: true", "options.json_object"),
        ("prompt: x\noptions:\n  temperature: 9", "options.temperature: 9 does not fit"),
        ("prompt: !!python/object:os.system x", "tags"),
        ("prompt: &a x\nsystem: *a", "anchors"),
        ('prompt: ""', "nothing in it"),
    ],
)
def test_what_llm_does_and_a_template_cannot_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(TemplateError) as raised:
        read(text, "t.yaml")
    assert words in str(raised.value)
    assert str(raised.value).startswith("t.yaml")


@settings(deadline=None)
@given(templates())
def test_a_templates_own_yaml_and_its_link_are_read_as_what_they_are(template: Template) -> None:
    assert read(template.to_yaml()) == [template]
    assert read(to_fragment(template)) == [template]


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_a_raw_prompt_is_read_as_a_prompt_whatever_its_cues(template: Template) -> None:
    prompt = template.render(template.query)
    (read_back,) = read(prompt)
    assert read_back.render(read_back.query) == prompt


@pytest.mark.parametrize(
    "prompt",
    [
        "prompt: a\noutput: b\n\nprompt: c\noutput:",
        "system: be nice\nuser: hello\nassistant:",
        "name: Bob\ntitle: Dr\ndescription:",
        "widget:",
        "Here is a note\nwith two lines",
        "---\nInput: a\n---\nOutput:",
    ],
)
def test_a_prompt_that_looks_like_yaml_is_still_a_prompt(prompt: str) -> None:
    (template,) = read(prompt)
    assert template.render(template.query) == prompt


@pytest.mark.parametrize("text", ["name: x\ntitle: X\nlables: [a]\n", "name: x\ninstruction: y\n", "", " \n"])
def test_a_broken_template_is_not_taken_for_a_prompt(text: str) -> None:
    with pytest.raises(TemplateError):
        read(text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_pasted_gives_templates_or_one_line(text: str) -> None:
    try:
        assert read(text)
    except PlaygroundError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said


# --- out


@settings(deadline=None)
@given(templates(), st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_a_widget_block_is_read_back_to_the_same_prompt(template: Template, text: str) -> None:
    query = {item.name: f"x{text}" for item in template.inputs}
    block = export(template, "hf-widget", query)
    (read_back,) = read(block)
    assert read_back.render(read_back.query) == template.render(query)
    assert yaml.safe_load(block)["widget"][0]["text"] == template.render(query)


@settings(deadline=None)
@given(templates(), st.data())
def test_the_harness_gives_a_model_the_same_bytes(template: Template, data: st.DataObject) -> None:
    texts = st.one_of(st.sampled_from(["", " ", "\n", "\n x", "{", HOSTILE]), st.text(st.characters(codec="utf-8")))
    query = {item.name: data.draw(texts).replace("\r", "") for item in template.inputs}
    task = export(template, "lm-eval")
    assert lm_eval_prompt(task, dict(zip(columns(task), query.values(), strict=True))) == template.render(query)


@pytest.mark.parametrize("cue", ["{", "Output {{", "{%", "Out:\n", "", "{#"])
def test_braces_in_a_template_never_become_jinja(cue: str) -> None:
    rows = [{"input": HOSTILE, "output": HOSTILE}]
    template = LIBRARY["currency"].revised(instruction=HOSTILE, examples=rows, output_cue=cue, field_separator="{")
    for value in (HOSTILE, "x", "", "\n", "{{ x }}"):
        assert lm_eval_prompt(export(template, "lm-eval"), {"input": value}) == template.render(value)


def test_a_harness_task_names_labels_target_and_stops_and_shows_its_rows() -> None:
    text = export(LIBRARY["emotion"], "lm-eval")
    task = yaml.safe_load(text)
    assert (task["output_type"], task["doc_to_target"]) == ("multiple_choice", "output")
    assert task["doc_to_choice"] == list(LIBRARY["emotion"].labels)
    rows = [json.loads(line[2:]) for line in text.splitlines() if line.startswith("# {")]
    assert [row["output"] for row in rows] == [case.output for case in LIBRARY["emotion"].checks]
    task = yaml.safe_load(export(LIBRARY["currency"], "lm-eval"))
    assert task["output_type"] == "generate_until"
    assert task["generation_kwargs"]["until"] == list(LIBRARY["currency"].generation.stop)
    assert task["generation_kwargs"]["do_sample"] is False


def test_inputs_that_jinja_could_not_name_get_a_column_that_it_can() -> None:
    names = ["is", "a-b", "2nd", "self"]
    template = Template.model_validate(
        {"name": "odd", "title": "Odd", "inputs": [{"name": name, "cue": name} for name in names]}
    )
    task = export(template, "lm-eval")
    prompt = lm_eval_prompt(task, {column: column for column in columns(task)})
    assert prompt == template.render(dict(zip(names, columns(task), strict=True)))


@settings(deadline=None)
@given(templates(), st.text(alphabet=st.characters(codec="utf-8")))
def test_the_python_program_asks_the_exact_prompt(template: Template, text: str) -> None:
    engine = FakeEngine(context=10**9)
    query = {item.name: f"x{text}" for item in template.inputs}
    with pytest.MonkeyPatch.context() as patch:
        run(export(template, "python", query), engine, patch)
    assert engine.prompts == [template.render(query)]


def test_the_python_program_prints_the_answer_and_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(default=" joy", scores={"joy": -0.1})
    out = run(export(LIBRARY["emotion"], "python", HOSTILE), engine, monkeypatch)
    assert engine.prompts == [LIBRARY["emotion"].render(HOSTILE)]
    assert out.splitlines()[0].strip() == "joy"
    assert out.splitlines()[1:][1].split() == ["100.0%", "joy"]


@pytest.fixture(scope="module")
def hostile() -> Template:
    rows = [{"input": HOSTILE, "output": HOSTILE}]
    return LIBRARY["currency"].revised(examples=rows, attention="causal", generation={"stop": ["'", "\\"], "seed": 3})


def test_curl_asks_a_served_page_the_exact_prompt(serve: Serve, hostile: Template) -> None:
    engine = FakeEngine(default="it's `fine`")
    script = export(hostile, "curl", HOSTILE, address=serve(engine))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    answer = json.loads(done.stdout.partition("data: ")[2])[0]
    assert engine.prompts == [hostile.render(HOSTILE)]
    assert (answer["text"], answer["seed"], answer["attention"]) == ("it", 3, "causal")
    assert script.isascii()


def test_gradio_client_asks_a_served_page_the_exact_prompt(
    serve: Serve, hostile: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine(default="it's `fine`")
    out = run(export(hostile, "gradio-client", HOSTILE, address=serve(engine)), engine, monkeypatch)
    assert engine.prompts == [hostile.render(HOSTILE)]
    assert out.splitlines()[-1] == "it"


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_every_template_is_written_in_every_format(template: Template) -> None:
    for form in FORMATS:
        assert export(template, form.name).endswith("\n")
        assert form.ending.startswith(".")
        assert form.description.endswith(".")


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean 'yaml'"):
        export(LIBRARY["emotion"], "yml")


# --- files and the command line


def test_a_link_from_the_command_line_imports_to_the_same_template(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, fragment, _ = command(capsys, "templates", "link", "hate")
    status, out, _ = command(capsys, "templates", "import", fragment, "--out", tmp_path / "new")
    assert status == 0
    assert out.strip() == str(tmp_path / "new" / "hate.yaml")
    assert Template.load(tmp_path / "new" / "hate.yaml") == LIBRARY["hate"]


def test_a_card_imports_from_a_file_and_from_standard_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    _, out, _ = command(capsys, "templates", "import", tmp_path / "README.md", "--out", tmp_path / "a")
    assert len(out.splitlines()) == len(list((tmp_path / "a").glob("*.yaml"))) == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Input: a\nOutput:")))
    _, out, _ = command(capsys, "templates", "import", "-")
    assert Template.from_yaml(out).render("b") == "Input: b\nOutput:"


def test_an_import_replaces_no_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "emotion.yaml").write_text("mine", encoding="utf-8")
    status, _, err = command(capsys, "templates", "import", to_fragment(LIBRARY["emotion"]), "--out", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert (tmp_path / "emotion.yaml").read_text(encoding="utf-8") == "mine"
    with pytest.raises(TemplateError, match="cannot be written"):
        save([LIBRARY["hate"]], tmp_path / "emotion.yaml" / "below")


def test_a_cut_link_and_an_absent_file_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LinkError):
        load(to_fragment(LIBRARY["emotion"])[:60])
    status, out, err = command(capsys, "templates", "import", "no-such.md")
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_command_line_exports_every_format(capsys: pytest.CaptureFixture[str], form: Any) -> None:
    status, out, err = command(capsys, "templates", "export", "currency", "--to", form.name)
    assert (status, err) == (0, "")
    assert out == export(LIBRARY["currency"], form.name)
    status, _, err = command(capsys, "templates", "export", "currency", "--to", "pdf")
    assert (status, err.count("\n")) == (2, 1)
