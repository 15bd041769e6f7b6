"""Pasted prompts: the shapes that people write are read into the rows that they mean."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from gptjt_demo.templates import prompt_text
from gptjt_demo.templates.template import Template

# text; instruction, cues of the inputs, cue of the output, separator; rows, the query last
SHAPES = {
    "arrows": (
        "Translate English to French:\n\nsea otter => loutre de mer\ncheese =>",
        ("Translate English to French:\n", [""], "=>", "\n"),
        [("sea otter", "loutre de mer"), ("cheese",)],
    ),
    "arrows between named languages": (
        "English: cat => French: chat\nEnglish: dog => French:",
        ("", ["English"], "=> French", "\n"),
        [("cat", "chat"), ("dog",)],
    ),
    "question and answer": (
        "I answer.\n\nQ: one?\nA: 1\nQ: two?\nA:",
        ("I answer.\n", ["Q"], "A", "\n"),
        [("one?", "1"), ("two?",)],
    ),
    "cues with a full stop": (
        "Q. one?\nA. 1\n\nQ. two?\nA.",
        ("", ["Q."], "A.", "\n\n"),
        [("one?", "1"), ("two?",)],
    ),
    "two inputs": (
        "Premise: a\nHypothesis: b\nLabel: yes\n\nPremise: c\nHypothesis: d\nLabel:",
        ("", ["Premise", "Hypothesis"], "Label", "\n\n"),
        [("a", "b", "yes"), ("c", "d")],
    ),
    "fields parted by blank lines": (
        "Context: x\n\nQuestion: y\n\nAnswer: z\n\nContext: a\n\nQuestion: b\n\nAnswer:",
        ("", ["Context", "Question"], "Answer", "\n\n"),
        [("x", "y", "z"), ("a", "b")],
    ),
    "hash marks between examples": (
        "Message: good: yes\nSentiment: Positive\n###\nMessage: bad\nSentiment:",
        ("", ["Message"], "Sentiment", "\n###\n"),
        [("good: yes", "Positive"), ("bad",)],
    ),
    "a rule below the instruction too": (
        "Do it.\n---\nMessage: good\nMood: fine\n---\nMessage: bad\nMood:",
        ("Do it.", ["Message"], "Mood", "\n---\n"),
        [("good", "fine"), ("bad",)],
    ),
    "an instruction with lists and cues": (
        "Rules:\n- one\n- two\n\nNote: be kind\n\nReview: a\nStars: 5\n\nReview: Note: b\nStars:",
        ("Rules:\n- one\n- two\n\nNote: be kind", ["Review"], "Stars", "\n\n"),
        [("a", "5"), ("Note: b",)],
    ),
    "an instruction that starts with the output's cue": (
        "Label: a or b\n\nTweet: x\nLabel: a\n\nTweet: y\nLabel:",
        ("Label: a or b", ["Tweet"], "Label", "\n\n"),
        [("x", "a"), ("y",)],
    ),
    "an instruction right above the first example": (
        "Classify.\nText: foo\nMood: bar\n\nText: x\nMood:",
        ("Classify.", ["Text"], "Mood", "\n\n"),
        [("foo", "bar"), ("x",)],
    ),
    "values of several lines": (
        "Sum.\n\nText: a\nb\n\nc\nSummary: x\ny\n\nText: d\nSummary:",
        ("Sum.", ["Text"], "Summary", "\n\n"),
        [("a\nb\n\nc", "x\ny"), ("d",)],
    ),
    "values under their cues": (
        "### Input:\nfoo\n\n### Response:\nbar\n\n### Input:\nbaz\n\n### Response:\n",
        ("", ["### Input:\n"], "### Response:\n", "\n\n"),
        [("foo", "bar"), ("baz",)],
    ),
    "an input without a cue": (
        "Say the mood.\n\nI love it\nMood: good\n\nI hate it\nMood:",
        ("Say the mood.", [""], "Mood", "\n\n"),
        [("I love it", "good"), ("I hate it",)],
    ),
    "no examples": (
        "Return the currency.\n\nInput: Japan\nOutput:",
        ("Return the currency.", ["Input"], "Output", "\n\n"),
        [("Japan",)],
    ),
    "an empty answer": (
        "Input: a\nOutput:\n\nInput: c\nOutput:",
        ("", ["Input"], "Output", "\n\n"),
        [("a", ""), ("c",)],
    ),
    "another script": (
        "वाक्य: a\nभावना: b\n\nवाक्य: c\nभावना:",
        ("", ["वाक्य"], "भावना", "\n\n"),
        [("a", "b"), ("c",)],
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_shape_that_people_write_is_read_into_rows(case: str) -> None:
    text, (instruction, cues, output_cue, separator), rows = SHAPES[case]
    template, query = Template.parse(text)
    assert template.render(query) == text
    assert (template.instruction, template.output_cue, template.separator) == (instruction, output_cue, separator)
    assert [item.cue for item in template.inputs] == cues
    examples = [(*example.inputs.values(), example.output) for example in template.examples]
    assert [*examples, tuple(query.values())] == rows


# Separators that people put between rows, and what may stand between the instruction and the first of them.
RULES = [
    "###",
    "---",
    "===",
    "***",
    "##",
    "-----",
    "+++",
    "~~~",
    "___",
    "•••",
    "%%%",
    "* * *",
    "- - -",
    "[SEP]",
    "<|end|>",
]
LEADS = ["", "Classify.\n\n", "Classify.\n", "Classify.\n{rule}\n", "{rule}\n", "Classify.\n{rule}\n\n"]


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("blank", ["\n", "\n\n"])
def test_rows_with_a_line_between_them_are_all_read(lead: str, rule: str, blank: str) -> None:
    rows = [("one", "x"), ("two", "y"), ("three", "x")]
    block = f"{blank}{rule}{blank}".join(f"Q: {question}\nA: {answer}" for question, answer in rows)
    text = f"{lead.format(rule=rule)}{block}{blank}{rule}{blank}Q: four\nA:"
    template, query = Template.parse(text)
    assert template.render(query) == text
    assert [(row.inputs["q"], row.output) for row in template.examples] == rows
    assert query == {"q": "four"}
    assert rule not in "".join(row.output for row in template.examples)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Q: a A: x\nQ: b A: y\nQ: c A:", [("a", "x"), ("b", "y")]),
        ("a -> x\n###\nb -> y\n###\nc ->", [("a", "x"), ("b", "y")]),
        ("Q: a\nA: x\nEND\nQ: b\nA: y\nEND\nQ: c\nA:", [("a", "x"), ("b", "y")]),
        ("Say it.\n\nQ: a\nA: x\nQ: b\nA: y\nQ: c\nA:", [("a", "x"), ("b", "y")]),
        ("Q: a\nA: fine :-)\n\nQ: b\nA:", [("a", "fine :-)")]),
    ],
)
def test_other_ways_to_part_rows_are_read(text: str, rows: list[tuple[str, str]]) -> None:
    template, query = Template.parse(text)
    assert template.render(query) == text
    assert [(*row.inputs.values(), row.output) for row in template.examples] == rows


def test_an_answer_of_several_lines_is_not_taken_for_a_line_between_rows() -> None:
    template, _ = Template.parse("Q: a\nA: one\n:-)\n\nQ: b\nA:")
    assert [row.output for row in template.examples] == ["one\n:-)"]


def test_inputs_are_named_after_their_cues() -> None:
    template, _ = Template.parse(
        "Sentence 1: a\nOutput 2: b\nसं: c\nOutput: d\n\nSentence 1: e\nOutput 2: f\nसं: g\nOutput:"
    )
    assert [item.name for item in template.inputs] == ["sentence-1", "output-2", "input"]


def steps(text: str) -> int:
    """How many steps of Python the reading of a prompt takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != prompt_text.__file__:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in prompt_text.readings(text):
            pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece", ["\n", "a: ", "Q: \nA:\n", "a => ", "###\n", "Q:\n\n", "Q: a => b\nA:", "x\n###\n", "cue {}: x\n"]
)
@pytest.mark.parametrize("copies", [1, 2])
def test_twice_as_much_repetitive_text_takes_twice_as_many_steps(piece: str, copies: int) -> None:
    def text(pieces: int) -> str:
        block = "".join(piece.format(number) for number in range(pieces)) + "\nQ: a => b\nA:"
        return "\n\n".join([block] * copies)

    short, long = steps(text(150)), steps(text(300))
    assert long < 2.2 * short + 1_000
