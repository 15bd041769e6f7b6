"""What a server does for one visitor, read once when it starts. Does not know who holds to it."""

from __future__ import annotations

from dataclasses import dataclass

from gptjt_demo.settings.environment import LIMITS


@dataclass(frozen=True)
class Limits:
    """What a server does for one visitor; None is no limit.

    Attributes:
        prompt_characters: of one prompt, or of all labels of one scoring.
        rows: of a file, or prompts of one request.
        upload_mib: of one file, in MiB.
        queue: requests that may wait, of all visitors.
        run_seconds: from the start of an answer or a scoring to its end.
        batch_seconds: from the start of a batch or a measurement to its end.
        requests_per_minute: of one visitor, that ask the model or bring a file.
    """

    prompt_characters: int | None = None
    rows: int | None = None
    upload_mib: int | None = None
    queue: int | None = None
    run_seconds: float | None = None
    batch_seconds: float | None = None
    requests_per_minute: int | None = None

    @classmethod
    def read(cls) -> Limits:
        """What the environment sets, and without a word of it: none, but on a Space those that the table shows.

        Raises:
            SettingError: a variable is neither a whole number from 1 nor `none`.
        """
        return cls(**{name: variable.read() for name, variable in LIMITS.items()})


NO_LIMITS = Limits()
