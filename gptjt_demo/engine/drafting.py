"""Prompt lookup: guesses at an answer's next tokens, copied from the prompt. Knows nothing of models and of text.

In: a prompt's token ids, the answer's so far, and how many of the last guesses held. Out: tokens that may come next.
A guess costs time and never changes an answer: the model checks all of them in one pass.

An answer that copies (entities, contacts) takes pieces of the query in their order and leaves things out between them.
So the place where the newest tokens stood before is looked for behind the last piece copied first, and only then
anywhere, the query (which comes last) before the examples. Once there is a copy, a single token alike counts only
ahead of it, as after a comma. A token that stood nowhere before is followed by no guess: that it stands in another's
place, such as a dash for a dot, holds too rarely for what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 3  # newest tokens that are looked up together, at most
# Tokens guessed at a time: more where as many are alike as are looked up, for then more of them hold. A pass costs more
# with each row, without AVX-512 a fifth to a third of a plain one: there, wrong guesses soon cost what right ones win.
# And a pass must stay within the rows for which a linear gives each the result that it gives it alone.
FEW, MAX_DRAFT = 3, 4
PATIENCE = 6  # guesses in a row that may fail altogether before an answer counts as one that does not copy


class Drafter:
    """Guesses for one answer.

    Attributes:
        drafted: tokens guessed.
        accepted: those of them that the model chose as well.

    Args:
        prompt: its token ids.
        patience: guesses in a row that may fail before no more are made; None is no limit.
    """

    def __init__(self, prompt: Sequence[int], patience: int | None = PATIENCE) -> None:
        self._prompt, self._patience = list(prompt), patience
        self._source = 0  # where the last guess was copied from
        self._copied = -1  # the prompt is copied up to here; -1 before anything was
        self._misses = 0
        self.drafted = self.accepted = 0

    def propose(self, answer: Sequence[int]) -> list[int]:
        """Tokens that may follow: `MAX_DRAFT` at most, and often none.

        Args:
            answer: all its token ids so far.
        """
        if self._patience is not None and self._misses >= self._patience:
            return []
        ids = [*self._prompt, *answer]
        start, alike = self._lookup(ids)
        if not alike:
            return []
        self._source = start
        return ids[start : start + (MAX_DRAFT if alike == LONGEST else FEW)]

    def settle(self, drafted: int, accepted: int) -> None:
        """How the last guess did: so many of its tokens were given to the model, and so many held."""
        self.drafted, self.accepted = self.drafted + drafted, self.accepted + accepted
        self._misses = 0 if accepted else self._misses + 1
        if accepted and self._source < len(self._prompt):
            self._copied = self._source + accepted

    def _lookup(self, ids: list[int]) -> tuple[int, int]:
        """The index from which the text may continue, and how many tokens before it are the newest ones; 0 is none."""
        size, copied = len(self._prompt), self._copied
        # Indices behind an earlier occurrence of the newest token, and how much before them is alike.
        behind = [k + 1 for k, id in enumerate(ids[:-1]) if id == ids[-1]]
        alike = {k: _alike(ids, k) for k in behind}
        longest = max(alike.values(), default=0)
        positions = [k for k in behind if alike[k] == longest]
        ahead = [k for k in positions if 0 <= copied <= k < size]
        if ahead:
            return ahead[0], longest
        if longest < 2 and copied >= 0:
            return 0, 0
        return max(positions, key=lambda k: (k < size, k), default=0), longest


def _alike(ids: list[int], end: int) -> int:
    """How many tokens before `end` equal the newest ones: 1 to `LONGEST`."""
    count = 1
    while count < min(LONGEST, end) and ids[end - 1 - count] == ids[-1 - count]:
        count += 1
    return count
