"""The head of the embedded model's card says what the hub asks of one, and agrees with the folder."""

from __future__ import annotations

from pathlib import Path

import yaml

from gptjt_demo.models.config import config_fields
from gptjt_demo.models.registry import MODELS

FOLDER = Path(MODELS["mini"].source)


def test_the_model_card_has_a_head_that_agrees_with_the_weights() -> None:
    _, head, text = (FOLDER / "README.md").read_text("utf-8").split("---\n", 2)
    fields = yaml.safe_load(head)
    assert fields["license"] == "apache-2.0"
    assert "Apache License" in (FOLDER / "LICENSE").read_text("utf-8")
    assert fields["base_model"].split("/")[-1] in text
    assert (fields["language"], fields["pipeline_tag"]) == ("en", "text-generation")
    assert {"prefix-lm", "few-shot"} <= set(fields["tags"])
    assert "library_name" not in fields  # no other library reads the layout
    assert config_fields(FOLDER)["architectures"] == ["LlamaForCausalLM"]
