"""Downloads, against a server on loopback that speaks the hub's addresses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny

COMMIT = "a" * 40
LOAD = """
import sys
from gptjt_demo import Sampling, load
engine = load(sys.argv[1], progress=False)
print(engine.name, engine.complete("x:", Sampling(max_new_tokens=3)).completion_tokens)
"""
FETCH = """
import sys
from gptjt_demo.errors import ModelError
from gptjt_demo.hub import fetch
try:
    fetch(sys.argv[1], progress=False)
except ModelError as error:
    print(error)
"""


class Hub:
    """Folders served as repositories: public, private (unknown without the token) or gated."""

    def __init__(self, folders: dict[str, Path], *, gated: frozenset[str] = frozenset(), break_at: str = "") -> None:
        self.folders, self.gated, self.break_at = folders, gated, break_at
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


@pytest.fixture
def ask(tmp_path):
    """`ask(url, model)`: what loading a model in a process of its own says, with an empty cache."""

    def run(url: str, model: str, program: str = LOAD, **environment: str) -> str:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", **environment}
        done = subprocess.run(
            [sys.executable, "-c", program, model],
            env={**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_a_repository_is_downloaded_once_and_answers_under_its_id(tmp_path, ask):
    hub = Hub({"someone/tiny": tiny.save(tiny.model("gptj"), tmp_path / "tiny")})
    assert ask(hub.url, "someone/tiny") == "someone/tiny 3"
    assert any(path.endswith("model.safetensors") for path in hub.asked)
    asked = len(hub.asked)
    assert ask(hub.url, "someone/tiny", HF_HUB_OFFLINE="1") == "someone/tiny 3"
    assert len(hub.asked) == asked


def test_a_download_that_breaks_off_is_resumed(tmp_path, ask):
    hub = Hub({"someone/tiny": tiny.save(tiny.model("gptj"), tmp_path / "tiny")}, break_at="model.safetensors")
    assert ask(hub.url, "someone/tiny") == "someone/tiny 3"
    assert hub.break_at == ""


def test_an_absent_a_gated_and_an_unreachable_repository_are_told_apart(tmp_path, ask):
    folder = tiny.save(tiny.model("gptj"), tmp_path / "tiny")
    hub = Hub({"someone/gated": folder}, gated=frozenset({"someone/gated"}))
    lines = [
        ask(hub.url, "someone/absent", FETCH),
        ask(hub.url, "someone/gated", FETCH),
        ask("http://127.0.0.1:9", "someone/tiny", FETCH),
    ]
    for line, words in zip(lines, ("no such repository", "gated", "out of reach"), strict=True):
        assert words in line
        assert "\n" not in line
