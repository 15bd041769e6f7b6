"""What this machine can run, and whether a model runs on it as it should.

In: a way to load a model. Out: facts, trials of the five prompts of GPT-JT's model card in both attentions, and a
verdict. What goes wrong is a fact with how to mend it, whatever it is: this is where people come when things fail.
Knows nothing of terminals.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from gptjt_demo.errors import ModelError, PlaygroundError
from gptjt_demo.evaluation.checks import run_checks
from gptjt_demo.models import memory
from gptjt_demo.models.registry import GIB, MODELS, ModelSpec
from gptjt_demo.settings import Attention
from gptjt_demo.templates.answer_check import match_label, verdict
from gptjt_demo.templates.shipped import CARD
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

LIBRARIES = ("torch", "transformers", "bitsandbytes", "accelerate", "safetensors")

# What torch's 8-bit and 16-bit kernels look for.
FEATURES = ("avx2", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "neon", "dot", "i8mm", "sve")


@dataclass(frozen=True)
class Fact:
    """One thing found: of what, what, and how to mend it where it is a problem."""

    subject: str
    text: str
    mend: str = ""
    problem: bool = False


@dataclass(frozen=True)
class Trial:
    """A template's sample query put to the model, and the template's checks.

    `note` is what is wrong with the answer's form; `right` of `checks` cases were answered as they should be. Seconds
    are those of the sample query.
    """

    template: str
    attention: Attention
    answer: str
    note: str
    seconds: float
    seconds_to_first_token: float
    tokens_per_second: float
    right: int
    checks: int


@dataclass
class Examination:
    """All that was found; `verdict` sums it up in a line."""

    facts: list[Fact] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    verdict: str = ""

    @property
    def problems(self) -> list[Fact]:
        """What has to be mended."""
        return [fact for fact in self.facts if fact.problem]

    def report(self) -> dict[str, Any]:
        """It as plain data."""
        return asdict(self) | {"well": not self.problems}


def examine(
    name: str, load: Callable[[], Answers], told: Callable[[Fact | Trial], None] = lambda _: None
) -> Examination:
    """Look at the machine, load a model and try it.

    Args:
        name: what the model is called in what is said of it.
        load: loads it.
        told: hears of each thing as it is found.
    """
    found = Examination()

    def add(item: Fact | Trial) -> None:
        if isinstance(item, Fact):
            found.facts.append(item)
        else:
            found.trials.append(item)
        told(item)

    for fact in (*_machine(), *_known_models()):
        add(fact)
    start = time.perf_counter()
    try:
        engine = load()
    except Exception as error:  # whatever it is, it is what they came for
        add(_failed("model", error))
        found.verdict = f"{name} does not run here: {error}"
        return found
    resident = psutil.Process().memory_info().rss / GIB
    add(Fact("model", f"{engine.name}, ready in {time.perf_counter() - start:.1f} s, {resident:.2f} GiB resident"))
    for note in engine.notes:
        if note != f"mask self-test: {engine.self_test.reason}":  # it has a line of its own
            add(Fact("load report", note))
    add(_mask(engine))
    modes: tuple[Attention, ...] = ("prefix", "causal") if engine.supports_prefix else ("causal",)
    for template in map(Template.load, CARD):
        for mode in modes:
            try:
                add(_trial(engine, template, mode))
            except Exception as error:
                add(_failed(f"{template.name}, {mode}", error))
    if found.trials and not any(trial.right for trial in found.trials):
        add(Fact("answers", "not one of the checks is right", mend=f"see whether its files are whole: verify {name}"))
    found.verdict = _verdict(engine, found, modes)
    return found


def _machine() -> Iterator[Fact]:
    import torch

    yield Fact("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Fact("libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES))
    from gptjt_demo.models.int8.kernels import capabilities

    has = capabilities()
    known = [name for name in FEATURES if name in has]
    features = ", ".join(name for name in known if has[name]) or "none that matter"
    lacking = ", ".join(name for name in known if not has[name])
    yield Fact(
        "processor",
        f"{has.get('cpu_name', 'unknown')}, torch uses {torch.backends.cpu.get_cpu_capability()}; has {features}"
        + (f"; lacks {lacking}" if lacking else ""),
    )
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    yield Fact("cores", f"{usable}, of which torch uses {torch.get_num_threads()}")
    yield Fact("memory", f"{memory.available_gib():.2f} of {psutil.virtual_memory().total / GIB:.2f} GiB available")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for gpu in range(gpus):
        free, total = torch.cuda.mem_get_info(gpu)
        yield Fact(f"cuda:{gpu}", f"{torch.cuda.get_device_name(gpu)}, {free / GIB:.2f} of {total / GIB:.2f} GiB free")
    if not gpus:
        yield Fact("cuda", "no device")


def _known_models() -> Iterator[Fact]:
    """Each known model: whether it fits here, and whether it has been downloaded."""
    import torch

    free = memory.available_gib()
    gpu = sum(torch.cuda.mem_get_info(k)[0] for k in range(torch.cuda.device_count())) / GIB
    for spec in MODELS.values():
        needed = (spec.gib or 0) * memory.OVERHEAD
        kinds = [kind for kind, there in (("memory", free), ("GPU memory", gpu)) if needed <= there]
        fits = f"fits in {' and in '.join(kinds)}" if kinds else "does not fit"
        yield Fact(spec.name, f"needs {needed:.2f} GiB, {fits}; {in_cache(spec)}")


def in_cache(spec: ModelSpec) -> str:
    """Whether a known model is embedded, downloaded, downloaded in part, or not at all; asks no network."""
    from gptjt_demo.models.checkpoint import Checkpoint

    if isinstance(spec.source, Path):
        return "embedded"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        Checkpoint(Path(snapshot_download(spec.source, local_files_only=True)))
    except LocalEntryNotFoundError:
        return "not downloaded"
    except (ModelError, OSError):
        return "downloaded in part"
    return "downloaded"


def _mask(engine: Answers) -> Fact:
    test = engine.self_test
    if test.supports_prefix:
        changes = f"changes by {test.prefix_change:.1%}, causally by {test.causal_change:.1%}"
        return Fact("mask self-test", f"passed: {test.reason} ({changes})")
    return Fact(
        "mask self-test",
        f"failed: {test.reason}",
        mend="the model runs causally; for prefix attention take one of the GPT-J or Llama family",
        problem=True,
    )


def _trial(engine: Answers, template: Template, mode: Attention) -> Trial:
    shape = template.shape_for(template.query)
    answer = engine.complete(template.ask(template.query), template.generation, attention=mode, shape=shape)
    note = verdict(template.check, answer.text, template.query) or ""
    if not answer.text.strip():
        note = "empty"
    elif template.labels and match_label(answer.text, template.labels) is None:
        note = "none of the labels"
    checks = run_checks(engine, template, attention=mode)
    return Trial(
        template.name,
        mode,
        answer.text,
        note,
        answer.seconds,
        answer.seconds_to_first_token,
        answer.tokens_per_second,
        checks.right,
        len(checks.results),
    )


def _verdict(engine: Answers, found: Examination, modes: tuple[Attention, ...]) -> str:
    if found.problems:
        subjects = ", ".join(fact.subject for fact in found.problems)
        return f"{engine.name} runs here, but not as it should: {subjects}"
    rates = sorted(trial.tokens_per_second for trial in found.trials if trial.tokens_per_second)
    speed = f" at about {rates[len(rates) // 2]:.0f} tokens/s" if rates else ""
    scores = []
    for mode in modes:
        mine = [trial for trial in found.trials if trial.attention == mode]
        scores.append(
            f"{sum(t.right for t in mine)} of {sum(t.checks for t in mine)} checks right with {mode} attention"
        )
    return f"{engine.name} runs here{speed}, its mask works; {', '.join(scores)}"


def _failed(subject: str, error: Exception) -> Fact:
    if isinstance(error, PlaygroundError):
        what = f"{error.where}: {error.what}" if error.where else error.what
        return Fact(subject, what, mend=error.mend, problem=True)
    lines = str(error).splitlines() or [""]
    return Fact(subject, f"{type(error).__name__}: {lines[0]}", mend="report it with all of these lines", problem=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
