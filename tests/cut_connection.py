"""A connection that a test cuts and restores: `set_offline` of playwright spares websockets."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Literal
from urllib.parse import urlsplit


class CutConnection:
    """Passes all bytes between a port of its own and a server, as a context manager.

    Attributes:
        url: The server's address by way of this port.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self.url = ""
        self._is_cut = {"requests": False, "answers": False}
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> CutConnection:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(60)

    def cut(self, only: Literal["requests", "answers"] | None = None) -> None:
        """From now on, what either side sends is lost, and neither is told."""
        for way in self._is_cut:
            self._is_cut[way] = only in (None, way)

    def restore(self) -> None:
        """Both sides learn that their connections are gone; new ones work."""
        self._is_cut = dict.fromkeys(self._is_cut, False)
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        self.url = self._server._replace(netloc=f"127.0.0.1:{port}").geturl()
        self._ready.set()
        await self._stopped.wait()
        listener.close()
        self._abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_server = await asyncio.open_connection("127.0.0.1", self._server.port)
        self._writers |= {writer, to_server}
        with contextlib.suppress(asyncio.CancelledError):  # the test has ended
            await asyncio.gather(
                self._pass("requests", reader, to_server), self._pass("answers", there, writer)
            )
        self._writers -= {writer, to_server}

    async def _pass(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self._is_cut[way]:
                    writer.write(data)
                    await writer.drain()
        writer.close()
