"""The built front end in real Chromium, with a kernel that the test plays."""

from __future__ import annotations

import itertools
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frontend.markdown import TEXTS
from harness import STATIC, URL, Kernel, failure, message, notice
from playwright.sync_api import expect

from nbchat._widget.bundle import bundle

pytestmark = pytest.mark.browser

# The bundle


def test_what_every_widget_carries_is_small_and_the_rest_comes_once() -> None:
    assert (STATIC / "loader.js").stat().st_size < 1600
    assert (STATIC / "nbchat.js").stat().st_size < 285_000
    assert bundle() is bundle()
    first = bundle()
    assert re.fullmatch("[0-9a-f]{16}", first.digest)
    assert zlib.decompress(first.value) == (STATIC / "nbchat.js").read_bytes()
    assert len(first.value) < 96_000
    first.close()
    assert bundle() is not first
    assert bundle().value == first.value


def test_without_the_bundle_it_says_what_to_do_and_that_helps(kernel: Kernel) -> None:
    bundle = kernel.page.evaluate("BUNDLE")
    kernel.page.evaluate("BUNDLE = 'throw new Error(\"broken\")'")
    kernel.open()
    expect(kernel.page.get_by_text("Run the cell again").first).to_be_visible()
    expect(kernel.box).to_have_count(0)
    kernel.page.evaluate("(bundle) => { BUNDLE = bundle; }", bundle)
    kernel.open()
    expect(kernel.box).to_be_visible()


# The protocol


def test_changes_are_applied_in_their_order_and_once(kernel: Kernel) -> None:
    kernel.open()
    assert kernel.sent("resync") == [{"type": "resync", "seq": 0}]
    kernel.change("message", message=message("u", role="user", content="Hi <b>there</b>"))
    kernel.change("message", message=message("a", status="streaming"))
    kernel.delta("Hello ")
    kernel.push("delta", seq=kernel.seq, id="a", content="TWICE")
    kernel.delta("world")
    expect(kernel.page.get_by_role("article", name="You")).to_have_text("Hi <b>there</b>")
    expect(kernel.reply).to_have_text("Hello world")


def test_a_long_reply_that_comes_at_once_is_all_there(kernel: Kernel) -> None:
    """It is drawn over many frames, and goes on when nothing else changes any more."""
    kernel.open(messages=[message("u", role="user"), message("a", status="streaming")])
    words = [f"Word {n} of *many*.\n\n" for n in range(20_000)]
    kernel.delta("".join(words[:10]))
    kernel.delta("".join(words[10:]))
    kernel.change("facts", id="a", facts={"status": "complete", "duration_s": 2.0})
    expect(kernel.reply).to_have_attribute("aria-busy", "false", timeout=60_000)
    expect(kernel.reply.locator(".nbchat-body p")).to_have_count(len(words))


def test_two_views_and_a_late_one_show_the_same(kernel: Kernel) -> None:
    kernel.open(seq=1, busy=True, messages=[message("a", status="streaming", content="# Ti")])
    kernel.delta("tle\n\nte")
    kernel.page.evaluate("kernel.show(document.body)")
    kernel.delta("xt")
    expect(kernel.log).to_have_count(2)
    for index in range(2):
        expect(kernel.log.nth(index).get_by_role("heading", name="Title")).to_be_visible()
        expect(kernel.log.nth(index).get_by_text("text", exact=True)).to_be_visible()


def test_messages_can_be_replaced_and_removed(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="one"), message("b", content="two")])
    kernel.change("message", message=message("a", content="uno"))
    expect(kernel.page.get_by_role("article")).to_contain_text(["uno", "two"])
    kernel.change("replace", ids=["a"], messages=[])
    expect(kernel.page.get_by_role("article")).to_contain_text(["two"])


