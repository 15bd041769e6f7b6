"""A workbook's numbers as text: plain, as dates, times and durations, or with the leading zeros that are shown.

In: a number's text and its number format. Out: its text, and what of its look was lost. Dates are ISO 8601 whatever
their format; a number is what it is, at most 15 digits as spreadsheet programs keep, unless its format shows leading
zeros (`00000`, `000-00-0000`) or hours beyond a day (`[h]:mm`): those come as they are shown. Does not know files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

TIME_ALONE = "times of day alone, of cells that hold days too"
ZEROS_LOST = "numbers read without the leading zeros that are shown"
SIGN_LOST = "numbers read without the sign or word that is shown with them, such as %"

BUILT_IN = {
    5: "$0", 6: "$0", 7: "$0.00", 8: "$0.00", 9: "0%", 10: "0.00%", 42: "$0", 44: "$0.00",
    14: "yyyy-mm-dd", 15: "yyyy-mm-dd", 16: "yyyy-mm-dd", 17: "yyyy-mm-dd", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 27: "yyyy-mm-dd", 28: "yyyy-mm-dd", 29: "yyyy-mm-dd", 30: "yyyy-mm-dd",
    31: "yyyy-mm-dd", 32: "h:mm", 33: "h:mm:ss", 34: "h:mm", 35: "h:mm:ss", 36: "yyyy-mm-dd", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss.0", 50: "yyyy-mm-dd", 51: "yyyy-mm-dd", 52: "yyyy-mm-dd", 53: "yyyy-mm-dd",
    54: "yyyy-mm-dd", 55: "yyyy-mm-dd", 56: "yyyy-mm-dd", 57: "yyyy-mm-dd", 58: "yyyy-mm-dd",
}  # fmt: skip
"""Built-in formats, which a workbook names only by their number: those that change how a number is read, or what is
said of it."""

_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_DAY = 86_400
_MOST = 10**12  # what has a format is smaller
_TOKEN = re.compile(
    r"\[(?P<elapsed>h+|m+|s+)\]|\[[^\]]*\]|\"(?P<quoted>[^\"]*)\"|\\(?P<escaped>.)|_(?P<gap>.)|\*."
    r"|(?P<half>am/pm|a/p)|general|e[+-]|(?P<letters>y+|m+|d+|h+|s+)|(?P<digits>[0#?]+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE = re.compile(r"-?\d+")
_SIGN = re.compile(r"[^\W\d_]|[%‰°$€£¥₹₽₩₺฿¤¢]")


@dataclass(frozen=True)
class Format:
    """A number format, taken apart once for all of its cells. `kind`: plain, signed (plain with a sign or a word beside
    it), date, time, duration, zeros or unknown."""

    kind: str
    sections: tuple[tuple[re.Match[str], ...], ...] = ()

    @classmethod
    def of(cls, code: str) -> Format:
        """The format of that code."""
        sections: list[list[re.Match[str]]] = [[]]
        for token in _TOKEN.finditer(code):
            if token["other"] == ";":
                sections.append([])
            else:
                sections[-1].append(token)
        return cls(_kind(sections[0]), tuple(map(tuple, sections)))

    def shown(self, number: str, *, from_1904: bool = False) -> tuple[str, str]:
        """The number's text, and what of its look was lost (empty: nothing)."""
        value = Decimal(number)
        if not abs(value) < _MOST:
            return plain(number), ""
        if self.kind == "duration":
            return self._duration(value), ""
        if self.kind in ("date", "time"):
            found = _date(value, _EPOCH_1904 if from_1904 else _EPOCH)
            if found is None:
                return plain(number), ""
            if self.kind == "time" or value < 1:
                clock = found.time()
                return clock.isoformat(), TIME_ALONE if self.kind == "time" and value >= 1 else ""
            return found.date().isoformat() if found.time() == time() else found.isoformat(), ""
        if self.kind == "zeros":
            return self._zeros(value), ""
        return plain(number), {"unknown": ZEROS_LOST, "signed": SIGN_LOST}.get(self.kind, "")

    def _duration(self, value: Decimal) -> str:
        tokens = self.sections[0]
        decimals = next((len(after["digits"]) for point, after in _pairs(tokens) if _is_fraction(point, after)), 0)
        seconds = any((token["letters"] or token["elapsed"] or "").lower().startswith("s") for token in tokens)
        step = Decimal(1).scaleb(-(decimals if seconds else 3))
        left = (abs(value) * _DAY).quantize(step, ROUND_HALF_UP)
        text = ["-"] if value < 0 and left else []
        whole = int(left)
        after_point = False
        for token in tokens:
            part = token["elapsed"] or token["letters"]
            if part:
                size = {"h": 3600, "m": 60, "s": 1}[part[0].lower()]
                count = whole // size if token["elapsed"] else whole // size % (24 if size == 3600 else 60)
                text.append(f"{count:0{len(part)}d}")
            elif token["digits"] and after_point:
                text.append(f"{left % 1:.{decimals}f}"[2:])
            else:
                text.append(_literal(token))
            after_point = token["other"] == "."
        return "".join(text).strip()

    def _zeros(self, value: Decimal) -> str:
        sections = self.sections
        tokens = sections[1] if value < 0 and len(sections) > 1 else sections[0]
        sign = "-" if value < 0 and len(sections) == 1 else ""
        point = next((index for index, token in enumerate(tokens) if token["other"] == "."), len(tokens))
        decimals = sum(len(token["digits"] or "") for token in tokens[point:])
        digits, _, fraction = f"{abs(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}".partition(".")
        holders = sum(len(token["digits"] or "") for token in tokens[:point])
        digits = digits.rjust(holders, "0")
        more = len(digits) - holders  # digits beyond those that the format names stand before its first
        text = [sign]
        for index, token in enumerate(tokens):
            count = len(token["digits"] or "")
            if not count:
                text.append(_literal(token))
            elif index < point:
                text.append(digits[: count + more])
                digits, more = digits[count + more :], 0
            else:
                text.append(fraction[:count])
                fraction = fraction[count:]
        return "".join(text).strip()


