"""Streams replies from one endpoint, as events."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbchat._chat.background import REPEAT_S, background
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Event, Failure
from nbchat._chat.keys import Secret
from nbchat._servers.chat_completions.stream import StreamReader

from . import bounded
from .error_messages import explain, explain_cause
from .providers import Provider

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_CONNECT_TIMEOUT_S = 15.0
_GET_TIMEOUT_S = 30.0
_TLS_TIMEOUT_S = 2.0


class Deadline:
    """Cancels a task that has received nothing for too long. Extending it costs one clock read."""

    def __init__(self, task: asyncio.Task[None], seconds: float) -> None:
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
            # Again until `close`, as `background.cancel` does: after it, the task may retry.
            self._handle = self._loop.call_later(REPEAT_S, self._check)
        else:
            self._handle = self._loop.call_at(self._at, self._check)

    def close(self) -> None:
        self._handle.cancel()


class Timeouts:
    """How long a server may be silent, in seconds: before the first chunk, and between chunks.

    Raises:
        ValueError: A timeout is not more than 0.
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
        timeouts: How long the server may be silent.
        client: An `AsyncOpenAI` to use instead of one made for the provider.
        prepare: Starts the endpoint and returns its provider. Called in a thread before each
            request.
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
        # Masked as long as it is in use, as the provider's key is.
        self._clients_key = client and Secret(client.api_key)
        self._prepare = prepare
        self._timeouts = timeouts

    async def stream(self, body: dict[str, Any], apply: Callable[[Event], None]) -> None:
        """Sends one request and applies the events of its reply; after an error, a `Failure` last.

        Cancelling the task closes the connection, within 2 ms (openai 2.54 and 3.54): the server
        sees it and stops.
        """
        reader = StreamReader(
            server=self.provider.name,
            model=body["model"],
            key_env=self.provider.key_env,
            sent_key=self._sends_key,
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
            explained = self._explain(error, body["model"])
            failure = Failure(explained if reader.chunks else await self._or_https(explained))
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
        async with self._response("/chat/completions", body) as response:
            async for piece in bounded.pieces(response):
                for event in reader.feed(piece):
                    apply(event)
                # Comments show that the server is up, not that a reply is coming. The SDK's own
                # read timeout would start again with each ": OPENROUTER PROCESSING".
                if reader.chunks != heard:
                    heard = reader.chunks
                    deadline.extend(self._timeouts.idle_timeout_s)
                if reader.done:
                    break

    @asynccontextmanager
    async def _response(self, path: str, body: object = None) -> AsyncIterator[Any]:
        """Sends a POST request with this body, or a GET request without one."""
        client = await self.client()
        from openai import AsyncStream

        # The SDK's decoder raises at the first irregular event and loses what follows, and its
        # typed chunks cost 146 µs instead of 18 µs (2.54 and 3.54): read the response's bytes.
        headers = dict(bounded.ENCODING)
        if body is None and self.provider.key is not None:
            headers |= self.provider.dialect.list_headers(self.provider.key)
        options: Any = {"headers": headers}
        how: Any = {"cast_to": object, "stream": True, "stream_cls": AsyncStream[object]}
        if body is None:
            stream = await client.get(path, options=options, **how)
        else:
            stream = await client.post(path, body=body, options=options, **how)
        async with stream:
            yield stream.response

    @property
    def is_prepared(self) -> bool:
        """Whether the endpoint is started for each request, at an address that changes."""
        return self._prepare is not None

    async def get(self, path: str) -> object:
        """Returns the parsed answer of the endpoint at this path, such as `/models`.

        Raises:
            ChatError: The request failed.
        """
        try:
            body = await asyncio.wait_for(self._get(path), _GET_TIMEOUT_S)
            return bounded.loads(body.decode("utf-8-sig"))
        except bounded.TooLargeError:
            most = f"The list at {path} is larger than {bounded.LIST_BYTES / 1e6:.0f} MB."
            raise explain_cause("too_large", server=self.provider.name, advice=most) from None
        except Exception as error:
            raise await self._or_https(self._explain(error, None)) from None

    async def _get(self, path: str) -> bytes:
        async with self._response(path) as response:
            return await bounded.read(response, bounded.LIST_BYTES)

    async def client(self) -> AsyncOpenAI:
        """Returns the SDK's client. It is made on first use: importing the SDK takes a second."""
        if self._prepare is not None:
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
        """Closes the connections, except those of a client that the user passed."""
        client, self._client = self._client, None
        if client is not None and self.owns_client:
            await client.close()

    async def _or_https(self, error: ChatError) -> ChatError:
        """Returns the error of a request without an answer; after a hang-up, it looks for HTTPS."""
        if error.kind == "lost" and await self._speaks_https():
            return explain_cause("speaks_https", server=self.provider.name)
        return error

    async def _speaks_https(self) -> bool:
        """Whether a server that hung up on plain HTTP answers TLS. Sends it no key and no text."""
        address = urlsplit(self.provider.base_url)
        if address.scheme != "http" or not self.owns_client or background().thread is None:
            return False
        try:
            import ssl

            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            opening = asyncio.open_connection(address.hostname, address.port or 80, ssl=context)
            _, writer = await asyncio.wait_for(opening, _TLS_TIMEOUT_S)
        except (OSError, TimeoutError, asyncio.TimeoutError, ImportError):
            return False
        writer.transport.abort()
        return True

    def _explain(self, error: BaseException, model: str | None) -> ChatError:
        return explain(
            error,
            server=self.provider.name,
            key_env=self.provider.key_env,
            model=model,
            sent_key=self._sends_key,
        )

    @property
    def _sends_key(self) -> bool:
        return bool(self._clients_key or self.provider.key)

    def _silence(self, seconds: float) -> ChatError:
        return ChatError(
            f"{self.provider.name} sent nothing for {seconds:.0f} s, so the request was cancelled.",
            server=self.provider.name,
            retryable=True,
        )


def make_client(provider: Provider) -> AsyncOpenAI:
    """Returns an SDK client that sends the provider's key and nothing from OPENAI_* variables."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit, Timeout

    key = provider.key.reveal() if provider.key else "none"  # if blank, OPENAI_API_KEY is sent
    # The SDK (2.54 and 3.54) sends OPENAI_CUSTOM_HEADERS, OPENAI_ORG_ID and OPENAI_PROJECT_ID to
    # every base_url.
    ambient = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    headers: dict[str, Any] = {}
    for name in (line.partition(":")[0].strip() for line in ambient):
        headers[name] = f"Bearer {key}" if name.lower() == "authorization" else Omit()
    headers |= provider.headers
    client = AsyncOpenAI(
        base_url=provider.base_url,
        api_key=key,
        max_retries=0,  # the SDK's own two retries are silent
        timeout=Timeout(None, connect=_CONNECT_TIMEOUT_S),  # replies have their own deadlines
        default_headers=headers,
        http_client=DefaultAsyncHttpxClient(
            # The proxy of the environment is not for servers on this machine.
            trust_env=not provider.is_loopback,
            # A redirect would send the conversation to another server.
            follow_redirects=False,
            event_hooks={"response": [bounded.refuse]},
        ),
    )
    client.organization = client.project = None
    return client


async def import_openai() -> None:
    """Imports the SDK in a thread, as that takes 1 to 2 s: other replies keep streaming."""
    if "openai" in sys.modules or background().thread is None:
        return
    await asyncio.to_thread(importlib.import_module, "openai")
