"""Labels weighed against what the model would say anyway: a label's share, divided by its share elsewhere.

One arithmetic and three rules, which differ in where "elsewhere" is: `prior` takes the mean share on inputs without
content (Zhao et al. 2021, "Calibrate Before Use"), `pmi` the share behind the answer's cue alone (Holtzman et al. 2021,
"Surface Form Competition"), `batch` the mean share over the very rows that are asked, which costs no further pass (Zhou
et al. 2023, "Batch Calibration"). In: shares or scores, and the reference that they are divided by. Out: shares that
sum to 1. Plain arithmetic: no torch, no prompts.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, cast, get_args

from gptjt_demo.engine.label_scores import RULES, Rule, softmax
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.errors import SettingError

Calibration = Literal["prior", "pmi", "batch"]
OneRule = Literal["logprob", "per_token", "per_byte", "prior", "pmi"]
"""The rules that can weigh the labels of one case alone."""
LabelRule = Literal["logprob", "per_token", "per_byte", "prior", "pmi", "batch"]

Shares = tuple[float, ...]
"""A part of 1 for each label, in the labels' order."""

CALIBRATIONS: dict[Calibration, str] = {
    "prior": "sum, divided by what empty inputs give",
    "pmi": "sum, divided by what the answer's cue alone gives",
    "batch": "sum, divided by the mean over the rows",
}
LABEL_RULES: dict[LabelRule, str] = dict([*RULES.items(), *CALIBRATIONS.items()])
"""All rules by name, in words."""


def check_rule(rule: str) -> LabelRule:
    """The rule, which is one.

    Raises:
        SettingError: it is none.
    """
    if not isinstance(rule, str) or rule not in LABEL_RULES:
        raise SettingError(f"{rule!r} is not a rule", where="rule", mend=f"use one of {', '.join(get_args(LabelRule))}")
    return rule


def asked_rule(rule: LabelRule) -> Rule:
    """The rule by which an engine is to score: a calibration corrects shares of the sum."""
    return "logprob" if rule in CALIBRATIONS else cast(Rule, rule)


def calibrated(shares: Sequence[float], reference: Sequence[float]) -> Shares:
    """Shares divided by others, label by label.

    Args:
        shares: of one case, by the sum of log probabilities.
        reference: what each is divided by; nothing is 0 but by rounding, and is then the smallest number.

    Raises:
        SettingError: they are not of as many labels.
    """
    if not len(_parts(shares, "shares")) == len(_parts(reference, "reference")) > 0:
        what = f"{len(shares)} shares and {len(reference)} to divide them by"
        raise SettingError(what, where="reference", mend="give one for each label")
    return tuple(softmax([_log(share) - _log(other) for share, other in zip(shares, reference, strict=True)]))


def mean_shares(rows: Iterable[Sequence[LabelScore] | Sequence[float]]) -> Shares:
    """The mean share of each label.

    Args:
        rows: for each case its shares by the sum, or its scores, from which those follow whatever rule they were
            shared by. The labels stand in one order.

    Raises:
        SettingError: there is no row, or one is of other labels.
    """
    found = [sum_shares(row) for row in rows] if isinstance(rows, Iterable) else []
    if not found or not found[0] or any(len(row) != len(found[0]) for row in found):
        raise SettingError("no mean of such rows", where="rows", mend="give at least one, all of the same labels")
    return tuple(math.fsum(column) / len(found) for column in zip(*found, strict=True))


def sum_shares(row: Sequence[LabelScore] | Sequence[float]) -> Shares:
    """The shares by the sum of log probabilities, of scores or of shares that are such."""
    if row and isinstance(row[0], LabelScore):
        return tuple(softmax([score.logprob for score in cast(Sequence[LabelScore], row)]))
    return tuple(_parts(cast(Sequence[float], row), "shares"))


def reshared(scores: Sequence[LabelScore], rule: str, reference: Sequence[float] = ()) -> tuple[LabelScore, ...]:
    """The scores of one case with shares by another rule; no model is asked.

    Args:
        scores: in any order.
        rule: see `LABEL_RULES`.
        reference: for the rules that divide, what by, a number for each score; without one the sum stays.

    Raises:
        SettingError: no such rule, or the reference is of other labels.
    """
    check_rule(rule)
    if not isinstance(scores, Sequence) or not all(isinstance(score, LabelScore) for score in scores):
        raise SettingError("it is not scores of labels", where="scores", mend="give what `Engine.score` gives")
    if not scores:
        return ()
    if rule in CALIBRATIONS:
        shares = sum_shares(scores)
        shares = calibrated(shares, reference) if reference else shares
    else:
        shares = tuple(softmax([getattr(score, rule) for score in scores]))
    return tuple(replace(score, share=share) for score, share in zip(scores, shares, strict=True))


def _parts(shares: Sequence[float], where: str) -> Sequence[float]:
    """The shares, which are numbers from 0 to 1: they may come from any program."""
    if not isinstance(shares, Sequence) or not all(isinstance(each, int | float) and 0 <= each <= 1 for each in shares):
        raise SettingError("it is not parts of 1", where=where, mend="give a number from 0 to 1 for each label")
    return shares


def _log(share: float) -> float:
    return math.log(max(share, sys.float_info.min))
