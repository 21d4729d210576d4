"""Writes a chat as JSON: the whole tree of messages, and the settings.

The messages are a flat list, one per line, each after its parent. So neither writing nor reading
recurses, however long the conversation is, and no file can describe a cycle.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._chat.settings import ChatSettings

FORMAT = "nbchat"
VERSION = 2  # version 1 had no tool calls

_ERROR_FIELDS = (
    "message",
    "title",
    "advice",
    "server",
    "status_code",
    "code",
    "param",
    "retryable",
    "retry_after_s",
    "detail",
    "kind",
)
# How deep a provider's reasoning details may nest, so that every JSON parser can read the file.
_MAX_DEPTH = 30
_PIECE = 3 << 20  # bytes: a multiple of 3, so that the Base64 of the pieces can be joined


def to_json(
    conversation: Conversation, settings: ChatSettings, cleared: Iterable[Conversation] = ()
) -> str:
    """Returns the chat as text that UTF-8 can encode. The caller holds the conversation's lock."""
    text = "".join(pieces((conversation, *cleared), settings))
    return text.encode("utf-8", "replace").decode("utf-8")


def pieces(
    conversations: Iterable[Conversation],
    settings: ChatSettings,
    lock: AbstractContextManager[object] | None = None,
) -> Iterator[str]:
    """Yields the chat as text, message by message: all at once would stop the kernel's threads.

    A reply that is still streaming is written as far as it has come. Versions of nbchat that know
    nothing of cleared conversations skip them.

    Args:
        conversations: The conversation, then those that were cleared.
        settings: The chat's settings.
        lock: The conversations' lock; held while a message is read, but not while it is encoded.
    """
    lock = lock or nullcontext()
    with lock:  # the tree may change before its last message is written
        trees = [
            [
                (before.id if before else None, each, each is each.fork.shown)
                for before, each in tree.walk()
            ]
            for tree in conversations
        ]
    head = {"format": FORMAT, "version": VERSION, "settings": asdict(settings)}
    yield f'{_dumps(head)[:-1]}, "messages": '
    for number, tree in enumerate(trees):
        if number > 0:
            yield ', "cleared": [' if number == 1 else ", "
        yield "[\n"
        for at, place in enumerate(tree):
            with lock:
                message, attachments = _saved(*place), place[1].attachments
            if at > 0:
                yield ",\n"
            yield _dumps(message)[:-1]
            yield from _attached(attachments)
            yield "}"
        yield "\n]"
    yield "]}\n" if len(trees) > 1 else "}\n"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _attached(attachments: Iterable[Attachment]) -> Iterator[str]:
    """Yields the attachments of a message, which may be large, in pieces."""
    before = ', "attachments": ['
    for attachment in attachments:
        head = _dumps({"name": attachment.name, "media_type": attachment.media_type})
        yield f'{before}{head[:-1]}, "data": "'
        for start in range(0, attachment.size, _PIECE):
            yield base64.b64encode(attachment.data[start : start + _PIECE]).decode("ascii")
        yield '"}'
        before = ", "
    if before == ", ":
        yield "]"


def _saved(parent: str | None, message: Message, shown: bool) -> dict[str, Any]:
    error = message.error
    values = {
        "id": message.id,
        "parent": parent,
        "role": message.role,
        "content": message.content,
        "reasoning": message.reasoning,
        "status": message.status,
        "shown": shown or None,
        "created": message.created,
        "model": message.model,
        "finish_reason": message.finish_reason,
        "asked_to_reason": message.asked_to_reason or None,
        "usage": message.usage and asdict(message.usage),
        "estimated_cost": message.estimated_cost,
        "context_tokens": message.context_tokens,
        "notes": message.notes,
        "reasoning_s": message.reasoning_s,
        "first_token_s": message.first_token_s,
        "duration_s": message.duration_s,
        "reasoning_details": _portable(message.reasoning_details),
        "rounds": [
            {
                "at": round_.at,
                "tool_calls": [asdict(call) for call in round_.calls],
                "reasoning_details": _portable(round_.reasoning_details),
                "reasoning_content": round_.reasoning_content,
            }
            for round_ in message.rounds
        ],
        "error": error and {name: getattr(error, name) for name in _ERROR_FIELDS},
        "runs": [
            {"index": index, "status": run.status, "outputs": run.outputs}
            for index, run in message.runs.items()
            if run.status != "waiting"
        ],
    }
    # Empty values are left out, but not 0.
    return {name: value for name, value in values.items() if value not in (None, "", (), [])}


def _portable(details: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns those of a provider's reasoning details that every JSON parser can read."""
    return [detail for detail in details if not _is_deep(detail) and _is_strict(detail)]


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
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
