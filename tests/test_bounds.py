"""What a server may answer has a bound, counted after inflating; its numbers are checked."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import sse_server as sse
from sse_server import DONE, Connection, ScriptedServer, chunk
from test_attachments import png
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget
from nbchat._chat.events import ContentDelta, Event, Failure, ImageOutput, ModelName, Usage
from nbchat._servers import model_cache
from nbchat._servers.catalogue import Catalogue
from nbchat._servers.chat_completions import stream
from nbchat._servers.chat_completions.stream import StreamReader
from nbchat._servers.error_messages import explain_body
from nbchat._servers.models import MOST_MODELS, parse_models

Make = Callable[..., ChatWidget]


def read(*pieces: bytes) -> list[Event]:
    reader = StreamReader()
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return events + reader.end()


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ContentDelta))


def failure(events: list[Event]) -> ChatError:
    assert isinstance(events[-1], Failure)
    return events[-1].error


# Numbers


@pytest.mark.parametrize("bad", [1.7e308, -1, 10**13, 10**400, "7", True])
def test_a_number_that_cannot_be_is_not_known(bad: object) -> None:
    usage: dict[str, Any] = {"prompt_tokens": bad, "completion_tokens": 5, "cost": bad}
    (known,) = (e for e in read(chunk({"content": "x"}, usage=usage)) if isinstance(e, Usage))
    assert known == Usage(completion_tokens=5)


def test_no_server_can_lift_max_cost_or_break_a_saved_chat(
    make: Make, server: ScriptedServer
) -> None:
    server.script(sse.text("ok"), sse.finish(), sse.usage(cost=0.5), DONE)
    wild = {"prompt_tokens": 1.7e308, "completion_tokens": 1.7e308, "cost": -2000}
    server.script(sse.text("ok"), sse.finish(), chunk({}, usage=wild), DONE)
    chat = make(max_cost=0.6)
    chat.send("One").wait(TIMEOUT)
    with pytest.raises(ChatError, match="limit"):
        chat.send("Two").wait(TIMEOUT)
    chat.max_cost = 2
    assert chat.retry().wait(TIMEOUT).cost is None
    assert chat.usage is not None
    assert chat.usage.cost == 0.5
    assert len(chat.to_frame()) == 4


# What a stream may hold


def test_a_line_without_an_end_is_read_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MOST_EVENT_BYTES", 100_000)
    sent = iter([sse.text("Hello"), b"data: {", *[b"x" * 10_000] * 1_000])
    events = read(*sent)
    assert text_of(events) == "Hello", "what came is kept"
    assert "more than 0 MB" in str(failure(events))


def test_lines_without_a_blank_line_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MOST_EVENT_BYTES", 100_000)
    events = read(sse.text("Hello"), *[b"data:\n" * 1_000] * 100)
    assert failure(events).kind == "too_large"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x" * 1_000},
        {"reasoning": "x" * 1_000},
        {"reasoning_content": "x" * 1_000},
        {"content": "x", "reasoning_details": [{"type": "new", "data": [{}] * 50}]},
        {"content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "x" * 1_000}]},
        {"content": "x", "tool_calls": [{"function": {"name": "f", "arguments": "x" * 5_000}}]},
    ],
)
def test_a_reply_has_a_limit_in_whatever_comes(
    delta: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_MOST_KEPT_BYTES", 100_000)
    events = read(sse.text("Hello"), *[chunk(delta)] * 300)
    assert text_of(events).startswith("Hello")
    assert failure(events).kind == "too_large"
    assert not any(isinstance(event, Failure) for event in events[:-1])


def test_a_long_reply_is_far_from_the_limits() -> None:
    # As OpenRouter streams 20,000 tokens of reasoning and a call with 20,000.
    call = {"index": 0, "id": None, "type": "function", "function": {"arguments": "word"}}
    reader = StreamReader()
    for piece in (sse.reasoning("word"), chunk({"tool_calls": [call]})):
        for _ in range(20_000):
            reader.feed(piece)
    assert not reader.done
    assert reader._kept_bytes < stream._MOST_KEPT_BYTES / 5
    assert reader._stream_bytes < stream._MOST_STREAM_BYTES / 5


def test_the_images_of_a_reply_are_counted() -> None:
    def image(number: int) -> bytes:
        url = (
            "data:image/png;base64," + base64.b64encode(png() + number.to_bytes(4, "big")).decode()
        )
        return chunk({"content": "", "images": [{"image_url": {"url": url}}]})

    events = read(sse.text("Hello"), *map(image, range(3_000)), DONE)
    assert sum(isinstance(event, ImageOutput) for event in events) == 16
    assert "more than 16 images" in str(failure(events))
    # All in one chunk, and the end right behind it.
    data = b"".join(map(image, range(17)))
    events = read(data + DONE)
    assert sum(isinstance(event, ImageOutput) for event in events) == 16
    assert failure(events).kind == "too_large"


def test_20_000_names_of_a_model_are_no_20_000_messages(make: Make, server: ScriptedServer) -> None:
    names = [sse.text("x", model=f"model/{i}") for i in range(20_000)]
    assert sum(isinstance(event, ModelName) for event in read(*names)) < 10
    (name,) = (e.name for e in read(sse.text("x", model="a\n" * 9_000)) if isinstance(e, ModelName))
    assert len(name) <= 200
    assert name.isprintable()


def test_a_chunk_of_a_million_values_is_not_parsed() -> None:
    before = time.monotonic()
    events = read(sse.text("Hello"), b'data: {"x": [' + b"{}," * 3_000_000 + b"{}]}\n\n", DONE)
    assert text_of(events) == "Hello"
    assert failure(events).kind == "unreadable"
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "model " * 160_000},
        {"type": "api key " * 120_000},
        {"message": "x", "metadata": {"limit_source": "model " * 160_000}},
        {"message": "[" + "{}," * 330_000 + "{}]"},
    ],
)
def test_an_error_body_is_explained_at_once(fields: dict[str, Any]) -> None:
    started = time.process_time()
    error = explain_body({"error": fields}, status=400)
    assert time.process_time() - started < 0.5
    assert len(str(error)) < 1_000


# Over the network


def bomb(line: bytes, megabytes: int) -> bytes:
    """A gzip body that repeats a line."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = line * (1_000_000 // len(line))
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])


