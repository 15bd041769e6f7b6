"""Parquet in, a row group at a time: the columns of the file, its values as text that keeps their type.

In: a path. Out: a `Sheet`. A string is a cell as it stands; numbers, true and false are cells that know the JSON they
are, so that JSON Lines gives them back; null is a blank; lists and records are their JSON text; dates and times are in
ISO 8601. The package pyarrow is an extra, and is asked for only when such a file is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TableError
from gptjt_demo.tables.json_value import cell_of
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, Row, Sheet

MAGIC = b"PAR1"
BATCH = 1_000  # rows that are turned into text at a time

Write = Callable[[Any], str]


def scan(path: Path) -> Sheet:
    """Read the file through once, a row group at a time.

    Raises:
        TableError: pyarrow is not installed, the file is damaged, or a cell or the number of columns is too large.
    """
    try:
        import pyarrow
    except ImportError:
        mend = "pip install 'gptjt-demo[parquet]', or save the table as CSV or JSON Lines"
        raise TableError("a Parquet file, and pyarrow is not installed", where=path.name, mend=mend) from None
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            count, groups, names = file.metadata.num_rows, file.num_row_groups, list(file.schema_arrow.names)
            if len(names) > COLUMN_LIMIT:
                raise TableError(f"{len(names):,} columns, the limit is {COLUMN_LIMIT:,}", where=path.name)
            for group in range(groups):
                _check(file.read_row_group(group), path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise TableError(f"a damaged Parquet file ({_line(error)})", where=path.name, mend="write it again") from None
    note = f"Parquet, {groups:,} row group{'' if groups == 1 else 's'}"
    return Sheet(names, count, (note,), lambda: _rows(path))


def _check(table: Any, path: Path) -> None:
    """Refuse what later would end a run in its middle: bytes that are no text, and cells that are too long."""
    import pyarrow
    import pyarrow.compute as compute

    table.validate(full=True)
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            longest = compute.max(compute.utf8_length(column)).as_py() or 0
            if longest > CELL_LIMIT:
                what = f"column {name!r}: a cell of more than {CELL_LIMIT:,} characters"
                raise TableError(what, where=path.name)


def _rows(path: Path) -> Iterator[Row]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        writes = [_write(field.type) for field in file.schema_arrow]
        for batch in file.iter_batches(batch_size=BATCH):
            columns = [
                [write(value) for value in column.to_pylist()]
                for write, column in zip(writes, batch.columns, strict=True)
            ]
            yield from zip(*columns, strict=True)


def _write(kind: Any) -> Write:
    """What turns a column's values into cells."""
    import pyarrow

    if pyarrow.types.is_float16(kind) or pyarrow.types.is_float32(kind):
        import numpy

        # The digits of its own width: 0.1 and not 0.10000000149011612.
        return lambda value: cell_of(None if value is None else float(str(numpy.float32(value))))
    return cell_of


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
