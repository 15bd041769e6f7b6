"""What fuzz tests feed to readers: any text and bytes, and good ones that were damaged, which get further inside."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

CHARACTERS = st.characters(exclude_categories=())  # halves of surrogate pairs among them
TEXT = st.text(CHARACTERS, max_size=40)
ODD = st.sampled_from(
    ["", " ", "\ud83d", "\ufeff", "\x00", "\u2028", "\r", "NaN", "1e-40", "-0", "9" * 400, "${x}", "{{x}}", "<b>", "\\"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | ODD, inner, max_size=4),
    max_leaves=12,
)
"""What a program may send as JSON, NaN and infinity too."""


@st.composite
def damaged(draw: st.DrawFn, whole: str, pieces: Sequence[str]) -> str:
    """A good text of which parts were cut, doubled, moved or replaced."""
    text = whole
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 60)))
        between = draw(st.sampled_from(["", text[start:end] * 2]) | st.sampled_from(list(pieces)) | TEXT | ODD)
        text = text[:start] + between + text[end:]
    return text


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """Good bytes of which parts were cut, doubled or replaced."""
    data = whole
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 60)))
        data = data[:start] + draw(st.sampled_from([b"", data[start:end] * 2]) | st.binary(max_size=8)) + data[end:]
    return data


def joined(pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """A text of such pieces, and of anything."""
    return st.lists(st.sampled_from(list(pieces)) | TEXT | ODD, max_size=14).map("".join)
