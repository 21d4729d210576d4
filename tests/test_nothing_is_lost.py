"""Reloads, second tabs, restarts, killed kernels, and what the saved notebook tells."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sse_server as sse
from harness import PNG
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Browser, Page, expect
from sse_server import DONE, ScriptedServer
from test_notebook import Open, chat_cell

pytestmark = pytest.mark.browser

WORDS = [f"word{i} " for i in range(400)]


@pytest.fixture
def named(tmp_path: Path) -> str:
    """The beginning of a cell whose chats are kept in a folder of the test's own."""
    return f"import os\nos.environ['XDG_DATA_HOME'] = {str(tmp_path)!r}\n"


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    """A notebook that shows a chat with the scripted server."""
    notebook = open_notebook(lab, [chat_cell(server)])
    notebook.run(0)
    return notebook


def words_of(chat: ChatPage) -> list[str]:
    return re.findall(r"word\d+", chat.reply.inner_text())


# Pages


def test_pages_that_come_and_go_in_mid_stream(
    notebook: NotebookPage, lab: Lab, browser: Browser, server: ScriptedServer
) -> None:
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    gates = [threading.Event() for _ in range(3)]
    steps: list[sse.Step] = []
    for gate, start in zip(gates, range(0, 400, 100), strict=False):
        steps += [*map(sse.text, WORDS[start : start + 100]), sse.gate(gate)]
    server.script(*steps, *map(sse.text, WORDS[300:]), sse.finish(), DONE)
    chat.send("Hi")
    expect(chat.reply).to_contain_text("word99")
    notebook.reload()
    chat = ChatPage(notebook.cell(0))
    gates[0].set()
    expect(chat.reply).to_contain_text("word199")
    # A second tab of the same browser, on the same notebook.
    tab = notebook.page.context.new_page()
    other = ChatPage(NotebookPage(tab, lab, notebook.path.name).cell(0))
    expect(other.reply).to_contain_text("word199")
    gates[1].set()
    for each in (chat, other):
        expect(each.reply).to_contain_text("word299")
        expect(each.stop_button).to_be_enabled()
    other.temperature.press("Home")
    gates[2].set()
    for each in (chat, other):
        each.wait_ended()
        expect(each.reply).to_contain_text("word399")
        assert words_of(each) == [word.strip() for word in WORDS]
        expect(each.temperature).to_have_attribute("aria-valuetext", re.compile(r"^0(\.0+)?$"))
        expect(each.model).to_have_value("test/model")
    tab.close()


# The saved notebook


def test_the_saved_notebook_tells_the_conversation_without_a_kernel(
    notebook: NotebookPage, lab: Lab, server: ScriptedServer
) -> None:
    chat = ChatPage(notebook.cell(0))
    evil = "<script>alert(1)</script> ![x](https://example.org/x.png)"
    server.script(sse.text(f"Of **course**. {evil}"), sse.finish(), DONE)
    chat.ask("Can this be read?")
    expect(chat.root.get_by_text("Can this be read?")).to_have_count(1)  # the copy is not found
    chat.ask("And this?")
    notebook.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON())"
        ".includes('You said: And this?')"
    )
    saved = notebook.save()
    copies = [o for o in saved["cells"][0]["outputs"] if "text/html" in o.get("data", {})]
    assert len(copies) == 1
    html = "".join(copies[0]["data"]["text/html"])
    assert "Of <strong>course</strong>." in html
    assert "<script" not in html
    assert "<img" not in html
    lab.shut_down_kernels()
    # As a viewer that knows no widgets shows it.
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--stdout", notebook.path],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = notebook.page.context.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content(done.stdout)
    expect(page.get_by_text("Can this be read?")).to_be_visible()
    expect(page.get_by_text("You said: And this?")).to_be_visible()
    page.close()


def test_reopened_without_a_kernel(notebook: NotebookPage, lab: Lab, browser: Browser) -> None:
    ChatPage(notebook.cell(0)).ask("Still there?")
    notebook.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON())"
        ".includes('You said: Still there?')"
    )
    notebook.save()
    lab.shut_down_kernels()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(lab.page_url(notebook.path.name))
    expect(page.get_by_text("You said: Still there?")).to_be_visible(timeout=60_000)
    context.close()


