"""What one can do with a message, in the built front end, with a kernel that the test plays."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Kernel, message
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

TURN = (
    message("u", role="user", content="Why *so*?"),
    message("a", content="**Because.**", reasoning="Let me see."),
)


@pytest.fixture
def kernel(page: Page) -> Kernel:
    kernel = Kernel(page)
    kernel.open(messages=list(TURN))
    return kernel


def button(kernel: Kernel, name: str, of: str = "Assistant") -> Locator:
    article = kernel.page.get_by_role("article", name=of).last
    return article.get_by_role("button", name=name, exact=True)


def versions(index: int, count: int) -> dict[str, dict[str, int]]:
    return {"branch": {"index": index, "count": count}}


def focused(page: Page) -> Any:
    return page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")


# The row


@pytest.mark.parametrize("of", ["You", "Assistant"])
def test_actions_appear_on_hover_and_on_focus_and_move_nothing(kernel: Kernel, of: str) -> None:
    copy = button(kernel, "Copy message", of)
    article = kernel.page.get_by_role("article", name=of).last
    before = kernel.log.evaluate("log => log.scrollHeight")
    expect(copy).to_have_css("opacity", "0")
    article.hover()
    expect(copy).to_have_css("opacity", "1")
    assert kernel.log.evaluate("log => log.scrollHeight") == before
    kernel.box.hover()
    expect(copy).to_have_css("opacity", "0")
    copy.focus()
    expect(copy).to_have_css("opacity", "1")


def test_nothing_moves_when_a_reply_ends(kernel: Kernel) -> None:
    kernel.change("message", message=message("b", status="streaming", content="So."))
    expect(kernel.reply).to_have_text("So.")
    expect(kernel.reply.get_by_role("button")).to_have_count(0)
    height = "article => article.offsetHeight"
    before = kernel.reply.evaluate(height)
    kernel.change("facts", id="b", facts={"status": "complete"})
    expect(button(kernel, "Copy message")).to_be_attached()
    assert kernel.reply.evaluate(height) == before


# Copy


@pytest.mark.parametrize(("of", "text"), [("You", "Why *so*?"), ("Assistant", "**Because.**")])
def test_a_message_is_copied_as_markdown(page: Page, of: str, text: str) -> None:
    page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard',"
        " { value: { writeText: async (text) => { window.copied = text; } } })"
    )
    kernel = Kernel(page)
    kernel.open(messages=list(TURN))
    button(kernel, "Copy message", of).click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("copied") == text


def test_where_the_clipboard_is_refused_a_persons_own_copy_takes_it(page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    kernel = Kernel(page)
    kernel.open(messages=list(TURN))
    button(kernel, "Copy message").click()
    expect(page.get_by_text("Press Ctrl+C")).to_be_visible()
    assert page.evaluate("String(getSelection())") == "Because."
    page.evaluate(
        "document.addEventListener('copy',"
        " ({ clipboardData }) => { window.copied = clipboardData.getData('text/plain'); })"
    )
    page.keyboard.press("Control+c")
    page.wait_for_function("window.copied !== undefined")
    assert page.evaluate("copied") == "**Because.**"


# Versions


def test_one_goes_through_the_versions_by_key(kernel: Kernel) -> None:
    second = message("b", content="Two", **versions(1, 2))
    kernel.change("replace", ids=["a"], messages=[second])
    expect(kernel.reply).to_contain_text("2/2")
    button(kernel, "Previous version").focus()
    kernel.page.keyboard.press("Enter")
    asked = kernel.wait_sent("branch")
    assert (asked["id"], asked["step"]) == ("b", -1)
    kernel.change("replace", ids=["b"], messages=[message("a", content="One", **versions(0, 2))])
    expect(kernel.reply).to_contain_text("1/2")
    expect(kernel.log).not_to_contain_text("Two")
    # The focus stays: no key may get to the notebook, nor get lost.
    assert focused(kernel.page) == "Previous version"
    kernel.page.keyboard.press("Enter")  # there is none
    kernel.page.keyboard.press("Tab")
    kernel.page.keyboard.press("Enter")
    kernel.page.wait_for_function("kernel.sent.filter((m) => m.type === 'branch').length > 1")
    assert [sent["step"] for sent in kernel.sent("branch")] == [-1, 1]


def test_a_message_with_one_version_shows_no_number(kernel: Kernel) -> None:
    expect(button(kernel, "Copy message")).to_be_attached()
    for name in ("Previous version", "Next version"):
        expect(button(kernel, name)).to_have_count(0)


def test_a_button_asks_the_kernel(kernel: Kernel) -> None:
    button(kernel, "Regenerate").click()
    assert kernel.wait_sent("regenerate")["id"] == "a"


def test_what_the_kernel_refuses_is_said_beside_the_button(kernel: Kernel) -> None:
    button(kernel, "Regenerate").click()
    nonce = kernel.wait_sent("regenerate")["nonce"]
    kernel.push("received", nonce=nonce, refused="A reply is still running.")
    expect(kernel.reply.get_by_role("status")).to_have_text("A reply is still running.")


def test_the_thoughts_of_an_older_reply_open_in_place(kernel: Kernel) -> None:
    kernel.change("message", message=message("b", content="So.", reasoning="And now?"))
    replies = kernel.page.get_by_role("article", name="Assistant")
    expect(replies).to_have_count(2)
    replies.first.get_by_role("button", name="Thoughts").click()
    expect(replies.first.get_by_text("Let me see.")).to_be_visible()
    expect(replies.last).not_to_contain_text("And now?")
    assert focused(kernel.page) == "Thoughts"
    kernel.page.keyboard.press("Space")
    expect(replies.first.get_by_text("Let me see.")).to_be_hidden()


def test_what_is_opened_stays_in_sight(kernel: Kernel) -> None:
    replies = kernel.page.get_by_role("article", name="Assistant")
    kernel.change("message", message=message("b", content="So.\n\n" * 30, reasoning="Hm.\n\n" * 30))
    line = replies.first.get_by_role("button", name="Thoughts")
    line.scroll_into_view_if_needed()
    before = line.bounding_box()
    line.click()
    expect(replies.first.get_by_text("Let me see.")).to_be_visible()
    assert line.bounding_box() == before
    line = replies.last.get_by_role("button", name="Thoughts")
    line.scroll_into_view_if_needed()
    before = line.bounding_box()
    line.click()
    expect(replies.last.get_by_text("Hm.").first).to_be_visible()
    assert line.bounding_box() == before


def test_figures_and_time_appear_on_hover_and_move_nothing(kernel: Kernel) -> None:
    day = {"created": 1795850000, "duration_s": 2.0}
    asked = message("v", role="user", content="Again", **day)
    kernel.change("message", message=asked)
    kernel.change("message", message=message("b", content="So.", **day))
    expect(kernel.reply).to_contain_text("So.")
    figures = kernel.reply.get_by_text("2.0 s")
    time = kernel.page.get_by_role("article", name="You").last.locator("[data-time$=':13']")
    kernel.box.hover()
    for faint in (figures, time):
        expect(faint).to_have_css("opacity", "0")
    expect(kernel.reply.get_by_text("test/model")).to_have_css("opacity", "1")
    before = kernel.log.evaluate("log => log.scrollHeight")
    kernel.reply.hover()
    expect(figures).to_have_css("opacity", "1")
    assert kernel.log.evaluate("log => log.scrollHeight") == before
    button(kernel, "Edit message", "You").focus()
    expect(time).to_have_css("opacity", "1")


def test_only_the_last_reply_that_was_cut_off_can_go_on(kernel: Kernel) -> None:
    expect(button(kernel, "Continue")).to_have_count(0)
    cut = message("b", content="One", finish_reason="length")
    kernel.change("message", message=cut)
    button(kernel, "Continue").click()
    assert kernel.wait_sent("continue")["id"] == "b"
    kernel.change("facts", id="b", facts={"status": "streaming"})
    expect(kernel.reply).to_contain_text("Waiting for test/model")
    expect(button(kernel, "Continue")).to_have_count(0)
    assert focused(kernel.page) == "Conversation"
    kernel.delta(" two", "b")
    expect(kernel.reply).to_have_text("One two")
    kernel.change("facts", id="b", facts={"status": "complete"})
    expect(button(kernel, "Continue")).to_be_visible()
    kernel.change("message", message=message("c", content="Three"))
    expect(button(kernel, "Continue")).to_have_count(0)
    expect(kernel.page.get_by_role("button", name="Continue")).to_have_count(0)


def test_a_stopped_reply_can_continue(kernel: Kernel) -> None:
    for early in ({"status": "stopped"}, {"finish_reason": None}):
        kernel.change("message", message=message("b", content="One", **early))
        expect(button(kernel, "Regenerate")).to_have_css("opacity", "1")
        button(kernel, "Continue").click()
        assert kernel.wait_sent("continue")["id"] == "b"
        kernel.change("replace", ids=["b"], messages=[])
    kernel.change("message", message=message("b", status="stopped"))
    expect(button(kernel, "Regenerate")).to_have_css("opacity", "1")
    expect(button(kernel, "Continue")).to_have_count(0)


# Edit


@pytest.mark.parametrize("how", ["button", "ArrowUp"])
def test_an_edit_is_sent_as_one(kernel: Kernel, how: str) -> None:
    if how == "button":
        button(kernel, "Edit message", "You").click()
    else:
        kernel.box.press("ArrowUp")
    expect(kernel.box).to_have_value("Why *so*?")
    expect(kernel.box).to_be_focused()
    hint = kernel.page.get_by_text("Editing. Your earlier version is kept. Esc to cancel")
    expect(hint).to_be_visible()
    kernel.page.keyboard.type(" Really?")
    kernel.page.keyboard.press("Enter")
    asked = kernel.wait_sent("edit")
    assert (asked["id"], asked["content"]) == ("u", "Why *so*? Really?")
    edited = message("v", role="user", content="Why *so*? Really?", **versions(1, 2))
    kernel.change("replace", ids=["u", "a"], messages=[edited])
    kernel.push("received", nonce=asked["nonce"])
    expect(hint).to_be_hidden()
    expect(kernel.box).to_have_value("")
    assert kernel.sent("send") == []


@pytest.mark.parametrize("how", ["Escape", "Cancel"])
def test_a_cancelled_edit_gives_back_what_one_had_typed(kernel: Kernel, how: str) -> None:
    kernel.box.fill("my draft")
    button(kernel, "Edit message", "You").click()
    expect(kernel.box).to_have_value("Why *so*?")
    if how == "Escape":
        kernel.box.press("Escape")
    else:
        kernel.page.get_by_role("button", name="Cancel").click()
    expect(kernel.box).to_have_value("my draft")
    expect(kernel.page.get_by_text("Editing.")).to_be_hidden()
    expect(kernel.box).to_be_focused()
    kernel.box.press("Enter")
    assert kernel.wait_sent("send")["content"] == "my draft"


def test_a_refused_edit_can_be_sent_again(kernel: Kernel) -> None:
    kernel.box.press("ArrowUp")
    kernel.box.fill("Better")
    kernel.box.press("Enter")
    nonce = kernel.wait_sent("edit")["nonce"]
    kernel.push("received", nonce=nonce, refused="A reply is still running.")
    expect(kernel.page.get_by_role("alert")).to_have_text("A reply is still running.")
    expect(kernel.box).to_have_value("Better")
    kernel.box.press("Enter")
    assert kernel.wait_sent("edit", 2)["content"] == "Better"


def test_a_message_that_is_cleared_away_leaves_its_edit_in_the_box(kernel: Kernel) -> None:
    kernel.box.press("ArrowUp")
    kernel.box.fill("Better")
    kernel.change("replace", ids=["u", "a"], messages=[])
    expect(kernel.page.get_by_text("Editing.")).to_be_hidden()
    expect(kernel.box).to_have_value("Better")


def test_arrow_up_in_a_text_only_moves_the_cursor(kernel: Kernel) -> None:
    kernel.box.fill("text")
    kernel.box.press("ArrowUp")
    kernel.box.press("X")
    expect(kernel.box).to_have_value("Xtext")
    expect(kernel.page.get_by_text("Editing.")).to_be_hidden()
