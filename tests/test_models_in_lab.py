"""Picking models, attaching files, limits and signing in, in a real JupyterLab."""

from __future__ import annotations

import base64
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Page, WebSocket, expect
from sse_server import DONE, ScriptedServer
from test_attachments import png
from test_notebook import Open, chat_cell
from test_servers import FULL

pytestmark = pytest.mark.browser

SEES = {"input_modalities": ["text", "image"], "output_modalities": ["text"]}
MODELS: list[dict[str, Any]] = [
    {"id": "test/model", "name": "Test model", "context_length": 8192, "architecture": SEES},
    FULL,
    {"id": "b/free-one:free", "name": "Free One", "supported_parameters": ["max_tokens"]},
]


@pytest.fixture
def notebook(lab: Lab, open_notebook: Open, server: ScriptedServer) -> NotebookPage:
    server.models = MODELS
    notebook = open_notebook(lab, [chat_cell(server), "chat.model", "chat"])
    notebook.run(0)
    return notebook


@pytest.fixture
def chat(notebook: NotebookPage) -> ChatPage:
    chat = ChatPage(notebook.cell(0))
    expect(chat.model.locator("option")).to_have_count(len(MODELS) + 1)
    return chat


def search(chat: ChatPage, words: str) -> None:
    chat.model.focus()
    chat.page.keyboard.type(words[0])
    box = chat.page.get_by_role("combobox", name="Search models")
    expect(box).to_be_focused()
    chat.page.keyboard.type(words[1:])
    expect(box).to_have_value(words)


# Models


def test_a_model_is_found_by_typing_and_its_controls_follow(
    chat: ChatPage, notebook: NotebookPage, server: ScriptedServer
) -> None:
    search(chat, "think")
    options = chat.page.get_by_role("listbox", name="Models").get_by_role("option")
    option = options.filter(has_text="Thinker")
    expect(option).to_contain_text("100k")
    expect(option).to_contain_text("$1")
    expect(option).to_contain_text("reasoning")
    chat.page.keyboard.press("Enter")
    expect(chat.model).to_have_value("a/thinker")
    expect(chat.model).to_be_focused()
    expect(chat.effort.locator("option")).to_have_text(["low", "high"])
    expect(chat.effort).to_have_value("high")
    expect(chat.max_tokens).to_have_attribute("aria-valuemax", "20000.0")
    expect(chat.root.get_by_text("a/thinker ignores temperature.")).to_be_visible()
    chat.ask("Hi")
    body = server.chats[0].body
    assert (body["model"], body["reasoning"]) == ("a/thinker", {"effort": "high"})
    assert "temperature" not in body
    notebook.run(1)
    assert "a/thinker" in str(notebook.outputs(1))
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 3, (
        "no key reached the notebook"
    )


def test_any_other_id_can_be_typed_there(chat: ChatPage, server: ScriptedServer) -> None:
    search(chat, "my/own-model")
    chat.page.keyboard.press("Enter")
    expect(chat.model).to_have_value("my/own-model")
    gone = chat.notices.get_by_text("does not list my/own-model")
    expect(gone).to_be_visible()
    chat.notices.get_by_role("button", name="Keep my/own-model").click()
    expect(gone).to_have_count(0)
    chat.ask("Hi")
    assert server.chats[0].body["model"] == "my/own-model"


def test_a_model_that_is_gone(lab: Lab, open_notebook: Open, server: ScriptedServer) -> None:
    server.models = MODELS
    notebook = open_notebook(lab, [chat_cell(server, model="b/free-two:free")])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.notices).to_contain_text("does not list b/free-two:free")
    chat.notices.get_by_role("button", name="Use b/free-one:free").click()
    expect(chat.model).to_have_value("b/free-one:free")


def test_two_views_agree(chat: ChatPage, notebook: NotebookPage) -> None:
    notebook.run(2)
    other = ChatPage(notebook.cell(2))
    expect(other.model.locator("option")).to_have_count(len(MODELS) + 1)
    search(other, "think")
    other.page.keyboard.press("Enter")
    for view in (chat, other):
        expect(view.model).to_have_value("a/thinker")
        expect(view.effort).to_have_value("high")
        expect(view.root.get_by_text("a/thinker ignores temperature.")).to_be_visible()


# Limits and money


def test_a_countdown_then_the_reply(chat: ChatPage, server: ScriptedServer) -> None:
    busy = {"message": "at capacity", "availability": {"retryable": True, "retry_after": 3}}
    server.script(sse.status(429, {"error": busy}))
    chat.send("Hi")
    expect(chat.reply).to_contain_text("Retrying in")
    expect(chat.stop_button).to_be_enabled()
    expect(chat.reply).to_contain_text("You said: Hi", timeout=15_000)
    expect(chat.reply).to_contain_text("(first attempt)")


def test_what_the_conversation_costs_and_how_full_the_context_is(
    chat: ChatPage, server: ScriptedServer
) -> None:
    server.script(sse.text("ok"), sse.finish(), sse.usage(1000, 24, cost=0.25), DONE)
    chat.ask("Hi")
    expect(chat.root.get_by_role("meter", name="Context")).to_have_attribute("aria-valuenow", "13")
    expect(chat.root.get_by_text("1,024 tokens")).to_be_visible()
    server.script(sse.text("ok"), sse.finish(), sse.usage(7000, 100, cost=0.25), DONE)
    chat.ask("More")
    expect(chat.notices).to_contain_text("of the 8,192 tokens")
    chat.notices.get_by_role("button", name="Drop oldest messages").click()
    expect(chat.notices).to_contain_text("The next message drops these")


