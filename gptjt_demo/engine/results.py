"""What the engine gives back: tokens, completions, scores, and what its self-test found. Plain data, no torch.

Log probabilities are natural logarithms under the model's own distribution, before temperature, top-k and top-p, and
before a shape, unless they are said to be among the tokens that a shape allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gptjt_demo.settings import Attention

StopReason = Literal["stop", "end_of_text", "shape", "max_new_tokens", "cancelled"]

STOP_REASONS: dict[StopReason, str] = {
    "stop": "reached a stop sequence",
    "end_of_text": "the model ended the text",
    "shape": "its shape leaves nothing to add",
    "max_new_tokens": "reached the token limit",
    "cancelled": "stopped by you",
}


@dataclass(frozen=True)
class Alternative:
    """A token that the model could have chosen; where it is not `allowed`, but for the answer's shape."""

    id: int
    text: str
    logprob: float
    allowed: bool = True


@dataclass(frozen=True)
class Token:
    """One generated token.

    `text` is the part of the completion that this token settled: empty while a character or a possible stop
    sequence is unfinished, so that the texts joined are the completion, always. `raw` is the token's own text.
    `logprob_in_shape` is its log probability among the tokens that the answer's shape allowed there; None without one.
    """

    id: int
    text: str
    raw: str
    logprob: float
    alternatives: tuple[Alternative, ...] = ()
    logprob_in_shape: float | None = None


@dataclass(frozen=True)
class PromptToken:
    """One token of a prompt, as likely as it was behind those before it.

    `text` is what it adds to the prompt's text: empty while a character is unfinished. `raw` is its own text.
    `logprob` is None for the first, which nothing stands before.
    """

    id: int
    text: str
    raw: str
    logprob: float | None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Completion:
    """A finished answer.

    `text` is the whole of it, `tokens` are the new ones (all of them, unless it continued a text that was given).
    `text` follows `prompt + joiner`: the one space between a cue and its answer is not part of the answer. It is
    empty where the model wrote no space.
    Times are seconds; `tokens_per_second` is the rate of decoding, after the first token (0 where there was one).
    `completion_tokens` counts what the model produced, tokens of the stop sequence among them.
    `forward_passes` counts the prefill too. Where tokens were drafted from the prompt, `drafted` were checked and
    `accepted` were what the model itself chose. `echo` is the prompt, where it was asked for.
    `has_shape` says whether the text has the shape that was asked for, which it lacks only where it was cut off by
    the token limit or given up; None where none was asked for.
    """

    text: str
    joiner: str
    tokens: tuple[Token, ...]
    stop_reason: StopReason
    stop: str | None
    model: str
    attention: Attention
    seed: int
    prompt_tokens: int
    completion_tokens: int
    seconds_to_first_token: float
    seconds: float
    tokens_per_second: float
    drafted: int = 0
    accepted: int = 0
    forward_passes: int = 0
    echo: tuple[PromptToken, ...] = ()
    has_shape: bool | None = None


@dataclass(frozen=True)
class LabelScore:
    """How likely one label is as the prompt's answer.

    `logprob` is the sum over the label's tokens and its end; `per_token` and `per_byte` are that sum divided by the
    tokens and by the UTF-8 bytes of `joiner + label + end`; `share` is the softmax over the labels by the rule in use.
    """

    label: str
    logprob: float
    per_token: float
    per_byte: float
    share: float
    tokens: int


@dataclass(frozen=True)
class Likelihood:
    """How likely a continuation of token ids is behind a context.

    `logprob` is the sum over its tokens; `greedy` says whether each of them was the likeliest there.
    """

    logprob: float
    greedy: bool


@dataclass(frozen=True)
class SelfTest:
    """Whether a model notices the mask.

    `prefix_change` and `causal_change` are the largest changes of the first position's last hidden state, relative to
    its largest value, when only the last prompt token is altered.
    """

    supports_prefix: bool
    reason: str
    prefix_change: float = 0.0
    causal_change: float = 0.0
