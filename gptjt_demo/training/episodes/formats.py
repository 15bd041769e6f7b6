"""A task's rows as a few-shot prompt, in one of very many formats.

In: a `Task` and a `random.Random`. Out: an `Episode`, the same for the same state of the generator. Draws the number of
examples, the instruction, the labels' wording, cues, punctuation, separators, quotes and numbering; the form that
`gptjt_demo.template` writes is the most frequent. Knows nothing of what a task is about, nor of tokens.

An answer that nobody could know is never asked for: where no instruction says what to do, or renamed labels are not
listed, the examples that show it stand, solved, in the first turn's context.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from gptjt_demo.training.episodes import labelling
from gptjt_demo.training.episodes.labelling import Wording
from gptjt_demo.training.episodes.task import Episode, Task

T = TypeVar("T")

# Examples before the query, and how often. The widget prompts have one or two.
SHOTS = {0: 5, 1: 20, 2: 20, 3: 15, 4: 12, 5: 9, 6: 7, 7: 5, 8: 4, 12: 2, 99: 1}
LEAST_HIDDEN = 4  # where only examples show the labels; with one or two, the answer would mostly be that of the example
NO_INSTRUCTION = 0.15
TEMPLATE_FORMAT = 0.4

GENERIC_CUES = (
    *(("Input", "Output"),) * 5,
    *(("Q", "A"), ("Text", "Answer"), ("Question", "Answer"), ("Input", "Answer"), ("Text", "Label")),
    *(("Text", "Output"), ("In", "Out"), ("Case", "Result"), ("Item", "Value"), ("Example", "Answer")),
    *(("User", "Assistant"), ("Human", "AI"), ("input", "output"), ("INPUT", "OUTPUT"), ("X", "Y")),
    *(("Given", "Result"), ("Source", "Target"), ("Prompt", "Response"), ("Entry", "Result"), ("text", "label")),
)
LABEL_ONLY = frozenset({"Label", "label"})  # cues of a classification

LAYOUTS = {
    "lines": 58,  # Cue: input / Cue: answer
    "arrow": 14,  # input -> answer
    "below": 8,  # Cue: / input / Cue: / answer
    "bare": 7,  # input / Cue: answer
    "inline": 5,  # Cue: input Cue: answer
    "headings": 4,  # ### Cue / input / ### Cue / answer
    "asked": 4,  # input / instruction / Cue: answer
}
ARROWS = (" ->", " ->", " =>", " =>", " =", ":", " |", " →", " -->", " ::", " ==>", " —")
MARKS = {":": 85, " =>": 3, " ->": 3, " |": 2, " -": 2, " =": 2, " :": 3}
SEPARATORS = {
    "\n": 60,
    "": 18,
    "---\n": 6,
    "###\n": 6,
    "\n---\n\n": 3,
    "\n###\n\n": 2,
    "\n\n": 2,
    "***\n": 2,
    "==\n": 1,
}
NUMBERINGS = ("Example {}\n", "Example {}:\n", "{}.\n", "{}. ", "{}) ", "#{}\n", "[{}]\n", "Case {}\n", "({}) ")
AFTER_INSTRUCTION = (
    *("Examples:", "Here are some examples.", "Follow the examples.", "For example:", "Some solved cases:"),
    *("Answer in the same way.", "Give only the answer.", "Stick to the form of the examples.", "Be brief."),
    *("Do it like this:", "Nothing else should be in the answer.", "Keep to the pattern shown below."),
)
PREAMBLES = (
    "Task: {}",
    "Instruction: {}",
    "Instructions: {}",
    "{}",
    "### Task\n{}",
    "Your task: {}",
    "# {}",
    "TASK\n{}",
)


@dataclass(frozen=True)
class _Form:
    """How one example is written, the same for all of a prompt."""

    before: str  # before the input
    between: str  # between input and answer; the context's last characters
    joiner: str
    numbering: str
    separator: str  # after an answer and its line feed
    quotes: tuple[str, str]
    end: str  # a stop that answers carry, mostly none
    asks: bool = False  # the instruction stands in every example, not before them

    def context(self, text: str, number: int) -> str:
        quoted = text if "\n" in text else f"{self.quotes[0]}{text}{self.quotes[1]}"
        return f"{self.numbering.format(number)}{self.before}{quoted}{self.between}"

    def answer(self, text: str) -> str:
        return f"{self.joiner}{text}{'' if text.endswith('.') else self.end}\n"


def render(rng: random.Random, task: Task) -> Episode:
    """A prompt that shows the task, its query last.

    Args:
        rng: decides everything that is drawn.
        task: with at least one row; its outputs are of one line each.

    Returns:
        Turns whose texts, joined, are the prompt and its answer. An answer ends with a line feed.

    Raises:
        ValueError: the task has no row, or an output is blank or has several lines.
    """
    if not task.rows:
        raise ValueError(f"{task.family}: a task without rows")
    for _, output in task.rows:
        if not output.strip() or "\n" in output:
            raise ValueError(f"{task.family}: an output must be one line of text, not {output!r}")
    instruction = rng.choice(task.instructions) if task.instructions and rng.random() >= NO_INSTRUCTION else ""
    shots = _pick(rng, SHOTS)
    shuffled = rng.sample(task.rows, len(task.rows))
    if not task.labels:
        rows = shuffled[: max(shots, 0 if instruction else 1) + 1]
        wording = Wording(instruction)
        solved = 0 if instruction else 1
    else:
        rows, solved = _shown_before_asked(shuffled, shots)
        wording = labelling.draw(rng, task, instruction, may_hide=solved < len(rows))
        if not wording.hidden:
            rows, solved = shuffled[: shots + 1], 0
    solved = min(solved, len(rows) - 1)
    answers = [wording.names.get(output, output) for _, output in rows]
    inputs = [text.strip() for text, _ in rows]
    if rng.random() < TEMPLATE_FORMAT:
        form, header = _template_form(rng, task), f"{wording.instruction}\n\n" if wording.instruction else ""
    else:
        form = _form(rng, task, inputs, answers, wording.instruction)
        header = "" if form.asks else _header(rng, wording.instruction, examples=len(rows) > 1)
    return Episode(task.family, _turns(form, header, inputs, answers, solved))


def _shown_before_asked(shuffled: Sequence[tuple[str, str]], shots: int) -> tuple[list[tuple[str, str]], int]:
    """Rows of which the last has a label that stands before it.

    Returns:
        The rows, and how many of them show every label; all of them where no label is there twice.
    """
    rows = list(shuffled[: max(shots, LEAST_HIDDEN) + 1])
    shown = {label for _, label in rows[:-1]}
    for i, row in enumerate(shuffled[len(rows) - 1 :], len(rows) - 1):
        if row[1] in shown:
            rows[-1] = shuffled[i]
            break
    firsts = {label: i for i, (_, label) in reversed(list(enumerate(rows)))}
    return rows, max(firsts.values()) + 1


def _turns(
    form: _Form, header: str, inputs: Sequence[str], answers: Sequence[str], shown: int
) -> tuple[tuple[str, str], ...]:
    turns: list[tuple[str, str]] = []
    before = header
    for i, (text, answer) in enumerate(zip(inputs, answers, strict=True)):
        context = before + form.context(text, i + 1)
        if i < shown:
            before = context + form.answer(answer) + form.separator
            continue
        turns.append((context, form.answer(answer)))
        before = form.separator
    return tuple(turns)


def _header(rng: random.Random, instruction: str, *, examples: bool) -> str:
    if not instruction:
        return ""
    if rng.random() < 0.15:
        instruction = rng.choice(PREAMBLES).format(instruction)
    if examples and rng.random() < 0.12:
        instruction += rng.choice(("\n", " ", "\n\n")) + rng.choice(AFTER_INSTRUCTION)
    return instruction + rng.choice(("\n\n", "\n\n", "\n\n", "\n", "\n\n\n", "\n---\n", "\n###\n"))


def _template_form(rng: random.Random, task: Task) -> _Form:
    """What `Template.render` writes: cues with colons, answers on their cue's line, blank lines between."""
    cue, answer_cue = _cues(rng, task, of_its_own=0.6)
    return _Form(f"{cue}: ", f"\n{answer_cue}:", " ", "", "\n", ("", ""), "")


