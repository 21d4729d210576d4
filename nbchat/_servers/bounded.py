"""Reads the body of a response in small pieces, inflated here, so that its size has a bound."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

# The most that is read of a list of models, and of an error body. OpenRouter's list has 1 MB.
LIST_BYTES = 10_000_000
ERROR_BYTES = 1_000_000

#: The only encoding that nbchat asks for: the others need packages, and can't be inflated in part.
ENCODING = {"Accept-Encoding": "gzip"}

_PIECE_BYTES = 64 * 1024
# A value of a few bytes takes up to 25 times as much once it is parsed. (`[{},{},…`)
_MOST_VALUES = 1_000_000


class DecodingError(Exception):
    """The body is not encoded as its header says, or in an encoding that nbchat does not read."""


class TooLargeError(Exception):
    """The body is longer than its limit."""


class RefusalError(Exception):
    """A response with an error status.

    Attributes:
        status_code: The HTTP status.
        headers: The headers of the response.
        body: The start of the body.
    """

    def __init__(self, status_code: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code
        self.headers = headers
        self.body = body


async def pieces(response: Any) -> AsyncIterator[bytes]:
    """Yields a body, inflated, in pieces of at most 64 kB.

    httpx inflates each piece from the network as a whole: 64 kB become up to 66 MB.

    Args:
        response: The streamed response of httpx (openai 2.x) or httpx2 (openai 3.x).
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise DecodingError(f"the encoding {encoding[:40]!r} was not asked for")
    inflater = zlib.decompressobj(wbits=47) if encoding not in ("", "identity") else None
    async for raw in response.aiter_raw():
        if inflater is None:
            yield raw
            continue
        while raw:
            try:
                piece = inflater.decompress(raw, _PIECE_BYTES)
            except zlib.error as error:
                raise DecodingError(str(error)) from error
            raw = inflater.unconsumed_tail
            if piece:
                yield piece
            if raw:
                await asyncio.sleep(0)  # a small piece may inflate for long: others get their turn


async def read(response: Any, limit: int) -> bytes:
    """Returns a whole body.

    Raises:
        TooLargeError: It is longer than `limit`.
    """
    body, is_whole = await _read(response, limit)
    if not is_whole:
        raise TooLargeError
    return body


async def refuse(response: Any) -> None:
    """Raises for a response with an error status; a hook for httpx's event "response".

    Otherwise, the SDK would read the whole body of the error.

    Raises:
        RefusalError: The status is an error.
    """
    if not response.is_success:
        body, _ = await _read(response, ERROR_BYTES)
        raise RefusalError(response.status_code, dict(response.headers), body)


async def _read(response: Any, limit: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for piece in pieces(response):
        body += piece
        if len(body) > limit:
            return bytes(body[:limit]), False
    return bytes(body), True


def loads(text: str) -> Any:
    """Returns the value of a JSON text.

    Raises:
        ValueError: It is not JSON, or has more values than any server needs.
        RecursionError: It is nested too deeply.
    """
    if len(text) > _MOST_VALUES and sum(map(text.count, ",[{")) > _MOST_VALUES:
        raise ValueError("it has too many values")
    return json.loads(text)
