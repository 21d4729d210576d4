"""The conversation follows the stream until one scrolls up, and moves nothing around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
import sse_server as sse
from harness import Kernel, message
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import DONE, ScriptedServer

pytestmark = pytest.mark.browser


@pytest.fixture
def streaming(kernel: Kernel) -> Kernel:
    kernel.open(busy=True, messages=[message("a", status="streaming")])
    stream(kernel)
    expect(jump_button(kernel)).to_be_hidden()
    return kernel


def stream(kernel: Kernel) -> None:
    marker = f"Part {kernel.seq}"
    kernel.delta("".join(f"{marker}, line {n}\n\n" for n in range(30)) + "* * *\n\n")
    expect(kernel.reply.get_by_text(f"{marker}, line 29", exact=True)).to_be_attached()


def jump_button(kernel: Kernel) -> Locator:
    return kernel.page.get_by_role("button", name="Scroll to bottom")


def gap(kernel: Kernel) -> float:
    """How far the end is out of sight, in pixels."""
    to_end: float = kernel.log.evaluate(
        "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"
    )
    return to_end


def by_wheel(kernel: Kernel, distance: float = -300) -> None:
    kernel.log.hover()
    kernel.page.mouse.wheel(0, distance)


WAYS = {
    "wheel": by_wheel,
    "a touch of the wheel": lambda kernel: by_wheel(kernel, -8),
    "PageUp": lambda kernel: kernel.log.press("PageUp"),
    "ArrowUp": lambda kernel: kernel.log.press("ArrowUp"),
    # A headless browser has no bar to drag: this is what dragging it does.
    "scrollbar": lambda kernel: kernel.log.evaluate("(log) => { log.scrollTop -= 100; }"),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_lets_go_and_comes_back(streaming: Kernel, way: str) -> None:
    stream(streaming)
    assert gap(streaming) < 2
    streaming.log.evaluate(
        "(log) => log.addEventListener('scrollend', () => { window.rests = true; }, { once: true })"
    )
    WAYS[way](streaming)
    streaming.page.wait_for_function("window.rests")
    # What follows arrives out of sight: what one reads stays where it is.
    top = streaming.log.evaluate("(log) => log.scrollTop")
    stream(streaming)
    assert streaming.log.evaluate("(log) => log.scrollTop") == top
    expect(jump_button(streaming)).to_be_visible()
    jump_button(streaming).click()
    expect(jump_button(streaming)).to_be_hidden()
    stream(streaming)
    assert gap(streaming) < 2
    assert streaming.page.evaluate("window.scrollY") == 0


def test_a_smooth_scroll_is_not_held_back_by_what_comes_in_before_its_first_step(
    streaming: Kernel,
) -> None:
    streaming.log.evaluate(
        """(log) => log.addEventListener("keydown", () => {
             for (const child of [...log.children]) log.append(child.cloneNode(true));
             log.dispatchEvent(new Event("contentvisibilityautostatechange"));
           })"""
    )
    streaming.log.press("Home")
    streaming.page.wait_for_function("document.querySelector('[role=log]').scrollTop === 0")


@pytest.mark.parametrize("refused", [None, "A reply is still running."])
def test_what_one_sends_is_in_sight(streaming: Kernel, refused: str | None) -> None:
    by_wheel(streaming)
    expect(jump_button(streaming)).to_be_visible()
    streaming.change("facts", id="a", facts={"status": "complete"})
    streaming.state()
    streaming.box.fill("And now?")
    streaming.box.press("Enter")
    sent = streaming.wait_sent("send")
    streaming.push("received", nonce=sent["nonce"], **({"refused": refused} if refused else {}))
    if refused:
        expect(streaming.page.get_by_text(refused)).to_be_visible()
    expect(jump_button(streaming)).to_be_visible(visible=bool(refused))
    assert (gap(streaming) < 2) == (not refused)


def test_scrolling_down_to_the_end_follows_again(streaming: Kernel) -> None:
    by_wheel(streaming)
    expect(jump_button(streaming)).to_be_visible()
    streaming.log.press("End")
    streaming.page.wait_for_function(
        """() => {
          const log = document.querySelector("[role=log]");
          return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
        }"""
    )
    expect(jump_button(streaming)).to_be_hidden()
    stream(streaming)
    assert gap(streaming) < 2


def test_the_notebook_never_moves(
    lab: Lab,
    open_notebook: Callable[[Lab, Sequence[str]], NotebookPage],
    server: ScriptedServer,
) -> None:
    notebook = open_notebook(
        lab,
        [
            *["print('above\\n' * 40)"],
            "from nbchat import ChatWidget\n"
            f"chat = ChatWidget(base_url={server.base_url!r}, model='test/model')\nchat",
            *["print('below\\n' * 40)"],
        ],
    )
    notebook.run_all()
    chat = ChatPage(notebook.page)  # cells out of sight are not counted
    chat.message.scroll_into_view_if_needed()
    gates = [threading.Event() for _ in range(5)]
    server.script(
        *(
            step
            for n, gate in enumerate(gates)
            for step in (sse.text("".join(f"Line {n}.{i}\n\n" for i in range(30))), sse.gate(gate))
        ),
        sse.finish(),
        DONE,
    )
    chat.send("Go on and on")
    tops = """() => [document.scrollingElement,
      ...document.querySelectorAll(".jp-WindowedPanel-outer, .jp-Notebook, .jp-OutputArea-output")]
      .map((el) => el.scrollTop)"""
    expect(chat.reply.get_by_text("Line 0.29", exact=True)).to_be_attached()
    expect(chat.reply.get_by_text("Line 0.29", exact=True)).to_be_in_viewport()
    before = notebook.page.evaluate(tops)
    assert any(before)
    for n, gate in enumerate(gates):
        expect(chat.reply.get_by_text(f"Line {n}.29", exact=True)).to_be_in_viewport()
        assert notebook.page.evaluate(tops) == before
        gate.set()
    chat.wait_ended()
    assert notebook.page.evaluate(tops) == before
