from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import WIRE, needs_wire

from nbchat._chat.errors import ChatError
from nbchat._chat.events import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    Usage,
)
from nbchat._servers.chat_completions.stream import StreamReader


def sse(*chunks: object, done: bool = True) -> bytes:
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return (stream + ("data: [DONE]\n\n" if done else "")).encode()


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


def content(*texts: str) -> bytes:
    return sse(*(delta(content=text) for text in texts), delta("stop"))


def pieces_of(stream: bytes, size: int) -> Iterable[bytes]:
    return (stream[i : i + size] for i in range(0, len(stream), size))


def read(*pieces: bytes) -> list[Event]:
    """Feeds the pieces as the engine does: until the reader is done."""
    reader = StreamReader("OpenRouter", "some/model")
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return events + reader.end()


class Reply(NamedTuple):
    text: str
    reasoning: str
    finish_reason: str | None
    usage: Usage | None
    models: list[str]
    details: list[dict[str, Any]]
    error: str | None


def reply(*pieces: bytes) -> Reply:
    events = read(*pieces)
    failures = [event.error for event in events if isinstance(event, Failure)]
    assert not failures or isinstance(events[-1], Failure)
    assert len(failures) <= 1
    finishes = [event.reason for event in events if isinstance(event, Finish)]
    assert len(finishes) <= 1
    usages = [event for event in events if isinstance(event, Usage)]
    return Reply(
        "".join(event.text for event in events if isinstance(event, ContentDelta)),
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        finishes[0] if finishes else None,
        usages[-1] if usages else None,
        [event.name for event in events if isinstance(event, ModelName)],
        [d for event in events if isinstance(event, ReasoningDetails) for d in event.details],
        str(failures[0]) if failures else None,
    )


def failure(*pieces: bytes) -> ChatError:
    last = read(*pieces)[-1]
    assert isinstance(last, Failure)
    return last.error


def test_a_reply_becomes_events_in_the_order_of_the_wire() -> None:
    stream = sse(
        {"model": "a/b", **delta(role="assistant", content="")},
        delta(reasoning="Hm"),
        delta(reasoning="m."),
        delta(content="Hel"),
        {"model": "a/b", **delta(content="lo")},
        delta("stop"),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    )
    assert read(stream) == [
        ModelName("a/b"),
        ReasoningDelta("Hmm."),
        ContentDelta("Hello"),
        Finish("stop"),
        Usage(1, 2, 3),
    ]


