"""What makes a model err in a template that is valid: each a line, its place and, where it can, a mend.

In: a template, the query in hand and, where there is a model, its tokenizer's functions. Out: findings, the gravest
first. A finding is advice: nothing here refuses or changes a template. Knows nothing of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gptjt_demo.templates.lint import cues, labels, shape
from gptjt_demo.templates.lint.finding import Finding, count, mended
from gptjt_demo.templates.prompt_text import BLANKS
from gptjt_demo.templates.template import Template

__all__ = ["Finding", "lint"]

NEAR = 0.9  # of the context


def lint(
    template: Template,
    query: Mapping[str, str] | None = None,
    *,
    count_tokens: Callable[[str], int] | None = None,
    context: int | None = None,
    encode: Callable[[str], Sequence[int]] | None = None,
) -> tuple[Finding, ...]:
    """Look a template over.

    Args:
        template: a valid one.
        query: values of its inputs; by default its sample.
        count_tokens: tokens of a text, for the prompt's length.
        context: tokens that prompt and answer may have together.
        encode: token ids of a text, for the labels' tokens.
    """
    asked = {**template.query, **(template.query if query is None else query)}
    found: list[Finding] = []
    if count_tokens and context:
        found += _length(template, asked, count_tokens, context)
    found += cues.final_cue(template)
    found += cues.cues(template, asked)
    found += _spaces(template)
    found += _examples(template, asked)
    found += _nearest(template)
    found += labels.labels(template)
    found += shape.shape(template)
    if encode and template.labels:
        found += labels.label_tokens(template, encode)
    return tuple(found)


def _length(
    template: Template, query: Mapping[str, str], count_tokens: Callable[[str], int], context: int
) -> Iterator[Finding]:
    room = template.generation.max_new_tokens
    tokens = count_tokens(template.render(query))
    if tokens + room <= NEAR * context:
        return
    said = f"{tokens:,} tokens and up to {room:,} for the answer, of {context:,}"
    if tokens + room <= context:
        yield Finding("length", "prompt", f"the prompt nearly fills the context: {said}")
        return
    if template.nearest_examples is not None:
        yield Finding("length", "prompt", f"the prompt is too long: {said}; lower nearest_examples")
        return
    low, high = 0, len(template.examples)  # `low` examples fit; `high` do not, or there are no more
    shorter = None
    while low < high:
        middle = (low + high) // 2
        tried = template.revised(examples=template.examples[:middle])
        if count_tokens(tried.render(query)) + room <= context:
            low, shorter = middle + 1, tried
        else:
            high = middle
    mend = f"Keep the first {count(len(shorter.examples), 'example')}" if shorter else ""
    yield Finding("length", "prompt", f"the prompt is too long: {said}", mend, shorter)


def _spaces(template: Template) -> Iterator[Finding]:
    gap = template.instruction_separator or template.separator
    if template.instruction != template.instruction.rstrip(BLANKS) and gap.strip(BLANKS):
        changes = {"instruction": template.instruction.rstrip(BLANKS)}
        yield mended("trailing-space", "instruction", "it ends with a space", "Remove it", template, **changes)
    cues = [*(item.cue for item in template.inputs), template.output_cue]
    spaced = [index for index, cue in enumerate(cues) if cue != cue.rstrip(BLANKS)]
    if spaced:
        where = "output_cue" if spaced[0] == len(template.inputs) else f"inputs[{spaced[0]}].cue"
        message = f"the space after {cues[spaced[0]].rstrip(BLANKS)!r} is left out of the prompt"
        inputs = [{"name": item.name, "cue": item.cue.rstrip(BLANKS)} for item in template.inputs]
        last = template.output_cue.rstrip(BLANKS)
        yield mended("trailing-space", where, message, "Remove it", template, inputs=inputs, output_cue=last)
    padded = [
        f"examples[{i}].{name}"
        for i, row in enumerate(template.examples)
        for name, text in (*row.inputs.items(), ("output", row.output))
        if text != text.strip(BLANKS)
    ]
    if padded:
        rows: list[dict[str, object]] = [
            {
                "inputs": {name: text.strip(BLANKS) for name, text in row.inputs.items()},
                "output": row.output.strip(BLANKS),
            }
            for row in template.examples
        ]
        others = f", and {count(len(padded) - 1, 'other text')} too" if len(padded) > 1 else ""
        message = f"it begins or ends with a space{others}: the model learns to write it"
        yield mended("stray-space", padded[0], message, "Remove spaces around texts", template, examples=rows)


def _examples(template: Template, query: Mapping[str, str]) -> Iterator[Finding]:
    rows = template.examples
    seen: dict[tuple[str, ...], int] = {}
    again: list[tuple[int, int]] = []
    contradictory: list[tuple[int, int]] = []
    for i, row in enumerate(rows):
        key = _key(template, row.inputs)
        first = seen.setdefault(key, i)
        if first != i:
            same = _plain(rows[first].output) == _plain(row.output)
            (again if same else contradictory).append((i, first))
    if again:
        drop = {i for i, _ in again}
        kept = [row for i, row in enumerate(rows) if i not in drop]
        i, first = again[0]
        others = f", and {len(again) - 1} more repeat one" if len(again) > 1 else ""
        message = f"the same as example {first + 1}{others}"
        yield mended("duplicate-example", f"examples[{i}]", message, "Remove repetitions", template, examples=kept)
    for i, first in contradictory[:1]:
        message = f"the same input as example {first + 1} with another answer"
        yield Finding("contradiction", f"examples[{i}]", message)
    blank = [i for i, row in enumerate(rows) if not row.output.strip()]
    if blank:
        yield Finding("empty-answer", f"examples[{blank[0]}].output", "the example has no answer")
    asked = any(value.strip() for value in query.values()) and template.nearest_examples is None
    leak = seen.get(_key(template, query)) if asked else None
    if leak is not None:
        kept = [row for row in rows if _key(template, row.inputs) != _key(template, query)]
        message = "it is the query itself, so the prompt gives the answer away"
        yield mended("leak", f"examples[{leak}]", message, "Remove this example", template, examples=kept)


def _nearest(template: Template) -> Iterator[Finding]:
    shown, there = template.nearest_examples, len(template.examples)
    if shown is not None:
        which = f"{shown} of {count(there, 'example')}" if shown < there else count(there, "example")
        last = "" if shown < there else " last"
        message = f"each prompt shows {which}, those most like its query{last}"
        yield Finding("nearest-examples", "examples", f"{message}; a task for lm-evaluation-harness cannot do that")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _key(template: Template, inputs: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_plain(inputs[item.name]) for item in template.inputs)
