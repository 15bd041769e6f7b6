"""The training loop: steps over packed samples, with a log, held-out losses, checkpoints, and weights at the end.

In: settings, a causal LM with its tokenizer, and a mixture that gives samples. Out: a folder with `log.jsonl`,
`loss.png`, `checkpoints/`, `model/` and, of a finished run, `model-8bit/`. Does not know recipes or where samples come
from.

Every process of an `accelerate launch` draws the same samples and trains on its share of the sequences, so that a run
does not depend on how many there are, and its state is the same in all of them.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, PartialState
from tqdm import tqdm

from gptjt_demo.errors import SettingError
from gptjt_demo.training import objective
from gptjt_demo.training.data.packing import Packed, Packer, pack
from gptjt_demo.training.data.sample import Sample
from gptjt_demo.training.run import log, plot, weights
from gptjt_demo.training.run.checkpoints import Checkpoints
from gptjt_demo.training.run.freezing import freeze
from gptjt_demo.training.run.interrupts import interrupts
from gptjt_demo.training.run.log import TrainingLog
from gptjt_demo.training.run.optimiser import Optimiser, optimiser
from gptjt_demo.training.run.schedule import rate
from gptjt_demo.training.settings import TrainSettings

_STATE = "state.json"
_MAY_DIFFER = {"held_out_minutes", "checkpoint_minutes"}  # settings that a resumed run may have other values of


class Mixture(Protocol):
    """An endless source of samples. The same state gives the same samples, in every process."""

    def next(self) -> Sample:
        """The next sample, of at most `TrainSettings.length` tokens."""
        ...

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON can hold it; asked after any number of `next`."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a run has reached.

    Attributes:
        step: steps done, those of the runs that this one continues among them.
        finished: whether that is all of them; else the minutes were over or it was interrupted.
        model: folder with the weights as they are now (float32 safetensors, configuration, tokenizer).
        held_out: last mean loss, in nats a counted token, of every held-out set.
        tokens_per_second: real tokens of this call's steps, over the time that the steps took.
    """

    step: int
    finished: bool
    model: Path
    held_out: Mapping[str, float]
    tokens_per_second: float


def train(
    settings: TrainSettings,
    model: Any,
    tokenizer: Any,
    mixture: Mixture,
    held_out: Mapping[str, Sequence[Sample]],
    out: Path,
    *,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
) -> Outcome:
    """Train a causal LM on as a prefix LM.

    An interrupt (Ctrl-C, or SIGTERM) ends it after the step that is being made, with a checkpoint and the weights.

    Args:
        settings: of the whole run.
        model: a `PreTrainedModel` with a language-model head, in float32; it is trained in place.
        tokenizer: written beside the weights.
        mixture: gives the samples; each process of a launch has one of its own, all with the same state.
        held_out: samples by the name of their set, on which the loss is measured while it runs.
        out: folder of the run.
        resume: continue from the last checkpoint in `out`, or begin where there is none yet; the result is that of an
            unbroken run.
        minutes: stop after this time, with a checkpoint and the weights; `resume` continues.
        progress: show a bar on standard error, where a person watches.

    Raises:
        SettingError: `out` holds a run and `resume` was not asked for; its settings were others; the sequences cannot
            be shared among the processes; fp16 on a CPU; or the loss is no longer a number.
        ModelError: the model does not take a mask, so it cannot be trained as a prefix LM.
    """
    ends = None if minutes is None else time.monotonic() + 60 * minutes
    accelerator = _accelerator(settings)
    if not resume and (out / "log.jsonl").exists():
        raise SettingError("it holds a run already", where=str(out), mend="resume it, or choose another folder")
    accelerator.wait_for_everyone()  # until all have looked
    torch.manual_seed(settings.seed)
    model.to(accelerator.device)
    freeze(model, settings)
    run = _Run(settings, accelerator, model, tokenizer, mixture, held_out, out)
    with interrupts() as interrupted:
        return run.go(ends, interrupted, progress=progress)


