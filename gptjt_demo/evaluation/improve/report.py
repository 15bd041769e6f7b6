"""An improvement in words: what was gained, in a sentence that does not promise more than the rows show.

In: an `Improvement`. Out: sentences and lines of plain text. Does not know where they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation.improve.improve import Improvement
from gptjt_demo.evaluation.report import interval, p_value, percent
from gptjt_demo.templates.example import Example

_WIDEST = 90  # characters of an example on a line


def sentence(found: Improvement) -> str:
    """What was gained."""
    tried = count(found.tried, "set")
    if found.present is None or found.better is None or (paired := found.paired) is None:
        if found.score is None or found.before is None:
            return "It was stopped before the present examples were measured."
        return (
            f"It was stopped. Of {tried} of examples that were tried the best has {found.score.right} of "
            f"{found.scored} rows of the search right, and the present ones {found.before.right}. Those rows chose it, "
            "so this says little: the figures to go by are those of the other half, at the end of a search."
        )
    before, after = percent(found.present.accuracy), percent(found.better.accuracy)
    rows = f"on the {unseen(found)}, which had no part in the search,"
    if not found.changed:
        return (
            f"Nothing was gained: of {tried} of examples none did better than the present ones on the rows of the "
            f"search. The present ones are right on {before} of the {unseen(found)}."
        )
    if paired.difference <= 0:
        return f"Nothing was gained: {rows} the new examples are right on {after}, and the present ones on {before}."
    p = p_value(paired.p_value)
    test = f"McNemar's exact test, p {'' if p.startswith('<') else '= '}{p}"
    if not found.gained:
        return (
            f"Nothing was gained for certain: {rows} the new examples are right on {after} and the present ones on "
            f"{before}, but chance alone could do as much ({test})."
        )
    return (
        f"The new examples are better: {rows} they are right on {after} and the present ones on {before}, and that is "
        f"more than chance does ({test})."
    )


def unseen(found: Improvement) -> str:
    """The rows that it is reported on: "36 unseen rows"."""
    measured = found.present.n if found.present else 0
    return f"{measured:,} unseen rows" if measured == found.unseen else f"{measured:,} of {found.unseen:,} unseen rows"


def how(found: Improvement) -> str:
    """How it was searched."""
    return (
        f"{count(found.tried, 'set')} of {count(found.count, 'example')} from {len(found.searched):,} rows, scored on "
        f"{found.scored:,} of them; {found.spent:,} of {found.budget:,} calls to the model, seed {found.seed}"
    )


def lines(found: Improvement) -> Iterator[str]:
    """The sentence, both figures with their intervals, and the examples."""
    yield sentence(found)
    if found.present is not None and found.better is not None:
        yield ""
        for name, run in (("present", found.present), ("new", found.better)):
            if found.changed or name == "present":
                yield (
                    f"{name:8} {percent(run.accuracy):>8}   95 % interval {interval(run)}   {run.right} of {run.n} rows"
                )
    if found.changed:
        yield ""
        yield from example_lines(found)


def example_lines(found: Improvement) -> Iterator[str]:
    """The best examples, a line each; of a pool that each prompt shows a part of, how large it is."""
    shown, template = found.template.nearest_examples, found.template
    if shown is not None:
        yield f"for each input the {shown} nearest of {len(template.examples)} examples"
        return
    for number, example in enumerate(template.examples, 1):
        yield f"{number:3}  {example_line(example)}"


def example_line(example: Example) -> str:
    """An example on one line."""
    text = " · ".join(" ".join(value.split()) for value in example.inputs.values())
    text = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
    return f"{text} → {' '.join(example.output.split())}"
