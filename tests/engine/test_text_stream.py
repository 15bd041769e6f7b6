from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.engine.text_stream import TextStream


def decode(ids: Any) -> Any:
    return bytes(ids).decode("utf-8", errors="replace")


def run(text: str, stops: Any = (), joiner: str = "", end: bool = False) -> Any:
    """Feed a text byte by byte; what was shown after each, what each byte settled, and the stream."""
    stream, shown, parts = TextStream(decode, stops, joiner), [], []
    for byte in text.encode():
        stream.push(byte)
        parts += stream.settled()
        shown.append("".join(parts))
        if stream.stop is not None:
            break
    if end:
        stream.end()
    parts += stream.settled(final=True)
    return shown, parts, stream


texts = st.text(alphabet="ab\n ✓é<|", max_size=30)


@given(texts, st.lists(st.text(alphabet="ab\n<|", min_size=1, max_size=4), max_size=3), st.booleans())
def test_streamed_text_is_the_final_text_and_nothing_shown_is_taken_back(
    text: str, stops: list[str], end: bool
) -> None:
    shown, parts, stream = run(text, stops, end=end)
    assert "".join(parts) == stream.text
    assert all(stream.text.startswith(part) for part in shown)


@given(texts, st.lists(st.text(alphabet="ab\n<|", min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_stop(text: str, stops: list[str]) -> None:
    stream = run(text, stops, end=True)[2]
    found = [text.index(stop) for stop in stops if stop in text]
    # Which stop is met first is decided as the text grows: by where it ends, not where it begins.
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    if not found:
        assert stream.text == text
        assert stream.stop is None
    else:
        grown = text[: min(ends)]
        assert stream.text == text[: min(grown.index(stop) for stop in stops if stop in grown)]


def test_a_stop_may_straddle_tokens_and_be_followed_by_text_in_its_last_token() -> None:
    pieces = ["Yen", "\nIn", "put: Kenya"]
    stream = TextStream(lambda ids: "".join(pieces[i] for i in ids), ["\nInput:"])
    stream.push(0)
    assert stream.settled() == ["Yen"]
    stream.push(1)
    assert stream.settled() == []
    stream.push(2)
    assert (stream.stop, stream.text) == ("\nInput:", "Yen")
    assert stream.settled(final=True) == ["", ""]


def test_held_back_text_is_shown_once_it_cannot_be_a_stop() -> None:
    shown, _, stream = run("a\nb", ["\n\n"], end=True)
    assert shown == ["a", "a", "a\nb"]
    assert stream.text == "a\nb"


def test_the_beginning_of_a_stop_is_text_when_the_model_ends_there() -> None:
    assert run("a\n", ["\n\n"], end=True)[2].text == "a\n"
    assert run("a\n", ["\n\n"], end=False)[2].text == "a"


def test_an_unfinished_character_is_never_shown() -> None:
    stream = TextStream(decode)
    for byte in "é✓".encode()[:-1]:
        stream.push(byte)
    assert stream.text == "é"
    stream.push("✓".encode()[-1])
    assert stream.settled() == ["", "é", "", "", "✓"]


@pytest.mark.parametrize(
    ("text", "answer"), [(" Yen", "Yen"), ("Yen", "Yen"), ("  Yen", " Yen"), ("\nYen", "\nYen"), (" ", "")]
)
def test_the_space_between_prompt_and_answer_is_not_part_of_the_answer(text: str, answer: str) -> None:
    assert run(text, joiner=" ", end=True)[2].text == answer
    assert run(text, joiner="", end=True)[2].text == text
