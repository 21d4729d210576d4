"""Conversations that leave the chat: read back whole, or read by people wherever they are."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from frontend.injections import INJECTIONS
from hypothesis import given
from hypothesis import strategies as st
from test_attachments import PDF, png

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.dataframes import conversation_frame
from nbchat._chat.conversation.message import Message
from nbchat._chat.errors import ChatError
from nbchat._chat.events import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    ImageOutput,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    Usage,
)
from nbchat._chat.foreign_text import harmless
from nbchat._chat.settings import ChatSettings
from nbchat._files.chat_reader import from_json
from nbchat._files.chat_writer import pieces, to_json
from nbchat._files.export import MARKER, to_html, to_markdown, to_notebook, to_plain
from nbchat._widget.views import message_facts, message_view

pytestmark = pytest.mark.environments  # what it takes is time

SETTINGS = ChatSettings("test/model", "Be brief.", "high", 0.5, 70_000, 0.9, 100_000)


def answer(conversation: Conversation, reply: Message, *events: Event, **end: bool) -> Message:
    conversation.progress(reply).begin("test/model")
    for event in events:
        conversation.progress(reply).apply(event)
    conversation.end(reply, **end)
    return reply


def said(question: str, *events: Event, **end: bool) -> Conversation:
    conversation = Conversation()
    answer(conversation, conversation.ask(question), *events, **end)
    return conversation


def replied(text: str) -> Conversation:
    return said("Hi", ContentDelta(text))


def rich() -> Conversation:
    """A bit of everything."""
    conversation = Conversation()
    files = (Attachment("a.png", "", png()), Attachment("b.pdf", "", PDF))
    first = conversation.ask("What is this?", attachments=files)
    conversation.progress(first).begin("test/model")
    conversation.progress(first).begin_request(
        "test/other", ["test/model is busy: test/other answers."], asked_to_reason=True
    )
    for event in (
        ReasoningDelta("Hm."),
        ContentDelta("A dot.\r\nRed."),
        ImageOutput(Attachment("c.png", "", png())),
        ReasoningDetails(({"type": "reasoning.encrypted", "data": "x"},)),
        Usage(10, 20, cost=0.5),
        Finish("length"),
    ):
        conversation.progress(first).apply(event)
    conversation.end(first)
    first.estimated_cost = 0.25
    answer(conversation, conversation.ask("Sure?"), ContentDelta("Yes"), stopped=True)
    error = ChatError("Broken.", status_code=500, retryable=True, kind="server", detail="{}")
    answer(conversation, conversation.regenerate(first), ContentDelta("A p"), Failure(error))
    conversation.ask("Ö🙂", instead_of=conversation.messages[0])
    return conversation


# JSON: the whole chat comes back


def seen(conversation: Conversation) -> list[Any]:
    """All that a person or a model can see of it, in all branches."""
    return [
        (
            before and before.id,
            {**message_view(message, {}), "attachments": files(message)},
            message is message.fork.shown,
            message.reasoning_details,
            message.context_tokens,
            message.error and vars(message.error),
        )
        for before, message in conversation.walk()
    ]


def files(message: Message) -> list[tuple[str, str, bytes]]:
    return [(each.name, each.media_type, each.data) for each in message.attachments]


def test_everything_comes_back() -> None:
    conversation = rich()
    conversation.messages[0].fork.step(-1)
    saved = to_json(conversation, SETTINGS)
    back = from_json(saved)
    assert back.settings == SETTINGS
    before = [list(each) for each in seen(conversation)]
    (queued,) = (each[1] for each in before if each[1]["status"] == "queued")
    queued["status"] = "stopped"  # its process has ended
    assert [list(each) for each in seen(back.conversation)] == before
    assert back.conversation.to_openai("s") == conversation.to_openai("s")
    assert from_json(to_json(back.conversation, back.settings)).conversation.spent == (
        back.conversation.spent
    )


TEXT = st.text(max_size=20)
EVENTS = st.one_of(
    st.builds(ContentDelta, TEXT),
    st.builds(ReasoningDelta, TEXT),
    st.builds(ModelName, TEXT),
    st.builds(Finish, st.sampled_from(["stop", "length"])),
    st.builds(
        Usage,
        st.none() | st.integers(0, 10**9),
        st.none() | st.integers(0, 10**9),
        cost=st.none() | st.floats(0, 1000),
    ),
    st.builds(Failure, st.builds(ChatError, TEXT, code=st.none() | TEXT, retryable=st.booleans())),
    st.just(ImageOutput(Attachment("x.png", "", png()))),
    st.builds(
        lambda value: ReasoningDetails(({"type": "other", "value": value},)),
        st.recursive(st.floats() | TEXT, lambda inner: st.lists(inner, max_size=2)),
    ),
)
FILES = st.lists(st.builds(Attachment, TEXT, TEXT, st.binary(min_size=1)), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """What people and models can make of a conversation, by its own methods."""
    conversation = Conversation()
    for _ in range(draw(st.integers(0, 8))):
        path = conversation.messages
        match draw(st.sampled_from(["ask", "edit", "regenerate", "resume", "step"])):
            case "edit" if path:
                question = draw(st.sampled_from(path[::2]))
                reply = conversation.ask(draw(TEXT), instead_of=question)
            case "regenerate" if path:
                reply = conversation.regenerate(draw(st.sampled_from(path[1::2])))
            case "resume" if path and path[-1].is_cut_off:
                reply = path[-1]
                conversation.continue_reply(reply)
            case "step" if path:
                fork = draw(st.sampled_from(path)).fork
                if fork.index > 0:
                    fork.step(-1)
                continue
            case _:
                reply = conversation.ask(draw(TEXT), attachments=draw(FILES))
        if draw(st.integers(0, 9)):
            events = draw(st.lists(EVENTS, max_size=5))
            answer(conversation, reply, *events, stopped=draw(st.booleans()))
        else:
            conversation.end(reply, stopped=True)  # before its turn came
    return conversation


@given(conversations())
def test_every_conversation_comes_back(conversation: Conversation) -> None:
    saved = to_json(conversation, SETTINGS)
    back = from_json(saved).conversation
    assert to_json(back, SETTINGS) == saved
    assert back.to_openai() == conversation.to_openai()
    assert [message_facts(m, {})["branch"] for m in back.messages] == [
        message_facts(m, {})["branch"] for m in conversation.messages
    ]
    assert [m.content for m in back.messages] == [m.content for m in conversation.messages]


def test_one_goes_on_where_one_was() -> None:
    back = from_json(to_json(said("Count", ContentDelta("1 2"), Finish("length")), SETTINGS))
    conversation = back.conversation
    reply = conversation.messages[-1]
    conversation.continue_reply(reply)
    answer(conversation, reply, ContentDelta(" 3"), Finish("stop"))
    answer(conversation, conversation.regenerate(reply), ContentDelta("eins"))
    conversation.messages[-1].fork.step(-1)
    assert [message.content for message in conversation.messages] == ["Count", "1 2 3"]


def test_a_reply_that_was_on_its_way_is_kept_as_far_as_it_came() -> None:
    conversation = Conversation()
    reply = conversation.ask("Hi")
    conversation.progress(reply).begin("m")
    conversation.progress(reply).apply(ContentDelta("Hel"))
    conversation.ask("And?")
    back = from_json(to_json(conversation, SETTINGS)).conversation.messages
    assert [(m.content, m.status) for m in back[1::2]] == [("Hel", "stopped"), ("", "stopped")]
    assert reply.status == "streaming"


def test_ten_thousand_messages() -> None:
    conversation = Conversation()
    for i in range(5_000):
        answer(conversation, conversation.ask(f"q{i}"), ContentDelta(f"a{i}"))
    saved = to_json(conversation, SETTINGS)
    back = from_json(saved).conversation
    assert len(back.messages) == 10_000
    assert back.to_openai() == conversation.to_openai()
    assert to_json(back, SETTINGS) == saved


def test_what_no_utf8_can_hold_does_not_keep_a_chat_from_being_saved() -> None:
    conversation = said("a\ud800b", ContentDelta("\udfff"))
    for text in (
        to_json(conversation, SETTINGS),
        to_markdown(conversation),
        to_notebook(conversation),
        to_html(conversation),
        to_plain(conversation),
    ):
        assert "a?b" in text.encode().decode()
    escaped = to_json(replied("HERE"), SETTINGS).replace("HERE", "\\ud83d\\ude42 \\ud800")
    assert from_json(escaped).conversation.messages[1].content == "🙂 ?"


def test_a_provider_that_nests_without_end_does_not_keep_a_chat_from_being_saved() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    details = ({"deep": deep}, {"not a number": float("nan")}, {"sound": [1]})
    saved = to_json(said("Hi", ReasoningDetails(details)), SETTINGS)
    assert from_json(saved).conversation.messages[1].reasoning_details == ({"sound": [1]},)


def test_no_key_is_in_it() -> None:
    names = set(json.loads(to_json(Conversation(), SETTINGS)))
    assert names == {"format", "version", "settings", "messages"}


# JSON: what is damaged is refused in words


def small() -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(to_json(rich(), SETTINGS))
    return saved


@pytest.mark.parametrize("indent", [None, 0, 1])
def test_a_file_that_an_editor_has_laid_out_anew_still_opens(indent: int | None) -> None:
    saved = to_json(rich(), SETTINGS)
    chat = json.loads(saved)
    chat["cleared"] = [chat["messages"]]
    back = from_json(json.dumps(chat, indent=indent))
    (cleared,) = back.cleared
    assert seen(back.conversation) == seen(from_json(saved).conversation)
    assert [m.content for m in cleared.messages] == [m.content for m in back.conversation.messages]


def test_what_stands_in_a_line_of_its_own_but_is_no_message_of_the_list() -> None:
    call = '{"id": "call", "name": "add", "arguments": "{}", "status": "complete", "result": "3"}'
    saved = turn(rounds=[{"at": 0, "tool_calls": ["HERE"]}])
    text = json.dumps({"format": "nbchat", "version": 2, "settings": {}, "messages": saved})
    chat = from_json(text.replace('"HERE"', f"\n{call}\n"))
    assert [each.result for each in chat.conversation.messages[1].tool_calls] == ["3"]


def test_each_message_is_encoded_and_parsed_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call takes long, and no lock is held meanwhile: other threads stand still no longer."""
    conversation = Conversation()
    for n in range(100):
        answer(conversation, conversation.ask(f"q{n}"), ContentDelta("x" * 1000))
    lock = threading.Lock()
    text = []
    for piece in pieces([conversation, conversation], SETTINGS, lock):
        assert lock.acquire(blocking=False)
        lock.release()
        text.append(piece)
    assert max(map(len, text)) < 2000
    parsed: list[str] = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: (parsed.append(text), loads(text))[1])
    back = from_json("".join(text))
    assert max(map(len, parsed)) < 3000
    assert seen(back.conversation) == seen(conversation)


