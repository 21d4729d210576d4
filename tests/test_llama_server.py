"""The chat with a real llama-server: its list, its counts, its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from sse_server import DONE, ScriptedServer
from test_servers import loaded, snapshot

from nbchat import ChatError, ChatWidget
from nbchat._servers import local_model

pytestmark = pytest.mark.environments

TIMEOUT = 120
LONG = "The quick brown fox jumps over the lazy dog. " * 150


@pytest.fixture
def make(weights: Path) -> Iterator[Callable[..., ChatWidget]]:
    server = local_model.serve()
    chats: list[ChatWidget] = []

    def make_chat(**options: Any) -> ChatWidget:
        where = {"base_url": server.base_url, "api_key": server.api_key}
        chats.append(ChatWidget(provider="llama-server", max_tokens=100, **where, **options))
        return chats[-1]

    yield make_chat
    for chat in chats:
        chat.close()


def test_what_it_says_of_its_model_and_of_a_reply(make: Callable[..., ChatWidget]) -> None:
    chat = loaded(make())
    assert chat.model == local_model.MODEL_ID
    assert chat._controls.settings["max_tokens"].max == local_model.CONTEXT_TOKENS
    reply = chat.send("Say hello.").wait(TIMEOUT)
    assert reply.text
    assert reply.usage is not None
    assert reply.usage.prompt_tokens
    counted = reply.usage.prompt_tokens + (reply.usage.completion_tokens or 0)
    assert snapshot(chat)["context"] == {"used": counted, "length": local_model.CONTEXT_TOKENS}


def test_it_takes_an_effort_and_any_name_of_the_model(make: Callable[..., ChatWidget]) -> None:
    chat = loaded(make(model="some-name", reasoning_effort="none"))
    assert snapshot(chat)["notices"] == []
    assert chat.send("Say hello.").wait(TIMEOUT).status == "complete"


def test_its_own_refusal_of_what_is_too_long_is_answered(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    chat = make()
    local = local_model.serve()
    # What another server has read, the slow one need not.
    chat.use_server(base_url=server.base_url, model="test/model")
    server.script(sse.text("Yes."), sse.finish(), DONE)
    chat.send(f"Remember this. {LONG}{LONG}").wait(TIMEOUT)
    chat.use_server("llama-server", base_url=local.base_url, api_key=local.api_key)
    with pytest.raises(ChatError, match="too long"):
        chat.send(f"Repeat one word of this. {LONG}").wait(TIMEOUT)
    chat.overflow = "truncate"
    reply = chat.retry().wait(TIMEOUT)
    assert reply.status == "complete"
    assert "Left out" in reply.notes[0]
    assert reply.usage is not None
    assert 1000 < (reply.usage.prompt_tokens or 0) < local_model.CONTEXT_TOKENS
