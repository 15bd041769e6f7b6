"""The figures of runs as plain text for a terminal, and as a Markdown table for a README.

In: runs. Out: lines. Does not know how runs came about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gptjt_demo.batch.columns import taken_words
from gptjt_demo.engine.calibration import LABEL_RULES
from gptjt_demo.evaluation.metrics import Paired
from gptjt_demo.evaluation.pair import SHOWN, differing
from gptjt_demo.evaluation.rules import Rules
from gptjt_demo.evaluation.run import SUSPICIOUS_SHOWN, Run, compare

_WIDEST = 24  # characters of a label in a terminal
_LONGEST = 60  # ... and of a row's text
_IN_USE = " (in use)"


def run_lines(run: Run) -> Iterator[str]:
    """One run: the figures, right answers that look wrong, those of each label, the confusion matrix, and the rules."""
    yield f"{run.template} on {run.model}, {run.attention} attention"
    yield ""
    what = "accuracy" if run.labels else "exact match"
    yield f"{what:12} {percent(run.accuracy)}   95 % interval {interval(run)}   {run.right} of {run.n} rows"
    if run.macro_f1 is not None:
        yield f"{'macro-F1':12} {percent(run.macro_f1)}"
    if run.list_figures is not None:
        lists = run.list_figures
        parts = f"precision {percent(lists.precision)}   recall {percent(lists.recall)}"
        yield f"{'list F1':12} {percent(lists.f1)}   {parts}"
    yield f"{'errors':12} {run.errors}"
    if run.reliability is not None:
        yield f"{'confidence':12} {percent(run.reliability.error)} off on average (expected calibration error)"
    if run.suspicious:
        yield ""
        yield from _suspicious_lines(run)
    if run.labels:
        yield ""
        yield from _label_lines(run)
        yield ""
        yield from _matrix_lines(run)
    if run.rules is not None:
        yield ""
        yield from _rule_lines(run.rules)
    if run.columns or run.gold_column:
        yield f"note: {taken_words(run.columns, run.gold_column)}"
    for note in run.notes:
        yield f"note: {note}"


def suspicious_sentence(run: Run) -> str:
    """What is said of the right answers that look wrong."""
    n = len(run.suspicious)
    more = f" ({SUSPICIOUS_SHOWN} are shown)" if n > SUSPICIOUS_SHOWN else ""
    if n == 1:
        return "One row has a right answer that the model contradicts. Look whether it holds."
    return f"{n:,} rows have right answers that the model contradicts, the surest first{more}. Look whether they hold."


def paired_sentence(found: Paired, first: str, second: str) -> str:
    """What the paired test says, in words."""
    differing = found.only_first + found.only_second
    counts = (
        f"Of {found.n} rows, {found.only_first} {'is' if found.only_first == 1 else 'are'} right only with {first} "
        f"and {found.only_second} only with {second}"
    )
    if not differing:
        return f"{counts}: the two are right on the same rows."
    better = second if found.difference > 0 else first
    if not found.difference:
        verdict = "neither is better"
    elif found.p_value < 0.05:
        verdict = f"{better} is better, by {percent(abs(found.difference))} of the rows"
    else:
        verdict = f"{better} is ahead, but chance alone could do as much"
    sign = "" if p_value(found.p_value).startswith("<") else "= "
    return f"{counts}: {verdict} (McNemar's exact test, p {sign}{p_value(found.p_value)})."


def differing_lines(first: Run, second: Run, names: Sequence[str]) -> Iterator[str]:
    """The rows that two runs answer differently; none where there are none."""
    pairs = differing(first, second)
    if not pairs:
        return
    more = f" ({SHOWN} are shown)" if len(pairs) > SHOWN else ""
    yield f"{len(pairs):,} row{' is' if len(pairs) == 1 else 's are'} answered differently{more}:"
    for pair in pairs[:SHOWN]:
        said = [
            f"{name} {_cut(each.reply.error or each.reply.text)!r} ({'right' if each.right else 'wrong'})"
            for name, each in zip(names, pair, strict=True)
        ]
        row = pair[0].row
        yield f"row {row.index + 1}: {_cut(row.gold)!r}; {', '.join(said)}: {_cut(' '.join(row.query.values()))}"


def markdown_table(pairs: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """A line for each task: rows, the figures of each of its runs, and the paired test of two. All tasks have as many
    runs, in the same modes."""
    modes = [run.attention for run in next(iter(pairs.values()))]
    compared = len(modes) == 2
    yield f"| task | n | {' | '.join(modes)} |{' paired p |' if compared else ''}"
    yield f"| --- | ---: | {' | '.join('---' for _ in modes)} |{' ---: |' if compared else ''}"
    for name, runs in pairs.items():
        test = f" {p_value(compare(*runs).p_value)} |" if compared else ""
        yield f"| `{name}` | {runs[0].n} | {' | '.join(map(_cell, runs))} |{test}"


def percent(part: float) -> str:
    """0.125 is "12.5 %"."""
    return f"{100 * part:.1f} %"


def interval(run: Run) -> str:
    """The accuracy's interval, such as "69.1 to 87.9 %"."""
    low, high = run.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def p_value(p: float) -> str:
    """Two digits, and never 0."""
    return f"{p:.2f}" if p >= 0.095 else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _cell(run: Run) -> str:
    low, high = run.interval
    text = f"{percent(run.accuracy)} ({100 * low:.0f}–{100 * high:.0f})"
    if run.list_figures is not None and any("," in outcome.row.gold for outcome in run.outcomes):
        text += f", list F1 {percent(run.list_figures.f1)}"
    if run.errors:
        text += f", {run.errors} errors"
    return text


