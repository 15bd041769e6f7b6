"""The command that says which answers of a file a person should look at first: review.

The queue and what is known of the file go to standard output, all else to standard error. Asks no model and writes
nothing; decisions are taken in the page's tab Review.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptjt_demo.cli.files import read_table
from gptjt_demo.cli.options import JsonOption, PlainQuotesOption
from gptjt_demo.cli.output import print_json, tell
from gptjt_demo.errors import SettingError

if TYPE_CHECKING:
    from gptjt_demo.evaluation.review.answers import Answer

_LONGEST = 60  # characters of a row's text


def review(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `batch` wrote, or came back from a review.")],
    *,
    gold: Annotated[
        str | None, typer.Option("--gold", help="The column of right answers; rows where it is blank have none.")
    ] = None,
    target: Annotated[
        float, typer.Option("--target", help="The part of the rows that is to be right, in per cent.")
    ] = 95.0,
    limit: Annotated[int, typer.Option("--limit", help="Rows of the queue that are shown; 0 for all.", min=0)] = 20,
    plain_quotes: PlainQuotesOption = False,
    json_: JsonOption = False,
) -> None:
    """Say which answers to look at first, and with right answers how many have to be looked at."""
    from gptjt_demo.evaluation.review.answers import AnswerColumns
    from gptjt_demo.evaluation.review.arrangement import Arrangement
    from gptjt_demo.evaluation.review.queue import reason

    if not 0 < target < 100:
        raise SettingError(
            f"{target:g} is no part of the rows", where="--target", mend="give more than 0, less than 100"
        )
    table = read_table(source, said=not json_, plain_quotes=plain_quotes)
    right = None if gold is None else table.columns[table.column_index(gold)]
    columns = AnswerColumns.of(table.columns, gold=right, where=str(source))
    found = Arrangement(table, columns)
    risk = found.risk(target / 100) if gold is not None else None
    changed = {row: row not in found.kept for row in found.before}
    looked = found.so_far(changed)
    waiting = [row for row in found.order if row not in found.before]
    shown = waiting[:limit] if limit else waiting
    wanted = set(shown)
    answers = {index: columns.answer_of(index, row) for index, row in enumerate(table) if index in wanted}
    texts = {
        index: " | ".join(row[column] for column in columns.own if column != columns.gold)
        for index, row in enumerate(table)
        if index in wanted
    }
    why = {row: reason(answers[row], found.like[row] + 1 if row in found.like else None) for row in shown}
    if json_:
        print_json(
            {
                "rows": len(table),
                "waiting": len(waiting),
                "looked": looked.looked,
                "changed": looked.changed,
                "queue": [_entry(answers[row], texts[row], why[row]) for row in shown],
                "risk": risk.to_json() if risk else None,
                "so_far": looked.sentence,
            }
        )
        return
    if not columns.weighed:
        tell("the file does not say how sure the model was; only errors and failed checks come first")
    elif columns.shares is None:
        tell("the file has no column of shares: `batch --labels --shares` writes them, and margins are exact then")
    for place, row in enumerate(shown, 1):
        answer = answers[row]
        print(f"{place:>4}  row {row + 1:<6,} {_cut(answer.text) or '(no answer)'}: {why[row]}")
        print(f"      {_cut(texts[row])}")
    if len(waiting) > len(shown):
        print(f"      … and {len(waiting) - len(shown):,} more; --limit 0 shows all")
    if risk is not None:
        print(f"\n{risk.sentence}")
    elif gold is not None:
        print("\nThe right answers say nothing about the rest: there are too few, or all answers are equally sure.")
    if looked.looked:
        print(f"\n{looked.sentence}")


def _entry(answer: Answer, text: str, why: str) -> dict[str, Any]:
    return {
        "row": answer.index + 1,
        "text": text,
        "answer": answer.text,
        "confidence": answer.confidence,
        "margin": answer.margin,
        "runner_up": answer.runner_up,
        "check": answer.check,
        "error": answer.error,
        "why": why,
    }


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
