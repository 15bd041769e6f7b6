"""Prompts read in padded batches: what they leave in the cache, and how likely continuations are behind them.

In: token ids. Out: states, log probabilities over real tokens. Does not know text, sampling, or who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from gptjt_demo.engine.masks import pad
from gptjt_demo.engine.results import Likelihood
from gptjt_demo.engine.steps import Interrupted, LanguageModel, State
from gptjt_demo.engine.turns import Flag
from gptjt_demo.settings import Attention

BATCH_ROWS = 32  # rows decoded together; more of them save little, and the first answers come later
HEADER_TOKENS = 16  # a shared beginning shorter than this is not worth a pass of its own
PIECE_TOKENS = 512  # read at once in the background: a layer of more would keep others waiting, and is no faster
ECHO_TOKENS = 48  # of a prompt read at once where each one's log probabilities are wanted: kernels are exact up to here
BATCH_TOKENS = 8192  # columns of keys and values a batch may hold; 3.6 GiB in a 6B

_T = TypeVar("_T")


class Reader:
    """A model's prompts, and its log probabilities.

    Args:
        lm: the model.
        unreal: ids that stand for no token; their probability is zero.
    """

    def __init__(self, lm: LanguageModel, unreal: Sequence[int]) -> None:
        self.lm = lm
        self._unreal = torch.tensor(list(unreal), dtype=torch.long)

    def header(self, prompts: list[list[int]], mode: Attention, flag: Callable[[], bool]) -> State | None:
        """What all prompts begin with, read once.

        In prefix mode every key depends on the whole prompt, so there nothing can be shared.
        """
        if mode != "causal" or len(prompts) < 2:
            return None
        first, last = min(prompts), max(prompts)  # in the order of lists, what these two share all share
        length = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        length = min(length, *(len(prompt) - 1 for prompt in prompts))  # a prompt's last token is read with its row
        if length < HEADER_TOKENS:
            return None
        try:
            state: State = self.lm.prefill(*pad([first[:length]]), mode, flag)
            return state
        except Interrupted:  # the first batch will see the flag
            return None

    def read(self, prompts: list[list[int]], mode: Attention, flag: Callable[[], bool], header: State | None) -> State:
        """Prompts' keys, values and last logits; behind their header where there is one. Those of a flag of the
        background are read a few at a time, on a GPU all at once.

        Raises:
            Interrupted: the flag said so.
        """
        if header is None:
            ids, keep = pad(prompts)
            rows = len(prompts)
            if isinstance(flag, Flag) and flag.background and self.lm.device.type == "cpu":
                rows = max(1, PIECE_TOKENS // ids.shape[1])
            pieces = zip(ids.split(rows), keep.split(rows), strict=True)
            states: list[State] = [self.lm.prefill(*piece, mode, flag) for piece in pieces]
            return type(states[0]).joined(states)
        length = header.keep.shape[1]
        state: State = self.lm.extend(header.repeat(len(prompts)), *pad([p[length:] for p in prompts]), cancelled=flag)
        return state

    def aloud(self, prompt: list[int], flag: Callable[[], bool]) -> Iterator[tuple[State, Tensor]]:
        """Read a prompt causally, a piece at a time.

        Yields:
            (the state so far, log probabilities after each token of the piece: float32 (tokens, vocabulary)).

        Raises:
            Interrupted: the flag said so.
        """
        state: State = self.lm.prefill(*pad([prompt[:1]]), "causal", flag)
        yield state, self.logprobs(state.logits)
        for first in range(1, len(prompt), ECHO_TOKENS):
            if flag():
                raise Interrupted
            state, logits = self.lm.check(state, prompt[first : first + ECHO_TOKENS], flag)
            yield state, self.logprobs(logits)

    def logprobs(self, logits: Tensor) -> Tensor:
        """Log probabilities over real tokens, float32 on the CPU; -inf on the others."""
        return self._real(logits).log_softmax(-1)

    def weigh(
        self,
        prompts: Sequence[tuple[int, list[int]]],
        branches: Sequence[Sequence[int]],
        mode: Attention,
        flag: Callable[[], bool],
    ) -> Iterator[tuple[int, list[Likelihood]]]:
        """How likely every branch is after every prompt, in batches; in causal mode, what all begin with is read once.

        Args:
            prompts: (index, token ids) each.
            branches: token ids, at least one each.
            mode: in which the prompts are read.
            flag: ends the iteration.

        Yields:
            (index, a `Likelihood` for each branch).
        """
        header = self.header([ids for _, ids in prompts], mode, flag)
        for batch in batches(prompts, [len(ids) + sum(map(len, branches)) for _, ids in prompts]):
            try:
                state = self.read([ids for _, ids in batch], mode, flag, header)
                sums, greedy = self.branches(state, branches, flag)
            except Interrupted:
                return
            for (index, _), *rows in zip(batch, sums.tolist(), greedy.tolist(), strict=True):
                yield index, [Likelihood(*each) for each in zip(*rows, strict=True)]

    def branches(
        self, state: State, branches: Sequence[Sequence[int]], flag: Callable[[], bool]
    ) -> tuple[Tensor, Tensor]:
        """How likely every branch is after every prompt.

        Args:
            state: of the prompts; consumed.
            branches: token ids, at least one each; they do not see each other.
            flag: asked before every layer.

        Returns:
            the sums of their log probabilities, float64 (prompts, branches), and whether every token of a branch was
            the likeliest, bool (prompts, branches).

        Raises:
            Interrupted: the flag said so.
        """
        first = self.logprobs(state.logits)  # (prompts, vocabulary)
        sums = torch.stack([first[:, ids[0]] for ids in branches], dim=1).double()
        best = first.argmax(-1)  # (prompts,)
        greedy = torch.stack([best == ids[0] for ids in branches], dim=1)
        longer = [i for i, ids in enumerate(branches) if len(ids) > 1]
        if longer:
            logits = self.lm.branch(state, [branches[i][:-1] for i in longer], flag)
            for i, rows in zip(longer, logits, strict=True):
                real = self._real(rows)  # (prompts, tokens, vocabulary)
                chosen = torch.tensor(branches[i][1:]).expand(rows.shape[0], -1).unsqueeze(-1)
                # A token's own logit and their total suffice: the whole row's log probabilities are not written.
                picked = real.gather(-1, chosen).squeeze(-1) - real.logsumexp(-1)  # (prompts, tokens)
                sums[:, i] += picked.double().sum(-1)
                greedy[:, i] &= (real.argmax(-1) == chosen.squeeze(-1)).all(-1)
        return sums, greedy

    def _real(self, logits: Tensor) -> Tensor:
        logits = logits.float().cpu()
        return logits.index_fill(-1, self._unreal, float("-inf")) if len(self._unreal) else logits


def batches(rows: Sequence[_T], widths: Sequence[int]) -> Iterator[list[_T]]:
    """Rows in batches of similar width, the widest first, so that the first batch shows whether memory suffices."""
    batch: list[_T] = []
    widest = 0
    for k in sorted(range(len(rows)), key=lambda k: -widths[k]):
        if batch and (len(batch) == BATCH_ROWS or (len(batch) + 1) * widest > BATCH_TOKENS):
            yield batch
            batch = []
        widest = widest if batch else widths[k]
        batch.append(rows[k])
    if batch:
        yield batch
