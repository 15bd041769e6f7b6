"""`POST /v1/chat/completions`, for programs that know nothing else: the one message of a user is the raw prompt.

No template of a chat is put around it: the model knows none. In: the request's fields. Out: the answer, whole or in
chunks; the space between the prompt and it is no part of a message. Knows nothing of HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gptjt_demo.api.answering import Answering, Question
from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.body import Fields
from gptjt_demo.api.names import mode, signature
from gptjt_demo.api.prompts import read_prompts
from gptjt_demo.api.sampling import choices, most_tokens, read_attention, read_sampling, wants_counts
from gptjt_demo.api.shape import FINISHED, header, usage
from gptjt_demo.engine.prompt import Detail
from gptjt_demo.errors import PromptError

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

TOKENS = 256
"""The longest answer where none is asked for and the context has room for it: a chat has no such default."""

NOTHING = {
    "logprobs": (False,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "audio": (),
    "modalities": (["text"],),
}
"""What a message cannot hold here, and the values that ask for none of it."""


@dataclass(frozen=True)
class Chatting:
    """A request for a message.

    Attributes:
        question: for the model.
        model: what the answer is signed with.
        counts: whether a stream ends with the usage.
    """

    question: Question
    model: str
    counts: bool

    @classmethod
    def read(cls, fields: Fields, engine: Answers) -> Chatting:
        """The request that these fields are.

        Raises:
            PlaygroundError: one does not fit, or there is more than one message.
        """
        id = fields.text("model")
        attention = read_attention(fields, mode(engine, id), id, engine)
        for name, allowed in NOTHING.items():
            fields.nothing(name, *allowed)
        [asked] = read_prompts(_message(fields.raw("messages")), engine)
        limit = "max_tokens" if "max_tokens" in fields else "max_completion_tokens"
        tokens = fields.whole(limit, None, 1, most_tokens())
        if tokens is None:
            tokens = max(1, min(TOKENS, engine.context - engine.count_tokens(asked.text)))
        question = Question([asked], attention, read_sampling(fields, tokens), choices(fields), Detail(alternatives=0))
        return cls(question, signature(engine, attention), wants_counts(fields))

    def answer(self, answering: Answering, cancel: threading.Event) -> dict[str, Any]:
        """The whole answer."""
        found = answering.completions(self.question, cancel)
        told = [
            {
                "index": index,
                "message": {"role": "assistant", "content": completion.text, "refusal": None},
                "logprobs": None,
                "finish_reason": FINISHED[completion.stop_reason],
            }
            for index, completion in enumerate(found)
        ]
        counts = usage([found[0].prompt_tokens], (completion.completion_tokens for completion in found))
        return {**header("chatcmpl", "chat.completion", self.model), "choices": told, "usage": counts}

    def chunks(self, answering: Answering, cancel: threading.Event) -> Iterator[dict[str, Any] | None]:
        """The answer as it grows; None when the prompt is accepted."""
        head = header("chatcmpl", "chat.completion.chunk", self.model) | ({"usage": None} if self.counts else {})
        read, written = 0, []
        for index, _, stream in answering.streams(self.question, cancel):
            if not index:
                yield None
            yield {**head, "choices": [_part(index, {"role": "assistant", "content": ""})]}
            for token in stream:
                if token.text:
                    yield {**head, "choices": [_part(index, {"content": token.text})]}
            completion = stream.completion
            if completion.stop_reason == "cancelled":
                raise GivenUp
            yield {**head, "choices": [_part(index, {}, FINISHED[completion.stop_reason])]}
            read = completion.prompt_tokens
            written.append(completion.completion_tokens)
        if self.counts:
            yield {**head, "choices": [], "usage": usage([read], written)}


def _message(messages: Any) -> str:
    """The text of the one message. A system message with nothing in it, as forms send one, is none.

    Raises:
        PromptError: there are more, or it is not a user's text.
    """
    mend = "send one message of the user: it is the raw prompt, examples and all"
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise PromptError("it is no list of messages", where="messages", mend=mend)
    messages = [each for each in messages if each.get("role") != "system" or each.get("content") not in ("", None)]
    if len(messages) != 1:
        what = f"there are {len(messages)} messages, and this model knows no chat"
        raise PromptError(what, where="messages", mend=mend)
    if messages[0].get("role") != "user":
        raise PromptError("the message is not the user's", where="messages", mend=mend)
    content = messages[0].get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise PromptError("the message is not text", where="messages", mend=mend)
    return "".join(part["text"] for part in parts)


def _part(index: int, delta: dict[str, str], finished: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finished}
