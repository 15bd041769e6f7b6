from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gptjt_demo.benchmark.bandwidth import Bandwidth
from gptjt_demo.benchmark.contender import PATIENT, Contender, Failed, Patience
from gptjt_demo.benchmark.rounds import Rounds

GENERATOR = """
print('a banner')
import os, time
__version__ = '9.9'
def set_log_level(level): ...
class Result: ...
class Generator:
    compute_type = 'int8'
    def __init__(self, *_, **__):
        print('loaded')
        os.write(2, b'[info]  - Selected ISA: AVX9\\n[info]  - GEMM_S8 backend: SUMS (packed: false)\\n')
    def generate_batch(self, *_, **__): print('working')
"""


def peer(folder: Path, text: str = GENERATOR, *, patience: Patience = PATIENT) -> Contender:
    """A worker with a library of ours in the place of CTranslate2: a real process, without torch."""
    (folder / "ctranslate2.py").write_text(text)
    (folder / "vocabulary.json").write_text('["a"]')
    settings = {"folder": str(folder), "ids": {"32": [0]}, "decoded": 1}
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return Contender("peer", "ctranslate2", settings, threads=3, environment={"PYTHONPATH": path}, patience=patience)


def test_a_worker_measures_in_a_process_of_its_own(tmp_path: Path) -> None:
    with peer(tmp_path) as contender:
        assert contender.facts["build"].endswith("; int8")
        assert contender.facts["peak_bytes"] > 1e6
        assert 0 < contender.ask("prefill32") < 1  # whatever the library prints


def test_a_worker_may_use_the_threads_that_it_is_given(tmp_path: Path) -> None:
    with peer(tmp_path, GENERATOR + "    compute_type = os.environ['OMP_NUM_THREADS']") as contender:
        assert contender.facts["build"].endswith("; 3")


def test_an_error_in_a_worker_is_one_line_and_the_worker_goes_on(tmp_path: Path) -> None:
    with peer(tmp_path) as contender:
        with pytest.raises(Failed, match=r"^failed: AttributeError: .*nonsense"):
            contender.ask("nonsense")
        assert contender.ask("prefill32") > 0


def test_a_peer_that_is_not_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"^not installed \(ctranslate2\)$"):
        peer(tmp_path, "raise ModuleNotFoundError(name='ctranslate2')")


def test_a_worker_that_dies_is_reported_with_its_status_and_last_words(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"ended with status 7 \(out of luck\)"):
        peer(tmp_path, "import os, sys; print('out of luck', file=sys.stderr, flush=True); os._exit(7)")


def test_a_worker_that_is_killed_between_questions_is_reported(tmp_path: Path) -> None:
    with peer(tmp_path) as contender:
        os.kill(contender.process.pid, signal.SIGKILL)
        contender.process.wait()
        with pytest.raises(Failed, match="ended with status -9"):
            contender.ask("prefill32")


def test_a_worker_that_is_not_set_up_in_time_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"^took longer than 1 s$"):
        peer(tmp_path, "import time; time.sleep(600)", patience=Patience(setup=1))


SLOW = GENERATOR.replace("print('working')", "time.sleep(600)")


def test_a_worker_that_does_not_answer_in_time_is_ended(tmp_path: Path) -> None:
    with peer(tmp_path, SLOW, patience=Patience(answer=0.5)) as contender:
        with pytest.raises(Failed, match=r"^took longer than 0.5 s$"):
            contender.ask("prefill32")
        assert contender.process.poll() is not None


def test_a_worker_whose_answers_take_too_long_together_is_ended(tmp_path: Path) -> None:
    text = GENERATOR.replace("print('working')", "time.sleep(2)")
    with peer(tmp_path, text, patience=Patience(answer=60, together=5)) as contender:
        contender.ask("prefill32")
        contender.ask("prefill32")  # each is within 60 s; the third would make 6 s of them
        with pytest.raises(Failed, match=r"^took longer than [01]\.?\d* s$"):
            contender.ask("prefill32")


def test_a_round_goes_on_without_a_worker_that_is_too_slow(tmp_path: Path) -> None:
    class Quick:
        name = "quick"

        def ask(self, what: Any) -> Any:
            return 1.0

    rounds = Rounds()
    with peer(tmp_path, SLOW, patience=Patience(answer=0.5)) as contender:
        rounds.hold([(contender, ("prefill32",)), (Quick(), ("prefill32",))], 2, pause=0)
    assert rounds.failures == {"peer": "prefill32: took longer than 0.5 s"}
    assert rounds.values == {"quick": {"prefill32": [1.0, 1.0]}}


def test_what_ctranslate2_dispatches_to_is_told(tmp_path: Path) -> None:
    with peer(tmp_path) as contender:
        assert contender.facts["build"] == "ctranslate2 9.9, dispatched to AVX9, int8 products by SUMS; int8"


def test_a_worker_ends_with_the_one_who_asks(tmp_path: Path) -> None:
    with peer(tmp_path) as contender:
        process = contender.process
    assert process.poll() == 0


def test_the_memory_is_read_by_several_loops_and_the_fastest_is_named() -> None:
    memory = Bandwidth(threads=1, size=1 << 20)
    seconds = [memory.read() for _ in range(3)]
    assert 0 < min(seconds) < 10
    assert memory.way() in memory.loops
    assert {size for size, _ in memory.loops.values()} == {1 << 20}  # each reads all of it
