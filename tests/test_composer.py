"""The composer as one card, its button that is Send or Stop, and the notices above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import Kernel, message, notice, upload
from playwright.sync_api import Browser, Locator, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(browser: Browser) -> Iterator[Kernel]:
    """A chat on a phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    yield Kernel(context.new_page())
    context.close()


def stop(kernel: Kernel) -> Locator:
    return kernel.page.get_by_role("button", name="Stop", exact=True)


def stream(kernel: Kernel, streams: bool = True) -> None:
    """A reply begins or ends: the kernel enables or disables Stop."""
    kernel.page.locator(".nbchat-stop").evaluate(
        "(stop, streams) => { stop.disabled = !streams; }", streams
    )
    kernel.state(busy=streams)


def place(locator: Locator) -> Any:
    return locator.bounding_box()


# Send and Stop


def test_stop_takes_the_place_of_send(kernel: Kernel) -> None:
    kernel.open()
    card = kernel.page.locator(".nbchat-box")
    kernel.page.set_input_files("input[type=file]", [upload("new.csv")])
    kernel.box.fill("Hello")
    expect(kernel.send_button).to_be_enabled()
    expect(stop(kernel)).to_be_hidden()
    before = place(kernel.send_button), place(card)
    stream(kernel)
    expect(kernel.send_button).to_be_hidden()
    assert (place(stop(kernel)), place(card)) == before
    # A refusal does not push it out of line.
    kernel.box.press("Enter")
    kernel.push("received", nonce=kernel.wait_sent("send")["nonce"], refused="Not now. " * 40)
    expect(kernel.page.get_by_role("alert")).to_be_visible()
    card_now, stop_now = place(card), place(stop(kernel))
    assert card_now["y"] + card_now["height"] - stop_now["y"] == (
        before[1]["y"] + before[1]["height"] - before[0]["y"]
    )
    stream(kernel, False)
    expect(kernel.send_button).to_be_visible()
    expect(stop(kernel)).to_be_hidden()
    # It was said of a chat that was busy.
    expect(kernel.page.get_by_role("alert")).to_have_count(0)
    assert place(card) == before[1]


