"""The processes of one `accelerate launch`, which split the rows among them and gather what they found.

In: nothing but the environment that the launcher sets. Out: this process's share, and everybody's results. A process
that was started alone is a group of one and imports nothing. Does not know what a row is.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from gptjt_demo.errors import PlaygroundError

T = TypeVar("T")

_SIZES = (
    "WORLD_SIZE",
    "PMI_SIZE",
    "OMPI_COMM_WORLD_SIZE",
    "MV2_COMM_WORLD_SIZE",
)  # set by torchrun and MPI's launchers

_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")


def _number(name: str) -> int:
    """A launcher's variable; 0 where it is absent, or something else of that name holds no number."""
    value = os.environ.get(name, "").strip()
    return int(value) if value.isascii() and value.isdigit() else 0


@cache
def _joined() -> tuple[int, int]:
    """Rank and size of the group, which is left when the process ends."""
    import torch
    from accelerate import PartialState

    # Without a GPU, accelerate makes a group only if it is told that the CPU is meant.
    cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true") or not torch.cuda.is_available()
    state = PartialState(cpu=cpu)
    # A group that is not left in order may abort its process at the very end, and the launcher then stops the others.
    atexit.register(state.destroy_process_group)
    return state.process_index, state.num_processes


@dataclass(frozen=True)
class Shard:
    """This process among its group: number `rank` of `world`. The first, rank 0, writes files and speaks."""

    rank: int = 0
    world: int = 1

    @classmethod
    def current(cls) -> Shard:
        """The group that the launcher made, or a group of one."""
        if max(map(_number, _SIZES)) < 2:
            return cls()
        return cls(*_joined())

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, rows: Iterable[T]) -> list[T]:
        """Every `world`-th row, so that long rows that stand together are spread."""
        return [row for index, row in enumerate(rows) if index % self.world == self.rank]

    def gathered(self, results: Iterable[T]) -> Iterator[T]:
        """All processes' results; alone, each as it comes. Every process of the group has to call it."""
        if self.world == 1:
            yield from results
        else:
            from accelerate.utils import gather_object

            yield from gather_object(list(results))

    def from_leader(self, work: Callable[[], T]) -> T:
        """What `work` returns in the first process, in all of them.

        Raises:
            PlaygroundError: `work` raised it; then all raise it.
        """
        if self.world == 1:
            return work()
        from accelerate.utils import broadcast_object_list

        outcome: list[Any] = [None]
        if self.leads:
            try:
                outcome = [work()]
            except PlaygroundError as error:
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], PlaygroundError):
            raise outcome[0]
        result: T = outcome[0]
        return result


def first() -> bool:
    """Whether this process is the first of its launch, or alone; asked without joining the others."""
    return max(map(_number, _RANKS)) == 0


ALONE = Shard()
