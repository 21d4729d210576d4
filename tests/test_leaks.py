"""What a chat takes of the process, it gives back: threads, tasks, sockets, widgets, memory."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import sse_server as sse
from pages import receive
from sse_server import ScriptedServer
from test_chat import widget_count
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget
from nbchat._chat.background import REPEAT_S, background, start
from nbchat._servers import engine

FDS = "/proc/self/fd"

Round = Callable[[ScriptedServer, int], ChatWidget]


def new_chat(server: ScriptedServer) -> ChatWidget:
    return ChatWidget(base_url=server.base_url, api_key="sk-test", model="test/model")


def stopped(server: ScriptedServer, n: int) -> ChatWidget:
    """Stopped at once, or before the server has answered, or in mid-reply."""
    step = n % 3
    server.script(*([sse.text("Hel")] if step == 2 else []), sse.hang())
    chat = new_chat(server)
    reply = chat.send("Hi")
    if step > 0:
        server.wait_for_request()
    if step == 2:
        until(lambda: reply.text)
    chat.stop()
    chat.close()
    return chat


def complete(server: ScriptedServer, n: int) -> ChatWidget:
    chat = new_chat(server)
    assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"
    chat.close()
    return chat


def closed_in_mid_reply(server: ScriptedServer, n: int) -> ChatWidget:
    server.script(sse.text("Hel"), sse.hang())
    chat = new_chat(server)
    chat.on_reply(lambda reply: None)
    reply = chat.send("Hi")
    chat.send("And", queue=True)
    until(lambda: reply.text)
    chat.close()
    return chat


def failed(server: ScriptedServer, n: int) -> ChatWidget:
    answers = [sse.drop(), sse.status(500, "no"), sse.status(200, "<html>"), sse.error("no")]
    server.script(sse.text("Hel"), answers[0]) if n % 4 == 0 else server.script(answers[n % 4])
    chat = new_chat(server)
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    chat.close()
    return chat


def idle(server: ScriptedServer, n: int) -> ChatWidget:
    """Made, shown by a page, which asks for the models, and closed."""
    chat = new_chat(server)
    receive(chat, {"type": "resync", "seq": 0})
    chat.close()
    return chat


class Resources:
    """What this process holds of that which garbage collection alone would not give back."""

    def __init__(self) -> None:
        gc.collect()
        # The loop's own pool, which is bounded, stays.
        names = [thread.name for thread in threading.enumerate()]
        self.threads = [name for name in names if not name.startswith("asyncio_")]
        self.tasks = len(asyncio.all_tasks(background().loop))
        self.files = len(os.listdir(FDS)) if os.path.isdir(FDS) else 0
        self.widgets = widget_count()
        self.at_exit = atexit._ncallbacks()

    def more_than(self, before: Resources) -> dict[str, Any]:
        pairs = {
            "threads": (len(before.threads), len(self.threads)),
            "tasks": (before.tasks, self.tasks),
            "files": (before.files, self.files),
            "widgets": (before.widgets, self.widgets),
            "functions at exit": (before.at_exit, self.at_exit),
        }
        return {name: pair for name, pair in pairs.items() if pair[1] > pair[0]}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The SDK's clients that are made: each may keep a connection open until it is closed."""
    made: list[Any] = []

    def make_client(provider: Any) -> Any:
        made.append(_make_client(provider))
        return made[-1]

    _make_client = engine.make_client
    monkeypatch.setattr(engine, "make_client", make_client)
    return made


def run(round_: Round, server: ScriptedServer, rounds: int) -> list[weakref.ref[ChatWidget]]:
    chats = []
    for n in range(rounds):
        chats.append(weakref.ref(round_(server, n)))
        until(lambda: all(request.ended.is_set() for request in server.requests))
        server.requests.clear()
        server._scripts.clear()
    return chats


@pytest.mark.parametrize(
    ("round_", "rounds"),
    [(stopped, 200), (complete, 200), (closed_in_mid_reply, 50), (failed, 50), (idle, 50)],
)
def test_a_closed_chat_leaves_nothing(
    round_: Round, rounds: int, server: ScriptedServer, clients: list[Any]
) -> None:
    run(round_, server, 8)
    before = Resources()
    chats = run(round_, server, rounds)
    until(lambda: not Resources().more_than(before))
    until(lambda: all(client.is_closed() for client in clients))
    clients.clear()
    until(lambda: gc.collect() >= 0 and not [chat for chat in chats if chat() is not None])


def test_going_from_server_to_server_leaves_nothing_of_the_last(
    server: ScriptedServer, clients: list[Any]
) -> None:
    with ScriptedServer() as other:
        chat = new_chat(server)

        def go_on(rounds: int) -> None:
            for n in range(rounds):
                there = (server, other)[n % 2]
                chat.use_server(base_url=there.base_url, model="test/model")
                chat.send("Hi").wait(TIMEOUT)
                chat.clear()

        go_on(10)
        until(lambda: all(client.is_closed() for client in clients[:-1]))
        before = Resources()
        go_on(100)
        until(lambda: not Resources().more_than(before))
        until(lambda: all(client.is_closed() for client in clients[:-1]))
        chat.close()
        until(lambda: clients[-1].is_closed())


def test_a_task_that_loses_a_cancellation_is_cancelled_all_the_same() -> None:
    """As with anyio on Python 3.10, which can lose the one that comes while it connects."""
    started, lost, ended = threading.Event(), threading.Event(), threading.Event()

    async def request() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    stop = start(request())
    assert started.wait(TIMEOUT)
    stop()
    assert lost.wait(TIMEOUT)
    assert ended.wait(TIMEOUT)


def test_a_deadline_cancels_its_request_and_nothing_after_it() -> None:
    async def request_and_more() -> bool:
        task = asyncio.current_task()
        assert task is not None
        deadline = engine.Deadline(task, 0.01)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        finally:
            deadline.close()
        await asyncio.sleep(2 * REPEAT_S)  # until a cancellation would be repeated
        return deadline.expired

    assert asyncio.run(request_and_more())


@pytest.mark.parametrize("code", ["ChatWidget(model='x', ", "compare('Hi', ['x', 'y'], "])
def test_a_script_that_closes_nothing_ends_without_a_word(code: str) -> None:
    code = f"import nbchat; it = nbchat.{code}base_url='http://127.0.0.1:9/v1', api_key='none')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