def test_every_truncation_is_refused() -> None:
    saved = to_json(said("Hi", ContentDelta("Hello")), SETTINGS).rstrip()
    for length in range(len(saved)):
        with pytest.raises(ValueError, match="saved chat"):
            from_json(saved[:length])


def test_what_has_changed_anywhere_is_refused_or_is_a_chat() -> None:
    saved = to_json(rich(), SETTINGS).encode()
    draw = random.Random(1)
    refused = 0
    for _ in range(3_000):
        damaged = bytearray(saved)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        try:
            chat = from_json(damaged.decode("utf-8", "replace"))
        except ValueError:
            refused += 1
        else:
            # Each of its parts works: it can be sent, shown and saved.
            chat.conversation.to_openai()
            to_markdown(chat.conversation)
            from_json(to_json(chat.conversation, chat.settings))
    assert 0 < refused < 3_000


@given(st.data())
def test_any_value_in_any_place_is_refused_or_is_a_chat(data: st.DataObject) -> None:
    chat = small()
    place = data.draw(st.sampled_from([chat, chat["settings"], *chat["messages"]]))
    value = data.draw(
        st.none()
        | st.booleans()
        | st.integers(-(10**400), 10**400)
        | st.floats()
        | st.sampled_from(["", "x", "user", "error", [], [1], [{}], {}, {"a": 1}])
        | st.text(max_size=3)
    )
    place[data.draw(st.sampled_from(sorted(place)))] = value
    try:
        back = from_json(json.dumps(chat))
    except ValueError:
        return
    for message in back.conversation.messages:
        json.dumps(message_view(message, {})).encode()
    assert 0 <= back.conversation.spent.cost < 1e9
    conversation_frame(back.conversation.messages)
    from_json(to_json(back.conversation, back.settings))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a saved chat"),
        ("Dear diary", "not a saved chat"),
        ("[]", "nbchat did not write it"),
        ('{"format": "other"}', "nbchat did not write it"),
        ('{"format": "nbchat"}', "no version"),
        ('{"format": "nbchat", "version": true}', "no version"),
        ('{"format": "nbchat", "version": 3, "new": 1}', "newer nbchat wrote this chat: update"),
        ('{"format": "nbchat", "version": 1}', "no settings"),
        ('{"format": "nbchat", "version": 1, "settings": {}}', "no list of messages"),
        ("[" * 100_000, "not a saved chat"),
        ('{"a":' * 100_000, "not a saved chat"),
        (f"[{'9' * 10_000}]", "not a saved chat"),
    ],
)
def test_what_is_no_saved_chat(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_json(text)


def turn(**changes: object) -> list[dict[str, Any]]:
    question = {"id": "q", "role": "user", "content": "Hi"}
    return [
        {**question, "status": "complete", "shown": True},
        {"id": "a", "parent": "q", "role": "assistant", "status": "complete", **changes},
    ]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([1], "message 1: it is not an object"),
        ([{}], "message 1: it has no id"),
        ([{"id": "a", "role": "assistant", "status": "complete"}], "not the assistant's turn"),
        (turn()[:1], "message 1: it has no reply"),
        (turn(role="user"), "message 2: it is not the user's turn"),
        (turn(role="system"), "neither user nor assistant"),
        (turn(parent="a"), "message 2: its parent"),
        (turn(parent="nobody"), "message 2: its parent"),
        (turn(id="q"), "message 2: another message has the same id"),
        (turn(content=["text"]), "message 2: its content"),
        (turn(status="done"), "status is unknown"),
        (turn(status="error"), "don't agree"),
        (turn(error={"message": "no"}), "don't agree"),
        (turn(status="error", error={}), "no message"),
        (turn(notes=[1]), "notes"),
        (turn(reasoning_details=["x"]), "reasoning_details"),
        (turn(attachments=[{"name": "x", "data": "%"}]), "can't be read"),
        (turn(attachments=[{"name": "x", "data": ""}]), "empty"),
        ([*turn(parent="b"), {"id": "b", "parent": "a", "role": "user"}], "its parent"),
    ],
)
def test_which_message_is_damaged_and_how(messages: list[Any], why: str) -> None:
    chat = {"format": "nbchat", "version": 1, "settings": {}, "messages": messages}
    with pytest.raises(ValueError, match=rf"^This saved chat is damaged: .*{why}"):
        from_json(json.dumps(chat))


