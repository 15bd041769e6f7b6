"""The files that commands read and write, and errors that name them as they were typed, with their folder.

In: a path of the command line. Out: a table, or the certainty that an output can be written. Knows no command.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.cli.output import leads, tell
from gptjt_demo.errors import PlaygroundError, TableError

if TYPE_CHECKING:
    from gptjt_demo.tables.table import Table
    from gptjt_demo.templates.template import Template


@contextmanager
def named(path: Path, failing: str = "cannot be written") -> Iterator[None]:
    """Whatever fails within is an error that names the path as it was typed.

    Raises:
        PlaygroundError: the system refused, or a table's error named the file without its folder.
    """
    try:
        yield
    except OSError as error:
        raise PlaygroundError(f"{failing} ({error.strerror or error})", where=str(path)) from None
    except TableError as error:
        for name in filter(
            None, (path.name, os.path.basename(os.path.realpath(path)))
        ):  # a link's own, or the file's that it leads to
            if error.where.startswith(name):  # it, or a file beside it
                where = str(path) + error.where.removeprefix(name)
                raise TableError(error.what, where=where, mend=error.mend) from None
        raise


def read_table(path: Path, *, said: bool, plain_quotes: bool | None = None) -> Table:
    """The rows of a file, a pipe or a data set of the hub; what was assumed of it is said where it is to be.

    Args:
        path: as it was typed.
        said: whether to say it.
        plain_quotes: quotes are plain characters; None: the command has no such option.

    Raises:
        TableError: it cannot be read.
    """
    from gptjt_demo.batch.progress import count
    from gptjt_demo.batch.sharding import Shard
    from gptjt_demo.tables.hub_dataset import fetched, is_hub_dataset
    from gptjt_demo.tables.pipe import is_pipe
    from gptjt_demo.tables.table import read

    if is_pipe(path) and Shard.current().world > 1:
        raise TableError("a pipe, and several processes", where=str(path), mend="save it to a file first")
    if address := re.fullmatch(r"(https?):/(\w.*)", str(path)):  # a path has no two slashes beside each other
        raise TableError("an address and no file", where="{}://{}".format(*address.groups()), mend="download it first")
    if is_hub_dataset(path):
        table = read(fetched(path))
    else:
        with named(path, "cannot be read"):
            table = read(path, plain_quotes=bool(plain_quotes))
    if said:
        tell(f"{table.path.name}: {count(len(table), 'row')}; {', '.join(table.notes)}")
        if table.sheet.lines and plain_quotes is not None:
            tell("with --plain-quotes each of its lines is a row")
    return table


def check_out(
    table: Table,
    target: Path,
    total: int,
    *,
    labels: bool,
    resume: bool,
    overwrite: bool,
    later: bool = False,
    shares: Sequence[str] = (),
) -> None:
    """Refuse an output that a run could not write, while nothing is lost yet; the first process looks for all.

    Args:
        table: what is read.
        target: the output.
        total: rows that are asked for.
        labels, resume, overwrite: as of the run.
        later: its labels are known only when all rows are answered.
        shares: the labels whose shares are written too.

    Raises:
        PlaygroundError: the name is taken or not a file's, nothing can be written beside it, or its format cannot hold
            the rows.
    """
    from gptjt_demo.batch.output import Output, check_target, place_of

    if not leads():
        return
    with named(target):
        place = place_of(target)
        check_target(table.path, place, resume=resume, overwrite=overwrite, later=later)
        output = Output(place, table, total, labels=labels, later=later, shares=shares)
        if resume and not overwrite:
            output.refuse_foreign()
        output.refuse_unholdable()
        with tempfile.TemporaryFile(dir=place.parent):  # a folder may be there and take no file
            pass


def columns_of(table: Table, template: Template, asked: list[str] | None, *, gold: str | None = None) -> dict[str, str]:
    """For each of the template's inputs the table's column, as the table names it.

    Args:
        table, template: what is asked of which file.
        asked: what `--input-column` says.
        gold: a column that is no input.

    Raises:
        SettingError: an input is left without a column, or several columns fit it.
    """
    from gptjt_demo.batch.columns import asked_inputs

    columns = asked_inputs(template, asked or (), table.columns, where="--input-column", gold=gold)
    return {name: table.columns[table.column_index(column)] for name, column in columns.items()}
