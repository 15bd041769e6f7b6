"""What programs may call: complete, stream, score, batch, templates, each parameter described, with examples that run.

In: an engine and a library, inside open Blocks. Out: endpoints beside the page's own, which are tools too where the
page is served with them (`tools`). What is wrong with a call is put into words by `page`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from gradio.context import get_blocks_context
from gradio.events import api

from gptjt_demo.batch.question import Question
from gptjt_demo.engine.exact_text import exact_text
from gptjt_demo.engine.label_scores import RULES, Rule
from gptjt_demo.engine.request_log import request
from gptjt_demo.errors import PromptError, TooLarge
from gptjt_demo.settings import Attention, Limits, Sampling, bounds
from gptjt_demo.settings.shape import read_shape
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.heap import give_back
from gptjt_demo.ui.line import CALLS
from gptjt_demo.ui.tools import no_tool, with_arguments
from gptjt_demo.ui.work import Tell, Work

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.engine.results import Completion
    from gptjt_demo.templates.libraries import Library

CALLS_AT_ONCE = 4
BATCHES_AT_ONCE = 1
MOST_ROWS = 1000
"""Of a call to `batch`, where the server has no lower limit: nothing of it is kept, and files are for the Batch tab."""
PACE = 0.05
"""Seconds between two parts of a stream, at least."""

PROMPT = "Text: I won the race!\nMood: happy\n\nText: My dog is ill.\nMood: sad\n\nText: What a lovely day!\nMood:"
"""The example's: short, and in the form that the model knows."""
LABELS = ["happy", "sad"]

_NUMBER, _TEXT, _WHOLE = {"type": "number"}, {"type": "string"}, {"type": "integer"}
_ATTENTION = (
    "Who sees whom within the prompt: prefix, every token all of it, as the model was trained; or causal, those before."
)
_SHAPE = (
    'What the answer must be, nothing else being offered to the model: {"columns": 3}, a CSV record; {"items_of": ["a '
    'text"], "separator": ", "}, a list of items that occur in it; {"pattern": "[0-9]+"}; {"one_of": ["a", "b"]}.'
)
_COMPLETION = {
    "text": _TEXT,
    "stop_reason": _TEXT,
    "has_shape": {"type": "boolean"},
    "model": _TEXT,
    "attention": _TEXT,
    "seed": _WHOLE,
    "prompt_tokens": _WHOLE,
    "completion_tokens": _WHOLE,
    "seconds": _NUMBER,
}
_REPLY: dict[str, dict[str, Any]] = {
    "text": _TEXT,
    "confidence": _NUMBER,
    "runner_up": _TEXT,
    "shares": {"type": "array", "items": _NUMBER},
    "check": _TEXT,
    "error": _TEXT,
}
_SCORE = {"label": _TEXT, "logprob": _NUMBER, "per_token": _NUMBER, "per_byte": _NUMBER, "share": _NUMBER}
_TEMPLATE = {"name": _TEXT, "title": _TEXT, "instruction": _TEXT, "prompt": _TEXT}

T = TypeVar("T")