NUMBERS = (
    *("created", "context_tokens", "estimated_cost", "reasoning_s", "first_token_s"),
    *("duration_s", "prompt_tokens", "completion_tokens", "cost", "temperature", "top_p"),
    *("max_tokens", "max_tokens_limit", "retry_after_s", "status_code", "at"),
)


@pytest.mark.parametrize("bad", [1.7e308, 10**400, -2000, -0.5, float("nan"), "7", True, [1]])
def test_a_bad_number_costs_that_number_not_the_chat(bad: object) -> None:
    saved = small()
    places = [saved["settings"], *saved["messages"]]
    for message in saved["messages"]:
        places += [message.setdefault("usage", {}), *message.get("rounds", ())]
        places += [message["error"]] if "error" in message else []
        message.update(created=1.0, context_tokens=1, estimated_cost=1, duration_s=1)
    for place in places:
        place.update({name: bad for name in NUMBERS if name in place or "role" not in place})
    for message in saved["messages"]:
        message["created"] = bad
    back = from_json(json.dumps(saved))
    assert [message.content for _, message in back.conversation.walk()] == [
        message.get("content", "") for message in saved["messages"]
    ]
    assert back.settings.temperature == 1.0
    assert back.conversation.spent.cost == 0
    conversation_frame(message for _, message in back.conversation.walk())
    assert from_json(to_json(back.conversation, back.settings)).settings == back.settings


