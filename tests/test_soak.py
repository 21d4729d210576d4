"""Many replies, a very long one, many at once, and servers that trickle or flood.

`--long` makes it 10,000 replies.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from sse_server import DONE, Connection, ScriptedServer
from until import TIMEOUT, until

from nbchat import ChatWidget

pytestmark = pytest.mark.environments  # what it takes is time

PATIENCE_S = 300
WORDS = ("wörd ", "☺😀 ", "line\n", "\n\n", "```py\nx = 1\n```\n", "| a |\n", "日本語", "", " ")


class Browser:
    """What the browser is told of a chat's replies."""

    def __init__(self, chat: ChatWidget) -> None:
        self.texts: dict[str, str] = {}
        self.deltas = 0
        self._seq = chat._transcript._seq
        chat._transcript.send = self._receive

    def _receive(self, content: dict[str, Any], buffers: object = None) -> None:
        self._seq += 1
        assert content["seq"] == self._seq
        if content["type"] == "delta":
            self.deltas += 1
            id_ = content["id"]
            self.texts[id_] = self.texts.get(id_, "") + content.get("content", "")

    def text(self) -> str:
        """All that it was told since the last time."""
        texts, self.texts = self.texts, {}
        return "".join(texts.values())


def words(draw: random.Random, count: int) -> list[str]:
    return [draw.choice(WORDS) + str(draw.random()) for _ in range(count)]


def resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():  # not Linux
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory() -> int:
    """How many pieces of memory Python has given out."""
    gc.collect()
    return sys.getallocatedblocks()


def test_many_replies(
    make: Callable[..., ChatWidget], server: ScriptedServer, request: pytest.FixtureRequest
) -> None:
    count = 10_000 if request.config.getoption("--long") else 300
    draw = random.Random(5)
    chat = make(flush_interval_s=0.001)
    browser = Browser(chat)
    blocks = resident = 0
    for n in range(count):
        text = words(draw, draw.randint(1, 30))
        server.script(*map(sse.text, text), sse.finish(), sse.usage(), DONE)
        reply = chat.send(f"Question {n}").wait(PATIENCE_S)
        assert reply.text == "".join(text)
        assert browser.text() == reply.text
        chat.clear()
        server.requests.clear()
        if n == count // 3:
            blocks, resident = memory(), resident_bytes()
    # What Python itself keeps for later; a message is some 40, as often as there are replies.
    assert memory() - blocks < 1500
    assert resident_bytes() - resident < 30e6


def test_a_conversation_that_goes_on_grows_by_its_text(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    chat = make()

    def go_on(count: int) -> int:
        for n in range(count):
            server.script(*[sse.text("word ")] * 200, sse.finish(), sse.usage(), DONE)
            chat.send(f"Question {n}").wait(PATIENCE_S)
        server.requests.clear()
        return memory()

    before = go_on(20)
    # Two messages with what is known of them; the 200 pieces of each text are one.
    assert go_on(60) - before < 60 * 200
    assert len(chat.messages) == 160


def test_a_reply_of_5_mb(make: Callable[..., ChatWidget], server: ScriptedServer) -> None:
    draw = random.Random(6)
    chat = make()
    browser = Browser(chat)
    text = words(draw, 210_000)
    assert sum(len(word.encode()) for word in text) > 5e6
    server.script(b"".join([*map(sse.text, text), sse.finish(), DONE]))
    reply = chat.send("Hi").wait(PATIENCE_S)
    assert reply.text == "".join(text)
    assert browser.text() == reply.text
    before = resident_bytes()
    for _ in range(2):
        chat.clear()
        server.script(sse.text("".join(text)), sse.finish(), DONE)  # at once
        reply = chat.send("Hi").wait(PATIENCE_S)
        assert browser.text() == reply.text == "".join(text)
    assert resident_bytes() - before < 100e6


def test_20_chats_at_once(make: Callable[..., ChatWidget], server: ScriptedServer) -> None:
    draw = random.Random(7)
    go_on = threading.Event()
    texts = [words(draw, 150) for _ in range(20)]
    chats = [make() for _ in texts]
    browsers = [Browser(chat) for chat in chats]
    replies = []
    for n, (chat, text) in enumerate(zip(chats, texts, strict=True)):
        half = len(text) // 2
        steps = [*map(sse.text, text[:half]), sse.gate(go_on), *map(sse.text, text[half:])]
        server.script(*steps, sse.finish(), DONE)
        replies.append(chat.send(f"I am {n}"))
        server.wait_for_request(n + 1)
    until(lambda: all(reply.text for reply in replies))
    assert all(reply.status == "streaming" for reply in replies)
    go_on.set()
    for reply, browser, text in zip(replies, browsers, texts, strict=True):
        assert reply.wait(PATIENCE_S).text == "".join(text)
        assert browser.text() == reply.text


def test_a_server_that_trickles(make: Callable[..., ChatWidget], server: ScriptedServer) -> None:
    text = words(random.Random(8), 25)
    server.script(sse.split(1), sse.comment(), *map(sse.text, text), sse.finish(), DONE)
    chat = make()
    browser = Browser(chat)
    reply = chat.send("Hi").wait(PATIENCE_S)
    assert reply.text == browser.text() == "".join(text)
    assert reply.finish_reason == "stop"


def test_a_flood_is_told_to_the_browser_in_few_messages(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    text = words(random.Random(9), 30_000)
    server.script(b"".join([*map(sse.text, text), sse.finish(), DONE]))
    chat = make()
    browser = Browser(chat)
    start = time.monotonic()
    reply = chat.send("Hi").wait(PATIENCE_S)
    lasted = time.monotonic() - start
    assert reply.text == browser.text() == "".join(text)
    # One more when the model's name comes, one at the end.
    assert browser.deltas <= lasted / 0.04 + 3


def test_a_flood_without_end_starves_nobody_and_can_be_stopped(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    more = sse.text("more and ") * 1000

    async def flood(connection: Connection) -> None:
        while True:
            await connection.send(more)
            await asyncio.sleep(0)

    server.script(flood)
    flooded, other = make(), make()
    reply = flooded.send("Hi")
    until(lambda: len(reply.text) > 100_000)
    assert other.send("Hello").wait(TIMEOUT).text == "You said: Hello"
    assert reply.status == "streaming"
    flooded.stop()
    reply.wait(TIMEOUT)
    assert reply.status == "stopped"
    assert server.chats[0].ended.wait(TIMEOUT)
    assert server.chats[0].closed_early.is_set()
    whole = "more and " * (len(reply.text) // 9 + 1)
    assert whole.startswith(reply.text)