def test_events_come_as_soon_as_their_bytes() -> None:
    reader = StreamReader()
    assert reader.feed(sse(delta(content="Hello"), done=False)) == [ContentDelta("Hello")]
    assert reader.feed(sse(delta("stop"), done=False)) == [Finish("stop")]
    assert not reader.done
    assert reader.feed(b"data: [DONE]\n\n" + sse(delta(content="late"))) == []
    assert reader.done
    assert reader.end() == []


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": "x"},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": 5, "reasoning": {}, "refusal": [], "tool_calls": ""}}]},
        {"choices": [{"delta": {"content": [None, 1, "x", {"type": "new"}], "reasoning": None}}]},
        {"choices": [{"index": 1, "delta": {"content": "another candidate"}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": 3}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]},
        {"usage": {"prompt_tokens": "many", "cost": {"usd": 1}, "prompt_tokens_details": []}},
        {"usage": {"prompt_tokens": None, "cost": math.nan, "total_tokens": 10**400}},
        {"usage": "x", "x_groq": 5, "model": 7, "error": None},
        "text",
        5,
        [],
        None,
    ],
)
def test_odd_chunks_do_no_harm(odd: object) -> None:
    stream = sse(delta(content="Hel"), odd, delta(content="lo"), delta("stop"))
    assert reply(stream) == Reply("Hello", "", "stop", None, [], [], None)


def test_empty_data_comments_and_a_missing_blank_line_lose_nothing() -> None:
    stream = (
        b"\xef\xbb\xbf: OPENROUTER PROCESSING\n\ndata:\n\nevent: ping\n\n"
        + content("Hello").replace(b"data: [DONE]\n\n", b"").rstrip()
    )
    assert reply(stream) == Reply("Hello", "", "stop", None, [], [], None)


def test_chunks_without_blank_lines_between_them_are_read() -> None:
    stream = content("Hel", "lo").replace(b"\n\n", b"\n")
    assert reply(stream)[:3] == ("Hello", "", "stop")
    assert reply(stream)[-1] is None
    broken = stream.replace(b'"lo"', b'"lo')
    assert reply(broken).text == "Hel"
    assert "could not be read" in str(failure(broken))


def test_a_message_in_place_of_a_delta_is_read() -> None:
    stream = sse({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})
    assert reply(stream).text == "Hello"


def test_a_refusal_is_the_text() -> None:
    assert reply(sse(delta(refusal="I ca"), delta(refusal="n't."), delta("stop"))) == Reply(
        "I can't.", "", "stop", None, [], [], None
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": "Hm"},
        {"reasoning_content": "Hm"},
        {"reasoning": "", "reasoning_content": "Hm"},
        {"reasoning": "Hm", "reasoning_content": "Hm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm", "index": 0}]},
        {"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
        {"content": [{"type": "thinking", "thinking": "Hm"}]},
        {"content": "<think>Hm</think>"},
    ],
)
def test_reasoning_is_read_once_wherever_it_is(fields: dict[str, Any]) -> None:
    got = reply(sse(delta(**fields), delta(content="Hello"), delta("stop")))
    assert (got.reasoning, got.text, got.error) == ("Hm", "Hello", None)


def test_mistrals_list_of_parts_is_text() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    assert reply(sse(delta(content=parts), delta("stop"))).text == "Hello"


@pytest.mark.parametrize(
    ("text", "reasoning", "content_"),
    [
        ("<think>a</think>\n\nb", "a", "b"),
        (" \n<think>\na\n</think>b", "\na\n", "b"),
        ("<thinking>a</think>b</thinking>c", "a</think>b", "c"),
        ("<think>a </thi</think>b", "a </thi", "b"),
        ("<think></think>b", "", "b"),
        ("<think>a</think>b <think>c</think>", "a", "b <think>c</think>"),
        ("<think>a</think>\n\n  b", "a", "  b"),
        ("<think>never closed </th", "never closed </th", ""),
        ("<thin", "", "<thin"),
        ("<thinker> is a tag", "", "<thinker> is a tag"),
        ("< think>a</think>", "", "< think>a</think>"),
        ("\n\nb", "", "\n\nb"),
        ("Use <think>a</think>", "", "Use <think>a</think>"),
        ("```\n<think>a</think>\n```", "", "```\n<think>a</think>\n```"),
        (" " * 100 + "<think>a</think>", "", " " * 100 + "<think>a</think>"),
    ],
)
def test_only_a_leading_think_tag_is_reasoning(text: str, reasoning: str, content_: str) -> None:
    for texts in ([text], list(text), [text[:3], text[3:]], [text[:-3], text[-3:]]):
        got = reply(content(*texts))
        assert (got.reasoning, got.text) == (reasoning, content_)


def test_a_think_tag_after_a_reasoning_field_is_text() -> None:
    got = reply(sse(delta(reasoning="Hm"), delta(content="<think>a</think>"), delta("stop")))
    assert (got.reasoning, got.text) == ("Hm", "<think>a</think>")


