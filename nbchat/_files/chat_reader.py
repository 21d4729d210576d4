"""Reads a chat that `chat_writer.py` wrote, and checks everything in it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
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
# How the line of a message begins.
_MESSAGE = '{"id": '
# In a multiple of 4 characters of Base64.
_PIECE = 1 << 22

Value = TypeVar("Value")


@dataclass(frozen=True)
class SavedChat:
    """A chat that was read from a file."""

    conversation: Conversation
    settings: ChatSettings
    cleared: tuple[Conversation, ...] = ()


def from_json(text: str) -> SavedChat:
    """Returns the chat that `to_json` wrote; raises as `from_lines` does."""
    return from_lines(text.split("\n"))


def from_lines(lines: Sequence[str]) -> SavedChat:
    """Returns a saved chat; a reply that was streaming then is "stopped" now.

    Raises:
        ValueError: The text is not a saved chat, is damaged, or was written by a newer nbchat. The
            message is meant for the user.
    """
    body = _parsed(lines)
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


def _parsed(lines: Sequence[str]) -> dict[str, Any]:
    """Returns the JSON object of a saved chat, in a version that this nbchat knows."""
    try:
        body = _by_lines(lines) or _loads("\n".join(lines).removeprefix("\ufeff"))
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


def _by_lines(lines: Sequence[str]) -> dict[str, Any] | None:
    """Parses each message by itself: parsing all at once would stop the kernel's threads.

    Returns nothing if the messages don't stand in lines of their own, as in an edited file.
    """
    places = [at for at, line in enumerate(lines) if line.startswith(_MESSAGE)]
    frame = list(lines)
    for at in places:  # its number stands for the message
        frame[at] = f"{at}," if lines[at].rstrip().endswith(",") else str(at)
    try:
        body = json.loads("\n".join(frame))
        lists = [body["messages"], *body.get("cleared", ())]
        if [at for messages in lists for at in messages] != places:
            return None
        for messages in lists:
            messages[:] = [_loads(lines[at].rstrip().removesuffix(",")) for at in messages]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None  # parsing all of it says what is wrong
    return dict(body)


def _loads(text: str) -> Any:
    value = json.loads(text)
    if "\\ud" in text or "\\uD" in text:  # perhaps a lone surrogate, which UTF-8 can't encode
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


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
        "attachments": tuple(map(_attachment, saved.objects("attachments"))),
        "reasoning_details": _details(saved.get("reasoning_details", list)),
        "context_tokens": saved.count("context_tokens"),
    }
    content = saved.get("content", str) or ""
    if role == "assistant":
        values["rounds"] = _rounds(saved.objects("rounds"), len(content))
        values["runs"] = dict(map(_run, islice(saved.objects("runs"), MAX_RUNS)))
        values["asked_to_reason"] = saved.get("asked_to_reason", bool) or False
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

    def objects(self, name: str) -> Iterator[_Fields]:
        """Yields the objects of a list, which may be missing."""
        for entry in self.get(name, list) or ():
            if not isinstance(entry, dict):
                raise ValueError(f"one of its {name} is not an object")
            yield _Fields(entry)

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
        title=values.get("title", str) or "",
        advice=values.get("advice", str) or "",
        server=values.get("server", str) or "",
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


def _rounds(saved: Iterator[_Fields], length: int) -> tuple[Round, ...]:
    rounds: list[Round] = []
    for values in saved:
        before = rounds[-1].at if rounds else 0
        at = max(before, min(length, values.count("at") or 0))
        calls = tuple(map(_call, values.objects("tool_calls")))
        if not calls:
            raise ValueError("one of its rounds has no tool calls")
        details = _details(values.get("reasoning_details", list))
        rounds.append(Round(at, calls, details, values.get("reasoning_content", str) or ""))
    return tuple(rounds)


def _call(values: _Fields) -> ToolCall:
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


def _run(values: _Fields) -> tuple[int, Run]:
    status = values.required("status", str)
    if status not in get_args(RunStatus):
        raise ValueError("the status of one of its runs is unknown")
    outputs = values.get("outputs", list) or []
    return values.required("index", int), Run(
        "interrupted" if status == "running" else status,  # type: ignore[arg-type]
        ({"data": output} for output in outputs),
    )


def _attachment(values: _Fields) -> Attachment:
    text = values.required("data", str)
    try:
        starts = range(0, len(text), _PIECE)
        data = b"".join(base64.b64decode(text[at : at + _PIECE], validate=True) for at in starts)
    except ValueError as error:
        raise ValueError(f"one of its attachments can't be read ({error})") from error
    return Attachment(values.get("name", str) or "", values.get("media_type", str) or "", data)
