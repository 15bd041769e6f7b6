"""A task as a prompt: whole, without blanks at its cues, right in every answer, and in very many forms."""

from __future__ import annotations

import random

import pytest

from gptjt_demo.templates.template import Template
from gptjt_demo.training.episodes.formats import render
from gptjt_demo.training.episodes.task import Episode, Task

ROWS = tuple((f"the sentence with number {i:03} in it", f"answer{i:03}") for i in range(12))
FREE = Task("free", ("Give the answer.", "What is it?"), (("Question", "Reply"),), ROWS)
MOODS = ("joy", "fear", "anger")
LABELLED = Task(
    "labelled",
    ("Name the mood.", "Is it joy, fear or anger?", "Say how the writer feels."),
    (("Post", "Mood"),),
    tuple((text, MOODS[i % 3]) for i, (text, _) in enumerate(ROWS)),
    MOODS,
)
LINES = Task(
    "lines", ("Answer.",), (("Text", "Answer"),), tuple((f"{text}\nQuestion: what?", out) for text, out in ROWS)
)
SEEDS = range(400)


def episodes(task: Task) -> list[Episode]:
    return [render(random.Random(seed), task) for seed in SEEDS]


def text_of(episode: Episode) -> str:
    return "".join(context + answer for context, answer in episode.turns)


def test_the_same_state_gives_the_same_episode() -> None:
    assert episodes(LABELLED) == episodes(LABELLED)


@pytest.mark.parametrize("task", [FREE, LABELLED, LINES])
def test_a_context_ends_with_its_cue_and_an_answer_with_one_line_feed(task: Task) -> None:
    for episode in episodes(task):
        assert episode.family == task.family
        assert episode.turns
        for context, answer in episode.turns:
            assert context == context.rstrip()
            assert answer[0] in " \n"
            assert answer.endswith("\n")
            assert "\n" not in answer[1:-1]
            assert answer[1:-1] == answer[1:-1].strip() != ""


@pytest.mark.parametrize("task", [FREE, LINES])
def test_every_answer_is_the_one_of_the_input_right_before_it(task: Task) -> None:
    outputs = {text.split("\n")[0]: out for text, out in task.rows}
    for episode in episodes(task):
        for context, answer in episode.turns:
            nearest = max(outputs, key=context.rfind)
            assert answer.strip().removesuffix(".") == outputs[nearest]


def test_no_input_stands_twice_in_a_prompt_and_no_answer_before_its_turn() -> None:
    for episode in episodes(FREE):
        text = text_of(episode)
        assert all(text.count(question) == text.count(answer) for question, answer in ROWS)
        asked = episode.turns[-1][1].strip().removesuffix(".")
        assert text.count(asked) == 1


def test_the_form_that_templates_render_is_the_most_frequent() -> None:
    found = 0
    for episode in episodes(FREE):
        text = text_of(episode)
        prompt, answer = text[: -len(episode.turns[-1][1])], episode.turns[-1][1]
        template, query = Template.parse(prompt)
        if template.examples and template.separator == "\n\n" and template.output_cue and answer.startswith(" "):
            assert template.render(query) == prompt
            found += "->" not in prompt
    assert found > 0.4 * len(SEEDS)


def test_few_examples_are_the_rule() -> None:
    shots = [sum(text in text_of(episode) for text, _ in ROWS) - 1 for episode in episodes(FREE)]
    assert min(shots) == 0
    assert max(shots) == len(ROWS) - 1
    assert sum(1 <= shot <= 8 for shot in shots) > 0.85 * len(shots)


def test_without_an_instruction_an_example_is_shown_before_anything_is_asked() -> None:
    for episode in episodes(FREE):
        context = episode.turns[0][0]
        if not any(instruction in context for instruction in FREE.instructions):
            assert sum(text in context for text, _ in ROWS) == 2
            assert any(out in context for _, out in ROWS)


def test_a_label_under_another_name_has_been_shown_before_it_is_asked_for() -> None:
    renamed = 0
    for episode in episodes(LABELLED):
        before = ""
        for context, answer in episode.turns:
            before += context
            name = answer.strip().removesuffix(".")
            if name.casefold() not in MOODS:
                renamed += 1
                assert before.count(name) > 0, text_of(episode)
            before += answer
    assert renamed > 50


def test_a_renaming_is_one_to_one_within_a_prompt() -> None:
    gold = dict(LABELLED.rows)
    for episode in episodes(LABELLED):
        names: dict[str, set[str]] = {}
        for context, answer in episode.turns:
            names.setdefault(gold[max(gold, key=context.rfind)], set()).add(answer.strip().removesuffix("."))
        assert all(len(found) == 1 for found in names.values())
        assert len(set.union(*names.values())) == len(names)


def test_an_instruction_never_speaks_of_labels_that_the_answers_do_not_use() -> None:
    for episode in episodes(LABELLED):
        text = text_of(episode)
        if "joy, fear or anger" in text:
            explained = all(mood in text.lower() for mood in MOODS)
            assert explained
            assert all(answer.strip().removesuffix(".").lower() in MOODS for _, answer in episode.turns)


def test_prompts_of_one_task_look_very_different() -> None:
    frames = set()
    for episode in episodes(FREE):
        context = episode.turns[-1][0]
        for question, answer in ROWS:
            context = context.replace(question, "…").replace(answer, "_")
        frames.add((context, episode.turns[-1][1][0]))
    assert len(frames) > 120


def test_a_task_that_cannot_be_shown_is_refused() -> None:
    for rows in ((), (("question", " "),), (("question", "two\nlines"),)):
        with pytest.raises(ValueError, match="free"):
            render(random.Random(0), Task("free", (), (), rows))
