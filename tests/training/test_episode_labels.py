"""The classification families: their labels are right by construction, even, and the same for the same generator."""

from __future__ import annotations

import random
from collections import Counter
from importlib import import_module

import pytest

from gptjt_demo.training.episodes.classification import classify
from gptjt_demo.training.episodes.phrases import grammar, voice
from gptjt_demo.training.episodes.phrases.grammar import Grammar
from gptjt_demo.training.episodes.tasks import emotions, hate, pairs, random_labels, sentiment, topics

MODULES = ("emotions", "sentiment", "topics", "intents", "politeness", "hate", "pairs", "random_labels")
FAMILIES = {
    name: family
    for module in MODULES
    for name, family in import_module(f"gptjt_demo.training.episodes.tasks.{module}").FAMILIES.items()
}
every_family = pytest.mark.parametrize("name", FAMILIES)


@every_family
def test_the_same_generator_gives_the_same_task(name: str) -> None:
    assert FAMILIES[name](random.Random(7), 8) == FAMILIES[name](random.Random(7), 8)


@every_family
def test_rows_are_as_many_as_asked_for_with_distinct_inputs_and_known_labels(name: str) -> None:
    for seed in range(60):
        rows = 1 + seed % 20
        task = FAMILIES[name](random.Random(seed), rows)
        inputs = [text for text, _ in task.rows]
        assert len(task.rows) == rows == len(set(inputs))
        assert {label for _, label in task.rows} <= set(task.labels)
        assert len(set(task.labels)) == len(task.labels) >= 2
        assert task.cues
        assert all(text == text.strip() and text for text in inputs)


@every_family
def test_no_slot_or_bracket_is_left_in_a_text_or_an_instruction(name: str) -> None:
    for seed in range(150):
        task = FAMILIES[name](random.Random(seed), 8)
        for text in (*task.instructions, *(text for text, _ in task.rows)):
            assert not set("{}[]") & set(text), text
            assert "?." not in text, text
            assert "OBJECT" not in text, text


@every_family
def test_labels_are_even_and_the_place_in_a_task_says_nothing_of_them(name: str) -> None:
    share_of_first: Counter[bool] = Counter()
    repeats = Counter[bool]()
    for seed in range(900):
        task = FAMILIES[name](random.Random(seed), 6)
        if len(task.labels) != 2:
            continue
        labels = [label for _, label in task.rows]
        share_of_first[labels[-1] == sorted(task.labels)[0]] += 1
        repeats[labels[-1] == labels[-2]] += 1
    for counts in (share_of_first, repeats):
        n = sum(counts.values())
        if n > 60:
            assert abs(counts[True] / n - 0.5) < 2.6 / n**0.5, counts  # five standard deviations


@every_family
def test_every_text_is_drawn_for_one_label_only(name: str) -> None:
    """Within a label set. A text that comes up for two labels would be wrong for one of them."""
    found: dict[tuple[tuple[str, ...], str], str] = {}
    for seed in range(400):
        task = FAMILIES[name](random.Random(seed), 8)
        if name in ("rules", "sorts", "about"):  # labels there stand for another thing in each task
            continue
        for text, label in task.rows:
            key = (tuple(sorted(task.labels)), text.lower())
            assert found.setdefault(key, label) == label, text


@every_family
def test_instructions_are_many_and_some_leave_the_labels_out(name: str) -> None:
    seen: set[str] = set()
    for seed in range(40):
        seen |= set(FAMILIES[name](random.Random(seed), 2).instructions)
    assert len(seen) >= 6


@pytest.mark.parametrize("name", ["emotions", "feelings", "sentiment", "stars", "hate", "topics", "intents", "same"])
def test_a_family_does_not_repeat_itself(name: str) -> None:
    texts = {text for seed in range(250) for text, _ in FAMILIES[name](random.Random(seed), 8).rows}
    assert len(texts) > 1_400  # of 2,000


def test_a_rule_decides_as_it_says() -> None:
    rng = random.Random(3)
    for _ in range(300):
        drawn = random_labels.draw_sentence(rng)
        low = f" {drawn.text.lower()} "
        assert random_labels.RULES["ends in a question mark"](drawn) == drawn.question
        assert drawn.negated == (" never " in low)
        assert drawn.first_person == (" i " in low or " we " in low)
        words = grammar.load("rules").sections
        assert drawn.number == any(f" {number} " in low.replace(drawn.text[-1], " ") for number in words["number"])
        assert any(noun in low for noun in words[drawn.object])


def test_rules_hold_of_one_label_and_not_of_the_other() -> None:
    for rule in random_labels.RULES.values():
        rng = random.Random(1)
        held = Counter(rule(random_labels.draw_sentence(rng)) for _ in range(500))
        assert min(held[True], held[False]) > 15


