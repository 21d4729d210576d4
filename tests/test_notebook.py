"""What a person does with the chat, in a real JupyterLab and a real Chromium."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Page, expect
from sse_server import DONE, ScriptedServer

pytestmark = pytest.mark.browser

Open = Callable[[Lab, Sequence[str]], NotebookPage]


def chat_cell(server: ScriptedServer, **options: object) -> str:
    given = {"base_url": server.base_url, "model": "test/model", **options}
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"from nbchat import ChatWidget\nchat = ChatWidget({arguments})\nchat"


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    """A notebook that shows a chat with the scripted server, and has two empty cells below."""
    notebook = open_notebook(lab, [chat_cell(server), "", ""])
    notebook.run(0)
    return notebook


# A reply


@pytest.mark.parametrize("how", ["Enter", "Send"])
def test_a_reply_streams_in_as_markdown(chat: ChatPage, server: ScriptedServer, how: str) -> None:
    more = threading.Event()
    server.script(
        sse.text("# Title\n\nSome **bold"), sse.gate(more), sse.text("** text"), sse.finish(), DONE
    )
    expect(chat.download_link).to_be_hidden()
    expect(chat.stop_button).to_be_hidden()
    chat.message.fill("Hello")
    if how == "Enter":
        chat.message.press("Enter")
    else:
        chat.send_button.click()
    expect(chat.user_messages).to_have_text("Hello")
    expect(chat.reply.get_by_role("heading", name="Title")).to_be_visible()
    expect(chat.stop_button).to_be_enabled()
    more.set()
    expect(chat.reply.locator("strong")).to_have_text("bold")
    expect(chat.stop_button).to_be_hidden()
    expect(chat.message).to_have_value("")
    expect(chat.ask("Again")).to_contain_text("You said: Again")


def test_what_one_types_while_a_reply_streams_stays(chat: ChatPage, server: ScriptedServer) -> None:
    more = threading.Event()
    server.script(sse.text("One"), sse.gate(more), sse.text(" two"), sse.finish(), DONE)
    chat.send("Hi")
    expect(chat.reply).to_contain_text("One")
    chat.message.fill("my next")
    more.set()
    chat.wait_ended()
    expect(chat.message).to_have_value("my next")
    assert len(server.chats) == 1


def test_thoughts_stream_and_say_how_long(chat: ChatPage, server: ScriptedServer) -> None:
    more = threading.Event()
    server.script(
        sse.reasoning("Hm, let me see"), sse.gate(more), sse.text("Yes."), sse.finish(), DONE
    )
    chat.send("Hi")
    expect(chat.thoughts).to_contain_text("Thinking")
    expect(chat.thoughts).to_contain_text("Hm, let me see")
    more.set()
    chat.wait_ended()
    expect(chat.thoughts).to_contain_text(re.compile(r"Thought for \d+(\.\d)? ?s"))
    expect(chat.reply).not_to_contain_text("let me see")
    chat.ask("Again")
    expect(chat.thoughts).to_have_count(0)


# Stop and clear


def test_stop_before_the_first_token(chat: ChatPage, server: ScriptedServer) -> None:
    server.script(sse.hang())
    chat.send("Hi")
    request = server.wait_for_request()
    chat.stop_button.click()
    assert request.closed_early.wait(60)
    chat.wait_ended()
    expect(chat.reply).to_contain_text("Stopped")
    chat.ask("Again")
    assert [m["content"] for m in server.chats[1].body["messages"]] == ["Again"]


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_stop_keeps_the_text(chat: ChatPage, server: ScriptedServer, how: str) -> None:
    server.script(sse.text("1 2 3"), sse.hang())
    chat.send("Count")
    expect(chat.reply).to_contain_text("1 2 3")
    if how == "button":
        chat.stop_button.click()
        expect(chat.message).to_be_focused()
    else:
        chat.message.press("Escape")
    assert server.wait_for_request().closed_early.wait(60)
    chat.wait_ended()
    expect(chat.reply).to_contain_text("Stopped")
    expect(chat.reply).to_contain_text("1 2 3")
    chat.ask("Go on")
    said = [m["content"] for m in server.chats[1].body["messages"]]
    assert said == ["Count", "1 2 3", "Go on"]


def test_clear_stops_empties_and_hides_the_link(chat: ChatPage, server: ScriptedServer) -> None:
    chat.ask("One")
    expect(chat.download_link).to_be_visible()
    server.script(sse.text("never"), sse.hang())
    chat.send("Two")
    expect(chat.reply).to_contain_text("never")
    chat.clear_button.click()
    assert server.wait_for_request(2).closed_early.wait(60)
    expect(chat.assistant_messages).to_have_count(0)
    expect(chat.user_messages).to_have_count(0)
    expect(chat.download_link).to_be_hidden()
    undo = chat.root.get_by_role("button", name="Undo")
    undo.press("Enter")
    expect(chat.assistant_messages).to_have_count(2)
    expect(chat.reply).to_contain_text("never")
    expect(chat.reply).to_contain_text("Stopped")
    expect(chat.download_link).to_be_visible()
    expect(chat.message).to_be_focused()
    chat.clear_button.click()
    expect(undo).to_be_visible()
    chat.ask("Three")
    expect(undo).to_be_hidden()
    assert [m["content"] for m in server.chats[2].body["messages"]] == ["Three"]


def test_a_cell_that_ends_with_send_shows_the_reply(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    go_on = threading.Event()
    server.script(sse.gate(go_on), sse.text("**All** of it"), sse.finish(), DONE)
    notebook.page.evaluate(
        """() => {
          const { sharedModel } = jupyterapp.shell.currentWidget.context.model;
          sharedModel.cells[1].setSource("chat.send('Hi')");
        }"""
    )
    notebook.run(1)
    line = "The reply appears in the chat."
    (output,) = notebook.outputs(1)
    assert output["data"] == {"text/plain": line, "text/markdown": line}
    go_on.set()
    expect(notebook.cell(1).locator("strong")).to_have_text("All")
    (output,) = notebook.outputs(1)
    assert output["data"]["text/markdown"] == "**All** of it"
    assert output["data"]["text/plain"].startswith("<Reply complete, 13 characters")


# Settings


def test_every_setting_reaches_the_request(chat: ChatPage, server: ScriptedServer) -> None:
    server.models = []
    chat.model.select_option("Other model…")
    other = chat.root.get_by_role("textbox", name="Model id")
    other.fill("openai/gpt-oss-120b")
    other.press("Enter")
    expect(chat.model).to_have_value("openai/gpt-oss-120b")
    expect(other).to_be_hidden()
    chat.system.fill("Be kind.")
    chat.effort.select_option("high")
    chat.temperature.press("End")
    chat.max_tokens.press("Home")
    chat.root.get_by_role("slider", name="Top p").press("Home")
    chat.ask("Hi")
    body = server.chats[0].body
    assert body["model"] == "openai/gpt-oss-120b"
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert body["reasoning"] == {"effort": "high"}
    assert (body["temperature"], body["max_tokens"], body["top_p"]) == (2.0, 100, 0.0)


def test_code_moves_the_controls(
    notebook: NotebookPage, lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    notebook = open_notebook(
        lab,
        [
            chat_cell(server),
            "chat.temperature = 0.5; chat.system = 'Be kind.'\n"
            "chat.model = 'some/other'; chat.reasoning_effort = 'low'",
        ],
    )
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.temperature).to_be_visible()
    notebook.run(1)
    expect(chat.temperature).to_have_attribute("aria-valuetext", "0.5")
    expect(chat.system).to_have_value("Be kind.")
    expect(chat.model).to_have_value("some/other")
    expect(chat.effort).to_have_value("low")


def test_the_menu_lists_the_servers_models(chat: ChatPage, server: ScriptedServer) -> None:
    expect(chat.model.locator("option")).to_have_text(
        ["test/model", "Other model…"], use_inner_text=False
    )
    expect(chat.root.get_by_text(server.base_url.split("/")[2]).last).to_be_visible()


def test_the_page_takes_for_granted_what_it_is_not_told(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    """What is as it is by default is not sent, so the browser has to have the same defaults."""
    states = """
