"""The frame of a chat: its header, the panel of settings, the menu "More", and its height."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
import sse_server as sse
from harness import Kernel, message
from lab import ChatPage, Lab, NotebookPage
from pages import ask_page
from playwright.sync_api import Locator, Page, expect
from sse_server import DONE, ScriptedServer
from test_servers import Make
from until import TIMEOUT, until

from nbchat import ChatWidget

browser = pytest.mark.browser

PLACES = ("transcript", "composer", "model")
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 700, "height": 800}


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def effort(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Reasoning effort")


def answer(kernel: Kernel, type_: str, content: bytes, name: str) -> None:
    """Answers a request for a file."""
    nonce = kernel.wait_sent(type_)["nonce"]
    kernel.push("received", nonce=nonce)
    kernel.send_file(nonce, content, name)


# The panel of settings


@browser
def test_where_there_is_room_the_settings_are_open_until_the_user_folds_them(
    kernel: Kernel,
) -> None:
    page = kernel.page
    page.set_viewport_size(WIDE)
    kernel.open(PLACES)
    settings = button(page, "Settings")
    expect(settings).to_have_attribute("aria-expanded", "true")
    log, menu = kernel.log.bounding_box(), effort(page).bounding_box()
    assert log is not None
    assert menu is not None
    assert menu["x"] > log["x"] + log["width"], "the settings cover nothing"
    settings.click()
    expect(settings).to_have_attribute("aria-expanded", "false")
    expect(effort(page)).to_be_hidden()
    page.evaluate("document.querySelector('.nbchat').remove()")
    page.evaluate("showChat()")
    expect(settings).to_have_attribute("aria-expanded", "false")
    settings.click()
    expect(effort(page)).to_be_visible()
    page.evaluate("document.querySelector('.nbchat').remove()")
    page.evaluate("showChat()")
    expect(settings).to_have_attribute("aria-expanded", "true")


@browser
def test_in_a_narrow_output_the_settings_open_over_the_conversation(kernel: Kernel) -> None:
    page = kernel.page
    page.set_viewport_size(NARROW)
    kernel.open(PLACES)
    settings = button(page, "Settings")
    expect(settings).to_have_attribute("aria-expanded", "false")
    settings.focus()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.nbchat-side') === null")
    before = kernel.log.bounding_box()
    settings.click()
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_be_focused()
    assert kernel.log.bounding_box() == before, "nothing jumps"
    page.keyboard.press("Escape")
    expect(effort(page)).to_be_hidden()
    expect(settings).to_be_focused()
    settings.click()
    kernel.box.click()
    expect(effort(page)).to_be_hidden()
    expect(kernel.box).to_be_focused()
    page.set_viewport_size(WIDE)
    expect(settings).to_have_attribute("aria-expanded", "true")


@browser
def test_a_page_without_storage_has_its_settings(kernel: Kernel) -> None:
    kernel.page.evaluate(
        """() => Object.defineProperty(window, "localStorage", {
             get() { throw new Error("denied"); } })"""
    )
    kernel.open(PLACES)
    settings = button(kernel.page, "Settings")
    expect(settings).to_have_attribute("aria-expanded", "true")
    settings.click()
    expect(settings).to_have_attribute("aria-expanded", "false")


# The header


@browser
def test_the_header_has_the_models_name_and_what_the_chat_has_used(kernel: Kernel) -> None:
    page = kernel.page
    page.set_viewport_size(NARROW)
    kernel.open(PLACES)
    used = page.get_by_role("img", name="This chat")
    expect(used).to_have_count(0)
    info = {"name": "Acme: Grand 2", "id": "test/model", "is_free": False, "chats": True}
    unknown = ("context_length", "prompt_price", "completion_price", "reasoning", "images")
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "reasoning_tokens"))
    kernel.state(
        model_info={**info, **dict.fromkeys((*unknown, "tools", "expires"))},
        server="OpenRouter (openrouter.ai)",
        context={"used": 3000, "length": 10_000},
        usage={**usage, "cached_tokens": None, "total_tokens": 3200, "cost": 0.25},
    )
    expect(used).to_have_text("$0.25")
    name = "This chat: context 30 % of 10k, $0.25, 3,200 tokens over all requests"
    expect(used).to_have_accessible_name(name)
    model = button(page, "Grand 2 OpenRouter")
    model.click()
    expect(page.get_by_role("combobox", name="Search models")).to_be_focused()
    page.keyboard.press("Escape")
    expect(model).to_be_focused()


# The menu


@browser
def test_more_has_what_is_done_with_the_whole_chat(kernel: Kernel) -> None:
    page = kernel.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    said = [message("u", role="user", content="Hi"), message("a", content="**Hello**")]
    kernel.open(messages=said, download="reply.md")
    more = button(page, "More")
    more.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    link = page.get_by_role("link", name="Download last reply", exact=True)
    expect(link).to_be_focused()
    for name in ("Save as…", "Copy conversation", "Open in a panel", "Clear chat"):
        page.keyboard.press("ArrowDown")
        expect(button(page, name)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(link).to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(more).to_have_attribute("aria-expanded", "false")
    expect(link).to_be_hidden()

    more.click()
    button(page, "Copy conversation").click()
    expect(page.get_by_text("Conversation copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "## You (test/model)\n\nHi\n\n## Assistant (test/model)\n\n**Hello**\n"

    more.click()
    button(page, "Open in a panel").click()
    expect(page.get_by_text("Create New View for Cell Output")).to_be_visible()

    more.click()
    button(page, "Clear chat").click()
    kernel.wait_sent("clear")
    expect(button(page, "Clear chat")).to_be_hidden()


@browser
@pytest.mark.parametrize("suffix", [".md", ".ipynb", ".json"])
def test_the_chat_is_saved_as_a_file(kernel: Kernel, suffix: str) -> None:
    page = kernel.page
    kernel.open(messages=[message("a", content="Hello")])
    kernel.open_more()
    save = button(page, "Save as…")
    expect(save).to_have_attribute("aria-expanded", "false")
    save.click()
    with page.expect_download() as download:
        page.get_by_role("button", name=suffix).click()
        assert kernel.wait_sent("export")["suffix"] == suffix
        answer(kernel, "export", b"all of it", f"chat{suffix}")
    assert download.value.suggested_filename == f"chat{suffix}"
    kernel.open_more()
    save.click()
    page.get_by_role("button", name=suffix).click()
    kernel.push("received", nonce=kernel.wait_sent("export", 2)["nonce"], refused="Too large.")
    expect(page.get_by_text("Too large.")).to_be_visible()


def exported(chat: ChatWidget, suffix: str) -> str:
    file = ask_page(chat, "export", suffix=suffix)
    assert file is not None
    assert file.name == f"chat{suffix}"
    return file.content.decode()


@pytest.mark.parametrize("shared", [False, True])
def test_the_files_hold_what_is_the_users(make: Make, server: ScriptedServer, shared: bool) -> None:
    server.script(sse.text("Hello"), sse.finish(), DONE)
    chat = make(system="Only for the model", shared=shared)
    chat.send("Hi").wait(TIMEOUT)
    files = {suffix: exported(chat, suffix) for suffix in (".md", ".ipynb", ".json")}
    for text in files.values():
        assert "Hello" in text
        assert ("Only for the model" in text) == (not shared)
    assert json.loads(files[".ipynb"])["nbformat"] == 4
    assert json.loads(files[".json"])["format"] == "nbchat"


def test_a_chat_that_is_too_large_is_not_sent_to_the_page(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbchat._files.keeper._MAX_DOWNLOAD", 10)
    with pytest.raises(ValueError, match=r"chat\.save\('chat\.md'\)"):
        exported(make(), ".md")


# The height


def height(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box is not None
    return box["height"]


@browser
def test_the_log_takes_the_height_that_the_chat_is_given(kernel: Kernel) -> None:
    kernel.open(PLACES, messages=[message(str(n), content="Hello") for n in range(30)])
    chat = kernel.page.locator(".nbchat")
    before = height(kernel.log)
    others = height(chat) - before
    kernel.page.evaluate("document.querySelector('.nbchat').style.height = '800px'")
    assert height(chat) == 800
    assert height(kernel.log) == pytest.approx(800 - others, abs=1)
    assert height(kernel.log) > before


@browser
def test_the_handle_makes_the_log_larger_and_smaller(kernel: Kernel) -> None:
    page = kernel.page
    page.set_viewport_size({"width": 1280, "height": 1200})
    kernel.open(PLACES, messages=[message(str(n), content="Hello") for n in range(30)])
    for by in (200, -500):
        box = kernel.log.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] - 4, box["y"] + box["height"] - 4
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + by, steps=3)
        page.mouse.up()
        assert height(kernel.log) == pytest.approx(box["height"] + by, abs=2)


@browser
@pytest.mark.environments
def test_a_chat_opens_in_a_panel_and_fills_it(
    lab: Lab, open_notebook: Callable[[Lab, Sequence[str]], NotebookPage], server: ScriptedServer
) -> None:
    made = f"ChatWidget(base_url={server.base_url!r}, model='test/model')"
    notebook = open_notebook(lab, [f"from nbchat import ChatWidget\nchat = {made}\nchat"])
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    chat.ask("Hi")
    chat.in_menu("button", "Open in a panel").click()
    pane = notebook.page.locator(".jp-LinkedOutputView")
    there = ChatPage(pane)
    expect(there.reply).to_contain_text("You said: Hi")
    expect(there.more_button).to_be_visible()
    assert height(pane.locator(".nbchat")) == pytest.approx(height(pane), abs=2)
    before = height(pane)
    notebook.page.set_viewport_size({"width": 1280, "height": 1300})
    until(lambda: height(pane) > before)
    until(lambda: abs(height(pane.locator(".nbchat")) - height(pane)) <= 2)
    there.ask("From there")
    expect(chat.user_messages).to_have_count(2)
    there.more_button.click()
    expect(there.root.get_by_role("button", name="Clear chat")).to_be_visible()
    expect(there.root.get_by_role("button", name="Open in a panel")).to_be_hidden()