def test_saved_widget_state_shows_the_conversation_without_a_kernel(
    notebook: NotebookPage, lab: Lab, server: ScriptedServer
) -> None:
    chat = ChatPage(notebook.cell(0))
    server.script(sse.text("## Of **course**"), sse.finish(), DONE)
    chat.ask("Still there?")
    notebook.page.wait_for_function(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON())"
        ".includes('Of <strong>course')"
    )
    toggle = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
    notebook.command(toggle)
    notebook.trust()
    notebook.save()
    notebook.command(toggle)
    lab.shut_down_kernels()
    notebook.page.reload()
    notebook.wait_ready()
    cell = notebook.cell(0)
    expect(cell.get_by_text("Saved conversation. Run the cell to continue.")).to_have_count(1)
    expect(cell.get_by_text("Still there?")).to_have_count(1)
    expect(cell.get_by_role("heading", name="Of course")).to_be_visible()
    for role in ("slider", "combobox", "textbox"):
        expect(cell.locator(".jp-Cell-outputWrapper").get_by_role(role)).to_have_count(0)
    icons = """[...document.querySelectorAll(".jp-OutputArea *")].filter((each) => {
        const { content, display } = getComputedStyle(each, "::before");
        return each.checkVisibility() && display !== "none" && content === '"\\uf127"';
    }).length"""
    assert notebook.page.evaluate(icons) == 0
    # Saved once more, the state has what the kernel has, which is nothing (ipywidgets 8.1).
    notebook.command(toggle)
    saved = notebook.save()
    notebook.command(toggle)
    assert "Of **course**" in json.dumps(saved["cells"][0]["outputs"])
    notebook.run(0)
    expect(ChatPage(cell).ask("Again")).to_contain_text("You said: Again")


# Kernels that end


def test_a_restarted_kernel_is_told_once_and_nothing_is_lost(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    chat.ask("One")
    server.script(sse.text("Half of "), sse.hang())
    chat.send("Two")
    expect(chat.reply).to_contain_text("Half of")
    chat.message.fill("my next")
    places = """() => [...document.querySelectorAll(".nbchat-side .jupyter-widgets")].map(
        (each) => Math.round(each.getBoundingClientRect().top))"""
    before = notebook.page.evaluate(places)
    notebook.restart()
    banner = "The kernel was restarted. This is the conversation so far; run the cell to continue."
    expect(chat.root.get_by_text(banner)).to_have_count(1)
    expect(chat.root.get_by_text("kernel", exact=False).filter(visible=True)).to_have_count(1)
    expect(chat.user_messages).to_have_text(["One", "Two"])
    expect(chat.reply).to_contain_text("Half of")
    expect(chat.message).to_have_value("my next")
    assert notebook.page.evaluate(places) == before
    chat.message.press("Enter")  # the page fixture fails on an error in the page
    with notebook.page.expect_download() as download:
        chat.root.get_by_role("button", name="Save a copy").click()
    assert "You said: One" in Path(download.value.path()).read_text("utf-8")
    assert len(server.chats) == 2
    notebook.run(0)
    expect(chat.user_messages).to_have_count(0)
    expect(chat.message).to_have_value("my next")


# Named chats


def test_a_named_chat_comes_back_after_a_restart(
    lab: Lab, open_notebook: Open, server: ScriptedServer, named: str
) -> None:
    cell = named + chat_cell(server, name="analysis")
    notebook = open_notebook(lab, [cell, "chat.temperature = 0.25"])
    notebook.run(0)
    notebook.run(1)
    chat = ChatPage(notebook.cell(0))
    chat.ask("One")
    chat.ask("Two")
    notebook.restart()
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.user_messages).to_have_text(["One", "Two"])
    expect(chat.reply).to_contain_text("You said: Two")
    expect(chat.temperature).to_have_attribute("aria-valuetext", "0.25")
    chat.ask("Three")
    sent = [message["content"] for message in server.chats[2].body["messages"]]
    assert sent[:3] == ["One", "You said: One", "Two"]


