"""What a page knows of the values in the kernel: each as a message of the protocol has it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.message import Message
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage
from nbchat._chat.notices import Notice
from nbchat._servers.error_messages import CLIENT_SIDE, REMEDIES
from nbchat._servers.models import Model
from nbchat._servers.providers import credit_page

from .protocol import (
    AttachmentView,
    CallView,
    ErrorView,
    MessageFacts,
    MessageView,
    ModelInfo,
    NoticeView,
    UsageView,
)


def attachment_view(attachment: Attachment) -> AttachmentView:
    """Returns what a page receives of an attachment."""
    view: AttachmentView = {
        "id": attachment.id,
        "name": attachment.name,
        "kind": attachment.kind,
        "media_type": attachment.media_type,
        "size": attachment.size,
    }
    if attachment.is_recoded:
        view["encoding"] = attachment.encoding
    return view


def usage_view(usage: Usage | None) -> UsageView | None:
    """Returns what a page receives of tokens and cost."""
    return cast(UsageView, asdict(usage)) if usage is not None else None


def error_view(error: ChatError) -> ErrorView:
    """Returns what a page receives of an error."""
    shown = f"{error.title} {error.advice}"
    return {
        "message": error.message,
        "title": error.title,
        "advice": error.advice,
        "server_said": error.status_code is not None or error.kind not in CLIENT_SIDE,
        "detail": None if _repeats(error.detail or "", shown) else error.detail,
        "retryable": error.retryable,
        "remedy": REMEDIES.get(error.kind, ""),
        "credit_page": credit_page(error.server) if error.kind == "credit" else "",
    }


def _repeats(detail: str, shown: str) -> bool:
    """Whether `detail`, perhaps JSON, has no sentence that is not in `shown`."""
    try:
        values = [json.loads(detail)]
    except (ValueError, RecursionError):
        values = [detail]
    while values:
        value = values.pop()
        if isinstance(value, (dict, list)):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and " " in value and " ".join(value.split()) not in shown:
            return False
    return True


def call_view(message: Message, index: int) -> CallView:
    """Returns what a page receives of one of a message's tool calls."""
    ats = [round_.at for round_ in message.rounds for _ in round_.calls]
    call = message.tool_calls[index]
    return {
        "name": call.name,
        "arguments": call.pretty_arguments,
        "status": call.status,
        "result": call.result,
        "at": _utf16_length(message.content[: ats[index]]),
    }


def message_facts(message: Message, widgets: Mapping[int, str]) -> MessageFacts:
    """Returns what a page receives of a message, without the parts that grow.

    Args:
        message: The message.
        widgets: The index of each Python block that was run in this kernel → the id of the widget
            with its output.
    """
    error = message.error
    return {
        "id": message.id,
        "role": message.role,
        "status": message.status,
        "branch": {"index": message.fork.index, "count": len(message.fork.versions)},
        "model": message.model,
        "finish_reason": message.finish_reason,
        "created": message.created,
        "asked_to_reason": message.asked_to_reason,
        "reasoning_s": message.reasoning_s,
        "first_token_s": message.first_token_s,
        "duration_s": message.duration_s,
        "usage": usage_view(message.usage),
        "estimated_cost": message.estimated_cost,
        "attachments": [attachment_view(each) for each in message.attachments],
        "notes": list(message.notes),
        "runs": {
            str(index): widgets.get(index, "")
            for index, run in message.runs.items()
            if run.status != "waiting" or index in widgets
        },
        "retry_in_s": message.retry_at and max(0.0, message.retry_at - time.monotonic()),
        "error": error_view(error) if error is not None else None,
    }


def message_view(message: Message, widgets: Mapping[int, str]) -> MessageView:
    """Returns what a page receives of a message; `widgets` as in `message_facts`."""
    return {
        **message_facts(message, widgets),
        "content": message.content,
        "reasoning": message.reasoning,
        "tool_calls": [call_view(message, index) for index in range(len(message.tool_calls))],
    }


def notice_view(notice: Notice) -> NoticeView:
    """Returns what a page receives of a notice."""
    return {
        "id": notice.id,
        "text": notice.text,
        "actions": [{"id": id_, "label": each.label} for id_, each in notice.actions.items()],
        "tone": notice.tone,
    }


def model_info(model: Model) -> ModelInfo:
    """Returns what a page receives of a model."""
    return {
        "id": model.id,
        "name": model.name,
        "is_free": model.is_free,
        "context_length": model.context_length,
        "prompt_price": model.prompt_price,
        "completion_price": model.completion_price,
        "reasoning": None if model.reasoning is None else model.reasoning.choice != "none",
        "images": model.images,
        "tools": None if model.parameters is None else model.takes("tools"),
        "chats": model.chats,
        "expires": model.expires.isoformat() if model.expires else None,
    }


def _utf16_length(text: str) -> int:
    """Returns the length of a text as JavaScript counts it."""
    return len(text) + sum(char > "\uffff" for char in text)
