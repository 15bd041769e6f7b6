"""A run of `bench`: sets contenders up, holds the rounds, and reckons the figures.

In: what to measure and how often. Out: a `Report`. Loads no torch: all work is done in workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.benchmark import figures, machine
from gptjt_demo.benchmark.contender import Contender, Failed
from gptjt_demo.benchmark.report import Report
from gptjt_demo.benchmark.rounds import Rounds
from gptjt_demo.errors import ModelError
from gptjt_demo.templates.lint.finding import count

LAYERS = 28  # of GPT-J-6B
PEER_LAYERS = 7  # that peers are measured at: bfloat16 takes twice the memory, and four contenders are there at once
STARTS = 3  # fresh processes whose first token is waited for
DECODED_RANDOM = 16  # tokens that a token's time is the mean of
DECODED = 32

_SINGLE = ("prefill32", "prefill160", "score6", "prefill512", "decode")
_PEER = ("prefill32", "prefill160", "prefill512", "decode")
_BATCHES = ("loop_prefix", "many_prefix", "loop_causal", "many_causal")


@dataclass(frozen=True)
class Bench:
    """How a run is held.

    Attributes:
        folder: where what is built is kept.
        rounds: how often each thing is measured, after one round that does not count.
        threads: of every contender.
        peers: measure other libraries too.
        page: measure the page.
        told: hears what goes on.
    """

    folder: Path
    rounds: int
    threads: int
    peers: bool = True
    page: bool = False
    told: Callable[[str], None] = lambda line: None

    def random(self, layers: int) -> Report:
        """GPT-J-6B's shape with random weights: ours at `layers`, and with peers at no more than `PEER_LAYERS`.

        Raises:
            DoesNotFit: disk or memory is too small; nothing has been built.
            ModelError: our own side failed.
        """
        beside = min(layers, PEER_LAYERS) if self.peers else 0
        machine.require_disk(self.folder, layers, beside)
        machine.require_memory(layers, beside)
        report = Report(f"GPT-J-6B's shape, {count(layers, 'layer')}, random weights", machine=[machine.line()])
        self._random(report, layers, starts=True, peers=beside == layers)
        if beside and beside < layers:
            self._random(report, beside, starts=False, peers=True)
        return report

    def known(self, model: str, device: str) -> Report:
        """A model by name, folder or hub id; on the CPU beside llama.cpp, where it is a Llama.

        Raises:
            ModelError: it cannot be loaded, or our own side failed.
        """
        report = Report(model, machine=[machine.line()])
        with ExitStack() as stack:
            settings = {"model": model, "device": device, "decoded": DECODED}
            self.told(f"loading {model}")
            ours, first = self._ours(stack, settings)
            report.model = ours.facts["model"]
            report.machine += [ours.facts["machine"], *ours.facts["notes"]]
            peers: list[Contender] = []
            if self.peers and device == "cpu":
                self.told("writing a GGUF")
                with self._builder(report, model=ours.facts["folder"]) as build:
                    if file := build("gguf", "llama.cpp"):
                        made = {"file": file, "ids": ours.facts["ids"], "decoded": DECODED}
                        peers += self._peer(stack, report, "llama.cpp", "llama_cpp", made)
            rounds = self._rounds(stack, report, ours, peers, _BATCHES, on_cpu=device == "cpu")
            figures.starting(report, ours.facts, first, full=False)
            figures.known(report, rounds, ours.facts)
            for peer in peers:
                texts = {self._asked(report, ours, "text"), self._asked(report, peer, "text")}
                report.machine.append(f"{peer.name}: {peer.facts['built_for'].strip(' |')}")
                agree = "the same text as ours" if len(texts) == 1 else "another text than ours: its file may be wrong"
                report.machine.append(f"{peer.name} answers greedily with {agree}")
            for task in ("entities", "cleaning"):
                self.told(f"{task} with and without drafting")
                figures.drafting(report, task, self._asked(report, ours, f"drafting_{task}"))
            if self.page:
                self.told("opening the page")
                figures.page(report, self._asked(report, ours, "page"))
        return report

    def _random(self, report: Report, layers: int, *, starts: bool, peers: bool) -> None:
        title = count(layers, "layer")
        self.told(f"building {title}, about {machine.checkpoint_bytes(layers) / 1e9:.1f} GB")
        folders: dict[str, str | None] = {}
        with self._builder(report, layers=layers) as build:
            hivemind = build("hivemind", "ours")
            if hivemind is None:
                raise ModelError(report.failures["ours"], where="the random checkpoint")
            if starts:
                self.told("converting it to int8")
                folders["int8"] = build("int8", "ours, converted")
            if peers:
                self.told("converting it for the peers")
                folders["bfloat16"] = build("bfloat16", "transformers")
                folders["ctranslate2"] = folders["bfloat16"] and build("ctranslate2", "ctranslate2")
        settings: dict[str, Any] = {"decoded": DECODED_RANDOM, "random": True}
        converted = self._starts(report, {"model": folders["int8"], **settings}) if folders.get("int8") else []
        with ExitStack() as stack:
            self.told("loading ours from pytorch_model.bin")
            ours, first = self._ours(stack, {"model": hivemind, **settings})
            if starts:
                report.machine += [ours.facts["machine"], *ours.facts["notes"]]
                figures.starting(report, ours.facts, first, converted, full=layers >= LAYERS)
            given = {"ids": ours.facts["ids"], "decoded": DECODED_RANDOM}
            others: list[Contender] = []
            for name, kind, folder, more, environment in _random_peers(folders) if peers else ():
                if folder is not None:
                    self.told(f"loading {name}")
                    others += self._peer(stack, report, name, kind, {"folder": folder, **given, **more}, environment)
            rounds = self._rounds(stack, report, ours, others, ("rows",), title=title)
        figures.random(report, rounds, ours.facts, title, main=starts, peers=peers)

    def _ours(self, stack: ExitStack, settings: Mapping[str, Any]) -> tuple[Contender, float]:
        """Ours, loaded; and the seconds from the process's start to its first token."""
        started = time.time()
        try:
            ours = stack.enter_context(Contender("ours", "ours", settings, threads=self.threads))
        except Failed as error:
            raise ModelError(str(error)) from None
        return ours, ours.facts["first_token_at"] - started

    def _starts(self, report: Report, settings: Mapping[str, Any]) -> list[float]:
        seconds = []
        for start in range(min(STARTS, self.rounds)):
            self.told(f"start {start + 1} of the converted model")
            with ExitStack() as stack:
                try:
                    seconds.append(self._ours(stack, settings)[1])
                except ModelError as error:
                    report.failures["ours, converted"] = str(error)
                    break
        return seconds

    def _peer(
        self,
        stack: ExitStack,
        report: Report,
        name: str,
        kind: str,
        settings: Mapping[str, Any],
        environment: Mapping[str, str] = {},
    ) -> list[Contender]:
        try:
            made = Contender(name, kind, settings, threads=self.threads, environment=environment)
        except Failed as error:
            report.failures[name] = str(error)
            self.told(f"{name}: {error}")
            return []
        return [stack.enter_context(made)]

    @contextmanager
    def _builder(self, report: Report, **settings: Any) -> Iterator[Callable[[str, str], str | None]]:
        with ExitStack() as stack:
            settings = {"folder": str(self.folder), **settings}
            builders = self._peer(stack, report, "builder", "builder", settings)

            def build(what: str, whose: str) -> str | None:
                try:
                    if not builders:
                        raise Failed(report.failures["builder"])
                    return str(builders[0].ask(what))
                except Failed as error:
                    report.failures[whose] = str(error)
                    self.told(f"{whose}: {error}")
                    return None

            yield build

    def _rounds(
        self,
        stack: ExitStack,
        report: Report,
        ours: Contender,
        peers: list[Contender],
        batches: tuple[str, ...],
        *,
        title: str = "",
        on_cpu: bool = True,
    ) -> Rounds:
        memory = self._peer(stack, report, "memory", "bandwidth", {}) if on_cpu else []
        rounds = Rounds()
        turns = [(ours, _SINGLE), *((peer, _PEER) for peer in peers)]
        turns += [*((reader, ("read",)) for reader in memory), (ours, batches)]
        rounds.hold(turns, self.rounds, told=lambda line: self.told(f"{title}, {line}" if title else line))
        if ours.name in rounds.failures:
            raise ModelError(rounds.failures[ours.name], where="ours")
        for reader in memory:
            report.machine.append(
                f"memory{', at ' + title if title else ''}: read fastest by {self._asked(report, reader, 'way')}"
            )
        report.failures |= rounds.failures
        figures.medians(report, rounds, [ours, *peers, *memory], title or report.model)
        return rounds

    def _asked(self, report: Report, contender: Contender, what: str) -> Any:
        """A contender's answer; None, and a line, where it has none."""
        try:
            return contender.ask(what)
        except Failed as error:
            report.failures[f"{contender.name}, {what}"] = str(error)
            self.told(f"{contender.name}, {what}: {error}")
            return None


def _random_peers(
    folders: Mapping[str, str | None],
) -> Iterator[tuple[str, str, str | None, dict[str, Any], dict[str, str]]]:
    """(name, kind, folder, further settings, environment) of each peer."""
    yield figures.BFLOAT16, "transformers", folders["bfloat16"], {"eight_bit": False}, {}
    yield figures.BITSANDBYTES, "transformers", folders["bfloat16"], {"eight_bit": True}, {}
    for value, name in enumerate(figures.CTRANSLATE2):
        yield name, "ctranslate2", folders["ctranslate2"], {}, {"CT2_USE_MKL": str(value)}
