"""The model `gptjt` inside lm-evaluation-harness, on tasks as a template exports them: beside the harness's own `hf` in
causal mode, beside `score` in prefix mode."""

from __future__ import annotations

import copy
import json
import logging
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lm_eval
import pytest
import tiny
import torch
from command_line import run as command
from lm_eval.api.registry import get_model
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from gptjt_demo.engine.engine import Engine
from gptjt_demo.errors import PromptTooLong, SettingError
from gptjt_demo.evaluation.harness import PrefixLM
from gptjt_demo.settings import Sampling
from gptjt_demo.templates.formats import export
from gptjt_demo.templates.template import Template

ROOT = Path(__file__).parents[2]
TEMPLATE = Template.model_validate(
    {
        "name": "mood",
        "title": "Mood",
        "instruction": "Which mood?",
        "examples": [{"input": "I won {{ all }}", "output": "joy"}],
        "generation": {"max_new_tokens": 9, "stop": ["\n"]},
    }
)
LABELS = ("joy", "deep sadness", "✓")
ROWS = [("it rains", "deep sadness"), ("a cake with cream, and more of it", "joy"), ("é", "joy")]
WORDS = 257  # every logit stands for a token: `hf` counts those that stand for none, too
ROLLING = """\
task: whole
dataset_path: json
dataset_kwargs: {{data_files: {{test: rows.jsonl}}, cache_dir: "{cache}"}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{input * 40}}}}"
metric_list: [{{metric: byte_perplexity}}]
"""


@pytest.fixture
def family() -> str:
    return "llama"


@pytest.fixture
def network(family: str) -> Any:
    """A model in float32 whose weights are those that the 8-bit layout holds of it."""
    made = tiny.model(family, vocabulary=WORDS)
    state = tiny.blockwise_state(made)
    for name in [name for name in state if name.endswith(".absmax")]:
        weight = name.replace(".absmax", ".weight")
        values = state.pop(name.replace(".absmax", ".code"))[state[weight].long()]
        scales = state.pop(name).repeat_interleave(4096)[: values.numel()]
        state[weight] = values * scales.view(values.shape)
    made.load_state_dict(state)
    return made


