"""LLM.int8() on CUDA: bitsandbytes' linears, and which GPU holds what.

In: weights of any layout, and the GPUs' free memory. Out: layers on their GPU, a device a module, and a network whose
blocks pass their work from GPU to GPU. The layers run on the CPU too, slowly. bitsandbytes is imported when the first
linear is made; does not know files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from gptjt_demo.errors import DoesNotFit
from gptjt_demo.models import memory
from gptjt_demo.models.int8.kernels import OUTLIER
from gptjt_demo.models.layout import RowWise, Weight, rows, stored
from gptjt_demo.models.registry import GIB

CHUNK = 1 << 24  # values that are turned into float32 on the host at a time: 64 MiB


def free_bytes() -> dict[int, int]:
    """Free memory of every GPU that can be seen, bytes."""
    return {index: torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())}


def split(network: Any, free: Mapping[int, int], *, name: str, first: int = 0) -> dict[str, torch.device]:
    """Which GPU holds which modules: one alone where the network fits on it, else all of them, whole blocks each.

    Args:
        network: a skeleton; nothing of it needs memory yet.
        free: bytes a GPU.
        name: the model's.
        first: the GPU that is taken where it suffices.

    Returns:
        a device a module; "" stands for the whole network.

    Raises:
        DoesNotFit: the GPUs are too small together, or one is for a single block.
    """
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory
    from accelerate.utils.modeling import compute_module_sizes

    if network.config.tie_word_embeddings:  # so that it counts once, and lies on one GPU
        network.get_output_embeddings().weight = network.get_input_embeddings().weight
    kinds: dict[str, Any] = {
        "dtype": torch.float16,
        "special_dtypes": {
            f"{slot}.weight": torch.int8 for slot, m in network.named_modules() if _eight_bit(network, m)
        },
    }
    needed = compute_module_sizes(network, **kinds)[""]
    memory.require(needed / GIB, sum(free.values()) / GIB, name=name, where="GPU memory")
    if needed * memory.OVERHEAD <= free[first]:
        return {"": torch.device("cuda", first)}
    kinds["no_split_module_classes"] = list(network._no_split_modules or ())
    room = {gpu: int(size / memory.OVERHEAD) for gpu, size in free.items()}
    # Even shares leave room for keys and values everywhere; where they do not work out, each GPU is filled in turn.
    for most in (get_balanced_memory(network, dict(room), **kinds), room):
        where = infer_auto_device_map(network, max_memory=dict(most), **kinds)
        if all(isinstance(gpu, int) for gpu in where.values()):
            return {module: torch.device("cuda", gpu) for module, gpu in where.items()}
    raise DoesNotFit(
        f"needs {needed * memory.OVERHEAD / GIB:.2f} GiB of GPU memory in whole blocks, which the "
        f"{sum(free.values()) / GIB:.2f} GiB of {len(free)} GPUs do not hold",
        where=name,
        mend="use --device cpu",
    )


def connect(network: Any, devices: Mapping[str, torch.device]) -> Any:
    """Let the modules of a filled network pass what they compute to the next one's GPU."""
    from accelerate import dispatch_model

    return dispatch_model(
        network,
        dict(devices),
        main_device=network.get_input_embeddings().weight.device,
        skip_keys=list(network._skip_keys_device_placement or ()),  # keys and values stay with their layer
        force_hooks=True,
    )


class CudaLayers:
    """Makes CUDA's layers; `plan.Layers` says what each function is for."""

    def layer(
        self,
        old: nn.Module,
        weight: Weight,
        bias: Tensor | None,
        device: torch.device,
        release: Callable[..., None],
    ) -> nn.Module:
        """A linear of LLM.int8(), or a float16 embedding.

        A weight of the int8 layout goes over as it is: int8 and a scale a row are what bitsandbytes holds too. Others
        are quantized by bitsandbytes on their device.
        """
        if isinstance(old, nn.Embedding):
            embedding = nn.Embedding(old.num_embeddings, old.embedding_dim, device="meta")
            embedding.weight = nn.Parameter(_half(weight, device, release), requires_grad=False)
            return embedding
        from bitsandbytes.functional import int8_vectorwise_quant
        from bitsandbytes.nn.modules import Int8Params, Linear8bitLt

        if isinstance(weight, RowWise):
            # A copy also on the CPU, so that the file's pages can be given back everywhere.
            codes, largest = weight.weight.to(device, copy=True), weight.scale.to(device).float() * 127
        else:
            codes, largest, _ = int8_vectorwise_quant(_half(weight, device, release))
        made: nn.Module = Linear8bitLt(
            codes.shape[1],
            codes.shape[0],
            bias=bias is not None,
            has_fp16_weights=False,
            threshold=OUTLIER,
            device="meta",
        )
        made.weight = Int8Params(codes, requires_grad=False, has_fp16_weights=False, CB=codes, SCB=largest)
        if bias is not None:
            made.bias = nn.Parameter(bias.to(device, torch.float16), requires_grad=False)
        return made

    def tied_linear(self, embedding: nn.Module) -> nn.Module:
        """The head that shares a float16 embedding's weight."""
        weight = cast(nn.Parameter, embedding.weight)
        head = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        head.weight = weight
        return head

    def fusable(self, config: Any) -> list[list[str]]:
        """None: bitsandbytes has a linear for each."""
        return []

    def finish(self, network: Any, names: list[str], *, mapped: bool) -> list[nn.Module]:
        """Nothing is left to be done."""
        return [network.get_submodule(name) for name in names]

    def report(self) -> str:
        """bitsandbytes."""
        return "LLM.int8() of bitsandbytes"


def _half(weight: Weight, device: torch.device, release: Callable[..., None]) -> Tensor:
    """A weight as float16 (rows, columns) on its device, a part of it at a time on the host."""
    count, columns = stored(weight).shape
    half = torch.empty(count, columns, dtype=torch.float16, device=device)
    step = max(1, CHUNK // columns)
    for start in range(0, count, step):
        stop = min(start + step, count)
        half[start:stop] = rows(weight, start, stop)
        release(stored(weight)[start:stop])
    return half


def _eight_bit(network: Any, module: nn.Module) -> bool:
    """Whether a module of a skeleton becomes an 8-bit linear; a tied head is as its embedding, in float16."""
    tied = network.config.tie_word_embeddings and module is network.get_output_embeddings()
    return isinstance(module, nn.Linear) and not tied