def answer(code: int, *parts: bytes, times: int = 1, **headers: str) -> sse.Step:
    """Sends an answer part by part, so that the server itself holds little of it."""

    async def step(connection: Connection) -> None:
        connection.broken = True
        fields = {"content-type": "application/json", "connection": "close", **headers}
        head = "".join(f"{name.replace('_', '-')}: {each}\r\n" for name, each in fields.items())
        await connection.write(f"HTTP/1.1 {code} Told\r\n{head}\r\n".encode())
        for _ in range(times):
            for part in parts:
                await connection.write(part)

    return step


GZIP = {"content_encoding": "gzip"}


def test_a_compressed_answer_is_read(make: Make, server: ScriptedServer) -> None:
    models = gzip.compress(json.dumps({"data": [{"id": "test/model"}, {"id": "b"}]}).encode())
    server.models = answer(200, models, **GZIP)
    stream_ = gzip.compress(sse.text("Hello") + sse.finish() + DONE)
    server.script(answer(200, *(bytes([each]) for each in stream_), **GZIP))
    server.script(answer(429, gzip.compress(b'{"error": {"message": "slow down"}}'), **GZIP))
    chat = make()
    assert chat.send("Hi").wait(TIMEOUT).text == "Hello"
    until(lambda: chat._connection.catalogue.ids == ["b", "test/model"])
    with pytest.raises(ChatError, match="slow down") as caught:
        chat.send("Hi").wait(TIMEOUT)
    assert caught.value.status_code == 429
    assert {request.headers["accept-encoding"] for request in server.requests} == {"gzip"}


