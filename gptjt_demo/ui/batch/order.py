"""What is asked of a visitor's file, and how a run's folder keeps it, so that a program that is started anew finds it.

In: a table, a template and how to answer; or such a folder. Out: an `Order`, a file beside the rows. Knows no engine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.batch.run import query_of
from gptjt_demo.engine.calibration import LabelRule, check_rule
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Attention
from gptjt_demo.tables import table
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.rows.source import fewer

ROW_LIMIT = 100_000
_ORDER = "order.json"
_SOURCE = "source"


@dataclass(frozen=True)
class Order:
    """What is asked of a file.

    Attributes:
        source: the file's rows.
        template: what is asked of each.
        columns: for each of the template's inputs, the table's column.
        labels: pick one of its labels.
        attention: None: the template's, else the engine's.
        rule: how labels are compared.
        limit: rows, where the server sets one.
    """

    source: table.Table
    template: Template
    columns: Mapping[str, str]
    labels: bool = False
    attention: Attention | None = None
    rule: LabelRule = "logprob"
    limit: int | None = None

    @property
    def later(self) -> bool:
        """Whether its labels are known only when all rows are answered."""
        return self.labels and self.rule == "batch"

    @property
    def most(self) -> int:
        """Rows that are answered at most."""
        return fewer(ROW_LIMIT, self.limit)

    @property
    def rows(self) -> int:
        """Rows that are answered: the file's, up to the limit."""
        return min(len(self.source), self.most)


def source_in(folder: Path, name: str) -> Path:
    """Where a run's folder has its own copy of a file of that name."""
    return folder / _SOURCE / name


def keep(order: Order, folder: Path, model: str) -> None:
    """Write an order into the folder of its run, where its source lies already.

    Args:
        order: what is asked.
        folder: the run's.
        model: the name of the model that answers.
    """
    told = {
        "model": model,
        "source": order.source.path.name,
        "plain_quotes": order.source.plain_quotes,
        "template": order.template.model_dump(mode="json"),
        "columns": dict(order.columns),
        "labels": order.labels,
        "attention": order.attention,
        "rule": order.rule,
        "limit": order.limit,
    }
    draft = folder / f"{_ORDER}.tmp"
    draft.write_text(json.dumps(told), encoding="utf-8")
    os.replace(draft, folder / _ORDER)  # it is there whole, or not at all


def kept(folder: Path) -> tuple[Order, str] | None:
    """The order that a folder keeps, and the model that answered; None where there is none that can be read."""
    try:
        told = json.loads((folder / _ORDER).read_text(encoding="utf-8"))
        order = Order(
            source=table.read(source_in(folder, told["source"]), plain_quotes=told["plain_quotes"]),
            template=Template.model_validate(told["template"]),
            columns=told["columns"],
            labels=told["labels"],
            attention=told["attention"],
            rule=check_rule(told["rule"]),
            limit=told["limit"],
        )
        query_of(order.source, order.template, order.columns)
        return order, str(told["model"])
    except (OSError, ValueError, KeyError, TypeError, PlaygroundError):  # damaged, or of another version
        return None
