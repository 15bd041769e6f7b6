"""One answer as it comes. In: what the decoding loop yields, and the answer it belongs to. Out: tokens, and at last a
`Completion`. Does not know the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gptjt_demo.engine.answer import Answer
from gptjt_demo.engine.results import Completion, PromptToken, Token
from gptjt_demo.settings import Attention


class Stream:
    """Tokens of one answer as they come; iterate it once. `completion` is there when it has ended.

    Attributes:
        attention: the mode it runs in.
        seed: the one given, or the one drawn.
        prompt_tokens: tokens of the prompt.
        continued: the text that a continuation settles by itself; the tokens' texts follow it.
        echo: the prompt's tokens, where they are wanted; all of them once the first token has come.
    """

    def __init__(self, tokens: Iterator[tuple[Answer, Token]], answer: Answer, model: str, attention: Attention):
        self._tokens, self._answer, self._model = tokens, answer, model
        self.attention = attention
        self.seed = answer.seed
        self.prompt_tokens = len(answer.prompt_ids)
        self.continued = answer.continued

    def __iter__(self) -> Iterator[Token]:
        for _, token in self._tokens:
            yield token

    @property
    def echo(self) -> Sequence[PromptToken]:
        """See the class."""
        return self._answer.echo.tokens if self._answer.echo else ()

    @property
    def completion(self) -> Completion:
        """The finished answer.

        Raises:
            RuntimeError: the stream has not ended.
        """
        return self._answer.completion(self._model, self.attention)
