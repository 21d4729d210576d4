"""Tools in a real JupyterLab: a person's click on Allow, and the notebook about them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Page, expect
from sse_server import DONE, ScriptedServer

pytestmark = pytest.mark.browser

Open = Callable[[Lab, Sequence[str]], NotebookPage]
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def calls(server: ScriptedServer, name: str, **arguments: object) -> None:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": "c1", "type": "function", "function": function}
    server.script(sse.chunk({"tool_calls": [call]}), sse.finish("tool_calls"), DONE)


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    chat = (
        "from nbchat import ChatWidget\n"
        "done = []\n"
        "def note(text: str) -> str:\n"
        "    done.append(text)\n"
        "    return f'noted {text}'\n"
        f"chat = ChatWidget(base_url={server.base_url!r}, model='test/model', tools=[note])\n"
        "chat"
    )
    send = "reply = await chat.send('Note it')\nprint(reply.text, done, reply.tool_calls[0].status)"
    notebook = open_notebook(lab, [chat, "print(done)", send])
    notebook.run(0)
    return notebook


def test_it_runs_after_a_click_on_allow(notebook: NotebookPage, server: ScriptedServer) -> None:
    chat = ChatPage(notebook.cell(0))
    calls(server, "note", text="milk")
    server.script(sse.text("I have noted it."), sse.finish(), DONE)
    chat.send("Note milk")
    card = chat.reply.get_by_role("group", name="Call of note")
    expect(card).to_contain_text('note(text="milk")?')
    notebook.run(1)
    assert notebook.outputs(1)[0]["text"].strip() == "[]"
    notebook.reload()  # what waits, waits on
    chat = ChatPage(notebook.cell(0))
    card = chat.reply.get_by_role("group", name="Call of note")
    card.get_by_role("button", name="Allow", exact=True).click()
    chat.wait_ended()
    expect(card).to_contain_text("noted milk")
    expect(chat.reply).to_contain_text("I have noted it.")
    notebook.run(1)
    assert notebook.outputs(1)[0]["text"].strip() == "['milk']"


def test_one_clicks_while_a_cell_awaits_the_reply(
    notebook: NotebookPage, server: ScriptedServer
) -> None:
    chat = ChatPage(notebook.cell(0))
    calls(server, "note", text="eggs")
    server.script(sse.text("Fine."), sse.finish(), DONE)
    notebook.start(2)
    chat.reply.get_by_role("button", name="Deny", exact=True).click()
    notebook.wait_idle()
    assert notebook.outputs(2)[0]["text"].strip() == "Fine. [] denied"


def test_stop_while_it_asks(notebook: NotebookPage, server: ScriptedServer) -> None:
    chat = ChatPage(notebook.cell(0))
    calls(server, "note", text="milk")
    chat.send("Note milk")
    card = chat.reply.get_by_role("group", name="Call of note")
    expect(card.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    chat.stop_button.click()
    chat.wait_ended()
    expect(card.get_by_role("button")).to_have_count(0)
    expect(card).to_contain_text("Stopped")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_notebook_about_tools(
    page: Page, lab: Lab, open_notebook: Open, tmp_path: Path, theme: str
) -> None:
    shutil.copy(NOTEBOOKS / "recorded.py", lab.root)
    cells = json.loads((NOTEBOOKS / "tools.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    notebook = open_notebook(lab, code)
    notebook.theme(theme)  # type: ignore[arg-type]  # it is one of them
    notebook.run_all()
    assert "There are **3 apples** and no pears." in notebook.outputs(2)[0]["text"]
    assert "error" in notebook.outputs(3)[0]["text"]
    chat = ChatPage(notebook.cell(1))
    last = chat.reply.get_by_role("group", name="Call of order").last
    expect(last.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    chat.conversation.screenshot(path=tmp_path / "tools.png")
    last.get_by_role("button", name="Allow", exact=True).click()
    expect(chat.reply).to_contain_text("So be it.")
