"""Mutations of what servers send: bytes of a stream, and parts of a JSON value."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import sse_server as sse
from hypothesis import strategies as st
from wire import WIRE

numbers = st.integers(0, 2**20)

# Recorded streams longer than this say the same again and again.
_LONGEST = 12_000

OWN_STREAMS = [
    b"".join(stream)
    for stream in (
        [
            sse.comment(),
            *map(sse.reasoning, ("Let ", "me ", "see…\n")),
            *map(sse.text, ("Größe ", "12 ", "☺😀", "\n\n", "```py\n", "x = 1\n", "```")),
            sse.finish(),
            sse.usage(cost=0.25),
            sse.DONE,
        ],
        [
            sse.event({"choices": [{"delta": {"content": "<thi"}}]}),
            sse.event({"choices": [{"delta": {"content": "nk>a plan</thi"}}]}),
            sse.event({"choices": [{"delta": {"content": "nk>\n\nthe reply"}}]}),
            sse.finish("length"),
        ],
        [
            sse.chunk({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}]}),
            sse.chunk({"content": [{"type": "text", "text": "so"}], "refusal": "no"}),
            sse.chunk({"images": [{"image_url": {"url": "https://example.com/a (b).png"}}]}),
            sse.chunk({"images": [{"image_url": {"url": "data:image/gif;base64,R0lGODlh"}}]}),
            sse.error("slow down", 429, raw='{"error": "really"}', headers={"Retry-After": "7"}),
        ],
        [b'event: error\ndata: {"error": {"message": "no", "code": "server_error"}}\n\n'],
        [b'{"choices": [{"message": {"content": "whole", "reasoning_content": "hm"}}]}'],
        [b"<!doctype html><title>Gateway</title>"],
    )
]


@cache
def streams() -> list[bytes]:
    recorded = [path.read_bytes() for path in sorted(WIRE.glob("recorded/*.sse"))]
    return OWN_STREAMS + [stream for stream in recorded if len(stream) < _LONGEST]


# What happens to bytes

ODD_BYTES = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b"\xf0\x9f", b"\n" * 500, b" " * 500),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"data:", b"\ndata: ", b"\n\ndata: {}\n\n"),
    *(b"\nevent: error\n", b"\nerror: ", b"\n\ndata: [DONE]\n\n", b"\n: hm\n", b"\nid: 1\n"),
    *(b"\\ud83d", b"\\ude00", b"\\u0000", b"\\n", b"<think>", b"</think>", b" <thinking>", b"<"),
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 400, b"9" * 5000, b"-Infinity"),
    *(b"[" * 3000, b'{"a":' * 3000, b'"' + b"x" * 200_000 + b'"'),
]  # fmt: skip


def flip(stream: bytes, at: int, n: int) -> bytes:
    return stream[:at] + bytes(byte ^ (n % 256) for byte in stream[at : at + 1]) + stream[at + 1 :]


def cut(stream: bytes, at: int, n: int) -> bytes:
    return stream[:at]


def drop(stream: bytes, at: int, n: int) -> bytes:
    return stream[:at] + stream[at + n % 300 :]


def repeat(stream: bytes, at: int, n: int) -> bytes:
    return stream[: at + n % 300] + stream[at:]


def move(stream: bytes, at: int, n: int) -> bytes:
    piece, rest = stream[at : at + n % 300], drop(stream, at, n)
    to = n % (len(rest) + 1)
    return rest[:to] + piece + rest[to:]


def insert(stream: bytes, at: int, n: int) -> bytes:
    return stream[:at] + ODD_BYTES[n % len(ODD_BYTES)] + stream[at:]


def other_line_ends(stream: bytes, at: int, n: int) -> bytes:
    return stream[:at] + stream[at:].replace(b"\n", (b"\r", b"\r\n", b"\n\n", b"")[n % 4])


def go_on_as_another(stream: bytes, at: int, n: int) -> bytes:
    other = streams()[n % len(streams())]
    return stream[:at] + other[at % (len(other) + 1) :]


CHANGES = [flip, cut, drop, repeat, move, insert, insert, other_line_ends, go_on_as_another]
changes = st.lists(st.tuples(st.sampled_from(CHANGES), numbers, numbers), max_size=5)


def changed(stream: bytes, changes: Iterable[tuple[Callable[..., bytes], int, int]]) -> bytes:
    for change, at, n in changes:
        stream = change(stream, at % (len(stream) + 1), n)
    return stream


# What happens to JSON


def nested(value: object) -> object:
    for _ in range(60):
        value = [value]
    return value


json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2000)
    | st.floats(-1, 1e7)
    | st.sampled_from(
        [
            *(10**30, 10**400, -(10**400), 1e308, float("inf"), float("nan"), -0.0),
            *("", " ", "-1", "1e306", "nan", "Infinity", "2026-11-24", "2026-99-99", "rate limit"),
            *("\ud83d", "\udc00 x", "\x00", "x\r\ny", "\u202e", "{", '{"a":', "[[1]]"),
            *("9" * 5000, "x y " * 9000),
        ]
    )
    | st.text(max_size=6)
)  # fmt: skip
odd_json = st.recursive(
    json_scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "text", "type", "message", "code", "url", "prompt", "index"]),
            inner,
            max_size=3,
        )
        | inner.map(nested)
    ),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything in a JSON value."""
    if len(path) > 15:
        inner = []
    elif isinstance(value, dict):
        inner = [place for key in value for place in places(value[key], (*path, key))]
    elif isinstance(value, list):
        inner = [place for i, item in enumerate(value) for place in places(item, (*path, i))]
    else:
        inner = []
    return [path, *inner]


def at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def changed_json(draw: st.DrawFn, values: Callable[[], list[Any]]) -> Any:
    """One of the values, in which a few parts have become something else."""
    root = [copy.deepcopy(draw(st.sampled_from(values())))]
    for _ in range(draw(st.integers(0, 4))):
        every = places(root)[1:]
        if not every:
            break
        *parents, key = draw(st.sampled_from(every))
        holder = at(root, parents)
        match draw(st.sampled_from(["value", "value", "value", "gone", "renamed", "wrapped"])):
            case "value":
                holder[key] = draw(odd_json)
            case "gone":
                del holder[key]
            case "renamed" if isinstance(holder, dict):
                names = [path[-1] for path in every if isinstance(path[-1], str)]
                holder[draw(st.sampled_from(names))] = holder.pop(key)
            case _:
                holder[key] = draw(st.sampled_from([[holder[key]], {"error": holder[key]}]))
    return root[0] if root else None
