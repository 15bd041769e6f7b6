from __future__ import annotations

import tiny
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.engine.vocabulary import Vocabulary

BYTES = Vocabulary(tiny.tokenizer(), tiny.VOCABULARY, [tiny.END])


@given(st.text(max_size=40))
def test_any_text_comes_back_from_its_tokens(text: str) -> None:
    text = text.encode("utf-8", errors="ignore").decode()
    assert BYTES.decode(BYTES.encode(text)) == text


def test_a_typed_control_token_is_text() -> None:
    for text in ("<|endoftext|>", "a <|extratoken_3|> b"):
        ids = BYTES.encode(text)
        assert tiny.END not in ids
        assert len(ids) == len(text)
        assert BYTES.decode(ids) == text


def test_named_and_nameless_padding_tokens_are_unreal() -> None:
    assert BYTES.unreal == tuple(range(257, 272))


def test_the_end_of_text_ends_and_padding_does_not() -> None:
    assert BYTES.ends == {tiny.END}


def test_the_tokenizer_given_is_left_as_it_was() -> None:
    given_tokenizer = tiny.tokenizer()
    assert given_tokenizer("<|endoftext|>", add_special_tokens=False)["input_ids"] == [tiny.END]


def test_control_tokens_go_by_their_names() -> None:
    control = BYTES.control
    assert dict(control.ids) == {"<|endoftext|>": tiny.END}
    assert (control.start, control.end) == (tiny.END, tiny.END)
    assert control.name(control.start) == "<|endoftext|>"
    assert control.name(None) is control.name(5) is None