def test_a_server_of_a_client_that_was_passed(server: ScriptedServer) -> None:
    from openai import AsyncOpenAI

    server.script(answer(200, gzip.compress(sse.text("Hello") + sse.finish() + DONE), **GZIP))
    server.script(answer(200, bomb(b": %b\n" % (b"x" * 200), 200), **GZIP))
    client = AsyncOpenAI(base_url=server.base_url, api_key="none")
    with_client = ChatWidget(client=client, model="test/model")
    assert with_client.send("Hi").wait(TIMEOUT).text == "Hello"
    with pytest.raises(ChatError, match="more than nbchat reads"):
        with_client.send("Hi").wait(TIMEOUT)
    with_client.close()


def test_an_encoding_that_was_not_asked_for(make: Make, server: ScriptedServer) -> None:
    server.script(answer(200, b"\x00" * 100, content_encoding="br"))
    with pytest.raises(ChatError, match="could not be read"):
        make().send("Hi").wait(TIMEOUT)
    server.script(answer(200, sse.text("not gzip"), **GZIP))
    with pytest.raises(ChatError, match="could not be read"):
        make().send("Hi").wait(TIMEOUT)


def test_of_an_error_body_the_start_is_read(make: Make, server: ScriptedServer) -> None:
    server.script(answer(503, b'{"error": "Out for lunch', b" and more" * 1_000, times=10_000))
    started = time.monotonic()
    with pytest.raises(ChatError, match="overloaded") as caught:
        make().send("Hi").wait(TIMEOUT)
    assert "Out for lunch" in str(caught.value)
    assert server.chats[0].closed_early.wait(TIMEOUT), "the rest is not read"
    assert time.monotonic() - started < TIMEOUT


@pytest.mark.usefixtures("empty_cache")
def test_a_list_that_is_too_large_is_refused_in_words(make: Make, server: ScriptedServer) -> None:
    entry = b'{"id": "a/b", "name": "' + b"x" * 1_000 + b'"},'
    server.models = answer(200, b'{"data": [', entry * 1_000, times=100)
    chat = make(model=None)
    with pytest.raises(ChatError, match="list at /models is larger than 10 MB"):
        chat.send("Hi").wait(TIMEOUT)
    assert not list((model_cache.cache_dir() / "models").glob("*"))


@pytest.mark.usefixtures("empty_cache")
def test_the_cache_of_lists_is_bounded() -> None:
    model_cache.write("http://a/v1", {"data": ["é" * 2_000_000]})
    assert model_cache.read("http://a/v1") is None
    model_cache.write("http://a/v1", {"data": []})
    (path,) = (model_cache.cache_dir() / "models").iterdir()
    path.write_bytes(b'{"data": [' + b" " * 20_000_000 + b"]}")
    assert model_cache.read("http://a/v1") is None


_CHILD = """
import asyncio, resource, sys
from nbchat._chat.errors import ChatError
from nbchat._servers.engine import Engine, Timeouts
from nbchat._servers.providers import endpoint

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000  # MB on Linux

async def main(what, url):
    engine = Engine(endpoint(url, None), Timeouts(60, 60))
    late, ended = 0.0, False
    async def watch():
        nonlocal late
        while not ended:
            before = asyncio.get_running_loop().time()
            await asyncio.sleep(0.01)
            late = max(late, asyncio.get_running_loop().time() - before - 0.01)
    await engine.client()
    before, watching = peak(), asyncio.create_task(watch())
    said = []
    if what == "chat":
        await engine.stream({"model": "m", "messages": []}, said.append)
        print(said[-1].error.kind)
    else:
        try:
            await engine.get("/models")
        except ChatError as error:
            print(error.kind)
    ended = True
    await watching
    print(peak() - before)
    print(late)

asyncio.run(main(*sys.argv[1:]))
"""


