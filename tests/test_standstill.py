"""However slow a part of a reply is to draw, the page goes on with what comes after it."""

from __future__ import annotations

import struct
import zlib

import pytest
from harness import Kernel, attachment, failure, message
from playwright.sync_api import Page, expect
from test_code_and_math import Chat

pytestmark = pytest.mark.browser

# The next reply is to be there within a second; the rest is for machines on which other tests run.
SOON_MS = 4000

SLOW = {
    "formulas": "$x_{1}$ " * 2000,
    "different formulas": " ".join(f"$x_{{{n}}}$" for n in range(2000)),
    "braces": "$x" + "{" * 9000 + "y" + "}" * 9000 + "$",
    "list": "- $x$ **y** `z`\n" * 2000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_after_slow_markdown(page: Page, text: str) -> None:
    chat = Chat(page)
    chat.show("$y$", "w")
    expect(page.locator("math")).to_be_visible()
    chat.show("", "a", status="streaming")
    for at in range(0, len(text), 500):
        chat.delta(text[at : at + 500])
    chat.change("facts", id="a", facts={"status": "complete"})
    for n in range(3):
        chat.show(f"the next reply {n}", f"b{n}")
        expect(page.get_by_text(f"the next reply {n}")).to_be_visible(timeout=SOON_MS)


def test_a_pause_holds_back_no_card_and_no_error(page: Page) -> None:
    """Even when drawing the open block takes a second each time."""
    chat = Chat(page)
    chat.show("", "a", status="streaming")
    page.evaluate(
        """() => {
          // The page's clock says that each drawing of the text takes a second.
          const now = performance.now.bind(performance);
          let late = 0;
          performance.now = () => now() + late;
          new MutationObserver(() => { late += 1000; }).observe(
            document.querySelector(".nbchat-log"), { childList: true, subtree: true });
          const append = Element.prototype.append;
          Element.prototype.append = function (...all) {
            if (this.matches(".nbchat-markdown")) late += 1000;
            return append.apply(this, all);
          };
        }"""
    )
    chat.delta("One ")
    expect(chat.reply).to_contain_text("One")
    call = {"name": "add", "arguments": "{}", "status": "waiting", "result": "", "at": 4}
    chat.change("call", id="a", index=0, call=call)
    expect(chat.reply.get_by_role("group", name="Call of add")).to_be_visible(timeout=SOON_MS)
    error = failure("The server is gone.")
    chat.change("facts", id="a", facts={"status": "error", "error": error})
    expect(chat.reply.get_by_text("The server is gone.")).to_be_visible(timeout=SOON_MS)


def empty_png(side: int) -> bytes:
    """A black image of so many pixels in each direction, which takes a few kB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    pixels = b"".join([packer.compress(row) for _ in range(side)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_huge_images_stay_chips(kernel: Kernel) -> None:
    kernel.open()
    files = {f"i{n}": empty_png(16_000) for n in range(12)} | {"small": empty_png(100)}
    kernel.has(files)
    kernel.change(
        "message",
        message=message("a", attachments=[attachment(id_, f"{id_}.png") for id_ in files]),
    )
    # Not scroll_into_view_if_needed, which fails where the button is drawn again meanwhile.
    save = kernel.page.get_by_role("button", name="Save small.png")
    expect(save).to_be_visible()
    kernel.log.evaluate("(log) => { log.scrollTop = log.scrollHeight; }")
    expect(kernel.page.get_by_role("button", name="Open small.png")).to_be_visible()
    expect(kernel.page.locator("img")).to_have_count(1)
    expect(kernel.page.get_by_role("button", name="Save i3.png")).to_be_visible()
    for n in range(3):
        kernel.change("message", message=message(f"b{n}", content=f"the next reply {n}"))
        expect(kernel.page.get_by_text(f"the next reply {n}")).to_be_visible(timeout=SOON_MS)


def test_thousands_of_images_in_a_message(kernel: Kernel) -> None:
    kernel.open()
    files = [attachment(f"i{n}", f"{n}.png") for n in range(3000)]
    kernel.change("message", message=message("a", attachments=files))
    expect(kernel.page.get_by_text("2900 more are not shown.")).to_be_visible(timeout=SOON_MS)
    expect(kernel.page.locator(".nbchat-attachment")).to_have_count(100)


def test_thousands_of_states_are_drawn_together(kernel: Kernel) -> None:
    kernel.open()
    drawn = kernel.page.evaluate(
        """async () => {
          let drawn = 0;
          const line = document.querySelector(".nbchat-suggestions");
          const observer = new MutationObserver(() => drawn++);
          observer.observe(line, { childList: true, characterData: true, subtree: true });
          for (let seq = 1; seq <= 40000; seq++) {
            const suggestions = [{ label: `about ${seq}`, text: "" }];
            kernel.push({ type: "state", seq, state: { suggestions } });
          }
          while (!line.textContent.includes("40000")) await new Promise(requestAnimationFrame);
          return drawn;
        }"""
    )
    assert drawn < 10
