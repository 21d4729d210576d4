"""Messages that are queued while a reply streams, as a page sends them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sse_server as sse
from harness import Kernel, attachment, message
from playwright.sync_api import Locator, expect
from sse_server import DONE, ScriptedServer

from nbchat import ChatWidget
from nbchat._turns.reply import Reply
from nbchat._widget.protocol import Send, TakeBack, Upload
from nbchat._widget.turn_requests import MAX_WAITING

TIMEOUT = 20


@pytest.fixture
def go_on() -> threading.Event:
    """Ends the first reply."""
    return threading.Event()


@pytest.fixture
def chat(server: ScriptedServer, go_on: threading.Event) -> Iterator[ChatWidget]:
    """A chat whose first reply streams until `go_on`."""
    chat = ChatWidget(base_url=server.base_url, model="test/model")
    server.script(sse.gate(go_on), sse.text("1"), sse.finish(), DONE)
    chat.send("One")
    yield chat
    go_on.set()
    chat.close()


def typed(chat: ChatWidget, content: str, *files: Upload) -> Reply:
    """Sends a message as a page does, and returns its reply."""
    chat._transcript.handle(Send(content, files))
    reply: Reply = chat.last
    return reply


def take_back(chat: ChatWidget, reply: Reply) -> None:
    chat._transcript.handle(TakeBack(reply._message.id))


def shown(chat: ChatWidget) -> list[str]:
    """The user's messages that the chat shows."""
    return [message.content for message in chat._session.messages()[::2]]


def asked(server: ScriptedServer) -> list[list[str]]:
    """What the user said in each request."""
    return [[m["content"] for m in chat.body["messages"]][::2] for chat in server.chats]


def test_a_queued_message_is_sent_when_its_turn_comes(
    chat: ChatWidget, server: ScriptedServer, go_on: threading.Event
) -> None:
    reply = typed(chat, "Two", Upload("a.csv", "text/csv", b"a,b"))
    assert reply.status == "queued"
    chat.temperature = 0.1
    go_on.set()
    reply.wait(TIMEOUT)
    question = server.chats[1].body["messages"][-1]["content"]
    assert question[0]["text"] == "Two"
    assert "a,b" in question[1]["text"]
    assert server.chats[1].body["temperature"] == 1.0


def test_a_message_that_is_taken_back_is_never_sent(
    chat: ChatWidget, server: ScriptedServer, go_on: threading.Event
) -> None:
    two, three, four = (typed(chat, each) for each in ("Two", "Three", "Four"))
    take_back(chat, three)
    assert shown(chat) == ["One", "Two", "Four"]
    assert three.wait(TIMEOUT).status == "stopped"
    take_back(chat, two)
    assert shown(chat) == ["One", "Four"]
    go_on.set()
    four.wait(TIMEOUT)
    assert asked(server) == [["One"], ["One", "Four"]]


def test_what_was_sent_is_not_taken_back(chat: ChatWidget, go_on: threading.Event) -> None:
    first = chat.last
    with pytest.raises(ValueError, match="already been sent"):
        take_back(chat, first)
    second = typed(chat, "Two")
    go_on.set()
    second.wait(TIMEOUT)
    for reply in (first, second):
        with pytest.raises(ValueError, match="already been sent"):
            take_back(chat, reply)
    assert shown(chat) == ["One", "Two"]


def test_stop_keeps_the_queued_messages(chat: ChatWidget, server: ScriptedServer) -> None:
    server.wait_for_request()
    two, three = typed(chat, "Two"), typed(chat, "Three")
    chat.stop()
    assert (two.status, three.status, chat.busy) == ("stopped", "stopped", False)
    assert shown(chat) == ["One", "Two", "Three"]
    assert len(server.chats) == 1
    take_back(chat, two)
    assert shown(chat) == ["One", "Three"]
    chat.retry().wait(TIMEOUT)
    assert asked(server)[1:] == [["Three"]]


def test_a_version_of_a_reply_is_no_message_to_take_back(
    chat: ChatWidget, server: ScriptedServer, go_on: threading.Event
) -> None:
    go_on.set()
    chat.last.wait(TIMEOUT)
    with chat._lock:  # nothing can begin meanwhile
        version = chat.regenerate()
        chat.stop()
    with pytest.raises(ValueError, match="already been sent"):
        take_back(chat, version)
    assert shown(chat) == ["One"]


def test_only_so_many_messages_are_queued_from_a_page(chat: ChatWidget) -> None:
    replies = [typed(chat, str(n)) for n in range(MAX_WAITING)]
    with pytest.raises(RuntimeError, match="queued already"):
        typed(chat, "One more")
    take_back(chat, replies[0])
    typed(chat, "One more")
    chat.send("From code", queue=True)
    assert shown(chat)[-2:] == ["One more", "From code"]


