"""Compiling: where it is kept, which way is taken, and that answers come meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gptjt_demo.errors import SettingError
from gptjt_demo.models.compiled import cache, machine_code, processor, ready


def test_without_a_compiled_step_answers_come_the_present_way_and_then_from_the_compiled_one(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from gptjt_demo import Template, load\n"
        "engine = load('mini', progress=False)\n"
        "template = Template.load('currency')\n"
        "ask = lambda: engine.complete(template.render('Japan'), template.generation)\n"
        "assert 'int8 planes' in engine.notes[0], engine.notes\n"
        "before, deadline = ask(), time.monotonic() + 400\n"
        "while 'compiled' not in engine.notes[0]:\n"
        "    assert time.monotonic() < deadline\n"
        "    time.sleep(0.5)\n"
        "after = ask()\n"
        "assert before.text == after.text == 'Japanese Yen', (before.text, after.text)\n"
        "pairs = zip(before.tokens, after.tokens, strict=True)\n"
        "assert max(abs(a.logprob - b.logprob) for a, b in pairs) < 0.05\n"
    )
    environment = {**os.environ, "GPTJT_CACHE": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.delenv("GPTJT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = cache.folder()
    assert found is not None
    assert found.parent == tmp_path
    assert found.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("GPTJT_CACHE", str(shared))
    assert cache.folder() != shared


def test_the_way_of_transformers_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTJT_WAY", "torch")
    assert not ready.wanted()


def test_a_way_that_there_is_not_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTJT_WAY", "warp")
    with pytest.raises(SettingError, match="auto, vnni, avx2, torch"):
        processor.asked_way()


def test_a_forced_avx2_compiles_for_nothing_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTJT_WAY", "avx2")
    processor.way.cache_clear()
    try:
        cpu, features = processor.target()
    finally:
        monkeypatch.undo()
        processor.way.cache_clear()
    assert cpu == "haswell"
    assert "+avx2" in features.split(",")
    assert not [name for name in features.split(",") if name.startswith(("+avx512", "+avxvnni", "+amx"))]


def test_a_model_is_loaded_without_numba_and_answers(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from gptjt_demo import Template, load\n"
        "engine, template = load('mini', progress=False), Template.load('currency')\n"
        "assert engine.complete(template.render('Japan'), template.generation).text == 'Japanese Yen'\n"
        "assert 'compiled' in engine.notes[0], engine.notes\n"
        "assert not {'numba', 'transformers'} & sys.modules.keys()\n"
    )
    ready.compile_here()
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 200_000])
def test_damaged_code_is_never_run_and_made_anew(
    damage: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready.compile_here()
    good, file = machine_code.kept(), tmp_path / "step"
    assert good is not None
    whole = good.read_bytes()[32:]  # behind its digest
    made: list[bytes] = []

    def make() -> bytes:
        made.append(whole)
        return whole

    monkeypatch.setattr(machine_code, "kept", lambda: file)
    monkeypatch.setattr(machine_code, "make", make)
    file.write_bytes(damage)
    for _ in range(2):  # the second time it is read
        assert callable(machine_code.step_function.__wrapped__())
    assert made == [whole]
    assert file.read_bytes() == good.read_bytes()


def test_code_that_cannot_be_kept_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine_code, "kept", lambda: tmp_path / "missing" / "step")
    machine_code.keep(b"code")
    assert not ready.is_ready()
    assert list(tmp_path.iterdir()) == []
