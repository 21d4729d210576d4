"""A laptop sleeps, a network fails, a server stops: all is there afterwards, and once."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import sse_server as sse
from cut_connection import CutConnection
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Page, expect
from sse_server import DONE, ScriptedServer
from test_notebook import Open, chat_cell

pytestmark = pytest.mark.browser

WORDS = [f"word{n}" for n in range(400)]


def script(server: ScriptedServer) -> threading.Event:
    """Queues a reply of all words; the second half comes when the test says so."""
    more = threading.Event()
    steps = [sse.text(f"{word} ") for word in WORDS]
    server.script(*steps[:200], sse.gate(more), *steps[200:], sse.finish(), DONE)
    return more


def check(chat: ChatPage) -> None:
    expect(chat.reply).to_contain_text(WORDS[-1])
    chat.wait_ended()
    assert re.findall(r"word\d+", chat.reply.inner_text()) == WORDS


def freeze(page: Page, *, state: str = "frozen") -> None:
    """As when a laptop sleeps, or a browser saves power: the page does nothing, messages wait."""
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": state})


def test_pages_that_sleep_in_mid_stream(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    notebook = open_notebook(lab, [chat_cell(server)])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    chat.ask("One")
    notebook.save()
    tab = notebook.page.context.new_page()
    other = ChatPage(NotebookPage(tab, lab, notebook.path.name).cell(0))
    expect(other.reply).to_contain_text("You said: One")
    # One tab sleeps while a reply begins and ends in the other.
    freeze(tab)
    more = script(server)
    chat.send("Two")
    expect(chat.reply).to_contain_text(WORDS[199])
    more.set()
    check(chat)
    freeze(tab, state="active")
    check(other)
    # The only page that is awake falls asleep in mid-stream.
    tab.close()
    more = script(server)
    chat.send("Three")
    expect(chat.assistant_messages).to_have_count(3)  # the reply before has the same words
    expect(chat.reply).to_contain_text(WORDS[199])
    freeze(notebook.page)
    more.set()
    assert server.chats[2].ended.wait(60)
    freeze(notebook.page, state="active")
    check(chat)
    expect(chat.user_messages).to_have_text(["One", "Two", "Three"])
    assert len(server.chats) == 3


def test_a_connection_that_is_cut_and_restored(
    lab: Lab, page: Page, server: ScriptedServer
) -> None:
    with CutConnection(lab.url) as connection:
        name = lab.write([chat_cell(server)])
        notebook = NotebookPage(page, lab, name, by=connection.url)
        notebook.run(0)
        chat = ChatPage(notebook.cell(0))
        more = script(server)
        chat.send("One")
        expect(chat.reply).to_contain_text(WORDS[199])
        connection.cut()
        more.set()
        assert server.chats[0].ended.wait(60)
        connection.restore()
        check(chat)
        # What is sent into a dead connection arrives later, once.
        connection.cut()
        chat.send("Two")
        expect(chat.root.get_by_text("The kernel does not answer.")).to_be_visible()
        expect(chat.message).to_have_value("Two")
        connection.restore()
        expect(chat.reply).to_contain_text("You said: Two")
        expect(chat.message).to_have_value("")
        chat.wait_ended()
        # What arrives, but whose answer is lost, is done once as well.
        connection.cut(only="answers")
        chat.send("Three")
        server.wait_for_request(3)
        connection.restore()
        expect(chat.reply).to_contain_text("You said: Three")
        expect(chat.message).to_have_value("")
        chat.wait_ended()
        expect(chat.user_messages).to_have_text(["One", "Two", "Three"])
        assert len(server.chats) == 3
    lab.shut_down_kernels(name)


def test_a_server_that_stops_and_starts_again(
    page: Page, server: ScriptedServer, tmp_path: Path
) -> None:
    with Lab(tmp_path / "lab") as lab:
        notebook = NotebookPage(page, lab, lab.write([chat_cell(server)]))
        notebook.run(0)
        chat = ChatPage(notebook.cell(0))
        chat.ask("One")
        chat.message.fill("my next")
        # JupyterLab may say that its server is gone, above everything, for as long as it is.
        gone = page.get_by_role("dialog", name="Server Connection Error")
        page.add_locator_handler(gone, lambda: gone.get_by_role("button", name="Close").click())
        lab.restart()
        # What JupyterLab does every ten seconds or more: it looks which kernels there are.
        page.evaluate("jupyterapp.serviceManager.sessions.refreshRunning()")
        expect(chat.root.get_by_text("This is the conversation so far")).to_be_visible()
        expect(chat.reply).to_contain_text("You said: One")
        expect(chat.message).to_have_value("my next")
        with page.expect_download() as download:
            chat.root.get_by_role("button", name="Save a copy").click()
        assert "You said: One" in Path(download.value.path()).read_text("utf-8")
    assert len(server.chats) == 1
