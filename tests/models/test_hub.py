"""Downloads, against a server on loopback that speaks the hub's addresses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny

COMMIT = "a" * 40
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


class Hub:
    """Folders served as repositories, as the hub answers for them.

    `gated` repositories give no file; `closed` ones refuse every token; `lost` names a file that is listed and not
    there; `break_at` names one whose first download ends in the middle. A token other than "right" is refused.
    """

    def __init__(
        self,
        folders: dict[str, Path],
        *,
        gated: frozenset[str] = frozenset(),
        closed: frozenset[str] = frozenset(),
        lost: str = "",
        break_at: str = "",
    ) -> None:
        self.folders, self.gated, self.closed, self.lost, self.break_at = folders, gated, closed, lost, break_at
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = request.path.partition("?")[0]
        self.asked.append(path)
        repository = "/".join(path.removeprefix("/api/models").strip("/").split("/")[:2])
        folder = self.folders.get(repository)
        if request.headers.get("Authorization", "Bearer right") != "Bearer right":
            return self.send(request, 401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        if repository in self.closed and path.startswith("/" + repository):
            return self.send(request, 403, b"{}", {"X-Error-Message": "not for this token"})
        if folder is None:
            return self.send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        if repository in self.gated and path.startswith("/" + repository):
            return self.send(request, 403, b"{}", {"X-Error-Code": "GatedRepo"})
        if path.startswith("/api/models/"):
            files = [{"rfilename": p.name, "type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0"}
                     for p in sorted(folder.iterdir())]  # fmt: skip
            if "/tree/" in path:
                return self.send(request, 200, json.dumps(files).encode(), {})
            info = {"id": repository, "sha": COMMIT, "siblings": files, "private": False, "tags": [], "downloads": 0}
            return self.send(request, 200, json.dumps(info).encode(), {})
        if path.rsplit("/", 1)[1] == self.lost:
            return self.send(request, 404, b"{}", {"X-Error-Code": "EntryNotFound"})
        content = (folder / path.rsplit("/", 1)[1]).read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = 0
        if (asked := request.headers.get("Range", "")).startswith("bytes="):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        name = path.rsplit("/", 1)[1]
        if body and name == self.break_at and not start:
            self.break_at = ""
            request.send_response(200)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                request.send_header(key, value)
            request.end_headers()
            request.wfile.write(content[: len(content) // 2])
            request.close_connection = True
            return None
        return self.send(request, 206 if start else 200, content[start:] if body else content, headers, body=body)

    @staticmethod
    def send(
        request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str], *, body: bool = True
    ) -> None:
        request.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(key, value)
        request.end_headers()
        if body and request.command != "HEAD":
            request.wfile.write(content)


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
