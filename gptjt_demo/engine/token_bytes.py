"""The bytes that each token of a tokenizer stands for, which a grammar over text needs.

In: the tokens' names. Out: bytes, empty where a token stands for no text. Byte-level BPE (GPT-2, GPT-J, SmolLM2) writes
each byte as a letter of its own; SentencePiece writes ▁ for a space and <0x0A> for a byte. Asks no tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gptjt_demo.errors import SettingError

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def token_bytes(names: Sequence[str | None], added: Collection[int], silent: Collection[int]) -> list[bytes]:
    """Each token's bytes.

    Args:
        names: the tokens' by id; None where an id stands for none.
        added: ids whose name is the text itself, beside the tokenizer's own way of writing.
        silent: ids that stand for no text, such as control tokens.

    Raises:
        SettingError: it is neither of the two kinds of tokenizer.
    """
    own = {id: name for id, name in enumerate(names) if name and id not in added and id not in silent}
    letters = _letters()
    if all(letters.keys() >= set(name) for name in own.values()):
        found = {id: bytes(letters[letter] for letter in name) for id, name in own.items()}
    elif any("▁" in name for name in own.values()):
        found = {
            id: bytes([int(byte[1], 16)]) if (byte := _BYTE.fullmatch(name)) else name.replace("▁", " ").encode()
            for id, name in own.items()
        }
    else:
        raise SettingError("this model's tokenizer cannot be held to one", where="shape", mend="answer in free text")
    literal = {id: name.encode() for id, name in enumerate(names) if name and id in added and id not in silent}
    return [found.get(id, literal.get(id, b"")) for id in range(len(names))]


def _letters() -> dict[str, int]:
    """The letter that byte-level BPE writes for each byte: itself where it can be seen, else one from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(0x100 + k): byte for k, byte in enumerate(hidden)}
