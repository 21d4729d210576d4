"""Recorded traffic of real servers, replayed through the real client over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sse_server as sse
from sse_server import ScriptedServer
from wire import WIRE, needs_wire

from nbchat import ChatError, ChatWidget
from nbchat._chat.events import ContentDelta, Failure, Finish, ReasoningDelta, Usage
from nbchat._servers.chat_completions.stream import StreamReader
from nbchat._turns import plan

pytestmark = needs_wire
TIMEOUT = 60
NAMING_A_PARAMETER = {"doubleword__400__26", "llamacpp__400__31", "openai__400__42"}


@pytest.fixture(scope="module")
def replayed() -> Iterator[tuple[ScriptedServer, ChatWidget]]:
    with ScriptedServer() as server:
        chat = ChatWidget(base_url=server.base_url, model="test/model")
        yield server, chat
        chat.close()


@pytest.mark.parametrize("path", sorted(WIRE.glob("recorded/*.sse")), ids=lambda path: path.stem)
def test_a_recorded_stream_arrives_whole(
    path: Path, replayed: tuple[ScriptedServer, ChatWidget]
) -> None:
    server, chat = replayed
    # What is in a recording is checked against an oracle of its own in test_stream.py.
    reader = StreamReader()
    events = [*reader.feed(path.read_bytes()), *reader.end()]
    failed = any(isinstance(event, Failure) for event in events)
    server.script(sse.replay(path, piece=max(7, path.stat().st_size // 300)))
    reply = chat.send("Hi")
    if failed:
        with pytest.raises(ChatError):
            reply.wait(TIMEOUT)
    else:
        assert reply.wait(TIMEOUT).status == "complete"
    assert reply.text == "".join(e.text for e in events if isinstance(e, ContentDelta))
    assert reply.reasoning == "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    assert reply.finish_reason == next((e.reason for e in events if isinstance(e, Finish)), None)
    usages = [event for event in events if isinstance(event, Usage)]
    assert reply.usage == (usages[-1] if usages else None)
    chat.clear()


@pytest.mark.parametrize("path", sorted(WIRE.glob("errors/*.json")), ids=lambda path: path.stem)
def test_a_recorded_refusal_names_its_cause(
    path: Path, replayed: tuple[ScriptedServer, ChatWidget], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, chat = replayed
    body = json.loads(path.read_text(encoding="utf-8"))
    status = int(path.stem.split("__")[1])
    monkeypatch.setattr(plan, "MAX_WAIT_S", 0)
    chat._connection._refused.clear()
    refusal = sse.status(status, body)
    server.script(refusal)
    if path.stem in NAMING_A_PARAMETER:  # and tried once more without it
        server.script(refusal)
    with pytest.raises(ChatError) as raised:
        chat.send("Hi").wait(TIMEOUT)
    assert raised.value.status_code == status
    said = f"{raised.value.message} {raised.value.detail}"
    assert cause(body) in said
    assert chat.send("Again").wait(TIMEOUT).text == "You said: Again"
    chat.clear()


def cause(body: object) -> str:
    """The words in an error body that say most."""
    if isinstance(body, str):
        return body
    assert isinstance(body, dict)
    raw = body.get("metadata", {}).get("raw") if isinstance(body.get("metadata"), dict) else None
    for said in (body.get("error"), raw, body.get("message"), body.get("detail")):
        if said:
            return cause(said)
    raise AssertionError(body)
