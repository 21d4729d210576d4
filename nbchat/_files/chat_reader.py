"""Reads a chat that `chat_writer.py` wrote, and checks everything in it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_args

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.cleared import MOST
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message, Status
from nbchat._chat.conversation.runs import MAX_RUNS, Run, RunStatus
from nbchat._chat.conversation.tool_rounds import CallStatus, Round, ToolCall
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage, cost, count
from nbchat._chat.keys import clean
from nbchat._chat.settings import SETTINGS, ChatSettings

from .chat_writer import FORMAT, VERSION

_ID = re.compile(r"[0-9a-f]{12}")
# The latest time that pandas can hold is in 2262, and no reply takes 30 years.
_LATEST = 9e9
_LONGEST_S = 1e9

Value = TypeVar("Value")


@dataclass(frozen=True)
class SavedChat:
    """A chat that was read from a file."""

    conversation: Conversation
    settings: ChatSettings
    cleared: tuple[Conversation, ...] = ()


def from_json(text: str) -> SavedChat:
    """Returns the chat that `to_json` wrote; a reply that was streaming then is "stopped" now.

    Raises:
        ValueError: The text is not a saved chat, is damaged, or was written by a newer nbchat. The
            message is meant for the user.
    """
    body = _parsed(text)
    try:
        settings = _settings(body.get("settings"))
        cleared = body.get("cleared", [])
        if not isinstance(cleared, list):
            raise ValueError("its cleared conversations are not a list")
        return SavedChat(
            _conversation(body.get("messages")),
            settings,
            tuple(map(_conversation, cleared[-MOST:])),
        )
    except ValueError as error:
        raise ValueError(f"This saved chat is damaged: {clean(str(error), 300)}.") from error


def _parsed(text: str) -> dict[str, Any]:
    """Returns the JSON object of a saved chat, in a version that this nbchat knows."""
    try:
        body = json.loads(text.removeprefix("\ufeff"))
        if "\\ud" in text.lower():  # perhaps a lone surrogate, which UTF-8 can't encode
            body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        text = f"This is not a saved chat, or it is damaged: it is not JSON ({error})."
        raise ValueError(text) from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ValueError("This is not a saved chat: it is JSON, but nbchat did not write it.")
    version = body.get("version")
    if type(version) is not int or version < 1:
        raise ValueError("This saved chat is damaged: it has no version.")
    if version > VERSION:
        raise ValueError("A newer nbchat wrote this chat: update nbchat to open it.")
    return body


def _settings(saved: object) -> ChatSettings:
    if not isinstance(saved, dict):
        raise ValueError("it has no settings")
    values = _Fields(saved)
    limits = {name: setting.limits for name, setting in SETTINGS.items()}
    least, usual = map(int, limits["max_tokens"])
    limit = max(least, values.count("max_tokens_limit") or usual)
    tokens = values.count("max_tokens") or 0
    if not least <= tokens <= limit:
        tokens = min(limit, ChatSettings().max_tokens)
    settings: dict[str, Any] = {
        **{name: values.get(name, str) for name in ("model", "system", "reasoning_effort")},
        **{name: values.number(name, limits[name][1]) for name in ("temperature", "top_p")},
        "max_tokens": tokens,
        "max_tokens_limit": limit,
    }
    # A setting that the file lacks has the value of a new chat.
    return ChatSettings(**{name: value for name, value in settings.items() if value is not None})


def _conversation(saved: object) -> Conversation:
    if not isinstance(saved, list):
        raise ValueError("it has no list of messages")
    conversation = Conversation()
    messages: dict[str, Message] = {}
    for number, entry in enumerate(saved, 1):
        try:
            id_, message = _message(conversation, messages, entry)
            if id_ in messages:
                raise ValueError("another message has the same id")
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
    """Adds the message to the conversation; returns its id in the file, and the message."""
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    saved = _Fields(entry)
    id_ = saved.required("id", str)
    parent = saved.get("parent", str)
    if parent is not None and parent not in messages:
        raise ValueError("its parent does not come before it")
    after = None if parent is None else messages[parent]
    role = saved.required("role", str)
    if role not in ("user", "assistant"):
        raise ValueError("its role is neither user nor assistant")
    if role == (after.role if after else "assistant"):
        raise ValueError(f"it is not the {role}'s turn")
    error = _error(saved.get("error", dict))
    usage = saved.get("usage", dict)
    values: dict[str, Any] = {
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
        values["rounds"] = _rounds(saved.get("rounds", list), len(content))
        values["runs"] = _runs(saved.get("runs", list))
    for name in ("model", "finish_reason"):
        values[name] = saved.get(name, str)
    values["created"] = saved.number("created", _LATEST)
    values["estimated_cost"] = saved.cost("estimated_cost")
    for name in ("reasoning_s", "first_token_s", "duration_s"):
        values[name] = saved.number(name, _LONGEST_S)
    if _ID.fullmatch(id_):
        values["id"] = id_
    message = conversation.restore(
        after,
        role,  # type: ignore[arg-type]  # mypy does not narrow to a Literal
        content,
        saved.get("reasoning", str) or "",
        shown=saved.get("shown", bool) or False,
        **values,
    )
    return id_, message


class _Fields:
    """The values of a JSON object from a file, whose types are checked on reading."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def get(self, name: str, type_: type[Value]) -> Value | None:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, type_):
            raise ValueError(f"its {name} has the wrong type")
        return value

    def required(self, name: str, type_: type[Value]) -> Value:
        value = self.get(name, type_)
        if value is None:
            raise ValueError(f"it has no {name}")
        return value

    def number(self, name: str, most: float) -> float | None:
        """Returns a number from 0 to `most`.

        A number that can't be right is left out, not refused: the chat is worth more. It may have
        come from a server, into a file that an older nbchat wrote.
        """
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value if 0 <= value <= most else None

    def count(self, name: str) -> int | None:
        """Returns a number of tokens, or nothing as `number` does."""
        return count(self._fields.get(name))

    def cost(self, name: str) -> float | None:
        """Returns an amount of US dollars, or nothing as `number` does."""
        return cost(self._fields.get(name))


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
    return Usage(**counts, cost=values.cost("cost"))


