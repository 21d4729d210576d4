"""Images and files, sent from code and from the browser, and images that come back."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from pages import receive
from sse_server import DONE, ScriptedServer
from test_attachments import png
from test_servers import Make, loaded, snapshot
from until import TIMEOUT

PNG = png()
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


def blind(server: ScriptedServer) -> None:
    architecture = {"input_modalities": ["text"], "output_modalities": ["text"]}
    sees = {"input_modalities": ["text", "image"], "output_modalities": ["text"]}
    server.models = [
        {"id": "test/model", "architecture": architecture},
        {"id": "can/see", "architecture": sees},
    ]


def test_an_image_and_a_text_from_code(make: Make, server: ScriptedServer, tmp_path: Path) -> None:
    image, table = tmp_path / "plot.png", tmp_path / "table.csv"
    image.write_bytes(PNG)
    table.write_text("a,b\n1,2\n")
    server.script(sse.text("A plot."), sse.finish(), DONE)
    chat = make()
    chat.send("What is this?", images=[image], files=[table]).wait(TIMEOUT)
    parts = server.chats[0].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert parts[0]["text"] == "What is this?"
    assert parts[1]["image_url"]["url"] == URL
    assert "table.csv" in parts[2]["text"]
    assert "1,2" in parts[2]["text"]
    shown = snapshot(chat)["messages"][0]["attachments"]
    assert [(each["name"], each["kind"]) for each in shown] == [
        ("plot.png", "image"),
        ("table.csv", "text"),
    ]
    assert "base64" not in repr(snapshot(chat)), "the bytes are not saved with the notebook"
    chat.send("And now?").wait(TIMEOUT)
    assert server.chats[1].body["messages"][0]["content"] == parts, "it stays in the conversation"


def test_what_the_browser_sends_and_asks_for(make: Make, server: ScriptedServer) -> None:
    chat = make()
    message = {
        "type": "send",
        "content": "",
        "attachments": [{"name": "../../plot.png", "media_type": "text/html"}],
    }
    receive(chat, message, [PNG])
    chat.last.wait(TIMEOUT)
    (part,) = server.chats[0].body["messages"][0]["content"]
    assert part["image_url"]["url"] == URL
    (shown,) = snapshot(chat)["messages"][0]["attachments"]
    assert (shown["name"], shown["media_type"]) == ("plot.png", "image/png")
    assert chat._session.read_attachment(shown["id"]) == ("plot.png", PNG)
    with pytest.raises(ValueError, match="no longer"):
        chat._session.read_attachment("other")


def test_a_model_that_takes_no_images_says_so_before_sending(
    make: Make, server: ScriptedServer
) -> None:
    blind(server)
    chat = loaded(make())
    with pytest.raises(ValueError, match="test/model does not accept images") as raised:
        chat.send("Look", images=[PNG])
    assert "can/see" in str(raised.value)
    assert raised.value.other == "can/see"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="files other than text"):
        chat.send("Read", files=[("a.pdf", b"%PDF-1.7 \x00\x01")])
    assert chat.messages == []
    assert server.chats == []
    assert chat.send("Read", files=[("a.txt", b"text")]).wait(TIMEOUT).status == "complete"


def test_images_of_the_past_are_named_to_a_model_that_takes_none(
    make: Make, server: ScriptedServer
) -> None:
    blind(server)
    chat = loaded(make(model="can/see"))
    chat.send("Look", images=[PNG]).wait(TIMEOUT)
    chat.model = "test/model"
    chat.send("And?").wait(TIMEOUT)
    parts = server.chats[1].body["messages"][0]["content"]
    assert [part["text"] for part in parts] == ["Look", "[image.png]"]


def test_an_edit_keeps_what_was_attached(make: Make, server: ScriptedServer) -> None:
    chat = make()
    chat.send("Look", images=[PNG]).wait(TIMEOUT)
    chat.edit(0, "Look again").wait(TIMEOUT)
    parts = server.chats[1].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[0]["text"] == "Look again"


def test_an_image_that_comes_out(make: Make, server: ScriptedServer, tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": URL}, "index": 0}
    server.script(
        sse.chunk({"content": "", "images": [image]}),
        sse.chunk({"content": "", "images": [image]}, finish_reason="stop"),
        DONE,
    )
    chat = make()
    reply = chat.send("Draw").wait(TIMEOUT)
    (made,) = reply.images
    assert made.data == PNG
    assert made.save(tmp_path / "made.png").read_bytes() == PNG
    (shown,) = snapshot(chat)["messages"][1]["attachments"]
    assert shown["kind"] == "image"
    chat.send("Thanks").wait(TIMEOUT)
    said = [message["content"] for message in server.chats[1].body["messages"]]
    assert said == ["Draw", f"[{made.name}]", "Thanks"]


def test_an_image_elsewhere_is_a_link_and_is_not_fetched(
    make: Make, server: ScriptedServer
) -> None:
    with sse.ScriptedServer() as thief:
        for url in (f"{thief.base_url}/x.png", "https://example.org/a (b).png"):
            image = {"type": "image_url", "image_url": {"url": url}}
            server.script(sse.chunk({"images": [image]}), sse.text("done"), sse.finish(), DONE)
            reply = make().send("Draw").wait(TIMEOUT)
            assert reply.images == ()
        assert "[Image](https://example.org/a%20%28b%29.png)" in reply.text
        assert thief.requests == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"images": ["absent.png"]}, ValueError),
        ({"files": ["absent.txt"]}, ValueError),
        ({"images": 3}, TypeError),
        ({"images": [3]}, TypeError),
        ({"images": [b"no image"]}, ValueError),
        ({"files": [("empty.txt", b"")]}, ValueError),
    ],
)
def test_what_cannot_be_attached(
    make: Make, server: ScriptedServer, options: dict[str, Any], error: type[Exception]
) -> None:
    chat = make()
    with pytest.raises(error):
        chat.send("Hi", **options)
    assert chat.messages == []
    assert not chat.busy
