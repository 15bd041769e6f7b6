"""Templates that show the nearest examples: which ones, in which order, and one prompt wherever it is asked for."""

from __future__ import annotations

import math
from collections import Counter
from html import escape
from pathlib import Path

import pytest
from command_line import run
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from gptjt_demo.batch.question import Question
from gptjt_demo.errors import TemplateError
from gptjt_demo.evaluation.evaluate import measure
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.formats import FORMATS, export
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import from_fragment, to_fragment
from gptjt_demo.templates.lint.lint import lint
from gptjt_demo.templates.nearest import nearest
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.draft import reread

ANIMALS = ("the dog barks", "a cat sleeps", "dogs bark at night", "it rains", "the cat purrs", "wind and rain")
POOL = Template(
    name="pool",
    title="Pool",
    instruction="What is it about?",
    nearest_examples=2,
    examples=tuple({"input": text, "output": f"answer {number}"} for number, text in enumerate(ANIMALS)),
)


def likeness(text: str, query: str, texts: tuple[str, ...]) -> float:
    """The cosine of the two, as it is written in a textbook."""

    def parts(text: str) -> Counter[str]:
        words = [f" {word} " for word in text.lower().split()]
        return Counter(
            word[at : at + size] for word in words for size in (2, 3, 4) for at in range(len(word) - size + 1)
        )

    def weights(text: str) -> dict[str, float]:
        return {
            part: (1 + math.log(count)) * (1 + math.log((1 + len(texts)) / (1 + holding)))
            for part, count in parts(text).items()
            if (holding := sum(part in parts(other) for other in texts))
        }

    one, other = weights(text), weights(query)
    norms = [math.sqrt(sum(value * value for value in each.values())) for each in (one, other)]
    return sum(value * other.get(part, 0.0) for part, value in one.items()) / (math.prod(norms) or 1.0)


@pytest.mark.parametrize("query", ["a dog at night", "rain, rain, rain", "my cat", "zzz", "DOG", "the"])
def test_the_nearest_are_those_of_the_textbook_and_the_most_alike_is_last(query: str) -> None:
    found = nearest(ANIMALS, query, 3)
    expected = sorted(range(6), key=lambda n: (-round(likeness(ANIMALS[n], query, ANIMALS), 9), n))[:3]
    assert found == expected[::-1]


@settings(max_examples=50)
@given(st.lists(st.text("ab c.", max_size=6), max_size=8), st.text("abc ", max_size=6), st.integers(1, 9))
def test_any_texts_give_as_many_as_there_are_and_always_the_same(texts: list[str], query: str, count: int) -> None:
    found = nearest(texts, query, count)
    assert len(set(found)) == len(found) == min(count, len(texts))
    nearest(ANIMALS, query, 1)
    assert nearest(texts, query, count) == found


def test_a_prompt_shows_so_many_and_never_the_query_itself() -> None:
    prompt = POOL.render("dogs bark")
    assert prompt == (
        "What is it about?\n\nInput: the dog barks\nOutput: answer 0\n\nInput: dogs bark at night\nOutput: answer 2\n\n"
        "Input: dogs bark\nOutput:"
    )
    assert [example.output for example in POOL.shown("dogs bark")] == ["answer 0", "answer 2"]
    itself = POOL.render("  Dogs bark at NIGHT. ")
    assert "answer 2" not in itself
    assert itself.count("Output: answer") == 2
    assert POOL.revised(nearest_examples=200).render("rain").count("Output: answer") == 6
    assert POOL.revised(nearest_examples=None).render("dogs bark at night").count("Output: answer") == 6
    with pytest.raises(TemplateError, match="nearest_examples"):
        POOL.revised(nearest_examples=0)