def _cues(rng: random.Random, task: Task, of_its_own: float) -> tuple[str, str]:
    if task.cues and rng.random() < of_its_own:
        return rng.choice(task.cues)
    fitting = [pair for pair in GENERIC_CUES if task.labels or pair[1] not in LABEL_ONLY]
    return rng.choice(fitting)


def _form(rng: random.Random, task: Task, inputs: Sequence[str], answers: Sequence[str], instruction: str) -> _Form:
    cue, answer_cue = _cues(rng, task, of_its_own=0.65)
    several_lines = any("\n" in text for text in inputs)
    layout = _pick(rng, LAYOUTS)
    if layout == "asked" and ("\n" in instruction or not instruction):
        layout = "lines"
    if several_lines and layout in ("arrow", "inline"):
        layout = "lines"
    mark = ":" if several_lines else _pick(rng, MARKS)
    case = rng.random()
    if case < 0.04:
        cue, answer_cue = cue.upper(), answer_cue.upper()
    elif case < 0.08:
        cue, answer_cue = cue.lower(), answer_cue.lower()
    elif case < 0.11:
        cue, answer_cue, mark = f"**{cue}", f"**{answer_cue}", ":**"
    joiner = " "
    match layout:
        case "arrow":
            arrow = rng.choice([arrow for arrow in ARROWS if not any(arrow in text for text in inputs)] or [" ==>"])
            before, between = "", arrow
        case "below":
            before, between, joiner = f"{cue}{mark}\n", f"\n{answer_cue}{mark}", "\n"
        case "bare":
            before, between = "", f"\n{answer_cue}{mark}"
        case "inline":
            before, between = f"{cue}{mark} ", f"{rng.choice((' ', '  ', ' | ', ', ', '; '))}{answer_cue}{mark}"
        case "headings":
            before, between, joiner = f"### {cue}:\n", f"\n\n### {answer_cue}:", "\n"
        case "asked":
            before, between = f"{cue}{mark} ", f"\n{instruction}\n{answer_cue}{mark}"
        case _:
            before, between = f"{cue}{mark} ", f"\n{answer_cue}{mark}"
            if rng.random() < 0.06:
                joiner = "\n"
    one_line = layout in ("arrow", "inline")
    separator = _pick(rng, SEPARATORS)
    if one_line and rng.random() < 0.6:
        separator = ""
    numbering = rng.choice(NUMBERINGS) if rng.random() < 0.1 else ""
    if separator == "" and not one_line and not numbering and (layout != "lines" or several_lines):
        separator = "\n"  # blocks of several lines want a gap
    quotes = ("", "")
    if rng.random() < 0.1:
        marks = (('"', '"'), ('"', '"'), ("“", "”"), ("'", "'"), ("`", "`"), ("«", "»"), ("<", ">"), ("[", "]"))
        quotes = rng.choice(
            [pair for pair in marks if not any(mark in text for text in inputs for mark in pair)] or [quotes]
        )
    end = "." if rng.random() < 0.03 and all(answer[-1].isalpha() and "," not in answer for answer in answers) else ""
    return _Form(before, between, joiner, numbering, separator, quotes, end, layout == "asked")


def _pick(rng: random.Random, weights: dict[T, int]) -> T:
    return rng.choices(list(weights), list(weights.values()))[0]