def test_what_a_later_version_adds_is_no_damage() -> None:
    chat = small()
    for place in (chat, chat["settings"], *chat["messages"]):
        place["later"] = {"x": 1}
    assert seen(from_json(json.dumps(chat)).conversation)


def test_ids_from_elsewhere_are_made_anew() -> None:
    chat = {"format": "nbchat", "version": 1, "settings": {}, "messages": turn(id='"><script>')}
    for message in from_json(json.dumps(chat)).conversation.messages:
        assert len(message.id) == 12
        assert message.id.isalnum()


# Markdown


def test_markdown_is_what_one_would_write() -> None:
    conversation = said(
        "What is `1 < 2`?",
        ReasoningDelta("Easy."),
        ContentDelta("It is **true**:\n\n```python\nassert 1 < 2\n```"),
    )
    conversation.messages[1].reasoning_s = 2.5
    conversation.ask("More", attachments=[Attachment("a[1].png", "", png())])
    assert (
        to_markdown(conversation, "Be kind.")
        == """\
<!-- nbchat -->

## System instructions

Be kind.

## You

What is `1 < 2`?

## Assistant (test/model)

<details>
<summary>Thoughts (2 s)</summary>

Easy.

</details>

It is **true**:

```python
assert 1 < 2
```

## You

More

> Attached: a\\[1\\].png

## Assistant

> The reply has not ended yet.
"""
    )