@pytest.fixture
def engine(network: Any) -> Engine:
    return Engine(network, tiny.tokenizer(), name="tiny")


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tasks: `mood` with labels, `words` with text, `whole` with texts longer than the context."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    rows = "".join(json.dumps({"input": text, "output": right}) + "\n" for text, right in ROWS)
    cache = tmp_path / "cache"
    for name, template in (("mood", TEMPLATE.revised(labels=LABELS)), ("words", TEMPLATE.revised(name="words"))):
        task = export(template, "lm-eval").replace("data_files:", f"cache_dir: {cache}\n  data_files:")
        (tmp_path / f"{name}.yaml").write_text(task, encoding="utf-8")
        (tmp_path / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "whole.yaml").write_text(ROLLING.format(cache=cache), encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    return tmp_path


def evaluated(model: Any, folder: Path, *names: str) -> dict[str, list[list[Any]]]:
    """What a model answers to every row of a task."""
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = lm_eval.simple_evaluate(model=model, tasks=list(names), task_manager=manager, bootstrap_iters=0)
    return {name: [[each[0] for each in row["resps"]] for row in found["samples"][name]] for name in names}


def prompts() -> list[str]:
    return [TEMPLATE.render(text) for text, _ in ROWS]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_causal_answers_are_those_of_the_harness_s_own_model(network: Any, engine: Engine, tasks: Path) -> None:
    theirs = HFLM(pretrained=network, tokenizer=copy.deepcopy(tiny.tokenizer()), backend="causal")
    for prompt in prompts():
        for label in LABELS:
            assert theirs._encode_pair(prompt, f" {label}") == (engine.encode(prompt), engine.encode(f" {label}"))
    names = ("mood", "words", "whole")
    expected = evaluated(theirs, tasks, *names)
    found = evaluated(PrefixLM(engine, attention="causal"), tasks, *names)
    for one, other in zip(found["mood"], expected["mood"], strict=True):
        assert [each[0] for each in one] == pytest.approx([each[0] for each in other], abs=1e-4)
        assert [each[1] for each in one] == [each[1] for each in other]
    whole = [[text.rstrip("\ufffd") for text in row] for row in expected["words"]]  # half a character is no text here
    assert found["words"] == whole
    assert any(text for [text] in whole)
    for [one], [other] in zip(found["whole"], expected["whole"], strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_prefix_answers_are_those_of_score_and_complete(engine: Engine, tasks: Path) -> None:
    found = evaluated(PrefixLM(engine, attention="prefix"), tasks, "mood", "words")
    causal = evaluated(PrefixLM(engine, attention="causal"), tasks, "mood")
    for prompt, row, other, [text] in zip(prompts(), found["mood"], causal["mood"], found["words"], strict=True):
        scores = engine.score(prompt, LABELS, end="", attention="prefix")
        assert [each[0] for each in row] == pytest.approx([score.logprob for score in scores], abs=1e-5)
        assert [each[0] for each in row] != pytest.approx([each[0] for each in other], abs=1e-2)
        settings = Sampling(max_new_tokens=9, stop=("\n",))
        assert text.removeprefix(" ") == engine.complete(prompt, settings, attention="prefix").text
    with pytest.raises(SettingError, match="use causal"):
        evaluated(PrefixLM(engine, attention="prefix"), tasks, "whole")


def test_an_8_bit_model_that_is_loaded_by_its_folder_answers_as_its_weights(
    network: Any, tasks: Path, tmp_path: Path
) -> None:
    model = PrefixLM(str(tiny.save(network, tmp_path / "model")))
    exact = Engine(network, tiny.tokenizer())
    found = evaluated(model, tasks, "mood")
    for prompt, row in zip(prompts(), found["mood"], strict=True):
        for engine, tolerance in ((model.engine, 1e-6), (exact, 1e-3)):  # 8-bit products have 14 bits or more
            scores = engine.score(prompt, LABELS, end="", attention="prefix")
            assert [each[0] for each in row] == pytest.approx([score.logprob for score in scores], rel=tolerance)


def request(*arguments: Any) -> Any:
    return SimpleNamespace(args=arguments)


def test_a_context_that_is_too_long_loses_its_beginning_and_that_is_said(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    model = PrefixLM(engine, attention="causal")
    tail = "b" * (tiny.CONTEXT - 2)
    with caplog.at_level(logging.WARNING):
        found = model.loglikelihood([request("a" * 50 + tail, "cde"), request(tail, "cde")], disable_tqdm=True)
    assert found[0] == found[1]
    assert "its first 50 are cut" in caplog.text
    with pytest.raises(PromptTooLong):
        model.loglikelihood([request("a", "b" * (tiny.CONTEXT + 2))], disable_tqdm=True)


def test_an_empty_context_is_the_start_of_a_text(engine: Engine) -> None:
    [(found, _)] = PrefixLM(engine).loglikelihood([request("", "ab")], disable_tqdm=True)
    ids = [tiny.END, *engine.encode("ab")]
    rows = tiny.full_logits(tiny.network(engine), ids, 1, "causal").log_softmax(-1)
    assert found == pytest.approx(float(rows[[0, 1], torch.tensor(ids[1:])].sum()), abs=1e-4)


def test_what_the_model_cannot_do_is_refused_in_a_line(engine: Engine) -> None:
    neo = Engine(tiny.model("gpt_neo", "eager"), tiny.tokenizer(), name="neo")
    with pytest.raises(SettingError, match="neo cannot be read in prefix mode; use causal"):
        PrefixLM(neo, attention="prefix")
    with pytest.raises(SettingError, match="sideways"):
        PrefixLM(engine, attention="sideways")  # type: ignore[arg-type]
    model = PrefixLM(engine)
    with pytest.raises(SettingError, match="exact text"):
        model.apply_chat_template([{"role": "user", "content": "a"}])
    with pytest.raises(SettingError, match="repetition_penalty"):
        model.generate_until([request("a", {"until": ["\n"], "repetition_penalty": 2})], disable_tqdm=True)


@pytest.mark.parametrize(("theirs", "ours"), [(None, "auto"), ("cuda:0", "auto"), ("cuda", "auto"), ("cpu", "cpu")])
def test_the_harness_s_word_for_a_gpu_is_one_where_there_is_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, theirs: str | None, ours: str
) -> None:
    asked = []

    def loaded(model: str, device: str) -> Engine:
        asked.append((model, device))
        return engine

    monkeypatch.setattr("gptjt_demo.models.loading.load", loaded)
    PrefixLM.create_from_arg_string("pretrained=mini", {"device": theirs, "batch_size": 1, "max_batch_size": None})
    assert asked == [("mini", ours)]


def test_settings_of_a_task_are_ours_and_a_task_that_samples_is_seeded(engine: Engine) -> None:
    model = PrefixLM(engine, seed=3)
    greedy = {"until": ["\n", ""], "max_gen_toks": 5, "do_sample": False, "temperature": 0.7}
    chance = {"until": "\n", "max_gen_toks": 20, "do_sample": True, "temperature": 2.0, "top_p": 0.9, "top_k": 50}
    asked = [request("a", greedy), request("b", chance), request("b", chance)]
    found = model.generate_until(asked, disable_tqdm=True)
    expected = [
        engine.complete("a", Sampling(max_new_tokens=5, stop=("\n",))),
        engine.complete("b", Sampling(max_new_tokens=20, stop=("\n",), temperature=2.0, top_p=0.9, top_k=50, seed=3)),
    ]
    assert [text.removeprefix(" ") for text in found] == [expected[0].text, expected[1].text, expected[1].text]


def test_the_harness_finds_the_model_by_its_name(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["lm_eval.models"]["gptjt"].partition(":")
    assert getattr(import_module(module), name) is get_model("gptjt") is PrefixLM
    seen: list[list[str]] = []
    monkeypatch.setattr("lm_eval.__main__.cli_evaluate", lambda: seen.append(sys.argv))
    words = ["run", "--model", "gptjt", "--tasks", "mood", "--model_args", "pretrained=mini,attention=prefix", "-h"]
    assert command(capsys, "lm-eval", *words) == (0, "", "")
    assert seen == [["lm-eval", *words]]
    monkeypatch.setattr("gptjt_demo.cli.harness.find_spec", lambda name: None)
    status, out, err = command(capsys, "lm-eval", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'gptjt-demo[lm-eval]'" in err