# Images and files


def test_a_picked_image_goes_in_and_one_comes_out(
    chat: ChatPage, server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "plot.png"
    file.write_bytes(png())
    url = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    image = {"type": "image_url", "image_url": {"url": url}}
    server.script(sse.chunk({"images": [image]}), sse.text("Here."), sse.finish(), DONE)
    with chat.page.expect_file_chooser() as chooser:
        chat.root.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(file)
    expect(chat.root.get_by_role("button", name="Remove plot.png")).to_be_visible()
    chat.ask("Draw this again")
    parts = server.chats[0].body["messages"][0]["content"]
    assert parts[1]["image_url"]["url"] == url
    expect(chat.root.get_by_role("button", name="Remove plot.png")).to_have_count(0)
    expect(chat.user_messages.get_by_role("img", name="plot.png")).to_be_visible()
    expect(chat.reply.get_by_role("img")).to_be_visible()
    with chat.page.expect_download() as download:
        chat.reply.get_by_role("button", name="Save").click()
    assert Path(download.value.path()).read_bytes() == png()


def test_a_model_that_takes_no_images_says_so_before_sending(
    chat: ChatPage, server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "plot.png"
    file.write_bytes(png())
    search(chat, "think")
    chat.page.keyboard.press("Enter")
    expect(chat.model).to_have_value("a/thinker")
    with chat.page.expect_file_chooser() as chooser:
        chat.root.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(file)
    chat.message.fill("Look")
    chat.message.press("Enter")
    expect(chat.root.get_by_text("a/thinker does not accept images")).to_be_visible()
    expect(chat.message).to_have_value("Look")
    expect(chat.root.get_by_role("button", name="Remove plot.png")).to_be_visible()
    assert server.chats == []


# Servers and keys


def test_another_server_in_mid_conversation(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    with ScriptedServer() as other:
        other.models = [{"id": "other/model"}]
        cells = [
            "from nbchat._servers import discovery\n"
            f"found = discovery.FoundServer('ollama', {other.base_url!r}, ('other/model',))\n"
            "discovery.find_servers = lambda: [found]\n" + chat_cell(server),
        ]
        notebook = open_notebook(lab, cells)
        notebook.run(0)
        chat = ChatPage(notebook.cell(0))
        chat.ask("One")
        chat.root.get_by_role("button", name="Change server").click()
        chat.root.get_by_role("button", name="Use Ollama").click()
        expect(chat.model).to_have_value("other/model")
        chat.ask("Two")
        sent = [message["content"] for message in other.chats[0].body["messages"]]
        assert sent == ["One", "You said: One", "Two"]


def test_signing_in_leaves_no_secret_in_the_notebook_or_its_traffic(
    lab: Lab, open_notebook: Open, page: Page, server: ScriptedServer
) -> None:
    key, code = "sk-or-v1-0123456789", "code-9876543210"
    verifiers: list[str] = []
    from_kernel: list[str | bytes] = []
    from_page: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: from_kernel.append(frame))
        socket.on("framesent", lambda frame: from_page.append(frame))

    def exchange(request: sse.Request) -> sse.Step:
        verifiers.append(request.body["code_verifier"])
        return sse.status(200, {"key": key})

    server.answers["/auth/keys"] = exchange
    page.on("websocket", listen)
    cell = (
        "from nbchat import ChatWidget\nfrom nbchat._servers import local_model, providers\n"
        f"providers.OPENROUTER_URL = {server.base_url!r}\n"
        "local_model.runtime_installed = lambda: False\n"
        "chat = ChatWidget()\nchat"
    )
    notebook = open_notebook(lab, [cell, "chat, vars(chat)"])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    chat.conversation.get_by_role("button", name="Sign in to OpenRouter").click()
    box = chat.conversation.get_by_label("Code from OpenRouter")
    expect(box).to_have_attribute("type", "password")
    link = chat.conversation.get_by_role("link", name="Open OpenRouter")
    expect(link).to_have_attribute("href", re.compile("code_challenge="))
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    box.fill(code)
    chat.conversation.get_by_role("button", name="Sign in", exact=True).click()
    expect(chat.model).to_have_value("openrouter/free")
    expect(box).to_have_count(0)
    chat.ask("Hi")
    assert server.chats[0].headers["authorization"] == f"Bearer {key}"
    notebook.run(1)
    saved = json.dumps(notebook.save())
    heard = b"".join(f.encode() if isinstance(f, str) else f for f in from_kernel).decode("latin-1")
    said = b"".join(f.encode() if isinstance(f, str) else f for f in from_page).decode("latin-1")
    assert "code_challenge=" in heard, "it is the traffic"
    for secret in (key, code, *verifiers):
        assert secret not in saved
        assert secret not in heard
    assert said.count(code) == 1, "once, on its way to the kernel"
    assert len(verifiers) == 1
    assert key not in said
    # What else is written: logs, IPython's history, temporary files.
    for path in (path for path in lab.root.parent.rglob("*") if path.is_file()):
        assert key.encode() not in path.read_bytes(), path


def test_streaming_goes_on_while_models_are_picked(chat: ChatPage, server: ScriptedServer) -> None:
    more = threading.Event()
    server.script(sse.text("Hel"), sse.gate(more), sse.text("lo"), sse.finish(), DONE)
    chat.send("Hi")
    expect(chat.reply).to_contain_text("Hel")
    search(chat, "think")
    chat.page.keyboard.press("Enter")
    expect(chat.model).to_have_value("a/thinker")
    more.set()
    chat.wait_ended()
    expect(chat.reply).to_contain_text("Hello")
