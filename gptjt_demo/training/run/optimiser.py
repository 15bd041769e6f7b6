"""One optimiser step, in either of two ways: `Masters` on a CPU in bfloat16, `Prepared` by accelerate everywhere else.

In: losses' gradients. Out: changed weights. `Masters` keeps every weight twice, in bfloat16 for the arithmetic and in
float32 for the optimiser, because a change smaller than a 256th of a bfloat16 weight would be lost; its processes hold
the same weights and add their gradients in float32. `Prepared` leaves all of that, sharding included, to accelerate's
own configuration. Does not know losses or samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gptjt_demo.training.settings import TrainSettings

_FILE = "optimiser.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class Optimiser(Protocol):
    """What the loop needs of it. `model` is what it has to run."""

    model: Any

    def begin(self, rate: float) -> None:
        """Begin a step at this learning rate (DeepSpeed steps within the last backward pass)."""
        ...

    def part(self) -> AbstractContextManager[None]:
        """Around each forward and backward pass of a step."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradient. A step's losses of all processes are to sum to the mean over its tokens."""
        ...

    def step(self) -> float | None:
        """Clip, step and forget the gradients; the norm before clipping, where it is known and finite."""
        ...

    def save(self, folder: Path) -> None:
        """Everything that `load` needs. Every process calls it."""
        ...

    def load(self, folder: Path) -> None:
        """Continue from what was saved."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """The model's state in float32 on the CPU, in the first process. Every process calls it."""
        ...


def optimiser(model: Any, settings: TrainSettings, accelerator: Accelerator) -> Optimiser:
    """The one that fits the device."""
    plain = accelerator.distributed_type in (DistributedType.NO, DistributedType.MULTI_CPU)
    if settings.precision == "bf16" and accelerator.device.type == "cpu" and plain:
        return Masters(model, settings, accelerator)
    return Prepared(model, settings, accelerator)


def _adamw(weights: list[nn.Parameter], settings: TrainSettings, *, fused: bool) -> torch.optim.AdamW:
    """AdamW over them; norms and biases do not decay."""
    return torch.optim.AdamW(
        [
            {"params": [w for w in weights if w.dim() >= 2], "weight_decay": settings.weight_decay},
            {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=fused,
    )


def _finite(norm: Any) -> float | None:
    value = float(norm)
    return value if math.isfinite(value) else None  # of fp16, a step that is left out because it overflowed


class Masters:
    """AdamW over float32 masters of bfloat16 weights, all on the CPU.

    Args:
        model: in float32; its parameters become bfloat16 here. Buffers (rotary frequencies) stay as they are.
        settings: the run's.
        accelerator: adds up the processes' gradients.
    """

    def __init__(self, model: Any, settings: TrainSettings, accelerator: Accelerator) -> None:
        self.model, self._settings, self._accelerator = model, settings, accelerator
        self._masters: dict[str, nn.Parameter] = {}
        self._weights = dict(model.named_parameters())  # a tied weight once, under its first name
        for name, weight in self._weights.items():
            self._masters[name] = nn.Parameter(weight.detach().float().clone(), weight.requires_grad)
            weight.data = weight.data.bfloat16()
        self._trained = [name for name, master in self._masters.items() if master.requires_grad]
        self._adamw = _adamw([self._masters[name] for name in self._trained], settings, fused=True)

    def begin(self, rate: float) -> None:
        for group in self._adamw.param_groups:
            group["lr"] = rate

    def part(self) -> AbstractContextManager[None]:
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()
        for name in self._trained:
            weight, master = self._weights[name], self._masters[name]
            if weight.grad is None:
                continue
            if master.grad is None:
                master.grad = weight.grad.float()
            else:
                master.grad += weight.grad
            weight.grad = None

    def step(self) -> float | None:
        masters = [self._masters[name] for name in self._trained]
        if self._accelerator.num_processes > 1:
            for master in masters:
                whole = torch.zeros_like(master) if master.grad is None else master.grad
                master.grad = self._accelerator.reduce(whole, "sum")
        norm = nn.utils.clip_grad_norm_(masters, self._settings.clip)
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self._round()
        return _finite(norm)

    def _round(self) -> None:
        with torch.no_grad():
            for name in self._trained:
                self._weights[name].copy_(self._masters[name])

    def save(self, folder: Path) -> None:
        if not self._accelerator.is_main_process:
            return
        state = {f"master/{name}": self._masters[name].detach() for name in self._trained}
        state["rng"] = torch.get_rng_state()  # of dropout
        for name in self._trained:
            moments = self._adamw.state[self._masters[name]]
            state |= {f"{moment}/{name}": moments[moment] for moment in _MOMENTS if moment in moments}
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / _FILE)

    def load(self, folder: Path) -> None:
        state = load_file(folder / _FILE)
        torch.set_rng_state(state["rng"])
        for name in self._trained:
            master = self._masters[name]
            with torch.no_grad():
                master.copy_(state[f"master/{name}"])
            self._adamw.state[master] = {
                moment: state[f"{moment}/{name}"] for moment in _MOMENTS if f"{moment}/{name}" in state
            }
        self._round()

    def weights(self) -> Mapping[str, Tensor]:
        masters = {id(weight): self._masters[name].detach() for name, weight in self._weights.items()}
        return {name: masters.get(id(tensor), tensor) for name, tensor in self.model.state_dict(keep_vars=True).items()}


class Prepared:
    """AdamW as accelerate prepares it: data parallel, autocast, sharded, as it was configured.

    Args:
        model: in float32.
        settings: the run's.
        accelerator: its gradient accumulation is set.
    """

    def __init__(self, model: Any, settings: TrainSettings, accelerator: Accelerator) -> None:
        self._settings, self._accelerator = settings, accelerator
        if accelerator.distributed_type == DistributedType.DEEPSPEED:  # it asks for this where there is no data loader
            accelerator.state.deepspeed_plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = 1
        if accelerator.is_fsdp2 or accelerator.distributed_type == DistributedType.DEEPSPEED:
            self.model, self._adamw = accelerator.prepare(model, self._over(model))
        else:  # the first FSDP shards into new parameters, which the optimiser has to be made over
            self.model = accelerator.prepare(model)
            self._adamw = accelerator.prepare(self._over(self.model))

    def _over(self, model: Any) -> torch.optim.AdamW:
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        return _adamw(trained, self._settings, fused=self._accelerator.distributed_type == DistributedType.NO)

    def begin(self, rate: float) -> None:
        for group in self._adamw.param_groups:
            group["lr"] = rate

    def part(self) -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = self._accelerator.accumulate(self.model)
        return context

    def backward(self, loss: Tensor) -> None:
        # accelerate takes the mean over processes and parts, and this is to be a sum.
        scale = self._accelerator.num_processes * self._accelerator.gradient_accumulation_steps
        self._accelerator.backward(loss * scale)

    def step(self) -> float | None:
        norm = self._accelerator.clip_grad_norm_(self.model.parameters(), self._settings.clip)
        self._adamw.step()
        self._adamw.zero_grad()
        return None if norm is None else _finite(norm)

    def save(self, folder: Path) -> None:
        self._accelerator.save_state(str(folder / "accelerate"))

    def load(self, folder: Path) -> None:
        self._accelerator.load_state(str(folder / "accelerate"))

    def weights(self) -> Mapping[str, Tensor]:
        state: Mapping[str, Tensor] = self._accelerator.get_state_dict(self.model)
        return {name: tensor.detach().float().cpu() for name, tensor in (state or {}).items()}
