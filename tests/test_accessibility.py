"""The chat for people who don't see it, don't use a mouse, or need it drawn in another way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
import sse_server as sse
from harness import PNG, Kernel, attachment, failure, message, notice, upload
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import expect
from sse_server import DONE, ScriptedServer
from states import STATES
from until import until

pytestmark = pytest.mark.browser

REPLY = """# A heading

Some *emphasis*, `code` and a [link](https://example.org).

| a | b |
|---|---|
| 1 | 2 |

- [x] done
- [ ] open

> A quote

```python
x = 1
```
"""


@pytest.mark.parametrize("theme", ["light", "dark", "dark high contrast"])
def test_axe_finds_nothing_serious(
    lab: Lab,
    open_notebook: Callable[[Lab, Sequence[str]], NotebookPage],
    server: ScriptedServer,
    serious: Callable[[], list[Any]],
    theme: Literal["light", "dark", "dark high contrast"],
) -> None:
    notebook = open_notebook(
        lab,
        [
            "from nbchat import ChatWidget\n"
            f"chat = ChatWidget(base_url={server.base_url!r}, model='test/model')\nchat"
        ],
    )
    notebook.theme(theme)
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    found = {"empty": serious()}
    more = threading.Event()
    server.script(
        sse.reasoning("Hm"), sse.text(REPLY), sse.gate(more), sse.text("End"), sse.finish(), DONE
    )
    chat.send("Hello")
    expect(chat.reply).to_contain_text("x = 1")
    chat.open_thoughts()
    found["streaming"] = serious()
    more.set()
    chat.wait_ended()
    chat.open_thoughts()
    found["done"] = serious()
    chat.more_button.click()
    found["menu"] = serious()
    server.script(sse.text("Part"), sse.error("The provider fell over"))
    chat.ask("Again")
    expect(chat.alert).to_be_visible()
    found["error"] = serious()
    assert {state: problems for state, problems in found.items() if problems} == {}


@pytest.mark.parametrize("theme", ["light", "dark", "forced colours"])
def test_axe_finds_nothing(kernel: Kernel, axe: Callable[[], list[Any]], theme: str) -> None:
    found = {}
    for name, show in STATES.items():
        kernel.reload()
        kernel.page.set_viewport_size({"width": 1280, "height": 900})
        forced = "active" if theme == "forced colours" else "none"
        kernel.page.emulate_media(reduced_motion="reduce", forced_colors=forced)
        light = str(theme != "dark").lower()
        kernel.page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
        show(kernel)
        found[name] = axe()
    assert {state: problems for state, problems in found.items() if problems} == {}


# Parts that stick out at the side, unless they are in a box that scrolls.
CUT = """() => {
  const scrolls = (el) => el && (scrolls(el.parentElement) ||
    (getComputedStyle(el).overflowX !== "visible" && el.scrollWidth > el.clientWidth + 1));
  return [...document.querySelectorAll(".nbchat *")].filter((el) => {
    const { left, right, width } = el.getBoundingClientRect();
    const sticksOut = right > innerWidth + 1 || left < -1;
    return sticksOut && width > 0 && el.checkVisibility() && !scrolls(el.parentElement);
  }).map((el) => el.outerHTML.slice(0, 100));
}"""


def test_nothing_is_cut_at_a_width_of_320_px(kernel: Kernel) -> None:
    """As wide as a page of 1280 px at 400 % (WCAG 1.4.10)."""
    for name, show in STATES.items():
        kernel.reload()
        show(kernel)
        kernel.page.set_viewport_size({"width": 320, "height": 800})
        until(lambda: kernel.page.evaluate("document.documentElement.scrollWidth") <= 320)
        until(lambda: kernel.page.evaluate(CUT) == [])
        assert kernel.box.bounding_box()["width"] > 200, name


@pytest.mark.parametrize("light", ["true", "false"])
def test_axe_finds_nothing_serious_in_attachments_and_notes(
    kernel: Kernel, serious: Callable[[], list[Any]], light: str
) -> None:
    kernel.page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
    kernel.open()
    kernel.has({"i": PNG})
    files = [attachment("i", "chart.png"), attachment("c", "data.csv", "text/csv")]
    kernel.change("message", message=message("u", role="user", attachments=files))
    kernel.change("message", message=message("a", attachments=files[:1], notes=["y/z answered."]))
    kernel.page.set_input_files(
        "input[type=file]", [upload("new.png", PNG, "image/png"), upload("new.csv")]
    )
    remove = kernel.page.get_by_role("button", name="Remove new.csv")
    expect(remove).to_be_visible()
    expect(kernel.page.locator("article img")).to_have_count(2)
    kernel.reply.hover()
    found = {"chat": serious()}
    kernel.reply.get_by_role("button", name="Open chart.png").click()
    expect(kernel.page.get_by_role("dialog")).to_be_visible()
    found["image"] = serious()
    assert {state: problems for state, problems in found.items() if problems} == {}


def test_a_reply_is_heard_in_whole_pieces(kernel: Kernel) -> None:
    # Closed in the chat, so that nobody who searches the page finds a reply twice.
    kernel.page.evaluate(
        """() => {
          const attach = Element.prototype.attachShadow;
          Element.prototype.attachShadow = function () {
            return attach.call(this, { mode: "open" });
          };
        }"""
    )
    kernel.open(messages=[message("old", content="Old news")])
    expect(kernel.log).to_have_attribute("aria-live", "off")
    live = kernel.page.locator(".nbchat-announcer [aria-live=polite]")
    kernel.page.evaluate(
        """() => {
          window.heard = [];
          new MutationObserver((records) => {
            for (const { addedNodes } of records) {
              for (const node of addedNodes) heard.push(node.textContent);
            }
          }).observe(document.querySelector(".nbchat-announcer").shadowRoot, {
            characterData: true, childList: true, subtree: true,
          });
        }"""
    )
    expect(live).to_have_attribute("aria-live", "polite")
    kernel.change("message", message=message("a", status="streaming"))
    for letter in "# Title\n\nSome *text*\n\nThe e":
        kernel.delta(letter)
    expect(live).to_contain_text("Some text")
    kernel.delta("nd")
    kernel.change("facts", id="a", facts={"status": "stopped", "notes": ["y/z answered."]})
    expect(live).to_contain_text("Stopped")
    assert kernel.page.evaluate("heard") == [
        *["Title", "Some text", "The end", "y/z answered.", "Stopped"],
    ]
    kernel.change("replace", ids=["old", "a"], messages=[])
    kernel.state(notices=[notice("n", "Chat cleared.", actions=[{"id": "undo", "label": "Undo"}])])
    kernel.state(notices=[notice("n", "Chat cleared.", actions=[{"id": "undo", "label": "Undo"}])])
    expect(live).to_contain_text("Chat cleared.")
    assert kernel.page.evaluate("heard.slice(5)") == ["Chat cleared."]


def test_there_is_an_alert_only_when_there_is_an_error(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="Fine")])
    kernel.state(notices=[notice("n", "Note")])
    expect(kernel.page.get_by_role("note")).to_be_visible()
    expect(kernel.page.get_by_role("alert")).to_have_count(0)
    error = failure("Overloaded.")
    kernel.change("message", message=message("a", content="Fine", status="error", error=error))
    expect(kernel.page.get_by_role("alert")).to_have_text("Overloaded.")


def test_everything_is_reached_by_tab(kernel: Kernel) -> None:
    error = failure("Overloaded.", detail="HTTP 503", retryable=True)
    kernel.open(
        messages=[message("a", content="[link](https://a.example)", status="error", error=error)]
    )
    kernel.state(
        notices=[notice("n", "Ask", actions=[{"id": "x", "label": "Go"}])],
        download="reply.md",
        efforts={"low": "low", "high": "high"},
        effort="low",
    )
    kernel.box.fill("Hello")
    kernel.log.focus()
    reached = []
    for _ in range(12):
        kernel.page.keyboard.press("Tab")
        reached.append(
            kernel.page.evaluate(
                """() => {
                  const { ariaLabel, textContent } = document.activeElement;
                  const { outlineStyle } = getComputedStyle(document.activeElement);
                  const box = document.activeElement.closest(".nbchat-box");
                  const seen = outlineStyle !== "none" || box !== null;
                  return (ariaLabel || textContent) + (seen ? "" : " (not seen)");
                }"""
            )
        )
    assert reached == [
        *["link", "Continue", "Retry", "What the server said", "Copy message", "Go"],
        *["Close", "Message", "Attach files", "Add a variable", "Thinking", "Send"],
    ]


def test_reduced_motion_and_forced_colours(kernel: Kernel) -> None:
    kernel.page.emulate_media(reduced_motion="reduce", forced_colors="active")
    kernel.open(
        messages=[message("u", role="user", content="Hi"), message("a", status="streaming")]
    )
    moving = kernel.page.evaluate(
        "document.getAnimations().filter(({ playState }) => playState === 'running').length"
    )
    assert moving == 0
    bubble = kernel.page.get_by_text("Hi", exact=True)
    assert bubble.evaluate("(el) => getComputedStyle(el).borderTopStyle") == "solid"
