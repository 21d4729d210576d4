"""Money, rate limits, fallbacks and the context, over real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from pages import receive
from sse_server import DONE, ScriptedServer
from test_servers import Make, loaded, notices, press, snapshot
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


def try_now(chat: ChatWidget) -> None:
    """Does what the button below the reply does, as soon as the reply waits."""
    until(lambda: snapshot(chat)["messages"][-1]["retry_in_s"])
    id_ = snapshot(chat)["messages"][-1]["id"]
    receive(chat, {"type": "try_now", "id": id_, "nonce": "1"})


BUSY = {
    "error": {
        "message": "All providers are at capacity.",
        "availability": {"code": "capacity_exhausted", "retryable": True, "retry_after": 40},
    }
}
SOON = {"retryable": True, "retry_after": 0.01}
DAILY = {
    "error": {
        "message": "Rate limit exceeded: free-models-per-day.",
        "code": 429,
        "metadata": {"limit_source": "openrouter_free_tier_daily"},
    }
}
PRICED = {
    "id": "test/model",
    "context_length": 100_000,
    "pricing": {"prompt": "0.00001", "completion": "0.00002"},
}


# Rate limits


def test_a_countdown_and_one_retry(make: Make, server: ScriptedServer) -> None:
    server.script(sse.status(429, BUSY))
    chat = make()
    reply = chat.send("Hi")
    until(lambda: snapshot(chat)["messages"][-1]["retry_in_s"])
    shown = snapshot(chat)["messages"][-1]
    assert 35 < shown["retry_in_s"] <= 40
    assert (shown["status"], shown["error"]) == ("streaming", None)
    try_now(chat)
    assert reply.wait(TIMEOUT).text == "You said: Hi"
    assert snapshot(chat)["messages"][-1]["retry_in_s"] is None
    (note,) = reply.notes
    assert note.startswith("Rate limit reached for test/model")
    assert len(server.chats) == 2


def test_the_user_may_end_each_wait(make: Make, server: ScriptedServer) -> None:
    for _ in range(2):
        server.script(sse.status(429, BUSY))
    chat = make()
    reply = chat.send("Hi")
    try_now(chat)
    until(lambda: len(server.chats) == 2)
    try_now(chat)
    assert reply.wait(TIMEOUT).text == "You said: Hi"
    with pytest.raises(ValueError, match="no longer waiting"):
        chat._session.try_now(chat._session.last_reply)


def test_it_can_be_stopped_while_it_waits(make: Make, server: ScriptedServer) -> None:
    server.script(sse.status(429, BUSY))
    chat = make()
    reply = chat.send("Hi")
    until(lambda: snapshot(chat)["messages"][-1]["retry_in_s"])
    chat.stop()
    assert reply.wait(TIMEOUT).status == "stopped"
    assert snapshot(chat)["messages"][-1]["retry_in_s"] is None
    assert chat.send("Again").wait(TIMEOUT).text == "You said: Again"
    assert len(server.chats) == 2


def test_a_second_refusal_is_final(make: Make, server: ScriptedServer) -> None:
    for _ in range(2):
        server.script(sse.status(429, {"error": {**BUSY["error"], "availability": SOON}}))
    with pytest.raises(ChatError, match="capacity"):
        make().send("Hi").wait(TIMEOUT)
    assert len(server.chats) == 2


def test_a_spent_daily_quota_is_said_and_not_retried(make: Make, server: ScriptedServer) -> None:
    server.script(sse.status(429, DAILY, {"retry-after": "1"}))
    with pytest.raises(ChatError, match="Today's free requests") as raised:
        make().send("Hi").wait(TIMEOUT)
    assert not raised.value.retryable
    assert len(server.chats) == 1


def test_nothing_is_repeated_once_there_is_text(make: Make, server: ScriptedServer) -> None:
    server.script(sse.text("Half of"), sse.error("overloaded", 503))
    chat = make(fallbacks=["other/model"])
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    assert chat.last.text == "Half of"
    assert len(server.chats) == 1


# Fallbacks


def test_a_fallback_answers_and_is_named(make: Make, server: ScriptedServer) -> None:
    server.script(sse.status(429, DAILY))
    chat = make(fallbacks=["other/model"])
    reply = chat.send("Hi").wait(TIMEOUT)
    assert [request.body["model"] for request in server.chats] == ["test/model", "other/model"]
    assert reply.model == "other/model"
    (note,) = reply.notes
    assert "test/model failed" in note
    assert "other/model" in note
    assert snapshot(chat)["messages"][-1]["notes"] == [note]
    assert chat.model == "test/model", "the choice stays"


def test_what_a_failed_attempt_took_is_counted_once(make: Make, server: ScriptedServer) -> None:
    server.models = [PRICED, {**PRICED, "id": "other/model"}]
    tokens = {"prompt_tokens": 1000, "completion_tokens": 0}
    server.script(sse.chunk({}, usage=tokens), sse.finish(), DONE)  # empty: asked elsewhere
    server.script(sse.text("ok"), sse.finish(), DONE)
    chat = loaded(make(fallbacks=["other/model"]))
    reply = chat.send("Hi").wait(TIMEOUT)
    assert reply.cost == pytest.approx(0.01)
    assert chat.usage is not None
    assert (chat.usage.prompt_tokens, chat.usage.cost) == (1000, pytest.approx(0.01))


def test_the_error_of_the_last_one_is_told(make: Make, server: ScriptedServer) -> None:
    for _ in range(2):
        server.script(sse.status(503, "down"))
    chat = make(fallbacks=["other/model"])
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    assert len(server.chats) == 2
    assert chat.retry().wait(TIMEOUT).model == "test/model", "a retry begins anew"


# Money


def script_usage(server: ScriptedServer, *counts: int, **more: Any) -> None:
    server.script(sse.text("ok"), sse.finish(), sse.usage(*counts, **more), DONE)


def test_what_a_reply_and_the_conversation_cost(make: Make, server: ScriptedServer) -> None:
    server.models = [PRICED]
    chat = loaded(make())
    script_usage(server, 1000, 100, cost=0.25)
    assert chat.send("One").wait(TIMEOUT).cost == 0.25
    server.script(
        sse.text("ok"),
        sse.finish(),
        sse.chunk({}, usage={"prompt_tokens": 1000, "completion_tokens": 500}),
        DONE,
    )
    reply = chat.send("Two").wait(TIMEOUT)
    assert reply.cost == pytest.approx(0.02), "by the model's prices"
    shown = snapshot(chat)
    assert shown["messages"][-1]["estimated_cost"] == pytest.approx(0.02)
    assert shown["usage"]["cost"] == pytest.approx(0.27)
    assert shown["usage"]["completion_tokens"] == 600
    chat.regenerate().wait(TIMEOUT)
    assert chat.usage is not None
    assert chat.usage.cost is not None
    assert chat.usage.cost >= 0.27, "what other versions cost was paid as well"
    chat.clear()
    assert snapshot(chat)["usage"] is None


def test_max_cost_stops_before_a_request_would_pass_it(make: Make, server: ScriptedServer) -> None:
    server.models = [PRICED]
    chat = loaded(make(max_cost=0.10, max_tokens=1000))
    script_usage(server, 1000, 100, cost=0.09)
    chat.send("One").wait(TIMEOUT)
    with pytest.raises(ChatError, match=r"\$0\.10 has \$0\.01 left"):
        chat.send("Two").wait(TIMEOUT)
    assert len(server.chats) == 1
    assert snapshot(chat)["max_cost"] == 0.10
    chat.max_cost = 1
    assert chat.retry().wait(TIMEOUT).status == "complete"
    with pytest.raises(TypeError, match="max_cost"):
        chat.max_cost = "a lot"


# The context


def test_how_full_the_context_is(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "test/model", "context_length": 1000}]
    chat = loaded(make())
    assert snapshot(chat)["context"] is None
    script_usage(server, 300, 100)
    chat.send("One").wait(TIMEOUT)
    assert snapshot(chat)["context"] == {"used": 400, "length": 1000}
    assert notices(chat) == {}


def test_before_the_context_is_full_the_person_is_told(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "test/model", "context_length": 1000}]
    chat = loaded(make())
    script_usage(server, 300, 100)
    chat.send("The first of all questions").wait(TIMEOUT)
    script_usage(server, 800, 100)
    chat.send("Two").wait(TIMEOUT)
    text = notices(chat)["full"]["text"]
    assert "900 of the 1,000 tokens" in text
    assert "The first of all questions" in text, "what would be left out"
    press(chat, "full", "truncate")
    assert chat.overflow == "truncate"
    assert "The next message drops these" in notices(chat)["full"]["text"]
    press(chat, "full", "close")
    assert notices(chat) == {}
    reply = chat.send("Three").wait(TIMEOUT)
    sent = [message["content"] for message in server.chats[-1].body["messages"]]
    assert sent[-1] == "Three"
    assert "The first of all questions" not in sent
    assert "oldest messages" in reply.notes[0]
    assert chat.messages[0]["content"] == "The first of all questions", "nothing is lost"


def test_a_server_that_says_the_conversation_is_too_long(
    make: Make, server: ScriptedServer
) -> None:
    refusal = {"error": {"message": "maximum context length exceeded", "code": 400}}
    chat = make()
    chat.send("One").wait(TIMEOUT)
    server.script(sse.status(400, refusal))
    with pytest.raises(ChatError, match="too long"):
        chat.send("Two").wait(TIMEOUT)
    chat.overflow = "truncate"
    server.script(sse.status(400, refusal))
    reply = chat.retry().wait(TIMEOUT)
    assert reply.text == "You said: Two"
    assert [m["content"] for m in server.chats[-1].body["messages"]] == ["Two"]
    assert "Left out" in reply.notes[0]


def test_a_server_that_leaves_out_a_part_without_a_word(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "test/model"}]  # as Ollama lists it, without the context's length
    chat = make(provider="ollama")
    script_usage(server, 4096, 10)
    reply = chat.send("word " * 20_000).wait(TIMEOUT)
    assert "left out the beginning" in reply.notes[0]
    assert snapshot(chat)["messages"][-1]["notes"] == list(reply.notes)
    chat.clear()
    script_usage(server, 25_000, 10)
    assert chat.send("word " * 20_000).wait(TIMEOUT).notes == ()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"fallbacks": 3}, TypeError),
        ({"overflow": "drop"}, ValueError),
        ({"max_cost": -1}, ValueError),
    ],
)
def test_bad_rules(make: Make, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make(**options)


def test_a_chat_that_is_closed_while_it_waits(server: ScriptedServer) -> None:
    server.script(sse.status(429, BUSY))
    chat = ChatWidget(base_url=server.base_url, model="test/model")
    reply = chat.send("Hi")
    until(lambda: reply._message.retry_at)
    chat.close()
    assert reply.wait(TIMEOUT).status == "stopped"