def test_reasoning_details_are_joined_by_kind_and_index() -> None:
    def details(*items: dict[str, Any]) -> dict[str, Any]:
        return delta(reasoning_details=list(items))

    text = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    secret = {"type": "reasoning.encrypted", "index": 0, "data": "aGk="}
    unknown = {"type": "reasoning.server_tool_call", "index": 0, "name": "search"}
    got = reply(
        sse(
            details({**text, "text": "Let ", "signature": ""}),
            details({**text, "text": "me."}, {"type": "reasoning.summary", "summary": "S"}),
            details(unknown, secret),
            details({**text, "signature": "c2ln"}),
            details({**text, "index": 1, "text": "More."}),
            delta("stop", content="Hello"),
        )
    )
    assert got.details == [
        {**text, "text": "Let me.", "signature": "c2ln"},
        {"type": "reasoning.summary", "summary": "S"},
        unknown,
        secret,
        {**text, "index": 1, "text": "More."},
    ]
    assert got.error is None


def test_usage_is_read_with_a_choice_without_one_and_from_groqs_own_field() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
        "cost": 0.001,
    }
    whole = Usage(10, 20, 30, 5, 4, 0.001)
    text = delta(content="Hello")
    assert reply(sse(text, {**delta("stop"), "usage": usage})).usage == whole
    assert reply(sse(text, delta("stop"), {"choices": [], "usage": usage})).usage == whole
    assert reply(sse(text, {**delta("stop"), "x_groq": {"usage": usage}})).usage == whole
    early = {**text, "usage": {"prompt_tokens": 10}}
    events = read(sse(early, early, {"choices": [], "usage": usage}))
    assert [event for event in events if isinstance(event, Usage)] == [Usage(10), whole]


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [("stop", "stop"), ("STOP", "stop"), ("eos", "stop"), ("model_length", "length")],
)
def test_finish_reasons_are_openais(sent: str, read_as: str) -> None:
    assert reply(sse(delta(content="Hello"), delta(sent), delta("other"))).finish_reason == read_as


# --- errors inside the stream ---


@pytest.mark.parametrize(
    "stream",
    [
        sse(delta(content="Hel"), {**delta("error", content="lo"), "error": {"message": "oops"}}),
        sse(delta(content="Hello"), {"choices": [], "model": "", "error": {"message": "oops"}}),
        sse(delta(content="Hello"), {"error": "oops"}, done=False),
        sse(delta(content="Hello"), {"choices": [{"error": {"message": "oops"}}]}),
        sse(delta(content="Hello"), {"object": "error", "message": "oops"}),
        sse(delta(content="Hello"), done=False) + b'event: error\ndata: {"message": "oops"}\n\n',
        sse(delta(content="Hello"), done=False) + b"event: error\ndata: oops\n\n",
        sse(delta(content="Hello"), done=False) + b'error: {"error": {"message": "oops"}}\n\n',
    ],
)
def test_an_error_in_mid_stream_keeps_the_text_and_ends_it(stream: bytes) -> None:
    got = reply(stream + sse(delta(content="late")))
    assert got.text == "Hello"
    assert got.error is not None
    assert got.error.endswith("said: oops")
    assert failure(stream).retryable


def test_an_errors_code_tells_what_it_is() -> None:
    error = failure(sse({"error": {"code": 429, "message": "slow down"}, "choices": []}))
    assert (error.status_code, error.retryable) == (429, True)
    assert "Rate limit reached for some/model" in str(error)
    error = failure(sse({"error": {"type": "invalid_request_error", "message": "no"}}))
    assert (error.status_code, error.retryable) == (400, False)


def test_usage_in_the_chunk_of_the_error_is_kept() -> None:
    error = {"choices": [], "usage": {"total_tokens": 3}, "error": {"message": "oops"}}
    assert reply(sse(delta(content="Hello"), error)).usage == Usage(total_tokens=3)


def test_a_token_limit_after_finish_length_is_a_plain_stop() -> None:
    error = {"error": {"code": 400, "message": "Token limit reached"}, "choices": []}
    got = reply(sse(delta("length", content="Hello"), error, done=False))
    assert got == Reply("Hello", "", "length", None, [], [], None)
    assert reply(sse(delta("stop", content="Hello"), error)).error is not None


