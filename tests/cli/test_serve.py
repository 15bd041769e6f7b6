"""`serve` and `app.py`: a page whatever the environment says, and one line for an address that cannot be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import process, program

APP = Path(__file__).parents[2] / "app.py"
DEAD = "http://127.0.0.1:9"  # nobody listens there


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(code: str, *arguments: object, **environment: str) -> Iterator[str]:
    """A page served by a process of its own; what it says is given once it answers."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1", **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as started:
        assert started.stdout is not None
        said = ""
        try:
            for line in started.stdout:
                said += line
                if "Running on local URL" in line:
                    break
            yield said
        finally:
            started.terminate()


def page(port: int) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{port}/health", timeout=20) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize(
    "proxies",
    [
        {"http_proxy": DEAD, "https_proxy": DEAD},
        {"HTTP_PROXY": DEAD, "ALL_PROXY": "socks5://127.0.0.1:9"},
        {"all_proxy": "no-proxy-at-all", "no_proxy": "example.com"},
    ],
    ids=" ".join,
)
def test_a_proxy_of_the_environment_does_not_stop_the_page(proxies: dict[str, str]) -> None:
    port = free_port()
    with served(program(), "serve", "--port", port, **proxies) as said:
        assert f"http://127.0.0.1:{port}" in said
        assert b'"ok"' in page(port)


def test_app_py_is_the_command_with_the_environment_s_words(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.yaml").write_text("title: [", encoding="utf-8")
    port = free_port()
    code = program().rpartition("from gptjt_demo.cli")[0]
    code += f"import runpy\nrunpy.run_path({str(APP)!r}, run_name='__main__')"
    words = {"GPTJT_PROMPTS": f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}", "GRADIO_SERVER_PORT": str(port)}
    with served(code, http_proxy=DEAD, **words) as said:
        assert f"{tmp_path / 'one'}" in said
        assert f"{tmp_path / 'two'}" in said
        assert b'"ok"' in page(port)


def test_a_mistake_in_app_py_is_one_line() -> None:
    command = [sys.executable, str(APP)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GPTJT_MODEL": "minii"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "environment", "word"),
    [
        (["--port", "{taken}"], {}, "--port {taken}"),
        ([], {"GRADIO_SERVER_PORT": "{taken}"}, "{taken}"),
        ([], {"GRADIO_SERVER_PORT": "many"}, "many"),
        (["--port", "70000"], {}, "70000"),
        (["--host", "no.such.host.invalid"], {}, "--host no.such.host.invalid"),
        (["--host", "203.0.113.7"], {}, "--host 203.0.113.7"),
        (["--host", "." * 300], {}, "--host"),
        (["--prompts", "/no/such/folder"], {}, "/no/such/folder"),
    ],
)
def test_an_address_that_cannot_be_is_one_line_before_the_model_is_loaded(
    arguments: list[str], environment: dict[str, str], word: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number: Any = taken.getsockname()[1]
        changed: dict[str, Any] = {name: value.format(taken=number) for name, value in environment.items()}
        done = process(
            "serve",
            *(part.format(taken=number) for part in arguments),
            **changed,
        )
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert word.format(taken=number) in done.stderr.decode()