def plain(number: str) -> str:
    """A number without a format."""
    if _WHOLE.fullmatch(number):
        return str(int(number)) if len(number) < 4000 else number
    value = float(number)
    return str(int(Decimal(number))) if value.is_integer() and abs(value) < 1e21 else f"{value:.15g}"


def _kind(tokens: list[re.Match[str]]) -> str:
    letters = "".join(token["letters"] or "" for token in tokens).lower()
    if any(token["elapsed"] for token in tokens):
        return "duration" if not set(letters) & set("yd") and not any(token["half"] for token in tokens) else "date"
    if letters:
        return "time" if not set(letters) & set("yd") and set(letters) & set("hs") else "date"
    before = "".join(token["digits"] or ("." if token["other"] == "." else "") for token in tokens).partition(".")[0]
    if not before.lstrip("#?").startswith("00"):
        return "signed" if any(map(_signs, tokens)) else "plain"
    simple = all(token["other"] not in (",", "%", "/", "E", "e") for token in tokens)
    conditional = any(re.match(r"\[[<>=]", token[0]) for token in tokens)
    scientific = any(token[0].lower() in ("e+", "e-", "general") for token in tokens)
    # Digits that may stay away would take their literals with them.
    return "zeros" if simple and not conditional and not scientific and set(before) == {"0"} else "unknown"


def _signs(token: re.Match[str]) -> bool:
    """Whether it shows a sign or a word beside the number: a percent sign, a currency, a unit."""
    currency = re.match(r"\[\$([^\]-]+)", token[0])  # [$€-407]; [$-407] names a language alone
    return _SIGN.search(currency[1] if currency else _literal(token)) is not None


def _literal(token: re.Match[str]) -> str:
    return token["quoted"] or token["escaped"] or (" " if token["gap"] else "") or token["other"] or ""


def _pairs(tokens: tuple[re.Match[str], ...]) -> list[tuple[re.Match[str], re.Match[str]]]:
    return list(pairwise(tokens))


def _is_fraction(point: re.Match[str], after: re.Match[str]) -> bool:
    return point["other"] in (".", ",") and bool(after["digits"])


def _date(value: Decimal, epoch: datetime) -> datetime | None:
    """The day and time of a serial number, to the millisecond; None where there is no such day."""
    if value < 0:
        return None
    day = int(value)
    if epoch == _EPOCH and 0 < day < 60:
        day += 1  # these programs take 1900 for a leap year
    try:
        milliseconds = int(((value - int(value)) * _DAY * 1000).to_integral_value(ROUND_HALF_UP))
        return epoch + timedelta(days=day, milliseconds=milliseconds)
    except OverflowError:
        return None