import ipywidgets, json
def family(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from family(child)
parts = {part.model_id: part for part in family(chat)}
whole = {id: ipywidgets.Widget.get_state(part) for id, part in parts.items()}
print(json.dumps(whole, default=str))
"""
    notebook = open_notebook(lab, [chat_cell(server), states])
    notebook.run_all()
    expect(ChatPage(notebook.cell(0)).message).to_be_visible()
    kernel = json.loads(notebook.outputs(1)[0]["text"])
    page = notebook.page.evaluate(
        """async (names) => {
          const { rendermime } = jupyterapp.shell.currentWidget.content;
          const mime = "application/vnd.jupyter.widget-view+json";
          const manager = await rendermime.createRenderer(mime)._manager.promise;
          const states = {};
          for (const [id, keys] of Object.entries(names)) {
            const model = await manager.get_model(id);
            states[id] = Object.fromEntries(keys.map((key) => [key, model.get(key) ?? null]));
          }
          return JSON.parse(JSON.stringify(states, (_, value) => value?.model_id ? "" : value));
        }""",
        {
            id_: [key for key, value in state.items() if "IPY_MODEL_" not in str(value)]
            for id_, state in kernel.items()
        },
    )
    for id_, state in page.items():
        if "bundle" in kernel[id_]:  # the conversation is told in full
            continue
        for key in {"description", "_view_count", "snapshot"}.intersection(state):
            del state[key]
        assert state == {key: kernel[id_][key] for key in state}
    assert len(page) > 10


# From code


def test_code_and_person_share_one_chat(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    notebook = open_notebook(
        lab,
        [
            chat_cell(server),
            "(await chat.send('from code')).text",
            "reply = chat.send('and plainly'); reply.wait(timeout=30); print(reply.status)",
            "print(chat.messages)",
        ],
    )
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    chat.ask("from the box")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("You said: from code")
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("complete")
    expect(chat.reply).to_contain_text("You said: and plainly")
    notebook.run(3)
    expect(notebook.cell(3)).to_contain_text("You said: from the box")


@pytest.mark.parametrize("wait", ["await reply", "reply.wait()"])
def test_an_interrupt_stops_the_reply(
    lab: Lab, open_notebook: Open, server: ScriptedServer, wait: str
) -> None:
    notebook = open_notebook(
        lab, [chat_cell(server), f"reply = chat.send('Hi')\n{wait}", "print(reply.status)"]
    )
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    server.script(sse.text("some"), sse.hang())
    notebook.start(1)
    expect(chat.reply).to_contain_text("some")
    notebook.interrupt()
    assert server.wait_for_request().closed_early.wait(60)
    notebook.wait_idle()
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("stopped")
    expect(chat.ask("Again")).to_contain_text("You said: Again")


@pytest.mark.parametrize("work", ["time.sleep(0.05)", "sum(range(100_000))"])
def test_a_busy_kernel_streams_on_and_can_be_stopped(
    lab: Lab, open_notebook: Open, server: ScriptedServer, tmp_path: Path, work: str
) -> None:
    go_on = tmp_path / "go on"
    busy = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists(): {work}"
    notebook = open_notebook(lab, [chat_cell(server), busy])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    more = threading.Event()
    server.script(sse.text("before"), sse.gate(more), sse.text(" during"), sse.hang())
    chat.send("Hi")
    expect(chat.reply).to_contain_text("before")
    notebook.start(1)
    expect(notebook.cell(1)).to_contain_text("[*]")
    more.set()
    expect(chat.reply).to_contain_text("before during")
    chat.stop_button.click()
    assert server.wait_for_request().closed_early.wait(60)
    expect(chat.reply).to_contain_text("Stopped", timeout=20_000)
    expect(notebook.cell(1)).to_contain_text("[*]")
    go_on.touch()
    notebook.wait_idle()


# The download and its file


def test_the_download_is_exactly_the_reply(chat: ChatPage, server: ScriptedServer) -> None:
    text = "# Ünïcode ☺ 𝄞\r\n\n<b>raw</b>\ttab  \n"
    server.script(sse.text(text), sse.finish(), DONE)
    chat.ask("Hi")
    download = chat.download()
    assert download.suggested_filename.endswith(".md")
    assert Path(download.path()).read_bytes() == text.encode()


@pytest.mark.parametrize("end", ["restart", "shut down"])
def test_the_file_is_gone_with_the_kernel(
    lab: Lab, open_notebook: Open, server: ScriptedServer, end: str
) -> None:
    notebook = open_notebook(
        lab, [chat_cell(server), "chat.send('Hi').wait(30); print(chat._last_reply.path)"]
    )
    notebook.run_all()
    path = Path(notebook.outputs(1)[0]["text"].strip())
    assert path.read_text() == "You said: Hi"
    if end == "restart":
        notebook.restart()
    else:
        lab.shut_down_kernels()
    assert not path.exists()
    assert not path.parent.exists()


# Faults


def test_an_error_keeps_the_text_and_offers_a_retry(chat: ChatPage, server: ScriptedServer) -> None:
    server.script(sse.text("Some text"), sse.error("the provider fell over", 502))
    chat.ask("Hi")
    expect(chat.reply).to_contain_text("Some text")
    expect(chat.alert).to_contain_text("the provider fell over")
    chat.retry_button.click()
    expect(chat.reply).to_contain_text("You said: Hi")
    expect(chat.alert).to_have_count(0)
    expect(chat.user_messages).to_have_count(1)


def test_an_error_that_a_retry_cannot_cure_offers_none(
    chat: ChatPage, server: ScriptedServer
) -> None:
    server.script(sse.status(402, {"error": {"code": 402, "message": "Insufficient credits"}}))
    chat.ask("Hi")
    expect(chat.alert).to_contain_text("credit")
    expect(chat.retry_button).to_have_count(0)
    expect(chat.ask("Again")).to_contain_text("You said: Again")


def test_without_a_key_it_takes_one_and_the_notebook_never_holds_it(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    redirect = (
        "from nbchat import ChatWidget\nfrom nbchat._servers import local_model, providers\n"
        f"providers.OPENROUTER_URL = {server.base_url!r}\n"
        "local_model.runtime_installed = lambda: False\n"
    )
    cell = f"{redirect}chat = ChatWidget()\nchat"
    notebook = open_notebook(lab, [cell])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.conversation).to_contain_text("Connect a model")
    chat.send("Hi")
    expect(chat.alert).to_contain_text("no model is connected yet")
    chat.conversation.get_by_role("button", name="Paste a key").click()
    key = chat.conversation.get_by_label("API key", exact=True)
    expect(key).to_have_attribute("type", "password")
    key.fill("sk-or-typed-by-hand")
    chat.conversation.get_by_role("button", name="Use this key").click()
    expect(key).to_have_count(0)
    expect(chat.reply).to_contain_text("You said: Hi")
    assert server.chats[0].headers["authorization"] == "Bearer sk-or-typed-by-hand"
    assert "sk-or-typed" not in json.dumps(notebook.save())


# At home in the notebook


def test_no_key_reaches_the_notebook(notebook: NotebookPage, chat: ChatPage) -> None:
    check_keys(notebook, chat)


def check_keys(notebook: NotebookPage, chat: ChatPage) -> None:
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    count = cells.count()
    chat.message.click()
    for key in ("d", "d", "a", "b", "x", "m", "0", "0"):
        chat.message.press(key)
    chat.message.press("Shift+Enter")
    chat.message.press("z")
    expect(chat.message).to_have_value("ddabxm00\nz")
    chat.message.fill("")
    for target in (chat.conversation, chat.clear_button):
        for key in ("j", "d", "d", "a"):
            target.press(key)
            expect(target).to_be_focused()
    chat.system.click()
    chat.system.press_sequentially("ab")
    chat.system.press("Shift+Enter")
    chat.system.press("c")
    expect(chat.system).to_have_value("ab\nc")
    expect(cells).to_have_count(count)
    expect(chat.conversation).to_be_visible()
    assert notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.executionCount)"
    ) == [1, *[None] * (count - 1)]


def test_a_reload_in_mid_reply_loses_nothing(
    notebook: NotebookPage, chat: ChatPage, server: ScriptedServer
) -> None:
    more = threading.Event()
    server.script(sse.text("One "), sse.gate(more), sse.text("two"), sse.finish(), DONE)
    chat.send("Hi")
    expect(chat.reply).to_contain_text("One")
    notebook.reload()
    chat = ChatPage(notebook.cell(0))
    expect(chat.reply).to_contain_text("One")
    more.set()
    expect(chat.reply).to_contain_text("One two")
    expect(chat.user_messages).to_have_text("Hi")


def test_shown_twice_and_inside_other_widgets(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    notebook = open_notebook(
        lab,
        [
            chat_cell(server),
            "import ipywidgets\nipywidgets.Tab([chat])",
            "ipywidgets.HBox([chat, ipywidgets.Label('beside')])",
            "chat.display()",
        ],
    )
    notebook.run_all()
    chats = [ChatPage(notebook.cell(n)) for n in range(4)]
    chats[3].ask("Hi")
    for number, chat in enumerate(chats):
        expect(chat.reply).to_contain_text("You said: Hi")
        expect(chat.download_link).to_be_visible()
        copy = notebook.cell(number).locator(".nbchat-fallback")
        expect(copy).to_have_count(1)  # for viewers without widgets
        expect(copy).to_be_hidden()


def test_two_chats_do_not_mix(lab: Lab, open_notebook: Open, server: ScriptedServer) -> None:
    cell = chat_cell(server)
    notebook = open_notebook(
        lab, [cell, cell.replace("chat =", "other =").replace("\nchat", "\nother")]
    )
    notebook.run_all()
    first, second = ChatPage(notebook.cell(0)), ChatPage(notebook.cell(1))
    more = threading.Event()
    for _ in range(2):
        server.script(sse.gate(more), sse.text("mine"), sse.finish(), DONE)
    first.send("first")
    second.send("second")
    server.wait_for_request(2)
    more.set()
    for chat, said in ((first, "first"), (second, "second")):
        chat.wait_ended()
        expect(chat.user_messages).to_have_text(said)
        expect(chat.assistant_messages).to_have_count(1)


def test_notebook_7(notebook7: Lab, open_notebook: Open, server: ScriptedServer) -> None:
    notebook = open_notebook(notebook7, [chat_cell(server), ""])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    check_keys(notebook, chat)
    expect(chat.ask("Hi")).to_contain_text("You said: Hi")
    assert Path(chat.download().path()).read_text() == "You said: Hi"
    server.script(sse.text("1 2"), sse.hang())
    chat.send("Count")
    expect(chat.reply).to_contain_text("1 2")
    chat.stop_button.click()
    assert server.wait_for_request(2).closed_early.wait(60)
    expect(chat.reply).to_contain_text("Stopped")


# The embedded model


@pytest.mark.usefixtures("weights")
def test_the_quickstart_notebook_streams_from_a_real_model(
    page: Page, lab: Lab, open_notebook: Open
) -> None:
    quickstart = Path(__file__).parents[1] / "notebooks" / "quickstart.ipynb"
    cells = json.loads(quickstart.read_text(encoding="utf-8"))["cells"]
    notebook = open_notebook(
        lab, ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    )
    notebook.run_all()
    chat = ChatPage(notebook.cell(0))
    expect(chat.user_messages).to_have_count(1)
    reply = notebook.outputs(1)[0]["text"].strip()
    assert len(reply) > 20
    expect(chat.reply).to_contain_text(reply.split()[0])
    expect(chat.root.get_by_text("this machine").first).to_be_visible()
    expect(chat.ask("Say hello.")).to_contain_text(re.compile(r"\w+"))


def test_the_weights_are_fetched_after_the_person_has_agreed(
    lab: Lab, open_notebook: Open, tmp_path: Path
) -> None:
    notebook = open_notebook(
        lab,
        [
            f"import os\nos.environ['XDG_CACHE_HOME'] = {str(tmp_path)!r}\n"
            "from nbchat import ChatWidget\nchat = ChatWidget(max_tokens=100)\nchat"
        ],
    )
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    agree = chat.conversation.get_by_role("button", name="Demo model 93 MB")
    expect(agree).to_be_visible()
    assert list(tmp_path.iterdir()) == []
    agree.click()
    expect(chat.conversation.get_by_role("progressbar")).to_be_visible()
    expect(chat.model).to_have_value("smollm2-135m-instruct", timeout=120_000)
    expect(chat.ask("Say hello.")).to_contain_text(re.compile(r"\w+"))
