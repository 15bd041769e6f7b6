"""The fields that say how to sample, which completions and the chat share, with OpenAI's defaults.

In: a request's fields. Out: `Sampling`, the number of choices, the mode. Knows nothing of prompts and answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from gptjt_demo.api.body import Fields
from gptjt_demo.errors import SettingError
from gptjt_demo.settings import Attention, Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

MOST_CHOICES = 128
UNSUPPORTED = {"logit_bias": ({},), "presence_penalty": (0,), "frequency_penalty": (0,)}
"""Fields that are accepted where they say nothing: beside null, with these values."""


def read_sampling(fields: Fields, tokens: int) -> Sampling:
    """The settings.

    Args:
        fields: the request's.
        tokens: that may be written.

    Raises:
        SettingError: one does not fit.
    """
    for name, allowed in UNSUPPORTED.items():
        fields.nothing(name, *allowed)
    temperature, top_p = fields.number("temperature"), fields.number("top_p")
    seed = fields.whole("seed", None)
    return Sampling(
        max_new_tokens=tokens,
        temperature=1.0 if temperature is None else temperature,
        top_p=1.0 if top_p is None else top_p,
        seed=None if seed is None else seed % 2**32,
        stop=tuple(dict.fromkeys(text for text in fields.texts("stop") if text)),
    )


def most_tokens() -> int:
    """The longest answer that may be asked for."""
    most: int = next(rule.le for rule in Sampling.model_fields["max_new_tokens"].metadata if hasattr(rule, "le"))
    return most


def choices(fields: Fields) -> int:
    """How many answers a prompt gets."""
    return fields.whole("n", 1, 1, MOST_CHOICES) or 1


def wants_counts(fields: Fields) -> bool:
    """Whether a stream is to end with the usage."""
    options = fields.raw("stream_options")
    if options is None:
        return False
    wanted = options.get("include_usage", False) if isinstance(options, dict) else options
    if not isinstance(wanted, bool):
        raise SettingError("it does not fit", where="stream_options", mend='give {"include_usage": true}')
    return wanted


def read_attention(fields: Fields, named: Attention, id: str | None, engine: Answers) -> Attention:
    """The mode that a request is answered in: the field `attention`, else what the model's id says.

    Args:
        fields: the request's.
        named: the mode of the model's id.
        id: the model's id as it was sent.
        engine: the model.

    Raises:
        SettingError: there is no such mode, the model does not have it, or the id names the other one.
    """
    given = fields.text("attention")
    if given is None:
        return named
    if given not in get_args(Attention):
        raise SettingError(f"{given!r} is neither prefix nor causal", where="attention", mend="give one of them")
    if id is not None and id.rpartition(":")[2] in get_args(Attention) and given != named:
        raise SettingError(f"the model's id says {named}", where="attention", mend="leave one of the two out")
    if given == "prefix" and not engine.supports_prefix:
        raise SettingError("this model is read causally only", where="attention", mend="give causal, or leave it out")
    return "prefix" if given == "prefix" else "causal"
