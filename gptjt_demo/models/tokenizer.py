"""A model folder's tokenizer: whether there is one, and reading it without transformers, whose import takes seconds.

In: a folder. Out: a tokenizer as `engine.Vocabulary` wants it. Byte-level BPE that a tokenizer.json describes in full,
as it does for GPT-J, GPT-2 and the embedded default, is read with the `tokenizers` package alone; whatever else a
folder holds is left to transformers. Does not know models and weights.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gptjt_demo.errors import ModelError
from gptjt_demo.models.lfs import is_pointer, pointer_error

# A folder has a tokenizer when it has one of these; the first is the one that is read without transformers.
FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model")

# Beside the files above: what a tokenizer's folder may hold of it.
COMPANIONS = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")

_CONTROL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_MORE_CONTROL = ("additional_special_tokens", "extra_special_tokens")
_GPT2 = ("GPT2Tokenizer", "GPT2TokenizerFast")  # their control tokens have a value where the configuration gives none


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has a tokenizer."""
    return any((folder / name).is_file() for name in FILES)


def read_tokenizer(folder: Path, *, where: str | None = None) -> Any:
    """The tokenizer in a folder, a `FileTokenizer` or a `PreTrainedTokenizerBase` of transformers.

    Args:
        folder: the model's, or the tokenizer's own.
        where: what its user calls it, for the message that it has none; by default the folder.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    if not has_tokenizer(folder):
        raise ModelError(
            "it has no tokenizer: tokenizer.json is missing",
            where=where or str(folder),
            mend="name the folder or hub id that has it, in GPTJT_TOKENIZER",
        )
    for name in (*FILES, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if is_pointer(folder / name):
            raise pointer_error(folder / name)
    return _from_file(folder) or _of_transformers(folder)


class FileTokenizer:
    """A tokenizer.json with the tokens that a configuration calls special.

    It answers those calls of a `PreTrainedTokenizerBase` that `engine.Vocabulary` makes, with the same results.

    Attributes:
        all_special_ids: ids of the control tokens that the configuration names.
        bos_token_id: of the one that begins a text; None where there is none.
        eos_token_id: of the one that ends it.

    Args:
        tokenizer: a `tokenizers.Tokenizer`; truncation and padding are switched off.
        special: control tokens of it.
        bos: the one that begins a text.
        eos: the one that ends it.
    """

    def __init__(
        self, tokenizer: Any, special: Iterable[str], *, bos: str | None = None, eos: str | None = None
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.all_special_ids: list[int] = [tokenizer.token_to_id(token) for token in dict.fromkeys(special)]
        self.bos_token_id: int | None = tokenizer.token_to_id(bos or "")
        self.eos_token_id: int | None = tokenizer.token_to_id(eos or "")

    def __len__(self) -> int:
        size: int = self._tokenizer.get_vocab_size()
        return size

    def __call__(
        self, text: str, *, add_special_tokens: bool = False, split_special_tokens: bool = False
    ) -> dict[str, list[int]]:
        """`input_ids` of a text; `split_special_tokens` takes control tokens typed in it as text."""
        self._tokenizer.encode_special_tokens = split_special_tokens
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}

    def __deepcopy__(self, memo: dict[int, Any]) -> FileTokenizer:
        made = copy.copy(self)
        made._tokenizer = type(self._tokenizer).from_str(self._tokenizer.to_str())
        return made

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str | None]:
        """The tokens' names; None where an id stands for none."""
        return [self._tokenizer.id_to_token(id) for id in ids]

    def get_added_vocab(self) -> dict[str, int]:
        """The tokens beside the model's own vocabulary, by their text."""
        return {token.content: id for id, token in self._tokenizer.get_added_tokens_decoder().items()}

    def add_tokens(self, tokens: Sequence[str], *, special_tokens: bool = False) -> int:
        """Make tokens known, or control tokens; returns how many are new."""
        add = self._tokenizer.add_special_tokens if special_tokens else self._tokenizer.add_tokens
        count: int = add(list(tokens))
        return count

    def decode(
        self, ids: Sequence[int], *, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """Text of the ids. Nothing is cleaned up: transformers leaves that off for byte-level BPE, too."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)
        return text


def _from_file(folder: Path) -> FileTokenizer | None:
    """The tokenizer of a tokenizer.json; None where there is none, or it does not say everything."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    described, config = _json(path), _json(folder / "tokenizer_config.json")
    try:
        if not _byte_level(described):
            return None
        named = _named(folder, config)
        special = _special(named)
        known = {token["content"] for token in described.get("added_tokens", ())} | described["model"]["vocab"].keys()
        if not known >= {*special, *_contents(config.get("added_tokens_decoder", {}).values())}:
            return None  # transformers adds those that are missing
        bos, eos = (_content(named.get(name)) for name in ("bos_token", "eos_token"))
        return FileTokenizer(Tokenizer.from_file(str(path)), special, bos=bos, eos=eos)
    except ModelError:
        raise
    except Exception as error:  # the package raises nothing more special, and the files may hold anything
        raise _unreadable(folder, error) from error


def _byte_level(described: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is of byte-level BPE, which transformers' classes leave as it is."""
    kinds = [(described.get(part) or {}).get("type") for part in ("model", "pre_tokenizer", "decoder")]
    return kinds == ["BPE", "ByteLevel", "ByteLevel"] and described.get("normalizer") is None


def _named(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """A tokenizer's configuration, where control tokens have their names."""
    named = dict(config)
    if "added_tokens_decoder" not in config:  # the older way to save them
        named |= _json(folder / "special_tokens_map.json")
    if config.get("tokenizer_class") in _GPT2:
        named = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>") | named
    return named


def _special(named: Mapping[str, Any]) -> list[str]:
    """The control tokens that a tokenizer's configuration names."""
    found = [named.get(name) for name in _CONTROL]
    for name in _MORE_CONTROL:
        more = named.get(name) or []
        found += more.values() if isinstance(more, Mapping) else more
    return _contents(token for token in found if token is not None)


def _contents(tokens: Iterable[Any]) -> list[str]:
    return [content for token in tokens if (content := _content(token)) is not None]


def _content(token: Any) -> str | None:
    """A token's text, whichever way a configuration writes it."""
    if token is None:
        return None
    return str(token["content"]) if isinstance(token, Mapping) else str(token)


def _of_transformers(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # of any kind, by what the files hold
        raise _unreadable(folder, error) from error


def _json(path: Path) -> dict[str, Any]:
    """A file's JSON object; empty where there is no file."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, dict):
        raise _unreadable(path, ValueError("it is no JSON object"))
    return found


def _unreadable(where: Path, error: Exception) -> ModelError:
    mend = (str(error).splitlines() or [type(error).__name__])[0]
    return ModelError("the tokenizer cannot be read", where=str(where), mend=mend)