def test_contrasts_are_labelled_by_what_they_end_with() -> None:
    things = grammar.load("reviews", "things", "affairs").sections
    assert {f"{thing}.{part}" for thing in sentiment.THINGS for part in ("it", "pos", "neg", "neu")} <= set(things)
    for rng in map(random.Random, range(200)):
        text = grammar.load("reviews", "things", "affairs").draw(rng, "pos.turn", "pos", "hotel")
        assert not text.endswith(".")  # what follows carries the label


def test_emotions_that_read_alike_are_never_in_one_label_set() -> None:
    alike = ({"joy", "pride"}, {"joy", "gratitude"}, {"sadness", "guilt"}, {"joy", "excitement"}, {"fear", "confusion"})
    for labels in emotions.OTHER_LABELS:
        sections = [set(names) for names in labels.values()]
        for i, one in enumerate(sections):
            for other in sections[i + 1 :]:
                assert not any(len(pair & one) == 1 and len(pair & other) == 1 for pair in alike), labels


def test_topics_that_share_texts_are_never_in_one_label_set() -> None:
    for seed in range(300):
        task = topics.topics(random.Random(seed), 2)
        names = {name for name in task.labels if name in topics.TOPICS}
        assert not any(pair <= names for pair in topics.CLOSE)


def test_what_is_hostile_to_a_group_stays_mild() -> None:
    """No threats of violence, and no names for groups other than those that people use for themselves."""
    banned = {
        "kill",
        "shoot",
        "beat",
        "burn",
        "hang",
        "die",
        "dead",
        "gas",
        "rape",
        "hit",
        "vermin",
        "subhuman",
        "scum",
    }
    rng = random.Random(0)
    for _ in range(4_000):
        assert not banned & set(grammar.load("hate", "not_hate").draw(rng, "hate").lower().split())


def test_the_same_hostile_words_are_told_from_their_denial_and_quotation() -> None:
    """Both labels speak of groups and use the same predicates, so that neither gives the label away."""
    rng = random.Random(0)
    group_words = {"immigrants", "women", "refugees", "muslims", "migrants", "foreigners"}
    mentions = {
        form: sum(bool(group_words & set(hate.post(form, rng).lower().split())) for _ in range(800))
        for form in ("hate", "fine")
    }
    assert mentions["fine"] > 60
    assert any('"' in hate.post("fine", rng) for _ in range(50))


def test_paraphrases_keep_every_name_and_swaps_count_as_different() -> None:
    for world in pairs.worlds():
        for line in (*world["P"], *world["C"]):
            assert line.count("{") == line.count("}")
        assert len(world["P"]) >= 3
        assert not set(world["P"]) & (set(world["C"]) | set(world["N"]) | set(world["E"]))


def test_a_phrase_list_without_a_phrase_or_with_an_open_bracket_is_refused() -> None:
    for phrase in ("a [b|c", "a] b", "{name"):
        with pytest.raises(ValueError, match="clos"):
            Grammar({"x": (phrase,)}).draw(random.Random(0), "x")
    with pytest.raises(KeyError):
        Grammar({"x": ("{y}",)}).draw(random.Random(0), "x")


@pytest.mark.parametrize(
    ("group", "at", "other"),
    [
        (("posts", *emotions.SIX, "moods"), "joy", "fear"),
        (("reviews", "things", "affairs"), "pos", "film"),
        (("hate", "not_hate"), "", ""),
        (("topics", "stories"), "sports", ""),
        (("intents",), "refund", ""),
        (("messages",), "", ""),
        (("politeness",), "", ""),
        (("rules",), "", ""),
    ],
)
def test_every_phrase_of_the_files_can_be_expanded(group: tuple[str, ...], at: str, other: str) -> None:
    texts = grammar.load(*group)
    for section, phrases in texts.sections.items():
        for phrase in () if section in ("person", "surname", "city", "country") else phrases:
            one = Grammar({**texts.sections, "only this": (phrase,)})
            assert one.draw(random.Random(0), "only this", at, other) or not phrase.strip()


def test_alternatives_nest_and_articles_agree() -> None:
    texts = Grammar({"x": ("a [{y}|{y}] [b[c|c]|bc]",), "y": ("apple",)})
    assert texts.draw(random.Random(0), "x") == "an apple bc"


def test_voice_keeps_the_words_and_adds_only_what_it_was_given() -> None:
    rng = random.Random(0)
    for _ in range(300):
        said = voice.say(rng, "we are here. it is noon", formal=0.0, public=False)
        letters = [c for c in said.lower() if c.isalpha()]
        assert "#" not in said
        assert letters[:3] == list("wea")
    assert voice.say(rng, "we are here. it is noon", formal=1.0) == "We are here. It is noon."


def test_too_few_texts_are_said_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="different texts"):
        classify(
            random.Random(0),
            5,
            family="x",
            draws={"a": lambda _: "one", "b": lambda _: "two"},
            instructions=(),
            cues=(),
        )
