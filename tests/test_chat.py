"""The chat driven from code, against a scripted server over real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sse_server as sse
from pages import ask_page
from sse_server import DONE, ScriptedServer
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget, Reply, reasoning_rules
from nbchat._files.chat_reader import from_json
from nbchat._files.chat_writer import to_json
from nbchat._servers import local_model, providers
from nbchat._servers.engine import Timeouts
from nbchat._servers.providers import find_openrouter_key


@pytest.fixture
def chat(make: Callable[..., ChatWidget]) -> ChatWidget:
    return make()


# Replies


def test_a_reply_and_what_is_known_of_it(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(
        sse.comment(),
        sse.reasoning("Let me "),
        sse.reasoning("see."),
        sse.text("Hello, "),
        sse.text("wörld ☺", model="other/model"),
        sse.finish(),
        sse.usage(3, 5, cost=0.25),
        DONE,
    )
    reply = chat.send("Hi")
    assert reply.wait(TIMEOUT) is reply
    assert reply.text == "Hello, wörld ☺"
    assert reply.reasoning == "Let me see."
    assert (reply.status, reply.finish_reason, reply.error) == ("complete", "stop", None)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 5)
    assert reply.usage.cost == 0.25
    assert chat.last is reply
    assert chat.messages == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello, wörld ☺"},
    ]


def test_await_in_async_code(chat: ChatWidget) -> None:
    async def ask() -> str:
        return (await chat.send("Hi")).text

    assert asyncio.run(ask()) == "You said: Hi"


def test_the_request(make: Callable[..., ChatWidget], server: ScriptedServer) -> None:
    chat = make(
        model="openai/gpt-oss-20b:free",
        api_key="sk-mine",
        system="Be kind.",
        reasoning_effort="high",
        temperature=0.5,
        max_tokens=200,
    )
    chat.send("One").wait(TIMEOUT)
    chat.send("Two").wait(TIMEOUT)
    first, second = server.chats
    assert first.headers["authorization"] == "Bearer sk-mine"
    assert first.body == {
        "model": "openai/gpt-oss-20b:free",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "One"},
        ],
        "temperature": 0.5,
        "top_p": 1.0,
        "max_tokens": 200,
        "stream": True,
        "stream_options": {"include_usage": True},
        "reasoning": {"effort": "high"},
    }
    assert [m["content"] for m in second.body["messages"]] == [
        "Be kind.",
        "One",
        "You said: One",
        "Two",
    ]


def test_a_rule_of_the_persons_own(
    chat: ChatWidget, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reasoning_rules, "test/*", lambda effort: {"reasoning_effort": effort})
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].body["reasoning_effort"] == "medium"


def test_settings_count_from_the_moment_of_sending(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    go_on = threading.Event()
    server.script(sse.gate(go_on), sse.text("1"), sse.finish(), DONE)
    chat.send("One")
    chat.temperature = 0.1
    second = chat.send("Two", queue=True)
    chat.temperature = 0.9
    go_on.set()
    second.wait(TIMEOUT)
    assert [request.body["temperature"] for request in server.chats] == [1.0, 0.1]


# Stop, queue, clear, close


def test_stop_ends_the_request_and_keeps_the_text(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("1 2 3"), sse.hang())
    reply = chat.send("Count")
    until(lambda: reply.text)
    assert chat.busy
    chat.stop()
    assert (reply.status, reply.text, chat.busy) == ("stopped", "1 2 3", False)
    assert reply.wait(TIMEOUT) is reply
    assert server.wait_for_request().closed_early.wait(TIMEOUT)
    chat.send("Go on").wait(TIMEOUT)
    assert [m["content"] for m in server.chats[1].body["messages"]] == ["Count", "1 2 3", "Go on"]


def test_stop_before_the_first_token(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.hang())
    reply = chat.send("Hi")
    request = server.wait_for_request()
    chat.stop()
    assert reply.wait(TIMEOUT).status == "stopped"
    assert request.closed_early.wait(TIMEOUT)
    chat.send("Again").wait(TIMEOUT)
    assert [m["content"] for m in server.chats[1].body["messages"]] == ["Again"]


def test_stop_at_once(chat: ChatWidget, server: ScriptedServer) -> None:
    for _ in range(20):
        reply = chat.send("Hi")
        chat.stop()
        assert reply.wait(TIMEOUT).status in (
            "stopped",
            "complete",
        )  # or late
        with chat._lock:  # nothing can begin meanwhile
            reply = chat.send("Hi")
            chat.stop()
            assert reply.status == "stopped"
    assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"


def test_sending_while_a_reply_runs_is_an_error(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.hang())
    chat.send("One")
    server.wait_for_request()
    with pytest.raises(RuntimeError, match="queue=True"):
        chat.send("Two")
    chat.stop()
    chat.send("Three").wait(TIMEOUT)
    assert [m["content"] for m in chat.messages] == ["Three", "You said: Three"]


def test_queued_messages_wait_their_turn(chat: ChatWidget, server: ScriptedServer) -> None:
    go_on = threading.Event()
    server.script(sse.gate(go_on), sse.text("1"), sse.finish(), DONE)
    replies = [chat.send("One"), chat.send("Two", queue=True), chat.send("Three", queue=True)]
    assert [reply.status for reply in replies[1:]] == ["queued", "queued"]
    go_on.set()
    replies[-1].wait(TIMEOUT)
    assert [reply.text for reply in replies] == ["1", "You said: Two", "You said: Three"]
    assert [m["content"] for m in server.chats[2].body["messages"]] == [
        "One",
        "1",
        "Two",
        "You said: Two",
        "Three",
    ]


def test_stop_ends_what_is_queued_too(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.hang())
    replies = [chat.send("One"), chat.send("Two", queue=True)]
    server.wait_for_request()
    chat.stop()
    assert [reply.wait(TIMEOUT).status for reply in replies] == ["stopped", "stopped"]
    chat.send("Three").wait(TIMEOUT)
    assert len(server.chats) == 2


def test_clear_stops_and_empties(chat: ChatWidget, server: ScriptedServer) -> None:
    chat.send("One").wait(TIMEOUT)
    path = chat._last_reply.path
    assert path is not None
    server.script(sse.text("never seen"), sse.hang())
    reply = chat.send("Two")
    until(lambda: reply.text)
    chat.clear()
    assert reply.status == "stopped"
    assert chat.messages == []
    assert not path.exists()
    chat.send("Three").wait(TIMEOUT)
    assert [m["content"] for m in server.chats[2].body["messages"]] == ["Three"]


def test_close_stops_and_cleans_up(chat: ChatWidget, server: ScriptedServer) -> None:
    chat.send("One").wait(TIMEOUT)
    path = chat._last_reply.path
    server.script(sse.hang())
    reply = chat.send("Two")
    request = server.wait_for_request(2)
    chat.close()
    chat.close()
    assert reply.status == "stopped"
    assert request.closed_early.wait(TIMEOUT)
    assert path is not None
    assert not path.exists()
    with pytest.raises(RuntimeError, match="closed"):
        chat.send("Three")


# Waiting


def test_wait_gives_up_and_the_reply_goes_on(chat: ChatWidget, server: ScriptedServer) -> None:
    go_on = threading.Event()
    server.script(sse.gate(go_on), sse.text("late"), sse.finish(), DONE)
    reply = chat.send("Hi")
    with pytest.raises(TimeoutError):
        reply.wait(timeout=0.01)
    go_on.set()
    assert reply.wait(TIMEOUT).text == "late"


def test_an_interrupt_stops_the_reply(
    chat: ChatWidget, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(sse.text("some"), sse.hang())
    reply = chat.send("Hi")
    until(lambda: reply.text)

    def interrupted(timeout: float | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reply._ended, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reply.wait()
    assert (reply.status, reply.text) == ("stopped", "some")


def test_cancelling_an_await_stops_the_reply(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("some"), sse.hang())

    async def ask() -> Reply:
        reply = chat.send("Hi")
        task = asyncio.ensure_future(reply._wait())
        while not reply.text:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return reply

    reply = asyncio.run(ask())
    assert (reply.status, reply.text) == ("stopped", "some")


def test_waiting_where_it_would_block_the_stream_is_an_error(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    from nbchat._chat.background import background

    server.script(sse.hang())
    reply = chat.send("Hi")
    raised: list[Exception] = []
    done = threading.Event()

    def wait() -> None:
        try:
            reply.wait(TIMEOUT)
        except Exception as error:
            raised.append(error)
        done.set()

    background().call(wait)
    assert done.wait(TIMEOUT)
    assert "await reply" in str(raised[0])


def test_callbacks_get_each_reply_and_may_send(chat: ChatWidget) -> None:
    seen: list[str] = []
    finished = threading.Event()

    @chat.on_reply
    def follow_up(reply: Reply) -> None:
        seen.append(reply.text)
        if len(seen) == 1:
            chat.send("and then?").wait(TIMEOUT)
        else:
            finished.set()

    chat.send("Hi")
    assert finished.wait(TIMEOUT)
    assert seen == ["You said: Hi", "You said: and then?"]


def test_a_failing_callback_is_told_in_the_chat(chat: ChatWidget) -> None:
    @chat.on_reply
    async def broken(reply: Reply) -> None:
        raise LookupError("lost")

    chat.send("Hi").wait(TIMEOUT)
    until(lambda: chat._transcript.get_state()["snapshot"]["notices"])
    (notice,) = chat._transcript.get_state()["snapshot"]["notices"]
    assert "broken raised LookupError('lost')" in notice["text"]


# Settings and controls


def test_setting_moves_the_control_and_the_control_changes_the_setting(chat: ChatWidget) -> None:
    controls = chat._controls
    chat.temperature, chat.max_tokens, chat.system = 0.25, 300, "Be kind."
    chat.reasoning_effort, chat.model = "low", "some/other"
    assert (controls.settings["temperature"].value, controls.settings["max_tokens"].value) == (
        0.25,
        300,
    )
    assert (controls.settings["system"].value, controls.reasoning_effort.value) == (
        "Be kind.",
        "low",
    )
    assert controls.model.value == "some/other"
    controls.settings["temperature"].value = 1.5
    controls.model.value = "Other model…"
    controls.model.other.value = "typed/model"
    assert (chat.temperature, chat.model) == (1.5, "typed/model")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("temperature", 3, ValueError),
        ("max_tokens", 1, ValueError),
        ("top_p", -1, ValueError),
        ("reasoning_effort", "huge", ValueError),
        ("model", 3, TypeError),
        ("temperature", "hot", TypeError),
    ],
)
def test_a_setting_out_of_range_changes_nothing(
    chat: ChatWidget, name: str, value: object, error: type[Exception]
) -> None:
    before = chat.settings
    with pytest.raises(error, match=name):
        setattr(chat, name, value)
    assert chat.settings == before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"temprature": 1}, TypeError, "temprature"),
        ({"temperature": 9}, ValueError, "temperature"),
        ({"models": "absent.txt"}, ValueError, "can't be read"),
        ({"models": []}, ValueError, "no model id"),
        ({"system": "absent.md"}, ValueError, "can't be read"),
        ({"base_url": "localhost:8000"}, ValueError, "http"),
        ({"flush_interval_s": 0}, ValueError, "flush_interval_s"),
        ({"api_key": ""}, ValueError, "blank"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ChatWidget(**options)


@pytest.mark.parametrize("content", ["", "  \n\t"])
def test_an_empty_message(chat: ChatWidget, server: ScriptedServer, content: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        chat.send(content)
    with pytest.raises(TypeError):
        chat.send(None)  # type: ignore[arg-type]
    assert server.requests == []


def test_the_models_given_are_the_menu(make: Callable[..., ChatWidget], tmp_path: Path) -> None:
    file = tmp_path / "models.txt"
    file.write_text("a/one\nb/two\n")
    chat = make(models=file, model="")
    assert chat.model == "a/one"
    assert chat._controls.model.options[:2] == ("a/one", "b/two")


def test_the_models_of_the_server_are_the_menu(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    server.models = [{"id": "z/paid"}, {"id": "y/good:free"}]
    chat = make(model="")
    assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"
    assert server.chats[0].body["model"] == chat.model == "y/good:free"
    assert chat._controls.model.options[:2] == ("y/good:free", "z/paid")


# The download


def test_the_last_reply_as_a_file(chat: ChatWidget, server: ScriptedServer) -> None:
    text = "# Ünïcode ☺\r\n\n\ttab 𝄞"
    server.script(sse.text(text), sse.finish(), DONE)
    chat.send("Hi").wait(TIMEOUT)
    path = chat._last_reply.path
    assert path is not None
    assert path.read_bytes() == text.encode()
    assert path.suffix == ".md"
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600
    name, content = chat._last_reply.read()
    assert name.endswith(".md")
    assert content == text.encode()
    chat.send("More").wait(TIMEOUT)
    assert not path.exists()


def test_a_temporary_folder_that_is_full_costs_no_reply(
    chat: ChatWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"
    snapshot = chat._transcript.get_state()["snapshot"]
    assert snapshot["download"] is None
    assert "No space left" in snapshot["notices"][0]["text"]


# Faults


def faulty(chat: ChatWidget, server: ScriptedServer) -> ChatError:
    """The error of the next reply, after which the chat must work as before."""
    reply = chat.send("Hi")
    with pytest.raises(ChatError) as raised:
        reply.wait(TIMEOUT)
    assert reply.status == "error"
    assert reply.error is raised.value
    partial = reply.text
    assert chat._connection.engine is not None
    chat._connection.engine._timeouts = Timeouts(TIMEOUT, TIMEOUT)  # what tests of these made short
    chat.send("Again").wait(TIMEOUT)
    expected = ["Hi", partial, "Again"] if partial else ["Again"]
    assert [m["content"] for m in server.chats[-1].body["messages"]] == expected
    return raised.value


@pytest.mark.parametrize(
    ("code", "retryable"),
    [(401, False), (402, False), (403, False), (404, False), (408, True), (429, True)]
    + [(code, True) for code in (500, 502, 503, 529)],
)
def test_refusals(chat: ChatWidget, server: ScriptedServer, code: int, retryable: bool) -> None:
    server.script(sse.status(code, {"error": {"code": code, "message": "because of reasons"}}))
    error = faulty(chat, server)
    assert error.status_code == code
    assert error.retryable is retryable
    assert "because of reasons" in f"{error.message} {error.detail}"


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([sse.text("Some"), sse.error("upstream broke")], "Some"),
        ([sse.error("upstream broke")], ""),
        ([sse.text("Some"), sse.drop()], "Some"),
        ([sse.drop()], ""),
        ([sse.status(200, "<html><title>Login</title></html>")], ""),
        ([sse.status(200, {"error": {"message": "no such route"}})], ""),
        ([sse.status(200, "")], ""),
        ([sse.text("So"), b"data: {broken\n\n", sse.text("me"), sse.finish(), DONE], "Some"),
        ([b"data: {broken\n\n", DONE], ""),
        ([sse.finish(), DONE], ""),
        ([DONE], ""),
        ([b'data: {"choices": null}\n\n', DONE], ""),
    ],
)
def test_broken_streams(
    chat: ChatWidget, server: ScriptedServer, steps: list[Any], text: str
) -> None:
    server.script(*steps)
    error = faulty(chat, server)
    assert error.message
    assert chat._session.conversation.messages[1].content == text


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([sse.text("no end")], "no end"),
        ([sse.text("x" * 3_000_000), sse.finish(), DONE], "x" * 3_000_000),
        (
            [b'data: {"choices":[{"delta":{"content":"a\xff b"}}]}\n\n', sse.finish(), DONE],
            "a\ufffd b",
        ),
        ([b'data: {"choices": null}\n\n', sse.text("ok"), sse.finish(), DONE], "ok"),
        ([b"event: ping\n\n", b"data:\n\n", sse.text("ok"), sse.finish(), DONE], "ok"),
        ([sse.status(200, {"choices": [{"message": {"content": "whole"}}]})], "whole"),
    ],
    ids=["no end", "3 MB line", "invalid UTF-8", "choices null", "empty events", "not streamed"],
)
def test_odd_streams_that_are_replies(
    chat: ChatWidget, server: ScriptedServer, steps: list[Any], text: str
) -> None:
    server.script(*steps)
    assert chat.send("Hi").wait(TIMEOUT).text == text


def test_a_host_that_refuses(make: Callable[..., ChatWidget]) -> None:
    reply = make(base_url="http://127.0.0.1:9/v1").send("Hi")
    with pytest.raises(ChatError, match=r"127\.0\.0\.1:9") as raised:
        reply.wait(TIMEOUT)
    assert raised.value.retryable


@pytest.mark.parametrize("before", [[], [sse.comment()]], ids=["silent", "comments only"])
def test_a_host_that_never_begins(
    make: Callable[..., ChatWidget], server: ScriptedServer, before: list[bytes]
) -> None:
    chat = make(first_token_timeout_s=1)
    server.script(*before, sse.hang())
    error = faulty(chat, server)
    assert error.retryable
    assert "sent nothing" in error.message
    assert server.chats[0].closed_early.wait(TIMEOUT)


def test_a_stream_that_falls_silent(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    chat = make(idle_timeout_s=1)
    server.script(sse.text("Some"), sse.hang())
    assert faulty(chat, server).retryable
    assert chat._session.conversation.messages[1].content == "Some"


def test_a_retry_repeats_the_request(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.status(503, "busy"))
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    assert chat.retry().wait(TIMEOUT).text == "You said: Hi"
    assert server.chats[0].body == server.chats[1].body
    with pytest.raises(RuntimeError, match="no failed reply"):
        chat.retry()


# Versions of a message


def said(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def test_regenerate_asks_for_the_last_reply_again(chat: ChatWidget, server: ScriptedServer) -> None:
    with pytest.raises(RuntimeError, match="no reply"):
        chat.regenerate()
    chat.send("One").wait(TIMEOUT)
    chat.send("Two").wait(TIMEOUT)
    server.script(sse.text("Another"), sse.finish(), DONE)
    chat.temperature = 0.3
    reply = chat.regenerate().wait(TIMEOUT)
    assert reply.text == "Another"
    assert chat.last is reply
    assert server.chats[2].body["messages"] == server.chats[1].body["messages"]
    assert server.chats[2].body["temperature"] == 0.3
    assert said(chat.messages) == ["One", "You said: One", "Two", "Another"]
    assert chat._last_reply.read()[1] == b"Another"


def test_edit_sends_another_version(chat: ChatWidget, server: ScriptedServer) -> None:
    for text in ("One", "Two", "Three"):
        chat.send(text).wait(TIMEOUT)
    chat.edit(2, "Deux").wait(TIMEOUT)
    assert said(server.chats[3].body["messages"]) == ["One", "You said: One", "Deux"]
    assert said(chat.messages) == ["One", "You said: One", "Deux", "You said: Deux"]
    chat.edit(-2, "Zwei").wait(TIMEOUT)
    assert said(chat.messages)[2:] == ["Zwei", "You said: Zwei"]


def test_edit_counts_as_messages_does(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.error("no"))
    with pytest.raises(ChatError):
        chat.send("Failed").wait(TIMEOUT)
    chat.send("One").wait(TIMEOUT)
    chat.system = "Be kind."
    assert chat.messages[1]["content"] == "One"
    chat.edit(1, "Un").wait(TIMEOUT)
    assert said(chat.messages) == ["Be kind.", "Un", "You said: Un"]
    for i in (0, 2):
        with pytest.raises(
            ValueError, match=rf"messages\[{i}\] is the (system|assistant)'s; only user messages"
        ):
            chat.edit(i, "No")
    with pytest.raises(IndexError):
        chat.edit(3, "No")
    with pytest.raises(ValueError, match="empty"):
        chat.edit(1, " ")
    assert said(chat.messages) == ["Be kind.", "Un", "You said: Un"]


def test_a_running_reply_keeps_its_place(chat: ChatWidget, server: ScriptedServer) -> None:
    chat.send("One").wait(TIMEOUT)
    chat.regenerate().wait(TIMEOUT)
    go_on = threading.Event()
    server.script(sse.text("1"), sse.gate(go_on), sse.text("2"), sse.finish(), DONE)
    reply = chat.send("Two")
    first = chat._session.conversation.messages[1]
    for attempt in (
        lambda: chat.edit(0, "Un"),
        lambda: chat.regenerate(),
        lambda: chat.retry(),
        lambda: chat.continue_reply(),
        lambda: chat._session.show_version(first, -1),
    ):
        with pytest.raises(RuntimeError, match="still running"):
            attempt()
    go_on.set()
    assert reply.wait(TIMEOUT).text == "12"
    assert said(chat.messages)[2:] == ["Two", "12"]


def test_clear_empties_all_branches(chat: ChatWidget) -> None:
    chat.send("One").wait(TIMEOUT)
    chat.regenerate().wait(TIMEOUT)
    chat.clear()
    chat.send("One").wait(TIMEOUT)
    snapshot = chat._transcript.get_state()["snapshot"]
    assert [m["branch"] for m in snapshot["messages"]] == [{"index": 0, "count": 1}] * 2


def test_a_reply_cut_off_at_max_tokens_goes_on(chat: ChatWidget, server: ScriptedServer) -> None:
    with pytest.raises(RuntimeError, match="no reply"):
        chat.continue_reply()
    server.script(sse.text("1 2"), sse.finish("length"), sse.usage(3, 2), DONE)
    first = chat.send("Count").wait(TIMEOUT)
    assert first.finish_reason == "length"
    server.script(sse.text(" 3"), sse.finish(), sse.usage(9, 1), DONE)
    reply = chat.continue_reply().wait(TIMEOUT)
    assert (reply.text, reply.finish_reason, reply.status) == ("1 2 3", "stop", "complete")
    *before, go_on = server.chats[1].body["messages"]
    assert before == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": "1 2"},
    ]
    assert go_on["role"] == "user"
    assert said(chat.messages) == ["Count", "1 2 3"]
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (12, 3)
    assert chat._last_reply.read()[1] == b"1 2 3"
    with pytest.raises(RuntimeError, match="nothing to continue"):
        chat.continue_reply()


def test_a_stopped_reply_continues(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("1 2"), sse.hang())
    stopped = chat.send("Count")
    until(lambda: stopped.text == "1 2")
    stopped.stop()
    server.script(sse.text(" 3"), DONE)
    broken_off = chat.continue_reply().wait(TIMEOUT)
    assert (broken_off.text, broken_off.finish_reason) == ("1 2 3", None)
    server.script(sse.text(" 4"), sse.finish(), DONE)
    assert chat.continue_reply().wait(TIMEOUT).text == "1 2 3 4"
    assert said(chat.messages) == ["Count", "1 2 3 4"]
    server.script(sse.hang())
    silent = chat.send("More")
    server.wait_for_request(3)
    silent.stop()
    with pytest.raises(RuntimeError, match="nothing to continue"):
        chat.continue_reply()


def test_a_failed_continuation_is_retried(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("1 2"), sse.finish("length"), DONE)
    chat.send("Count").wait(TIMEOUT)
    server.script(sse.status(503, "busy"))
    with pytest.raises(ChatError):
        chat.continue_reply().wait(TIMEOUT)
    server.script(sse.text(" 3"), sse.finish(), DONE)
    assert chat.retry().wait(TIMEOUT).text == "1 2 3"
    assert said(chat.messages) == ["Count", "1 2 3"]


def test_what_was_stopped_can_go_on_at_once(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("1 2"), sse.finish("length"), DONE)
    chat.send("Count").wait(TIMEOUT)
    server.script(sse.text(" 3"), sse.hang())
    stopped = chat.continue_reply()
    until(lambda: stopped.text == "1 2 3")
    server.script(sse.text(" 4"), sse.finish(), DONE)
    stopped.stop()
    reply = chat.continue_reply()
    assert reply.wait(TIMEOUT).text == "1 2 3 4"
    assert reply.status == "complete"
    assert not chat.busy


# Keys and servers


def test_without_a_key_the_chat_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer
) -> None:
    monkeypatch.setattr(local_model, "runtime_installed", lambda: False)
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    chat = ChatWidget()
    assert chat._transcript.get_state()["snapshot"]["connect"]["title"] == "Connect a model"
    with pytest.raises(ChatError, match="no model is connected yet"):
        chat.send("Hi").wait(TIMEOUT)
    ask_page(chat, "secret", way="key", value="sk-or-typed")
    assert chat._transcript.get_state()["snapshot"]["connect"] is None
    assert chat.model == "openrouter/free"
    assert chat.last.wait(TIMEOUT).text == "You said: Hi"  # sent by itself
    assert server.chats[0].headers["authorization"] == "Bearer sk-or-typed"
    chat.close()


def test_openrouter_is_the_default_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-secret")
    chat = ChatWidget()
    assert chat.model == "openrouter/free"
    assert "openrouter.ai" in repr(chat)
    assert "sk-or-secret" not in repr(vars(chat)) + repr(vars(chat._connection.engine)) + repr(chat)
    chat.close()


def test_nothing_of_the_environment_goes_to_another_server(
    make: Callable[..., ChatWidget], server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: leak-custom\nAuthorization: leak-auth")
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID", "ADMIN_KEY", "BASE_URL"):
        monkeypatch.setenv(f"OPENAI_{name}", f"leak-{name}")
    monkeypatch.setenv("OPENROUTER_API_KEY", "leak-openrouter")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    make().send("Hi").wait(TIMEOUT)
    make(api_key="sk-right").send("Hi").wait(TIMEOUT)
    without_key, with_key = server.chats
    for request in (without_key, with_key):
        assert "leak" not in repr(request.headers)
        assert not {"openai-organization", "openai-project", "x-custom"} & set(request.headers)
    assert with_key.headers["authorization"] == "Bearer sk-right"


def test_no_traceback_shows_a_key() -> None:
    from IPython.core.ultratb import VerboseTB

    def given() -> str:
        return "sk-" + "ünprintable"

    for options in ({"base_url": "nonsense"}, {"temperature": 9}, {}):
        try:
            ChatWidget(api_key=given(), **options)  # type: ignore[arg-type]
        except ValueError as error:
            shown = VerboseTB("nocolor").text(type(error), error, error.__traceback__)
        assert "ChatWidget" in shown
        assert given() not in shown


def test_a_key_from_colabs_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    userdata = ModuleType("google.colab.userdata")
    userdata.get = {"OPENROUTER_API_KEY": "sk-or-colab"}.get  # type: ignore[attr-defined]
    colab = ModuleType("google.colab")
    colab.userdata = userdata  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    key = find_openrouter_key()
    assert key is not None
    assert key.reveal() == "sk-or-colab"
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-environment")
    key = find_openrouter_key()
    assert key is not None
    assert key.reveal() == "sk-or-environment"


def test_a_list_that_cannot_be_reached(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    server.models = sse.status(503, "no")
    chat = ChatWidget(api_key="sk-or-x")
    chat._connection.load_models()
    until(lambda: "openrouter/auto" in chat._controls.model.options)
    until(lambda: chat.model == "openrouter/free")
    chat.close()


def test_a_client_of_the_persons_own(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=server.base_url, api_key="sk-own")
    chat = make(client=client, model="test/model")
    server.script(sse.status(503, "busy"))
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    assert len(server.chats) == 1, "retries are the person's to see"
    assert chat.retry().wait(TIMEOUT).text == "You said: Hi"
    assert server.chats[0].headers["authorization"] == "Bearer sk-own"
    with pytest.raises(TypeError, match="client"):
        ChatWidget(client=client, api_key="x")


# The view's side of it


def test_the_browser_is_told_every_character_once(chat: ChatWidget, server: ScriptedServer) -> None:
    sent: list[dict[str, Any]] = []
    chat._transcript.send = lambda content, buffers=None: sent.append(content)
    text = [f"{i} " for i in range(500)]
    server.script(*map(sse.text, text), sse.finish(), DONE)
    chat.send("Hi").wait(TIMEOUT)
    deltas = [message for message in sent if message["type"] == "delta"]
    assert "".join(message["content"] for message in deltas) == "".join(text)
    numbers = [message["seq"] for message in sent if "seq" in message]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_page_that_loads_in_mid_reply_gets_all_there_is(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    go_on = threading.Event()
    server.script(sse.text("Hel"), sse.gate(go_on), sse.text("lo"), sse.finish(), DONE)
    reply = chat.send("Hi")
    until(lambda: reply.text)
    state = chat._transcript.get_state()["snapshot"]
    assert [message["content"] for message in state["messages"]] == ["Hi", "Hel"]
    assert state["busy"]
    go_on.set()
    reply.wait(TIMEOUT)


def test_a_closed_chat_leaves_no_widget_behind(make: Callable[..., ChatWidget]) -> None:
    from nbchat._widget.bundle import bundle

    bundle()
    before = widget_count()
    make().close()
    gc.collect()
    assert widget_count() == before


def widget_count() -> int:
    from ipywidgets.widgets import widget

    instances = getattr(widget, "_instances", None)
    return len(instances if instances is not None else widget.Widget.widgets)


def test_a_page_edits_no_reply_and_regenerates_no_question(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    server.script(sse.text("Hello"), sse.finish(), DONE)
    chat = make()
    chat.send("Hi").wait(TIMEOUT)
    question, reply = chat._session.messages()
    for type_, id_, more in (("edit", reply.id, {"content": "x"}), ("regenerate", question.id, {})):
        with pytest.raises(ValueError, match="Only"):
            ask_page(chat, type_, id=id_, **more)
    assert chat._session.messages() == [question, reply]
    assert len(server.chats) == 1
    from_json(to_json(chat._session.conversation, chat.settings))


def test_a_page_that_opens_in_mid_stream_gets_each_piece_once(
    chat: ChatWidget, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = chat._transcript
    sent: list[Any] = []
    pages: list[tuple[threading.Thread, list[dict[str, Any]]]] = []
    append, deliver = transcript.append, transcript._deliver

    def open_page_and_append(*arguments: Any) -> None:
        state: list[dict[str, Any]] = []
        page = threading.Thread(target=lambda: state.append(transcript.get_state()["snapshot"]))
        page.start()
        page.join(0.1)  # has to wait: the message has the text, and the pages do not
        pages.append((page, state))
        append(*arguments)

    def note(message: Any, *buffers: Any) -> None:
        sent.append(message)
        deliver(message, *buffers)

    monkeypatch.setattr(transcript, "append", open_page_and_append)
    monkeypatch.setattr(transcript, "_deliver", note)
    server.script(*(sse.text(f"word{n} ") for n in range(5)), sse.finish(), DONE)
    text = chat.send("Hi").wait(TIMEOUT).text
    assert len(pages) == 5
    for page, state in pages:
        page.join(TIMEOUT)
        (snapshot,) = state
        later = [each for each in sent if each["type"] == "delta" and each["seq"] > snapshot["seq"]]
        shown = snapshot["messages"][-1]["content"]
        assert shown + "".join(each.get("content", "") for each in later) == text
