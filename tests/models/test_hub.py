"""Downloads, against a server on loopback that speaks the hub's addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
from hub_server import Hub

LOAD = """
import sys
from gptjt_demo import Sampling, load
from gptjt_demo.errors import ModelError
for asked in sys.argv[1].split(","):
    model, _, tokenizer = asked.partition("+")
    try:
        engine = load(model, tokenizer=tokenizer or None, progress=False)
        print(engine.name, engine.complete("x:", Sampling(max_new_tokens=3)).completion_tokens)
    except ModelError as error:
        print(error)
"""
FETCH = """
import sys
from gptjt_demo.errors import ModelError
from gptjt_demo.models.hub import fetch
for repository in sys.argv[1].split(","):
    try:
        print(fetch(repository, progress=sys.stderr.isatty()))
    except ModelError as error:
        print(error)
"""


Ask = Callable[..., list[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """`ask(url, names)`: what a process with a cache of its own says about each; only `LOAD` needs torch."""

    def run(url: str, names: str, program: str = FETCH, stderr: int = subprocess.PIPE, **environment: str) -> list[str]:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", **environment}
        done = subprocess.run(
            [sys.executable, "-c", program, names],
            env={**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **settings},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.save(tiny.model("gptj"), tmp_path / "tiny")


def test_a_repository_is_downloaded_once_and_answers_under_its_id(folder: Path, ask: Ask) -> None:
    hub = Hub({"someone/tiny": folder})
    assert ask(hub.url, "someone/tiny", LOAD) == ["someone/tiny 3"]
    assert any(path.endswith("model.safetensors") for path in hub.asked)
    asked = len(hub.asked)
    (cached,) = ask(hub.url, "someone/tiny", HF_HUB_OFFLINE="1")
    assert (Path(cached) / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert len(hub.asked) == asked


def test_a_download_that_breaks_off_is_resumed(folder: Path, ask: Ask) -> None:
    hub = Hub({"someone/tiny": folder}, break_at="model.safetensors")
    (cached,) = ask(hub.url, "someone/tiny")
    assert hub.break_at == ""
    assert (Path(cached) / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_bar_on_a_terminal_shows_how_far_a_download_is(folder: Path, ask: Ask) -> None:
    shown, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    os.set_blocking(shown, False)
    ask(Hub({"someone/tiny": folder}).url, "someone/tiny", stderr=terminal)
    bars = os.read(shown, 1 << 20).decode()
    assert "Downloading" in bars
    assert "%|" in bars


def test_refusals_of_the_hub_are_told_apart_each_in_a_line(folder: Path, ask: Ask) -> None:
    hub = Hub(
        dict.fromkeys(("someone/gated", "someone/closed", "someone/tiny"), folder),
        gated=frozenset({"someone/gated"}),
        closed=frozenset({"someone/closed"}),
        lost="model.safetensors",
    )
    lines = ask(hub.url, "someone/absent,someone/gated,someone/closed,someone/tiny,")
    words = (
        "no such repository",
        "gated",
        "does not open this repository (403)",
        "lists model.safetensors",
        "no hub id",
    )
    assert len(lines) == len(words)
    for line, word in zip(lines, words, strict=True):
        assert word in line
    (line,) = ask(hub.url, "someone/tiny", HF_TOKEN="wrong", HF_HOME=str(folder / "another cache"))
    assert "does not accept the token (401)" in line
    (line,) = ask("http://127.0.0.1:9", "someone/other")
    assert "out of reach" in line


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": "socks9://127.0.0.1:1"},
        {"ALL_PROXY": "http://[::1"},
        {"HF_ENDPOINT": "no-address"},
        {"HF_TOKEN": "t\u00f6ken"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_a_connection_that_cannot_be_set_up_is_a_line(ask: Ask, environment: dict[str, str]) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ""
    (line,) = ask("http://example.com", "someone/other", **environment)
    assert line.startswith("someone/other: the hub cannot be asked (")
    assert "look at HTTPS_PROXY, ALL_PROXY, HF_ENDPOINT and HF_TOKEN" in line


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path, folder: Path, ask: Ask) -> None:
    (tmp_path / "file").write_text("no folder")
    (line,) = ask(Hub({"someone/tiny": folder}).url, "someone/tiny", HF_HOME=str(tmp_path / "file" / "cache"))
    assert f"the cache folder {tmp_path / 'file' / 'cache'}" in line
    assert "set HF_HOME" in line


def test_weights_come_once_though_a_repository_holds_them_in_two_formats(folder: Path, ask: Ask) -> None:
    tiny.save(tiny.model("gptj"), folder, kind="bin")
    hub = Hub({"someone/tiny": folder})
    ask(hub.url, "someone/tiny")
    assert any(path.endswith("model.safetensors") for path in hub.asked)
    assert not any(path.endswith("pytorch_model.bin") for path in hub.asked)


def test_what_a_repository_lacks_is_named_and_a_tokenizer_may_come_from_elsewhere(tmp_path: Path, ask: Ask) -> None:
    folders = {}
    for lack in ("config", "tokenizer", "shard"):
        folders[f"someone/no-{lack}"] = tiny.save(tiny.model("gptj"), tmp_path / lack, kind="bin")
    (tmp_path / "config" / "config.json").unlink()
    (tmp_path / "tokenizer" / "tokenizer.json").unlink()
    shard = tmp_path / "shard" / "pytorch_model.bin"
    where = {"transformer.wte.weight": "a.bin", "lm_head.weight": "b.bin"}
    shard.with_name("pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    shard.rename(shard.with_name("a.bin"))
    hub = Hub(folders | {"someone/words": tiny.save(tiny.model("llama"), tmp_path / "words")})
    asked = ("someone/no-config", "someone/no-tokenizer", "someone/no-shard", "someone/no-tokenizer+someone/words")
    config, words, part, mended = ask(hub.url, ",".join(asked), LOAD)
    assert "someone/no-config: it has no config.json" in config
    assert "someone/no-tokenizer: it has no tokenizer: tokenizer.json is missing" in words
    assert "b.bin: the index names this file and it is not there" in part
    assert mended == "someone/no-tokenizer 3"
    weights = [path for path in hub.asked if path.endswith((".bin", ".safetensors"))]
    assert {path.split("/")[2] for path in weights} == {
        "no-shard",
        "no-tokenizer",
    }  # nothing for want of a configuration
    first = next(k for k, path in enumerate(hub.asked) if path.endswith("pytorch_model.bin"))
    assert any("someone/words" in path for path in hub.asked[:first])  # nor before the tokenizer was there