def in_a_child(what: str, server: ScriptedServer) -> tuple[str, int, float]:
    """Returns the error's kind, the growth of the process in MB, and how long its loop stood."""
    run = subprocess.run(
        [sys.executable, "-c", _CHILD, what, server.base_url],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    kind, megabytes, late = run.stdout.split()
    return kind, int(megabytes), float(late)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads the process's size as on Linux")


@LINUX
@pytest.mark.parametrize(
    ("what", "kind", "most"),
    [
        ("a bomb in a list", "too_large", 60),
        ("a list of 400 MB", "too_large", 60),
        ("an error of 300 MB", "overloaded", 60),
        ("a bomb in an error", "overloaded", 60),
        ("a bomb of one line", "too_large", 150),
        ("a bomb of comments", "too_large", 60),
        ("a bomb of text", "too_large", 400),
    ],
)
def test_memory_stays_flat(
    what: str, kind: str, most: int, server: ScriptedServer, request: pytest.FixtureRequest
) -> None:
    quick = ("a bomb in a list", "a bomb in an error", "a bomb of one line")
    if what not in quick and not request.config.getoption("--long"):
        pytest.skip("takes long: --long")
    match what:
        case "a bomb in a list":
            server.models = answer(200, bomb(b'{"id": "a"},', 400), **GZIP)
        case "a list of 400 MB":
            server.models = answer(200, b'{"id": "a"},' * 10_000, times=3_400)
        case "an error of 300 MB":
            server.script(answer(503, b"x" * 100_000, times=3_000))
        case "a bomb in an error":
            server.script(answer(503, bomb(b"x", 300), **GZIP))
        case "a bomb of one line":
            server.script(answer(200, bomb(b"x", 300), **GZIP))
        case "a bomb of comments":
            server.script(answer(200, bomb(b": %b\n" % (b"x" * 200), 400), **GZIP))
        case "a bomb of text":
            server.script(answer(200, bomb(sse.text("x" * 900), 400), **GZIP))
    found, megabytes, late = in_a_child("get" if "list" in what else "chat", server)
    assert found == kind
    assert megabytes < most
    assert late < 3, "the loop stood still: other chats wait"


# The catalogue


def test_models_and_their_ids_have_a_bound() -> None:
    entries = [{"id": f"maker/model-{i}"} for i in range(100_000)]
    assert len(parse_models(entries)) == MOST_MODELS
    long = [{"id": "x" * 20_000}, {"id": "a\nb"}, {"id": "see http://evil.example"}, {"id": "ok"}]
    assert [model.id for model in parse_models(long)] == ["ok"]
    many = {"id": "ok", "name": "n" * 9_000, "aliases": ["a" * 9_000, *map(str, range(9_000))]}
    (model,) = parse_models([many])
    assert len(model.name) < 300
    assert len(model.aliases) < 300


def test_the_nearest_model_is_found_at_once_among_the_worst() -> None:
    ids = [f"{'a' * 250}{i}" for i in range(MOST_MODELS)] + ["maker/small-2"]
    catalogue = Catalogue(tuple(parse_models([{"id": id_} for id_ in ids])[: MOST_MODELS - 1]))
    started = time.process_time()
    assert catalogue.nearest("a" * 20_000) is not None
    assert catalogue.nearest("") is not None
    assert time.process_time() - started < 2
    few = Catalogue(tuple(parse_models([{"id": id_} for id_ in ids[-2:]])))
    found = few.nearest("maker/small-1")
    assert found is not None
    assert found.id == "maker/small-2"
    sentence = Catalogue(tuple(parse_models([{"id": "maker/small-1 is bad: call 555"}])))
    assert sentence.nearest("maker/small-1") is None, "the chat proposes no sentence"


def test_a_list_that_was_cut_says_of_no_model_that_it_is_gone(
    make: Make, server: ScriptedServer
) -> None:
    server.models = [{"id": f"a/{i}"} for i in range(MOST_MODELS + 1)]
    chat = make(model="b/not-among-them")
    chat.send("Hi").wait(TIMEOUT)
    until(lambda: len(chat._connection.catalogue.ids) == MOST_MODELS)
    assert not chat._connection.catalogue.lacks("b/not-among-them")
