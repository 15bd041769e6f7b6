"""The JSON Schema: the published file is the models' own, and editors accept the shipped templates with it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from gptjt_demo.templates.schema import template_schema
from gptjt_demo.templates.shipped import folder
from gptjt_demo.templates.template import SCHEMA_FILE

FILES = sorted(folder().glob("*.yaml"))
WRITE = (
    'run: python -c "import json; from gptjt_demo.templates.schema import template_schema; '
    f'print(json.dumps(template_schema(), indent=2, ensure_ascii=False))" > prompts/{SCHEMA_FILE}'
)


def test_the_published_schema_is_the_models_own() -> None:
    published = json.loads((folder() / SCHEMA_FILE).read_text(encoding="utf-8"))
    assert published == template_schema(), WRITE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_files_name_the_schema_and_fit_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    jsonschema.Draft202012Validator(template_schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "wrong", [{"name": "x"}, {"titel": "x"}, {"labels": "a"}, {"examples": [{"input": "a"}]}, {"attention": None}]
)
def test_the_schema_refuses_what_a_template_refuses(wrong: dict[str, object]) -> None:
    document = {"name": "x", "title": "X"} | wrong if "name" not in wrong else wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, template_schema())


def test_every_field_is_described() -> None:
    fields = template_schema()["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []
