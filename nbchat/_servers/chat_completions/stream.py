"""Turns the stream of an OpenAI-compatible server into typed events.

The quirks of servers end here: the events mean the same for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nbchat._chat.attachments.attachment import from_data_url
from nbchat._chat.errors import ChatError
from nbchat._chat.events import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    FunctionCall,
    ImageOutput,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    ToolCalls,
    Usage,
    cost,
    count,
)
from nbchat._servers import bounded
from nbchat._servers.error_messages import explain_body, explain_cause, explain_non_stream
from nbchat._servers.sse import EventDecoder, ServerSentEvent

from .call_pieces import CallPieces

# Not escaped in the address of an image. A space or bracket would end the Markdown link.
_IN_URL = ":/?#@!$&'*+,;=%~"

# How much of a body without events is kept, to explain what it was.
_NON_STREAM_LIMIT = 4 * 1024 * 1024

# The limits of one reply. The longest replies of November 2026 have 128,000 tokens: 1 MB of text,
# in 80 MB of stream.
_MOST_STREAM_BYTES = 128_000_000
_MOST_EVENT_BYTES = 32_000_000  # an image of 20 MB, in base64
_MOST_KEPT_BYTES = 64_000_000
_MOST_IMAGES = 16
_MOST_NAMES = 8
_NAME_CHARS = 200
_VALUE_BYTES = 64  # what a value takes in memory beside its text
_CALL_BYTES = 600  # what of a piece of a call is not kept

# OpenRouter: the kinds of reasoning_details that come in pieces, and the field with their text.
_TEXT_FIELDS = {"reasoning.text": "text", "reasoning.summary": "summary"}

# Other words than OpenAI's, in lower case.
_FINISH_REASONS = {
    "eos": "stop",  # Together
    "end_turn": "stop",  # xAI (genkit-ai/genkit#6259, September 2026)
    "max_tokens": "length",  # Gemini, in capitals
    "model_length": "length",  # Mistral
    "safety": "content_filter",  # Gemini, in capitals
}


class StreamReader:
    """Reads one streamed reply; `feed` and `end` never raise, whatever the server sends.

    Args:
        server: The server's name, as the user sees it.
        model: The requested model.
        key_env: The environment variable that holds the key.
        sent_key: Whether the request carried an API key, if that is known.

    Attributes:
        chunks: The number of chunks so far. Comments and pings do not count.
    """

    def __init__(
        self,
        server: str = "The server",
        model: str | None = None,
        key_env: str | None = None,
        sent_key: bool | None = None,
    ) -> None:
        self._server = server
        self._model = model
        self._key_env = key_env
        self._sent_key = sent_key
        self._decoder = EventDecoder()
        self._non_stream: bytearray | None = bytearray()
        self._events: list[Event] = []
        self._delta_type: type[ContentDelta] | type[ReasoningDelta] = ContentDelta
        self._texts: list[str] = []
        self._think: _LeadingThink | None = _LeadingThink()
        self._details = _Details()
        self._reasoning_content: list[str] = []
        self._calls = CallPieces()
        self._seen_images: list[bytes] = []  # the last chunk may repeat them all
        self._has_more_images = False
        self._model_names = [""]
        self._stream_bytes = 0
        self._kept_bytes = 0
        self._usage: Usage | None = None
        self._finish_reason = ""
        self._native_finish_reason = ""
        self._has_reasoning = False
        self._has_answer = False
        self._not_json = ""
        self._not_chunk = ""
        self._done = False
        self.chunks = 0

    @property
    def done(self) -> bool:
        """Whether the reply has ended: the reader has seen ``[DONE]`` or an error."""
        return self._done

    def feed(self, data: bytes) -> list[Event]:
        """Reads the next bytes of the body and returns their events.

        Consecutive deltas of the same kind are joined.
        """
        if self._non_stream is not None and len(self._non_stream) < _NON_STREAM_LIMIT:
            self._non_stream += data
        for event in self._decoder.feed(data):
            self._read_event(event)
        self._stream_bytes += len(data)
        self._check_size()
        return self._take_events()

    def end(self) -> list[Event]:
        """Returns the events that were held back, and a `Failure` if there was no valid reply."""
        for event in self._decoder.end():
            self._read_event(event)
        self._read_non_stream()
        self._close()
        return self._take_events()

    def _check_size(self) -> None:
        """Ends the reply if the server sends more than any reply needs. What came is kept."""
        if self._decoder.held > _MOST_EVENT_BYTES:
            self._fail_too_large(f"a chunk of more than {_MOST_EVENT_BYTES / 1e6:.0f} MB")
        elif self._has_more_images:
            self._fail_too_large(f"a reply of more than {_MOST_IMAGES} images")
        elif self._kept_bytes > _MOST_KEPT_BYTES:
            self._fail_too_large(f"a reply of more than {_MOST_KEPT_BYTES / 1e6:.0f} MB")
        elif self._stream_bytes > _MOST_STREAM_BYTES:
            self._fail_too_large(f"a stream of more than {_MOST_STREAM_BYTES / 1e6:.0f} MB")

    def _fail_too_large(self, what: str) -> None:
        self._fail(explain_cause("too_large", server=self._server, advice=f"This was {what}."))

    def _take_events(self) -> list[Event]:
        self._join_texts()
        events, self._events = self._events, []
        return events

    def _read_event(self, event: ServerSentEvent) -> None:
        if self._done:
            return
        self._non_stream = None
        name, data = event
        if name != "error" and data[:1] != "{":
            data = data.strip()
            if not data:
                return
            if data == "[DONE]":
                self._close()
                return
        try:
            chunk = _loads(data)
        except (ValueError, RecursionError):
            if name == "error":
                self._fail(self._explain(data))
            elif "\n" in data:
                # Chunks without blank lines between them arrive as one event (server not noted).
                for line in data.split("\n"):
                    self._read_event(ServerSentEvent(name, line))
            else:
                self._not_json = self._not_json or data
            return
        if isinstance(chunk, dict):
            self._read_chunk(chunk, is_error=name == "error")
        elif name == "error":
            self._fail(self._explain(data))
        else:
            self._not_chunk = self._not_chunk or data

    def _read_chunk(self, chunk: dict[str, Any], is_error: bool = False) -> None:
        self.chunks += 1
        model = chunk.get("model")
        if model and model != self._model_names[-1] and isinstance(model, str):
            self._read_model(model)
        error = chunk.get("error")
        choices = chunk.get("choices")
        if choices and isinstance(choices, list):
            for choice in choices:
                # Another index is another candidate, not more of this reply.
                if isinstance(choice, dict) and not choice.get("index"):
                    self._read_choice(choice)
                    error = error or choice.get("error")
                    break
        # With a choice (OpenRouter), with `choices: []` (OpenAI, llama-server), or in Groq's own
        # field: all recorded.
        usage = chunk.get("usage")
        if usage is None and "x_groq" in chunk:
            usage = _mapping(chunk["x_groq"]).get("usage")
        if usage:
            self._read_usage(_mapping(usage))
        # OpenRouter: `error` beside the choices. Mistral's errors say `object: "error"`.
        if error or is_error or chunk.get("object") == "error":
            self._read_error({"error": error} if error else chunk)
        self._check_size()

    def _read_model(self, name: str) -> None:
        name = "".join(filter(str.isprintable, name[:_NAME_CHARS]))
        # Each one is shown. A server that names more than a few is broken.
        if name not in self._model_names and len(self._model_names) <= _MOST_NAMES:
            self._model_names.append(name)
            self._emit(ModelName(name))

    def _read_choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # A completion that was not streamed. (Perplexity's chunks have both: recorded.)
            delta = choice.get("message")
        if delta and isinstance(delta, dict):
            self._read_delta(delta)
        native = choice.get("native_finish_reason")
        if native and isinstance(native, str):
            self._native_finish_reason = native
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str) and not self._finish_reason:
            reason = reason[:_NAME_CHARS].lower()
            self._finish_reason = _FINISH_REASONS.get(reason, reason)
            self._emit(Finish(self._finish_reason))

    def _read_delta(self, delta: dict[str, Any]) -> None:
        details = delta.get("reasoning_details")
        if details and isinstance(details, list):
            details = [detail for detail in details if isinstance(detail, dict)]
            self._kept_bytes += sum(map(self._details.add, details))
        else:
            details = []
        # OpenRouter sends the same text in `reasoning` and in `reasoning_details` (2738 of 2738
        # recorded deltas), DeepSeek and llama-server in `reasoning_content`. Only one is shown.
        reasoning = delta.get("reasoning")
        reasoning_content = delta.get("reasoning_content")
        if reasoning_content and isinstance(reasoning_content, str):
            self._reasoning_content.append(reasoning_content)
            self._kept_bytes += len(reasoning_content) + _VALUE_BYTES
        if not (reasoning and isinstance(reasoning, str)):
            reasoning = reasoning_content
        if not (reasoning and isinstance(reasoning, str)):
            reasoning = "".join(map(_detail_text, details)) if details else ""
        if reasoning:
            self._add_reasoning(reasoning)
        content = delta.get("content")
        if content:
            if isinstance(content, str):
                self._add_content(content)
            elif isinstance(content, list):
                self._read_parts(content)
        refusal = delta.get("refusal")  # may be the only text (recorded)
        if refusal and isinstance(refusal, str):
            self._release_held()
            self._add_text(ContentDelta, refusal)
        images = delta.get("images")  # OpenRouter
        if images and isinstance(images, list):
            self._read_images(images)
        if delta.get("tool_calls") or delta.get("function_call"):
            self._calls.add(delta)
            size = _size([delta.get("tool_calls"), delta.get("function_call")])
            self._kept_bytes += max(_VALUE_BYTES, size - _CALL_BYTES)
        if not self._has_answer and (delta.get("images") or delta.get("audio")):
            self._has_answer = True

    def _read_images(self, images: list[Any]) -> None:
        for image in map(_mapping, images):
            url = _mapping(image.get("image_url")).get("url")
            if not isinstance(url, str):
                continue
            if url.startswith("https://"):
                # Not fetched: the user decides whether to open it.
                self._add_text(ContentDelta, f"\n\n[Image]({quote(url, safe=_IN_URL)})\n\n")
                continue
            found = from_data_url(url, f"image-{len(self._seen_images) + 1}")
            if found is None or found.data in self._seen_images:
                continue
            if len(self._seen_images) == _MOST_IMAGES:
                self._has_more_images = True
                return
            self._seen_images.append(found.data)
            self._kept_bytes += len(found.data)
            self._release_held()
            self._emit(ImageOutput(found))

    def _read_parts(self, parts: list[Any]) -> None:
        """Reads Mistral's content, which is a list of parts while the model thinks (recorded)."""
        for part in parts:
            part = _mapping(part)
            text, thinking = part.get("text"), part.get("thinking")
            if text and isinstance(text, str):
                self._add_content(text)
            elif part.get("type") == "image_url":
                self._read_images([part])
                self._has_answer = True
            elif isinstance(thinking, str):
                self._add_reasoning(thinking)
            elif isinstance(thinking, list):
                texts = (_mapping(item).get("text") for item in thinking)
                self._add_reasoning("".join(text for text in texts if isinstance(text, str)))

    def _read_usage(self, fields: Mapping[str, Any]) -> None:
        usage = Usage(
            prompt_tokens=count(fields.get("prompt_tokens")),
            completion_tokens=count(fields.get("completion_tokens")),
            total_tokens=count(fields.get("total_tokens")),
            reasoning_tokens=count(
                _mapping(fields.get("completion_tokens_details")).get("reasoning_tokens")
            ),
            cached_tokens=count(_mapping(fields.get("prompt_tokens_details")).get("cached_tokens")),
            cost=cost(fields.get("cost")),  # OpenRouter; Perplexity sends an object instead
        )
        if usage != self._usage and usage != Usage():
            self._usage = usage
            self._emit(usage)

    def _read_error(self, body: dict[str, Any]) -> None:
        error = self._explain(body)
        if self._finish_reason == "length" and "token limit" in str(error).lower():
            # OpenRouter with MiniMax M2 sent this after a normal stop at max_tokens (November 2025,
            # recorded in pydantic-ai@4fda3898, test_openrouter_stream_error).
            self._close()
        else:
            self._fail(error)

    def _read_non_stream(self) -> None:
        """Reads a body without events: a completion that was not streamed, or no reply at all."""
        if self._non_stream is None:
            return
        body = bytes(self._non_stream)
        try:
            completion = _loads(body.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            completion = None
        if isinstance(completion, dict) and completion.get("choices"):
            self._read_chunk(completion)
        else:
            self._fail(
                explain_non_stream(
                    body,
                    server=self._server,
                    key_env=self._key_env,
                    model=self._model,
                    sent_key=self._sent_key,
                )
            )

    def _add_content(self, text: str) -> None:
        if self._think is None:
            self._add_text(ContentDelta, text)
            return
        reasoning, content = self._think.split(text)
        if reasoning:
            self._add_text(ReasoningDelta, reasoning)
        if content:
            self._think = None
            self._add_text(ContentDelta, content)

    def _add_reasoning(self, text: str) -> None:
        if self._think is not None and not self._think.inside:
            self._release_held()
        self._add_text(ReasoningDelta, text)

    def _release_held(self) -> None:
        think, self._think = self._think, None
        if think is not None:
            reasoning, content = think.end()
            self._add_text(ReasoningDelta, reasoning)
            self._add_text(ContentDelta, content)

    def _add_text(self, delta_type: type[ContentDelta] | type[ReasoningDelta], text: str) -> None:
        if not text:
            return
        if delta_type is not self._delta_type:
            self._join_texts()
            self._delta_type = delta_type
        self._texts.append(text)
        self._kept_bytes += 4 * len(text)  # as a StringIO holds it
        if delta_type is ReasoningDelta:
            self._has_reasoning = self._has_reasoning or not text.isspace()
        else:
            self._has_answer = self._has_answer or not text.isspace()

    def _join_texts(self) -> None:
        if self._texts:
            self._events.append(self._delta_type("".join(self._texts)))
            self._texts.clear()

    def _emit(self, event: Event) -> None:
        self._join_texts()
        self._events.append(event)

    def _explain(self, body: object) -> ChatError:
        return explain_body(
            body,
            status=None,
            server=self._server,
            key_env=self._key_env,
            model=self._model,
            sent_key=self._sent_key,
        )

    def _fail(self, error: ChatError) -> None:
        if not self._done:
            self._finish_up(())
            self._emit(Failure(error))

    def _close(self) -> None:
        """Ends the reply, with a `Failure` if it is not a valid one."""
        if self._done:
            return
        # A reply that was cut off may end in half a call, which must not run.
        cut_off = self._finish_reason in ("length", "content_filter", "error")
        self._finish_up(() if cut_off or self._not_json else self._calls.whole())
        cause, words = self._failure_cause()
        if cause:
            error = explain_cause(cause, words, server=self._server, model=self._model)
            self._emit(Failure(error))

    def _finish_up(self, calls: tuple[FunctionCall, ...]) -> None:
        self._done = True
        self._release_held()
        details = self._details.whole()
        if details:
            self._emit(ReasoningDetails(details))
        if calls:
            self._has_answer = True
            self._emit(ToolCalls(calls, details, "".join(self._reasoning_content)))

    def _failure_cause(self) -> tuple[str, str]:
        """Returns why the reply failed and what the server said; blank if the reply is valid."""
        reason = self._finish_reason
        if self._not_json:
            return "unreadable", self._not_json
        if reason == "error":
            return "mid_reply", ""
        if not self._has_answer and not self._has_reasoning:
            cause = {"length": "empty_length", "content_filter": "empty_filter"}
            return cause.get(reason, "empty"), self._not_chunk
        # OpenRouter masks a provider's "network_error" as finish_reason "stop"
        # (earendil-works/pi#8511, August 2026).
        if self._native_finish_reason.lower().endswith("error"):
            return "mid_reply", self._native_finish_reason
        return "", ""


class _LeadingThink:
    """Separates reasoning from content in a text that begins with ``<think>…</think>``.

    The HF router sends this (DeepSeek R1 on Together, recorded in pydantic-ai@4fda3898,
    test_hf_model_thinking_part_iter), and vLLM and SGLang without a reasoning parser.
    """

    _TAGS = ("<think>", "<thinking>")
    # At most this many white-space characters may precede the tag.
    _MARGIN = 64

    def __init__(self) -> None:
        self._held = ""
        self._closing = ""
        self._closed = False

    @property
    def inside(self) -> bool:
        """Whether the tag has been opened."""
        return bool(self._closing)

    def split(self, text: str) -> tuple[str, str]:
        """Returns the reasoning and the content in the next text.

        Once it has returned content, there is nothing left to split.
        """
        text = self._held + text
        self._held = ""
        if not self._closing:
            start = text.lstrip()
            if len(text) - len(start) > self._MARGIN:
                return "", text
            tag = next((tag for tag in self._TAGS if start.startswith(tag)), None)
            if tag is None:
                if any(tag.startswith(start) for tag in self._TAGS):
                    self._held = text
                    return "", ""
                return "", text
            self._closing = "</" + tag[1:]
            text = start[len(tag) :]
        reasoning = ""
        if not self._closed:
            reasoning, found, text = text.partition(self._closing)
            if not found:
                kept = _overlap(reasoning, self._closing)
                self._held = reasoning[len(reasoning) - kept :]
                return reasoning[: len(reasoning) - kept], ""
            self._closed = True
        return reasoning, text.lstrip("\r\n")

    def end(self) -> tuple[str, str]:
        """Returns the text that was held back, as reasoning and content."""
        held, self._held = self._held, ""
        return (held, "") if self._closing else ("", held)


def _overlap(text: str, tag: str) -> int:
    """Returns how many characters at the end of the text may be the beginning of the tag."""
    longest = min(len(text), len(tag) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(tag[:n])), 0)


