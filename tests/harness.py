"""The built front end in a page of real Chromium, with a kernel that the test plays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

HERE = Path(__file__).parent
STATIC = HERE.parent / "nbchat" / "static"
URL = "http://127.0.0.1/"


def message(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "role": "assistant",
        "content": "",
        "reasoning": "",
        "status": "complete",
        "branch": {"index": 0, "count": 1},
        "model": "test/model",
        "finish_reason": "stop",
        "reasoning_s": None,
        "duration_s": None,
        "usage": None,
        "estimated_cost": None,
        "attachments": [],
        "notes": [],
        "retry_in_s": None,
        "error": None,
        **more,
    }


def notice(id_: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "text": text,
        "secret_label": None,
        "secret_button": "Use this key",
        "actions": [],
        "progress": None,
        "tone": "info",
        **more,
    }


class Kernel:
    """The page, and the kernel's side of its chat."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seq = 0
        html = (HERE / "frontend" / "harness.html").read_text(encoding="utf-8")
        page.route(URL, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(URL)
        page.wait_for_function("window.ready")
        page.evaluate(
            "([loader, bundle]) => { LOADER = loader; BUNDLE = bundle; }",
            [(STATIC / "loader.js").read_text("utf-8"), (STATIC / "nbchat.js").read_text("utf-8")],
        )

    def open(
        self, kinds: Sequence[str] | None = None, models: Sequence[str] = (), **snapshot: Any
    ) -> None:
        """Shows a chat of these kinds of widget; `models` are what its menu offers."""
        self.seq = snapshot.get("seq", 0)
        self.page.evaluate(
            """([snapshot, kinds, models]) =>
                 openChat(snapshot, kinds ?? undefined, undefined, models).then(() => null)""",
            [snapshot, kinds, models],
        )

    def push(self, type_: str, **content: Any) -> None:
        self.page.evaluate("(message) => kernel.push(message)", {"type": type_, **content})

    def change(self, type_: str, **content: Any) -> None:
        """Pushes with the next number."""
        self.seq += 1
        self.push(type_, seq=self.seq, **content)

    def state(self, **state: Any) -> None:
        empty = {
            "busy": False,
            "notices": [],
            "download": None,
            "thoughts": None,
            "model": "test/model",
            "server": "",
            "facts": None,
            "disabled": {},
            "catalogue": 0,
            "account": "",
            "usage": None,
            "max_cost": None,
            "context": None,
        }
        self.change("state", **{**empty, **state})

    def delta(self, content: str, id_: str = "a") -> None:
        self.change("delta", id=id_, content=content)

    def sent(self, type_: str) -> list[dict[str, Any]]:
        everything: list[dict[str, Any]] = self.page.evaluate("kernel.sent")
        return [message for message in everything if message["type"] == type_]

    def wait_sent(self, type_: str, count: int = 1) -> dict[str, Any]:
        """The last of `count` messages of this type, as soon as it is there."""
        self.page.wait_for_function(
            "([type, count]) => kernel.sent.filter((m) => m.type === type).length >= count",
            arg=[type_, count],
        )
        return self.sent(type_)[-1]

    @property
    def box(self) -> Any:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def send_button(self) -> Any:
        return self.page.get_by_role("button", name="Send")

    @property
    def log(self) -> Any:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def reply(self) -> Any:
        return self.page.get_by_role("article", name="Assistant").last

    def run(self, script: str, argument: Any = None) -> Any:
        """Runs a script that has the bundle's exports as `nbchat`."""
        return self.page.evaluate(
            """async ([script, argument]) => {
              const url = URL.createObjectURL(new Blob([BUNDLE], { type: "text/javascript" }));
              const nbchat = await import(url);
              return new Function("nbchat", "argument", script)(nbchat, argument);
            }""",
            [script, argument],
        )
