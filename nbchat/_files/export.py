"""Exports a conversation for reading: as Markdown, a notebook, HTML or plain text.

nbchat can't open any of these again; it opens the files that `chat_writer.py` writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._chat.conversation.runs import Run
from nbchat._chat.conversation.tool_rounds import ToolCall, parts
from nbchat._chat.foreign_text import (
    fenced,
    harmless,
    harmless_part,
    plain,
    printable,
)
from nbchat._chat.markdown import Code, Prose, split
from nbchat._chat.markdown_html import Markdown, Rendered, code_to_html, text_to_html

# These mark a file that nbchat wrote, and so may overwrite.
MARKER = "<!-- nbchat -->"
METADATA = "nbchat"

_SPEAKERS = {"user": "You", "assistant": "Assistant"}


def to_markdown(conversation: Conversation, system: str = "") -> str:
    """Returns the messages as Markdown. The caller holds the conversation's lock."""
    blocks = [MARKER]
    if system.strip():
        blocks += ["## System instructions", _text(system)]
    for message in conversation.messages:
        blocks += _head(message)
        for part in _parts(message):
            match part:
                case ToolCall():
                    blocks += _call(part)
                case Run():
                    blocks += ["> Output:", fenced(part.text)]
                case _:
                    blocks.append(_text(part))
        blocks += _foot(message)
    return _utf8("\n\n".join(filter(None, blocks)) + "\n")


