"""The prompts of a request: a text, texts, the ids of tokens, or lists of them.

An empty one is a context with nothing in it, which a model reads as the token that begins a text. Knows nothing of what
is asked about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gptjt_demo.engine.exact_text import exact_text
from gptjt_demo.errors import PromptError, TooLarge

if TYPE_CHECKING:
    from gptjt_demo.engine.prompt import Prompt
    from gptjt_demo.engine.protocol import Answers

MOST = 2048  # prompts of a request, where no limit says less

_MEND = "give text, a list of texts, a list of token ids, or a list of those"


@dataclass(frozen=True)
class Asked:
    """One prompt.

    Attributes:
        prompt: as the engine takes it.
        text: as its author wrote it; nothing where there was nothing.
    """

    prompt: Prompt
    text: str


def read_prompts(value: Any, engine: Answers, most: int | None = None) -> list[Asked]:
    """The prompts that a field holds; one without any is one empty prompt.

    Args:
        value: the field's, None where it is left out.
        engine: says what tokens are.
        most: prompts.

    Raises:
        PromptError: it holds something else, or half a character.
        TooLarge: they are more.
    """
    if value is None or isinstance(value, str) or _are_ids(value):
        return [_asked(value or "", engine)]
    if not isinstance(value, list):
        raise PromptError("it is neither text nor a list", where="prompt", mend=_MEND)
    if len(value) > (most or MOST):
        raise TooLarge(f"{len(value):,} prompts, the limit is {most or MOST:,}", where="prompt", mend="send fewer")
    if not (all(isinstance(each, str) for each in value) or all(_are_ids(each) for each in value)):
        raise PromptError("it is a list of other things, or of several kinds", where="prompt", mend=_MEND)
    return [_asked(each, engine) for each in value]


def are_several(value: Any) -> bool:
    """Whether a field holds more than one prompt."""
    return isinstance(value, list) and len(value) > 1 and not _are_ids(value)


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _asked(value: str | list[int], engine: Answers) -> Asked:
    if isinstance(value, list) and value:
        try:
            return Asked(value, engine.decode(value))
        except PromptError as error:
            raise PromptError(error.what, where="prompt", mend=error.mend) from None
    text = value if isinstance(value, str) else ""
    if exact_text(text, "prompt").strip():
        return Asked(text, text)
    ids = engine.encode(text)
    if not ids and engine.control.start is not None:
        ids = [engine.control.start]
    return Asked(ids, text)  # where there is no such token, the engine says that the prompt is empty
