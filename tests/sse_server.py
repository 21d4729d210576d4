"""A scripted chat server on a real socket, speaking OpenRouter's dialect.

A script is a row of steps. Bytes are sent as they are, and `text`, `reasoning`, `usage` and the
like make them; all else is a coroutine function that gets the `Connection`:

    with ScriptedServer() as server:
        more = threading.Event()
        server.script(comment(), text("Hel"), gate(more), text("lo"), finish(), usage(), DONE)

The head of the answer goes out with the first bytes, so a script that begins with `gate`, `pause`
or `hang` is a server that has not answered yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

MODEL = "test/model"
DONE = b"data: [DONE]\n\n"


@dataclass
class Request:
    """What the client asked, and how its connection ended."""

    method: str
    path: str  # below base_url: "/chat/completions"
    headers: dict[str, str]  # names in lower case
    body: Any
    closed_early: threading.Event = field(default_factory=threading.Event)
    """Set when the client left before its script had ended."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when the connection is over, one way or the other."""


class Connection:
    """The server's end of one request; steps write to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._head_sent = False
        self.piece: int | None = None  # bytes per TCP segment and HTTP chunk; None: as they come
        self.broken = False  # or else nothing may follow, not even the end

    async def send(self, data: bytes) -> None:
        if not self._head_sent:
            self._head_sent = True
            await self.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"cache-control: no-cache\r\nx-generation-id: gen-test\r\n"
                b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            )
        size = self.piece or max(1, len(data))
        for start in range(0, len(data), size):
            part = data[start : start + size]
            await self.write(b"%x\r\n%b\r\n" % (len(part), part))

    async def answer(self, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer of its own, in the place of a stream."""
        self.broken = True
        fields = {"content-length": str(len(body)), "connection": "close", **headers}
        lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase if code in _CODES else 'Unknown'}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        await self.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        if not self.broken:
            await self.send(b"")
            await self.write(b"0\r\n\r\n")


_CODES = {int(status) for status in HTTPStatus}

Step: TypeAlias = "bytes | Callable[[Connection], Awaitable[None]]"


