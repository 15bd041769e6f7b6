"""How the next token is chosen: the settings with their ranges, and the choice itself.

In: one row of logits and settings. Out: a token id. Knows nothing of text, stops are only carried here.
Torch is not imported: the choice uses the tensor's own methods, so that templates can read settings without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gptjt_demo.errors import SettingError

if TYPE_CHECKING:
    import torch


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else _no_bool(value)


class Sampling(BaseModel):
    """Settings of one generation. 16.0 counts as 16; 16.5 is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_new_tokens: Annotated[int, BeforeValidator(_no_bool)] = Field(
        32, ge=1, le=1024, description="Most tokens to generate."
    )
    temperature: Annotated[float, BeforeValidator(_no_bool)] = Field(
        0.0, ge=0, le=5, description="0 is greedy; larger is more random."
    )
    top_k: Annotated[int, BeforeValidator(_no_bool)] = Field(
        0, ge=0, le=1000, description="Keep the k likeliest tokens; 0 is off."
    )
    top_p: Annotated[float, BeforeValidator(_no_bool)] = Field(
        1.0, ge=0, le=1, description="Keep the likeliest tokens up to this probability; 1 is off, 0 is top-1."
    )
    seed: Annotated[int | None, BeforeValidator(_blank_is_none)] = Field(
        None, ge=0, lt=2**32, description="Same seed, same text; blank draws one."
    )
    stop: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=16)] = Field(
        (), description="The answer ends before any of these texts."
    )

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Sampling:
        """Settings from what a person typed.

        Raises:
            SettingError: one is out of its range or unknown; the message names it and its range.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            if name not in cls.model_fields:
                raise SettingError("there is no such setting", where=name) from None
            if name == "stop":
                raise SettingError(
                    "too many or too long", where=name, mend="at most 16 of 1 to 200 characters"
                ) from None
            given = values.get(name)
            what = "it is blank" if given in (None, "") else f"{given} does not fit"
            kind = "a number" if cls.model_fields[name].annotation is float else "a whole number"
            raise SettingError(what, where=name, mend=f"give {kind} from {bounds(name)}") from None

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always the one chosen."""
        return self.temperature == 0 or self.top_k == 1 or self.top_p == 0


def bounds(name: str) -> str:
    """A number's range in words: `1 to 1024`."""
    low = high = None
    for rule in Sampling.model_fields[name].metadata:
        low = getattr(rule, "ge", low)
        high = getattr(rule, "le", high)
        if (below := getattr(rule, "lt", None)) is not None:
            high = below - 1
    return f"{low} to {high}"


def choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """Choose the next token.

    Args:
        logits: float32 (vocabulary,), on the CPU; -inf where a token may not be chosen.
        sampling: the settings.
        generator: the only source of chance, so that a seed gives the same text whatever else runs.
    """
    if sampling.greedy:
        return int(logits.argmax())
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[0]:
        least = logits.topk(sampling.top_k).values[-1]
        logits = logits.masked_fill(logits < least, float("-inf"))
    probabilities = logits.softmax(-1)
    if sampling.top_p < 1:
        ordered, order = probabilities.sort(descending=True, stable=True)
        # A token stays while those before it have not reached top_p; the likeliest always stays.
        dropped = order[(ordered.cumsum(-1) - ordered) >= sampling.top_p]
        probabilities = probabilities.index_fill(0, dropped, 0.0)
    return int(probabilities.multinomial(1, generator=generator))