def test_the_focus_returns_to_the_box(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("Hello")
    kernel.send_button.click()
    expect(kernel.box).to_be_focused()
    kernel.push("received", nonce=kernel.wait_sent("send")["nonce"])
    stream(kernel)
    stop(kernel).click()
    stream(kernel, False)
    expect(kernel.box).to_be_focused()


@pytest.mark.parametrize("keys", ["Enter", "Control+Enter", "Meta+Enter"])
def test_these_keys_send(kernel: Kernel, keys: str) -> None:
    kernel.open()
    kernel.box.fill("Hello")
    kernel.box.press("Shift+Enter")
    kernel.box.press(keys)
    assert kernel.wait_sent("send")["content"] == "Hello\n"


def test_while_a_reply_streams_enter_queues(kernel: Kernel) -> None:
    kernel.open()
    expect(kernel.box).to_have_attribute(
        "placeholder", "Ask about your notebook. Type @ to add a variable"
    )
    stream(kernel)
    expect(kernel.box).to_have_attribute("placeholder", "Enter queues your next message")
    kernel.box.fill("Next")
    kernel.box.press("Enter")
    assert kernel.wait_sent("send")["content"] == "Next"


# The tools


def test_a_variable_is_added_by_a_button(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("Look at")
    add = kernel.page.get_by_role("button", name="Add a variable")
    add.click()
    names = b'[{"name": "df", "hint": "DataFrame 2x3"}]'
    kernel.send_file(kernel.wait_sent("names")["nonce"], names)
    kernel.page.get_by_role("option", name="df").click()
    expect(kernel.box).to_have_value("Look at @df ")
    expect(kernel.box).to_be_focused()


def test_it_says_if_there_are_no_variables(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.get_by_role("button", name="Add a variable").click()
    kernel.send_file(kernel.wait_sent("names")["nonce"], b"[]")
    expect(kernel.page.get_by_text("There are no variables yet.")).to_be_visible()
    kernel.box.press("Backspace")
    expect(kernel.page.get_by_text("There are no variables yet.")).to_be_hidden()


def test_how_much_the_model_thinks(kernel: Kernel) -> None:
    kernel.open()
    thinking = kernel.page.get_by_role("combobox", name="Thinking")
    expect(thinking).to_have_count(0)  # the model offers no choice
    efforts = {"low": "low", "high": "high"}
    kernel.state(efforts=efforts, effort="low")
    expect(thinking).to_have_value("low")
    thinking.select_option("high")
    sent = kernel.wait_sent("effort")
    assert sent["effort"] == "high"
    kernel.state(efforts=efforts, effort="low", busy=True)  # the kernel has not answered yet
    expect(thinking).to_have_value("high")
    kernel.push("received", nonce=sent["nonce"], refused="Not with test/model.")
    expect(kernel.page.get_by_role("alert")).to_have_text("Not with test/model.")
    expect(thinking).to_have_value("low")
    kernel.state(efforts=efforts, effort="high")  # changed from code, or in the settings
    expect(thinking).to_have_value("high")


def test_a_phone_has_room_for_a_thumb(phone: Kernel) -> None:
    phone.open(efforts={"low": "low", "medium": "medium"}, effort="medium")
    phone.state(
        efforts={"low": "low", "medium": "medium"},
        effort="medium",
        notices=[notice("n", "KeyError in cell [3].", actions=[{"id": "x", "label": "Explain"}])],
    )
    expect(phone.box).to_have_attribute("placeholder", "Ask about your notebook")
    assert phone.box.evaluate("(box) => getComputedStyle(box).fontSize") == "16px"
    buttons = phone.page.locator(".nbchat-compose").get_by_role("button")
    names = ["Explain", "Close", "Attach files", "Add a variable", "Send"]
    expect(buttons).to_have_count(len(names))
    for name in names:
        box = place(phone.page.get_by_role("button", name=name))
        assert (box["width"] >= 44, box["height"] >= 44) == (True, True), name
    assert place(phone.page.locator(".nbchat-effort"))["height"] == 44
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    stream(phone)
    assert place(stop(phone))["width"] == 44


# Notices


def expect_shown(kernel: Kernel, *texts: str) -> None:
    """Expects these notices, from the top."""
    expect(kernel.page.locator(".nbchat-notice:visible .nbchat-notice-text")).to_have_text(texts)


def test_the_newest_notice_is_shown_and_the_others_are_folded(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="Hi")])
    kernel.state(notices=[notice(each, each) for each in ("One", "Two", "Three")])
    more = kernel.page.get_by_role("button", name="2 more")
    expect(more).to_have_attribute("aria-expanded", "false")
    expect_shown(kernel, "Three")
    assert kernel.log.get_by_role("note").count() == 0
    top, box = (place(kernel.page.locator(each)) for each in (".nbchat-strip", ".nbchat-box"))
    assert top["y"] < box["y"]
    more.click()
    fewer = kernel.page.get_by_role("button", name="Show less")
    expect(fewer).to_have_attribute("aria-expanded", "true")
    expect_shown(kernel, "Three", "Two", "One")
    fewer.click()
    expect_shown(kernel, "Three")
    kernel.state(notices=[notice("One", "One")])
    expect(kernel.page.locator(".nbchat-strip-more")).to_be_hidden()
    expect_shown(kernel, "One")


def test_after_the_last_notice_the_focus_is_in_the_box(kernel: Kernel) -> None:
    kernel.open()
    notices = [notice("a", "One"), notice("b", "Two")]
    close = kernel.page.get_by_role("button", name="Close")
    kernel.state(notices=notices)
    close.press("Enter")
    assert kernel.wait_sent("action")["notice"] == "b"
    kernel.state(notices=notices[:1])
    expect(kernel.page.get_by_text("Two")).to_have_count(0)
    expect(close).to_be_focused()
    kernel.state()
    expect(kernel.box).to_be_focused()


def test_many_notices_leave_room_for_the_chat(kernel: Kernel) -> None:
    kernel.open()
    kernel.state(notices=[notice(str(n), f"Notice {n}. " * 20) for n in range(30)])
    kernel.page.get_by_role("button", name="29 more").click()
    chat, strip = (place(kernel.page.locator(each)) for each in (".nbchat", ".nbchat-strip"))
    assert strip["height"] < chat["height"] / 2
