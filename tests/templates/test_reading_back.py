"""Whatever the page writes is read in again: its history as JSON, and the programs that a prompt is exported as."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import run as command
from hypothesis import given, settings
from hypothesis import strategies as st
from made_templates import templates

from gptjt_demo.errors import PlaygroundError, TemplateError
from gptjt_demo.templates.formats import FORMATS, export, read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.measured import prompt_key

LIBRARY = Library.open()


def thing(template: Template, kind: str = "template", **more: Any) -> dict[str, Any]:
    """One of the things that the page keeps."""
    dumped = template.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    time = "2026-11-28T10:00:00.000Z"
    return {"id": f"{time}-abc", "time": time, "kind": kind, "title": template.title, "template": dumped, **more}


def downloaded(*things: dict[str, Any]) -> str:
    """What Download JSON writes of them."""
    return json.dumps(list(things), indent=2, ensure_ascii=False)


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_every_shipped_template_comes_back_from_the_downloaded_history(template: Template) -> None:
    assert read(downloaded(thing(template))) == [template]
    assert read(downloaded(thing(template)), "gptjt-playground.json") == [template]


@settings(max_examples=30)
@given(templates())
def test_whatever_was_saved_comes_back_from_the_downloaded_history(template: Template) -> None:
    assert read(downloaded(thing(template))) == [template]
    assert read(json.dumps(thing(template)["template"]), "one.json") == [template]


def test_a_history_gives_saved_prompts_first_and_of_the_runs_those_that_are_no_saved_prompt() -> None:
    saved = LIBRARY["emotion"]
    asked = saved.revised(query={"input": "another"}, generation={**saved.generation.model_dump(), "seed": 7})
    other = saved.revised(instruction="Something else.")
    things = [thing(asked, "run", answers=[]), thing(other, "run"), thing(other, "run"), thing(saved)]
    found = read(downloaded(*things, {"kind": "measured", "id": "x"}))
    assert found == [saved, other.revised(name="emotion-2")]


@pytest.mark.parametrize("form", [item.name for item in FORMATS])
@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_an_export_of_every_shipped_template_asks_the_same_when_it_is_read_in_again(
    template: Template, form: str
) -> None:
    (found,) = read(export(template, form))
    query = dict(zip(found.query, template.query.values(), strict=True))
    assert found.render(query) == template.render(template.query)
    if form == "lm-eval":  # it holds neither the sample query nor what labels do not need
        assert found.labels == template.labels
        assert [row.output for row in found.checks] == [row.output for row in template.checks]
        return
    assert found.query == query
    assert found.generation.model_dump(exclude={"stop"}) == template.generation.model_dump(exclude={"stop"})
    assert set(found.generation.stop) >= set(template.generation.stop)


@settings(max_examples=30)
@given(templates(), st.text(st.characters(codec="utf-8"), max_size=20))
def test_an_exported_program_is_read_back_to_the_template_but_for_its_checks(template: Template, text: str) -> None:
    query = {item.name: f"x{text}" for item in template.inputs}
    (found,) = read(export(template, "python", query))
    assert found == template.revised(query=query, checks=())


@settings(max_examples=30)
@given(templates(), st.sampled_from(["curl", "gradio-client"]))
def test_an_exported_call_is_read_back_to_the_same_prompt_and_settings(template: Template, form: str) -> None:
    template = template.revised(query={item.name: "x" for item in template.inputs})
    (found,) = read(export(template, form))
    assert found.render(found.query) == template.render(template.query)
    assert found.generation.model_dump(exclude={"stop"}) == template.generation.model_dump(exclude={"stop"})
    assert set(found.generation.stop) >= set(template.generation.stop)
    assert found.attention == template.attention


@settings(max_examples=60)
@given(templates(), st.text(st.characters(codec="utf-8"), max_size=20))
def test_an_exported_task_is_read_back_to_the_same_prompt_for_every_row_or_refused(
    template: Template, text: str
) -> None:
    query = dict.fromkeys([item.name for item in template.inputs], text.replace("\r", ""))
    found = None
    with suppress(TemplateError):  # what stands between its inputs may be no cue
        (found,) = read(export(template, "lm-eval"))
    if found is not None:
        assert found.render(dict(zip(found.query, query.values(), strict=True))) == template.render(query)
        assert found.labels == template.labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"id": "2026-11-28T10:00", "kind": "temp', "line 1: no JSON"),
        ('{"name": "x", "name": "y", "title": "Z"}', "'name' is given twice"),
        ('{"name": "x", "title": "X", "generation": {"temperature": NaN}}', "NaN is no number"),
        ('{"name": "x", "title": "X", "evil": 1}', "evil"),
        ('[{"kind": "template", "template": {"name": "x"}}]', "[0], title"),
        ('[{"kind": "template", "template": 3}]', "[0]: there is no template in it"),
        ('[{"kind": "measured"}]', "there is no template in it"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "there is no template in it"),
        ("", "no JSON"),
    ],
)
def test_json_that_is_no_history_is_one_line_that_says_where(text: str, words: str) -> None:
    with pytest.raises(TemplateError) as raised:
        read(text, "kept.json")
    assert words in str(raised.value)
    assert str(raised.value).startswith("kept.json")


@pytest.mark.parametrize("prompt", ['{"name": "Bob"}\nOutput:', '[{"kind": "a"}] =>', '{"id": {"title": 1}\nJSON:'])
def test_a_prompt_that_begins_like_json_is_still_a_prompt(prompt: str) -> None:
    (template,) = read(prompt)
    assert template.render(template.query) == prompt


CHANGED = [
    ("python", "'examples'", "__import__('os').system('touch pwned') or 'examples'"),
    ("python", "Template.model_validate(\n", "Template.model_validate(dict(\n"),
    ("python", "'title'", "'evil'"),
    ("gradio-client", "prompt=", "prompt=open('x').read() or "),
    ("gradio-client", "prompt=", "prompts="),
    ("curl", '"prompt": "', '"prompt": 3, "x": "'),
    ("curl", "-d '{", "-d '{{"),
]


@pytest.mark.parametrize(("form", "old", "new"), CHANGED)
def test_a_program_that_was_changed_is_never_run_and_is_one_line(form: str, old: str, new: str) -> None:
    text = export(LIBRARY["currency"], form)
    assert old in text
    with pytest.raises(TemplateError) as raised:
        read(text.replace(old, new, 1), "x.py")
    assert str(raised.value).startswith("x.py")
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    "inner", ["[" * 100_000, "-" * 100_000 + "1", "'a' " * 50_000, "(" * 50 + ")" * 50, "1" * 9_999]
)
def test_a_program_made_to_bring_the_parser_down_is_one_line_at_once(inner: str) -> None:
    with pytest.raises(PlaygroundError):
        read(f"template = Template.model_validate(\n    {inner},\n)\nprompt = template.render(\n    {inner},\n)\n")


def test_the_command_line_imports_a_downloaded_history(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "gptjt-playground.json"
    path.write_text(downloaded(*map(thing, LIBRARY)), encoding="utf-8")
    status, out, _ = command(capsys, "templates", "import", path, "--out", tmp_path / "mine")
    assert status == 0
    assert len(out.splitlines()) == len(LIBRARY)
    assert all(Template.load(tmp_path / "mine" / f"{item.name}.yaml") == item for item in LIBRARY)


def test_versions_and_figures_of_a_downloaded_history_become_one_beside_the_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    old, new = LIBRARY["emotion"].revised(instruction="Old."), LIBRARY["emotion"]
    figures = {"time": "2026-11-28T10:00:00Z", "file": "gold.csv", "rows": 4, "right": 2, "accuracy": 0.5}
    figures |= {"interval": [0.1, 0.9], "attention": "prefix", "model": "mini", "how": "logprob", "macro_f1": None}
    measured = {"id": "f", "kind": "measured", "key": prompt_key(old), "sentence": "x", **figures}
    versions = [{**thing(old), "number": 1, "note": "the first"}, {"template": 3}]
    path = tmp_path / "gptjt-playground.json"
    path.write_text(
        downloaded(thing(new, number=2, versions=versions), measured, {"kind": "measured"}), encoding="utf-8"
    )
    status, out, _ = command(capsys, "templates", "import", path, "--out", tmp_path / "mine")
    assert (status, [Path(line).name for line in out.splitlines()]) == (0, ["emotion.yaml", "emotion.history.jsonl"])
    _, out, _ = command(capsys, "templates", "history", "emotion", "--prompts", tmp_path / "mine")
    assert [line.strip() for line in out.splitlines()] == [
        "version 2, 2026-11-28 10:00: instruction changed",
        "version 1, 2026-11-28 10:00 (the first): the first that is kept",
        "accuracy 50.0 % (95 % interval 10.0 to 90.0 %) on 4 rows of gold.csv, prefix attention, mini, 2026-11-28",
    ]