def test_finish_reason_error_alone_is_a_failure() -> None:
    error = failure(sse(delta(content="Hel"), delta("error")))
    assert "error during the reply" in str(error)
    assert error.retryable


def test_broken_json_keeps_the_rest_and_is_told_at_the_end() -> None:
    stream = content("Hel", "lo").replace(b"\n\n", b"\n\ndata: {oops\n\n", 1)
    got = reply(stream)
    assert (got.text, got.finish_reason) == ("Hello", "stop")
    error = failure(stream)
    assert "could not be read" in str(error)
    assert "{oops" in str(error)
    assert error.retryable


def test_an_end_without_done_or_finish_reason_is_no_failure() -> None:
    assert reply(sse(delta(content="Hello"), done=False)) == Reply(
        "Hello", "", None, None, [], [], None
    )


# --- empty replies ---


@pytest.mark.parametrize(
    ("chunks", "words", "retryable"),
    [
        ([], "empty reply", True),
        ([delta("stop")], "empty reply", True),
        ([delta("stop", content=" \n")], "empty reply", True),
        ([{**delta("stop"), "usage": {"total_tokens": 3}}], "empty reply", True),
        ([delta("length")], "Max tokens", True),
        ([delta("content_filter")], "content filter", False),
        (["upstream is gone"], "upstream is gone", True),
    ],
)
def test_an_empty_reply_is_a_failure(chunks: list[object], words: str, retryable: bool) -> None:
    error = failure(sse(*chunks))
    assert words in str(error)
    assert error.retryable is retryable


def test_a_masked_network_error_is_a_failure_with_text_or_without() -> None:
    masked = delta("stop")
    masked["choices"][0]["native_finish_reason"] = "network_error"
    assert "empty reply" in str(failure(sse(masked)))
    assert "error during the reply" in str(failure(sse(delta(content="Hel"), masked)))


@pytest.mark.parametrize(
    "chunk",
    [
        delta("tool_calls", tool_calls=[{"index": 0, "function": {"name": "f"}}]),
        delta("stop", images=[{"type": "image_url"}]),
        delta("length", reasoning="Hm"),
        delta("stop", reasoning="Hm"),
    ],
)
def test_a_reply_of_something_else_than_text_is_not_empty(chunk: dict[str, Any]) -> None:
    assert reply(sse(chunk)).error is None


# --- answers that are no stream ---


@pytest.mark.parametrize(
    ("body", "words", "retryable"),
    [
        (b"", "closed the connection without sending anything", True),
        (b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n", "without sending", True),
        (b"<!DOCTYPE html><html><title>Sign in &amp; go</title>", "Sign in & go", False),
        (b"<html><body>hi", "HTML", False),
        (
            b'{"error": {"code": 401, "message": "No auth credentials found"}}',
            "needs an API",
            False,
        ),
        (b'{\n  "error": "model \\"x\\" not found"\n}\n', "some/model isn't available", False),
        (b'{"object": "list", "data": []}', "base_url", False),
        (b"Welcome to the gateway", "Welcome to the gateway", False),
        (b"\x00\xff\xfe", "base_url", False),
    ],
)
def test_an_answer_that_is_no_stream_is_told(body: bytes, words: str, retryable: bool) -> None:
    for pieces in ([body], pieces_of(body, 1)):
        error = failure(*pieces)
        assert words in str(error)
        assert error.retryable is retryable
        assert len(str(error)) < 1000


def test_a_completion_that_was_not_streamed_is_read() -> None:
    body = {
        "model": "a/b",
        "choices": [
            {"message": {"content": "Hello", "reasoning": "Hm"}, "finish_reason": "stop"},
            {"index": 1, "message": {"content": "another"}},
        ],
        "usage": {"total_tokens": 3},
    }
    whole = json.dumps(body, indent=2).encode()
    assert reply(whole) == Reply("Hello", "Hm", "stop", Usage(total_tokens=3), ["a/b"], [], None)
    assert "empty reply" in str(failure(b'{"choices": [{"message": {}}]}'))


# --- whatever comes ---


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\uD83D"])
def test_half_a_surrogate_pair_harms_nobody(half: str) -> None:
    stream = b'data: {"choices":[{"delta":{"content":"a%sb \\ud83d\\ude00"}}]}\n\n'
    text = reply(stream.replace(b"%s", half.encode())).text
    assert text == "a\N{REPLACEMENT CHARACTER}b 😀"


def test_a_line_of_3_mb_is_read() -> None:
    text = "0123456789" * 300_000
    assert reply(*pieces_of(content(text), 1000)).text == text


def test_deep_nesting_is_told() -> None:
    assert "could not be read" in str(failure(b"data: " + b'{"a":' * 100_000 + b"\n\n"))
    assert failure(b"[" * 100_000)


# fmt: off
_WORDS = [
    "choices", "delta", "message", "content", "reasoning", "reasoning_details", "type", "text",
    "index", "usage", "error", "code", "metadata", "raw", "headers", "availability", "retry_after",
    "detail", "loc", "model", "finish_reason", "x_groq", "prompt_tokens", "cost", "refusal",
    "thinking", "limit_source",
]
# fmt: on
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(_json, max_size=5), st.booleans())
def test_no_json_makes_it_raise(chunks: list[object], done: bool) -> None:
    reply(sse(*chunks, done=done))
    reply(*(json.dumps(chunk).encode() for chunk in chunks[:1]))
    for chunk in chunks:
        reply(sse({"choices": [{"delta": chunk}], "usage": chunk, "error": chunk}))


