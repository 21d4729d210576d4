"""Whatever a server sends, at random: what was recorded, mutated.

`--long` makes twenty times as many cases of it: over 100,000.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from frontend.injections import INJECTIONS
from frontend.markdown import TEXTS
from harness import Kernel
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import (
    at,
    changed,
    changed_json,
    changes,
    drop,
    flip,
    json_scalars,
    move,
    numbers,
    places,
    repeat,
    streams,
)
from test_hostile import BAD, pieces
from wire import WIRE

from nbchat import ChatSettings
from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.errors import ChatError
from nbchat._chat.events import (
    ContentDelta,
    Event,
    Failure,
    ImageOutput,
    ReasoningDelta,
    ReasoningDetails,
    Usage,
)
from nbchat._files.chat_reader import SavedChat, from_json
from nbchat._files.chat_writer import to_json
from nbchat._files.export import to_html
from nbchat._servers.account import account
from nbchat._servers.catalogue import Catalogue
from nbchat._servers.chat_completions.stream import StreamReader
from nbchat._servers.error_messages import explain, explain_body
from nbchat._servers.models import parse_models
from nbchat._turns.plan import refused_parameter
from nbchat._widget.views import model_info

pytestmark = pytest.mark.environments  # what it takes is time

# 1,000 in the ordinary run, 20,000 in the long one.
many = settings(max_examples=10 * settings().max_examples)


# The stream reader


def events(pieces: Iterable[bytes]) -> list[Event]:
    """What is read, as the engine reads: until the reader is done."""
    reader = StreamReader("The server", "some/model", "SOME_KEY")
    found: list[Event] = []
    for piece in pieces:
        found += reader.feed(piece)
        if reader.done:
            break
    return found + reader.end()


def plain(events: Iterable[Event]) -> list[Any]:
    """Events that can be compared, and written as UTF-8; texts are joined."""
    found: list[Any] = []
    for event in events:
        kind = type(event).__name__
        match event:
            case ContentDelta(text) | ReasoningDelta(text):
                if found and found[-1][0] == kind:
                    found[-1] = (kind, found[-1][1] + text)
                else:
                    found.append((kind, text))
            case ImageOutput(image):
                found.append((kind, image.name, image.data_url))
            case Failure(error):
                # The time to wait for counts from now.
                found.append((kind, {**vars(error), "retry_after_s": error.retry_after_s is None}))
            case ReasoningDetails(details):
                found.append((kind, json.dumps(details, ensure_ascii=False)))
            case _:
                found.append((kind, asdict(event)))
    return found


def said(events: Iterable[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, (ContentDelta, ReasoningDelta)))


def pieces_at(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(borders)]


@many
@given(st.deferred(lambda: st.sampled_from(streams())), changes, st.lists(numbers, max_size=12))
def test_a_stream_of_any_bytes_is_read_to_its_end(
    stream: bytes, changes: Any, cuts: list[int]
) -> None:
    stream = changed(stream, changes)
    found = events([stream])
    assert not any(isinstance(event, Failure) for event in found[:-1])
    kinds = [kind for kind, *_ in plain(found)]
    assert kinds.count("Finish") <= 1
    assert kinds.count("ReasoningDetails") <= 1
    assert len(said(found)) <= 4 * len(stream)
    json.dumps(plain(found), ensure_ascii=False).encode()
    assert plain(events(pieces_at(stream, cuts))) == plain(found)


@cache
def chunk_lists() -> list[list[tuple[bytes, str]]]:
    """The chunks of streams that are no failures, each with what it says."""
    lists = []
    for stream in streams():
        chunks = []
        for event in stream.replace(b"\r\n", b"\n").split(b"\n\n"):
            if event.startswith(b"data: {") and b'"error"' not in event:
                chunks.append((event, said(events([event]))))
        text = "".join(text for _, text in chunks)
        if text and "think" not in text[:20]:
            lists.append(chunks)
    return lists


NOISE = [
    *(b": OPENROUTER PROCESSING\n\n", b"\n", b"\r\n\r\n", b"event: ping\ndata: {}\n\n"),
    *(b"data\n\n", b"data:\n\n", b"data: \n\n", b"retry: 10\n\n", b"id: 1\n\n", b"event: x\n\n"),
    *(b"data: []\n\n", b'data: "x"\n\n', b"data: null\n\n", b"data: 1e999\n\n", b"\xff\xfe\n\n"),
    *(b"data: {broken\n\n", b"data: " + b"[" * 3000 + b"\n\n", b"x" * 99_999 + b"\n"),
    *(b'data: {"choices": null}\n\n', b"data: <html>\n\n"),
    b'data: {"choices": [7, {"index": 1, "delta": {"content": "x"}}]}\n\n',
]
noise = st.sampled_from(NOISE)
# The last of these forgets the blank line.
ends = st.sampled_from([b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\n\n", b"\n"])


@many
@given(st.data())
def test_what_befalls_one_chunk_harms_no_other(data: st.DataObject) -> None:
    chunks = data.draw(st.sampled_from(chunk_lists()), label="chunks")
    order = list(range(len(chunks)))
    for start, n in data.draw(st.lists(st.tuples(numbers, numbers), max_size=3), label="moved"):
        piece = order[start % len(order) :][: n % 4]
        to = n % len(order)
        order[to:to] = piece
    chunks = [chunks[index] for index in order]
    harmed = data.draw(numbers, label="harmed") % len(chunks)
    event = chunks[harmed][0].removeprefix(b"data: ")
    if data.draw(st.booleans(), label="by bytes"):
        changes = st.lists(st.tuples(st.sampled_from([flip, drop, repeat, move]), numbers, numbers))
        event = changed(event, data.draw(changes, label="changes"))
        event = event.replace(b"\n", b" ").replace(b"\r", b" ")
    else:
        event = json.dumps(data.draw(changed_json(lambda: [json.loads(event)]))).encode()
    end = data.draw(ends, label="line ends")
    stream = bytearray()
    for index, (chunk, _) in enumerate(chunks):
        stream += (b"data: " + event if index == harmed else chunk) + end
        if index in (harmed - 1, harmed):
            stream += data.draw(noise, label="noise")
    found = said(events([bytes(stream), b"data: [DONE]\n\n"]))
    before = "".join(text for _, text in chunks[:harmed])
    after = "".join(text for _, text in chunks[harmed + 1 :])
    assert found.startswith(before)
    alone = StreamReader()
    alone.feed(b"data: " + event + b"\n\n")
    if not alone.done:  # else it is the error that ends the reply
        assert found[len(before) :].endswith(after)


# The catalogue


@cache
def catalogues() -> list[Any]:
    """Lists of a few models each: of hundreds, most are alike."""
    files = sorted([*WIRE.glob("openrouter-models-*.json"), *WIRE.glob("models-other/*.json")])
    whole = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    whole.append({"object": "list", "data": [{"id": "a/b:free"}, {"id": "c", "aliases": ["d"]}]})
    few = []
    for body in whole:
        entries = body["data"] if isinstance(body, dict) else body
        few += [{"data": entries[i : i + 3]} for i in range(0, min(len(entries), 60), 3)]
    return few


@many
@given(
    changed_json(catalogues),
    st.text(max_size=9) | st.sampled_from(["gpt-5.4", "a/b:free", "\ud800"]),
)
def test_any_list_of_models_is_a_catalogue(body: Any, model_id: str) -> None:
    models = parse_models(body)
    ids = [model.id for model in models]
    assert len(set(ids)) == len(ids)
    free = [model.is_free for model in models]
    assert free == sorted(free, reverse=True)
    view = json.dumps([model_info(model) for model in models], ensure_ascii=False, allow_nan=False)
    view.encode()
    catalogue = Catalogue(tuple(models), is_live=True)
    assert all(catalogue.find(id_) is not None for id_ in ids)
    assert not any(map(catalogue.lacks, ids))
    named = [id_ for id_ in ids if " " not in id_]
    for id_ in [model_id, *(f"{id_}:free" for id_ in ids)]:
        assert catalogue.find(id_) is None or not catalogue.lacks(id_)
        assert (catalogue.nearest(id_) is None) == (not named)
    for model in models:
        assert model.price(1000, 10**9) is None or model.price(1000, 10**9) >= 0  # type: ignore[operator]


# Errors

KEYS = [
    "sk-or-v1-" + "0123456789abcdef" * 4,
    "sk-proj-" + "aB3_" * 20,
    "gsk_" + "aB3" * 17,
    "hf_" + "aBc" * 11,
    "AIza" + "a1-" * 11,
    "xai-" + "aB3" * 26,
    "nvapi-" + "aB3-" * 16,
    "Bearer 0123456789abcdef",
]
BORDERS = [
    "",
    " ",
    "\n",
    "\t",
    "\x0b",
    "\u2028",
    '"',
    "'",
    ":",
    "=",
    "/",
    "(",
    "«",
    "…",
    "`",
    "\\n",
    '\\"',
]


@cache
def error_bodies() -> list[Any]:
    recorded = [
        json.loads(p.read_text(encoding="utf-8")) for p in sorted(WIRE.glob("errors/*.json"))
    ]
    return [
        *recorded,
        {"error": {"code": 400, "message": "Unknown parameter: 'top_p'", "param": "top_p"}},
        {"detail": [{"loc": ["body", "temperature"], "msg": "too high", "type": "value_error"}]},
        {
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {
                    "raw": '{"error": {"message": "slow down"}}',
                    "provider_name": "Test",
                    "headers": {"X-RateLimit-Reset": "1800000000000", "Retry-After": "3"},
                },
                "availability": {"code": "x", "retryable": True, "fallback_models": ["a/b"]},
            }
        },
        "plain words",
        "<html><title>502</title></html>",
    ]  # fmt: skip


@st.composite
def bodies_with_a_key(draw: st.DrawFn) -> tuple[Any, str]:
    """The body of an error, and a key that is somewhere in it."""
    root = [draw(changed_json(error_bodies))]
    key = draw(st.sampled_from(KEYS))
    texts = [path for path in places(root) if isinstance(at(root, path), str)]
    if texts:
        path = draw(st.sampled_from(texts))
        text = at(root, path)[:500]
        cut = draw(numbers) % (len(text) + 1)
        border = draw(st.sampled_from(BORDERS[1:]))
        text = f"{text[:cut]}{border}{key}{draw(st.sampled_from(BORDERS))} {text[cut:]}"
        at(root, path[:-1])[path[-1]] = text
    return root[0], key.removeprefix("Bearer ")


statuses = st.none() | st.sampled_from([200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529])
headers = st.none() | st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after", "X-RateLimit-Reset", "x"]),
    st.text(max_size=4) | st.sampled_from(["7", "1e400", "nan", "-1", "1800000000000", "9" * 999])
    | st.just("Wed, 21 Oct 2026 07:28:00 GMT") | st.just("Wed, 99 Foo 99999 99:99:99 -9999"),
)  # fmt: skip
request_bodies = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "max_tokens", "reasoning", "model", "stream_options"]),
    json_scalars,
)


def check(error: ChatError, key: str, request: dict[str, Any]) -> None:
    assert error.message
    assert str(error) == error.message
    shown = [error.message, error.detail or "", error.code or "", error.param or ""]
    assert len("".join(shown)) < 4000
    "".join(shown).encode()
    assert not any(key in each for each in shown)
    assert error.retry_after_s is None or 0 <= error.retry_after_s < 1e9
    assert refused_parameter(error, request) in (None, *request)


@many
@given(bodies_with_a_key(), statuses, headers, request_bodies)
def test_any_error_is_explained_and_tells_no_key(
    planted: tuple[Any, str],
    status: int | None,
    headers: dict[str, str] | None,
    request: dict[str, Any],
) -> None:
    body, key = planted
    for form in (body, json.dumps(body), json.dumps(body).encode()):
        check(explain_body(form, status=status, headers=headers), key, request)
    raised: Any = Exception("Error code: 400")
    raised.status_code, raised.body = status, body
    raised.response = SimpleNamespace(headers=headers or {})
    if status is not None or body:
        check(explain(raised, server="The server"), key, request)
    stream = b"data: " + json.dumps({"choices": [], "error": body}).encode() + b"\n\n"
    for event in (*events([stream]), *events([json.dumps(body).encode()])):
        if isinstance(event, Failure):
            check(event.error, key, request)


# What else is read

ACCOUNT = {
    "data": {
        "limit_remaining": 7.5,
        "is_free_tier": False,
        "free_model_daily_requests": {"limit": 50, "used": 1, "remaining": 49},
    }
}


@many
@given(changed_json(lambda: [ACCOUNT]))
def test_any_account_is_told(body: Any) -> None:
    assert len(account(body)) < 100


def saved_chat() -> Any:
    conversation = Conversation()
    for content in ("One", "Two"):
        reply = conversation.ask(content, attachments=[Attachment("a.txt", "", b"text")])
        conversation.progress(reply).begin("m")
        for event in (ReasoningDelta("Hm"), ContentDelta("Yes"), Usage(1, 2, cost=0.5)):
            conversation.progress(reply).apply(event)
        conversation.end(reply)
    conversation.end(conversation.regenerate(reply))
    return json.loads(to_json(conversation, ChatSettings(model="m")))


def written(saved: SavedChat) -> str:
    return to_html(saved.conversation) + to_json(saved.conversation, saved.settings)


# Readers of JSON as text, which may refuse it by a ValueError: name → reader, and what it reads.
READERS: dict[str, tuple[Callable[[str], object], list[Any]]] = {
    "a reply that is not streamed": (
        lambda text: events([text.encode()]),
        [{"model": "m", "choices": [{"message": {"content": "Hi", "reasoning": "Hm"}}]}],
    ),
    "a saved chat": (
        lambda text: written(from_json(text)),
        [saved_chat()],
    ),
}


@pytest.mark.parametrize("name", READERS)
@many
@given(data=st.data())
def test_any_text_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, values = READERS[name]
    text = json.dumps(data.draw(changed_json(lambda: values)))
    if data.draw(st.booleans()):
        text = changed(text.encode(), data.draw(changes)).decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        read(text)


# Markdown

# fmt: off
TOKENS = [
    *"*_`~$[]()<>|\\\"'#-+=!&:\t\r\x00\u200b\u202e😀é 1",
    "**", "__", "~~", "```", "~~~~", "$$", "\\[", "\\]", "\\(", "\\)", "![", "](", "> ", "- ",
    "## ", "1. ", "\n", "\n", "\n\n", "\n\n", "\r\n", "    ", "---", "===", "\n|---|---|\n",
    "| a | b |\n", "```py\n", "\n```\n", "\n$$\n", "- [ ] ", "[a]: https://example.com/b 'c'\n",
    "[a]", "\n[a]:\n", "https://example.com/x", "mailto:a@example.com",
    "](https://example.com/a_b)", "  \n", "\\\n", "javascript:alert(1)", "&amp;", "&#x41;", "&#0;",
    "<b>", "</b>", "<!--", "-->", "<script>", "<img src=x onerror=alert(1)>", "\\frac{1}{2}",
    "\\begin{x}", "word", "snake_case", "x^2",
]
# fmt: on


def markdown_text(draw: random.Random) -> str:
    match draw.randrange(4):
        case 0:
            text = "".join(draw.choice(TOKENS) for _ in range(draw.randint(1, 60)))
        case 1:
            lines = "\n".join([*draw.choices(TEXTS, k=2), draw.choice(INJECTIONS)[:300]]).split(
                "\n"
            )
            text = "\n".join(draw.choice([*lines, ""]) for _ in range(draw.randint(1, 9)))
        case 2:
            text = draw.choice(TEXTS)
        case _:
            text = draw.choice(TOKENS) * draw.randint(1, 150) + draw.choice(TOKENS)
    for _ in range(draw.randint(0, 6)):
        start, end = sorted(draw.choices(range(len(text) + 1), k=2))
        end = min(end, start + 20)
        piece = draw.choice(["", text[start:end] * 2, draw.choice(TOKENS), f" qz{draw.random()}"])
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.browser
def test_any_markdown_is_shown_whole_and_clean(kernel: Kernel) -> None:
    draw = random.Random(41)
    kernel.open()
    for _ in range(many.max_examples // 100):
        texts = [markdown_text(draw) for _ in range(100)]
        wrong = kernel.run(
            BAD
            + """
            const whole = document.createElement("div");
            // What is never seen by itself: definitions, names of languages, cells too many, titles
            // of images.
            const UNSEEN = /\\]:|```|~~~|\\||!\\[/;
            return argument.map((pieces) => {
              const element = document.createElement("div");
              document.body.append(element);
              const stream = new nbchat.MarkdownStream(element);
              const found = [];
              for (const piece of pieces) {
                stream.append(piece);
                found.push(...bad(element));
              }
              stream.end();
              found.push(...bad(element));
              const text = pieces.join("");
              nbchat.setHTML(whole, nbchat.render(text));
              if (element.innerHTML !== whole.innerHTML) found.push("not as at once");
              const marks = UNSEEN.test(text) ? [] : text.match(/qz0\\.[0-9]+/g) ?? [];
              found.push(...marks.filter((mark) => !element.innerHTML.includes(mark)));
              element.remove();
              return [pieces, found];
            }).filter(([, found]) => found.length > 0);
            """,
            [pieces(text, draw.choice([1, 4, 30]), draw) for text in texts],
        )
        assert wrong == []
    assert kernel.page.evaluate("window.injected") is None
