"""The chat in other hosts than the newest JupyterLab: Colab's pair of packages, and Voila."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import environment
import pytest
import sse_server as sse
from conftest import Built
from lab import ChatPage, Lab
from playwright.sync_api import Browser, expect
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
    notebook = open_notebook(
        colabs, [chat_cell(server), "chat.send('Hi').wait()", "await chat.send('Hi')"]
    )
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
    expect(chat.ask("Again")).to_contain_text("You said: Again")


@pytest.fixture
def voila(built: Built, tmp_path: Path, server: ScriptedServer) -> Iterator[str]:
    """The address of a notebook that Voila shows."""
    wheel = f"nbchat-widget @ {built.wheel.as_uri()}"
    programs = environment.make(tmp_path / "venv", sys.executable, wheel, "voila")
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "a",
        "metadata": {},
        "outputs": [],
        "source": chat_cell(server),
    }
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": [cell],
        "metadata": {"kernelspec": spec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "chat.ipynb").write_text(json.dumps(notebook))
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [programs / "voila", tmp_path / "chat.ipynb", "--no-browser"],
            cwd=tmp_path,
            env={**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def address() -> re.Match[str] | None:
        log = (tmp_path / "log.txt").read_text()
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
