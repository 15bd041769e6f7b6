"""Names for templates that come from elsewhere: from a title or a file to a slug that is still free."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from pathlib import PurePath


def slug(title: str, taken: Container[str] = (), default: str = "prompt") -> str:
    """A template's name for a title, other than those taken."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or default
    return next(name for n in range(1, 10_000) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def stem(where: str) -> str:
    """A file's name without folder and ending, as a title; empty where there is no file."""
    return " ".join(PurePath(where).stem.replace("_", " ").replace("-", " ").split()).capitalize()
