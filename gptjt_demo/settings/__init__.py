"""What every part of the program agrees on; what the environment may say is in `environment`."""

from __future__ import annotations

from gptjt_demo.settings.limits import NO_LIMITS, Limits
from gptjt_demo.settings.sampling import COLDEST, Attention, Device, Sampling, bounds

__all__ = ["COLDEST", "NO_LIMITS", "Attention", "Device", "Limits", "Sampling", "bounds"]
