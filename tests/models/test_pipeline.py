from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny

import gptjt_demo
from gptjt_demo import Engine, Sampling
from gptjt_demo.errors import PromptError, PromptTooLong, SettingError
from gptjt_demo.models.pipeline import Pipeline, pipeline

PROMPT = '"I love this!" Is it positive? A:'


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny.model("gptj"), tiny.tokenizer(), name="tiny")


@pytest.fixture(scope="module")
def pipe(engine: Engine) -> Pipeline:
    return Pipeline(engine)


def text(engine: Engine, prompt: str, attention: str | None = None, **settings: object) -> str:
    answer = engine.complete(prompt, Sampling.read(settings), attention=attention)  # type: ignore[arg-type]
    return answer.joiner + answer.text


def test_a_prompt_is_answered_in_the_form_of_transformers(engine: Engine, pipe: Pipeline) -> None:
    answer = text(engine, PROMPT, max_new_tokens=6)
    assert pipe(PROMPT, max_new_tokens=6) == [{"generated_text": PROMPT + answer}]
    assert pipe(PROMPT, max_new_tokens=6, return_full_text=False) == [{"generated_text": answer}]


def test_a_list_is_answered_by_a_list_of_lists_in_its_own_order(engine: Engine, pipe: Pipeline) -> None:
    prompts = ["a:", "a longer prompt than the others:", "b:\n"]
    assert pipe(prompts, max_new_tokens=4, batch_size=2) == [
        [{"generated_text": prompt + text(engine, prompt, max_new_tokens=4)}] for prompt in prompts
    ]
    assert pipe([PROMPT], max_new_tokens=4) == [pipe(PROMPT, max_new_tokens=4)]
    assert pipe([]) == []


def test_the_mask_is_the_engines_own_and_can_be_asked_for(engine: Engine, pipe: Pipeline) -> None:
    prompt = "Input: India\nOutput:"
    found = {
        mode: pipe(prompt, attention=mode, max_new_tokens=8, return_full_text=False) for mode in ("prefix", "causal")
    }
    for mode, answer in found.items():
        assert answer == [{"generated_text": text(engine, prompt, mode, max_new_tokens=8)}]
    assert found["prefix"] != found["causal"]
    assert pipe(prompt, max_new_tokens=8, return_full_text=False) == found["prefix"]


def test_sampling_is_the_engines_and_sequences_count_the_seed_up(engine: Engine, pipe: Pipeline) -> None:
    given: Any = {"temperature": 1.0, "top_k": 40, "top_p": 0.9, "max_new_tokens": 8}
    answers = pipe(PROMPT, do_sample=True, seed=7, num_return_sequences=3, return_full_text=False, **given)
    assert answers == [{"generated_text": text(engine, PROMPT, seed=seed, **given)} for seed in (7, 8, 9)]
    assert len({answer["generated_text"] for answer in answers}) > 1
    assert len({a["generated_text"] for a in pipe(PROMPT, do_sample=True, num_return_sequences=4)}) > 1


def test_without_sampling_a_temperature_changes_nothing(pipe: Pipeline) -> None:
    assert pipe(PROMPT, do_sample=False, temperature=2.0) == pipe(PROMPT)


@pytest.mark.parametrize("name", ["stop", "stop_strings"])
def test_an_answer_ends_before_a_stop(engine: Engine, pipe: Pipeline, name: str) -> None:
    whole = text(engine, PROMPT, max_new_tokens=12)
    stop = whole[5:7]
    (answer,) = pipe(PROMPT, max_new_tokens=12, return_full_text=False, **{name: stop})
    assert answer["generated_text"] == whole[: whole.index(stop)]
    assert pipe(PROMPT, max_new_tokens=12, return_full_text=False, **{name: [stop]}) == [answer]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"num_beams": 4}, "num_beams"),
        ({"max_length": 20}, "max_length"),
        ({"num_return_sequences": 2}, "num_return_sequences"),
        ({"num_return_sequences": 0, "do_sample": True}, "num_return_sequences"),
        ({"num_return_sequences": 2, "do_sample": True, "top_k": 1}, "num_return_sequences"),
        ({"do_sample": True, "temperature": 0}, "temperature"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"batch_size": 0}, "batch_size"),
        ({"stop": [""]}, "stop"),
        ({"attention": "sideways"}, "attention"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(pipe: Pipeline, settings: Any, word: str) -> None:
    with pytest.raises(SettingError, match=word):
        pipe(PROMPT, **settings)


def test_a_prompt_that_cannot_be_answered_says_which_it_is(pipe: Pipeline) -> None:
    with pytest.raises(PromptTooLong, match=f"prompt 2: .*{tiny.CONTEXT}"):
        pipe(["a:", "x" * 300])
    with pytest.raises(PromptError, match="empty"):
        pipe(" ")
    with pytest.raises(PromptError, match="prompt 1: it is dict"):
        pipe([{"role": "user", "content": "hello"}])  # type: ignore[list-item]


def test_the_package_exports_it_and_goes_on_to() -> None:
    assert gptjt_demo.pipeline is pipeline  # a module of the function's own name would hide it the second time
    assert gptjt_demo.pipeline is pipeline


def test_the_cards_quick_start_is_answered_by_mini_with_prefix_attention(mini: Engine) -> None:
    (answer,) = Pipeline(mini)(PROMPT)
    assert answer["generated_text"] == PROMPT + text(mini, PROMPT, "prefix", max_new_tokens=5)
    assert answer["generated_text"].startswith(PROMPT)


def test_it_loads_a_model_by_its_name(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("llama"), tmp_path / "tiny")
    pipe = pipeline(model=folder, device="cpu", attention="causal")
    assert pipe.engine.attention == "causal"
    assert pipe("a:", max_new_tokens=3) == [{"generated_text": "a:" + text(pipe.engine, "a:", max_new_tokens=3)}]
