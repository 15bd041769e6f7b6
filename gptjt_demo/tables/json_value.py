"""A value of another program's table as JSON has it, and as a cell that keeps its type. Knows no file."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
from typing import Any

from gptjt_demo.tables.sheet import Cell


def cell_of(value: Any) -> str:
    """The value as a cell: text as it stands, null as a blank, anything else as its JSON, which the cell keeps."""
    if value is None:
        return Cell("", json="null")
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return Cell(str(value), json=str(value))
    plain = plain_of(value)
    if isinstance(plain, str):
        return plain
    text = json.dumps(plain, ensure_ascii=False)
    return Cell(text, json=text)


def plain_of(value: Any) -> Any:
    """The value out of JSON's own: what JSON lacks is text, dates and times in ISO 8601, bytes in base64."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): plain_of(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_of(each) for each in value]
    return str(value)
