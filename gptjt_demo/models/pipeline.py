"""An engine behind the call and the answers of transformers' text-generation pipeline.

In: prompts and generation settings under transformers' names. Out: lists of `{"generated_text": ...}`. The mask is the
engine's: the prompt is read with prefix attention where the model was trained so, which a stock pipeline loses.
Settings that are not given are those of GPT-JT's model card: five tokens, the likeliest. Nothing is added to a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from gptjt_demo.engine.exact_text import listed
from gptjt_demo.errors import PlaygroundError, PromptError, SettingError
from gptjt_demo.settings import Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.engine.results import Completion
    from gptjt_demo.models.loading import Device
    from gptjt_demo.settings import Attention

Generated = list[dict[str, str]]

MAX_NEW_TOKENS = 5  # the card's `inference` parameters; its top_k of 1 is what `Sampling` does anyway


def pipeline(
    model: str | Path | None = None, *, device: Device = "auto", attention: Attention | None = None
) -> Pipeline:
    """Load a model and ask it as a pipeline of transformers.

        pipe = pipeline(model="mini")
        pipe('"I love this!" Is it positive? A:')

    Args:
        model: a known name, a folder or a hub id; the embedded default where it is not given.
        device: "auto", "cpu" or "cuda".
        attention: "prefix" or "causal"; the model's own by default.

    Raises:
        ModelError, SettingError: as `load` does.
    """
    from gptjt_demo.models.loading import load
    from gptjt_demo.models.registry import DEFAULT_MODEL

    return Pipeline(load(DEFAULT_MODEL if model is None else model, device=device, attention=attention))


@dataclass(frozen=True)
class Pipeline:
    """Answers prompts in the form of transformers' text-generation pipeline.

    Attributes:
        engine: what answers.
    """

    engine: Engine

    @overload
    def __call__(self, text_inputs: str, **settings: Any) -> Generated: ...

    @overload
    def __call__(self, text_inputs: Sequence[str], **settings: Any) -> list[Generated]: ...

    def __call__(
        self,
        text_inputs: str | Sequence[str],
        *,
        return_full_text: bool = True,
        num_return_sequences: int = 1,
        do_sample: bool | None = None,
        stop: str | Sequence[str] | None = None,
        stop_strings: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        attention: Attention | None = None,
        **settings: Any,
    ) -> Generated | list[Generated]:
        """Answer a prompt, or several.

        Args:
            text_inputs: exact text, or a list of texts.
            return_full_text: the prompt and its answer, or the answer alone.
            num_return_sequences: answers a prompt, of seeds that follow each other; more than one must be sampled.
            do_sample: False is greedy, True samples; by default a temperature above 0 samples.
            stop: texts that end an answer and are not part of it; `stop_strings` is the same.
            batch_size: taken and not needed: prompts of similar length are batched as memory allows.
            attention: "prefix" or "causal"; the engine's own by default.
            **settings: `max_new_tokens` (5 by default), `temperature`, `top_k`, `top_p` and `seed` of `Sampling`.

        Returns:
            for a text a list of `{"generated_text": text}`, one a sequence; for a list of texts a list of those.

        Raises:
            SettingError: a setting is unknown or out of its range; the message names it.
            PromptError: a prompt is blank or too long; of a list, the message says which.
        """
        alone = isinstance(text_inputs, str)
        prompts = [text_inputs] if isinstance(text_inputs, str) else listed(text_inputs, "text_inputs")
        for number, prompt in enumerate(prompts):
            if not isinstance(prompt, str):
                raise PromptError(f"it is {type(prompt).__name__}", where=f"prompt {number + 1}", mend="give text")
        if batch_size is not None:
            _count("batch_size", batch_size)
        sampling = _sampling(settings, do_sample, (*_texts(stop), *_texts(stop_strings)))
        if _count("num_return_sequences", num_return_sequences) > 1 and sampling.greedy:
            raise SettingError(
                "greedy answers are all the same", where="num_return_sequences", mend="sample, with do_sample=True"
            )
        answers: list[Generated] = [[] for _ in prompts]
        for seeded in _seeds(sampling, num_return_sequences):
            for index, answer in sorted(self.engine.complete_many(prompts, seeded, attention=attention), key=_index):
                if isinstance(answer, PlaygroundError):
                    where = answer.where if alone else f"prompt {index + 1}"
                    raise type(answer)(answer.what, where=where, mend=answer.mend) from answer
                text = answer.joiner + answer.text
                answers[index].append({"generated_text": prompts[index] + text if return_full_text else text})
        return answers[0] if alone else answers


def _index(found: tuple[int, Completion | PlaygroundError]) -> int:
    return found[0]


def _sampling(settings: dict[str, Any], do_sample: bool | None, stop: tuple[str, ...]) -> Sampling:
    """`Sampling` of what was given under transformers' names; None is not given, as there."""
    given = {name: value for name, value in settings.items() if value is not None}
    if do_sample:
        given = {"temperature": 1.0} | given
    sampling = Sampling.read({"max_new_tokens": MAX_NEW_TOKENS} | given | {"stop": stop})
    if do_sample is False:  # transformers ignores a temperature then; so does this
        return sampling.model_copy(update={"temperature": 0.0})
    if do_sample and sampling.temperature == 0:
        raise SettingError("0 is greedy, and do_sample=True asks for chance", where="temperature", mend="give more")
    return sampling


def _seeds(sampling: Sampling, count: int) -> list[Sampling]:
    """The settings of each sequence: the seed, and those after it; without one each draws its own."""
    if sampling.seed is None:
        return [sampling] * count
    return [sampling.model_copy(update={"seed": (sampling.seed + k) % 2**32}) for k in range(count)]


def _texts(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if stop is None else (stop,) if isinstance(stop, str) else tuple(listed(stop, "stop"))


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(f"{value!r} does not fit", where=name, mend="give a whole number from 1")
    return value
