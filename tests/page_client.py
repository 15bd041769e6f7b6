"""A program that talks to a served page as a browser does: events by their component, answers as they stream."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from typing import Any

import httpx


class PageClient:
    """One visitor's tab.

    Args:
        url: the page's.
        config: what another client has read of the same page; it is long.
    """

    def __init__(self, url: str, config: dict[str, Any] | None = None) -> None:
        self.http = httpx.Client(base_url=f"{url}gradio_api/", timeout=120)
        self.config: dict[str, Any] = config or httpx.get(f"{url}config", timeout=120).json()
        self.session = os.urandom(8).hex()
        self.ids = {item["props"].get("elem_id"): item["id"] for item in self.config["components"]}
        self.values = {item["id"]: item["props"].get("value") for item in self.config["components"]}

    def event(self, name: str, kind: str) -> dict[str, Any]:
        """What the server does on that event of that component."""
        target = [self.ids[name], kind]
        events: list[dict[str, Any]] = self.config["dependencies"]
        return next(event for event in events if target in event["targets"] and event["backend_fn"])

    def post(self, name: str, kind: str, values: dict[str, Any] | None = None, data: Any = None) -> httpx.Response:
        """Let an event happen.

        Args:
            name: the component's `elem_id`.
            kind: of the event: click, change, ...
            values: of components by their `elem_id`; the others are as the page is opened.
            data: that go with the event itself.
        """
        event = self.event(name, kind)
        given = self.values | {self.ids[known]: value for known, value in (values or {}).items()}
        body = {
            "data": [given.get(id) for id in event["inputs"]],
            "fn_index": event["id"],
            "session_hash": self.session,
            "trigger_id": self.ids[name],
            "event_data": data,
        }
        return self.http.post("queue/join" if event["queue"] else f"run/{event['api_name']}", json=body)

    def messages(self) -> Generator[dict[str, Any]]:
        """What the server tells this tab, until its events have ended; to close it is to leave."""
        with self.http.stream("GET", "queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    message = json.loads(line.removeprefix("data: "))
                    if message.get("msg") == "close_stream":
                        return
                    yield message

    def send(self, name: str, kind: str, values: dict[str, Any] | None = None, data: Any = None) -> Any:
        """Let an event happen, and what came of it."""
        answer = self.post(name, kind, values, data)
        if not self.event(name, kind)["queue"]:
            return answer.json()
        assert answer.status_code == 200, answer.text
        return [message["output"] for message in self.messages() if message.get("msg") == "process_completed"][-1]

    def call(self, name: str, **values: Any) -> tuple[str, Any]:
        """Call an endpoint as a program does: how it ended, and with what."""
        begun = self.http.post(f"call/v2/{name}", json=values)
        assert begun.status_code == 200, begun.text
        answer = self.http.get(f"call/{name}/{begun.json()['event_id']}").text.strip().splitlines()
        return answer[-2].removeprefix("event: "), json.loads(answer[-1].removeprefix("data: "))

    def upload(self, content: bytes, name: str = "a.csv") -> str:
        """Upload a file; its path on the server."""
        return str(self.http.post("upload", files={"files": (name, content)}).json()[0])

    def close(self) -> None:
        self.http.close()


def file(path: str, **more: Any) -> dict[str, Any]:
    """A file as a browser names it."""
    return {"path": path, "orig_name": "a.csv", "meta": {"_type": "gradio.FileData"}, **more}