def test_how_a_reply_ended_is_said() -> None:
    conversation = rich()
    conversation.messages[0].fork.step(-1)
    text = to_markdown(conversation)
    assert "## Assistant (test/model)\n\nA p\n\n> Error: Broken." in text
    conversation.messages[1].fork.step(-1)
    for text in (to_markdown(conversation), to_notebook(conversation)):
        assert "> Attached: a.png, b.pdf" in text
        assert "> test/model is busy: test/other answers." in text
        assert "> Stopped at the token limit." in text
        assert "> Stopped." in text
        assert "A p" not in text


ORDINARY = """\
# A heading

1. `vector<int>`, a < b, <https://example.org/a>
2. `<div>` and ``![]``

``a`b`` and | a | table | H<sub>2</sub>O<br>x<sup>2</sup> |

$a < b$ costs \\$5!

```html
<b>bold</b> ![x](y)
```
~not a fence~
````text
```
nested
```
````

    indented"""


def test_ordinary_markdown_stays_as_it_is() -> None:
    assert harmless(ORDINARY) == ORDINARY


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<sub>a\n\nb</sub>", "&lt;sub>a\n\nb&lt;/sub>"),
        ("<sub onclick=x>a</sub>", "&lt;sub onclick=x>a&lt;/sub>"),
        (
            "<br onclick=x> <sup><img src=x></sup>",
            "&lt;br onclick=x> &lt;sup>&lt;img src=x>&lt;/sup>",
        ),
        ("<sub>![a](http://b.example)</sub>", "<sub>&#33;[a](http://b.example)</sub>"),
    ],
)
def test_only_breaks_and_closed_indices_stay_html(text: str, safe: str) -> None:
    assert harmless(text) == safe


def rendered(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """The tags that a reader who lets all HTML through makes of Markdown."""
    import mistune

    html = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])(text)
    assert isinstance(html, str)
    return tags(html)


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

        def handle_comment(self, data: str) -> None:
            found.append(("!--", {}))

    parser = Tags(convert_charrefs=True)
    parser.feed(html)
    parser.close()
    return found


