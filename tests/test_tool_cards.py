"""Calls of tools in a reply, in the built front end, with a kernel that the test plays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frontend.injections import INJECTIONS
from harness import Kernel, message
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser


def call(name: str = "add", status: str = "waiting", **more: Any) -> dict[str, Any]:
    arguments = '{"a": 2, "b": 3}'
    return {"name": name, "arguments": arguments, "status": status, "result": "", "at": 0, **more}


def show(kernel: Kernel, *calls: dict[str, Any], **more: Any) -> None:
    given = {"status": "streaming", "finish_reason": None, **more}
    kernel.open(
        busy=given["status"] == "streaming",
        messages=[
            message("u", role="user", content="2 + 3?"),
            message("a", tool_calls=list(calls), **given),
        ],
    )


def card(kernel: Kernel, name: str = "add") -> Locator:
    return kernel.reply.get_by_role("group", name=f"Call of {name}", exact=True)


def button(kernel: Kernel, name: str, of: str = "add") -> Locator:
    return card(kernel, of).get_by_role("button", name=name, exact=True)


def test_a_call_that_waits_shows_what_one_decides_on(kernel: Kernel) -> None:
    long = "x" * 1000
    show(kernel, call(arguments=f'{{"text": "{long}"}}'))
    expect(card(kernel)).to_contain_text("add")
    expect(card(kernel).get_by_text(long)).to_be_visible()
    expect(card(kernel).get_by_role("alert")).to_have_text("Allow add(…)?")
    button(kernel, "Allow").click()
    asked = kernel.wait_sent("approve")
    assert (asked["id"], asked["call"], asked["allow"]) == ("a", 0, True)


@pytest.mark.parametrize(("name", "allow"), [("Allow", True), ("Deny", False)])
def test_by_key(kernel: Kernel, name: str, allow: bool) -> None:
    show(kernel, call("first"), call("second"))
    expect(button(kernel, name, "second")).to_be_enabled()
    button(kernel, name, "second").focus()
    kernel.page.keyboard.press("Enter")
    asked = kernel.wait_sent("approve")
    assert (asked["call"], asked["allow"]) == (1, allow)
    # The focus stays with the card while its buttons go.
    ended = call("second", "denied", result="No.")
    kernel.change("call", id="a", index=1, call=ended)
    expect(card(kernel, "second").get_by_role("button")).to_have_count(0)
    expect(card(kernel, "second")).to_be_focused()
    expect(button(kernel, "Allow", "first")).to_be_visible()


def test_no_script_can_allow(kernel: Kernel) -> None:
    show(kernel, call())
    expect(button(kernel, "Allow")).to_be_enabled()
    button(kernel, "Allow").evaluate(
        """(button) => {
          button.click();
          button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
          button.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        }"""
    )
    button(kernel, "Deny").click()
    kernel.wait_sent("approve")
    assert [sent["allow"] for sent in kernel.sent("approve")] == [False]


def test_a_double_click_allows_one_call(kernel: Kernel) -> None:
    show(kernel, call("first"), call("second"))
    expect(button(kernel, "Allow", "first")).to_be_enabled()
    box = button(kernel, "Allow", "first").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    kernel.page.mouse.click(x, y)
    kernel.change("call", id="a", index=0, call=call("first", "running"))
    expect(button(kernel, "Allow", "first")).to_have_count(0)
    expect(button(kernel, "Allow", "second")).to_be_enabled()
    # What has moved below the pointer gets the second half.
    button(kernel, "Allow", "second").dispatch_event("click", {"detail": 2})
    second = button(kernel, "Allow", "second").bounding_box()
    assert second is not None
    kernel.page.mouse.move(second["x"] + 5, second["y"] + 5)
    kernel.page.mouse.down(click_count=2)
    kernel.page.mouse.up(click_count=2)
    button(kernel, "Deny", "second").click()
    kernel.page.wait_for_function(
        "kernel.sent.some((sent) => sent.type === 'approve' && !sent.allow)"
    )
    assert [(s["call"], s["allow"]) for s in kernel.sent("approve")] == [(0, True), (1, False)]


def test_a_click_counts_once_the_card_has_come_to_rest(kernel: Kernel) -> None:
    """What appears, moves or changes below the pointer was not what the user meant to click on."""
    show(kernel, call())
    kernel.page.evaluate(
        """() => {
          const now = performance.now.bind(performance);
          window.stop = () => { const at = now(); performance.now = () => at; };
          window.go = () => { performance.now = now; };
        }"""
    )
    allow = button(kernel, "Allow")
    other = '{"a": 2, "b": 4}'
    moves: list[Callable[[], object]] = [
        lambda: kernel.page.evaluate("document.body.style.paddingTop = '3px'"),
        lambda: kernel.change("call", id="a", index=0, call=call(arguments=other)),
    ]
    for move in moves:
        expect(allow).to_be_enabled()
        kernel.page.evaluate("stop()")  # no time passes
        move()
        expect(allow).to_be_disabled()
        allow.click(force=True)
        expect(allow).to_be_disabled()
        assert kernel.sent("approve") == []
        kernel.page.evaluate("go()")
    allow.click()
    kernel.wait_sent("approve")


def test_long_arguments_are_allowed_only_once_their_end_was_in_sight(kernel: Kernel) -> None:
    end = '"path": "/etc/shadow"'
    long = '{"text": "' + "all is well\\n" * 400 + f'", {end}}}'
    show(kernel, call(arguments=long))
    allow, arguments = button(kernel, "Allow"), card(kernel).locator("pre").first
    expect(button(kernel, "Deny")).to_be_enabled()
    expect(allow).to_be_disabled()
    unread = card(kernel).get_by_text("To allow the call, read its arguments to their end.")
    expect(unread).to_be_visible()
    arguments.evaluate("(pre) => { pre.scrollTop = pre.scrollHeight / 2; }")
    allow.scroll_into_view_if_needed()
    expect(button(kernel, "Deny")).to_be_enabled()
    expect(allow).to_be_disabled()
    arguments.evaluate("(pre) => { pre.scrollTop = pre.scrollHeight; }")
    expect(allow).to_be_enabled()
    expect(unread).to_be_hidden()
    # Other arguments have to be read again. A click on the button unfolds them.
    kernel.change("call", id="a", index=0, call=call(arguments=long + " "))
    arguments.evaluate("(pre) => { pre.scrollTop = 0; }")
    expect(allow).to_be_disabled()  # the card has changed
    expect(button(kernel, "Deny")).to_be_enabled()  # and has come to rest
    allow.click(force=True)
    expect(allow).to_be_enabled()
    assert kernel.sent("approve") == []
    assert arguments.evaluate("(pre) => pre.scrollHeight <= pre.clientHeight + 1")
    allow.click()
    kernel.wait_sent("approve")


def test_a_refused_answer_says_why(kernel: Kernel) -> None:
    show(kernel, call())
    button(kernel, "Allow").click()
    nonce = kernel.wait_sent("approve")["nonce"]
    kernel.push("received", nonce=nonce, refused="This call no longer waits for an answer.")
    expect(card(kernel)).to_contain_text("no longer waits")


def test_it_stands_where_it_was_made_and_text_goes_on(kernel: Kernel) -> None:
    before = "Let me **add** 🙂."
    show(kernel, content=before)
    at = len(before) + 1  # as JavaScript counts
    kernel.change("call", id="a", index=0, call=call(status="running", at=at))
    expect(card(kernel)).to_contain_text("Running")
    kernel.change("call", id="a", index=0, call=call(status="complete", at=at, result="5"))
    expect(kernel.reply).to_contain_text("Waiting for test/model")
    kernel.delta("\n\nIt is ")
    kernel.delta("**5**.")
    expect(kernel.reply.locator("strong")).to_have_text(["add", "5"])
    kernel.change("facts", id="a", facts={"status": "complete", "finish_reason": "stop"})
    text = kernel.reply.inner_text()
    order = [text.index(part) for part in ("Let me", "add(a=2, b=3)", "→ 5", "It is 5")]
    assert order == sorted(order)


def test_a_finished_call_is_one_line_that_opens_in_place(kernel: Kernel) -> None:
    failed = "KeyError: 'pears'\nand more"
    show(
        kernel,
        call(status="complete", result="long " * 100),
        call("stock", "error", arguments='{"fruit": "pears"}', result=failed),
        call("other", "denied", arguments='{"deep": [1, {"a": 1.50}]}'),
        status="complete",
    )
    for name in ("add", "stock", "other"):
        box = card(kernel, name).bounding_box()
        assert box is not None
        assert box["height"] < 45
    expect(card(kernel, "stock")).to_contain_text("→ KeyError: 'pears'")
    expect(card(kernel, "other")).to_contain_text("Denied")
    result = card(kernel).get_by_label("Result")
    expect(result).to_be_hidden()
    card(kernel).get_by_text("add(a=2, b=3)").click()
    expect(result).to_be_visible()
    expect(card(kernel).get_by_label("Arguments")).to_have_text("a: 2\nb: 3")
    card(kernel, "other").get_by_text("other(…)").press("Enter")
    # What is not simple stays as the kernel has it, digit for digit.
    arguments = card(kernel, "other").get_by_label("Arguments")
    expect(arguments).to_have_text('{"deep": [1, {"a": 1.50}]}')


def test_allow_for_this_chat_and_its_undo(kernel: Kernel) -> None:
    show(kernel, call("first"), call("second"))
    button(kernel, "Allow for this chat", "second").click()
    asked = kernel.wait_sent("allow_tool")
    assert (asked["id"], asked["call"]) == ("a", 1)
    kernel.state(busy=True, allowed_tools=["second"])
    kernel.change("call", id="a", index=1, call=call("second", "complete", result="5"))
    expect(card(kernel, "second")).to_contain_text("Allowed for this chat")
    expect(card(kernel, "first").get_by_text("Allowed for this chat")).to_be_hidden()
    kernel.change("facts", id="a", facts={"status": "complete", "finish_reason": "stop"})
    button(kernel, "Undo", "second").click()
    assert kernel.wait_sent("revoke_tool")["name"] == "second"
    kernel.state(allowed_tools=[])
    expect(card(kernel, "second").get_by_text("Allowed for this chat")).to_be_hidden()


def test_allow_all_needs_each_call_to_have_been_seen(kernel: Kernel) -> None:
    show(kernel, *(call(f"tool_{n}", arguments='{"n": 1}') for n in range(12)))
    kernel.log.evaluate("(log) => { log.scrollTop = 0; }")
    every = button(kernel, "Allow all (12)", "tool_0")
    expect(every).to_be_enabled()
    every.click()
    # The first call that was out of sight is shown, and nothing is allowed.
    assert kernel.sent("approve") == []
    shown = kernel.log.evaluate("(log) => log.scrollTop")
    assert shown > 0
    frame = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for n in range(12):
        card(kernel, f"tool_{n}").scroll_into_view_if_needed()
        expect(button(kernel, "Allow", f"tool_{n}")).to_be_enabled()
        kernel.page.evaluate(frame)
    every.click()
    kernel.wait_sent("approve", 12)
    asked = [(sent["call"], sent["allow"]) for sent in kernel.sent("approve")]
    assert asked == [(n, True) for n in range(12)]


def test_allow_all_is_there_only_where_several_wait(kernel: Kernel) -> None:
    show(kernel, call("first"), call("second"))
    expect(button(kernel, "Allow all (2)", "first")).to_be_visible()
    expect(button(kernel, "Allow all (2)", "second")).to_have_count(0)
    kernel.change("call", id="a", index=0, call=call("first", "denied"))
    expect(card(kernel, "second").get_by_role("button", name="Allow all")).to_have_count(0)


def test_what_closed_text_is_drawn_once(kernel: Kernel) -> None:
    show(kernel, call(status="complete", at=3, result="5"), content="One\n\nTwo")
    expect(kernel.reply.get_by_text("Two")).to_be_visible()
    kernel.page.evaluate(
        """() => {
          window.changed = 0;
          const first = document.querySelector(".nbchat-assistant .nbchat-markdown");
          new MutationObserver((records) => { window.changed += records.length; })
            .observe(first, { childList: true, subtree: true, characterData: true });
        }"""
    )
    for _ in range(5):
        kernel.delta(" more")
    expect(kernel.reply).to_contain_text("more more more more more")
    assert kernel.page.evaluate("changed") == 0


# Hostile


def test_what_a_model_wrote_is_text(kernel: Kernel) -> None:
    hostile = [
        call(text, status, arguments=text, result=text)
        for text in INJECTIONS
        for status in ("waiting", "complete")
    ]
    show(kernel, *hostile, content="")
    cards = kernel.reply.locator(".nbchat-call")
    expect(cards).to_have_count(len(hostile))
    inside = kernel.page.evaluate(
        """() => [...new Set([...document.querySelectorAll(".nbchat-call *")]
          .map((el) => el.localName))].sort()"""
    )
    assert inside == [
        *("button", "code", "details", "div", "p", "path", "pre", "span", "summary", "svg"),
    ]
    kernel.change("call", id="a", index=0, call=call("<img src=x onerror=alert(1)>"))
    expect(card(kernel, "<img src=x onerror=alert(1)>")).to_contain_text("<img src=x onerror")
    expect(kernel.page.locator("img")).to_have_count(0)


UNSEEN = (
    *"\u202e\u200b\u2066\u00ad\u3164\u115f\u1160\uffa0\u2800\u034f\ufe0f\u2028\u2029\ue000\U000e0041",
    *"\x00\x08\x0b\x0c\x1b\x1c\x7f\x85\x9b",
)


@pytest.mark.parametrize("sign", UNSEEN, ids=[f"U+{ord(sign):04X}" for sign in UNSEEN])
def test_signs_that_cant_be_seen_are_shown(kernel: Kernel, sign: str) -> None:
    shown = f"\\u{{{ord(sign):x}}}"
    show(kernel, call(f"a{sign}dd", arguments=f'{{"path": "{sign}txt.exe{sign}"}}'))
    expect(card(kernel, f"a{shown}dd")).to_contain_text(f'(path="{shown}txt.exe{shown}")?')


def test_words_and_pictures_stay_as_they_are(kernel: Kernel) -> None:
    text = '{"a": "naïve e\u0301 日本 ❤️ 👩‍💻 שלום ไม่ได้", "b":\t"\n"}'
    show(kernel, call(arguments=text))
    assert card(kernel).locator("pre").first.text_content() == text


def test_a_fake_button_in_a_reply_is_none(kernel: Kernel) -> None:
    show(
        kernel,
        call(at=0),
        content='<button>Allow</button> [Allow](https://example.com "Allow")\n\n'
        '<div role="group" aria-label="Call of add"><button class="nbchat-button">Allow</button>',
    )
    expect(kernel.reply.get_by_role("button", name="Allow", exact=True)).to_have_count(1)
    expect(kernel.reply.get_by_role("group", name="Call of add")).to_have_count(1)
    expect(kernel.reply.get_by_text("<button>Allow")).to_be_visible()


# Looks


def test_axe_finds_nothing_serious(kernel: Kernel, serious: Callable[[], list[Any]]) -> None:
    show(kernel, call("a"), call("b", "error", result="No."), call("c", "complete", result="5"))
    expect(card(kernel, "c")).to_be_visible()
    assert serious() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_notebook(kernel: Kernel, scheme: Any, tmp_path: Path) -> None:
    kernel.page.emulate_media(color_scheme=scheme)
    kernel.page.set_viewport_size({"width": 320, "height": 900})
    show(
        kernel,
        call("a_name_that_is_as_long_as_a_model_may_like_it_to_be_in_its_calls", "complete"),
        call("read_file", "error", result="FileNotFoundError: " + "x" * 100, at=8),
        call(
            "delete_everything", arguments='{\n  "path": "/home/somebody/data",\n  "b": 1\n}', at=8
        ),
        content="Let me.\n",
    )
    expect(button(kernel, "Allow", "delete_everything")).to_be_visible()
    assert kernel.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert kernel.log.evaluate("(log) => log.scrollWidth <= log.clientWidth")
    kernel.page.screenshot(path=tmp_path / "card.png")
    assert re.match("Deny", button(kernel, "Deny", "delete_everything").inner_text())