def _detail_text(detail: Mapping[str, Any]) -> str:
    text = detail.get(_TEXT_FIELDS.get(str(detail.get("type")), ""))
    return text if isinstance(text, str) else ""


class _Details:
    """Joins the pieces of OpenRouter's reasoning_details, in the order in which they began.

    Details of different kinds share an index, so kind and index are the key. Kinds without text
    (encrypted, unknown) stay as they came: tool calls need them back unmodified.
    """

    def __init__(self) -> None:
        self._merged: list[dict[str, Any]] = []
        self._pieces: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {}

    def add(self, detail: dict[str, Any]) -> int:
        """Reads the next piece; returns how many bytes more are kept."""
        field = _TEXT_FIELDS.get(str(detail.get("type")))
        if field is None:
            self._merged.append(detail)
            return _size(detail)
        key = (field, str(detail.get("index")))
        if key not in self._pieces:
            self._pieces[key] = ({}, [])
            self._merged.append(self._pieces[key][0])
        whole, texts = self._pieces[key]
        # A signature comes in a piece of its own; in the others it is null or "".
        new = {name: value for name, value in detail.items() if value or name not in whole}
        kept = _size({name: value for name, value in new.items() if value != whole.get(name)})
        whole.update(new)
        text = detail.get(field)
        texts.append(text if isinstance(text, str) else "")
        return kept

    def whole(self) -> tuple[dict[str, Any], ...]:
        """Returns the details; for use once the stream has ended."""
        for (field, _), (whole, texts) in self._pieces.items():
            if field in whole:
                whole[field] = "".join(texts)
        return tuple(self._merged)


def _size(value: object) -> int:
    """Estimates the bytes that a value from JSON takes in memory."""
    size, inner = 0, [value]
    while inner:
        value = inner.pop()
        size += _VALUE_BYTES + (len(value) if isinstance(value, str) else 0)
        if isinstance(value, dict):
            inner += value.keys()
            inner += value.values()
        elif isinstance(value, list):
            inner += value
    return size


def _loads(data: str) -> Any:
    chunk = bounded.loads(data)
    if "\\ud" in data or "\\uD" in data:
        # JSON allows half a surrogate pair, which UTF-8 can't encode later (seen from OpenRouter,
        # Kohaku-Lab/KohakuTerrarium#48, April 2026).
        text = json.dumps(chunk, ensure_ascii=False)
        chunk = json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    return chunk


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
