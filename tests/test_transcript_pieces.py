"""Of a long conversation, a page gets the last messages first, and the others in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import receive
from until import TIMEOUT

from nbchat import ChatWidget
from nbchat._files.keeper import read_chat
from nbchat._widget.transcript import Transcript

Make = Callable[..., ChatWidget]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[bytes]]]:
    """What the kernel sends to the pages."""
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(
        Transcript, "send", lambda _, content, buffers=(): sent.append((content, list(buffers)))
    )
    return sent


def saved(path: Path, turns: int) -> Path:
    messages: list[dict[str, Any]] = []
    for n in range(turns):
        asked = {"id": f"q{n}", "parent": messages[-1]["id"] if messages else None, "role": "user"}
        messages.append({**asked, "status": "complete", "shown": True, "content": f"Question {n}"})
        reply = {"id": f"a{n}", "parent": f"q{n}", "role": "assistant", "status": "complete"}
        messages.append({**reply, "shown": True, "content": f"{n} " + "x" * 50_000})
    chat = {"format": "nbchat", "version": 2, "settings": {}, "messages": messages}
    path.write_text(json.dumps(chat))
    return path


def test_all_messages_come_and_none_of_the_pieces_is_large(
    sent: list[tuple[dict[str, Any], list[bytes]]], make: Make, tmp_path: Path
) -> None:
    chat = make()
    chat._restore(read_chat(saved(tmp_path / "chat.json", 40)), ())
    (snapshot,) = [message["snapshot"] for message, _ in sent if message["type"] == "snapshot"]
    pieces = [snapshot]
    for number in range(100):
        if not pieces[0]["earlier"]:
            break
        before = pieces[0]["messages"][0]["id"]
        receive(chat, {"type": "earlier", "before": before, "nonce": f"{number}"})
        message, (content,) = sent[-1]
        assert message["type"] == "file"
        pieces.insert(0, json.loads(content))
    contents = [each["content"] for piece in pieces for each in piece["messages"]]
    assert [text.split()[-1 if "Q" in text else 0] for text in contents] == [
        str(n) for n in range(40) for _ in range(2)
    ]
    assert len(pieces) > 3
    assert all(len(json.dumps(piece)) < 500_000 for piece in pieces)
    # So does the state of the widget, which a reloaded page asks for.
    assert chat._transcript.get_state()["snapshot"]["earlier"]
    chat.send("Hi").wait(TIMEOUT)
    assert [message for message, _ in sent if message["type"] == "message"]


def test_before_a_message_that_is_gone_there_is_nothing(
    sent: list[tuple[dict[str, Any], list[bytes]]], make: Make
) -> None:
    receive(make(), {"type": "earlier", "before": "gone", "nonce": "1"})
    assert "no longer shown" in sent[-1][0]["refused"]
