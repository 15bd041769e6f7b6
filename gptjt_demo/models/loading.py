"""From a model's name to an `Engine`: where a model comes from, what it runs on, and whether it fits.

In: a known name, a folder or a hub id. Out: an engine whose weights are all from the checkpoint, in 8 bits, built by
one `Plan`. On the CPU these are the linears of `int8`; on CUDA they are bitsandbytes' LLM.int8(), which the CPU path
never imports.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.served import Tell
from gptjt_demo.engine.steps import LanguageModel
from gptjt_demo.errors import ModelError, SettingError
from gptjt_demo.models import memory
from gptjt_demo.models.blueprint import read_config, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import ready
from gptjt_demo.models.compiled.shape import sizes
from gptjt_demo.models.config import config_fields
from gptjt_demo.models.hub import fetch
from gptjt_demo.models.int8 import kernels, llm_int8
from gptjt_demo.models.int8.blocking import block_later
from gptjt_demo.models.layout import FLOAT, LAYOUTS
from gptjt_demo.models.origin import with_origin
from gptjt_demo.models.plan import Plan
from gptjt_demo.models.registry import DEFAULT_MODEL, GIB, ModelSpec, resolve
from gptjt_demo.models.tokenizer import has_tokenizer, read_tokenizer
from gptjt_demo.settings import Attention, Device, environment

__all__ = ["Device", "load"]

_READING = "reading the weights"


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: Device = "auto",
    attention: Attention | None = None,
    tokenizer: str | Path | None = None,
    progress: bool = True,
    tell: Tell | None = None,
) -> Engine:
    """Load a model in 8 bits.

    Args:
        model: a known name, a folder, or a hub id.
        device: "auto" takes CUDA where there is one; several GPUs are used where one is too small.
        attention: the default mode; else the environment's GPTJT_ATTENTION, else the model's own.
        tokenizer: a folder or hub id; else the environment's GPTJT_TOKENIZER, else the model's own.
        progress: show a bar on standard error.
        tell: in a bar's place, whom to tell the phase and its share of the whole.

    Raises:
        SettingError: the mode is unknown.
        ModelError: no such model, no CUDA where it was asked for, no tokenizer, or the hub refuses.
        DoesNotFit: its memory is not there; nothing has been read.
        CheckpointError: a tensor is missing or damaged; no layer is ever left with random weights.
    """
    began = time.perf_counter()
    say: Tell = tell or (lambda phase, share: None)
    progress = progress and tell is None
    spec = resolve(model)
    _attention(attention, spec)  # a word that is no mode is said before anything is downloaded
    processor = _processor(device, spec)
    if spec.gib is not None:
        memory.require(spec.gib, _free_gib(processor), name=spec.name, where=_memory(processor))
    say("looking at its files", 0.15)
    # The weights last: whatever else is wrong is said before gigabytes are downloaded.
    folder = spec.source if isinstance(spec.source, Path) else fetch(spec.source, weights=False, progress=progress)
    spec = with_origin(spec, folder)
    fields = config_fields(folder, where=str(spec.source))
    words = _tokenizer(folder, spec, tokenizer, progress)
    if not isinstance(spec.source, Path):
        told = None if tell is None else lambda share: say("downloading the weights", 0.2 + 0.4 * share)
        folder = fetch(spec.source, progress=progress, told=told)
    checkpoint = Checkpoint(folder)
    say(_READING, 0.6)
    plan = _plan(folder, checkpoint, processor, spec)
    layout = next((layout for layout in LAYOUTS if layout in checkpoint.layouts), FLOAT)

    def report(form: str, weights: int, stored: str = layout.report) -> tuple[str, str]:
        seconds = time.perf_counter() - began
        return (
            f"{_devices(plan)}: {form}",
            f"{stored}, {weights / GIB:.2f} GiB of weights, loaded in {seconds:.1f} s",
        )

    def compiled() -> tuple[LanguageModel, tuple[str, str]]:
        from gptjt_demo.models.compiled.network import compiled_model

        # From the file anew: a network that answers meanwhile may have made its int8 weights in place.
        made = compiled_model(fields, Checkpoint(folder), small=plan.planes > 1, name=spec.name)
        stored = "kept in floats" if layout is FLOAT and made.program.floats else layout.report
        return made, report(made.report, made.program.bytes, stored)

    pays = _compiles(fields, plan)
    network: Any
    if pays and ready.is_ready():
        network, notes = compiled()
    else:
        from gptjt_demo.models.building import build, size

        network = build(
            read_config(folder),
            checkpoint,
            plan,
            progress=progress,
            told=lambda share: say(_READING, 0.6 + 0.35 * share),
        )
        if not plan.one_device:
            network = llm_int8.connect(network, plan.devices)
        notes = report(plan.layers.report(), size(network))
    say("testing its attention mask", 0.95)
    engine = Engine(
        network,
        words,
        name=spec.name,
        context=spec.context,
        attention=_attention(attention, spec),
        stand_in=spec.stand_in,
        notes=notes,
    )
    if pays and not isinstance(network, LanguageModel):
        ready.compile_elsewhere(lambda: engine.exchange(*compiled()))
    if not isinstance(network, LanguageModel):
        block_later(network, engine.pause, checkpoint.release)
    return engine


def _compiles(fields: Mapping[str, Any], plan: Plan) -> bool:
    """Whether a compiled step is faster: on the CPU for every small model, for large ones where oneDNN is not fast."""
    if plan.dtype == torch.float16 or not ready.wanted() or sizes(fields) is None:
        return False
    return plan.planes > 1 or not kernels.kernels().blocked


def _plan(folder: Path, checkpoint: Checkpoint, processor: torch.device, spec: ModelSpec) -> Plan:
    """How the model is run, on several GPUs where one is too small; refuses what does not fit."""
    plan = Plan.of(processor, checkpoint)
    if processor.type == "cpu":
        needed = plan.weight_bytes(checkpoint) / GIB
        memory.require(needed, _free_gib(processor), name=spec.name, where=_memory(processor))
        return plan
    network = skeleton(read_config(folder), plan.dtype)
    first = torch.cuda.current_device()
    return plan.split(llm_int8.split(network, llm_int8.free_bytes(), name=spec.name, first=first))


def _devices(plan: Plan) -> str:
    devices = set(plan.devices.values())
    return next(iter(devices)).type if len(devices) < 2 else f"{len(devices)} GPUs"


def _processor(device: Device, spec: ModelSpec) -> torch.device:
    """The CPU, or CUDA: which GPUs is decided when the model's size is known."""
    if device not in ("auto", "cpu", "cuda"):
        raise ModelError(f"{device!r} is no device", where="device", mend="use auto, cpu or cuda")
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        needed = f"{spec.gib * memory.OVERHEAD:.2f} GiB of " if spec.gib is not None else ""
        raise ModelError(
            f"8-bit on CUDA needs {needed}GPU memory and 0.00 GiB are available: there is no CUDA device",
            where=spec.name,
            mend="use --device cpu, where mini always fits",
        )
    return torch.device("cuda" if gpu and device != "cpu" else "cpu")


def _free_gib(processor: torch.device) -> float:
    return sum(llm_int8.free_bytes().values()) / GIB if processor.type == "cuda" else memory.available_gib()


def _memory(processor: torch.device) -> str:
    return "GPU memory" if processor.type == "cuda" else "memory"


def _tokenizer(folder: Path, spec: ModelSpec, asked: str | Path | None, progress: bool) -> Any:
    asked = asked or environment.TOKENIZER.read() or None  # blank names none
    source = asked if asked or has_tokenizer(folder) else spec.tokenizer
    if source is not None:
        other = Path(source).expanduser()
        folder = other if other.is_dir() else fetch(str(source), weights=False, progress=progress)
    return read_tokenizer(folder, where=str(source or spec.source))


def _attention(asked: Attention | None, spec: ModelSpec) -> Attention:
    mode = asked or environment.ATTENTION.read() or spec.attention
    if mode not in ("prefix", "causal"):
        raise SettingError(f"{mode!r} is neither prefix nor causal", where="attention")
    return mode