@given(st.binary(), st.binary())
def test_no_bytes_make_it_raise(body: bytes, line: bytes) -> None:
    reply(body)
    reply(b"data: " + line + b"\n\n" + body)
    reply(b"data: {" + line + b"}\n\n" + body)
    reply(b"event: error\ndata: " + line + b"\n\n" + body)


_ALL_AT_ONCE = (
    b"\xef\xbb\xbf: hi\r\n\r\n"
    + sse(
        {"model": "m", **delta(content=" <thi")},
        delta(content="nk>größer 😀</thin"),
        delta(content="k>\nHel"),
        delta(content="lo 😀"),
        {**delta("stop"), "usage": {"total_tokens": 3}},
    ).replace(b"\n", b"\r\n")
    + b"data: late"
)


@given(st.lists(st.integers(0, len(_ALL_AT_ONCE))))
def test_any_cutting_gives_the_same_reply(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(_ALL_AT_ONCE)]
    pieces = [_ALL_AT_ONCE[start:end] for start, end in pairwise(borders)]
    assert reply(*pieces) == Reply(
        "Hello 😀", "größer 😀", "stop", Usage(total_tokens=3), ["m"], [], None
    )


# --- recorded traffic ---

# The recordings that hold an error, or no reply, and words of what the person is told.
# Ended in the middle of a tool's call, of which nothing is to be acted on.
_CUT_OFF_CALLS = (
    "deepseek__rig__truncation-matrix__agent-streaming-empty-arguments-on-length-are-not-invoked__1",
    "deepseek__rig__truncation-matrix__streaming-budget-24-truncated-arguments-keep-the-turn__1",
    "deepseek__rig__truncation-matrix__streaming-budget-32-truncated-arguments-keep-the-turn__1",
    "deepseek__rig__truncation-matrix__streaming-budget-48-truncated-arguments-keep-the-turn__1",
    "deepseek__rig__truncation-matrix__streaming-parallel-calls-keep-the-complete-one__1",
    "mistral__rig__tool-truncation-matrix__streaming-ministral-3b-low-agent__1",
    "openai__rig__chat-tool-truncation-matrix__streaming-gpt4o-low-agent__1",
)
_RECORDED_FAILURES = {
    **dict.fromkeys(_CUT_OFF_CALLS, "used up Max tokens"),
    "deepseek__rig__truncation-matrix__streaming-budget-12-truncates-before-any-tool-call__1": (
        "used up Max tokens"
    ),
    "documented-openrouter__midstream-error-429": "Rate limit reached",
    "gpustack-llamabox__ruby_llm__vcr-cassettes__chat-with-extended-thinking-gpustack-qwen3-"
    "streams-thinking-content-wh__1": "failed to decode, try again, increasing context size",
    "groq__pydantic-ai__test-groq__test-tool-use-failed-error-streaming__1": (
        "Tool call validation failed"
    ),
    "groq__pydantic-ai__test-groq__test-tool-use-failed-error-streaming-with-text__1": (
        "Tool choice is required"
    ),
    "mistral__rig__terminal-metadata-matrix__streaming-ministral-3b-tiny-tool__1": (
        "used up Max tokens"
    ),
}


