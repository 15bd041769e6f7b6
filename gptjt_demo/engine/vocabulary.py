"""A tokenizer as the engine needs it: plain text in, token ids out, and back. Knows nothing of models and files.

Text is only ever text: `<|endoftext|>` typed by a user is thirteen characters, not the control token.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from gptjt_demo.engine.exact_text import exact_text, listed
from gptjt_demo.engine.prompt import ControlTokens, Prompt, joiner
from gptjt_demo.engine.token_bytes import token_bytes
from gptjt_demo.errors import PromptError

LONGEST = 4  # tokens that a character may take

_PADDING_TOKEN = re.compile(r"<\|extratoken_\d+\|>")


class Vocabulary:
    """A tokenizer and the size of the model's head.

    Attributes:
        size: logits that the model has, real tokens or not.
        ends: ids that end a text; control tokens of the tokenizer all do.
        unreal: ids that the model has logits for and that stand for no token. GPT-J has 50400 logits and 50257 tokens,
            the others being named `<|extratoken_N|>`; they are never sampled and never counted in a softmax.
        control: the tokenizer's control tokens by name, and which of them begins and ends a text.

    Args:
        tokenizer: a `PreTrainedTokenizerBase` of transformers, or what answers these calls as one does.
        size: the head's number of logits.
        ends: further ids that end a text, from the model's configuration.
    """

    def __init__(self, tokenizer: Any, size: int, ends: Sequence[int] = ()) -> None:
        # A copy of its own: `split_special_tokens` changes the tokenizer, and threads may be using the one given. The
        # first call settles its state, so that later ones only read it.
        self._tokenizer = copy.deepcopy(tokenizer)
        names = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
        padding = {i for i, name in enumerate(names) if name is None or _PADDING_TOKEN.fullmatch(name)}
        # Declared special, so that they too are only text when typed.
        self._tokenizer.add_tokens([names[i] for i in sorted(padding) if names[i]], special_tokens=True)
        self.encode("")
        self.size = size
        self.unreal = tuple(sorted(padding | set(range(len(names), size))))
        self._unreal = frozenset(self.unreal)
        specials = {*ends, *tokenizer.all_special_ids} - padding
        self.ends = frozenset(i for i in specials if 0 <= i < size)
        control = {str(names[i]): i for i in sorted(self.ends) if i < len(names)}
        start, end = (getattr(tokenizer, name, None) for name in ("bos_token_id", "eos_token_id"))
        end = end if end in self.ends else min(self.ends, default=None)
        self.control = ControlTokens(control, start if start in self.ends else end, end)

    def encode(self, text: str) -> list[int]:
        """Token ids of the text, with nothing added.

        Raises:
            PromptError: it is no text, or holds half of a surrogate pair.
        """
        exact_text(text, "text")
        encoding = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return [int(i) for i in encoding["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids; a character that is not complete ends as U+FFFD."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def token_bytes(self) -> list[bytes]:
        """The bytes of each token, a list as long as the head; empty where a token stands for no text.

        Raises:
            SettingError: the tokenizer is of a kind that tokens' bytes are not known of.
        """
        names = self._tokenizer.convert_ids_to_tokens(list(range(min(self.size, len(self._tokenizer)))))
        found = token_bytes(names, set(self._tokenizer.get_added_vocab().values()), self.ends | self._unreal)
        return found + [b""] * (self.size - len(found))

    def read(self, prompt: Prompt) -> list[int]:
        """A prompt's token ids.

        Raises:
            PromptError: it is blank, or neither text nor tokens.
        """
        if isinstance(prompt, Sequence) and not isinstance(prompt, str | bytes):
            ids = self.checked(prompt, "prompt")
        else:
            text = exact_text(prompt, "prompt")
            ids = self.encode(text) if text.strip() else []
        if not ids:
            raise PromptError("the prompt is empty", mend="write an instruction, an example or a query")
        return ids

    def checked(self, ids: Sequence[int], where: str) -> list[int]:
        """Token ids, each of which stands for a token.

        Raises:
            PromptError: one does not.
        """
        found = listed(ids, where)
        for id in found:
            if type(id) is not int or not 0 <= id < self.size or id in self._unreal:
                raise PromptError(f"{id!r} is not a token", where=where, mend="give ids of tokens")
        return found

    def joiner(self, prompt: Prompt) -> str:
        """What stands between a prompt and its answer: a space, unless the prompt ends in white space."""
        if not isinstance(prompt, str):
            known = isinstance(prompt, Sequence) and all(type(id) is int and 0 <= id < self.size for id in prompt)
            prompt = self.decode(prompt[-LONGEST:]) if known else ""
        return joiner(prompt)
