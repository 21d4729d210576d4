"""Decodes server-sent events: bytes in, events out."""

from __future__ import annotations

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
# What a line takes in memory beside its text.
_LINE_BYTES = 64


class ServerSentEvent(NamedTuple):
    """One event. ``event`` is ``"message"`` if the server does not name it."""

    event: str
    data: str


class EventDecoder:
    """Decodes an event stream, wherever the network cuts it.

    Follows https://html.spec.whatwg.org/multipage/server-sent-events.html, with two differences:

    - A last event without a blank line after it counts (vLLM 0.23 ended a stream like this). The
      decoder of the openai SDK (2.54, 3.54) loses it, and the first event after a BOM.
    - The field ``error:`` is an event named ``error``. llama.cpp sends it (seen in GPUStack's
      llama-box, August 2026: crmne/ruby_llm@fb5a49bf).
    """

    def __init__(self) -> None:
        self._unfinished = bytearray()
        self._at_start = True
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0

    @property
    def held(self) -> int:
        """How much of an unfinished event is held, in bytes."""
        return len(self._unfinished) + self._data_bytes

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Reads the next bytes and returns the events that they complete."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        # Unlike str, bytes are split at \n, \r\n and \r only.
        lines = data.splitlines()
        if not lines:
            return []
        if data.endswith((b"\n", b"\r")):
            self._after_cr = data.endswith(b"\r")
            rest = b""
        else:
            rest = lines.pop()
        if self._unfinished and lines:
            lines[0] = bytes(self._unfinished) + lines[0]
            self._unfinished.clear()
        self._unfinished += rest
        return self._read(lines)

    def end(self) -> list[ServerSentEvent]:
        """Returns the event that the end of the stream completes, if any."""
        lines = [bytes(self._unfinished), b""]
        self._unfinished.clear()
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if self._at_start and lines:
            lines[0] = lines[0].removeprefix(_BOM)
            self._at_start = False
        events = []
        for line in lines:
            if not line:
                if self._data:
                    name = self._event or "message"
                    events.append(ServerSentEvent(name, "\n".join(self._data)))
                    self._data, self._data_bytes = [], 0
                self._event = ""
                continue
            field, _, value = line.partition(b":")
            text = value.removeprefix(b" ")
            if field == b"event":
                self._event = text.decode("utf-8", "replace")
            elif field in (b"data", b"error"):
                if field == b"error":
                    self._event = "error"
                self._data.append(text.decode("utf-8", "replace"))
                self._data_bytes += len(text) + _LINE_BYTES
        return events
