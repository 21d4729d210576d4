"""How much of a model's context a conversation takes, and what is left out where it does not fit.

Counted as servers count, as far as they have said; what they have not seen yet is reckoned from
its size. Each model has a tokenizer of its own: a figure from here is one to go by, no more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_BYTES_PER_TOKEN = 4  # of UTF-8: English takes about 4.2, Chinese 3 to 4
_MESSAGE_TOKENS = 4  # for its role and what separates it
_IMAGE_TOKENS = 1000  # providers count 85 to 1600 for one of a usual size

Message = dict[str, Any]


def estimate_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens these messages of a request take."""
    return sum(
        _MESSAGE_TOKENS
        + _content_tokens(message["content"])
        + sum(_content_tokens(json.dumps(call)) for call in message.get("tool_calls", ()))
        for message in messages
    )


def estimate_tool_tokens(schemas: Sequence[dict[str, Any]]) -> int:
    """About how many tokens it takes to offer these tools."""
    return sum(_content_tokens(json.dumps(schema)) for schema in schemas)


def _content_tokens(content: object) -> int:
    if isinstance(content, str):
        return -(-len(content.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
    if not isinstance(content, list):
        return 0
    return sum(
        _IMAGE_TOKENS
        if part.get("type") == "image_url"
        else _content_tokens(part.get("text") or json.dumps(part))
        for part in content
    )


def leave_out(messages: Sequence[Message], tokens: int) -> tuple[list[Message], list[Message]]:
    """Leaves out the oldest exchanges until about `tokens` are saved.

    The system instructions and a person's last message, with what follows it, always stay, and what
    stays begins with a user's message.

    Returns:
        What stays, and what does not.
    """
    start = 1 if messages and messages[0]["role"] == "system" else 0
    end = start
    last = max((n for n, message in enumerate(messages) if message["role"] == "user"), default=0)
    while end < last and (
        estimate_tokens(messages[start:end]) < tokens or messages[end]["role"] != "user"
    ):
        end += 1
    return [*messages[:start], *messages[end:]], list(messages[start:end])


def brief(messages: Sequence[Message], words: int = 8) -> list[str]:
    """The first words of each message, for a person to recognise it by."""
    texts = []
    for message in messages:
        content = message["content"]
        if isinstance(content, list):
            content = " ".join(part.get("text", "") for part in content)
        first = (content or "").split(maxsplit=words)
        who = {"user": "You", "tool": "Tool"}.get(message["role"], "Assistant")
        texts.append(f"{who}: {' '.join(first[:words])}{'…' if len(first) > words else ''}")
    return texts