def event(data: object) -> bytes:
    """One SSE event with anything that JSON can say."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def chunk(
    delta: Mapping[str, object],
    *,
    finish_reason: str | None = None,
    model: str = MODEL,
    **top: object,
) -> bytes:
    """One `chat.completion.chunk`; `top` goes beside its choices."""
    choice = {
        "index": 0,
        "delta": {"role": "assistant", **delta},
        "finish_reason": finish_reason,
        "native_finish_reason": finish_reason,
        "logprobs": None,
    }
    return event(
        {
            "id": "gen-test",
            "provider": "Test",
            "model": model,
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "choices": [choice],
            **top,
        }
    )


def text(content: str, *, model: str = MODEL) -> bytes:
    return chunk({"content": content}, model=model)


def reasoning(content: str) -> bytes:
    details = [{"type": "reasoning.text", "text": content, "format": "unknown", "index": 0}]
    return chunk({"content": "", "reasoning": content, "reasoning_details": details})


def finish(reason: str = "stop", *, model: str = MODEL) -> bytes:
    return chunk({"content": ""}, finish_reason=reason, model=model)


def usage(
    prompt_tokens: int = 10,
    completion_tokens: int = 20,
    *,
    reasoning_tokens: int = 0,
    cost: float = 0.0,
    model: str = MODEL,
) -> bytes:
    return chunk(
        {"content": ""},
        model=model,
        usage={
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "cost": cost,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
        },
    )


def comment(said: str = "OPENROUTER PROCESSING") -> bytes:
    return f": {said}\n\n".encode()


def error(message: str, code: int = 502, **metadata: object) -> bytes:
    """An error in mid-stream, as OpenRouter documents it."""
    body = {"code": code, "message": message, "metadata": metadata}
    return chunk({"content": ""}, finish_reason="error", error=body)


def status(code: int, body: object, headers: Mapping[str, str] | None = None) -> Step:
    """An answer that is no stream: bytes and text go out as they are, all else as JSON."""
    if isinstance(body, bytes):
        content, kind = body, "application/octet-stream"
    elif isinstance(body, str):
        content, kind = body.encode(), "text/plain; charset=utf-8"
    else:
        content, kind = json.dumps(body).encode(), "application/json"

    async def step(connection: Connection) -> None:
        await connection.answer(code, content, {"content-type": kind, **(headers or {})})

    return step


def pause(seconds: float) -> Step:
    async def step(connection: Connection) -> None:
        await asyncio.sleep(seconds)

    return step


def gate(opened: threading.Event) -> Step:
    """Waits until the test sets the event: to look at mid-stream without sleeping."""

    async def step(connection: Connection) -> None:
        while not opened.is_set():
            await asyncio.sleep(0.005)

    return step


def hang() -> Step:
    """Says nothing more until the client leaves."""

    async def step(connection: Connection) -> None:
        await asyncio.Event().wait()

    return step


def drop() -> Step:
    """Closes the connection in mid-body. With FIN, not RST: what was sent does arrive."""

    async def step(connection: Connection) -> None:
        connection.broken = True

    return step


def split(piece: int) -> Step:
    """From here on, sends pieces of this many bytes."""

    async def step(connection: Connection) -> None:
        connection.piece = piece

    return step


def replay(path: Path, piece: int = 7) -> Step:
    """Sends a recorded body in odd-sized pieces."""
    recorded = path.read_bytes()

    async def step(connection: Connection) -> None:
        connection.piece = piece
        await connection.send(recorded)

    return step


def echo(body: Any) -> list[Step]:
    """What the server says when no script is queued: the last message, told back."""
    model = str(body.get("model", MODEL))
    said = next((m["content"] for m in reversed(body["messages"]) if m["role"] == "user"), "")
    words = f"You said: {said}".split(" ")
    pieces = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
    return [
        comment(),
        *(text(piece, model=model) for piece in pieces),
        finish(model=model),
        usage(completion_tokens=len(pieces), model=model),
        DONE,
    ]


class ScriptedServer:
    """Answers `POST /chat/completions` with the queued scripts, `GET /models`, and more if asked.

    Attributes:
        base_url: What a client takes as its `base_url`.
        requests: All requests that came, in order.
        models: What `GET /models` lists, or a step such as `status(503, "…")`.
        answers: Path below `base_url`, such as "/key" → what makes the step that answers a request.
    """

    base_url: str

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.models: list[dict[str, Any]] | Step = [
            {"id": MODEL, "name": "Test model", "context_length": 8192}
        ]
        self.answers: dict[str, Callable[[Request], Step]] = {}
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the scripted server did not start")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(60)
        if self._thread.is_alive():
            raise RuntimeError("the scripted server did not stop")

    def script(self, *steps: Step) -> None:
        """Queues the answer to a further `POST /chat/completions`."""
        self._scripts.append(steps)

    @property
    def chats(self) -> list[Request]:
        """The requests for a reply, in order."""
        return [r for r in self.requests if r.path == "/chat/completions"]

    def wait_for_request(self, n: int = 1, timeout: float = 60) -> Request:
        """The n-th request for a reply, counted from 1, as soon as it has come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.chats) >= n, timeout):
                raise TimeoutError(f"{len(self.chats)} of {n} requests came within {timeout} s")
        return self.chats[n - 1]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()
        # Not asyncio.start_server: closed while it accepts, it loses the connection's socket.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)

            def accept() -> None:
                client, _ = listener.accept()
                task = asyncio.ensure_future(self._handle(client))
                connections.add(task)
                task.add_done_callback(connections.discard)
                task.add_done_callback(lambda _: client.close())

            self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
            self._loop.add_reader(listener, accept)
            self._ready.set()
            await self._stopped.wait()
            self._loop.remove_reader(listener)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _handle(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        writer.transport.set_write_buffer_limits(0)  # drain() means sent
        try:
            await self._answer(await self._read(reader), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        fields = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(
            method, path.removeprefix("/v1"), headers, json.loads(body) if body else None
        )
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        return request

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = Connection(writer)
        script = asyncio.ensure_future(self._run(self._steps(request), connection))
        left = asyncio.ensure_future(reader.read())  # returns when the client hangs up
        try:
            await asyncio.wait({script, left}, return_when=asyncio.FIRST_COMPLETED)
            if not script.done() or isinstance(script.exception(), ConnectionError):
                request.closed_early.set()
            else:
                script.result()
                await connection.end()
        finally:
            script.cancel()
            left.cancel()
            await asyncio.gather(script, left, return_exceptions=True)
            request.ended.set()

    def _steps(self, request: Request) -> list[Step] | tuple[Step, ...]:
        if answer := self.answers.get(request.path):
            return [answer(request)]
        if (request.method, request.path) == ("POST", "/chat/completions"):
            return self._scripts.popleft() if self._scripts else echo(request.body)
        if (request.method, request.path) in (("GET", "/models"), ("GET", "/models/user")):
            models = self.models
            return [status(200, {"data": models}) if isinstance(models, list) else models]
        return [status(404, {"error": {"message": "Not Found", "code": 404}})]

    @staticmethod
    async def _run(steps: list[Step] | tuple[Step, ...], connection: Connection) -> None:
        for step in steps:
            if isinstance(step, bytes):
                await connection.send(step)
            else:
                await step(connection)
