"""Joins the pieces of streamed tool calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbchat._chat.events import FunctionCall

# A server can put 20,000 calls into one megabyte. More than a round makes are kept, so that the
# model learns of the others; what comes after these is dropped.
_MAX_CALLS = 128


@dataclass
class _Pieces:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class CallPieces:
    """The tool calls of one reply, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: dict[int, _Pieces] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        """Reads the calls in a delta: ``tool_calls``, or OpenAI's older ``function_call``."""
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._add(call, call.get("function"))
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._add({"index": 0}, legacy)

    def _add(self, call: dict[str, Any], function: object) -> None:
        if not isinstance(function, dict):
            function = {}
        id_ = _text(call.get("id"))
        place = self._place(call.get("index"), id_)
        if place not in self._calls and len(self._calls) >= _MAX_CALLS:
            return
        pieces = self._calls.setdefault(place, _Pieces())
        pieces.id = pieces.id or id_
        # MiniMax M2.7 on NVIDIA NIM repeats the name in each piece (April 2026,
        # NousResearch/hermes-agent#8259).
        pieces.name = pieces.name or _text(function.get("name"))
        arguments = function.get("arguments")
        if isinstance(arguments, (dict, list)):  # as in Ollama's own API, not JSON text
            arguments = json.dumps(arguments, ensure_ascii=False)
        pieces.arguments.append(_text(arguments))

    def _place(self, index: object, id_: str) -> int:
        """Returns the position of the call that a piece belongs to."""
        last = max(self._calls, default=-1)
        if type(index) is int and index >= 0:
            begun = self._calls.get(index)
            # Gemini behind gateways: parallel calls all have index 0, each with its own id and in
            # one piece (LiteLLM until litellm#16194, November 2025).
            if begun is None or not id_ or id_ == begun.id:
                return index
            return self._place_of(id_, last)
        # Mistral has sent calls without an index (recorded).
        return self._place_of(id_, last) if id_ else max(last, 0)

    def _place_of(self, id_: str, last: int) -> int:
        return next((at for at, call in self._calls.items() if call.id == id_), last + 1)

    def whole(self) -> tuple[FunctionCall, ...]:
        """Returns the calls that name a function; for use once the stream has ended."""
        return tuple(
            FunctionCall(
                call.id or f"call_{at}",
                call.name,
                _arguments(call.arguments),
            )
            for at, call in self._calls.items()
            if call.name
        )


def _arguments(pieces: list[str]) -> str:
    arguments = "".join(pieces).strip()
    return "{}" if arguments in ("", "null") else arguments  # a call without arguments


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
