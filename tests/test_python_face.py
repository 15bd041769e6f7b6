"""Whatever a program passes to the package's names: an answer, or an error of ours in one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import tiny

import gptjt_demo
from gptjt_demo import Engine, PlaygroundError, Sampling, Template
from gptjt_demo.models.pipeline import Pipeline

HALF = "so \ud83d happy"
NAN = float("nan")
PROMPT = "Input: a\nOutput:"
FEW = Sampling(max_new_tokens=2)
NO_TEXT = (None, 5, b"bytes", ["a list"], {"a": "mapping"}, NAN, HALF)


@pytest.fixture(scope="module")
def engine() -> Engine:
    model = tiny.model("llama", vocabulary=len(tiny.tokenizer()))
    return Engine(model, tiny.tokenizer(), name="tiny", context=200)


def refused(call: Callable[[], Any]) -> str:
    """The one line of the error of ours that the call ends in."""
    with pytest.raises(PlaygroundError) as error:
        call()
    line = str(error.value)
    assert line
    assert "\n" not in line
    line.encode()  # it can be printed and sent
    return line


@pytest.mark.parametrize("prompt", NO_TEXT, ids=repr)
def test_a_prompt_that_is_no_whole_text_is_refused(engine: Engine, prompt: Any) -> None:
    for call in (
        lambda: engine.complete(prompt, FEW),
        lambda: list(engine.stream(prompt, FEW)),
        lambda: engine.score(prompt, ["a", "b"]),
    ):
        assert "prompt" in refused(call)
    for count in (engine.count_tokens, engine.tokens, engine.encode):
        refused(partial(count, prompt))


@pytest.mark.parametrize("prompt", [None, 5, HALF], ids=repr)
def test_one_prompt_that_is_no_text_costs_itself_alone(engine: Engine, prompt: Any) -> None:
    completed = dict(engine.complete_many([PROMPT, prompt, PROMPT], FEW))
    scored = dict(engine.score_many([PROMPT, prompt, PROMPT], ["a", "b"]))
    for found in (completed, scored):
        assert set(found) == {0, 1, 2}
        assert [isinstance(found[k], PlaygroundError) for k in range(3)] == [False, True, False]


@pytest.mark.parametrize("prompts", [None, "one text", 5, b"bytes"], ids=repr)
def test_prompts_that_are_no_list_are_refused(engine: Engine, prompts: Any) -> None:
    refused(lambda: list(engine.complete_many(prompts, FEW)))
    refused(lambda: list(engine.score_many(prompts, ["a", "b"])))


@pytest.mark.parametrize(
    "labels", [None, [], "ab", 5, [1, 2], [None, "a"], ["a", HALF], ["a", " "], {"a": 1}], ids=repr
)
def test_labels_that_are_no_texts_are_refused(engine: Engine, labels: Any) -> None:
    assert "label" in refused(lambda: engine.score(PROMPT, labels))


@pytest.mark.parametrize(
    "options",
    [{"end": None}, {"end": HALF}, {"rule": "best"}, {"rule": ["logprob"]}, {"attention": ["prefix"]}],
    ids=repr,
)
def test_how_labels_are_weighed_is_checked(engine: Engine, options: dict[str, Any]) -> None:
    refused(lambda: engine.score(PROMPT, ["a", "b"], **options))


def test_labels_may_come_from_a_generator(engine: Engine) -> None:
    assert [row.label for row in engine.score(PROMPT, (text for text in "ab"))] == ["a", "b"]  # type: ignore[arg-type]


@pytest.mark.parametrize("continuation", [None, 5, "ab", ["a"], [1.5], [NAN], [-1], [10**12], [None]], ids=repr)
def test_a_continuation_of_anything_but_token_ids_is_refused(engine: Engine, continuation: Any) -> None:
    assert "continuation" in refused(lambda: engine.complete(PROMPT, FEW, continuation=continuation))


@pytest.mark.parametrize("sampling", [{"max_new_tokens": 2}, "hot", 5, 0.5, [FEW]], ids=repr)
def test_settings_that_are_no_sampling_are_refused(engine: Engine, sampling: Any) -> None:
    assert "sampling" in refused(lambda: engine.complete(PROMPT, sampling))
    assert "sampling" in refused(lambda: list(engine.complete_many([PROMPT], sampling)))


@pytest.mark.parametrize(
    "change", [{"temperature": NAN}, {"top_p": NAN}, {"max_new_tokens": -3}, {"seed": -1}], ids=repr
)
def test_settings_copied_past_their_checks_are_checked_again(engine: Engine, change: dict[str, Any]) -> None:
    (name,) = change
    assert refused(lambda: engine.complete(PROMPT, FEW.model_copy(update=change))).startswith(f"{name}: ")


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-40, 1e-7])
def test_a_temperature_next_to_nothing_answers_as_greedy_does(engine: Engine, temperature: float) -> None:
    cold = engine.complete(PROMPT, Sampling(max_new_tokens=8, temperature=temperature, seed=3))
    assert cold.text == engine.complete(PROMPT, Sampling(max_new_tokens=8)).text


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 10**400},
        {"temperature": [1]},
        {"temperature": HALF},
        {"max_new_tokens": "9" * 5000},
        {"seed": NAN},
        {"stop": 5},
        {"stop": [HALF]},
        {"stop": [None]},
        {"he\nat": 1},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_setting_of_any_kind_is_refused_in_a_short_line(values: dict[str, Any]) -> None:
    assert len(refused(lambda: Sampling(**values))) < 1500
    assert len(refused(lambda: Sampling.read(values))) < 1500


@pytest.mark.parametrize("values", [None, [1], "ab", 5], ids=repr)
def test_settings_without_names_are_refused(values: Any) -> None:
    refused(lambda: Sampling.read(values))


@pytest.mark.parametrize("value", NO_TEXT, ids=repr)
def test_a_template_s_face_takes_text_and_refuses_the_rest(value: Any) -> None:
    template = Template.load("emotion")
    field = 5 if isinstance(value, bytes) else value  # bytes of UTF-8 are as good a field as text
    for call in (
        lambda: template.render(value),
        lambda: template.ask(value),
        lambda: template.render({"input": value}),
        lambda: Template.parse(value),
        lambda: Template.from_yaml(value),
        lambda: Template.load(value),
        lambda: template.revised(title=field),
        lambda: template.revised(labels=[field, "b"]),
        lambda: Template(name=field, title="A"),
    ):
        refused(call)


@pytest.mark.parametrize(
    "name", ["a\0b.yaml", f"/{HALF}.yaml", "x" * 5000 + ".yaml", "", "~nobody-at-all/x.yaml"], ids=len
)
def test_a_file_s_name_that_no_file_can_have_is_refused(name: str) -> None:
    refused(lambda: Template.load(name))


@pytest.mark.parametrize(
    "model", [None, 5, b"mini", "", "a\0b", HALF, "./" + HALF, "~nobody-at-all/x", ["mini"]], ids=repr
)
def test_a_model_s_name_of_any_kind_is_refused(model: Any) -> None:
    refused(lambda: gptjt_demo.load(model))
    if model is not None:  # which is the default there
        refused(lambda: gptjt_demo.pipeline(model))


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": NAN},
        {"stop": 5},
        {"stop": HALF},
        {"stop": [5]},
        {"max_new_tokens": None, "top_p": "x"},
        {"zork": 1},
    ],
    ids=repr,
)
def test_a_pipeline_s_settings_are_refused_by_name(engine: Engine, settings: dict[str, Any]) -> None:
    refused(lambda: Pipeline(engine)(PROMPT, **settings))


@pytest.mark.parametrize("prompt", [None, 5, HALF, [HALF], [{"role": "user", "content": "x"}], {"a": "b"}], ids=repr)
def test_a_pipeline_refuses_what_is_no_text(engine: Engine, prompt: Any) -> None:
    refused(lambda: Pipeline(engine)(prompt))


def test_a_message_is_one_short_printable_line_whatever_it_quotes() -> None:
    error = PlaygroundError("a\nb\x1b[31m\0\ud83d" + "x" * 5000, where="so\r\nwhere", mend="\u2028do")
    line = str(error)
    assert len(line.splitlines()) == 1
    assert len(line) < 1200
    assert line.isprintable()
    assert line.startswith("so where: a b\\x1b[31m\\x00\\ud83dxxx")
