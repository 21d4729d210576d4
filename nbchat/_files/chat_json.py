"""A chat as JSON, to be gone on with: the whole tree of messages, and the settings.

The messages stand in a flat list, one a line, each after the one that it follows: however long a
conversation is, nothing here recurses, and no list can describe a circle.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, get_args

from nbchat._chat.attachments import Attachment
from nbchat._chat.conversation import Conversation
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage
from nbchat._chat.keys import clean
from nbchat._chat.message import Message, Status
from nbchat._chat.settings import ChatSettings
from nbchat._chat.tool_rounds import CallStatus, Round, ToolCall

FORMAT = "nbchat"
VERSION = 2  # 1 knew no calls of tools

_ID = re.compile(r"[0-9a-f]{12}")
_ERROR = (
    "message",
    "status_code",
    "code",
    "param",
    "retryable",
    "retry_after_s",
    "detail",
    "kind",
)
# How deep a detail of a provider's may nest, so that any JSON reader can take the whole.
_DEPTH = 30

Value = TypeVar("Value")


@dataclass(frozen=True)
class SavedChat:
    """What a file brings back."""

    conversation: Conversation
    settings: ChatSettings


def to_json(conversation: Conversation, settings: ChatSettings) -> str:
    """The chat as text that UTF-8 can hold; hold the conversation's lock meanwhile.

    A reply that is still on its way is written as what it is so far.
    """
    head = {"format": FORMAT, "version": VERSION, "settings": asdict(settings)}
    messages = ",\n".join(_dumps(_saved(*place)) for place in conversation.walk())
    text = f'{_dumps(head)[:-1]}, "messages": [\n{messages}\n]}}\n'
    return text.encode("utf-8", "replace").decode("utf-8")


def from_json(text: str) -> SavedChat:
    """The chat that `to_json` wrote. A reply that was on its way then has been stopped.

    Raises:
        ValueError: It is no saved chat, a newer nbchat wrote it, or it is damaged: its message is
            for a person.
    """
    body = _parsed(text)
    try:
        settings = _settings(body.get("settings"))
        messages = body.get("messages")
        if not isinstance(messages, list):
            raise ValueError("it has no list of messages")
        return SavedChat(_conversation(messages), settings)
    except ValueError as error:
        raise ValueError(f"This saved chat is damaged: {clean(str(error), 300)}.") from error


# Writing


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _saved(before: Message | None, message: Message) -> dict[str, Any]:
    error = message.error
    facts = {
        "id": message.id,
        "parent": before and before.id,
        "role": message.role,
        "content": message.content,
        "reasoning": message.reasoning,
        "status": message.status,
        "shown": message is message.fork.shown or None,
        "created": message.created,
        "model": message.model,
        "finish_reason": message.finish_reason,
        "usage": message.usage and asdict(message.usage),
        "estimated_cost": message.estimated_cost,
        "context_tokens": message.context_tokens,
        "notes": message.notes,
        "reasoning_s": message.reasoning_s,
        "first_token_s": message.first_token_s,
        "duration_s": message.duration_s,
        "reasoning_details": _sound(message.reasoning_details),
        "rounds": [
            {
                "at": round_.at,
                "tool_calls": [asdict(call) for call in round_.calls],
                "reasoning_details": _sound(round_.reasoning_details),
                "reasoning_content": round_.reasoning_content,
            }
            for round_ in message.rounds
        ],
        "error": error and {name: getattr(error, name) for name in _ERROR},
        "attachments": [
            {
                "name": attachment.name,
                "media_type": attachment.media_type,
                "data": base64.b64encode(attachment.data).decode("ascii"),
            }
            for attachment in message.attachments
        ],
    }
    # What says nothing is left out; 0 says something.
    return {name: value for name, value in facts.items() if value not in (None, "", (), [])}


def _sound(details: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a provider's details that every JSON reader takes."""
    return [detail for detail in details if not _is_deep(detail) and _is_strict(detail)]


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return False
    return True


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_strict(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


# Reading


def _parsed(text: str) -> dict[str, Any]:
    """The object of a saved chat in a version that is known."""
    try:
        body = json.loads(text.removeprefix("\ufeff"))
        if "\\ud" in text.lower():  # perhaps half a surrogate pair, which no UTF-8 can hold
            body = json.loads(_dumps(body).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is no saved chat, or a damaged one: not JSON ({error}).") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ValueError("This is no saved chat: it is JSON, but not of nbchat.")
    version = body.get("version")
    if type(version) is not int or version < 1:
        raise ValueError("This saved chat is damaged: it has no version.")
    if version > VERSION:
        raise ValueError("This chat was written by a newer nbchat: update it to open the chat.")
    return body


def _settings(saved: object) -> ChatSettings:
    if not isinstance(saved, dict):
        raise ValueError("it has no settings")
    values = _Fields(saved)
    settings: dict[str, Any] = {
        **{name: values.get(name, str) for name in ("model", "system", "reasoning_effort")},
        **{name: values.number(name) for name in ("temperature", "top_p")},
        **{name: values.count(name) for name in ("max_tokens", "max_tokens_limit")},
    }
    # What the file does not say is as in a new chat.
    return ChatSettings(**{name: value for name, value in settings.items() if value is not None})


def _conversation(saved: list[object]) -> Conversation:
    conversation = Conversation()
    messages: dict[str, Message] = {}
    for number, entry in enumerate(saved, 1):
        try:
            id_, message = _message(conversation, messages, entry)
            if id_ in messages:
                raise ValueError("its id is another message's too")
        except ValueError as error:
            raise ValueError(f"message {number}: {error}") from error
        messages[id_] = message
    for number, message in enumerate(messages.values(), 1):
        if message.role == "user" and not message.next.versions:
            raise ValueError(f"message {number}: it has no reply")
    return conversation


def _message(
    conversation: Conversation, messages: dict[str, Message], entry: object
) -> tuple[str, Message]:
    """Adds the message to the conversation; gives it with the id that it has in the file."""
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    saved = _Fields(entry)
    id_ = saved.needed("id", str)
    parent = saved.get("parent", str)
    if parent is not None and parent not in messages:
        raise ValueError("what it follows does not stand before it")
    after = None if parent is None else messages[parent]
    role = saved.needed("role", str)
    if role not in ("user", "assistant"):
        raise ValueError("its role is neither user nor assistant")
    if role == (after.role if after else "assistant"):
        raise ValueError(f"the {role}'s turn was not there")
    error = _error(saved.get("error", dict))
    usage = saved.get("usage", dict)
    facts: dict[str, Any] = {
        "status": _status(saved.get("status", str), role, error),
        "error": error,
        "usage": None if usage is None else _usage(usage),
        "notes": _texts(saved.get("notes", list)),
        "attachments": tuple(map(_attachment, saved.get("attachments", list) or ())),
        "reasoning_details": _details(saved.get("reasoning_details", list)),
        "context_tokens": saved.count("context_tokens"),
    }
    content = saved.get("content", str) or ""
    if role == "assistant":
        facts["rounds"] = _rounds(saved.get("rounds", list), len(content))
    for name in ("model", "finish_reason"):
        facts[name] = saved.get(name, str)
    for name in ("created", "estimated_cost", "reasoning_s", "first_token_s", "duration_s"):
        facts[name] = saved.number(name)
    if _ID.fullmatch(id_):
        facts["id"] = id_
    message = conversation.restore(
        after,
        role,  # type: ignore[arg-type]  # mypy does not narrow to a Literal
        content,
        saved.get("reasoning", str) or "",
        shown=saved.get("shown", bool) or False,
        **facts,
    )
    return id_, message


class _Fields:
    """The values of an object from a file, of which nothing is taken for granted."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def get(self, name: str, type_: type[Value]) -> Value | None:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, type_):
            raise ValueError(f"its {name} is of the wrong type")
        return value

    def needed(self, name: str, type_: type[Value]) -> Value:
        value = self.get(name, type_)
        if value is None:
            raise ValueError(f"it has no {name}")
        return value

    def number(self, name: str) -> float | None:
        value = self._fields.get(name)
        try:
            if value is None or (type(value) in (int, float) and math.isfinite(value)):
                return value
        except OverflowError:  # an integer that no float can hold
            pass
        raise ValueError(f"its {name} is no number")

    def count(self, name: str) -> int | None:
        value = self.number(name)
        if isinstance(value, float):
            raise ValueError(f"its {name} is no whole number")
        return value


def _status(status: str | None, role: str, error: ChatError | None) -> Status:
    if status in ("queued", "streaming"):
        status = "error" if error else "stopped"
    if status not in get_args(Status):
        raise ValueError("its status is unknown")
    if role == "user" and status != "complete":
        raise ValueError("a user's message can only be complete")
    if (status == "error") != (error is not None):
        raise ValueError("its status and its error don't agree")
    return status  # type: ignore[return-value]  # mypy does not narrow to a Literal


def _usage(saved: dict[str, Any]) -> Usage:
    values = _Fields(saved)
    counts = {field.name: values.count(field.name) for field in fields(Usage)[:-1]}
    return Usage(**counts, cost=values.number("cost"))


def _error(saved: dict[str, Any] | None) -> ChatError | None:
    if saved is None:
        return None
    values = _Fields(saved)
    return ChatError(
        values.needed("message", str),
        status_code=values.count("status_code"),
        code=values.get("code", str),
        param=values.get("param", str),
        retryable=values.get("retryable", bool) or False,
        retry_after_s=values.number("retry_after_s"),
        detail=values.get("detail", str),
        kind=values.get("kind", str) or "",
    )


def _texts(saved: list[object] | None) -> tuple[str, ...]:
    texts = tuple(text for text in saved or () if isinstance(text, str))
    if len(texts) != len(saved or ()):
        raise ValueError("its notes are no texts")
    return texts


def _details(saved: list[object] | None) -> tuple[dict[str, Any], ...]:
    details = tuple(detail for detail in saved or () if isinstance(detail, dict))
    if len(details) != len(saved or ()):
        raise ValueError("its reasoning_details are no objects")
    return details


def _rounds(saved: list[object] | None, length: int) -> tuple[Round, ...]:
    rounds: list[Round] = []
    for entry in saved or ():
        if not isinstance(entry, dict):
            raise ValueError("one of its rounds is no object")
        values = _Fields(entry)
        at = values.count("at")
        if at is None or not (rounds[-1].at if rounds else 0) <= at <= length:
            raise ValueError("one of its rounds ends where there is no text")
        calls = tuple(map(_call, values.needed("tool_calls", list)))
        if not calls:
            raise ValueError("one of its rounds calls nothing")
        rounds.append(
            Round(
                at,
                calls,
                _details(values.get("reasoning_details", list)),
                values.get("reasoning_content", str) or "",
            )
        )
    return tuple(rounds)


def _call(saved: object) -> ToolCall:
    if not isinstance(saved, dict):
        raise ValueError("one of its tool_calls is no object")
    values = _Fields(saved)
    status = values.needed("status", str)
    if status not in get_args(CallStatus):
        raise ValueError("the status of one of its tool_calls is unknown")
    return ToolCall(
        values.needed("id", str),
        values.needed("name", str),
        values.needed("arguments", str),
        "stopped" if status in ("waiting", "running") else status,  # type: ignore[arg-type]
        values.get("result", str) or "",
    )


def _attachment(saved: object) -> Attachment:
    if not isinstance(saved, dict):
        raise ValueError("one of its attachments is no object")
    values = _Fields(saved)
    try:
        data = base64.b64decode(values.needed("data", str), validate=True)
    except ValueError as error:
        raise ValueError(f"one of its attachments can't be read ({error})") from error
    return Attachment(values.get("name", str) or "", values.get("media_type", str) or "", data)
