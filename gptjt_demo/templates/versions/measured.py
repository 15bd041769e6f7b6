"""Measured: the figures of one measurement as they are kept beside a template's versions, and whose figures they are.

In: figures, or plain data that a file or a browser kept. Out: plain data, and a sentence. Knows nothing of how figures
are made.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gptjt_demo.errors import TemplateError
from gptjt_demo.settings import Attention
from gptjt_demo.templates.template import Template

# Neither of these changes what a model answers; which attention was used, the figures say themselves.
_ASIDE = {"name", "title", "description", "query", "checks", "licence", "source", "notice", "attention"}

Name = Annotated[str, Field(max_length=300)]
Share = Annotated[float, Field(ge=0, le=1)]


class Measured(BaseModel):
    """One measurement.

    Attributes:
        key: of the prompt that was measured, see `prompt_key`.
        time: when, UTC, ISO 8601 to the second.
        file: the name of the labelled file.
        rows: how many were measured.
        right: how many of them were right.
        accuracy: that part; of free text, the exact matches.
        interval: its 95 % interval.
        macro_f1: the mean over the labels; None for free text.
        attention: the mode.
        model: its name.
        how: the rule that labels were compared by; `generated` where a label was read from text, blank for free text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    file: Name
    rows: Annotated[int, Field(ge=1)]
    right: Annotated[int, Field(ge=0)]
    accuracy: Share
    interval: tuple[Share, Share]
    macro_f1: Share | None = None
    attention: Attention
    model: Name
    how: Name = ""

    @classmethod
    def read(cls, data: Any) -> Measured:
        """From plain data.

        Raises:
            TemplateError: it is no measurement.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            what = error.errors()[0]
            raise TemplateError(f"no measurement: {what['msg']}", where=".".join(map(str, what["loc"]))) from None

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        low, high = self.interval
        what = "accuracy" if self.how else "exact match"
        how = f", labels by {self.how}" if self.how not in ("", "logprob", "generated") else ""
        how = ", labels read from text" if self.how == "generated" else how
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return (
            f"{what} {100 * self.accuracy:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %) on {rows} of "
            f"{self.file}, {self.attention} attention{how}, {self.model}, {self.time[:10]}"
        )


def prompt_key(template: Template) -> str:
    """A short name of all that decides what a model answers: equal for two versions whose figures are the same."""
    said = template.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    said = {name: value for name, value in said.items() if name not in _ASIDE}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def now() -> str:
    """The time as it is kept."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