def oracle(stream: bytes) -> tuple[str, str, str | None, dict[str, Any] | None]:
    """Text, reasoning, finish_reason and usage of a stream, by the plainest means."""
    text = reasoning = ""
    finish = usage = None
    for line in stream.decode().replace("\r\n", "\n").split("\n"):
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or chunk.get("x_groq", {}).get("usage") or usage
        for choice in chunk.get("choices") or []:
            if choice.get("index"):
                continue
            fields = choice["delta"]
            said = fields.get("content") or ""
            if isinstance(said, list):
                reasoning += "".join(t["text"] for p in said for t in p.get("thinking", []))
                said = "".join(p.get("text", "") for p in said)
            text += said + (fields.get("refusal") or "")
            details = fields.get("reasoning_details") or []
            reasoning += (
                fields.get("reasoning")
                or fields.get("reasoning_content")
                or "".join(d.get("text") or d.get("summary") or "" for d in details)
            )
            finish = finish or choice.get("finish_reason")
    if text.startswith("<think>"):
        reasoning, text = text.removeprefix("<think>").split("</think>")
        text = text.lstrip("\n")
    return text, reasoning, finish, usage


@needs_wire
def test_recorded_streams_give_what_is_in_them() -> None:
    files = sorted((WIRE / "recorded").glob("*.sse"))
    assert files
    failed = set()
    for file in files:
        stream = file.read_bytes()
        got = reply(stream)
        text, reasoning, finish, usage = oracle(stream)
        assert (got.text, got.reasoning, got.finish_reason) == (text, reasoning, finish), file.name
        if usage:
            assert got.usage is not None, file.name
            for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
                assert getattr(got.usage, key) == usage.get(key), file.name
            details = usage.get("completion_tokens_details") or {}
            assert got.usage.reasoning_tokens == details.get("reasoning_tokens"), file.name
            details = usage.get("prompt_tokens_details") or {}
            assert got.usage.cached_tokens == details.get("cached_tokens"), file.name
            assert got.usage.cost == usage.get("cost"), file.name
        if got.error is not None:
            failed.add(file.stem)
            assert _RECORDED_FAILURES.get(file.stem, "no failure") in got.error
    assert failed == set(_RECORDED_FAILURES)


@needs_wire
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_recorded_streams_are_the_same_in_pieces(size: int) -> None:
    for file in sorted((WIRE / "recorded").glob("*.sse")):
        # In single bytes, the first and the last of a long one are enough.
        stream = file.read_bytes()
        if size == 1 and len(stream) > 20_000:
            stream = stream[:10_000] + stream[-10_000:]
        assert reply(*pieces_of(stream, size)) == reply(stream), file.name


@needs_wire
def test_reasoning_details_of_recorded_streams_hold_the_reasoning() -> None:
    checked = 0
    for file in sorted((WIRE / "recorded").glob("openrouter__*.sse")):
        got = reply(file.read_bytes())
        texts = [d.get("text") or d.get("summary") or "" for d in got.details]
        if any(texts):
            assert "".join(texts) == got.reasoning, file.name
            checked += 1
    assert checked
