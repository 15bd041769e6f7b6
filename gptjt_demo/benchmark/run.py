"""A run of `bench`: sets contenders up, holds the rounds, and fills the report with figures.

In: what to measure and how often. Out: a `Report`. Loads no torch: all work is done in workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.benchmark import machine, measures, processor
from gptjt_demo.benchmark.contender import Asked, Contender, Patience
from gptjt_demo.benchmark.report import Report
from gptjt_demo.benchmark.roster import Roster
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
_STARTING = ("import_torch", "load", "complete")


@dataclass(frozen=True)
class Bench:
    """How a run is held.

    Attributes:
        folder: where what is built is kept.
        rounds: how often each thing is measured, after one round that does not count.
        threads: of every contender.
        peers: measure other libraries too.
        page: measure the page, and visitors beside a batch.
        day: measure the memory that a day of visitors leaves; it takes minutes.
        way: of multiplying 8-bit weights, where one is forced; a value of `GPTJT_WAY`.
        told: hears of each step.
    """

    folder: Path
    rounds: int
    threads: int
    peers: bool = True
    page: bool = False
    way: str | None = None
    told: Callable[[str], None] = lambda line: None
    day: bool = False

    def random(self, layers: int) -> Report:
        """GPT-J-6B's shape with random weights: ours at `layers`, and with peers at no more than `PEER_LAYERS`.

        Raises:
            DoesNotFit: disk or memory is too small; nothing has been built.
            ModelError: our own side failed.
        """
        beside = min(layers, PEER_LAYERS) if self.peers else 0
        machine.require_disk(self.folder, layers, beside)
        machine.require_memory(layers, beside)
        roster = self._roster(f"GPT-J-6B's shape, {count(layers, 'layer')}, random weights")
        self._random(roster, layers, starts=True, peers=beside == layers)
        if beside and beside < layers:
            self._random(roster, beside, starts=False, peers=True)
        return roster.report

    def known(self, model: str, device: str) -> Report:
        """A model by name, folder or hub id; on the CPU beside llama.cpp, where it is a Llama.

        Raises:
            ModelError: it cannot be loaded, or our own side failed.
        """
        roster = self._roster(model)
        report, on_cpu = roster.report, device == "cpu"
        with ExitStack() as stack:
            self.told(f"loading {model}")
            ours, first = roster.ours(stack, {"model": model, "device": device, "decoded": DECODED})
            report.model = ours.facts["model"]
            self._introduce(report, ours)
            peers = self._llama_cpp(stack, roster, ours.facts) if self.peers and on_cpu else []
            starting = roster.other(stack, "starting", "starting", {"model": model}) if on_cpu else []
            rounds = self._rounds(stack, roster, ours, peers, _BATCHES, starting=starting, on_cpu=on_cpu)
            measures.loading(report, ours.facts, first, full=False)
            measures.known(report, rounds, ours.facts)
            for process in starting:
                measured = process.name not in rounds.failures
                measures.starting(report, rounds, roster.asked(process, "peak_bytes") if measured else None)
            for peer in peers:
                texts = {roster.asked(ours, "text"), roster.asked(peer, "text")}
                agree = "the same text as ours" if len(texts) == 1 else "another text than ours: its file may be wrong"
                report.machine.append(f"{peer.name} answers greedily with {agree}")
            for task in ("entities", "cleaning"):
                self.told(f"{task} with and without drafting")
                measures.drafting(report, task, roster.asked(ours, f"drafting_{task}"))
            if self.page:
                self.told("opening the page")
                measures.page(report, roster.asked(ours, "page"), roster.asked(ours, "page_beside"))
            if self.day:
                self.told("a day of visitors")
                measures.day(report, roster.asked(ours, "page_day"))
        return report

    def _roster(self, title: str) -> Roster:
        report = Report(title, forced=self.way, machine=[machine.line()])
        return Roster(report, self.threads, processor.settings(self.way), self.told)

    def _introduce(self, report: Report, ours: Contender) -> None:
        """The processor and the way taken, as the one who multiplies sees them."""
        report.features, report.way = ours.facts["features"], ours.facts["notes"][0]
        report.kind = processor.kind(report.features, self.way)
        has = ", ".join(report.features) or "no instruction set that matters here"
        targets = f"held to the targets of {report.kind}" if report.kind else "a class without targets of its own"
        forced = f", made to go the way {self.way}" if self.way else ""
        report.machine += [
            f"has {has}; {targets}{forced}",
            ours.facts["machine"],
            *ours.facts["notes"],
        ]

    def _patience(self, weight_bytes: float) -> Patience:
        """With a peer: several times what one takes on a slow processor where it need not imitate its type.

        A peer of two layers of GPT-J's shape that is too slow then costs a run a minute and a half. A small model is
        waited for no shorter: what else runs on a machine does not shrink with it.
        """
        size = weight_bytes / 1e9
        together = (self.rounds + 1) * max(60.0, 20 + 40 * size)
        return Patience(40 + 30 * size, max(30.0, 10 + 20 * size), together)

    def _llama_cpp(self, stack: ExitStack, roster: Roster, facts: Mapping[str, Any]) -> list[Contender]:
        self.told("writing a GGUF")
        settings = {"folder": str(self.folder), "model": facts["folder"]}
        with roster.builder(settings) as build:
            file = build("gguf", measures.LLAMA_CPP)
        if file is None:
            return []
        made = {"file": file, "ids": facts["ids"], "decoded": DECODED}
        patience = self._patience(facts["weight_bytes"])
        return roster.other(stack, measures.LLAMA_CPP, "llama_cpp", made, patience=patience)

    def _random(self, roster: Roster, layers: int, *, starts: bool, peers: bool) -> None:
        report, title = roster.report, count(layers, "layer")
        self.told(f"building {title}, about {machine.checkpoint_bytes(layers) / 1e9:.1f} GB")
        build_options = {"folder": str(self.folder), "layers": layers}
        folders: dict[str, str | None] = {}
        with roster.builder(build_options) as build:
            hivemind = build("hivemind", "ours")
            if hivemind is None:
                raise ModelError(report.failures["ours"], where="the random checkpoint")
            if starts:
                self.told("converting it to int8")
                folders["int8"] = build("int8", "ours, converted")
        if peers:
            self.told("converting it for the peers")
            with roster.builder(build_options, Patience(60, 60 + 30 * layers)) as build:
                folders["bfloat16"] = build("bfloat16", measures.TRANSFORMERS)
                folders["ctranslate2"] = folders["bfloat16"] and build("ctranslate2", "ctranslate2")
        settings: dict[str, Any] = {"decoded": DECODED_RANDOM, "random": True}
        converted = self._starts(roster, {"model": folders["int8"], **settings}) if folders.get("int8") else []
        with ExitStack() as stack:
            self.told("loading ours from pytorch_model.bin")
            ours, first = roster.ours(stack, {"model": hivemind, **settings})
            if starts:
                self._introduce(report, ours)
                measures.loading(report, ours.facts, first, converted, full=layers >= LAYERS)
            others = self._random_peers(stack, roster, layers, folders, ours.facts) if peers else []
            rounds = self._rounds(stack, roster, ours, others, ("rows",), title=title)
        measures.random(report, rounds, ours.facts, title, main=starts, peers=peers)

    def _random_peers(
        self,
        stack: ExitStack,
        roster: Roster,
        layers: int,
        folders: Mapping[str, str | None],
        facts: Mapping[str, Any],
    ) -> list[Contender]:
        given = {"ids": facts["ids"], "decoded": DECODED_RANDOM}
        patience = self._patience(machine.checkpoint_bytes(layers))
        others: list[Contender] = []
        for name, kind, folder, more, environment in _random_peers(folders):
            if folder is None:
                continue
            in_float32 = name == measures.TRANSFORMERS and not facts["bfloat16"]
            if in_float32 and (why := machine.lacking(layers, 4)):
                roster.leave_out(name, f"float32, its fastest type here, {why}")
                continue
            self.told(f"loading {name}")
            made = {"folder": folder, **given, **more}
            others += roster.other(stack, name, kind, made, environment=environment, patience=patience)
        return others

    def _starts(self, roster: Roster, settings: Mapping[str, Any]) -> list[float]:
        seconds = []
        for start in range(min(STARTS, self.rounds)):
            self.told(f"start {start + 1} of the converted model")
            with ExitStack() as stack:
                try:
                    seconds.append(roster.ours(stack, settings)[1])
                except ModelError as error:
                    roster.leave_out("ours, converted", str(error))
                    break
        return seconds

    def _rounds(
        self,
        stack: ExitStack,
        roster: Roster,
        ours: Contender,
        peers: list[Contender],
        batches: tuple[str, ...],
        *,
        starting: list[Contender] | None = None,
        title: str = "",
        on_cpu: bool = True,
    ) -> Rounds:
        report, starting = roster.report, starting or []
        memory = roster.other(stack, "memory", "bandwidth", {}) if on_cpu else []
        rounds = Rounds()
        turns: list[tuple[Asked, tuple[str, ...]]] = [(ours, (*_SINGLE, "decode_busy") if on_cpu else _SINGLE)]
        turns += [(peer, _PEER) for peer in peers]
        turns += [(reader, ("read",)) for reader in memory]
        turns += [(ours, batches), *((process, _STARTING) for process in starting)]
        rounds.hold(turns, self.rounds, told=lambda line: self.told(f"{title}, {line}" if title else line))
        if ours.name in rounds.failures:
            raise ModelError(rounds.failures[ours.name], where="ours")
        for reader in memory:
            report.machine.append(
                f"memory{', at ' + title if title else ''}: read fastest by {roster.asked(reader, 'way')}"
            )
        report.failures |= rounds.failures
        measures.medians(report, rounds, [ours, *peers, *memory, *starting], title or report.model)
        return rounds


def _random_peers(
    folders: Mapping[str, str | None],
) -> Iterator[tuple[str, str, str | None, dict[str, Any], dict[str, str]]]:
    """(name, kind, folder, further settings, environment) of each peer."""
    yield measures.TRANSFORMERS, "transformers", folders["bfloat16"], {"eight_bit": False}, {}
    yield measures.BITSANDBYTES, "transformers", folders["bfloat16"], {"eight_bit": True}, {}
    for value, name in enumerate(measures.CTRANSLATE2):
        yield name, "ctranslate2", folders["ctranslate2"], {}, {"CT2_USE_MKL": str(value)}
