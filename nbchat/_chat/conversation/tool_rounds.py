"""The tool calls of a reply, round by round, and the request messages made from them.

A round is one request that the model answered with tool calls, and the results of those calls. The
reply's text keeps growing through all rounds; each round records where its own text ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

CallStatus = Literal["waiting", "running", "complete", "denied", "error", "stopped"]

#: How many calls a round makes: each may occupy a thread, and a card on the page.
MAX_CALLS = 32

#: The result that the model receives for a call without one: servers require one for each call.
UNANSWERED = "The call was stopped before it had a result."
_LINE = 72
_ENDED = "[The reply was stopped here.]"


@dataclass(frozen=True)
class ToolCall:
    """A tool call that the model made.

    Attributes:
        id: The server's id; unique within the round.
        name: The tool's name.
        arguments: JSON, as the model wrote it.
        status: "waiting" for the user's approval, "running", "complete", "denied", "error" or
            "stopped".
        result: What the model receives: the tool's result, an error or a denial.
    """

    id: str
    name: str
    arguments: str
    status: CallStatus = "running"
    result: str = ""

    @property
    def pretty_arguments(self) -> str:
        """The arguments that the tool gets, formatted for reading; else what the model wrote."""
        try:
            arguments = read_arguments(self.arguments)
            text = json.dumps(arguments, ensure_ascii=False)
            if len(text) > _LINE:
                text = json.dumps(arguments, ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            text = self.arguments
        # JSON allows half a surrogate pair; UTF-8 encoders refuse it.
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    @property
    def is_open(self) -> bool:
        """Whether the call can still get a result."""
        return self.status in ("waiting", "running")


def read_arguments(arguments: str) -> dict[str, Any]:
    """Returns the arguments of a call, parsed from the JSON that the model wrote.

    The user allows what this returns, and the tool gets it.

    Raises:
        ValueError: The arguments are not a JSON object.
    """
    try:
        given = json.loads(arguments)
        if isinstance(given, str):  # some models wrap their JSON in a string
            given = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The arguments are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError("The arguments must be a JSON object.")
    return given


@dataclass(frozen=True)
class Round:
    """One round of tool calls.

    Attributes:
        at: The length of the reply's text at the end of the round, in characters.
        calls: The tool calls, in order.
        reasoning_details: OpenRouter's reasoning, sent back to the model unmodified.
        reasoning_content: The reasoning from a server that uses this name. It is sent back in tool
            loops only, as DeepSeek's API documentation ("Thinking Mode") asks.
    """

    at: int
    calls: tuple[ToolCall, ...]
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_content: str = ""


def parts(content: str, rounds: Sequence[Round]) -> Iterator[str | ToolCall]:
    """Yields the texts and the tool calls of a reply, in order."""
    start = 0
    for round_ in rounds:
        if text := content[start : round_.at]:
            yield text
        yield from round_.calls
        start = round_.at
    if text := content[start:]:
        yield text


def round_messages(content: str, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Returns the rounds in OpenAI's format, without the text after the last one."""
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
    """Returns a whole reply in OpenAI's format."""
    rest = content[rounds[-1].at :].lstrip("\n") if rounds else content
    # Some servers refuse a user message right after a tool result, so a text always ends the reply.
    end = {"role": "assistant", "content": rest or (_ENDED if rounds else "")}
    return [*round_messages(content, rounds), end]


def _object(arguments: str) -> str:
    """Returns the arguments, or "{}" if they are no JSON object: servers refuse anything else."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def without_tools(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rewrites messages for a request without tools: calls and results become assistant text."""
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
