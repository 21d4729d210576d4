"""The built front end in a page of real Chromium, with a kernel that the test plays."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload, Page

from nbchat._widget.protocol import ChatState

HERE = Path(__file__).parent
STATIC = HERE.parent / "nbchat" / "static"
URL = "http://127.0.0.1/"
# One red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


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
        "created": None,
        "asked_to_reason": False,
        "reasoning_s": None,
        "first_token_s": None,
        "duration_s": None,
        "usage": None,
        "estimated_cost": None,
        "attachments": [],
        "tool_calls": [],
        "notes": [],
        "runs": {},
        "retry_in_s": None,
        "error": None,
        **more,
    }


def failure(title: str, **more: Any) -> dict[str, Any]:
    """The error of a reply, without what the page makes of `more`."""
    return {
        "message": title,
        "title": title,
        "advice": "",
        "server_said": True,
        "detail": None,
        "retryable": False,
        "remedy": "",
        "credit_page": "",
        **more,
    }


def attachment(id_: str, name: str, media_type: str = "image/png", **more: Any) -> dict[str, Any]:
    kind = "image" if media_type.startswith("image/") else "file"
    return {"id": id_, "name": name, "kind": kind, "media_type": media_type, "size": 68, **more}


def upload(name: str, content: bytes = b"a,b\n1,2\n", media_type: str = "text/csv") -> FilePayload:
    """A file for a browser's file chooser."""
    return {"name": name, "mimeType": media_type, "buffer": content}


def notice(id_: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "text": text,
        "actions": [],
        "tone": "info",
        **more,
    }


def way(id_: str, label: str, note: str = "", kind: str = "press", primary: bool = False) -> Any:
    """A row of the card that connects a model."""
    return {"id": id_, "kind": kind, "label": label, "note": note, "primary": primary}


def connect(*ways: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The card that connects a model."""
    return {
        "title": "Connect a model",
        "text": "",
        "ways": list(ways),
        "sign_in": "",
        "busy": "",
        "progress": None,
        "problem": "",
        "cancel": False,
        **more,
    }


class Kernel:
    """The page, and the kernel's side of its chat."""

    def __init__(self, page: Page) -> None:
        self.page = page
        html = (HERE / "frontend" / "harness.html").read_text(encoding="utf-8")
        page.route(URL, lambda route: route.fulfill(body=html, content_type="text/html"))
        self.reload()

    def reload(self) -> None:
        """Begins with an empty page."""
        self.seq = 0
        self.page.goto(URL)
        self.page.wait_for_function("window.ready")
        self.page.evaluate(
            "([loader, bundle]) => { LOADER = loader; BUNDLE = bundle; }",
            [(STATIC / "loader.js").read_text("utf-8"), (STATIC / "nbchat.js").read_text("utf-8")],
        )

    def open(
        self, places: Sequence[str] | None = None, models: Sequence[str] = (), **snapshot: Any
    ) -> None:
        """Shows a chat in these places; `models` are what its menu offers."""
        self.seq = snapshot.get("seq", 0)
        snapshot = asdict(ChatState(model="test/model", server="a test server")) | snapshot
        self.page.evaluate(
            """([snapshot, places, models]) =>
                 openChat(snapshot, places ?? undefined, models).then(() => null)""",
            [snapshot, places, models],
        )

    def push(self, type_: str, **content: Any) -> None:
        self.page.evaluate("(message) => kernel.push(message)", {"type": type_, **content})

    def change(self, type_: str, **content: Any) -> None:
        """Pushes with the next number."""
        self.seq += 1
        self.push(type_, seq=self.seq, **content)

    def state(self, **state: Any) -> None:
        around = asdict(ChatState(model="test/model", server="a test server"))
        self.change("state", state=around | state)

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

    def send_file(self, nonce: str, content: bytes, name: str = "file") -> None:
        """Answers a request for a file."""
        self.page.evaluate(
            """([nonce, name, bytes]) => kernel.push({ type: "file", nonce, name },
                 [new DataView(new Uint8Array(bytes).buffer)])""",
            [nonce, name, list(content)],
        )

    def has(self, files: dict[str, bytes]) -> None:
        """From now on, answers what asks for the bytes of an attachment."""
        self.page.evaluate(
            """(files) => {
              kernel.onsend = ({ type, id, nonce }) => {
                if (type !== "attachment") return;
                const bytes = files[id];
                const refused = bytes ? undefined : "It is not there any more.";
                setTimeout(() => {
                  kernel.push({ type: "received", nonce, refused });
                  if (!bytes) return;
                  const content = new DataView(new Uint8Array(bytes).buffer);
                  kernel.push({ type: "file", nonce, name: "file" }, [content]);
                });
              };
            }""",
            {id_: list(content) for id_, content in files.items()},
        )

    def buffers(self) -> list[bytes]:
        """What came along with the last message that brought any."""
        last = self.page.evaluate(
            "(kernel.buffers.at(-1) ?? []).map((buffer) => [...new Uint8Array(buffer)])"
        )
        return [bytes(buffer) for buffer in last]

    def open_settings(self) -> None:
        """Opens the panel of settings, if there is too little room for it to be open."""
        button = self.page.get_by_role("button", name="Settings", exact=True)
        if button.get_attribute("aria-expanded") == "false":
            button.click()

    def open_more(self) -> None:
        """Opens the menu "More", if it is not open."""
        button = self.page.get_by_role("button", name="More", exact=True)
        if button.get_attribute("aria-expanded") == "false":
            button.click()

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
