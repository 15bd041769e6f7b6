"""`serve` and `app.py`: a page whatever the environment says, and one line for an address that cannot be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import process, program
from fake_engine import FakeEngine
from serving import free_port, served

from gptjt_demo.cli.serve import Load, as_in_links
from gptjt_demo.errors import DoesNotFit, ModelError

APP = Path(__file__).parents[2] / "app.py"
DEAD = "http://127.0.0.1:9"  # nobody listens there


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
    with served(program(), "serve", "--port", port, **proxies) as page:
        assert f"http://127.0.0.1:{port}" in page.said
        assert loaded(port)["status"] == "ready"


def test_app_py_is_the_command_with_the_environment_s_words(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.yaml").write_text("title: [", encoding="utf-8")
    port = free_port()
    code = program().rpartition("from gptjt_demo.cli")[0]
    code += f"import runpy\nrunpy.run_path({str(APP)!r}, run_name='__main__')"
    words = {"GPTJT_PROMPTS": f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}", "GRADIO_SERVER_PORT": str(port)}
    with served(code, http_proxy=DEAD, **words) as page:
        assert f"{tmp_path / 'one'}" in page.said
        assert f"{tmp_path / 'two'}" in page.said
        assert loaded(port)["status"] == "ready"


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
        ([], {"GRADIO_TEMP_DIR": "/dev/null/x"}, "GRADIO_TEMP_DIR: /dev/null/x cannot be written"),
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


@pytest.mark.parametrize(
    ("host", "link"), [("::1", "[::1]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("localhost", "localhost")]
)
def test_an_address_of_ipv6_may_be_typed_without_its_brackets(host: str, link: str) -> None:
    assert as_in_links(host) == link


# --- as a Space starts it

# Only `mini` can be loaded, and answers slowly; who is stopped waits for hardly anybody.
SPACE = (
    program({"name": "mini", "stand_in": True, "default": "word " * 400, "delay": 0.05})
    .replace(
        "    print(",
        "    if model != 'mini':\n        raise ModelError('the hub is out of reach', where=model)\n    print(",
        1,
    )
    .replace("import sys, types", "import sys, types\nfrom gptjt_demo.errors import ModelError\n", 1)
    .replace("main(sys.argv[1:])", "import gptjt_demo.cli.serve as serve; serve.GRACE = 0.2\nmain(sys.argv[1:])")
)
LENDER = """
import sys, types
sys.modules["spaces"] = spaces = types.ModuleType("spaces")
def GPU(*, duration):
    print("a GPU is asked for", flush=True)
    return lambda task: task
spaces.GPU = GPU
"""


def asked(port: int, path: str, body: object = None) -> Any:
    """What the page's server answers, while it streams."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    return direct.open(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}),
        timeout=30,
    )


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process is about to do; for a minute, lest a test never end."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("what was waited for did not come")


def health(port: int) -> dict[str, Any]:
    return dict(json.load(asked(port, "/health")))


def loaded(port: int) -> dict[str, Any]:
    """Its health once the load has ended."""
    until(lambda: health(port)["status"] != "loading")
    return health(port)


def test_a_space_falls_back_to_mini_says_so_and_tells_everybody_when_it_is_stopped() -> None:
    port = free_port()
    space = {
        "SPACE_ID": "someone/a-space",
        "HOME": "/dev/null/nowhere",
        "http_proxy": DEAD,
        "GPTJT_MODEL": "gpt-jt-6b-8bit",
        "GRADIO_SERVER_PORT": str(port),
    }
    with served(SPACE, "serve", **space) as page:
        assert "the model is loaded" not in page.said  # the page is there before it
        told = loaded(port)
        assert (told["status"], told["model"]) == ("ready", "mini")
        assert told["notice"].startswith("gpt-jt-6b-8bit could not be loaded: the hub is out of reach. mini answers")
        # For who opens the page from now on.
        until(lambda: b"mini answers in its place" in asked(port, "/config").read())
        begun = json.load(
            asked(port, "/gradio_api/call/complete", {"data": ["A secret.", "prefix", 400, 0, 0, 1, None, [], None]})
        )
        with asked(port, f"/gradio_api/call/complete/{begun['event_id']}") as stream:
            until(lambda: health(port)["running"] > 0)
            page.process.send_signal(signal.SIGTERM)
            told = stream.read().decode()
        assert "event: error" in told
        assert "being stopped" in told
        left = page.rest.read()
        assert page.process.wait(20) == 0
    lines = [json.loads(line) for line in left.splitlines() if line.startswith("{")]
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (request["kind"], request["outcome"], request["error"]) == ("complete", "refused", "NotReady")
    assert "secret" not in left
    assert "Traceback" not in left


def test_a_model_that_was_named_and_cannot_be_loaded_ends_the_command_with_a_line() -> None:
    command = [sys.executable, "-c", SPACE, "serve", "--model", "gpt-jt-6b", "--port", str(free_port())]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "error: gpt-jt-6b: the hub is out of reach\n"


def test_on_zero_gpu_the_model_is_there_before_the_page_and_a_gpu_is_asked_for() -> None:
    code = LENDER + program({"name": "big"}).replace(
        "    print(", "    print(options['device'], end=' ')\n    print(", 1
    )
    space = {"SPACE_ID": "someone/a-space", "SPACES_ZERO_GPU": "true", "GPTJT_MODEL": "gpt-jt-6b-8bit"}
    with served(code, "serve", GRADIO_SERVER_NAME="127.0.0.1", GRADIO_SERVER_PORT=str(free_port()), **space) as page:
        assert page.said.index("a GPU is asked for") < page.said.index("cuda the model is loaded")
        assert page.said.index("the model is loaded") < page.said.index("Running on local URL")


@pytest.mark.parametrize(
    ("environment", "error", "replaced"),
    [
        ({"GPTJT_MODEL": "gpt-jt-6b"}, DoesNotFit("it is too large", where="gpt-jt-6b"), True),
        ({}, DoesNotFit("it is too large", where="gpt-jt-6b"), False),  # it was named by --model
        ({"GPTJT_MODEL": "gpt-jt-6b"}, ModelError("the hub is out of reach", where="gpt-jt-6b"), False),
        ({"SPACE_ID": "someone/a-space"}, ModelError("the hub is out of reach", where="gpt-jt-6b"), True),
        ({"SPACE_ID": "someone/a-space"}, RuntimeError("what no visitor need read"), True),
    ],
)
def test_mini_takes_the_place_of_a_model_where_its_owner_is_not_there_to_read_why(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], error: Exception, replaced: bool
) -> None:
    for name in ("GPTJT_MODEL", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def load(model: str, **options: Any) -> FakeEngine:
        if model != "mini":
            raise error
        return FakeEngine(name=model)

    monkeypatch.setattr("gptjt_demo.models.loading.load", load)
    loads = Load("gpt-jt-6b", "auto")
    assert loads.promise().name == "gpt-jt-6b"
    if not replaced:
        with pytest.raises(type(error)):
            loads(lambda phase, share: None)
        return
    notice = loads(lambda phase, share: None).notice
    assert notice.startswith("gpt-jt-6b could not be loaded: ")
    assert notice.endswith("mini answers in its place.")
    assert "no visitor need read" not in notice