def test_a_kernel_that_does_not_answer_is_named(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("Hello")
    kernel.box.press("Enter")
    status = kernel.log.locator("xpath=..").get_by_role("status")
    expect(status).to_contain_text("The kernel is busy")
    kernel.push("received", nonce=kernel.sent("send")[0]["nonce"])
    expect(kernel.box).to_have_value("")


def test_a_draft_stays_in_sight_when_its_page_was_hidden(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("one\ntwo\nthree")
    height = kernel.box.bounding_box()["height"]
    frames = "new Promise((done) => setTimeout(() => requestAnimationFrame(done)))"
    kernel.page.evaluate(f"document.body.style.display = 'none'; {frames}")
    kernel.state(busy=True)
    kernel.page.evaluate(f"{frames}.then(() => {frames})")
    kernel.page.evaluate(f"document.body.style.display = ''; {frames}")
    assert kernel.box.bounding_box()["height"] == height
    expect(kernel.box).to_have_value("one\ntwo\nthree")


# Markdown


def test_streamed_markdown_ends_as_if_rendered_at_once(markdown: Callable[..., Any]) -> None:
    draw = random.Random(20)
    lines = [line for text in TEXTS for line in text.split("\n")]
    mixed = ["\n".join(draw.choice([*lines, "", ""]) for _ in range(8)) for _ in range(60)]
    cases = []
    for text in TEXTS + mixed:
        for longest in (1, 4, 30):
            cuts, at = [0], 0
            while at < len(text):
                at = min(at + draw.randint(1, longest), len(text))
                cuts.append(at)
            cases.append([text[a:b] for a, b in itertools.pairwise(cuts)])
    different = markdown(
        """
        const whole = document.createElement("div");
        return argument.filter((pieces) => {
          const element = document.createElement("div");
          const stream = new nbchat.MarkdownStream(element);
          for (const piece of pieces) stream.append(piece);
          stream.end();
          nbchat.setHTML(whole, nbchat.render(pieces.join("")));
          return element.innerHTML !== whole.innerHTML || !whole.innerHTML;
        });
        """,
        cases,
    )
    assert different == []


def test_closed_blocks_are_never_touched(markdown: Callable[..., Any]) -> None:
    assert markdown(
        """
        const element = document.createElement("div");
        const stream = new nbchat.MarkdownStream(element);
        stream.append("# Title\\n\\nFirst *paragraph*.\\n\\n");
        stream.append("```py\\nx = 1\\n```\\n\\n- a\\n- b\\n\\nLast\\n");
        const closed = [...element.children].slice(0, -1);
        const inner = closed.map((node) => node.firstChild);
        for (const piece of ["words", "\\n\\n| a |\\n|---|\\n| 1 |\\n\\n", "end [x]"]) {
          stream.append(piece);
        }
        stream.end();
        return closed.length === 4 && closed.every((node, index) =>
          element.children[index] === node && node.firstChild === inner[index]);
        """
    )


def test_an_open_fence_grows_by_its_text(markdown: Callable[..., Any]) -> None:
    assert markdown(
        """
        const element = document.createElement("div");
        const stream = new nbchat.MarkdownStream(element);
        stream.append("```py\\nx = 1\\n");
        const code = element.querySelector("pre > code.language-py");
        const text = code.firstChild;
        for (let i = 0; i < 100; i++) stream.append("y = 2\\n");
        const grown = element.querySelector("code") === code && code.firstChild === text;
        stream.append("``");
        return grown && code.textContent === "x = 1\\n" + "y = 2\\n".repeat(100);
        """
    )


def test_half_written_markup_does_not_flash(markdown: Callable[..., Any]) -> None:
    script = """
        const element = document.createElement("div");
        const stream = new nbchat.MarkdownStream(element);
        return [...argument].map((character) => {
          stream.append(character);
          return element.textContent;
        });
    """
    shown = "".join(markdown(script, "some **bold** and `code` of it"))
    assert "*" not in shown
    assert "`" not in shown


@pytest.mark.parametrize("nesting", ["- ", "> ", ">", "1. ", "* > "])
def test_what_is_nested_too_deep_is_shown_all_the_same(
    markdown: Callable[..., Any], nesting: str
) -> None:
    script = """
        const element = document.createElement("div");
        const stream = new nbchat.MarkdownStream(element);
        for (const piece of argument) stream.append(piece);
        stream.end();
        return element.textContent;
    """
    shown = markdown(script, [nesting * 300, "the words\n", "and more\n\n", "after"])
    for words in ("the words", "and more", "after"):
        assert words in shown


def test_an_address_that_is_none_is_shown_as_it_was_written(markdown: Callable[..., Any]) -> None:
    script = """
        const element = document.createElement("div");
        nbchat.setHTML(element, nbchat.render(argument));
        return [element.textContent.trim(), element.querySelectorAll("a:not([href])").length];
    """
    text = "[x](<https://host:no port>) and [y](https://%/a)"
    assert markdown(script, text) == [text, 0]


def test_a_definition_counts_once_it_is_written(markdown: Callable[..., Any]) -> None:
    script = """
        const element = document.createElement("div");
        const stream = new nbchat.MarkdownStream(element);
        for (const character of argument) stream.append(character);
        return element.querySelector("a").href;
    """
    text = "# Links\n\n[a]: https://example.com/whole\n\nSee [a] and more"
    assert markdown(script, text) == "https://example.com/whole"


# Typing and sending


def test_enter_sends_and_the_text_goes_once_it_has_arrived(kernel: Kernel) -> None:
    kernel.open()
    expect(kernel.send_button).to_be_disabled()
    kernel.box.fill("  ")
    expect(kernel.send_button).to_be_disabled()
    kernel.box.fill("one")
    kernel.box.press("Shift+Enter")
    kernel.box.press_sequentially("two")
    assert kernel.sent("send") == []
    kernel.box.press("Enter")
    sent = kernel.wait_sent("send")
    assert sent["content"] == "one\ntwo"
    expect(kernel.box).to_have_value("one\ntwo")
    kernel.push("received", nonce=sent["nonce"])
    expect(kernel.box).to_have_value("")


def test_enter_that_ends_a_composition_does_not_send(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("日本")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        kernel.box.dispatch_event("keydown", {"key": "Enter", **init})
    assert kernel.sent("send") == []


def test_a_refused_message_is_kept_and_the_reason_shown(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.fill("keep me")
    kernel.send_button.click()
    kernel.push("received", nonce=kernel.wait_sent("send")["nonce"], refused="A reply is running.")
    expect(kernel.page.get_by_role("alert").filter(has_text="A reply is running.")).to_be_visible()
    expect(kernel.box).to_have_value("keep me")
    expect(kernel.send_button).to_be_enabled()


def test_while_a_reply_runs_enter_sends_and_esc_stops(kernel: Kernel) -> None:
    kernel.open()
    kernel.box.press("Escape")
    kernel.state(busy=True)
    kernel.box.fill("next")
    expect(kernel.send_button).to_be_enabled()
    assert kernel.sent("stop") == []
    kernel.box.press("Escape")
    kernel.wait_sent("stop")
    expect(kernel.box).to_have_value("next")


def test_no_key_reaches_the_notebook(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.evaluate("document.addEventListener('keydown', (e) => (window.leaked = e.key))")
    for target in (kernel.box, kernel.log):
        target.press("Shift+Enter")
        target.press("j")
    assert kernel.page.evaluate("window.leaked") is None
    chat = kernel.page.locator(".nbchat")
    expect(chat).to_have_attribute("data-lm-suppress-shortcuts", "true")


# What is shown


def test_a_line_above_the_answer_says_what_it_thinks_and_how_long(kernel: Kernel) -> None:
    kernel.open(busy=True)
    thoughts = kernel.reply.get_by_role("group", name="Thoughts")
    kernel.change("message", message=message("a", status="streaming"))
    expect(kernel.reply).to_contain_text("Waiting for test/model…")
    expect(thoughts).to_have_count(0)
    kernel.change("delta", id="a", reasoning="First\n\nI **think** so")
    line = thoughts.get_by_role("button", name="Thoughts: Thinking…")
    expect(line).to_have_text(re.compile(r"^Thinking… \d s\s*I think so$"))
    expect(kernel.reply).not_to_contain_text("Waiting")
    height = thoughts.bounding_box()
    kernel.change("facts", id="a", facts={"reasoning_s": 3.2})
    kernel.delta("So.")
    line = thoughts.get_by_role("button", name="Thoughts: Thought for 3.2 s", exact=True)
    expect(line).to_have_text("Thought for 3.2 s")
    assert thoughts.bounding_box() == height
    assert thoughts.evaluate("(el) => el.nextElementSibling.innerText") == "So."
    kernel.change("message", message=message("b", content="Again."))
    expect(kernel.reply).to_contain_text("Again.")
    expect(thoughts).to_have_count(0)


def test_a_long_thought_takes_one_line(kernel: Kernel) -> None:
    kernel.open(busy=True)
    kernel.change("message", message=message("a", status="streaming", reasoning="so " * 400))
    line = kernel.reply.get_by_role("button", name="Thoughts")
    expect(line).to_contain_text("so so")
    before = line.bounding_box()
    log = kernel.log.bounding_box()
    assert before is not None
    assert log is not None
    assert before["height"] < 40
    assert before["x"] + before["width"] <= log["x"] + log["width"]


def test_open_thoughts_stream_in_their_box(kernel: Kernel) -> None:
    kernel.open(busy=True)
    kernel.change("message", message=message("a", status="streaming", reasoning="I *think*"))
    thoughts = kernel.reply.get_by_role("group", name="Thoughts")
    expect(thoughts.locator("em")).to_have_count(0)  # not drawn before someone looks
    thoughts.get_by_role("button", name="Thoughts").click()
    expect(thoughts.get_by_role("button")).to_have_attribute("aria-expanded", "true")
    expect(thoughts.locator("em")).to_have_text("think")
    kernel.change("delta", id="a", reasoning="\n\nmore" * 100 + "\n\nlast")
    expect(thoughts.get_by_text("last", exact=True)).to_be_in_viewport()
    box = thoughts.bounding_box()
    assert box is not None
    assert box["height"] < 400
    kernel.change("facts", id="a", facts={"reasoning_s": 3.2, "status": "complete"})
    expect(thoughts.get_by_role("button")).to_have_text("Thought for 3.2 s")
    expect(thoughts.get_by_text("last", exact=True)).to_be_visible()
    thoughts.get_by_role("button").press("Enter")
    expect(thoughts.get_by_text("last", exact=True)).to_be_hidden()


def test_it_thinks_again_between_tool_calls(kernel: Kernel) -> None:
    kernel.open(busy=True)
    call = {"name": "f", "arguments": "", "status": "running", "result": "", "at": 0}
    kernel.change("message", message=message("a", status="streaming", reasoning="One"))
    line = kernel.reply.get_by_role("button", name="Thoughts")
    expect(line).to_contain_text("Thinking…")
    kernel.change("facts", id="a", facts={"reasoning_s": 1.5})
    kernel.change("call", id="a", index=0, call=call)
    expect(line).to_have_text("Thought for 1.5 s")
    kernel.change("call", id="a", index=0, call={**call, "status": "complete"})
    expect(kernel.reply).to_contain_text("Waiting for")
    expect(line).to_have_text("Thought for 1.5 s")
    kernel.change("delta", id="a", reasoning="\n\nTwo")
    expect(line).to_contain_text("Thinking…")


def test_the_box_of_thoughts_has_the_last_replys_and_goes_without_any(kernel: Kernel) -> None:
    kernel.open()
    accordion = kernel.page.locator(".nbchat-thoughts-accordion")
    expect(accordion).to_be_hidden()
    kernel.change("message", message=message("a", content="So.", reasoning="*Hm*"))
    expect(accordion.locator("em")).to_have_text("Hm")
    kernel.change("message", message=message("b", content="So.", reasoning="*Oh*"))
    expect(accordion).to_have_text("Oh")
    kernel.change("message", message=message("c", content="Plain."))
    expect(accordion).to_be_hidden()


def test_a_model_is_said_to_show_no_thoughts_only_if_that_is_known(kernel: Kernel) -> None:
    none = "This model does not expose reasoning traces."
    kernel.open()
    for said, more in (
        (False, {"content": "No effort was chosen."}),
        (False, {"status": "error", "asked_to_reason": True}),
        (True, {"content": "Asked.", "asked_to_reason": True}),
        (False, {"content": "Another.", "model": "test/other"}),
        (False, {"content": "So.", "reasoning": "It does.", "asked_to_reason": True}),
        (False, {"content": "Plain.", "asked_to_reason": True}),
    ):
        id_ = str(more)
        kernel.change("message", message=message(id_, **more))
        expect(kernel.reply).to_contain_text(str(more.get("content", "")))
        expect(kernel.log.get_by_text(none)).to_have_count(int(said))
    info = {"id": "test/model", "name": "Test", "is_free": False, "reasoning": False}
    kernel.state(model_info=info)
    kernel.change("message", message=message("f", content="Text."))
    expect(kernel.reply).to_contain_text("Text.")
    expect(kernel.log.get_by_text(none)).to_have_count(0)
    kernel.change("message", message=message("g", content="Asked.", asked_to_reason=True))
    expect(kernel.reply).to_contain_text(none)


@pytest.mark.parametrize("tone", ["info", "error"])
def test_each_notice_can_be_closed(kernel: Kernel, tone: str) -> None:
    kernel.open(notices=[notice("some", "Something happened.", tone=tone)])
    kernel.page.get_by_role("button", name="Close").click()
    sent = kernel.wait_sent("action")
    assert (sent["notice"], sent["action"]) == ("some", "close")


def test_a_long_address_is_a_short_link(kernel: Kernel) -> None:
    address = "https://openrouter.ai/auth?code_challenge=0123456789&code_challenge_method=S256"
    kernel.open(notices=[notice("n", f"Open {address}.")])
    link = kernel.page.get_by_role("link", name="openrouter.ai/auth", exact=True)
    expect(link).to_have_attribute("href", address)


def test_a_reply_that_is_not_whole_says_so(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="text", finish_reason="length")])
    expect(kernel.reply.get_by_text("Stopped at the token limit", exact=True)).to_be_visible()


def test_an_error_tells_and_can_be_retried(kernel: Kernel) -> None:
    error = failure("Overloaded.", detail="HTTP 503", retryable=True)
    kernel.open(messages=[message("a", content="The start", status="error", error=error)])
    alert = kernel.reply.get_by_role("alert")
    expect(kernel.reply).to_contain_text("The start")
    expect(alert).to_contain_text("Overloaded.")
    alert.get_by_text("What the server said").click()
    expect(alert.get_by_text("HTTP 503")).to_be_visible()
    alert.get_by_role("button", name="Retry").click()
    assert kernel.wait_sent("retry")["id"] == "a"
    kernel.change("message", message=message("u", role="user", content="Go on"))
    expect(kernel.page.get_by_role("button", name="Retry")).to_have_count(0)


def test_the_download_has_the_kernels_bytes(kernel: Kernel, tmp_path: Path) -> None:
    kernel.open()
    link = kernel.page.get_by_role("link", name="Download last reply", exact=True)
    kernel.open_more()
    expect(link).to_have_count(0)
    kernel.state(download="reply.md")
    expect(link).to_be_visible()
    content = "Grüße 🎉\r\n".encode() + bytes(range(256))
    with kernel.page.expect_download() as info:
        link.press("Enter")
        nonce = kernel.wait_sent("download")["nonce"]
        kernel.push("received", nonce=nonce)
        kernel.send_file(nonce, content, "reply.md")
    assert info.value.suggested_filename == "reply.md"
    info.value.save_as(tmp_path / "reply.md")
    assert (tmp_path / "reply.md").read_bytes() == content
    kernel.state(download="reply.md", busy=True)
    kernel.open_more()
    expect(link).to_have_count(0)


@pytest.mark.parametrize("width", [320, 900])
def test_nothing_is_wider_than_the_page(kernel: Kernel, width: int) -> None:
    kernel.page.set_viewport_size({"width": width, "height": 800})
    wide = "x" * 400
    content = (
        f"{wide}\n\n```\n{wide}\n```\n\n| {' | '.join('abcdefghij' * 2)} |\n" + "|---" * 20 + "|\n"
    )
    kernel.open(
        messages=[
            message("u", role="user", content=wide),
            message("a", content=content, model=wide),
        ]
    )
    assert kernel.page.evaluate("document.documentElement.scrollWidth") <= width
    assert kernel.log.evaluate("(log) => log.scrollWidth - log.clientWidth") <= 0


def test_long_code_takes_no_room_from_what_stands_beside_the_chat(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.evaluate(
        """() => {
          const chat = document.querySelector(".nbchat");
          const row = document.createElement("div");
          row.style.cssText = "display: flex; width: 800px";
          row.append(chat.cloneNode(true), chat); // as in an HBox
          document.body.append(row);
        }"""
    )
    kernel.change("message", message=message("a", content="```\n" + "x" * 190 + "\n```"))
    expect(kernel.page.get_by_text("x" * 190)).to_be_visible()
    widths = "(all) => all.map((each) => each.getBoundingClientRect().width)"
    assert kernel.page.locator(".nbchat").evaluate_all(widths) == [400, 400]


def test_the_conversation_can_be_made_higher(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="line\n\n" * 100)])
    before = kernel.log.bounding_box()
    x, y = before["x"] + before["width"] - 5, before["y"] + before["height"] - 5
    kernel.page.mouse.move(x, y)
    kernel.page.mouse.down()
    kernel.page.mouse.move(x, y + 100, steps=3)
    kernel.page.mouse.up()
    assert kernel.log.bounding_box()["height"] == before["height"] + 100


def test_controls_of_ipywidgets_get_the_names_of_their_labels(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.evaluate(
        """() => document.querySelector(".nbchat").insertAdjacentHTML("beforeend", `
          <div class="jupyter-widgets widget-slider"><label class="widget-label">Temperature</label>
            <div class="noUi-handle" role="slider" tabindex="0">.</div></div>
          <div class="jupyter-widgets widget-dropdown"><label class="widget-label">Model</label>
            <select><option>a</option></select></div>`)"""
    )
    expect(kernel.page.get_by_role("slider", name="Temperature")).to_be_visible()
    expect(kernel.page.get_by_role("combobox", name="Model")).to_be_visible()


# Where things go wrong, and where the notebook is cut into frames


def test_an_error_of_the_bundle_is_shown(kernel: Kernel, page_errors: list[str]) -> None:
    kernel.open()
    kernel.page.evaluate("setTimeout(() => { throw new Error('of another widget'); })")
    kernel.page.evaluate("setTimeout(() => kernel.push({ type: 'message', seq: 1 }))")
    alert = kernel.page.get_by_role("alert").filter(has_text="Something went wrong in this view.")
    expect(alert).not_to_contain_text("Reload the page")  # the kernel has not answered yet
    kernel.push("synced")
    expect(alert).to_contain_text("Reload the page. The conversation is in the kernel.")
    kernel.page.evaluate("killKernel()")
    expect(alert).not_to_contain_text("Reload the page")
    assert page_errors
    page_errors.clear()


def test_frames_of_their_own_as_colab_has_for_each_cell(kernel: Kernel) -> None:
    page = kernel.page
    scripts = page.evaluate("[LOADER, BUNDLE]")
    page.evaluate(
        """(url) => {
          for (let i = 0; i < 2; i++) {
            const frame = document.createElement("iframe");
            Object.assign(frame, { src: url, width: 600, height: 500 });
            document.body.append(frame);
          }
        }""",
        URL,
    )
    frames = [handle.content_frame() for handle in page.query_selector_all("iframe")]
    for frame in frames:
        assert frame is not None
        frame.wait_for_function("window.ready")
        frame.evaluate("([loader, bundle]) => { LOADER = loader; BUNDLE = bundle; }", scripts)
        frame.evaluate("openChat({})")
    question = message("u", role="user", content="Hi")
    reply = message("a", status="streaming")
    for seq, change in enumerate(
        (
            {"type": "message", "message": question},
            {"type": "message", "message": reply},
            {"type": "delta", "id": "a", "content": "Hello **there**"},
        ),
        start=1,
    ):
        for frame in frames:
            frame.evaluate("(change) => kernel.push(change)", {**change, "seq": seq})
    for frame in frames:
        expect(frame.get_by_role("article", name="You")).to_contain_text("Hi")
        expect(frame.get_by_role("article", name="Assistant").locator("strong")).to_have_text(
            "there"
        )
    frames[1].get_by_role("textbox", name="Message").fill("From the second")
    frames[1].get_by_role("textbox", name="Message").press("Enter")
    frames[1].wait_for_function("kernel.sent.some((m) => m.type === 'send')")
    assert not frames[0].evaluate("kernel.sent.some((m) => m.type === 'send')")
