"""A reply that calls tools: its rounds, and how a request tells them to a model.

A round is a request whose answer called tools, with their results. The reply's text goes on growing
through all of them; each round knows where it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

CallStatus = Literal["waiting", "running", "complete", "denied", "error", "stopped"]

#: What a model is told of a call without a result: each needs an answer.
UNANSWERED = "The call was stopped before it had a result."
_LINE = 72
_ENDED = "[The reply was stopped here.]"


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool by the model.

    Attributes:
        id: The server's own; unique within its round.
        name: Of the tool.
        arguments: JSON, as the model wrote it.
        status: "waiting" for a person's consent, "running", "complete", "denied", "error", or
            "stopped".
        result: What the model is told, an error or a denial included.
    """

    id: str
    name: str
    arguments: str
    status: CallStatus = "running"
    result: str = ""

    @property
    def pretty_arguments(self) -> str:
        """The arguments, laid out to be read."""
        try:
            arguments = json.loads(self.arguments)
            text = json.dumps(arguments, ensure_ascii=False)
            if len(text) > _LINE:
                text = json.dumps(arguments, ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            text = self.arguments
        # Half a surrogate pair is legal in JSON, but no UTF-8 encoder after this would take it.
        return text.encode("utf-8", "replace").decode("utf-8")

    @property
    def is_open(self) -> bool:
        """Whether it may yet get a result."""
        return self.status in ("waiting", "running")


@dataclass(frozen=True)
class Round:
    """One round of a reply.

    Attributes:
        at: How many characters of the reply's text there were at its end.
        calls: What it called.
        reasoning_details: What goes back to the model unmodified, as does `reasoning_content`.
    """

    at: int
    calls: tuple[ToolCall, ...]
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_content: str = ""


def parts(content: str, rounds: Sequence[Round]) -> Iterator[str | ToolCall]:
    """The texts and the calls of a reply, in order."""
    start = 0
    for round_ in rounds:
        if text := content[start : round_.at]:
            yield text
        yield from round_.calls
        start = round_.at
    if text := content[start:]:
        yield text


def round_messages(content: str, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """What the rounds said and were told, as the OpenAI SDK takes it; not what came after them."""
    messages: list[dict[str, Any]] = []
    start = 0
    for round_ in rounds:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": content[start : round_.at].lstrip("\n") or None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _object(call.arguments)},
                }
                for call in round_.calls
            ],
        }
        if round_.reasoning_details:
            message["reasoning_details"] = list(round_.reasoning_details)
        elif round_.reasoning_content:
            message["reasoning_content"] = round_.reasoning_content
        messages.append(message)
        for call in round_.calls:
            result = UNANSWERED if call.status == "stopped" or call.is_open else call.result
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        start = round_.at
    return messages


def reply_messages(content: str, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """A whole reply, as the OpenAI SDK takes it."""
    rest = content[rounds[-1].at :].lstrip("\n") if rounds else content
    # Some servers refuse a person's message right after a result.
    end = {"role": "assistant", "content": rest or (_ENDED if rounds else "")}
    return [*round_messages(content, rounds), end]


def _object(arguments: str) -> str:
    """The arguments, or none if they are no JSON object: servers refuse what can't be one."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def without_tools(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for a request that offers no tools: calls and results become the model's text."""
    plain: list[dict[str, Any]] = []
    calls: dict[str, str] = {}
    for message in messages:
        if message["role"] in ("assistant", "tool"):
            text = message["content"] or ""
            if message["role"] == "tool":
                text = f"[{calls.get(message['tool_call_id'], 'A tool')} → {text}]"
            for call in message.get("tool_calls", ()):
                calls[call["id"]] = f"{call['function']['name']}({call['function']['arguments']})"
            if plain and plain[-1]["role"] == "assistant":
                text = "\n\n".join(filter(None, (plain.pop()["content"], text)))
            message = {"role": "assistant", "content": text}
        plain.append(message)
    return plain