# What Markdown itself can say, without images.
MARKDOWN_TAGS = {"a", "blockquote", "br", "code", "del", "em", "hr", "li", "ol", "p", "pre"}
MARKDOWN_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "strong", "ul"}
MARKDOWN_TAGS |= {"table", "tbody", "td", "th", "thead", "tr"}
MARKDOWN_ATTRIBUTES = {"class", "href", "start", "style", "title"}
OPEN_ENDS = [
    "```",
    "~~~~ x",
    "- ```\n  a",
    "1. x\n\n   ```python\n   a\n```",
    "- foo\n\n  ```\nbar <img src=x>",
    "> ```\n> <img src=x>",
    "a ` b\n` <img src=x> ` c",
    "- ` x\n- ` y\n` <img src=x> `",
    "| a ` b | ` <img src=x> | ` |\n|---|---|---|\n",
    "\\` <img src=x> `",
    "\\<img src=x>",
    "\\![x](y)",
    "!\\[x](y) ![x](<y>) ![x]\n\n[x]: https://evil.example",
    "<!--",
    "<![CDATA[",
    "<?php",
    "<details><summary>",
    "</details>",
    "<pre>",
    "<textarea>\n\n",
    "`````` ``` `",
]


@pytest.mark.parametrize("text", [*INJECTIONS, *OPEN_ENDS])
def test_what_a_model_writes_is_markdown_only_and_keeps_to_its_message(text: str) -> None:
    conversation = said(text, ReasoningDelta(text), ContentDelta(text))
    answer(conversation, conversation.ask("bye"), ContentDelta("the *end*"))
    found = rendered(to_markdown(conversation, text))
    ours = [tag for tag, _ in found if tag in ("!--", "details", "summary")]
    assert ours == ["!--", "details", "summary"]
    for tag, attributes in found:
        assert tag in {*MARKDOWN_TAGS, *ours}
        assert attributes.keys() <= MARKDOWN_ATTRIBUTES
    assert found[-3:] == [("h2", {}), ("p", {}), ("em", {})]


def test_a_model_cannot_name_itself_into_markdown() -> None:
    name = "x\n\n# <img src=x> ![](y) `"
    conversation = said("Hi", ModelName(name))
    assert {tag for tag, _ in rendered(to_markdown(conversation))} == {"!--", "h2", "p"}


# Notebook


def cells(text: str) -> list[tuple[str, str]]:
    import nbformat  # takes seconds

    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_python_becomes_code_cells() -> None:
    conversation = replied(
        "First:\n\n```python\nx = 1\n\nprint(x)\n```\nthen\n~~~ py\n```\n~~~\n"
        "1. in a list\n   ```Python3 title=x\n   if x:\n       y\n   ```\n"
        "```js\nlet x\n```\n```\nwho knows\n```\nlast\n````python\nx\n```"
    )
    head = "## Assistant (test/model)"
    assert cells(to_notebook(conversation, "Be kind.")) == [
        ("markdown", "## System instructions\n\nBe kind."),
        ("markdown", "## You\n\nHi"),
        ("markdown", f"{head}\n\nFirst:"),
        ("code", "x = 1\n\nprint(x)"),
        ("markdown", "then"),
        ("code", "```"),
        ("markdown", "1. in a list"),
        ("code", "if x:\n    y"),
        ("markdown", "```js\nlet x\n```\n\n```\nwho knows\n```\n\nlast"),
        ("code", "x\n```"),
    ]


def test_a_persons_code_is_no_cell() -> None:
    conversation = said("```python\nx\n```", ContentDelta("ok"))
    assert [kind for kind, _ in cells(to_notebook(conversation))] == ["markdown", "markdown"]


@pytest.mark.parametrize("text", [*INJECTIONS, *OPEN_ENDS])
def test_a_notebook_is_harmless_before_it_is_run(text: str) -> None:
    conversation = said(text, ReasoningDelta(text), ContentDelta(text))
    for kind, source in cells(to_notebook(conversation, text)):
        if kind == "markdown":
            found = {tag for tag, _ in rendered(source)}
            assert found <= {*MARKDOWN_TAGS, "details", "summary"}