class _Run:
    """A run's parts and how far it is."""

    def __init__(
        self,
        settings: TrainSettings,
        accelerator: Accelerator,
        model: Any,
        tokenizer: Any,
        mixture: Mixture,
        held_out: Mapping[str, Sequence[Sample]],
        out: Path,
    ) -> None:
        self._settings, self._accelerator, self._out = settings, accelerator, out
        self._bare, self._tokenizer, self._mixture = model, tokenizer, mixture
        self._own_attention = model.config._attn_implementation
        self._objective = objective.choose(model, accelerator.device)
        if settings.recompute:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self._optimiser: Optimiser = optimiser(model, settings, accelerator)
        self._packer = Packer(mixture.next, settings.length)
        self._held_out = {
            name: [Packed.of(samples, across=settings.across) for samples in pack(found, settings.length)]
            for name, found in held_out.items()
            if found
        }
        self._checkpoints = Checkpoints(out / "checkpoints")
        self._step = self._tokens = 0
        self._new_tokens, self._seconds = 0, 0.0  # of this call's steps
        self._losses: dict[str, float] = {}
        self._log = self._restore()

    def go(self, ends: float | None, interrupted: threading.Event, *, progress: bool) -> Outcome:
        """Make steps until the run is finished, its time is over, or it is interrupted."""
        steps = self._settings.steps
        saved = measured = time.monotonic()
        with tqdm(
            desc="train",
            total=steps,
            initial=self._step,
            unit="step",
            file=sys.stderr,
            dynamic_ncols=True,
            disable=None if progress and self._accelerator.is_main_process else True,
        ) as bar:
            if self._step == 0:
                self._measure()
            stopped = False
            while self._step < steps and not stopped:
                loss, speed = self._make_step()
                bar.update()
                held_out = "".join(f", {name} {value:.3f}" for name, value in self._losses.items())
                bar.set_postfix_str(f"loss {loss:.3f}{held_out}, {speed:.0f} tokens/s", refresh=False)
                now = time.monotonic()
                stopped, measure, save = self._agreed(
                    interrupted.is_set() or (ends is not None and now >= ends),
                    now - measured >= 60 * self._settings.held_out_minutes,
                    now - saved >= 60 * self._settings.checkpoint_minutes,
                )
                last = stopped or self._step == steps
                if measure or last:
                    self._measure()
                    measured = time.monotonic()
                if save or last:
                    self._save()
                    saved = time.monotonic()
        return self._end()

    def _make_step(self) -> tuple[float, float]:
        """Make a step; its mean loss and its tokens a second."""
        settings, accelerator = self._settings, self._accelerator
        began = time.monotonic()
        drawn = [self._packer.next() for _ in range(settings.sequences)]
        counted = max(1, sum(sum(sample.counted) for samples in drawn for sample in samples))
        self._bare.train()
        now = rate(settings, self._step + 1)
        self._optimiser.begin(now)
        total = torch.zeros((), device=accelerator.device)
        share = drawn[accelerator.process_index :: accelerator.num_processes]
        together = _together(settings, accelerator.num_processes)
        for begin in range(0, len(share), together):
            packed = Packed.side_by_side(share[begin : begin + together], across=settings.across)
            packed = packed.to(accelerator.device)
            with self._optimiser.part():
                loss = self._objective.loss(self._optimiser.model, packed)
                self._optimiser.backward(loss / counted)
            total += loss.detach()
        norm = self._optimiser.step()
        mean = float(accelerator.reduce(total, "sum")) / counted
        seconds = time.monotonic() - began
        tokens = sum(len(sample) for samples in drawn for sample in samples)
        self._step += 1
        self._tokens += tokens
        self._new_tokens += tokens
        self._seconds += seconds
        if not math.isfinite(mean):
            raise SettingError(
                f"the loss of step {self._step} is {mean}",
                where=str(self._out),
                mend="begin with a lower learning_rate",
            )
        self._write(
            "step",
            loss=mean,
            counted=counted,
            rate=now,
            norm=norm,
            samples=sum(map(len, drawn)),
            fill=round(tokens / (settings.length * len(drawn)), 4),
            seconds=round(seconds, 3),
            tokens_per_second=round(tokens / seconds, 1),
        )
        return mean, tokens / seconds

    @torch.no_grad()
    def _measure(self) -> None:
        """Mean loss of every held-out set; every process takes all of it, so that sharded ones stay in step."""
        self._bare.eval()
        for name, sequences in self._held_out.items():
            total, counted = 0.0, 0
            for packed in sequences:
                here = packed.to(self._accelerator.device)
                total += float(self._objective.loss(self._optimiser.model, here))
                counted += int(packed.counted.sum())
            self._losses[name] = total / counted
        self._write("held-out", losses=dict(self._losses))

    def _write(self, kind: str, **entry: Any) -> None:
        if self._log is not None:
            self._log.write(kind, {"step": self._step, "tokens": self._tokens, **entry})

    def _save(self) -> None:
        state = {
            "settings": self._settings.model_dump(),
            "step": self._step,
            "tokens": self._tokens,
            "mixture": self._mixture.state(),
            "waiting": self._packer.state(),
            "losses": self._losses,
            "log": self._log.sync() if self._log is not None else 0,
        }

        def fill(folder: Path) -> None:
            self._optimiser.save(folder)
            if self._accelerator.is_main_process:
                (folder / _STATE).write_text(json.dumps(state), "utf-8")

        leads, wait = self._accelerator.is_main_process, self._accelerator.wait_for_everyone
        self._checkpoints.write(self._step, fill, leads=leads, wait=wait)

    def _restore(self) -> TrainingLog | None:
        """Continue from the last checkpoint, if there is one; the log, in the first process."""
        newest = self._checkpoints.newest()
        kept = 0
        if newest is not None:
            state = json.loads((newest / _STATE).read_text("utf-8"))
            asked, found = self._settings.model_dump(), state["settings"]
            differing = sorted(name for name in asked.keys() | found.keys() if asked.get(name) != found.get(name))
            differing = [name for name in differing if name not in _MAY_DIFFER]
            if differing:
                raise SettingError(
                    f"its run had other settings: {', '.join(differing)}",
                    where=str(self._out),
                    mend="resume with what it was begun with, or choose another folder",
                )
            self._step, self._tokens, self._losses = state["step"], state["tokens"], state["losses"]
            self._mixture.restore(state["mixture"])
            self._packer.restore(state["waiting"])
            self._optimiser.load(newest)
            kept = state["log"]
        if not self._accelerator.is_main_process:
            return None
        self._out.mkdir(parents=True, exist_ok=True)
        log = TrainingLog(self._out / "log.jsonl", kept)
        if newest is None:
            parameters = list(self._bare.parameters())
            log.write(
                "run",
                {
                    "settings": self._settings.model_dump(),
                    "model": type(self._bare).__name__,
                    "parameters": sum(p.numel() for p in parameters),
                    "trained": sum(p.numel() for p in parameters if p.requires_grad),
                    "processes": self._accelerator.num_processes,
                    "threads": torch.get_num_threads(),
                    "device": self._accelerator.device.type,
                    "attention": "by documents" if self._objective.by_documents else self._own_attention,
                    "padding": 0.0,  # a sequence is as long as its samples
                },
            )
        return log

    def _agreed(self, *wishes: bool) -> list[bool]:
        """Each wish, if any process has it: they have to do the same."""
        if self._accelerator.num_processes == 1:
            return list(wishes)
        votes = torch.tensor(wishes, dtype=torch.int, device=self._accelerator.device)
        return [bool(vote) for vote in self._accelerator.reduce(votes, "sum").tolist()]

    def _end(self) -> Outcome:
        """Write the weights, the picture and the log's last line."""
        finished = self._step == self._settings.steps
        speed = self._new_tokens / self._seconds if self._seconds else 0.0
        state = self._optimiser.weights()
        self._bare.set_attn_implementation(self._own_attention)
        target = self._out / "model"
        if self._log is not None:
            weights.save(self._bare, state, self._tokenizer, target)
            if finished:
                weights.save_eight_bit(target, self._out / "model-8bit")
            self._write("end", finished=finished, tokens_per_second=round(speed, 1), padding=0.0, losses=self._losses)
            self._log.close()
            path = self._out / "log.jsonl"
            plot.draw(log.read(path, "step"), log.read(path, "held-out"), self._out / "loss.png")
        self._accelerator.wait_for_everyone()
        return Outcome(self._step, finished, target, dict(self._losses), speed)


