"""What programs may call: complete, score, templates; each parameter described, and with an example that runs.

In: an engine and a library, inside open Blocks. Out: three endpoints beside the page's own. What is wrong with a call
is put into words by `page`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from gradio.context import get_blocks_context
from gradio.events import api

from gptjt_demo.engine.label_scores import RULES, Rule
from gptjt_demo.settings import Attention, Sampling, bounds
from gptjt_demo.ui.heap import give_back

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.templates.library import Library

CALLS_AT_ONCE = 4

PROMPT = "Text: I won the race!\nMood: happy\n\nText: My dog is ill.\nMood: sad\n\nText: What a lovely day!\nMood:"
"""The example's: short, and in the form that the model knows."""
LABELS = ["happy", "sad"]

_NUMBER, _TEXT, _WHOLE = {"type": "number"}, {"type": "string"}, {"type": "integer"}
_ATTENTION = (
    "Who sees whom within the prompt: prefix, every token all of it, as the model was trained; or causal, those before."
)
_COMPLETION = {
    "text": _TEXT,
    "stop_reason": _TEXT,
    "model": _TEXT,
    "attention": _TEXT,
    "seed": _WHOLE,
    "prompt_tokens": _WHOLE,
    "completion_tokens": _WHOLE,
    "seconds": _NUMBER,
}
_SCORE = {"label": _TEXT, "logprob": _NUMBER, "per_token": _NUMBER, "per_byte": _NUMBER, "share": _NUMBER}
_TEMPLATE = {"name": _TEXT, "title": _TEXT, "instruction": _TEXT, "prompt": _TEXT}

T = TypeVar("T")


def publish(engine: Answers, library: Library) -> None:
    """Add the endpoints to the Blocks that are open."""
    default = Sampling()

    def complete(
        prompt: str,
        attention: Attention = engine.attention,
        max_new_tokens: int = default.max_new_tokens,
        temperature: float = default.temperature,
        top_k: int = default.top_k,
        top_p: float = default.top_p,
        seed: int | None = default.seed,
        stop: list[str] = list(default.stop),  # noqa: B006
    ) -> dict[str, Any]:
        """Go on from an exact prompt. The answer follows the prompt and, unless that ends in white space, one space."""
        given = locals()
        settings = {name: given[name] for name in Sampling.model_fields}

        def work() -> dict[str, Any]:
            completion = engine.complete(prompt, Sampling.read(settings), attention=attention)
            return {name: value for name, value in asdict(completion).items() if name != "tokens"}

        return _answered(work)

    def score(
        prompt: str, labels: list[str], attention: Attention = engine.attention, rule: Rule = "logprob"
    ) -> list[dict[str, Any]]:
        """Weigh labels as the prompt's answer; their shares sum to 1. `logprob` is the sum over a label's tokens and
        its end, a natural logarithm."""

        def work() -> list[dict[str, Any]]:
            return [asdict(row) for row in engine.score(prompt, labels, attention=attention, rule=rule)]

        return _answered(work)

    def templates() -> list[dict[str, Any]]:
        """The template library, each with the exact prompt of its sample query."""
        return _answered(
            lambda: [{**item.model_dump(mode="json"), "prompt": item.render(item.query)} for item in library]
        )

    settings = {name: f"{field.description} {_range(name)}".strip() for name, field in Sampling.model_fields.items()}
    prompt = "The exact text that the model goes on from; nothing is added to it."
    _add(
        complete,
        {"prompt": prompt, "attention": _ATTENTION, **settings},
        {"prompt": PROMPT, "stop": ["\n"]},
        ("The answer, why it ended, which model gave it in which mode, counts and times.", _object(_COMPLETION)),
    )
    rules = ", ".join(f"{name} ({words})" for name, words in RULES.items())
    _add(
        score,
        {
            "prompt": prompt,
            "labels": "The answers to weigh, each once; their order changes nothing.",
            "attention": _ATTENTION,
            "rule": f"What the shares are computed from: {rules}.",
        },
        {"prompt": PROMPT, "labels": LABELS},
        ("A row for each label, in their order.", _rows(_SCORE)),
    )
    _add(templates, {}, {}, ("The templates, all that they hold.", _rows(_TEMPLATE)))


def _add(
    function: Callable[..., Any],
    words: Mapping[str, str],
    example: Mapping[str, Any],
    returned: tuple[str, dict[str, Any]],
) -> None:
    """An endpoint of that name.

    Args:
        function: typed; its docstring describes it.
        words: what each parameter means.
        example: values that make a call that runs; other parameters keep their defaults.
        returned: what comes back, in words and as a JSON schema.
    """
    call = ", ".join(f"{name}={value!r}" for name, value in example.items())
    said = " ".join((function.__doc__ or "").split())
    api(
        function,
        api_description=f'{said} Example: client.predict({call}{", " if call else ""}api_name="/{function.__name__}")',
        queue=bool(words),
        concurrency_limit=CALLS_AT_ONCE,
        concurrency_id="model" if words else None,
    )
    blocks = get_blocks_context()
    assert blocks is not None
    added: Any = blocks.fns[max(blocks.fns)]
    for name, component in zip(words, added.inputs, strict=True):
        # gradio takes types from the signature; what a parameter means has no place there.
        component._api_info = {**component._api_info, "additional_description": words[name]}
        component.label = name
        if name in example:
            component.example_payload = component.example_value = lambda value=example[name]: value
    told, schema = returned
    for component in added.outputs:
        component._api_info = {**schema, "description": told}
        component.label = "answer"


def _answered(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        give_back()


def _range(name: str) -> str:
    return "" if name == "stop" else f"From {bounds(name)}."


def _object(fields: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields)}


def _rows(fields: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    return {"type": "array", "items": _object(fields)}
