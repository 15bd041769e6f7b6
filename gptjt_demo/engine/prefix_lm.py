"""The steps of a prefix LM: prefill, extend, check, branch, and the self-test. Knows nothing of text.

In: token ids and which columns are real. Out: logits, with the keys and values kept for the next step.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gptjt_demo.engine import cpu_attention
from gptjt_demo.engine.kv_cache import roomy_cache
from gptjt_demo.engine.masks import additive, behind, positions_of, prefill_mask
from gptjt_demo.engine.results import SelfTest
from gptjt_demo.engine.steps import Interrupted
from gptjt_demo.engine.turns import Flag, Turns
from gptjt_demo.settings import Attention


@dataclass
class State:
    """What a prefill leaves: keys and values of `keep.shape[1]` columns, and the logits of the last of them."""

    cache: Any
    keep: Tensor  # bool (batch, columns)
    logits: Tensor  # float32 (batch, vocabulary)

    def repeat(self, rows: int) -> State:
        """A copy for this many rows, of a state of one."""
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(rows)
        return State(cache, self.keep.expand(rows, -1), self.logits.expand(rows, -1))

    def select(self, rows: Sequence[int]) -> State:
        """Keep these rows of the batch only."""
        index = torch.tensor(list(rows))  # on the CPU, as a cache may lie on several GPUs
        self.cache.batch_select_indices(index)
        return State(self.cache, self.keep[index], self.logits[index])

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """The rows of several states of as many columns, which are consumed."""
        if len(states) == 1:
            return states[0]
        cache = states[0].cache
        for number, layer in enumerate(cache.layers):
            others = [state.cache.layers[number] for state in states]
            layer.keys = torch.cat([other.keys for other in others])
            layer.values = torch.cat([other.values for other in others])
            for other in others[1:]:
                other.reset()
        return cls(cache, torch.cat([s.keep for s in states]), torch.cat([s.logits for s in states]))

    def crop(self, columns: int) -> State:
        """Forget the last columns. The logits stay those after the last one that was read."""
        if columns:
            self.cache.crop(-columns)
        return State(self.cache, self.keep[:, : self.keep.shape[1] - columns], self.logits)


class PrefixLM:
    """A causal LM of transformers, run with explicit masks.

    One step of the model runs at a time; threads take turns between steps, and those whose `cancelled` is a `Flag` of
    the background give way between layers. Once `self_test` has failed, steps fall back to the model's own causal mask.

    Attributes:
        turns: whose step runs, and who waits.
        rows_alike: whether `check` reads a token as `extend` does: to the bit over 8-bit linears, else to rounding.

    Args:
        model: a `PreTrainedModel` with a language-model head, on one device or dispatched over several.
    """

    def __init__(self, model: Any) -> None:
        self.model = model.eval()
        self.device: torch.device = model.get_input_embeddings().weight.device
        self.dtype: torch.dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        self.name: str = model.config.name_or_path or type(model).__name__
        self.context: int = getattr(model.config, "max_position_embeddings", 0)
        self.vocabulary: int = model.config.vocab_size
        self.ends = _end_ids(model)
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters
        self.turns = Turns()
        self._running = threading.local()
        for layer in layers(model) or [model]:
            layer.register_forward_pre_hook(self._check)
        self.test = self.self_test()
        # On CUDA, LLM.int8() picks the columns it keeps in 16 bits over all rows together, so there rows differ.
        self.rows_alike = self.test.supports_prefix and cpu_attention.install(model) and self.device.type == "cpu"

    def prefill(
        self, ids: Tensor, keep: Tensor, attention: Attention, cancelled: Callable[[], bool] | None = None
    ) -> State:
        """Read prompts.

        Args:
            ids: int64 (batch, prompt), padded on the left.
            keep: bool (batch, prompt), False on padding.
            attention: who sees whom within the prompt.
            cancelled: asked before every layer.

        Raises:
            Interrupted: `cancelled` said so.
        """
        ids, keep = ids.to(self.device), keep.to(self.device)
        mask = prefill_mask(keep, attention) if self.test.supports_prefix else None
        out = self._forward(ids, keep, mask, positions_of(keep), roomy_cache(self.model.config), 1, cancelled)
        return State(out.cache, keep, out.logits[:, -1].float())

    def extend(
        self, state: State, ids: Tensor, keep: Tensor | None = None, *, cancelled: Callable[[], bool] | None = None
    ) -> State:
        """Read the next tokens, each seeing all before it.

        Args:
            state: consumed: its cache grows in place.
            ids: int64 (batch, new), padded on the left.
            keep: bool (batch, new), False on padding; by default there is none.
            cancelled: asked before every layer.

        Raises:
            Interrupted: `cancelled` said so; the state cannot be used again.
        """
        return self._extend(state, ids, keep, 1, cancelled)[0]

    def check(
        self, state: State, ids: Sequence[int], cancelled: Callable[[], bool] | None = None
    ) -> tuple[State, Tensor]:
        """Read several tokens of one answer in one pass, each as if it came alone.

        Args:
            state: of one row; consumed.
            ids: the tokens; those that turn out wrong are taken back with `State.crop`.
            cancelled: asked before every layer.

        Returns:
            the state after all of them, and float32 (tokens, vocabulary): the logits after each.

        Raises:
            Interrupted: `cancelled` said so; the state cannot be used again.
        """
        state, logits = self._extend(state, torch.tensor([list(ids)]), None, 0, cancelled)
        return state, logits[0]

    def _extend(
        self, state: State, ids: Tensor, keep: Tensor | None, logits_to_keep: int, cancelled: Callable[[], bool] | None
    ) -> tuple[State, Tensor]:
        ids = ids.to(self.device)
        new = torch.ones_like(ids, dtype=torch.bool) if keep is None else keep.to(self.device)
        mask = behind(state.keep, prefill_mask(new, "causal")) if self.test.supports_prefix else None
        keep = torch.cat([state.keep, new], dim=1)
        positions = positions_of(keep)[:, -ids.shape[1] :]
        alone = self.rows_alike and logits_to_keep == 0
        out = self._forward(ids, keep, mask, positions, state.cache, logits_to_keep, cancelled, alone)
        logits = out.logits.float()  # (batch, new or 1, vocabulary)
        return State(out.cache, keep, logits[:, -1]), logits

    def branch(
        self, state: State, branches: Sequence[Sequence[int]], cancelled: Callable[[], bool] | None = None
    ) -> list[Tensor]:
        """Logits after each token of several continuations of the same prompt, which do not see each other.

        All branches are read in one pass behind the one prompt: the mask keeps them apart, and each restarts at the
        position after the prompt.

        Args:
            state: consumed.
            branches: token ids, at least one each.
            cancelled: asked before every layer.

        Returns:
            one float32 (batch, tokens, vocabulary) a branch.
        """
        if not self.test.supports_prefix:
            return self._branch_one_by_one(state, branches, cancelled)
        batch = state.keep.shape[0]
        owner = torch.tensor([i for i, ids in enumerate(branches) for _ in ids], device=self.device)
        offset = torch.tensor([k for ids in branches for k in range(len(ids))], device=self.device)
        flat = torch.tensor([t for ids in branches for t in ids], device=self.device)
        own = (owner[:, None] == owner[None, :]) & (offset[:, None] >= offset[None, :])  # (new, new)
        mask = behind(state.keep, own[None, None])
        positions = state.keep.sum(1, keepdim=True) + offset[None, :]  # (batch, new)
        out = self._forward(flat.expand(batch, -1), state.keep, mask, positions, state.cache, 0, cancelled)
        return list(out.logits.float().split([len(ids) for ids in branches], dim=1))

    def _branch_one_by_one(
        self, state: State, branches: Sequence[Sequence[int]], cancelled: Callable[[], bool] | None
    ) -> list[Tensor]:
        logits = []
        for ids in branches:
            row = torch.tensor([list(ids)], device=self.device).expand(state.keep.shape[0], -1)
            keep = torch.cat([state.keep, torch.ones_like(row, dtype=torch.bool)], dim=1)
            out = self._forward(row, keep, None, positions_of(keep)[:, -row.shape[1] :], state.cache, 0, cancelled)
            state.cache.crop(-row.shape[1])
            logits.append(out.logits.float())
        return logits

    def _forward(
        self,
        ids: Tensor,
        keep: Tensor,
        mask: Tensor | None,
        positions: Tensor,
        cache: Any,
        logits_to_keep: int,
        cancelled: Callable[[], bool] | None,
        alone: bool = False,
    ) -> Any:
        kwargs: dict[str, Any] = {"position_ids": positions} if self._takes_positions else {}
        if alone:
            kwargs["by_row"] = True
        kwargs["attention_mask"] = keep.long() if mask is None else additive(mask, self.dtype)
        with self._step(cancelled), torch.inference_mode():
            return self.model(
                input_ids=ids, cache=cache, use_cache=True, logits_to_keep=logits_to_keep, return_dict=True, **kwargs
            )

    def pause(self) -> AbstractContextManager[None]:
        """Hold the model's steps; within it, its modules may be exchanged."""
        return self.turns.pause()

    @contextmanager
    def _step(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        self._running.cancelled = cancelled
        try:
            with self.turns.step(background=_behind(cancelled)):
                yield
        finally:
            self._running.cancelled = None

    def _check(self, _module: nn.Module, _args: object) -> None:
        cancelled = getattr(self._running, "cancelled", None)
        if cancelled is not None and cancelled():
            raise Interrupted
        if _behind(cancelled):
            self.turns.give_way()

    def self_test(self) -> SelfTest:
        """Ask the model whether it notices the mask: alter the last prompt token, look at the first position.

        Families differ: GPT-J and Llama take a 4-D mask, GPT-Neo ignores it and stays causal, BLOOM raises. Both
        prompts go in one batch, because LLM.int8() decides over all rows together which columns to keep in 16 bits:
        apart, the first position would differ by the rounding of others' columns (4e-4 of its value in mini).
        """
        vocabulary = self.model.config.vocab_size
        ids = torch.tensor([[(7 * k + 11) % vocabulary for k in range(8)]] * 2, device=self.device)
        ids[1, -1] = (ids[1, -1] + vocabulary // 2 + 1) % vocabulary
        keep = torch.ones_like(ids, dtype=torch.bool)
        changes = {}
        for attention in ("prefix", "causal"):
            mask = additive(prefill_mask(keep, attention), self.dtype)
            try:
                with torch.inference_mode():
                    out = self.model.base_model(input_ids=ids, attention_mask=mask, return_dict=True)
                first, second = out.last_hidden_state[:, 0].float()
            except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
                return SelfTest(False, f"the model does not take a 4-D mask ({type(error).__name__}); it runs causally")
            changes[attention] = float((first - second).abs().max() / first.abs().max().clamp_min(1e-9))
        prefix, causal = changes["prefix"], changes["causal"]
        if causal > 1e-5:
            return SelfTest(False, "the first position sees the future under a causal mask", prefix, causal)
        if prefix <= 1e-5:
            return SelfTest(False, "the model ignores a 4-D mask; it runs causally", prefix, causal)
        return SelfTest(True, "the first position notices the last prompt token", prefix, causal)


def _end_ids(model: Any) -> list[int]:
    ends: list[int] = []
    for config in (model.config, getattr(model, "generation_config", None)):
        ids = getattr(config, "eos_token_id", None)
        ends += ids if isinstance(ids, list) else [] if ids is None else [ids]
    return ends


def _behind(cancelled: object) -> bool:
    return isinstance(cancelled, Flag) and cancelled.background


def layers(model: Any) -> Sequence[nn.Module]:
    """The decoder's layers; none where they cannot be told."""
    depth = getattr(model.config, "num_hidden_layers", None)
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return list(module)
    return []