def _error(saved: dict[str, Any] | None) -> ChatError | None:
    if saved is None:
        return None
    values = _Fields(saved)
    return ChatError(
        values.required("message", str),
        status_code=values.count("status_code"),
        code=values.get("code", str),
        param=values.get("param", str),
        retryable=values.get("retryable", bool) or False,
        retry_after_s=values.number("retry_after_s", _LONGEST_S),
        detail=values.get("detail", str),
        kind=values.get("kind", str) or "",
    )


def _texts(saved: list[object] | None) -> tuple[str, ...]:
    texts = tuple(text for text in saved or () if isinstance(text, str))
    if len(texts) != len(saved or ()):
        raise ValueError("one of its notes is not text")
    return texts


def _details(saved: list[object] | None) -> tuple[dict[str, Any], ...]:
    details = tuple(detail for detail in saved or () if isinstance(detail, dict))
    if len(details) != len(saved or ()):
        raise ValueError("one of its reasoning_details is not an object")
    return details


def _rounds(saved: list[object] | None, length: int) -> tuple[Round, ...]:
    rounds: list[Round] = []
    for entry in saved or ():
        if not isinstance(entry, dict):
            raise ValueError("one of its rounds is not an object")
        values = _Fields(entry)
        before = rounds[-1].at if rounds else 0
        at = max(before, min(length, values.count("at") or 0))
        calls = tuple(map(_call, values.required("tool_calls", list)))
        if not calls:
            raise ValueError("one of its rounds has no tool calls")
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
        raise ValueError("one of its tool_calls is not an object")
    values = _Fields(saved)
    status = values.required("status", str)
    if status not in get_args(CallStatus):
        raise ValueError("the status of one of its tool_calls is unknown")
    return ToolCall(
        values.required("id", str),
        values.required("name", str),
        values.required("arguments", str),
        "stopped" if status in ("waiting", "running") else status,  # type: ignore[arg-type]
        values.get("result", str) or "",
    )


def _runs(saved: list[object] | None) -> dict[int, Run]:
    runs: dict[int, Run] = {}
    for entry in (saved or ())[:MAX_RUNS]:
        if not isinstance(entry, dict):
            raise ValueError("one of its runs is not an object")
        values = _Fields(entry)
        status = values.required("status", str)
        if status not in get_args(RunStatus):
            raise ValueError("the status of one of its runs is unknown")
        outputs = values.get("outputs", list) or []
        runs[values.required("index", int)] = Run(
            "interrupted" if status == "running" else status,  # type: ignore[arg-type]
            ({"data": output} for output in outputs),
        )
    return runs


def _attachment(saved: object) -> Attachment:
    if not isinstance(saved, dict):
        raise ValueError("one of its attachments is not an object")
    values = _Fields(saved)
    try:
        data = base64.b64decode(values.required("data", str), validate=True)
    except ValueError as error:
        raise ValueError(f"one of its attachments can't be read ({error})") from error
    return Attachment(values.get("name", str) or "", values.get("media_type", str) or "", data)
