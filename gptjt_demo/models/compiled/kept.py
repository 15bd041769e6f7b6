"""Whether compiled functions are kept. Numba wants to know the folder before it sees the first function."""

from __future__ import annotations

from gptjt_demo.models.compiled.cache import prepare

KEPT = prepare()