def publish(engine: Answers, library: Library, limits: Limits) -> None:
    """Add the endpoints to the Blocks that are open."""
    default = Sampling()
    most_rows = min(MOST_ROWS, limits.rows or MOST_ROWS)

    def complete(
        prompt: str,
        attention: Attention = engine.attention,
        max_new_tokens: int = default.max_new_tokens,
        temperature: float = default.temperature,
        top_k: int = default.top_k,
        top_p: float = default.top_p,
        seed: int | None = default.seed,
        stop: list[str] = list(default.stop),  # noqa: B006
        shape: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Go on from an exact prompt. The answer follows the prompt and, unless that ends in white space, one space."""
        given = locals()
        settings = {name: given[name] for name in Sampling.model_fields}

        def work() -> dict[str, Any]:
            held = read_shape(shape)
            return _told(engine.complete(prompt, Sampling.read(settings), attention=attention, shape=held))

        return _answered("complete", work)

    asked_as = inspect.signature(complete)

    @no_tool
    def stream(*values: Any) -> Iterator[dict[str, Any]]:
        """The answer of `complete` while it grows: `text` is all of it so far, several times a second, and what comes
        last is the whole answer with its counts. Read it with `for part in client.submit(...)`, whose `cancel()` stops
        the model."""
        given = asked_as.bind(*values)
        given.apply_defaults()
        settings = {name: given.arguments[name] for name in Sampling.model_fields}

        def work(cancel: threading.Event, tell: Tell[str]) -> Completion:
            held = read_shape(given.arguments["shape"])
            how: Any = {"attention": given.arguments["attention"], "shape": held, "cancel": cancel}
            answer = engine.stream(given.arguments["prompt"], Sampling.read(settings), **how)
            text = ""
            for token in answer:
                text += token.text
                tell(text)
            return answer.completion

        running: Work[str, Completion] = Work(work, "stream")
        try:
            for standing in running.watch(lambda _: PACE):
                if standing.error:
                    raise gr.Error(standing.error, print_exception=False)
                # Without news too: Gradio cannot close a handler that waits for some.
                yield {"text": standing.progress or ""} if standing.result is None else _told(standing.result)
        finally:
            running.stop()
            give_back()

    stream.__signature__ = asked_as.replace(return_annotation=Iterator[dict[str, Any]])  # type: ignore[attr-defined]
    stream.__annotations__ = {**complete.__annotations__, "return": Iterator[dict[str, Any]]}

    def score(
        prompt: str, labels: list[str], attention: Attention = engine.attention, rule: Rule = "logprob"
    ) -> list[dict[str, Any]]:
        """Weigh labels as the prompt's answer; their shares sum to 1. `logprob` is the sum over a label's tokens and
        its end, a natural logarithm."""

        def work() -> list[dict[str, Any]]:
            return [asdict(row) for row in engine.score(prompt, labels, attention=attention, rule=rule)]

        return _answered("score", work)

    def batch(
        template: str, rows: list[dict[str, str]], labels: bool = False, attention: Attention | None = None
    ) -> list[dict[str, Any]]:
        """Put a template to many rows. Each comes back with its answer, or with the error that it has in place of one.
        `check` says what the template's own check found wrong with an answer."""

        def work() -> list[dict[str, Any]]:
            text = exact_text(template, "template")  # a name has no line end; no path is opened for a caller
            chosen = Template.from_yaml(text, "template") if "\n" in text else library[text]
            question = Question(engine, chosen, labels, attention)
            return [asdict(reply) for reply in question.replies(_queries(rows, most_rows))]

        return _answered("batch", work)

    def templates() -> list[dict[str, Any]]:
        """The template library, each with the exact prompt of its sample query."""
        return _answered(
            "templates",
            lambda: [{**item.model_dump(mode="json"), "prompt": item.render(item.query)} for item in library],
        )

    settings = {name: f"{field.description} {_range(name)}".strip() for name, field in Sampling.model_fields.items()}
    prompt = "The exact text that the model goes on from; nothing is added to it."
    for function in (complete, stream):
        _add(
            function,
            {"prompt": prompt, "attention": _ATTENTION, **settings, "shape": _SHAPE},
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
    _add(
        batch,
        {
            "template": "A template's name, as `templates` lists them, or the text of a YAML file of your own.",
            "rows": f"A text for each of the template's inputs, by name; at most {most_rows:,} rows.",
            "labels": "Pick one of the template's labels instead of generating text.",
            "attention": f"{_ATTENTION} Left out, the template's own way, else the model's.",
        },
        {"template": "currency", "rows": [{"input": "Japan"}, {"input": "India"}]},
        ("An answer for each row, in their order.", _rows(_REPLY)),
        at_once=BATCHES_AT_ONCE,
    )
    _add(templates, {}, {}, ("The templates, all that they hold.", _rows(_TEMPLATE)))


def _add(
    function: Callable[..., Any],
    words: Mapping[str, str],
    example: Mapping[str, Any],
    returned: tuple[str, dict[str, Any]],
    at_once: int = CALLS_AT_ONCE,
) -> None:
    """An endpoint of that name.

    Args:
        function: typed; its docstring describes it.
        words: what each parameter means.
        example: values that make a call that runs; other parameters keep their defaults.
        returned: what comes back, in words and as a JSON schema.
        at_once: how many calls of it, and of all that have the same number, run side by side.
    """
    call = ", ".join(f"{name}={value!r}" for name, value in example.items())
    said = " ".join((function.__doc__ or "").split())
    with_arguments(function, words)
    api(
        function,
        api_description=f'{said} Example: client.predict({call}{", " if call else ""}api_name="/{function.__name__}")',
        queue=bool(words),
        concurrency_limit=at_once,
        concurrency_id=f"{CALLS}-{at_once}" if words else None,
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


def _answered(kind: str, work: Callable[[], T]) -> T:
    try:
        with request(kind):
            return work()
    finally:
        give_back()


def _told(completion: Completion) -> dict[str, Any]:
    """An answer without its tokens."""
    return {name: value for name, value in asdict(completion).items() if name != "tokens"}


def _queries(rows: Any, most: int) -> list[dict[str, str]]:
    """The rows, which hold a text by each name.

    Raises:
        PromptError: they are no such list.
        TooLarge: they are too many.
    """
    mend = "give a list of rows, each with a text by the name of an input"
    if not isinstance(rows, list):
        raise PromptError(f"it is {type(rows).__name__} and not a list", where="rows", mend=mend)
    if len(rows) > most:
        raise TooLarge(f"{len(rows):,}, the limit here is {most:,}", where="rows", mend="call several times")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
            raise PromptError(f"row {number} is not names with a text each", where="rows", mend=mend)
    return rows


def _range(name: str) -> str:
    return "" if name == "stop" else f"From {bounds(name)}."


def _object(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields)}


def _rows(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(fields)}
