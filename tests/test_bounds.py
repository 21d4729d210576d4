"""What a server may answer has a bound, and its numbers are checked where they come in."""

from __future__ import annotations

from typing import Any

import pytest
from sse_server import chunk

from nbchat._chat.events import Event, Usage
from nbchat._servers.chat_completions.stream import StreamReader


def read(*pieces: bytes) -> list[Event]:
    reader = StreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.end()


# Numbers


@pytest.mark.parametrize("bad", [1.7e308, -1, 10**13, 10**400, "7", True])
def test_a_number_that_cannot_be_is_not_known(bad: object) -> None:
    usage: dict[str, Any] = {"prompt_tokens": bad, "completion_tokens": 5, "cost": bad}
    (read_usage,) = (e for e in read(chunk({"content": "x"}, usage=usage)) if isinstance(e, Usage))
    assert read_usage == Usage(completion_tokens=5)
