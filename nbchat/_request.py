"""(settings, messages) → the body of a `/chat/completions` request."""

from __future__ import annotations

from typing import Any

from ._models import reasoning_parameters
from ._settings import ChatSettings


def chat_completion_body(settings: ChatSettings, messages: list[dict[str, str]]) -> dict[str, Any]:
    """The request for one streamed reply to `messages`."""
    return {
        "model": settings.model,
        "messages": messages,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        "stream": True,
        # Most servers send usage in a stream only when asked to.
        "stream_options": {"include_usage": True},
        **reasoning_parameters(settings.model, settings.reasoning_effort),
    }
