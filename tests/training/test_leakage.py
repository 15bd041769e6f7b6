"""What a model is measured on is never trained on: prompts' cases, gallery checks, labelled samples."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import tiny

from gptjt_demo.evaluation import samples
from gptjt_demo.templates.libraries import Library
from gptjt_demo.training.data.assembly import assemble, cut_of, few_shot
from gptjt_demo.training.data.sources import Cut, Documents, Episodes, JsonLines
from gptjt_demo.training.data.text_corpus import documents
from gptjt_demo.training.data.withheld import Withheld, measured
from gptjt_demo.training.episodes import FAMILIES, render
from gptjt_demo.training.episodes.task import Task
from gptjt_demo.training.recipes.recipe import Recipe

NOTHING = Withheld()


def flat(text: str) -> str:
    """A text's words between blanks. Written apart from the filter's own, to judge it."""
    return f" {' '.join(re.sub(r'[^a-z0-9à-ÿ]+', ' ', text.lower()).split())} "


def forbidden() -> set[str]:
    """Inputs of templates and cells of sample files that are long enough to be known by themselves."""
    found = set()
    for template in Library.open():
        if template.name != "currency":
            rows = [*(row.inputs for row in (*template.examples, *template.checks)), template.query]
            found |= {flat(text) for row in rows for text in row.values()}
    for name in samples.names():
        if name != "currency":
            with samples.path(name).open(encoding="utf-8", newline="") as file:
                cells = list(csv.reader(file))[1:]
            labels = Library.open()[name].labels
            found |= {flat(cell) for row in cells for cell in row if cell not in labels}
    return {text for text in found if len(text.split()) >= 3 or len(text) >= 14}


def currencies() -> dict[str, str]:
    with samples.path("currency").open(encoding="utf-8", newline="") as file:
        rows = [(country, currency) for country, currency in csv.reader(file)][1:]
    template = Library.open()["currency"]
    rows += [(row.inputs["input"], row.output) for row in (*template.examples, *template.checks)]
    return {flat(country): flat(currency) for country, currency in [*rows, ("India", "Indian Rupee")]}


def found_in(text: str, cases: set[str]) -> list[str]:
    given = flat(text)
    return [case for case in cases if case in given]


def whole(episode: Any) -> str:
    return "".join(context + answer for context, answer in episode.turns)


def test_the_cases_are_there_and_are_known_however_they_are_written() -> None:
    cases = forbidden()
    assert len(cases) > 350
    assert [case for case in cases if not measured().holds(f"so: {case.upper().replace(' ', ' -- ')}!")] == []
    assert not measured().holds("A sentence that stands nowhere.")
    assert not measured().holds("India")  # a name alone may occur


def test_no_sample_or_prompt_is_in_thousands_of_episodes() -> None:
    cases = forbidden()
    source = few_shot(Recipe.load("mini"), cut_of(Recipe.load("mini"), tiny.tokenizer(), seed=1))
    texts = [whole(episode) for number in range(2000) if (episode := source.episode(number))]
    assert len(texts) > 1900
    assert [hits for text in texts if (hits := found_in(text, cases))] == []


def test_no_sample_or_prompt_is_in_the_english_that_is_trained_on() -> None:
    cases = forbidden()
    train, _ = documents(["python"])
    cut = cut_of(Recipe.load("mini"), tiny.tokenizer(), seed=1)
    planted = f"{train[0]} He said: {sorted(cases, key=len)[-1]}"
    source = Documents("english", cut, [*train, planted])
    assert len(source.texts) <= len(train)
    assert [hits for text in source.texts if (hits := found_in(text, cases))] == []


@pytest.mark.parametrize("family", ["currency", "currency_relations"])
def test_no_country_whose_currency_is_asked_for_is_shown_with_it(family: str) -> None:
    facts = currencies()
    for number in range(400):
        rng = random.Random(number)
        task = FAMILIES[family](rng, 16)
        for given, answer in task.rows:
            if not measured().holds_row(given, answer):
                sides = {flat(given), flat(answer)}
                for country, currency in facts.items():
                    assert not ({country, currency} <= sides), (given, answer)


def test_that_needs_the_filter() -> None:
    """Without it, the countries' currencies are in their families: the tests above can fail."""
    rows = [row for number in range(100) for row in FAMILIES["currency"](random.Random(number), 16).rows]
    facts = currencies()
    assert any(facts.get(flat(given)) == flat(answer) for given, answer in rows)


@pytest.mark.parametrize(
    ("given", "answer", "held"),
    [
        ("India", "Indian Rupee", True),
        ("the currency of India", "Indian Rupee (INR)", True),
        ("India", "Rupee", True),
        ("Indian Rupee", "India", True),
        ("USA", "US Dollar", True),
        ("India", "New Delhi", False),
        ("India", "Indian", False),
        ("Austria", "Euro", False),
        ("Dont worry @user you are and will always be the most HYSTERICAL woman", "x", True),
        ("x", "Joan Whitaker, joan@example.com, 503-555-0109", True),
        ("not hate speech", "joy", False),
    ],
)
def test_a_fact_is_withheld_and_its_words_are_not(given: str, answer: str, held: bool) -> None:
    assert measured().holds_row(given, answer) is held


def planted(rng: random.Random, n: int) -> Task:
    """A family with a widget prompt's query among its rows."""
    rows = [(f"a post that was made up for row {i}", "joy") for i in range(n - 1)]
    rows.insert(rng.randrange(n), ("i can have for a treat, or if I am feeling festive", "joy"))
    return Task("planted", ("Name the feeling.",), (("Post", "Feeling"),), tuple(rows))


@pytest.mark.parametrize(("withheld", "shown"), [(measured(), False), (NOTHING, True)])
def test_a_planted_case_is_shown_only_where_the_filter_is_taken_out(withheld: Any, shown: bool) -> None:
    cut = Cut(lambda text: list(text.encode()), None, 4000, 0, withheld)
    source = Episodes("e", cut, {"planted": planted}, {"planted": 1}, render)
    texts = [whole(episode) for number in range(60) if (episode := source.episode(number))]
    assert len(texts) == 60
    assert any(found_in(text, forbidden()) for text in texts) is shown


@pytest.mark.parametrize(("withheld", "shown"), [(measured(), False), (NOTHING, True)])
def test_the_users_own_data_are_filtered_too(tmp_path: Path, withheld: Any, shown: bool) -> None:
    path = tmp_path / "rows.jsonl"
    case = "Satya Nadella, the CEO of Microsoft, was visiting the Bahamas last May."
    path.write_text(f"{json.dumps({'text': 'harmless'})}\n{json.dumps({'prompt': case, 'completion': 'x'})}\n", "utf-8")
    source = JsonLines("rows", Cut(lambda text: list(text.encode()), None, 4000, 0, withheld), path)
    texts = [bytes(source.next().ids).decode() for _ in range(4)]
    assert any(case in text for text in texts) is shown


def test_the_recipes_own_mixture_has_the_filter_in(tmp_path: Path) -> None:
    """What is trained on, read back from its token ids."""
    recipe = Recipe.load("mini")
    assert recipe.english is not None
    small = recipe.model_copy(
        update={"english": recipe.english.model_copy(update={"packages": ("python",), "folders": ()})}
    )
    mixture = assemble(small, tiny.tokenizer(), tmp_path, data={}, seed=0).mixture
    cases = forbidden()
    texts = [str(tiny.tokenizer().decode(list(mixture.next().ids))) for _ in range(1000)]
    assert [hits for text in texts if (hits := found_in(text, cases))] == []
