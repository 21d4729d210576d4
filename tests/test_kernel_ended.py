"""What a page shows of a chat whose kernel has ended, and the copy that it saves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Kernel, attachment, message
from playwright.sync_api import expect
from test_one_way_out import TEXTS

from nbchat._chat.foreign_text import harmless

pytestmark = pytest.mark.browser

BANNER = "This is the conversation so far; run the cell to continue."
PROSE = [
    "Text with `<b>` and `x[0](y)`, 1 < 2, <b>bold</b>",
    "- item\n\t```py\n\tprint(1)\n\t```\n- another",
    "~~~~ {python}\nx\n~~~\n~~~~ \nafter",
    "```\nnever closed",
    "a \\[x\\] \\data{x} C:\\data\\x and $\\data$",
    "one\r\ntwo\rthree\n\n \n![a](b) [c](https://example.org) [d](file:///x)",
]


def test_the_page_makes_foreign_text_as_harmless_as_the_kernel_does(
    markdown: Callable[..., Any],
) -> None:
    texts = [*TEXTS, *PROSE]
    assert markdown("return argument.map(nbchat.harmless)", texts) == [
        harmless(text).replace("\r\n", "\n").replace("\r", "\n") for text in texts
    ]


def test_a_file_that_the_page_lacks_says_so_in_its_place(kernel: Kernel) -> None:
    table = attachment("t", "data.csv", "text/csv", kind="text")
    kernel.open(messages=[message("u", role="user", content="Hi", attachments=[table])])
    kernel.push("synced")
    kernel.page.evaluate("killKernel()")
    expect(kernel.page.get_by_text(BANNER)).to_have_count(1)
    kernel.page.get_by_role("button", name="Preview data.csv").click()
    expect(kernel.page.get_by_text("and this file is not in the page.")).to_be_visible()


def test_after_the_kernel_has_ended_all_stays_that_needs_no_kernel(kernel: Kernel) -> None:
    call = {"name": "add", "arguments": '{"a": 1}', "status": "waiting", "result": "", "at": 6}
    reply = message(
        "a",
        content="# Hi\n\n<img src=x>\n\n```python\n1\n```",
        reasoning="Hm.",
        status="streaming",
        tool_calls=[call],
    )
    kernel.open(
        busy=True,
        download="reply.md",
        messages=[message("u", role="user", content="What?"), reply],
    )
    kernel.push("synced")
    page = kernel.page
    kernel.box.fill("my draft")
    expect(kernel.reply.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    kernel.page.evaluate("killKernel()")

    expect(page.get_by_text(BANNER)).to_have_count(1)
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)
    expect(kernel.box).to_have_value("my draft")
    expect(kernel.box).not_to_be_editable()
    expect(kernel.send_button).to_be_disabled()
    expect(kernel.reply).to_contain_text("Stopped")
    expect(kernel.reply).to_have_attribute("aria-busy", "false")
    for name in ("Allow", "Edit message", "Regenerate", "Run code"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    kernel.open_more()
    items = page.locator(".nbchat-menu .nbchat-item").filter(visible=True)
    expect(items).to_have_text(["Copy conversation", "Open in a panel"])
    assert kernel.reply.get_by_role("button", name="Copy message").is_enabled()

    with page.expect_download() as download:
        page.get_by_role("button", name="Save a copy").click()
    assert download.value.suggested_filename == "conversation.md"
    assert Path(download.value.path()).read_text("utf-8") == (
        "<!-- nbchat -->\n\n## You (test/model)\n\nWhat?\n\n## Assistant (test/model)\n\n"
        "<details>\n<summary>Thoughts</summary>\n\nHm.\n\n</details>\n\n# Hi\n\n"
        '> Called add: stopped\n\n```json\n{"a": 1}\n```\n\n'
        "&lt;img src=x>\n\n```python\n1\n```\n\n> Stopped\n"
    )


def test_a_chat_without_messages_has_nothing_to_save(kernel: Kernel) -> None:
    kernel.open()
    kernel.push("synced")
    kernel.page.evaluate("killKernel()")
    expect(kernel.page.get_by_text("Run the cell to continue.")).to_be_visible()
    expect(kernel.page.get_by_role("button", name="Save a copy")).to_have_count(0)


def test_a_host_that_drops_the_bundle_shows_one_line_above_the_copy(kernel: Kernel) -> None:
    kernel.page.evaluate("window.deflated = async () => ({})")  # what is left of saved bytes
    kernel.open(["transcript", "thoughts", "composer", "model"])
    line = kernel.page.get_by_text("Saved conversation. Run the cell to continue.")
    expect(line.filter(visible=True)).to_have_count(1)
    expect(kernel.page.get_by_role("slider")).to_have_count(0)
    expect(kernel.page.get_by_role("combobox")).to_have_count(0)
