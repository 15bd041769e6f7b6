"""The JSON Schema of a template's file, made from the models, for editors that complete and check as one types.

Out: a dict that `prompts/template.schema.json` holds. Knows nothing of what validation says beyond the schema.
"""

from __future__ import annotations

from typing import Any

from gptjt_demo.templates.template import Template


def template_schema() -> dict[str, Any]:
    """The JSON Schema of a template's file, for editors; `prompts/template.schema.json` holds it."""
    schema = _without_null(Template.model_json_schema())
    schema["description"] = schema["description"].partition("\n")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _without_null(schema: Any) -> Any:
    """In a file a field is left out rather than null."""
    if isinstance(schema, list):
        return [_without_null(part) for part in schema if part != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _without_null(value) for key, value in schema.items() if value is not None}
    choices = schema.pop("anyOf", [])
    return {**schema, **choices[0]} if len(choices) == 1 else {**schema, **({"anyOf": choices} if choices else {})}
