"""The code of a reply, back in the notebook: run, its output sent, put into a cell of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import pytest
import sse_server as sse
from harness import PNG
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import DONE, ScriptedServer
from test_notebook import chat_cell

pytestmark = pytest.mark.browser

Open = Callable[[Lab, Sequence[str]], NotebookPage]


def code(*blocks: str, language: str = "python") -> str:
    return "\n\nText.\n\n".join(f"```{language}\n{block}\n```" for block in blocks)


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    notebook = open_notebook(lab, ["secret = 6", chat_cell(server), "answer", "In[-4:]"])
    notebook.run(0)
    notebook.run(1)
    return notebook


@pytest.fixture
def chat(notebook: NotebookPage) -> ChatPage:
    chat = ChatPage(notebook.cell(1))
    expect(chat.message).to_be_visible()
    return chat


def answer(chat: ChatPage, server: ScriptedServer, text: str) -> Locator:
    server.script(sse.text(text), sse.finish(), DONE)
    return chat.ask("Write some code")


def run(reply: Locator, block: int = 0) -> Locator:
    """Runs a block to its end; gives what stands below it."""
    button = reply.get_by_role("button", name="Run code").nth(block)
    button.click()
    expect(reply.get_by_role("button", name="Run code").nth(block)).to_be_visible(timeout=30_000)
    return reply.locator("pre + .nbchat-output").nth(block)


def test_code_runs_like_a_cell(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    picture = base64.b64encode(PNG).decode()
    show = (
        "import base64\nfrom IPython.display import HTML, Image, display\n"
        "display(HTML('<table><tr><th>name</th></tr><tr><td>Ada</td></tr></table>'))\n"
        f"display(Image(base64.b64decode({picture!r})))\nprint('printed')\nanswer = secret * 7\nanswer"
    )
    wait = "import asyncio\nawait asyncio.sleep(0)\n%time print('magic')"
    reply = answer(chat, server, code(show, wait, "1/0", language="py"))
    output = run(reply)
    expect(output.locator("td")).to_have_text("Ada")
    expect(output.locator("img")).to_be_visible()
    expect(output).to_contain_text("printed")
    expect(output).to_contain_text("42")
    expect(run(reply, 1)).to_contain_text("Wall time")
    expect(run(reply, 2)).to_contain_text("ZeroDivisionError")
    notebook.page.screenshot(path="/tmp/run-1.png")
    # In the user's namespace, and in the history.
    notebook.run(2)
    assert notebook.outputs(2)[0]["data"]["text/plain"] == "42"
    notebook.run(3)
    assert "asyncio.sleep" in notebook.outputs(3)[0]["data"]["text/plain"]
    # It is still there in a page that is loaded anew, and can be run again.
    notebook.reload()
    reply = ChatPage(notebook.cell(1)).reply
    again = reply.locator("pre + .nbchat-output")
    expect(again.nth(0).locator("td")).to_have_text("Ada")
    expect(again.nth(2)).to_contain_text("ZeroDivisionError")
    expect(run(reply, 1)).to_contain_text("Wall time")
