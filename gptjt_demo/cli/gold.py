"""Files with right answers, as several commands take them: which file, which columns, and the rows that can be judged.

In: arguments as they were typed. Out: a template and its rows. Knows no command, and nothing of measuring.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.cli.files import columns_of
from gptjt_demo.cli.output import tell
from gptjt_demo.errors import SettingError, TableError

if TYPE_CHECKING:
    from gptjt_demo.evaluation.evaluate import LabelledRows
    from gptjt_demo.tables.table import Table
    from gptjt_demo.templates.template import Template

Gold = Annotated[
    Path | None, typer.Argument(help="A file with right answers. Default: the sample that ships for the template.")
]
GoldColumn = Annotated[str | None, typer.Option("--output-column", "-o", help="The column of right answers.")]


@dataclass(frozen=True)
class Measured:
    """A template and the rows that it is measured on."""

    template: Template
    rows: LabelledRows

    @classmethod
    def of(
        cls,
        template: Template,
        table: Table,
        inputs: list[str] | None = None,
        output: str | None = None,
        limit: int | None = None,
        *,
        said: bool = False,
    ) -> Measured:
        """The rows of a table, its columns as they are asked for or named; what was taken is said where it is to be.

        Raises:
            SettingError: a column is missing, or several could be meant.
            TableError: no row has a right answer.
        """
        from gptjt_demo.batch.columns import asked_gold, taken_words
        from gptjt_demo.evaluation.evaluate import labelled

        columns = columns_of(table, template, inputs) if inputs else {}
        gold = asked_gold(template, output, table.columns, where="--output-column", taken=columns.values())
        columns = columns or columns_of(table, template, None, gold=gold)
        rows = labelled(table, template, columns=columns, gold=gold, limit=limit)
        if said:
            tell("; ".join([taken_words(columns, gold), *([rows.sentence] if rows.without_gold else [])]))
        return cls(template, rows)


def weighed(template: Template, generate: bool = False) -> bool:
    """Whether a template is measured by weighing its labels.

    Raises:
        SettingError: it has one, which is no choice.
    """
    if len(template.labels) == 1 and not generate:
        raise SettingError("one label is no choice", where=template.name, mend="add another one")
    return bool(template.labels) and not generate


def sample_of(template: Template) -> Path:
    """The sample that ships for a template.

    Raises:
        TableError: none does.
    """
    from gptjt_demo.evaluation import samples

    if template.name not in samples.names():
        raise TableError("no file, and no sample ships for it", where=template.name, mend="give a labelled file")
    return samples.path(template.name)