def _accelerator(settings: TrainSettings) -> Accelerator:
    """Accelerate as it was configured, for this run.

    Raises:
        SettingError: the sequences cannot be shared evenly, or fp16 was asked for on a CPU.
    """
    # Without a GPU, accelerate makes a group of processes only if it is told that the CPU is meant.
    cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true") or not torch.cuda.is_available()
    if cpu and settings.precision == "fp16":
        raise SettingError("fp16 needs a GPU", where="precision", mend="use bf16 or fp32")
    processes = PartialState(cpu=cpu).num_processes
    if settings.sequences % processes:
        raise SettingError(
            f"{settings.sequences} cannot be shared evenly among {processes} processes",
            where="sequences",
            mend=f"use a multiple of {processes}",
        )
    # On the CPU, bfloat16 is `Masters`' own matter.
    return Accelerator(
        cpu=cpu,
        mixed_precision="no" if cpu or settings.precision == "fp32" else settings.precision,
        gradient_accumulation_steps=settings.sequences // processes // _together(settings, processes),
    )


def _together(settings: TrainSettings, processes: int) -> int:
    """How many sequences go through the model in one pass: as many as its tokens allow and the share divides by."""
    share = settings.sequences // processes
    most = max(1, min(share, settings.pass_tokens // settings.length))
    return next(count for count in range(most, 0, -1) if share % count == 0)
