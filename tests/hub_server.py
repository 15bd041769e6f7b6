"""A server on loopback that speaks the hub's addresses, for the tests of every room that downloads."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40


class Hub:
    """Folders served as repositories, as the hub answers for them.

    `gated` repositories give no file; `closed` ones refuse every token; `lost` names a file that is listed and not
    there; `break_at` names one whose first download ends in the middle. A token other than "right" is refused. There
    is one commit, and `main` is its only other name.
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
            revision = re.search("/(?:revision|tree)/([^/]*)", path)
            if revision and revision[1] not in ("main", COMMIT):
                return self.send(request, 404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            names = [(str(p.relative_to(folder)), p) for p in sorted(folder.rglob("*")) if p.is_file()]
            files = [{"rfilename": name, "type": "file", "path": name, "size": p.stat().st_size, "oid": "0"}
                     for name, p in names]  # fmt: skip
            if "/tree/" in path:
                return self.send(request, 200, json.dumps(files).encode(), {})
            info = {"id": repository, "sha": COMMIT, "siblings": files, "private": False, "tags": [], "downloads": 0}
            return self.send(request, 200, json.dumps(info).encode(), {})
        if path.rsplit("/", 1)[1] == self.lost:
            return self.send(request, 404, b"{}", {"X-Error-Code": "EntryNotFound"})
        content = (folder / path.split("/resolve/")[1].partition("/")[2]).read_bytes()
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
