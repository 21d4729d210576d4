from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat._servers.sse import EventDecoder, ServerSentEvent


def decode(*pieces: bytes) -> list[ServerSentEvent]:
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end()


def data_of(*pieces: bytes) -> list[str]:
    return [event.data for event in decode(*pieces)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [("message", "a"), ("message", "b")], id="plain"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\r", [("message", "a"), ("message", "b")], id="CR"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [("message", "a")], id="BOM"),
        pytest.param(b": OPENROUTER PROCESSING\n\ndata: a\n\n", [("message", "a")], id="comment"),
        pytest.param(b"data: a\ndata: b\n\n", [("message", "a\nb")], id="two lines"),
        pytest.param(b"data:a\ndata:  b\n\n", [("message", "a\n b")], id="one space is dropped"),
        pytest.param(b"data\n\n", [("message", "")], id="a field without a colon"),
        pytest.param(b"event: x\n\ndata: a\n\n", [("message", "a")], id="event without data"),
        pytest.param(b"event: error\ndata: a\n\n", [("error", "a")], id="named"),
        pytest.param(b"id: 1\nretry: 5\nother: x\ndata: a\n\n", [("message", "a")], id="fields"),
        pytest.param(b'error: {"a":1}\n\n', [("error", '{"a":1}')], id="llama.cpp's error field"),
        pytest.param(b"data: a\n\ndata: b", [("message", "a"), ("message", "b")], id="no blank"),
        pytest.param(b"data: a\xff\n\n", [("message", "a\N{REPLACEMENT CHARACTER}")], id="UTF-8"),
        pytest.param(
            "data: a\u2028b\x0bc\x85d\n\n".encode(), [("message", "a\u2028b\x0bc\x85d")], id="2028"
        ),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_a_stream_is_decoded_the_same_however_it_is_cut(
    stream: bytes, events: list[tuple[str, str]]
) -> None:
    assert decode(stream) == events
    assert decode(*(stream[i : i + 1] for i in range(len(stream)))) == events
    for cut in range(len(stream)):
        assert decode(stream[:cut], b"", stream[cut:]) == events


def test_an_event_comes_out_with_its_last_byte() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [("message", "a")]
    assert decoder.feed(b"data: b\r\r") == [("message", "b")]
    assert decoder.feed(b"\ndata: c\n\n") == [("message", "c")]
    assert decoder.end() == []


def test_a_character_cut_by_the_network_is_whole() -> None:
    assert data_of(b"data: \xf0\x9f", b"\x98\x80\n\n") == ["😀"]


def test_a_long_line_in_tiny_pieces_takes_linear_time() -> None:
    start = time.process_time()
    (data,) = data_of(b"data: ", *([b"0123456789"] * 300_000), b"\n\n")
    assert len(data) == 3_000_000
    # About 0.1 s; quadratic time would be minutes.
    assert time.process_time() - start < 10


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_in_any_pieces_decode_the_same(pieces: list[bytes]) -> None:
    assert decode(*pieces) == decode(b"".join(pieces))
