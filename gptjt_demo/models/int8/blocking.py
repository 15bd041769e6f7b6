"""Weights that lie in the file as the CPU can read them are handed to oneDNN while the model already answers.

That takes about 9 seconds for 6 B on two cores, which nobody should wait for: until then the same products come from
the mapped weights, equal to the bit, only slower. In: the network, and a way to hold its steps. Out: a thread that
takes its turn between steps, a product at a time, and ends. Does not know files, engines or text.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import nn

from gptjt_demo.models.int8.fused import FusedLinears, FusedPart
from gptjt_demo.models.int8.linear import Int8Linear


def block_later(
    network: nn.Module, pause: Callable[[], AbstractContextManager[None]], release: Callable[..., None]
) -> threading.Thread | None:
    """Block a network's deferred linears in a thread of its own.

    Args:
        network: whose linears said that there is something to do later.
        pause: no step of the network runs within it.
        release: is given mapped weights that are needed no more.

    Returns:
        the started thread; None where there is nothing to do.
    """
    units = dict.fromkeys(_unit(module) for module in network.modules() if isinstance(module, FusedPart | Int8Linear))
    within = {part.linear for unit in units if isinstance(unit, FusedLinears) for part in unit.parts}
    waiting = [unit for unit in units if unit.deferred and unit not in within]
    if not waiting:
        return None
    stop = threading.Event()

    def work() -> None:
        for unit in waiting:
            if stop.is_set():
                return
            with pause():
                weights = unit.weights
                unit.block()
            release(*weights)
        atexit.unregister(end)

    thread = threading.Thread(target=work, name="blocking", daemon=True)

    def end() -> None:  # at exit: the interpreter must not go while oneDNN writes
        stop.set()
        thread.join()

    atexit.register(end)
    thread.start()
    return thread


def _unit(module: FusedPart | Int8Linear) -> FusedLinears | Int8Linear:
    """What is blocked at once: a linear, or all that it is fused with."""
    return module.fused if isinstance(module, FusedPart) else module
