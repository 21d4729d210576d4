"""What a page asks of a chat, as tests say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbchat import ChatWidget
from nbchat._widget.protocol import File, read_request


def ask_page(chat: ChatWidget, type_: str, **values: object) -> File | None:
    """Has the chat do what a page asks for; raises what it raises."""
    return chat._transcript.handle(read_request({"type": type_, **values}, ()))


def receive(chat: ChatWidget, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
    """Delivers a message of a page, whose answer goes out as a message."""
    chat._transcript._receive(chat._transcript, message, [memoryview(each) for each in buffers])
