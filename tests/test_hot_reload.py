"""While you work on the front end, an open chat shows each change of its sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import ChatPage, Lab
from playwright.sync_api import expect
from sse_server import ScriptedServer
from test_notebook import Open, chat_cell

FRONTEND = Path(__file__).parents[1] / "nbchat" / "frontend"

pytestmark = pytest.mark.browser


@pytest.fixture
def frontend(tmp_path: Path) -> Iterator[Path]:
    """A copy of the front end, which is built after each change."""
    copy = tmp_path / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=shutil.ignore_patterns("node_modules", ".install.lock"))
    if (FRONTEND / "node_modules").exists():
        (copy / "node_modules").symlink_to(FRONTEND / "node_modules")
    command = [sys.executable, copy / "build.py", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as builder:
        try:
            assert builder.stdout
            assert builder.stdout.readline().startswith("Built")
            yield copy
        finally:
            builder.terminate()


def test_an_open_chat_shows_a_change_without_a_restart(
    lab: Lab, open_notebook: Open, server: ScriptedServer, frontend: Path
) -> None:
    hot = f"""
import os, pathlib
os.environ["ANYWIDGET_HMR"] = "1"
import nbchat._widget.bundle
nbchat._widget.bundle._STATIC = pathlib.Path({str(frontend.parent / "static")!r})
"""
    notebook = open_notebook(lab, [hot + chat_cell(server)])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.ask("Hi")).to_contain_text("You said: Hi")

    source = frontend / "src" / "conversation" / "transcript.ts"
    source.write_text(source.read_text("utf-8").replace('"Conversation"', '"Dialogue"'), "utf-8")
    conversation = chat.root.get_by_role("log", name="Dialogue")
    replies = conversation.get_by_role("article", name="Assistant")
    expect(replies).to_contain_text("You said: Hi", timeout=30_000)
    chat.send("Still there?")
    expect(replies.last).to_contain_text("You said: Still there?")
