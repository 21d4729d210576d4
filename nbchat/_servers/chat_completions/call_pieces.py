"""Joins the pieces in which a stream brings the calls of tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbchat._chat.events import FunctionCall


@dataclass
class _Pieces:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class CallPieces:
    """The calls of one reply, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: dict[int, _Pieces] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        """Takes what a delta says of calls, in today's form and in the one before."""
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
        pieces = self._calls.setdefault(self._place(call.get("index"), id_), _Pieces())
        pieces.id = pieces.id or id_
        # Some repeat the name with each piece.
        pieces.name = pieces.name or _text(function.get("name"))
        arguments = function.get("arguments")
        if isinstance(arguments, (dict, list)):  # Ollama's own form
            arguments = json.dumps(arguments, ensure_ascii=False)
        pieces.arguments.append(_text(arguments))

    def _place(self, index: object, id_: str) -> int:
        last = max(self._calls, default=-1)
        if type(index) is int and index >= 0:
            begun = self._calls.get(index)
            # Some count all their calls as 0, each whole and with an id of its own.
            return index if begun is None or not id_ or id_ == begun.id else self._of(id_, last)
        return self._of(id_, last) if id_ else max(last, 0)

    def _of(self, id_: str, last: int) -> int:
        return next((at for at, call in self._calls.items() if call.id == id_), last + 1)

    def whole(self) -> tuple[FunctionCall, ...]:
        """All calls that name a function, once the stream has ended."""
        return tuple(
            FunctionCall(
                call.id or f"call_{at}",
                call.name,
                _object(call.arguments),
            )
            for at, call in self._calls.items()
            if call.name
        )


def _object(pieces: list[str]) -> str:
    arguments = "".join(pieces).strip()
    return "{}" if arguments in ("", "null") else arguments  # a call without any


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
