"""The background: one daemon thread per kernel runs one asyncio loop, every reply is a task on it.

Streaming goes on there while a cell computes or sleeps, where a task on the kernel's own loop would
stand still.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from nbchat._chat.errors import ChatError

if TYPE_CHECKING:
    import asyncio  # in plain Python it takes about as long as nbchat itself: not before it is used

    from openai import AsyncOpenAI

    from nbchat._chat.events import Event
    from nbchat._servers.chat_completions.stream import StreamReader

    from .providers import Provider

_CONNECT_TIMEOUT_S = 15.0
_GET_TIMEOUT_S = 30.0


class Background:
    """The loop that replies run on, and the thread it runs in (None: the kernel's own loop)."""

    def __init__(self) -> None:
        import asyncio

        self.pid = os.getpid()
        self.thread: threading.Thread | None = None
        self.loop = asyncio.new_event_loop()
        try:
            thread = threading.Thread(target=self._run, name="nbchat", daemon=True)
            thread.start()
            self.thread = thread
        except RuntimeError:  # no threads in Pyodide
            self.loop.close()
            self.loop = asyncio.get_event_loop()

    def _run(self) -> None:
        import asyncio

        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Runs `function` on the loop, from any thread."""
        self.loop.call_soon_threadsafe(function, *args)


_background: Background | None = None
_starting = threading.Lock()


def background() -> Background:
    """This process's background, started on first use (a forked child needs its own)."""
    global _background
    with _starting:
        if _background is None or _background.pid != os.getpid():
            _background = Background()
        return _background


class Deadline:
    """Cancels a task that has heard nothing for too long; extending it costs one clock read."""

    def __init__(self, task: asyncio.Task[None], seconds: float) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._task = task
        self.seconds = seconds
        self.expired = False
        self._at = self._loop.time() + seconds
        self._handle = self._loop.call_at(self._at, self._check)

    def extend(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = self._loop.time() + seconds
        if self._at < self._handle.when():
            self._handle.cancel()
            self._handle = self._loop.call_at(self._at, self._check)

    def _check(self) -> None:
        if self._loop.time() >= self._at:
            self.expired = True
            self._task.cancel()
        else:
            self._handle = self._loop.call_at(self._at, self._check)

    def close(self) -> None:
        self._handle.cancel()


class Timeouts:
    """How long a server may be silent, in seconds: before a reply's first chunk, and within it.

    Raises:
        ValueError: Not more than 0.
    """

    def __init__(self, first_token_timeout_s: float, idle_timeout_s: float) -> None:
        self.first_token_timeout_s = first_token_timeout_s
        self.idle_timeout_s = idle_timeout_s
        for name, seconds in vars(self).items():
            if not seconds > 0:
                raise ValueError(f"{name} must be more than 0 seconds, not {seconds}")


class Engine:
    """Streams replies from one endpoint.

    Args:
        provider: Where requests go.
        timeouts: How long it may be silent.
        client: A ready `AsyncOpenAI` to use instead of one made for the provider.
        prepare: Called in a thread before each request, for an endpoint that must be started first;
            gives the provider as it is then.
    """

    def __init__(
        self,
        provider: Provider,
        timeouts: Timeouts,
        *,
        client: AsyncOpenAI | None = None,
        prepare: Callable[[], Provider] | None = None,
    ) -> None:
        self.provider = provider
        self.owns_client = client is None
        self._client = client and client.with_options(max_retries=0)
        self._prepare = prepare
        self._timeouts = timeouts

    async def stream(self, body: dict[str, Any], apply: Callable[[Event], None]) -> None:
        """Sends one request and applies the events of its answer, a `Failure` last if it failed.

        Cancelling the task closes the connection, which tells the server to stop.
        """
        import asyncio

        from nbchat._chat.events import Failure
        from nbchat._servers.chat_completions.stream import StreamReader

        reader = StreamReader(
            server=self.provider.name, model=body["model"], key_env=self.provider.key_env
        )
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: coroutines run in tasks
        deadline = Deadline(task, self._timeouts.first_token_timeout_s)
        failure: Failure | None = None
        try:
            await self._read(body, reader, apply, deadline)
        except asyncio.CancelledError:
            if not deadline.expired:
                raise
            failure = Failure(self._silence(deadline.seconds))
        except Exception as error:
            failure = Failure(self._explain(error, body["model"]))
        finally:
            deadline.close()
        for event in reader.end():  # text that was held back may still come
            if failure is None or not isinstance(event, Failure):
                apply(event)
        if failure is not None:
            apply(failure)

    async def _read(
        self,
        body: dict[str, Any],
        reader: StreamReader,
        apply: Callable[[Event], None],
        deadline: Deadline,
    ) -> None:
        heard = 0
        async with self._response(body) as pieces:
            async for piece in pieces:
                for event in reader.feed(piece):
                    apply(event)
                # Comments say that the server is up, not that a reply is coming.
                if reader.chunks != heard:
                    heard = reader.chunks
                    deadline.extend(self._timeouts.idle_timeout_s)
                if reader.done:
                    break

    @asynccontextmanager
    async def _response(self, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        client = await self.client()
        from openai import AsyncStream

        # The SDK's own decoder gives up at the first irregular event and loses what follows, and
        # its typed chunks cost four times as much: take the response's bytes.
        stream = await client.post(
            "/chat/completions",
            body=body,
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        async with stream:
            yield stream.response.aiter_bytes()

    @property
    def is_prepared(self) -> bool:
        """Whether the endpoint is started for each request, at an address that changes."""
        return self._prepare is not None

    async def get(self, path: str) -> object:
        """The parsed answer of what the endpoint has at this path, such as `/models`.

        Raises:
            ChatError: It can't be had.
        """
        import asyncio

        try:
            client = await self.client()
            answer = client.get(path, cast_to=object)
            return await asyncio.wait_for(answer, _GET_TIMEOUT_S)
        except Exception as error:
            raise self._explain(error, None) from None

    async def client(self) -> AsyncOpenAI:
        """The SDK's client, made on first use: importing it takes a second."""
        if self._prepare is not None:
            import asyncio

            provider = await asyncio.to_thread(self._prepare)
            if provider != self.provider:
                await self.close()
                self.provider = provider
        if self._client is None:
            await import_openai()
        if self._client is None:  # another request may have made it meanwhile
            self._client = make_client(self.provider)
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self.owns_client:
            await client.close()

    def _explain(self, error: BaseException, model: str | None) -> ChatError:
        from .error_messages import explain

        return explain(error, server=self.provider.name, key_env=self.provider.key_env, model=model)

    def _silence(self, seconds: float) -> ChatError:
        return ChatError(
            f"{self.provider.name} sent nothing for {seconds:.0f} s, so the request was ended.",
            retryable=True,
        )


def make_client(provider: Provider) -> AsyncOpenAI:
    """An SDK client that sends the provider's key to the provider, and nothing else to anyone."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit, Timeout

    key = provider.key.reveal() if provider.key else "none"  # a blank one: OPENAI_API_KEY is sent
    # The SDK adds headers, an organization and a project from the environment to every base_url.
    ambient = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    headers: dict[str, Any] = {}
    for name in (line.partition(":")[0].strip() for line in ambient):
        headers[name] = f"Bearer {key}" if name.lower() == "authorization" else Omit()
    headers |= provider.headers
    client = AsyncOpenAI(
        base_url=provider.base_url,
        api_key=key,
        max_retries=0,  # a retry is the person's to see
        timeout=Timeout(None, connect=_CONNECT_TIMEOUT_S),  # replies have deadlines of their own
        default_headers=headers,
        http_client=DefaultAsyncHttpxClient(
            # A proxy of the environment is not for what runs on this machine.
            trust_env=not provider.is_loopback,
            # What is said to one server is for no other.
            follow_redirects=False,
        ),
    )
    client.organization = client.project = None
    return client


async def import_openai() -> None:
    """Imports the SDK, which takes a second, in a thread of its own: replies stream on."""
    if "openai" in sys.modules or background().thread is None:
        return
    import asyncio

    await asyncio.to_thread(importlib.import_module, "openai")


def start(coroutine: Coroutine[Any, Any, None]) -> Callable[[], None]:
    """Starts a task on the background loop, from any thread; gives a function that cancels it."""
    running = background()
    task: asyncio.Task[None] | None = None
    cancelled = False

    def run() -> None:
        nonlocal task
        if cancelled:
            coroutine.close()
        else:
            task = running.loop.create_task(coroutine)

    def cancel_task() -> None:
        if task is not None:
            task.cancel()

    def cancel() -> None:
        nonlocal cancelled
        cancelled = True
        running.call(cancel_task)

    running.call(run)
    return cancel