def test_the_prompt_is_the_same_in_a_batch_on_the_page_and_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, query = FakeEngine(), "a cat & a dog"
    prompt = POOL.render(query)
    question = Question(engine, POOL)
    assert question.prompt({"input": query}) == prompt
    list(question.replies([{"input": query}]))
    assert engine.prompts == [prompt]
    actions = Actions(engine, Library.open())
    assert (
        f"<pre>\n{escape(prompt)}</pre>"
        in actions.preview(actions.controls(POOL.revised(query=query_of(query)))).prompt
    )
    (tmp_path / "pool.yaml").write_text(POOL.to_yaml())
    path = str(tmp_path / "pool.yaml")
    assert run(capsys, "templates", "show", path, "--prompt", "--input", query)[1] == prompt


def query_of(text: str) -> dict[str, str]:
    return {"input": text}


def test_files_and_links_keep_it_and_other_formats_say_what_they_cannot() -> None:
    assert Template.from_yaml(POOL.to_yaml()) == POOL
    assert from_fragment(to_fragment(POOL))[0] == POOL
    assert "nearest_examples: 2" in POOL.to_yaml()
    asked = POOL.revised(query=query_of("a cat"))
    for format in FORMATS:
        if format.name == "lm-eval":
            with pytest.raises(TemplateError, match="a task has the same ones for every row"):
                export(asked, format.name)
        else:
            assert "answer 4" in export(asked, format.name)
    said = next(finding for finding in lint(asked) if finding.rule == "nearest-examples")
    assert said.message == (
        "each prompt shows 2 of 6 examples, those most like its query; a task for lm-evaluation-harness cannot do that"
    )


def test_a_query_among_the_examples_gives_nothing_away_and_no_mend_loses_examples() -> None:
    given = POOL.revised(query=query_of("it rains"), examples=(*POOL.examples, {"input": "input : x", "output": "y"}))
    findings = lint(given)
    assert "leak" not in {finding.rule for finding in findings}
    assert all(len(finding.fixed.examples) == 7 for finding in findings if finding.fixed is not None)


def test_a_text_that_is_edited_shows_the_examples_that_it_shows() -> None:
    text = POOL.render("a cat").replace("a cat", "a dog")
    template, query = reread(POOL, text, [])
    assert template.render(query) == text
    assert template.nearest_examples is None


def test_on_the_page_the_number_is_typed_and_a_text_that_is_edited_has_none() -> None:
    actions = Actions(FakeEngine(), Library.open())
    held = actions.controls(POOL)
    assert held.nearest == "2"
    assert actions.whole(held) == POOL
    assert actions.whole(held._replace(nearest=" 3 ")).nearest_examples == 3
    assert actions.whole(held._replace(nearest="")).nearest_examples is None
    for typed in ("0", "201", "many", "²", "99999"):
        line = "Nearest examples: " + repr(typed) + " is no number of examples; give 1 to 200, or leave it blank"
        assert escape(line) in actions.preview(held._replace(nearest=typed)).prompt
    asked = held._replace(query={**held.query, "rows": [["a cat"]]})
    text, _ = actions.turn(asked._replace(view="raw"))
    assert text.raw == POOL.render("a cat")
    assert actions.whole(text) == POOL.revised(query=query_of("a cat"))
    back, _ = actions.turn(text._replace(view="rows"))
    assert (back.nearest, len(back.examples["rows"])) == ("2", 6)
    back, _ = actions.turn(text._replace(view="rows", raw=text.raw.replace("a cat", "a dog")))
    assert (back.nearest, len(back.examples["rows"])) == ("", 2)


def test_a_measured_row_that_is_among_the_examples_is_asked_without_itself_and_that_is_said() -> None:
    engine = FakeEngine()
    rows = [Labelled(0, {"input": "it rains"}, "answer 3"), Labelled(1, {"input": "it snows"}, "answer 3")]
    found = measure(Question(engine, POOL), rows)
    assert "answer 3" not in engine.prompts[0]
    assert "answer 3" in engine.prompts[1]
    assert found.notes == ("One row is among the examples, and was asked without itself being shown.",)
    (note,) = measure(Question(engine, POOL.revised(nearest_examples=None)), rows).notes
    assert note.startswith("1 measured row is among the examples of “Pool”: the model has read the right answer")
