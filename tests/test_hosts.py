"""The chat in other hosts than the newest JupyterLab: Colab's pair of packages, and Voila."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import environment
import pytest
import sse_server as sse
from conftest import Built
from lab import ChatPage, Lab
from playwright.sync_api import Browser, WebSocket, expect
from sse_server import DONE, ScriptedServer
from test_notebook import Open, chat_cell
from test_versions import COLAB
from until import until

pytestmark = [pytest.mark.browser, pytest.mark.environments]

BUSY = "The kernel is busy"


@pytest.fixture(scope="module")
def colabs(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab with Colab's versions of ipykernel, ipywidgets and anywidget."""
    folder = tmp_path_factory.mktemp("colab")
    wheel = f"nbchat-widget @ {built.wheel.as_uri()}"
    # ipywidgets 7 does not say which of its front ends it needs.
    lab_of = ("jupyterlab", "jupyterlab_widgets==1.1.11")
    programs = environment.make(folder / "venv", sys.executable, wheel, *lab_of, *COLAB)
    with Lab(folder / "lab", python=programs / "python") as lab:
        yield lab


def test_colabs_pair_of_packages(
    colabs: Lab, open_notebook: Open, server: ScriptedServer, tmp_path: Path
) -> None:
    go_on = tmp_path / "go on"
    busy = (
        f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.05)"
    )
    wait = "reply = chat.send('From code')\nreply.wait(30).text"
    notebook = open_notebook(colabs, [chat_cell(server), busy, wait, "await chat.send('More')"])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.ask("Hi")).to_contain_text("You said: Hi")
    assert Path(chat.download().path()).read_text() == "You said: Hi"
    more = threading.Event()
    server.script(sse.text("before"), sse.gate(more), sse.text(" during"), sse.hang())
    chat.send("Stream")
    expect(chat.reply).to_contain_text("before")
    notebook.start(1)
    expect(notebook.cell(1)).to_contain_text("[*]")
    more.set()
    # It streams on while the cell runs; Stop has to wait for its end, and the chat says so.
    expect(chat.reply).to_contain_text("before during")
    chat.message.press("Escape")
    expect(chat.root.get_by_text(BUSY)).to_be_visible()
    go_on.touch()
    expect(chat.reply).to_contain_text("Stopped")
    expect(chat.root.get_by_text(BUSY)).to_have_count(0)
    notebook.wait_idle()
    notebook.run(2)
    expect(chat.reply).to_contain_text("You said: From code")
    notebook.run(3)
    expect(chat.reply).to_contain_text("You said: More")


