"""Versions of a message, in a real JupyterLab over a scripted server."""

from __future__ import annotations

import re
import threading

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import DONE, ScriptedServer
from test_notebook import Open, chat_cell

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    notebook = open_notebook(
        lab,
        [
            chat_cell(server),
            "chat.regenerate().wait(30)\nchat.edit(0, 'Un').wait(30)\nprint(len(chat.messages))",
        ],
    )
    notebook.run(0)
    return notebook


def press(article: Locator, name: str) -> None:
    article.get_by_role("button", name=name, exact=True).press("Enter")


def said(server: ScriptedServer, n: int) -> list[str]:
    return [message["content"] for message in server.chats[n].body["messages"]]


def test_another_reply_and_back_again(chat: ChatPage, server: ScriptedServer) -> None:
    chat.ask("One")
    chat.ask("Two")
    more = threading.Event()
    server.script(sse.text("Ano"), sse.gate(more), sse.text("ther"), sse.finish(), DONE)
    press(chat.assistant_messages.first, "Regenerate")
    expect(chat.reply).to_contain_text("Ano")
    expect(chat.user_messages).to_have_count(1)
    press(chat.reply, "Previous version")
    expect(chat.reply).to_contain_text("A reply is still running")
    more.set()
    chat.wait_ended()
    expect(chat.reply).to_contain_text("Another")
    assert said(server, 2) == ["One"]
    press(chat.reply, "Previous version")
    expect(chat.user_messages).to_have_text(["One", "Two"])
    expect(chat.assistant_messages.first).to_contain_text("1/2")
    chat.ask("Three")
    assert said(server, 3) == ["One", "You said: One", "Two", "You said: Two", "Three"]
    assert chat.download().path().read_text() == "You said: Three"


def test_a_message_is_edited_and_the_page_is_loaded_again(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    chat.ask("One")
    chat.message.press("ArrowUp")
    expect(chat.message).to_have_value("One")
    chat.message.fill("Un")
    chat.message.press("Enter")
    expect(chat.reply).to_contain_text("You said: Un")
    chat.wait_ended()
    expect(chat.message).to_have_value("")
    assert said(server, 1) == ["Un"]
    notebook.reload()
    expect(chat.user_messages).to_contain_text("2/2")
    press(chat.user_messages, "Previous version")
    expect(chat.reply).to_contain_text("You said: One")
    press(chat.user_messages, "Next version")
    expect(chat.reply).to_contain_text("You said: Un")
    # The keys were the chat's: as the notebook's own, Enter would have begun to edit the cell.
    expect(chat.user_messages.get_by_role("button", name="Next version")).to_be_focused()


def test_a_reply_cut_off_goes_on_in_place(chat: ChatPage, server: ScriptedServer) -> None:
    server.script(sse.text("1 2"), sse.finish("length"), DONE)
    chat.ask("Count")
    expect(chat.reply).to_contain_text("Stopped at the token limit")
    server.script(sse.text(" 3"), sse.finish(), DONE)
    press(chat.reply, "Continue")
    expect(chat.reply).to_contain_text("1 2 3")
    chat.wait_ended()
    expect(chat.reply).not_to_contain_text("Cut off")
    expect(chat.assistant_messages).to_have_count(1)
    chat.ask("Thanks")
    assert said(server, 2) == ["Count", "1 2 3", "Thanks"]


def test_the_thoughts_of_an_earlier_reply(chat: ChatPage, server: ScriptedServer) -> None:
    for thought in ("Hm", "Aha"):
        server.script(sse.reasoning(thought), sse.text("So."), sse.finish(), DONE)
        chat.ask("Why?")
    thoughts = chat.open_thoughts(chat.assistant_messages.first)
    expect(thoughts.get_by_text("Hm")).to_be_visible()
    expect(chat.thoughts).to_have_text(re.compile(r"^Thought for \d\.\d s$"))


def test_code_regenerates_and_edits_what_one_sees(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    chat.ask("One")
    notebook.run(1)
    assert notebook.outputs(1)[0]["text"] == "2\n"
    assert [said(server, n) for n in (1, 2)] == [["One"], ["Un"]]
    expect(chat.reply).to_contain_text("You said: Un")
    expect(chat.user_messages).to_contain_text("2/2")
    press(chat.user_messages, "Previous version")
    expect(chat.reply).to_contain_text("2/2")
