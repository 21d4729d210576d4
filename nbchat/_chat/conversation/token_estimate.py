"""Estimates how many tokens messages take, and leaves out old ones that don't fit the context.

The estimates go by the size of the text. Each model has its own tokenizer, so they are rough:
where a server has reported a count, `Conversation.counted_tokens` uses that instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_BYTES_PER_TOKEN = 4  # of UTF-8: English takes about 4.2, Chinese 3 to 4
_MESSAGE_TOKENS = 4  # for the role and the separators
_IMAGE_TOKENS = 1000  # providers count 85 to 1600 for an image of usual size

RequestMessage = dict[str, Any]


def estimate_tokens(messages: Sequence[RequestMessage]) -> int:
    """Returns about how many tokens these request messages take."""
    return sum(
        _MESSAGE_TOKENS
        + _content_tokens(message["content"])
        + sum(_content_tokens(json.dumps(call)) for call in message.get("tool_calls", ()))
        for message in messages
    )


def estimate_tool_tokens(schemas: Sequence[dict[str, Any]]) -> int:
    """Returns about how many tokens the schemas of these tools take."""
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


def leave_out(
    messages: Sequence[RequestMessage], tokens: int
) -> tuple[list[RequestMessage], list[RequestMessage]]:
    """Leaves out the oldest exchanges until about `tokens` tokens are saved.

    The system instructions, the last user message and all that follows it always stay. After the
    system instructions, the messages that stay begin with a user message.

    Returns:
        The messages that stay, and the messages left out.
    """
    start = 1 if messages and messages[0]["role"] == "system" else 0
    end = start
    last = max((n for n, message in enumerate(messages) if message["role"] == "user"), default=0)
    while end < last and (
        estimate_tokens(messages[start:end]) < tokens or messages[end]["role"] != "user"
    ):
        end += 1
    return [*messages[:start], *messages[end:]], list(messages[start:end])


def brief(messages: Sequence[RequestMessage], words: int = 8) -> list[str]:
    """Returns the first words of each message, so that the user recognises it."""
    texts = []
    for message in messages:
        content = message["content"]
        if isinstance(content, list):
            content = " ".join(part.get("text", "") for part in content)
        first = (content or "").split(maxsplit=words)
        who = {"user": "You", "tool": "Tool"}.get(message["role"], "Assistant")
        texts.append(f"{who}: {' '.join(first[:words])}{'…' if len(first) > words else ''}")
    return texts