def test_an_interrupt_with_colabs_pair(
    colabs: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    # The first cell ends without an error: after one, ipykernel 6.17.1 aborts a cell that comes
    # in the same moment.
    wait = "try:\n    chat.send('Hi').wait()\nexcept KeyboardInterrupt:\n    print('interrupted')"
    notebook = open_notebook(colabs, [chat_cell(server), wait, "await chat.send('Hi')"])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    for n in (1, 2):
        server.script(sse.text(f"some {n}"), sse.hang())
        notebook.start(n)
        expect(chat.reply).to_contain_text(f"some {n}")
        notebook.interrupt()
        assert server.wait_for_request(n).closed_early.wait(60)
        notebook.wait_idle()
        expect(chat.reply).to_contain_text("Stopped")
    expect(notebook.cell(1)).to_contain_text("interrupted")
    expect(chat.ask("Again")).to_contain_text("You said: Again")


@pytest.fixture(scope="module")
def voila_programs(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with Voila."""
    wheel = f"nbchat-widget @ {built.wheel.as_uri()}"
    folder = tmp_path_factory.mktemp("voila")
    return environment.make(folder / "venv", sys.executable, wheel, "voila")


@contextlib.contextmanager
def voila_of(programs: Path, folder: Path, *cells: str, **variables: str) -> Iterator[str]:
    """Has Voila show a notebook of these cells; yields its address. What it logs is in log.txt."""
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}}
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": [
            {**code, "id": f"cell-{n}", "outputs": [], "source": cell}
            for n, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": spec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "chat.ipynb").write_text(json.dumps(notebook))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [programs / "voila", folder / "chat.ipynb", "--no-browser"],
            cwd=folder,
            env={**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def address() -> re.Match[str] | None:
        log = (folder / "log.txt").read_text()
        assert process.poll() is None, log
        return re.search(r"is running at:\s+http://localhost(:\d+/)", log)

    try:
        until(address)
        match = address()
        assert match is not None
        yield f"http://127.0.0.1{match[1]}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def voila(voila_programs: Path, tmp_path: Path, server: ScriptedServer) -> Iterator[str]:
    """The address of a notebook that Voila shows."""
    with voila_of(voila_programs, tmp_path, chat_cell(server)) as url:
        yield url


def test_voila(voila: str, browser: Browser, server: ScriptedServer) -> None:
    page = browser.new_page()  # Voila itself asks a CDN for its icons
    page.goto(voila, timeout=60_000)
    chat = ChatPage(page)
    expect(chat.message).to_be_visible(timeout=60_000)
    more = threading.Event()
    server.script(sse.text("One "), sse.gate(more), sse.text("**two**"), sse.finish(), DONE)
    chat.send("Hi")
    expect(chat.reply).to_contain_text("One")
    more.set()
    expect(chat.reply.locator("strong")).to_have_text("two")
    server.script(sse.text("1 2"), sse.hang())
    chat.send("Count")
    expect(chat.reply).to_contain_text("1 2")
    chat.stop_button.click()
    expect(chat.reply).to_contain_text("Stopped")
    page.context.close()


KEY = "k-the-owners-own-key"
ACCOUNT = "org-of-the-owner"
OTHER_KEY = "k-another-key-of-the-owner"
DSN = "postgres://owner:hidden@db"


def test_voila_with_three_visitors_at_once(
    voila_programs: Path, tmp_path: Path, browser: Browser, server: ScriptedServer
) -> None:
    owner = f"import os, nbchat\ndsn = {DSN!r}"
    shared = (
        "chat = nbchat.ChatWidget(shared=nbchat.Shared(requests_per_hour=7), model='test/model', "
        f"system='Only for the model', base_url={server.base_url!r}, "
        "api_key=os.environ['MY_KEY'])\nchat"
    )
    variables = {
        "MY_KEY": KEY,
        "OPENAI_API_KEY": OTHER_KEY,
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    heard: list[list[str]] = [[], [], []]
    with voila_of(voila_programs, tmp_path, owner, shared, **variables) as url:
        pages = [browser.new_page() for _ in heard]
        for page, frames in zip(pages, heard, strict=True):
            page.on("websocket", lambda socket, frames=frames: listen(socket, frames))
            page.goto(url, wait_until="commit")
        chats = [ChatPage(page) for page in pages]
        for chat in chats:
            expect(chat.message).to_be_visible(timeout=120_000)
        # All three at once: the first replies wait for each other.
        together = threading.Event()
        for _ in chats:
            server.script(sse.text("Hello"), sse.gate(together), sse.finish(), DONE)
        for n, chat in enumerate(chats):
            chat.send(f"I am visitor {n}, my word is word-{n}. @dsn")
        for chat in chats:
            expect(chat.reply).to_contain_text("Hello")
        together.set()
        for n, chat in enumerate(chats):
            chat.wait_ended()
            assert chat.user_messages.count() == chat.assistant_messages.count() == 1
            chat.send(f"Again word-{n}")
            expect(chat.reply).to_contain_text(f"You said: Again word-{n}")
            chat.wait_ended()
            # The settings are there to see, without what is the owner's.
            expect(chat.max_tokens).to_be_visible()
            expect(chat.model).to_be_disabled()
            expect(chat.system).to_have_count(0)
            for name in ("Change server", "Run code", "Insert cell"):
                expect(chat.root.get_by_role("button", name=name)).to_have_count(0)
            chat.message.fill("@ds")
        for n, (chat, frames) in enumerate(zip(chats, heard, strict=True)):
            expect(chat.root.get_by_role("listbox")).to_have_count(0)
            heard_by_page = "".join(frames)
            assert f"word-{n}" in heard_by_page
            everything = chat.page.content() + heard_by_page
            others = [f"word-{each}" for each in range(3) if each != n]
            for secret in (*others, KEY, OTHER_KEY, DSN, "Only for the model", "MY_KEY"):
                assert secret not in everything
        asked = [json.dumps(request.body) for request in server.chats]
        assert len(asked) == 6
        for said in asked:
            assert sum(f"word-{n}" in said for n in range(3)) == 1
            assert DSN not in said
        # What the server says of the owner's account is for the log.
        server.script(sse.status(401, {"error": {"message": f"Bad key of {ACCOUNT}"}}))
        chats[2].message.fill("")
        chats[2].ask("The seventh")
        expect(chats[2].alert).to_contain_text("The owner of this page")
        until(lambda: ACCOUNT in (tmp_path / "log.txt").read_text())
        assert ACCOUNT not in chats[2].page.content() + "".join(heard[2])
        # The limit counts for all: over Clear chat, a reload, and a new visitor.
        chats[0].message.fill("")
        chats[0].clear_button.click()
        expect(chats[0].user_messages).to_have_count(0)
        pages[1].reload(wait_until="commit")
        newcomer = browser.new_page()
        newcomer.goto(url, wait_until="commit")
        for page in (pages[0], pages[1], newcomer):
            chat = ChatPage(page)
            expect(chat.message).to_be_visible(timeout=120_000)
            chat.send("One more?")
            expect(chat.alert).to_contain_text("7 requests an hour")
        assert len(server.chats) == 7
        for page in (*pages, newcomer):
            page.context.close()


def listen(socket: WebSocket, frames: list[str]) -> None:
    def note(payload: str | bytes) -> None:
        frames.append(payload if isinstance(payload, str) else payload.decode("utf-8", "replace"))

    socket.on("framereceived", note)


def test_voila_tells_the_owner_of_a_chat_that_is_not_shared(
    voila_programs: Path, tmp_path: Path, browser: Browser, server: ScriptedServer
) -> None:
    with voila_of(voila_programs, tmp_path, chat_cell(server), chat_cell(server)) as url:
        page = browser.new_page()
        page.goto(url, wait_until="commit")
        expect(ChatPage(page).message.first).to_be_visible(timeout=120_000)
        expect(ChatPage(page).message).to_have_count(2)
        log = (tmp_path / "log.txt").read_text()
        assert log.count("ChatWidget(shared=True)") == 1
        assert "ChatWidget(shared=True)" not in page.content()
        page.context.close()
