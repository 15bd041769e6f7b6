"""Answers that must fit a shape: they do, and they are the free answers wherever those fit; drafts change nothing."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.results import Completion
from gptjt_demo.engine.token_bytes import token_bytes
from gptjt_demo.errors import PromptError, SettingError
from gptjt_demo.evaluation import samples
from gptjt_demo.settings import Sampling
from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Pattern, Shape
from gptjt_demo.settings.shape_grammar import fits
from gptjt_demo.templates.template import Template

TEXT = "Ana and Bob went to Rio, then to Oslo."
SHAPES: tuple[Shape, ...] = (
    CsvRecord(3),
    ItemsOf((TEXT,)),
    Pattern("[a-z ]{0,6}(x|é)?"),
    OneOf(("yes", "no", "né", "yes and no")),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny.model("llama", seed=3), tiny.tokenizer())


def prompts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    words = ["Ana", "Oslo", "yes", "no", "a,b,c", "né", "x"]
    return [f"In: {chance.choice(words)}\nOut: {chance.choice(words)}\nIn: {TEXT[k % 9 :]}\nOut:" for k in range(count)]


def whole(answer: Completion, shape: Shape) -> bool:
    """Whether the answer has its shape, as the engine says; it may only lack it where the tokens ran out."""
    assert answer.has_shape is fits(shape, answer.text)
    assert answer.has_shape or answer.stop_reason == "max_new_tokens"
    return bool(answer.has_shape)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
@pytest.mark.parametrize("stop", [("\n",), (), (" ", "z"), ("\n\n", "Ana")], ids=["line", "none", "joiner", "name"])
def test_an_answer_has_its_shape_and_drafts_change_nothing(engine: Engine, shape: Shape, stop: tuple[str, ...]) -> None:
    fitted = 0
    for index, prompt in enumerate(prompts(2, seed=7)):
        settings = Sampling(max_new_tokens=12 + 18 * index, stop=stop)
        plain = engine.complete(prompt, settings, shape=shape, drafting=False)
        drafted = engine.complete(prompt, settings, shape=shape, drafting=True)
        assert [token.id for token in plain.tokens] == [token.id for token in drafted.tokens]
        assert (plain.text, plain.stop_reason) == (drafted.text, drafted.stop_reason)
        chance = engine.complete(prompt, Sampling(**{**dict(settings), "temperature": 1.5, "seed": index}), shape=shape)
        fitted += whole(plain, shape) + whole(chance, shape)
    assert fitted


def biased(engine: Engine, text: str) -> Any:
    """Make a text the likeliest answer at every step, by the tokens' order in it."""
    ids = iter([*engine.encode(text), tiny.END])

    def hook(module: Any, inputs: Any, out: Any) -> Any:
        wanted = torch.tensor([next(ids, tiny.END)])
        return out.index_fill(-1, wanted, 99.0)

    return tiny.network(engine).lm_head.register_forward_hook(hook)


@pytest.mark.parametrize("ending", ["", "\n", "\n\nIn: "])
@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (CsvRecord(3), 'Ana,"a, ""b""",né'),
        (CsvRecord(3), ",,"),
        (ItemsOf((TEXT,)), "Ana, Rio, Oslo"),
        (ItemsOf((TEXT,)), "Bob went to Rio"),
        (ItemsOf((TEXT,)), ""),
        (Pattern(r"\d{3}-\d{4}"), "555-0100"),
        (OneOf(("né", "yes", "yes and no")), "yes"),
        (OneOf(("né", "yes", "yes and no")), "yes and no"),
        (OneOf((" yes", "no")), " yes"),
    ],
)
def test_an_answer_that_has_the_shape_anyway_is_the_same(engine: Engine, shape: Shape, text: str, ending: str) -> None:
    answers = []
    for asked in (None, shape):
        hook = biased(engine, f" {text}{ending}")
        answers.append(engine.complete("x:", Sampling(max_new_tokens=60, stop=("\n",)), shape=asked, drafting=False))
        hook.remove()
    free, held = answers
    assert (held.text, held.stop_reason, held.has_shape) == (text, free.stop_reason, True)
    assert [token.id for token in held.tokens] == [token.id for token in free.tokens]
    assert [token.logprob for token in held.tokens] == [token.logprob for token in free.tokens]


def test_whatever_a_model_says_freely_it_says_within_a_shape_that_allows_it(engine: Engine) -> None:
    letters = torch.zeros(tiny.VOCABULARY).index_fill(0, torch.tensor(engine.encode("abcxyz ,\n")), 4.0)
    hook = tiny.network(engine).lm_head.register_forward_hook(lambda module, inputs, out: out + letters)
    said = 0
    for index, prompt in enumerate(prompts(20, seed=11)):
        settings = Sampling(max_new_tokens=1 + index % 9, stop=("\n", "aa")[: index % 3])
        free = engine.complete(prompt, settings)
        if "\ufffd" in engine.decode([token.id for token in free.tokens]):
            continue  # bytes that are no character have no shape
        said += 1
        spelled = "".join(f"\\x{{{ord(letter):x}}}" for letter in free.text)
        shapes: list[Shape] = [Pattern(f"({spelled})?x?"), Pattern(r"(?s:.*)")]
        if free.text.strip():
            shapes.append(OneOf((free.text, f"{free.text}x", "zz")))
        for shape in shapes:
            held = engine.complete(prompt, settings, shape=shape)
            assert (held.text, held.has_shape) == (free.text, True)
    hook.remove()
    assert said > 12