# On the page


def running(kernel: Kernel, **state: Any) -> None:
    """Opens a chat in which a reply streams, and another message is queued."""
    messages = [
        message("q1", role="user", content="One"),
        message("a", status="streaming", content="1"),
        message("q2", role="user", content="Two", **state),
        message("b", status="queued", model=None),
    ]
    kernel.open(messages=messages, busy=True)


def take_back_button(kernel: Kernel) -> Locator:
    return kernel.page.get_by_role("button", name="Take back")


@pytest.mark.browser
def test_enter_queues_once(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", status="streaming")], busy=True)
    kernel.box.fill("And then?")
    kernel.box.press("Enter")
    kernel.box.press("Enter")
    sent = kernel.wait_sent("send")
    assert sent["content"] == "And then?"
    kernel.push("received", nonce=sent["nonce"])
    expect(kernel.box).to_have_value("")
    kernel.box.press("Enter")
    assert len(kernel.sent("send")) == 1
    kernel.box.press("Escape")
    kernel.wait_sent("stop")


@pytest.mark.browser
def test_only_what_waits_for_another_reply_is_queued(kernel: Kernel) -> None:
    running(kernel)
    expect(kernel.reply).to_contain_text("Queued")
    expect(take_back_button(kernel)).to_have_count(1)
    kernel.change("facts", id="a", facts={"status": "complete"})
    expect(take_back_button(kernel)).to_have_count(0)
    expect(kernel.reply).to_contain_text("Waiting for test/model")


@pytest.mark.browser
@pytest.mark.parametrize("how", ["button", "ArrowUp"])
def test_a_queued_message_comes_back_into_the_box_with_its_files(kernel: Kernel, how: str) -> None:
    running(kernel, attachments=[attachment("f", "a.csv", "text/csv")])
    kernel.has({"f": b"a,b"})
    if how == "button":
        take_back_button(kernel).click()
    else:
        kernel.box.press("ArrowUp")
    asked = kernel.wait_sent("take_back")
    assert asked["id"] == "b"
    kernel.change("replace", ids=["q2", "b"], messages=[])
    kernel.push("received", nonce=asked["nonce"])
    expect(kernel.box).to_have_value("Two")
    expect(kernel.box).to_be_focused()
    kernel.box.press("Enter")
    assert kernel.wait_sent("send")["content"] == "Two"
    assert kernel.buffers() == [b"a,b"]


@pytest.mark.browser
def test_what_can_not_be_taken_back_stays_where_it_is(kernel: Kernel) -> None:
    running(kernel, attachments=[attachment("f", "a.csv", "text/csv")])
    kernel.has({"f": b"a,b"})
    take_back_button(kernel).click()
    nonce = kernel.wait_sent("take_back")["nonce"]
    kernel.push("received", nonce=nonce, refused="This message has already been sent.")
    expect(kernel.page.get_by_text("This message has already been sent.")).to_be_visible()
    expect(kernel.page.get_by_role("group", name="Attached files")).to_be_hidden()
    expect(kernel.box).to_have_value("")


@pytest.mark.browser
def test_after_stop_the_queued_message_is_not_sent_and_not_lost(kernel: Kernel) -> None:
    running(kernel)
    kernel.change("facts", id="b", facts={"status": "stopped"})
    kernel.change("facts", id="a", facts={"status": "stopped"})
    expect(kernel.reply).to_contain_text("Not sent")
    expect(take_back_button(kernel)).to_be_visible()
    kernel.page.get_by_role("button", name="Retry").click()
    assert kernel.wait_sent("retry")["id"] == "b"


@pytest.mark.browser
def test_each_reply_is_heard_to_its_end_while_others_wait(kernel: Kernel) -> None:
    # The live region is in a closed shadow root.
    kernel.page.evaluate(
        """() => {
          window.heard = [];
          const append = Element.prototype.append;
          Element.prototype.append = function (...nodes) {
            if (this.ariaLive === "polite") heard.push(...nodes.map((node) => node.textContent));
            return append.apply(this, nodes);
          };
        }"""
    )
    running(kernel)
    kernel.delta(" is one.\n\nEnd")
    kernel.page.wait_for_function("heard.includes('1 is one.')")
    kernel.change("facts", id="a", facts={"status": "stopped"})
    kernel.change("facts", id="b", facts={"status": "streaming"})
    kernel.delta("Two\n\nNext\n\nLast", "b")
    kernel.page.wait_for_function("heard.includes('Two')")
    assert kernel.page.evaluate("heard.slice(0, 4)") == ["1 is one.", "End", "Stopped", "Two"]