@given(conversations())
def test_every_conversation_is_a_notebook(conversation: Conversation) -> None:
    text = to_notebook(conversation)
    cells(text)
    ids = [cell["id"] for cell in json.loads(text)["cells"]]
    assert len(ids) == len(set(ids))
    assert "nbchat" in json.loads(text)["metadata"]
    assert to_markdown(conversation).startswith(MARKER + "\n")


# HTML and plain text, for where there are no widgets


class Shown(HTMLParser):
    """What a browser shows of HTML: its text, and all the tags and attributes in it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.markup: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.markup.append(self.get_starttag_text() or "")
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.markup.append("<!--")

    def handle_decl(self, decl: str) -> None:
        self.markup.append("<!")

    def handle_pi(self, data: str) -> None:
        self.markup.append("<?")


HTML_MARKUP = {
    '<div class="nbchat-fallback">',
    '<pre style="margin:0 0 0.6em;white-space:pre-wrap;overflow-wrap:anywhere">',
    '<pre style="margin:0 0 0.8em;padding:0.6em 0.8em;background:rgba(128,128,128,0.1);'
    'white-space:pre-wrap;overflow-wrap:anywhere">',
    '<code style="background:none">',
    '<p style="margin:1em 0 0.3em">',
    '<p style="white-space:pre-wrap;overflow-wrap:anywhere">',
    *(f'<td style="text-align:{side}">' for side in ("left", "center", "right")),
    *(f'<th style="text-align:{side}">' for side in ("left", "center", "right")),
}
PLAIN_TAGS = re.compile(
    '<(b|blockquote|br|code|del|details|em|h[1-6]|hr|li|ol( start="[0-9]+")?|p|pre|span|strong'
    "|sub|summary|sup|table|tbody|thead|tr|ul)>"
)
SAFE_LINK = re.compile(r'<a href="(https?://|mailto:)[^"<>\s]+" rel="noopener noreferrer">')


def is_ours(tag: str) -> bool:
    return tag in HTML_MARKUP or bool(PLAIN_TAGS.fullmatch(tag) or SAFE_LINK.fullmatch(tag))


@pytest.mark.parametrize(
    "text", [*INJECTIONS, *OPEN_ENDS, "</pre></details></div><b>", "&lt;&#60;"]
)
def test_html_has_no_markup_but_ours(text: str) -> None:
    error = Failure(ChatError(text))
    conversation = said(text, ModelName(text), ReasoningDelta(text), ContentDelta(text), error)
    conversation.messages[1].notes = (text,)
    html = Shown(to_html(conversation))
    assert [tag for tag in html.markup if not is_ours(tag)] == []
    assert html.open == []
    if text.isprintable():
        # question, note, error; thoughts and reply are rendered
        assert html.text.count(text) >= 3
        assert to_plain(conversation).count(text) >= 4


def test_html_and_plain_text_say_it_all() -> None:
    conversation = rich()
    for place in (0, 1):
        conversation.messages[place].fork.step(-1)
    html = Shown(to_html(conversation)).text
    plain = to_plain(conversation)
    for text in (html, plain):
        for said_ in (
            "You",
            "What is this?",
            "Attached: a.png, b.pdf",
            "Assistant (test/other)",
            "A dot.\nRed.",
            "test/model is busy: test/other answers.",
            "Attached: c.png",
            "Stopped at the token limit.",
            "Stopped.",
        ):
            assert said_ in text
        assert "A p" not in text
    assert "Hm." in html
    assert "Hm." not in plain


def test_a_terminal_obeys_nothing() -> None:
    plain = to_plain(replied("\x1b]0;evil\x07 a\x9b31m\r\nb\tc"))
    assert plain.endswith("]0;evil a31m\nb\tc")


@pytest.mark.parametrize("export", [to_html, to_plain, to_markdown, to_notebook])
@pytest.mark.parametrize(
    "piece", ["<", "`", "```\n", "![", "a\n\n", " ", "&", "\\", "~~~\n", "<!--"]
)
def test_a_megabyte_of_one_thing_is_no_trouble(
    export: Callable[[Conversation], str], piece: str
) -> None:
    """At a cost of more than the text's length, this would not end."""
    assert export(replied(piece * (1_000_000 // len(piece))))