def test_many_prompts_have_a_shape_each(engine: Engine) -> None:
    asked = prompts(3, seed=5)
    shapes = [OneOf(("né",)), None, CsvRecord(2)]
    settings = Sampling(max_new_tokens=20)
    found = tiny.answered(engine.complete_many(asked, settings, shapes=shapes))
    for index, (prompt, shape) in enumerate(zip(asked, shapes, strict=True)):
        alone = engine.complete(prompt, settings, shape=shape, drafting=False)
        assert (found[index].text, found[index].has_shape) == (alone.text, alone.has_shape)
    assert found[0].text == "né"
    with pytest.raises(SettingError, match="2 for 3 prompts"):
        list(engine.complete_many(asked, settings, shapes=shapes[:2]))


def test_an_answer_that_can_only_end_ends_without_asking_the_model_for_it(engine: Engine) -> None:
    answer = engine.complete("x:", Sampling(max_new_tokens=20), shape=OneOf(("yes",)))
    assert (answer.text, answer.stop_reason, answer.has_shape) == ("yes", "shape", True)
    assert "".join(token.raw for token in answer.tokens) in ("yes", " yes")


def test_an_answer_that_is_cut_off_is_said_to_lack_its_shape(engine: Engine) -> None:
    answer = engine.complete("x:", Sampling(max_new_tokens=2), shape=Pattern("[0-9]{9}"))
    assert (answer.stop_reason, answer.has_shape) == ("max_new_tokens", False)
    assert engine.complete("x:", Sampling(max_new_tokens=2)).has_shape is None


def test_a_token_has_its_probability_before_and_after_the_shape(engine: Engine) -> None:
    answer = engine.complete("x:", Sampling(max_new_tokens=9), shape=OneOf(("yes", "no")))
    free = engine.complete("x:", Sampling(max_new_tokens=1))
    first = answer.tokens[0]
    assert free.tokens[0].logprob_in_shape is None
    assert all(token.logprob_in_shape is not None for token in answer.tokens)
    assert all(token.logprob <= (token.logprob_in_shape or 0) + 1e-5 for token in answer.tokens)
    assert [other.logprob for other in first.alternatives] == [other.logprob for other in free.tokens[0].alternatives]
    assert all(other.allowed for other in free.tokens[0].alternatives)
    assert [other.allowed for other in first.alternatives] == [
        other.text in (" ", "y", "n") for other in first.alternatives
    ]


def test_a_continuation_goes_on_within_the_shape_or_is_refused(engine: Engine) -> None:
    settings = Sampling(max_new_tokens=20, stop=("\n",))
    shape = OneOf(("yes", "no"))
    answer = engine.complete("x:", settings, shape=shape, continuation=engine.encode(" n"))
    assert (answer.text, answer.has_shape) == ("no", True)
    for wrong in (" q", " no\n"):
        with pytest.raises(PromptError, match="continuation"):
            engine.complete("x:", settings, shape=shape, continuation=engine.encode(wrong))


def test_what_no_answer_has_is_refused_before_any_work(engine: Engine) -> None:
    with pytest.raises(SettingError, match="none of the stops"):
        engine.stream("x:", Sampling(stop=("\n",)), shape=OneOf(("a\nb",)))
    with pytest.raises(SettingError, match="unclosed character class"):
        engine.stream("x:", shape=Pattern("[a"))
    with pytest.raises(SettingError, match="it is str"):
        engine.stream("x:", shape="csv")  # type: ignore[arg-type]
    found = dict(engine.complete_many(["x:", "y:"], Sampling(stop=("e",)), shapes=[OneOf(("yes",)), OneOf(("no",))]))
    assert isinstance(found[0], SettingError)
    assert isinstance(found[1], Completion)


def test_a_sentence_piece_tokenizer_has_bytes_too() -> None:
    names = ["<s>", "<0x0A>", "▁Ana", "é", None, "[x]"]
    assert token_bytes(names, {5}, {0}) == [b"", b"\n", b" Ana", "é".encode(), b"", b"[x]"]
    with pytest.raises(SettingError, match="tokenizer"):
        token_bytes(["un", "##é漢"], set(), set())


@pytest.mark.parametrize("name", ["entities", "cleaning", "currency"])
def test_mini_answers_as_freely_where_that_fits_and_to_the_bit_with_drafts(mini: Engine, name: str) -> None:
    template = Template.load(name)
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        rows = [row["input"] for row in csv.DictReader(file)][:3]
    made: dict[str, Callable[[str], Shape]] = {
        "entities": lambda row: ItemsOf((row,)),
        "cleaning": lambda row: CsvRecord(3),
        "currency": lambda row: Pattern(r"\p{Lu}\p{L}+( \p{L}+){0,3}"),
    }
    shapes = [made[name](row) for row in rows]
    asked = [template.render(row) for row in rows]
    free = tiny.answered(mini.complete_many(asked, template.generation))
    held = tiny.answered(mini.complete_many(asked, template.generation, shapes=shapes))
    fitting = [index for index in free if fits(shapes[index], free[index].text)]
    assert len(fitting) >= 2
    for index in fitting:
        assert held[index].text == free[index].text
        assert [token.id for token in held[index].tokens] == [token.id for token in free[index].tokens]
    assert all(held[index].has_shape for index in held)
    for prompt, shape in list(zip(asked, shapes, strict=True))[:1]:
        plain = mini.complete(prompt, template.generation, shape=shape, drafting=False)
        drafted = mini.complete(prompt, template.generation, shape=shape)
        assert drafted.tokens == plain.tokens


def test_the_bytes_of_minis_tokens_are_their_texts(mini: Engine) -> None:
    found = mini.vocabulary.token_bytes()
    assert len(found) == mini.vocabulary.size
    for id in range(0, len(found), 7):
        if id in mini.vocabulary.ends:
            assert found[id] == b""
        else:
            assert found[id].decode(errors="replace").count("\ufffd") == mini.decode([id]).count("\ufffd")
            assert "\ufffd" in mini.decode([id]) or found[id].decode() == mini.decode([id])
