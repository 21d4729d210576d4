"""Variables in the composer: offered, shown, and only then sent. The test plays the kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import PNG, Kernel, attachment, message, notice
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

NAMES = [
    {"name": "frame", "hint": "DataFrame 3\N{MULTIPLICATION SIGN}2"},
    {"name": "fig", "hint": "Figure"},
    {"name": "other_frame", "hint": "list 2"},
    {"name": "<img src=x onerror='injected=1'>", "hint": "<b>"},
]
TABLE = "frame: pandas.DataFrame\n<b>3 rows</b>"


def chips(kernel: Kernel) -> Locator:
    group = kernel.page.get_by_role("group", name="Attached files")
    return group.locator(".nbchat-chip")


def options(kernel: Kernel) -> Locator:
    return kernel.page.get_by_role("listbox", name="Variables").get_by_role("option")


def status(kernel: Kernel) -> Locator:
    return kernel.page.locator(".nbchat-mentioned")


def offer(kernel: Kernel, names: Any = NAMES) -> None:
    """Answers the last request for names."""
    asked = kernel.wait_sent("names", len(kernel.sent("names")) or 1)
    kernel.send_file(asked["nonce"], json.dumps(names).encode())


def answer(kernel: Kernel, content: bytes | str = TABLE, count: int = 1, name: str = "") -> None:
    """Answers the request of this number for a variable."""
    kernel.wait_sent("variable", count)
    asked = kernel.sent("variable")[count - 1]
    content = content.encode() if isinstance(content, str) else content
    kernel.send_file(asked["nonce"], content, name or f"@{asked['name']}")


def refuse(kernel: Kernel, count: int = 1) -> None:
    asked = kernel.wait_sent("variable", count)
    kernel.push("received", nonce=asked["nonce"], refused="There is no such variable.")


@pytest.fixture
def chat(kernel: Kernel) -> Kernel:
    kernel.open()
    return kernel


# The list


def test_nothing_is_asked_before_one_types_an_at(chat: Kernel) -> None:
    chat.box.press_sequentially("me@example.org, a/@x")
    chat.box.press("Enter")
    chat.wait_sent("send")
    assert chat.sent("names") == chat.sent("variable") == []


def test_an_at_right_after_a_script_without_spaces_offers_variables(chat: Kernel) -> None:
    chat.box.press_sequentially("请看@")
    offer(chat)
    chat.box.press_sequentially("fra")
    expect(options(chat)).to_contain_text(["frame", "other_frame"])
    chat.box.press("Enter")
    expect(chat.box).to_have_value("请看@frame ")
    assert chat.wait_sent("variable")["name"] == "frame"


def test_the_list_is_used_by_keys(chat: Kernel) -> None:
    chat.box.press_sequentially("Why is @")
    offer(chat)
    expect(options(chat)).to_have_text([entry["name"] + entry["hint"] for entry in NAMES])
    expect(options(chat).first).to_have_attribute("aria-selected", "true")
    chosen = options(chat).first.get_attribute("id")
    expect(chat.box).to_have_attribute("aria-activedescendant", chosen or "")
    chat.box.press_sequentially("FRa")
    expect(options(chat)).to_contain_text(["frame", "other_frame"])
    expect(chat.page.get_by_text("2 variables: arrows choose")).to_be_attached()
    chat.box.press("ArrowUp")
    expect(options(chat).nth(1)).to_have_attribute("aria-selected", "true")
    chat.box.press("ArrowDown")
    chat.box.press("Tab")
    expect(chat.box).to_have_value("Why is @frame ")
    expect(chat.box).to_be_focused()
    expect(options(chat)).to_have_count(0)
    expect(chat.box).not_to_have_attribute("aria-activedescendant", chosen or "")
    assert chat.wait_sent("variable")["name"] == "frame"
    assert len(chat.sent("names")) == 1
    assert chat.sent("send") == []
    assert chat.page.evaluate("window.injected") is None


def test_escape_closes_it_and_nothing_else(chat: Kernel) -> None:
    chat.state(busy=True)
    chat.box.press_sequentially("@f")
    offer(chat)
    expect(options(chat)).to_have_count(3)
    chat.box.press("Escape")
    expect(options(chat)).to_have_count(0)
    assert chat.sent("stop") == []
    chat.box.press_sequentially("i")
    expect(options(chat)).to_have_count(0)
    chat.box.press_sequentially(" @")
    offer(chat)
    expect(options(chat)).to_have_count(4)
    chat.box.press_sequentially("zzz")
    expect(options(chat)).to_have_count(0)


def test_it_is_used_by_mouse(chat: Kernel) -> None:
    chat.box.press_sequentially("@")
    offer(chat)
    options(chat).nth(1).click()
    expect(chat.box).to_have_value("@fig ")
    expect(chat.box).to_be_focused()
    chat.box.press_sequentially("@")
    offer(chat)
    expect(options(chat)).to_have_count(4)
    chat.log.click()
    expect(options(chat)).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
def test_it_is_within_the_window_and_accessible(
    chat: Kernel, width: int, serious: Callable[[], list[Any]]
) -> None:
    chat.page.set_viewport_size({"width": width, "height": 600})
    chat.box.press_sequentially("@")
    offer(chat)
    expect(options(chat)).to_have_count(4)
    box = chat.page.get_by_role("listbox").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 600
    assert serious() == []
    chat.box.press("Enter")
    answer(chat)
    chips(chat).get_by_role("button", name="Preview @frame").click()
    expect(chat.page.get_by_role("dialog")).to_be_visible()
    assert serious() == []


# Chips


def test_what_is_sent_is_what_was_shown(chat: Kernel) -> None:
    chat.box.press_sequentially("@frame and @fig!")
    answer(chat)
    answer(chat, PNG, 2)
    expect(chips(chat)).to_contain_text(["@frame", "@fig"])
    expect(chips(chat).locator("img")).to_have_count(1)
    chips(chat).first.get_by_role("button", name="Preview").click()
    dialog = chat.page.get_by_role("dialog", name="@frame")
    expect(dialog.locator("pre")).to_have_text(TABLE)
    expect(dialog).to_contain_text("37 B · ≈ 10 tokens")
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    chat.box.press("Enter")
    sent = chat.wait_sent("send")
    assert sent["attachments"] == [
        {"name": "@frame", "media_type": "text/markdown"},
        {"name": "@fig", "media_type": "image/png"},
    ]
    assert chat.buffers() == [TABLE.encode(), PNG]
    chat.push("received", nonce=sent["nonce"])
    expect(chips(chat)).to_have_count(0)
    chat.box.press_sequentially("@frame again")
    chat.wait_sent("variable", 3)


def test_enter_waits_until_one_has_seen_it(chat: Kernel) -> None:
    chat.box.press_sequentially("Why is @frame")
    refused_names = chat.wait_sent("names")
    chat.push("received", nonce=refused_names["nonce"], refused="busy")
    chat.box.press("Enter")
    expect(status(chat)).to_have_text("Looking at the variables you mention…")
    chat.box.press("Enter")
    answer(chat)
    expect(status(chat)).to_contain_text("press Enter again to send")
    expect(chips(chat)).to_contain_text(["@frame"])
    assert len(chat.sent("variable")) == 1
    assert chat.sent("send") == []
    chat.box.press("Enter")
    sent = chat.wait_sent("send")
    assert [each["name"] for each in sent["attachments"]] == ["@frame"]
    chat.push("received", nonce=sent["nonce"])
    expect(status(chat)).to_be_hidden()


def test_a_name_that_is_none_is_a_word(chat: Kernel) -> None:
    chat.box.fill("Ask @nobody")
    chat.box.press("Enter")
    refuse(chat)
    sent = chat.wait_sent("send")
    assert (sent["content"], sent["attachments"]) == ("Ask @nobody", [])


def test_a_chip_that_is_removed_leaves_the_text(chat: Kernel) -> None:
    chat.box.press_sequentially("Is @frame odd?")
    answer(chat)
    chips(chat).get_by_role("button", name="Remove @frame").click()
    expect(chat.box).to_have_value("Is @frame odd?")
    chat.box.press("Enter")
    sent = chat.wait_sent("send")
    assert (sent["content"], sent["attachments"]) == ("Is @frame odd?", [])
    assert len(chat.sent("variable")) == 1


def test_a_mention_that_is_deleted_takes_its_chip_along(chat: Kernel) -> None:
    chat.box.press_sequentially("@frame ")
    answer(chat)
    expect(chips(chat)).to_have_count(1)
    for _ in range(3):
        chat.box.press("Backspace")
    expect(chips(chat)).to_have_count(0)
    chat.box.press_sequentially("me ")
    answer(chat, count=2)
    expect(chips(chat)).to_have_count(1)
    # One that comes when its mention is gone is not attached.
    chat.box.fill("@fig now")
    chat.wait_sent("variable", 3)
    chat.box.fill("never mind")
    answer(chat, PNG, 3)
    chat.box.press("Enter")
    assert chat.wait_sent("send")["attachments"] == []


def test_the_part_that_there_is_comes_once(chat: Kernel) -> None:
    chat.box.press_sequentially("@frame.Then @frame ")
    chat.wait_sent("variable", 2)
    first, second = chat.sent("variable")
    assert (first["name"], second["name"]) == ("frame.Then", "frame")
    chat.send_file(first["nonce"], TABLE.encode(), "@frame")
    chat.send_file(second["nonce"], TABLE.encode(), "@frame")
    expect(chips(chat)).to_have_count(1)


def test_a_decorator_is_no_mention(chat: Kernel) -> None:
    chat.box.fill("@cache\ndef f(): ...")
    chat.box.press("Enter")
    chat.wait_sent("send")
    assert chat.sent("variable") == []


def test_an_edit_takes_no_variables_along(kernel: Kernel) -> None:
    kernel.open(messages=[message("u", role="user", content="Hi")])
    kernel.box.press("ArrowUp")
    kernel.box.press_sequentially(" @frame ")
    kernel.box.press("Enter")
    assert kernel.wait_sent("edit")["content"] == "Hi @frame "
    assert kernel.sent("names") == kernel.sent("variable") == []


def test_a_sent_text_is_shown_as_it_was_sent(kernel: Kernel) -> None:
    table = attachment("t", "@frame", "text/markdown", kind="text", size=40)
    kernel.open(messages=[message("u", role="user", content="Hi", attachments=[table])])
    kernel.has({"t": TABLE.encode()})
    kernel.page.get_by_role("button", name="Preview @frame").click()
    dialog = kernel.page.get_by_role("dialog", name="@frame")
    expect(dialog.locator("pre")).to_have_text(TABLE)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


# A failed cell


def test_explain_fills_the_composer_of_its_view(kernel: Kernel) -> None:
    actions = [{"id": "explain", "label": "Explain"}]
    kernel.open(notices=[notice("failed-cell", "KeyError", actions=actions)])
    kernel.page.evaluate("showChat().then(() => null)")
    views = kernel.page.locator(".nbchat")
    expect(views).to_have_count(2)
    views.nth(1).get_by_role("textbox", name="Message", exact=True).fill("Please:")
    views.nth(1).get_by_role("button", name="Explain").click()
    failed = {
        "question": "Explain this error and how to fix it.",
        "name": "KeyError in cell [3]",
        "text": "KeyError: 'x'",
        "variables": ["frame", "gone"],
    }
    kernel.send_file(kernel.wait_sent("failure")["nonce"], json.dumps(failed).encode())
    kernel.wait_sent("variable", 2)
    frame, gone = kernel.sent("variable")
    kernel.push("received", nonce=gone["nonce"], refused="There is none.")
    kernel.send_file(frame["nonce"], TABLE.encode(), "@frame")
    box = views.nth(1).get_by_role("textbox", name="Message", exact=True)
    expect(box).to_have_value("Please:\n\nExplain this error and how to fix it.")
    expect(box).to_be_focused()
    expect(views.nth(0).get_by_role("textbox", name="Message", exact=True)).to_have_value("")
    assert kernel.wait_sent("action")["action"] == "explain"
    assert kernel.sent("send") == []
    box.press("Enter")
    sent = kernel.wait_sent("send")
    assert [each["name"] for each in sent["attachments"]] == ["KeyError in cell [3]", "@frame"]
    assert kernel.buffers() == [b"KeyError: 'x'", TABLE.encode()]


def test_explain_says_why_not(kernel: Kernel) -> None:
    actions = [{"id": "explain", "label": "Explain"}]
    kernel.open(notices=[notice("failed-cell", "KeyError", actions=actions)])
    kernel.page.get_by_role("button", name="Explain").click()
    asked = kernel.wait_sent("failure")
    kernel.push("received", nonce=asked["nonce"], refused="No cell has failed.")
    expect(kernel.page.get_by_role("alert")).to_have_text("No cell has failed.")
    expect(kernel.box).to_have_value("")


# Hostile


@pytest.mark.parametrize("piece", ["@a(", "@a.(", "@a[(", "@a @b\n", "@a() ", "@abc"])
def test_a_long_text_with_mentions_can_be_typed_in(chat: Kernel, piece: str) -> None:
    """What it costs grows with the text, not with its square: before, 0.5 MB took minutes."""
    text = piece * (500_000 // len(piece))
    took = chat.box.evaluate(
        """(box, text) => {
          box.value = text;
          box.selectionStart = box.selectionEnd = text.length;
          const begin = performance.now();
          box.dispatchEvent(new Event("input"));
          return performance.now() - begin;
        }""",
        text,
    )
    assert took < 5000
    assert len(chat.sent("variable")) <= 100


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("@a\ndef f(): ...", False),
        ("@a(1, (2))  \n\n  class B: ...", False),
        ("@a\n@b()\nasync def f(): ...", False),
        ("@a (1)\ndef f(): ...", True),
        ("@a(1) or\ndef f(): ...", True),
        ("@a(1)\ndefine it ", True),
        ("what is @a(1)\nand ", True),
    ],
)
def test_which_names_are_decorators(chat: Kernel, text: str, asks: bool) -> None:
    chat.box.fill(text + " and @other ")
    chat.wait_sent("variable")
    assert [sent["name"] for sent in chat.sent("variable")] == ["a"] * asks + ["other"]
