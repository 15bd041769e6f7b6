"""What a client that is no browser may try against a served page, over real HTTP: other files, other people's files,
addresses, and markup in what comes back."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio.processing_utils
import httpx
import pytest
from fake_engine import FakeEngine
from page_client import PageClient, file
from serving import serving

from gptjt_demo.tables import rowfile
from gptjt_demo.ui import folders

ROOT = Path(__file__).parents[2]
CSV = b"text,mood\nI won!,joy\n"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page() -> Iterator[PageClient]:
    with serving(FakeEngine()) as url:
        client = PageClient(url)
        yield client
        client.close()


@pytest.fixture
def client(page: PageClient) -> PageClient:
    """A tab of its own."""
    page.session = os.urandom(8).hex()
    return page


def served(client: PageClient, path: str) -> httpx.Response:
    return client.http.get(f"file={quote(path)}")


# --- files


def test_no_file_is_served_but_ones_own_upload(client: PageClient, tmp_path: Path) -> None:
    upload = client.upload(CSV)
    assert served(client, upload).content == CSV
    job = folders.new_folder() / "answers.csv"
    rowfile.write(job, ["text"], [("somebody else's",)])
    (link := Path(upload).parent / "link.csv").symlink_to(job)
    (tmp_path / "own.csv").write_bytes(CSV)
    for path in (
        "/etc/passwd",
        "/proc/self/environ",
        str(ROOT / "pyproject.toml"),
        "pyproject.toml",
        "../pyproject.toml",
        f"{Path(upload).parent}/../../../etc/passwd",
        f"{Path(upload).parent}/{'../' * 20}etc/passwd",
        str(Path(upload).parent),
        str(job),
        str(link),
        str(tmp_path / "own.csv"),
        "a\0b",
        "x" * 5_000,
        "~/.ssh/id_rsa",
        "",
    ):
        answer = served(client, path)
        assert answer.status_code in (400, 403, 404), path
        assert answer.headers["content-type"] == "application/json", path
    link.unlink()


@pytest.mark.parametrize(("name", "kind"), [("batch-file", "change"), ("evaluate-file", "upload")])
def test_a_file_that_was_not_uploaded_is_not_read(client: PageClient, name: str, kind: str, tmp_path: Path) -> None:
    rowfile.write(tmp_path / "theirs.csv", ["text"], [("a secret",)])
    other = folders.new_folder() / "theirs.csv"
    rowfile.write(other, ["text"], [("a secret",)])
    for path in (
        "/etc/passwd",
        str(ROOT / "pyproject.toml"),
        str(tmp_path / "theirs.csv"),
        str(other),
        f"{Path(client.upload(CSV)).parent}/../../{other.parent.name}/theirs.csv",
        "a\0b",
        "x" * 5_000,
        "",
    ):
        shown = json.dumps(client.send(name, kind, {name: file(path)}))
        assert "a secret" not in shown
        assert "root:" not in shown
        assert "not uploaded here; upload it first" in shown, path


def test_one_s_own_upload_is_read(client: PageClient) -> None:
    assert "I won!" in json.dumps(client.send("batch-file", "change", {"batch-file": file(client.upload(CSV))}))


def test_a_file_that_hides_in_a_grid_or_an_event_is_not_copied_out(client: PageClient) -> None:
    other = folders.new_folder() / "theirs.csv"
    rowfile.write(other, ["text"], [("a secret",)])
    hidden = {"columns": ["Input", "Output"], "rows": [["a", file(str(other))]], "x": [{"y": file(str(other))}]}
    for kind, values, data in (
        ("edit", {}, {"before": hidden}),
        ("edit", {"examples": hidden}, {"before": None}),
        ("edit", {}, file(str(other))),
    ):
        assert "not uploaded here; upload it first" in json.dumps(client.send("examples", kind, values, data))
    copies = [path for path in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if path.name == "theirs.csv"]
    assert copies == []


# --- addresses


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the server would have fetched."""
    asked: list[str] = []

    async def ask(url: str, *rest: Any, **more: Any) -> Any:
        asked.append(url)
        raise RuntimeError("not in a test")

    monkeypatch.setattr(gradio.processing_utils, "async_ssrf_protected_get", ask)
    monkeypatch.setattr("safehttpx.async_validate_url", ask)
    return asked


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a.csv", "https://huggingface.co/a.csv", "HTTPS://example.com/a.csv"]
)
def test_no_address_is_fetched_that_a_client_names(client: PageClient, asked: list[str], url: str) -> None:
    upload = client.upload(CSV)
    for named in (file(url), file(url, url=url), file(upload, url=url, is_stream=True), file("", url=url)):
        client.send("batch-file", "change", {"batch-file": named})
        client.send("evaluate-file", "upload", {"evaluate-file": named})
        client.send("examples", "edit", {"examples": {"rows": [[named]]}}, {"before": named})
    for path in (f"file={url}", f"file/{url}", f"proxy={url}", f"file={quote(url, safe='')}"):
        assert client.http.get(path).status_code == 403
    assert asked == []


# --- what is left


def test_what_a_visitor_brings_and_fetches_lies_in_one_folder_and_is_swept_when_it_is_a_day_old(
    client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(os.listdir(tempfile.gettempdir()))
    uploads = Path(os.environ["GRADIO_TEMP_DIR"])
    upload = Path(client.upload(CSV + os.urandom(8).hex().encode() + b",joy\n"))
    client.send("batch-file", "change", {"batch-file": file(str(upload))})
    (fetched := folders.fetched_folder() / "evaluation.csv").write_bytes(CSV)
    assert upload.is_relative_to(uploads)
    assert uploads.parent == folders.new_folder().parent
    assert set(os.listdir(tempfile.gettempdir())) - before == set()
    folders.sweep()
    assert upload.exists()
    assert fetched.exists()
    yesterday = time.time() - folders.KEPT_SECONDS - 1
    for path in [*uploads.rglob("*"), fetched, fetched.parent]:
        os.utime(path, (yesterday, yesterday))
    folders.sweep()
    assert [path for path in uploads.rglob("*") if path.is_file()] == []
    assert not fetched.parent.exists()


# --- what comes back


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"file={HOSTILE}", None),
        ("GET", f"proxy={HOSTILE}", None),
        ("GET", HOSTILE, None),
        ("POST", f"call/{HOSTILE}", {"data": []}),
        ("POST", f"call/v2/{HOSTILE}", {}),
        ("POST", "call/v2/complete", {HOSTILE: 1}),
        ("POST", "call/v2/complete", {"prompt": "p", HOSTILE: 1}),
        ("POST", "call/complete", HOSTILE),
        ("POST", f"run/{HOSTILE}", {"data": [HOSTILE]}),
        ("POST", "queue/join", {"data": [HOSTILE], "fn_index": HOSTILE}),
        ("POST", "queue/join", {"data": [HOSTILE], "fn_index": 10**6, "session_hash": HOSTILE}),
        ("POST", "cancel", {"session_hash": HOSTILE}),
        ("POST", "component_server", {"data": HOSTILE, "component_id": HOSTILE, "session_hash": "x", "fn_name": "x"}),
        ("POST", "upload", None),
        ("POST", "queue/join", {"data": None, "fn_index": [HOSTILE]}),
    ],
    ids=lambda value: str(value)[:24],
)
def test_markup_in_an_error_is_never_sent_as_a_page(client: PageClient, method: str, path: str, body: Any) -> None:
    answer = client.http.request(method, path, json=body, headers={"accept": "text/html"})
    assert answer.status_code >= 400
    assert answer.headers["content-type"].split(";")[0] in ("application/json", "text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
