"""`POST /v1/score`: how likely labels are as a prompt's answer, in either mode.

In: the request's fields: `prompt`, `labels`, `end`, and if you like `model`, `attention` and `rule`. Out: the scores,
in the labels' order. This is no call of OpenAI's, which has none that says where a prompt ends.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.body import Fields
from gptjt_demo.api.logprobs import finite
from gptjt_demo.api.names import mode, signature
from gptjt_demo.api.prompts import Asked, read_prompts
from gptjt_demo.api.sampling import read_attention
from gptjt_demo.api.shape import header, usage
from gptjt_demo.engine.label_scores import Rule
from gptjt_demo.errors import PromptError
from gptjt_demo.settings import Attention

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

END = "\n"


@dataclass(frozen=True)
class Scoring:
    """A request for scores.

    Attributes:
        asked: the prompt.
        labels: as they were sent.
        end: what ends an answer, counted with each label.
        rule: what the shares are computed from.
        attention: the mode that the prompt is read in.
    """

    asked: Asked
    labels: Any
    end: str
    rule: Rule
    attention: Attention

    @classmethod
    def read(cls, fields: Fields, engine: Answers) -> Scoring:
        """The request that these fields are.

        Raises:
            PlaygroundError: one does not fit.
        """
        id = fields.text("model")
        attention = read_attention(fields, mode(engine, id), id, engine)
        prompts = read_prompts(fields.raw("prompt"), engine)
        if len(prompts) != 1:
            raise PromptError("one prompt is scored at a time", where="prompt", mend="give text, or token ids")
        end = fields.text("end")
        rule = cast(Rule, fields.text("rule", "logprob"))  # the engine refuses what is none
        return cls(prompts[0], fields.raw("labels"), END if end is None else end, rule, attention)

    def answer(self, engine: Answers, cancel: threading.Event) -> dict[str, Any]:
        """The scores."""
        scores = engine.score(
            self.asked.prompt, self.labels, end=self.end, rule=self.rule, attention=self.attention, cancel=cancel
        )
        if not scores:
            raise GivenUp
        told = [
            {name: finite(value) if isinstance(value, float) else value for name, value in asdict(each).items()}
            for each in scores
        ]
        prompt = self.asked.prompt
        read = engine.count_tokens(prompt) if isinstance(prompt, str) else len(prompt)
        head = header("score", "score", signature(engine, self.attention))
        return {**head, "scores": told, "usage": usage([read, *(each.tokens for each in scores)], [])}
