"""The code of a reply, back in the notebook: run, its output sent, put into a cell of its own."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sse_server as sse
from harness import PNG
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import DONE, ScriptedServer
from test_notebook import chat_cell
from until import until

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
        f"display(Image(base64.b64decode({picture!r})))\nprint('printed')\n"
        "answer = secret * 7\nanswer"
    )
    wait = "import asyncio\nawait asyncio.sleep(0)\n%time print('magic')"
    reply = answer(chat, server, code(show, wait, "1/0", language="py"))
    output = run(reply)
    expect(output.locator("td")).to_have_text("Ada")
    expect(output.locator("img")).to_be_visible()
    expect(output).to_contain_text("printed")
    expect(output).to_contain_text("42")
    expect(run(reply, 1)).to_contain_text("Wall time")
    failed = run(reply, 2)
    line = failed.get_by_text("ZeroDivisionError: division by zero", exact=True)
    expect(line).to_be_visible()
    trace = failed.get_by_text("Traceback (most recent call last)")
    expect(trace.locator("visible=true")).to_have_count(0)
    line.click()
    expect(trace.locator("visible=true")).to_have_count(1)
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


def test_output_goes_with_the_next_message(chat: ChatPage, server: ScriptedServer) -> None:
    picture = base64.b64encode(PNG).decode()
    show = (
        "import base64, sys\nfrom IPython.display import Image\n"
        f"print('first')\nprint('second', file=sys.stderr)\nImage(base64.b64decode({picture!r}))"
    )
    reply = answer(chat, server, code(show, "1/0", "x = 1"))
    run(reply).get_by_role("button", name="Attach output").click()
    chips = chat.root.get_by_role("group", name="Attached files").locator(".nbchat-chip-name")
    expect(chips).to_have_text(["output.txt", "output-1.png"])
    run(reply, 1).get_by_role("button", name="Attach output").click()
    expect(chips).to_have_text(["output.txt", "output-1.png", "output.txt"])
    nothing = run(reply, 2)
    expect(nothing.get_by_role("status")).to_have_text("Done, without output")
    expect(nothing.get_by_role("button", name="Attach output")).to_be_hidden()
    chat.ask("Why?")
    parts = server.chats[-1].body["messages"][-1]["content"]
    assert [part["type"] for part in parts if part["type"] == "image_url"] == ["image_url"]
    text = "".join(part.get("text", "") for part in parts)
    assert "first\nsecond" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "\x1b" not in text


def test_code_goes_into_a_cell_below(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    reply = answer(chat, server, code("b = 2\nb", language="ipython"))
    reply.get_by_role("button", name="Insert cell").click()
    expect(reply.get_by_text("Inserted below")).to_be_visible()
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(5)
    expect(notebook.cell(2).locator(".cm-line")).to_have_text(["b = 2", "b"])
    expect(notebook.cell(2)).to_be_in_viewport()
    notebook.run(2)
    assert notebook.outputs(2)[0]["data"]["text/plain"] == "2"
    assert reply.locator(".nbchat-output").is_hidden()


def test_code_replaces_the_cell_that_was_written_in_and_can_be_undone(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    reply = answer(chat, server, code("b = 2"))
    replace = reply.get_by_role("button", name="Replace cell")
    replace.click()
    expect(reply.get_by_text("Type in the cell first, or insert one")).to_be_visible()
    editor = notebook.cell(2).locator(".cm-content")
    editor.click()
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.type(" + 1")
    # Neither what is typed in the chat nor a click elsewhere makes another cell the one to replace.
    notebook.cell(3).locator(".cm-content").click()
    chat.message.fill("Not a cell")
    replace.click()
    lines = notebook.cell(2).locator(".cm-line")
    expect(lines).to_have_text(["b = 2"])
    editor.click()
    notebook.page.keyboard.press("ControlOrMeta+z")
    expect(lines).to_have_text(["answer + 1"])
    # What was inserted is replaced by the next.
    reply.get_by_role("button", name="Insert cell").click()
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(5)
    again = answer(chat, server, code("c = 3"))
    again.get_by_role("button", name="Replace cell").click()
    expect(notebook.cell(2).locator(".cm-line")).to_have_text(["c = 3"])
    expect(cells).to_have_count(5)


def test_it_waits_for_the_cell_before_and_can_be_interrupted(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    wait = "import threading\nprint('begun', flush=True)\nthreading.Event().wait(60)\nprint('end')"
    reply = answer(chat, server, code(wait))
    notebook.page.evaluate(
        """() => {
          const { sharedModel } = jupyterapp.shell.currentWidget.context.model;
          sharedModel.cells[2].setSource("open('go', 'w').close()\\nimport os, time\\n" +
            "while os.path.exists('go'): time.sleep(0.05)");
        }"""
    )
    go = notebook.path.parent / "go"
    notebook.start(2)
    until(go.exists)
    reply.get_by_role("button", name="Run code").click()
    waiting = reply.get_by_role("button", name="Waiting for the kernel")
    expect(waiting).to_have_attribute("aria-disabled", "true")
    waiting.click(force=True)  # nothing: else the other cell would be interrupted
    assert go.exists()
    go.unlink()
    notebook.wait_idle()
    assert notebook.outputs(2) == []
    stop = reply.get_by_role("button", name="Interrupt the code")
    expect(reply.locator(".nbchat-output")).to_contain_text("begun")
    stop.click()
    expect(reply.locator(".nbchat-output")).to_contain_text("KeyboardInterrupt")
    expect(reply.get_by_role("button", name="Run code")).to_be_visible()


def test_two_views_show_one_output_and_clear_takes_it_away(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    notebook.page.evaluate(
        """() => {
          const { sharedModel } = jupyterapp.shell.currentWidget.context.model;
          sharedModel.cells[2].setSource("chat");
          sharedModel.cells[3].setSource("import ipywidgets\\n" +
            "[w for w in ipywidgets.Widget.widgets.values() if type(w).__name__ == 'Output']");
        }"""
    )
    notebook.run(2)
    reply = answer(chat, server, code("print('twice')"))
    expect(run(reply)).to_contain_text("twice")
    other = ChatPage(notebook.cell(2)).reply
    expect(other.locator("pre + .nbchat-output")).to_contain_text("twice")
    other.get_by_role("button", name="Insert cell").click()
    expect(notebook.cell(3).locator(".cm-line")).to_have_text("print('twice')")
    chat.clear_button.click()
    expect(chat.assistant_messages).to_have_count(0)
    notebook.run(4)
    assert notebook.outputs(4)[-1]["data"]["text/plain"] == "[]"


def test_in_notebook_7(notebook7: Lab, open_notebook: Open, server: ScriptedServer) -> None:
    notebook = open_notebook(notebook7, [chat_cell(server), ""])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    reply = answer(chat, server, code("21 * 2"))
    expect(run(reply)).to_contain_text("42")
    reply.get_by_role("button", name="Insert cell").click()
    expect(notebook.cell(1).locator(".cm-line")).to_have_text("21 * 2")


def test_the_notebook_on_it(lab: Lab, open_notebook: Open) -> None:
    notebooks = Path(__file__).parents[1] / "notebooks"
    shutil.copy(notebooks / "recorded.py", lab.root)
    cells = json.loads((notebooks / "run_code.ipynb").read_text("utf-8"))["cells"]
    notebook = open_notebook(
        lab, ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    )
    notebook.run_all()
    chat = ChatPage(notebook.cell(0))
    assert "Nothing" in notebook.outputs(2)[0]["data"]["text/plain"]
    failed = run(chat.reply)
    expect(failed).to_contain_text("TypeError")
    failed.get_by_role("button", name="Attach output").click()
    expect(run(chat.ask("Why?")).get_by_role("cell", name="22.8")).to_be_visible()
    notebook.run(2)
    assert "'Oslo': 6.75" in notebook.outputs(2)[0]["data"]["text/plain"]
