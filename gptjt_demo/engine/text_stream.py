"""From token ids to text that can be shown: whole characters only, and nothing of a stop sequence.

In: one token id at a time. Out: how much of the text is settled. Knows nothing of models and of sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class TextStream:
    """The text of a growing list of tokens.

    Text is held back while it may still turn out to be part of a stop sequence or of a character of several tokens,
    so that what was shown is never taken back. What is still held back when the text is cut off stays unshown; when the
    model itself ends the text, no stop can follow and all of it is shown.

    Attributes:
        decode: ids to text.
        stops: the text ends before the first of them.
        joiner: what stands between the prompt and the answer; not part of the answer.
        text: what has settled so far.
        stop: the stop sequence that was reached.
    """

    decode: Callable[[Sequence[int]], str]
    stops: Sequence[str] = ()
    joiner: str = ""
    ids: list[int] = field(default_factory=list)
    text: str = ""
    stop: str | None = None
    _full: str = ""
    _ends: list[int] = field(default_factory=list)  # per token: length of the text after it
    _released: int = 0  # tokens given out
    _shown: int = 0  # characters given out with them

    def start_from(self, ids: Sequence[int]) -> None:
        """Begin behind tokens that stand already: their text is settled, and a stop within it is passed over."""
        self.ids = list(ids)
        self._full = self._decoded()
        self.text = self._full[: len(self._full) - self._held(self._full)]
        self._ends = [len(self.text)] * len(self.ids)
        self._released, self._shown = len(self.ids), len(self.text)

    def push(self, id: int) -> None:
        """Add a token; `text` grows by what it settles, and `stop` is set if it completes one."""
        self.ids.append(id)
        full = self._full = self._decoded()
        self._ends.append(len(full))
        # A stop cannot begin in what was settled before: it would have been held back.
        found = [(at, stop) for stop in self.stops if (at := full.find(stop, len(self.text))) >= 0]
        if found:
            at, self.stop = min(found, key=lambda pair: pair[0])
            self.text = full[:at]
        else:
            self.text = full[: max(len(self.text), len(full) - self._held(full))]

    def _decoded(self) -> str:
        """The text of whole characters, without the joiner."""
        return self.decode(self.ids).rstrip("\ufffd").removeprefix(self.joiner)

    def _held(self, full: str) -> int:
        """Length of the longest end of the text that begins a stop sequence."""
        longest = 0
        for stop in self.stops:
            for size in range(min(len(stop) - 1, len(full)), longest, -1):
                if full.endswith(stop[:size]):
                    longest = size
                    break
        return longest

    def end(self) -> None:
        """The model ended the text: what was held back is text."""
        if self.stop is None:
            self.text = self._full

    def settled(self, final: bool = False) -> list[str]:
        """What each token added to the text, for the tokens that became certain since the last call.

        Args:
            final: no token follows; the rest is given out, each with what is shown of it.
        """
        texts = []
        while self._released < len(self.ids):
            end = self._ends[self._released]
            if not final and end > len(self.text):
                break
            visible = max(self._shown, min(end, len(self.text)))
            texts.append(self.text[self._shown : visible])
            self._shown = visible
            self._released += 1
        return texts
