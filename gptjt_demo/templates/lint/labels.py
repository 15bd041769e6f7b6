"""Advice about labels: which ones the examples show, how often, and how a tokenizer cuts them.

In: a template, and a tokenizer's function. Out: findings. Knows nothing of models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gptjt_demo.templates.answer_check import match_label
from gptjt_demo.templates.lint.finding import Finding, count, listed, mended
from gptjt_demo.templates.prompt_text import BLANKS, complete_cue
from gptjt_demo.templates.template import Template


def labels(template: Template) -> Iterator[Finding]:
    """Labels that the examples do not show, or that they show too often, and answers that are no label."""
    labels, rows = template.labels, template.examples
    if not labels or not rows:
        return
    shown: Counter[str] = Counter()
    for i, row in enumerate(rows):
        label = match_label(row.output, labels)
        if label is None:
            if row.output.strip():
                message = f"{row.output!r} is not among the labels"
                changes = {"labels": (*labels, row.output.strip())}
                yield mended(
                    "unknown-label", f"examples[{i}].output", message, "Add it to the labels", template, **changes
                )
            continue
        shown[label] += 1
        if label != row.output.strip(BLANKS):
            fixed = [r if n != i else {"inputs": r.inputs, "output": label} for n, r in enumerate(rows)]
            message = f"{row.output!r} is spelled {label!r} among the labels"
            yield mended("label-spelling", f"examples[{i}].output", message, f"Write {label}", template, examples=fixed)
    missing = [label for label in labels if label not in shown]
    if missing:
        yield Finding("unseen-label", "labels", f"no example shows {listed(missing)}")
    most, least = (shown.most_common()[0], shown.most_common()[-1]) if shown else (("", 0), ("", 0))
    if most[1] - least[1] >= 2 and most[1] >= 2 * least[1]:
        message = (
            f"{count(most[1], 'example')} of {most[0]} and {least[1]} of {least[0]}: the model leans towards the former"
        )
        yield Finding("unbalanced-labels", "examples", message)


def label_tokens(template: Template, encode: Callable[[str], Sequence[int]]) -> Iterator[Finding]:
    """Labels that a tokenizer cuts otherwise where they are scored, apart from the prompt, than where they are shown.

    Args:
        template: one with labels.
        encode: token ids of a text.
    """
    cue = complete_cue(template.output_cue)
    if cue[-1:].isspace():
        longer = [label for label in template.labels if len(encode(label)) > len(encode(f" {label}"))]
        if longer:
            more, fewer = len(encode(longer[0])), len(encode(f" {longer[0]}"))
            message = f"after a line end {listed(longer)} takes more tokens than after a space ({more}, not {fewer})"
            changes = {"output_cue": cue.rstrip()}
            yield mended("label-tokens", "output_cue", message, "End the cue without a line end", template, **changes)
        return
    lead = [*encode(cue)]
    joined = [label for label in template.labels if [*encode(f"{cue} {label}")] != [*lead, *encode(f" {label}")]]
    if cue and joined:
        message = f"behind {cue!r} a tokenizer cuts {listed(joined)} in another way than when it is scored"
        yield Finding("label-tokens", "output_cue", message)
