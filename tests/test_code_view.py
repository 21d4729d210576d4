"""What the buttons of a code block do, and that nobody but a person presses them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from frontend.injections import INJECTIONS
from harness import Kernel, message
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

SOURCE = "print(1)\n"
REPLY = (
    f"Text.\n\n```python\n{SOURCE}```\n\n```sh\nls\n```\n\n> ```python\n> quoted\n> ```\n\nEnd.\n"
)


@pytest.fixture
def code(kernel: Kernel) -> Kernel:
    kernel.page.evaluate("canRun()")
    kernel.open(messages=[message("a", content=REPLY)])
    return kernel


def run_button(kernel: Kernel) -> Locator:
    return kernel.page.get_by_role("button", name="Run code")


def facts(kernel: Kernel, **more: Any) -> None:
    known = message("a", **more)
    known = {name: known[name] for name in known if name not in ("content", "reasoning")}
    kernel.change("facts", id="a", facts=known)


def allow(kernel: Kernel, count: int = 1) -> None:
    """As the kernel answers."""
    asked = kernel.wait_sent("run", count)
    facts(kernel, runs={asked["index"]: "out"})
    kernel.push("received", nonce=asked["nonce"])
    kernel.page.wait_for_function("(count) => executed.length === count", arg=count)


def test_python_alone_can_be_run(code: Kernel) -> None:
    expect(run_button(code)).to_have_count(1)
    expect(code.page.get_by_role("button", name="Insert cell")).to_have_count(1)
    expect(code.page.get_by_role("button", name="Copy code")).to_have_count(3)


@pytest.mark.parametrize("key", ["Enter", " ", None])
def test_a_click_or_a_key_runs_what_is_shown(code: Kernel, key: str | None) -> None:
    if key is None:
        run_button(code).click()
    else:
        run_button(code).press(key)
    asked = code.wait_sent("run")
    assert (asked["id"], asked["index"], asked["code"]) == ("a", 0, SOURCE)
    # Not before the kernel has looked at it.
    assert code.page.evaluate("executed") == []
    allow(code)
    (content,) = code.page.evaluate("executed")
    assert content == {
        "code": SOURCE,
        "store_history": True,
        "stop_on_error": False,
        "allow_stdin": False,
    }
    button = code.page.get_by_role("button", name="Waiting for the kernel")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    code.page.evaluate("begin()")
    code.page.get_by_role("button", name="Interrupt the code").click()
    assert code.page.evaluate("interrupted") == 1
    code.page.evaluate("end()")
    expect(run_button(code)).to_be_focused()
    expect(code.reply.get_by_role("group", name="Output")).to_have_text("fake output")
    assert len(code.sent("run")) == 1


def test_no_script_clicks(code: Kernel) -> None:
    expect(run_button(code)).to_be_visible()
    code.page.evaluate(
        """() => {
          const ours = ".nbchat-code-header button, .nbchat-output button";
          for (const button of document.querySelectorAll(ours)) {
            button.click();
            for (const type of ["pointerdown", "mousedown", "pointerup", "mouseup", "click"])
              button.dispatchEvent(new MouseEvent(type, { bubbles: true, composed: true }));
            button.focus();
            for (const key of ["Enter", " "]) for (const type of ["keydown", "keypress", "keyup"])
              button.dispatchEvent(new KeyboardEvent(type, { key, bubbles: true }));
          }
        }"""
    )
    # What is sent comes in order: after this, a click's message would be here.
    code.page.get_by_role("button", name="Regenerate").click()
    code.wait_sent("regenerate")
    assert code.sent("run") == code.sent("outputs") == []
    assert code.page.evaluate("executed") == []


def test_what_the_kernel_refuses_does_not_run_and_says_why(code: Kernel) -> None:
    code.page.evaluate("() => { document.querySelector('pre > code').textContent = 'evil()'; }")
    run_button(code).click()
    asked = code.wait_sent("run")
    assert asked["code"] == "evil()"
    code.push("received", nonce=asked["nonce"], refused="<b>Not run</b>")
    expect(code.reply.get_by_role("alert")).to_have_text("<b>Not run</b>")
    expect(run_button(code)).to_be_visible()
    assert code.page.evaluate("executed") == []


def test_a_kernel_that_ends_is_said(code: Kernel) -> None:
    run_button(code).click()
    allow(code)
    code.page.evaluate("die()")
    expect(code.reply.get_by_role("alert")).to_contain_text("The kernel ended")
    run_button(code).click()
    allow(code, 2)
    expect(code.reply.get_by_role("alert")).to_have_count(0)
    code.page.evaluate("end({ status: 'aborted' })")
    expect(code.reply.get_by_role("alert")).to_contain_text("a cell before it")


def test_a_reply_that_is_not_whole_can_not_be_run(kernel: Kernel) -> None:
    kernel.page.evaluate("canRun()")
    kernel.open(busy=True, messages=[message("a", content=REPLY, status="streaming")])
    expect(kernel.page.get_by_role("button", name="Copy code")).to_have_count(3)
    expect(run_button(kernel)).to_have_count(0)
    facts(kernel)
    expect(run_button(kernel)).to_have_count(1)
    # Goes on, as after max tokens.
    facts(kernel, status="queued")
    expect(run_button(kernel)).to_have_count(0)


def test_without_a_kernel_code_is_copied(kernel: Kernel) -> None:
    kernel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    kernel.open(messages=[message("a", content=REPLY, runs={"0": "gone"})])
    expect(run_button(kernel)).to_have_count(0)
    kernel.page.get_by_role("button", name="Insert cell").click()
    expect(kernel.page.get_by_text("Copied: paste it into a cell")).to_be_visible()
    assert kernel.page.evaluate("navigator.clipboard.readText()") == "print(1)"


FAKES = [
    '<button class="nbchat-copy" aria-label="Run code" onclick="executed.push(1)">Run</button>',
    "<style>.nbchat-code-header { opacity: 0; position: fixed; inset: 0 }</style>",
    '<div style="position:fixed;inset:0;z-index:9999">over</div>',
    '<label for="run">Click</label><form action="x"><input type=submit accesskey="r"></form>',
    "[Run](javascript:executed.push(1)) [Run](#run 'Run code') ![Run](data:image/png;base64,x)",
    "```python class=nbchat-output\nx\n```",
    '```nbchat-copy" onclick="executed.push(1)\nx\n```',
    "\n".join(["> " * n + "deep" for n in range(30)]),
    "$$\\style{position:fixed;inset:0}{\\href{javascript:executed.push(1)}{Run}}$$",
    "W" * 5000,
    "|a|\n|-|\n|" + "\u202e" * 50 + "|",
]


def test_nothing_a_model_writes_presses_fakes_or_covers_them(kernel: Kernel) -> None:
    kernel.page.evaluate("canRun()")
    texts = [*FAKES, *(text for text in INJECTIONS if len(text) < 2000)]
    kernel.open()
    for text in texts:
        content = f"{text}\n\n{REPLY}\n\n{text}"
        kernel.change("replace", ids=["a"], messages=[message("a", content=content)])
        found = kernel.page.evaluate(
            """async () => {
              await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
              const ours = [...document.querySelectorAll("pre > .nbchat-code-header:first-child")];
              const buttons = [...document.querySelectorAll(
                ".nbchat-markdown :is(button, input, label, form, [role], [onclick], " +
                "[accesskey], [style], [id], [tabindex], .nbchat-copy, .nbchat-output)")];
              const fakes = buttons.filter((el) => !ours.some((header) => header.contains(el)) &&
                !el.closest(".nbchat-output[hidden], .nbchat-table-tools"));
              const covered = [];
              const shown = "button:not([hidden])";
              for (const header of ours) for (const button of header.querySelectorAll(shown)) {
                button.scrollIntoView({ block: "center" });
                const { left, top, width, height } = button.getBoundingClientRect();
                const hit = document.elementFromPoint(left + width / 2, top + height / 2);
                if (!button.contains(hit)) covered.push(button.outerHTML);
              }
              return [...fakes.map((el) => el.outerHTML), ...covered];
            }"""
        )
        assert found == [], text
    assert kernel.sent("run") == []
    assert kernel.page.evaluate("executed") == []


# What became of code


TRACE = {
    "output_type": "error",
    "ename": "ZeroDivisionError",
    "evalue": "division by zero",
    "traceback": ["\x1b[31mTraceback (most recent call last)\x1b[0m", "1/0", "division by zero"],
}


def ran(code: Kernel, *outputs: Any) -> Locator:
    """The code was run, with these outputs; returns what stands below it."""
    code.page.evaluate("(outputs) => { models.get('out').traits.outputs = outputs; }", outputs)
    run_button(code).click()
    allow(code)
    code.page.evaluate("begin()")
    code.page.evaluate("end()")
    expect(run_button(code)).to_be_visible()
    return code.reply.locator(".nbchat-output").first


def test_a_traceback_is_folded_to_its_last_line(code: Kernel) -> None:
    below = ran(code, "before", TRACE)
    line = below.get_by_text("ZeroDivisionError: division by zero", exact=True)
    expect(line).to_be_visible()
    text = below.get_by_label("Traceback")
    expect(text).to_be_hidden()
    line.click()
    expect(text).to_be_visible()
    expect(text).to_have_text("Traceback (most recent call last)\n1/0\ndivision by zero")
    expect(below).to_contain_text("before")


def test_fix_this_prepares_a_message_and_sends_nothing(code: Kernel) -> None:
    below = ran(code, TRACE)
    below.get_by_role("button", name="Fix this").click()
    asked = code.wait_sent("outputs")
    file = {"name": "output.txt", "media_type": "text/plain", "data": "MS8w"}
    code.send_file(asked["nonce"], json.dumps([file]).encode())
    expect(code.box).to_have_value(f"Fix the error in this code.\n\n```python\n{SOURCE}```")
    expect(code.page.get_by_role("group", name="Attached files")).to_contain_text("output.txt")
    assert code.sent("send") == []


def test_code_that_has_run_can_run_again_and_its_output_be_cleared(code: Kernel) -> None:
    below = ran(code, "42")
    expect(below.get_by_text(re.compile(r"^\d+\.\d s$"))).to_be_visible()
    expect(below.get_by_role("button", name="Fix this")).to_have_count(0)
    below.get_by_role("button", name="Run again").click()
    allow(code, 2)
    expect(below.get_by_role("button", name="Run again")).to_have_count(0)  # while it runs
    code.page.evaluate("end()")
    below.get_by_role("button", name="Clear output").click()
    asked = code.wait_sent("clear_output")
    assert (asked["id"], asked["index"]) == ("a", 0)
    facts(code, runs={})
    expect(below).to_be_hidden()
    expect(run_button(code)).to_be_focused()


# The header


def test_the_header_stays_in_sight_while_long_code_scrolls(kernel: Kernel) -> None:
    kernel.page.evaluate("canRun()")
    lines = "\n".join(f"line_{n} = {n}" for n in range(200))
    kernel.open(messages=[message("a", content=f"Text.\n\n```python\n{lines}\n```\n\nEnd.")])
    middle = "(log) => { log.scrollTop = log.scrollHeight / 2; }"
    kernel.log.evaluate(middle)
    top = kernel.log.evaluate("(log) => log.getBoundingClientRect().top")
    for name in ("Run code", "Copy code"):
        place = kernel.page.get_by_role("button", name=name).bounding_box()
        assert place is not None
        assert 0 <= place["y"] - top < 10
    run_button(kernel).click()
    assert kernel.wait_sent("run")["code"].startswith("line_0")


def test_only_lines_that_are_too_long_offer_to_be_wrapped(kernel: Kernel) -> None:
    wide = "x = " + " + ".join("a" * 9 for _ in range(16))
    kernel.page.set_viewport_size({"width": 600, "height": 900})
    kernel.open(messages=[message("a", content=f"```python\n{wide}\n```\n\n```python\nx\n```")])
    wrap = kernel.page.get_by_role("button", name="Wrap lines")
    expect(wrap).to_have_count(1)
    code = kernel.page.locator("pre > code").first
    assert code.evaluate("(code) => code.scrollWidth > code.clientWidth")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    assert code.evaluate("(code) => code.scrollWidth <= code.clientWidth")
    wrap.click()
    assert code.evaluate("(code) => code.scrollWidth > code.clientWidth")