def test_what_was_cleared_and_what_was_run_come_back_after_a_restart(
    lab: Lab, open_notebook: Open, server: ScriptedServer, named: str
) -> None:
    notebook = open_notebook(lab, [named + chat_cell(server, name="cleared")])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    table = "<table><tr><td>apples</td></tr></table><script>window.evil = 1</script>"
    code = (
        "import os\nfrom IPython.display import HTML, Image, display\nprint('printed')\n"
        f"display(Image({PNG!r}))\nHTML({table!r})"
    )
    blocks = "\n\n".join(f"```python\n{each}\n```" for each in (code, "1 / 0", "input_data"))
    server.script(sse.text(blocks), sse.finish(), DONE)
    reply = chat.ask("Write some code")
    run = reply.get_by_role("button", name="Run code")
    outputs = reply.get_by_role("group", name="Output", exact=True)
    run.nth(0).click()
    expect(outputs.nth(0).locator("td")).to_have_text("apples")
    assert notebook.page.evaluate("window.evil") == 1, "run live, it runs as in a cell"
    run.nth(1).click()
    expect(chat.root.get_by_text("ZeroDivisionError in the code above.")).to_be_visible()
    expect(outputs.nth(1)).to_contain_text("division by zero")
    chat.clear_button.click()
    expect(chat.root.get_by_text("Chat cleared.")).to_be_visible()
    expect(chat.root.get_by_text("in the code above")).to_have_count(0)
    notebook.restart()
    notebook.page.evaluate("window.evil = 0")
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    chat.root.get_by_role("button", name="Undo").click()
    outputs = chat.reply.get_by_role("group", name="Output", exact=True)
    expect(outputs.nth(0)).to_contain_text("printed")
    expect(outputs.nth(0).locator("td")).to_have_text("apples")
    expect(outputs.nth(0).get_by_role("img")).to_have_js_property("naturalWidth", 1)
    expect(outputs.nth(1)).to_contain_text("division by zero")
    expect(outputs.nth(2)).to_be_hidden()
    assert notebook.page.evaluate("window.evil") == 0


def test_a_kernel_that_is_killed_in_mid_reply_loses_next_to_nothing(
    lab: Lab, open_notebook: Open, server: ScriptedServer, named: str, tmp_path: Path
) -> None:
    cell = named + chat_cell(server, name="analysis")
    notebook = open_notebook(lab, [cell, "import os\nprint(os.getpid())"])
    notebook.run(0)
    notebook.run(1)
    pid = int(notebook.outputs(1)[0]["text"])
    chat = ChatPage(notebook.cell(0))
    server.script(sse.text("All of this "), sse.hang())
    chat.send("Hi")
    expect(chat.reply).to_contain_text("All of this")
    notebook.page.wait_for_timeout(0)
    (file,) = wait_for_file(tmp_path, "All of this")
    os.kill(pid, signal.SIGKILL)
    server.wait_for_request().closed_early.wait(60)
    expect(chat.root.get_by_text("The kernel was restarted.")).to_be_visible()
    assert json.loads(file.read_text())["messages"]
    other = open_notebook(lab, [cell])
    other.run(0)
    chat = ChatPage(other.cell(0))
    expect(chat.reply).to_contain_text("All of this")
    expect(chat.reply).to_contain_text("Stopped")
    chat.ask("Go on")
    sent = [message["content"] for message in server.chats[1].body["messages"]]
    assert [text.strip() for text in sent] == ["Hi", "All of this", "Go on"]


def wait_for_file(folder: Path, text: str) -> list[Path]:
    from until import until

    found: list[Path] = []

    def is_there() -> bool:
        found[:] = [path for path in folder.rglob("*.json") if text in path.read_text()]
        return bool(found)

    until(is_there)
    return found


def test_a_damaged_file_is_told_and_kept(
    lab: Lab, open_notebook: Open, server: ScriptedServer, named: str, tmp_path: Path
) -> None:
    cell = named + chat_cell(server, name="analysis")
    notebook = open_notebook(lab, [cell, f"chat.close()\n{cell}"])
    notebook.run(0)
    ChatPage(notebook.cell(0)).ask("One")
    (file,) = wait_for_file(tmp_path, "You said: One")
    damaged = file.read_text()[:-40]
    notebook.restart()
    file.write_text(damaged)
    notebook.start(0)
    notebook.wait_idle()
    (error,) = [o for o in notebook.outputs(0) if o["output_type"] == "error"]
    assert error["ename"] == "ValueError"
    assert str(file) in error["evalue"]
    assert file.read_text() == damaged


# What is left behind


def test_nothing_is_left_of_a_busy_kernel_whose_server_stops(
    page: Page, server: ScriptedServer, tmp_path: Path
) -> None:
    print_path = "chat.send('Hi').wait(30); print(chat._last_reply.path)"
    with Lab(tmp_path / "lab") as lab:
        busy = "import time\nprint('b' + 'usy')\nwhile True: time.sleep(0.1)"
        notebook = NotebookPage(page, lab, lab.write([chat_cell(server), print_path, busy]))
        notebook.run(0)
        notebook.run(1)
        path = Path(notebook.outputs(1)[0]["text"].strip())
        assert path.exists()
        notebook.start(2)
        # "[*]" alone can mean that the cell has not begun: an interrupt would come too early.
        expect(notebook.cell(2).locator(".jp-OutputArea")).to_contain_text("busy")
    assert not path.parent.exists()