def to_notebook(conversation: Conversation, system: str = "") -> str:
    """Returns the messages as a notebook (nbformat 4.5), with a reply's Python in code cells.

    The outputs of code that was run are text. The caller holds the conversation's lock.
    """
    cells: list[dict[str, Any]] = []
    if system.strip():
        text = f"## System instructions\n\n{_text(system)}"
        cells.append(_cell("markdown", text, "system"))
    for message in conversation.messages:
        for number, (kind, text, output) in enumerate(_pieces(message)):
            cells.append(_cell(kind, text, f"{message.id}-{number}", output))
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            METADATA: {"version": 1},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return _utf8(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")


def to_html(*conversations: Conversation, rendered: Rendered | None = None) -> str:
    """Returns the last messages as HTML that is safe anywhere.

    Args:
        conversations: One, or several with the same question, which is shown once.
        rendered: What has been rendered before.
    """
    return html_of(html_blocks(*conversations), rendered or Rendered())


def to_plain(*conversations: Conversation) -> str:
    """Returns the last messages as plain text, without thoughts or control characters.

    Args:
        conversations: One, or several with the same question, which is shown once.
    """
    left_out, messages = _copied(*conversations)
    return _utf8("\n\n".join([*left_out, *map(_plain, messages)]))


def _utf8(text: str) -> str:
    """Replaces lone surrogates, which UTF-8 can't encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _speaker(message: Message) -> str:
    name = _SPEAKERS[message.role]
    return f"{name} ({' '.join(message.model.split())})" if message.model else name


def _thoughts(message: Message) -> str:
    seconds = message.reasoning_s
    return "Thoughts" if seconds is None else f"Thoughts ({seconds:.0f} s)"


def _marks(message: Message) -> Iterator[str]:
    """Yields what the reader should know about a message besides its text, a sentence each."""
    if message.attachments:
        yield f"Attached: {', '.join(attachment.name for attachment in message.attachments)}"
    yield from message.notes
    if message.status in ("queued", "streaming"):
        yield "The reply has not ended yet."
    elif message.is_unsent:
        yield "Not sent."
    elif message.status == "stopped":
        yield "Stopped."
    elif message.is_cut_off:
        yield "Stopped at the token limit."
    if message.error is not None:
        yield f"Error: {message.error.message}"


def _parts(message: Message) -> Iterator[str | ToolCall | Run]:
    """Yields the texts and tool calls of a message, and the outputs of code right after it."""
    index = -1
    for part in parts(message.content, message.rounds):
        if isinstance(part, ToolCall) or not message.runs:
            yield part
            continue
        texts: list[str] = []
        for piece in split(part):
            texts.append(fenced(piece.text, piece.info) if isinstance(piece, Code) else piece.text)
            if isinstance(piece, Code) and piece.is_python:
                index += 1
                if (run := message.runs.get(index)) is not None and run.text:
                    yield "\n".join(texts)
                    yield run
                    texts = []
        if texts:
            yield "\n".join(texts)


def _outcome(call: ToolCall) -> str:
    """Returns a line that says what was called, and how the call ended."""
    ended = {"complete": "", "denied": ": denied", "error": ": failed", "stopped": ": stopped"}
    return f"Called {call.name}{ended.get(call.status, ': has not ended yet')}"


# Markdown


def _call(call: ToolCall) -> Iterator[str]:
    yield f"> {plain(_outcome(call))}"
    yield fenced(call.pretty_arguments, "json")
    if call.result:
        yield fenced(call.result)


def _text(text: str) -> str:
    return harmless(text).strip("\n")


def _head(message: Message) -> Iterator[str]:
    yield f"## {plain(_speaker(message))}"
    if message.reasoning:
        yield f"<details>\n<summary>{_thoughts(message)}</summary>"
        yield _text(message.reasoning)
        yield "</details>"


def _foot(message: Message) -> Iterator[str]:
    for mark in _marks(message):
        yield f"> {plain(mark)}"


def _pieces(message: Message) -> Iterator[tuple[str, str, str]]:
    """Yields the kind, the text and the output of each cell of a message."""
    prose = [*_head(message)]
    index = -1
    for part in _split(message):
        if isinstance(part, ToolCall):
            prose += _call(part)
        elif isinstance(part, Code) and message.role == "assistant" and part.is_python:
            if prose:
                yield "markdown", "\n\n".join(prose), ""
            index += 1
            run = message.runs.get(index)
            yield "code", part.text, "" if run is None else printable(run.text)
            prose = []
        elif text := harmless_part(part).strip("\n"):
            prose.append(text)
    if prose := [*prose, *_foot(message)]:
        yield "markdown", "\n\n".join(prose), ""


def _split(message: Message) -> Iterator[Prose | Code | ToolCall]:
    for part in parts(message.content, message.rounds):
        yield from [part] if isinstance(part, ToolCall) else split(part)


def _cell(kind: str, text: str, id_: str, output: str = "") -> dict[str, Any]:
    lines = output.splitlines(keepends=True)
    stream = {"output_type": "stream", "name": "stdout", "text": lines}
    cell = {
        "cell_type": kind,
        "id": id_,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    if kind != "code":
        return cell
    return cell | {"execution_count": None, "outputs": [stream] if lines else []}


# The copies in the cell's output

# A notebook is opened and saved with its copies, and making them holds the conversation's lock.
_MAX_COPY = 2_000_000  # characters


def html_blocks(*conversations: Conversation) -> list[str]:
    """Returns the copy's parts: HTML, and Markdown that `html_of` renders.

    The caller holds the conversations' locks: this is quick, unlike the rendering.
    """
    left_out, messages = _copied(*conversations)
    blocks = [f"<p><em>{text_to_html(line)}</em></p>" for line in left_out]
    for message in messages:
        blocks += _html(message)
    return blocks


def html_of(blocks: list[str], rendered: Rendered, most: float = math.inf) -> str:
    """Returns the copy; of the texts that are not yet rendered, at most so many characters are."""
    parts = rendered.render(blocks, most)
    return _utf8("\n".join(['<div class="nbchat-fallback">', *parts, "</div>"]))


def _copied(*conversations: Conversation) -> tuple[list[str], list[Message]]:
    """Returns what to say of the messages that a copy leaves out, and those that it has."""
    first, *others = conversations
    messages = list(first.messages)
    for other in others:
        messages += (message for message in other.messages if message.role == "assistant")
    room, at = _MAX_COPY, len(messages)
    while at > 0 and room > 0:
        at -= 1
        message = messages[at]
        outputs = sum(len(run.text) for run in message.runs.values())
        room -= len(message.content) + len(message.reasoning) + outputs
    left_out = [f"[This copy leaves out the {at} messages before.]"] if at else []
    return left_out, messages[at:]


def _cut(text: str) -> str:
    more = len(text) - _MAX_COPY
    return text if more <= 0 else f"{text[:_MAX_COPY]}… ({more:,} more characters)"


def _lines(part: str | ToolCall | Run) -> Iterator[str]:
    match part:
        case ToolCall():
            yield f"[{_outcome(part)}] {part.arguments}"
            if part.result:
                yield f"→ {part.result}"
        case Run():
            yield f"Output:\n{part.text}"
        case _:
            yield part


def _html(message: Message) -> Iterator[str]:
    yield f'<p style="margin:1em 0 0.3em"><b>{text_to_html(_speaker(message))}</b></p>'
    if message.reasoning:
        yield f"<details><summary>{_thoughts(message)}</summary>"
        yield Markdown(_cut(message.reasoning))
        yield "</details>"
    for part in _parts(message):
        match part:
            case ToolCall():
                yield f"<details><summary>{text_to_html(_outcome(part))}</summary>"
                yield from map(code_to_html, map(_cut, filter(None, (part.arguments, part.result))))
                yield "</details>"
            case Run():
                yield f"<p><em>Output:</em></p>\n{code_to_html(_cut(part.text))}"
            case _ if message.role == "user":
                yield from _as_written(_cut(part))
            case _:
                yield Markdown(_cut(part))
    for mark in _marks(message):
        yield f"<p><em>{text_to_html(_cut(mark))}</em></p>"


def _as_written(text: str) -> Iterator[str]:
    """Yields what the user wrote as it was written, but for code, as the page does."""
    for part in split(text):
        if isinstance(part, Code):
            yield code_to_html(part.text)
        elif written := part.text.strip("\n"):
            lines = text_to_html(written).replace("\n", "<br>")
            yield f'<p style="white-space:pre-wrap;overflow-wrap:anywhere">{lines}</p>'


def _plain(message: Message) -> str:
    marks = (f"[{mark}]" for mark in _marks(message))
    lines = [f"{_speaker(message)}:"]
    for more in map(_lines, _parts(message)):
        lines += map(_cut, more)
    return printable("\n".join([*lines, *marks]))