def _suspicious_lines(run: Run) -> Iterator[str]:
    yield suspicious_sentence(run)
    for each in run.suspicious[:SUSPICIOUS_SHOWN]:
        given, share = each.gold_share or 0.0, each.reply.confidence or 0.0
        yield (
            f"row {each.row.index + 1}: {each.row.gold!r} ({percent(given)}), answered {each.reply.text!r} "
            f"({percent(share)}): {_cut(' '.join(each.row.query.values()))}"
        )


def _rule_lines(rules: Rules) -> Iterator[str]:
    width = max(len(LABEL_RULES[each.rule]) for each in rules.figures) + len(_IN_USE)
    yield f"{'labels compared by':{width}}  accuracy  95 % interval"
    for each in rules.figures:
        name = LABEL_RULES[each.rule] + (_IN_USE if each.rule == rules.in_use else "")
        low, high = each.interval
        yield f"{name:{width}}  {each.accuracy:8.1%}  {100 * low:.1f} to {100 * high:.1f} %"
    yield rules.sentence


def _label_lines(run: Run) -> Iterator[str]:
    width = max(5, *(len(_short(label)) for label in run.gold_labels))
    yield f"{'label':{width}}  precision  recall      F1    rows"
    for each in run.label_figures:
        yield (
            f"{_short(each.label):{width}}  {each.precision:9.1%}  {each.recall:6.1%}  {each.f1:6.1%}  {each.support:6}"
        )


def _matrix_lines(run: Run) -> Iterator[str]:
    """Gold down, predicted across. Columns are named by letters where their names would not fit on a line."""
    names = [_short(label) for label in run.predicted_labels]
    heads = names
    if sum(max(5, len(name)) + 2 for name in names) > 90:
        heads = [_letter(column) for column in range(len(names))]
    left = max(len("gold \\ predicted"), *(len(_short(label)) for label in run.gold_labels))
    widths = [max(len(head), *(len(str(row[column])) for row in run.matrix)) for column, head in enumerate(heads)]
    yield "  ".join(["gold \\ predicted".ljust(left), *(f"{h:>{w}}" for h, w in zip(heads, widths, strict=True))])
    for label, counts in zip(run.gold_labels, run.matrix, strict=True):
        yield "  ".join([_short(label).ljust(left), *(f"{n:{w}}" for n, w in zip(counts, widths, strict=True))])
    if heads is not names:
        yield "  ".join(f"{head} {name}" for head, name in zip(heads, names, strict=True))


def _letter(column: int) -> str:
    return (_letter(column // 26 - 1) if column >= 26 else "") + chr(ord("a") + column % 26)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
