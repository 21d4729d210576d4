"""What is selected in a reply stays selected while the reply streams, and when it ends."""

from __future__ import annotations

import re

import pytest
from harness import Kernel, message
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# What has come when the user selects, what they select, and what comes then.
STREAMS = {
    "paragraph": (
        "Some **bold and",
        "bold and",
        [" more** text", ", and `code", "` here.\n\nNext"],
    ),
    "whole paragraph": ("One line of text", "One line of text", [" goes on", "\n\nNext\n\nLast"]),
    "list": ("- first\n- second *it", "first\nsecond", ["em*\n- third", "\n\n- loose", "\n\nEnd"]),
    "nested list": ("1. a\n   - inner", "inner", [" text\n   - more", "\n2. b\n\nEnd"]),
    "table": (
        "| a | b |\n|---|---|\n| one | two |",
        "one\ttwo",
        [" \n| th", "ree | 4 |\n", "\nEnd"],
    ),
    "quote": ("> quoted text", "quoted", [" and", " more\n\nEnd"]),
    "code": ("```python\nx = 1\ny", "x = 1\n", [" = 2\n", "z = 3\n```\n", "\nEnd"]),
    "two blocks": ("# Title\n\nText begins", "Title\n\nText", [" and goes", " on\n\nEnd"]),
    "link defined later": ("A [link] and text", "text", [" more\n\n[link]: https://example.org"]),
}

SELECT = """([words, backwards]) => {
  // As a mouse does it: from the first letter to the last.
  const body = [...document.querySelectorAll(".nbchat-assistant .nbchat-body")].at(-1);
  const [first, last] = [words.trim().split(/\\s/)[0], words.trim().split(/\\s/).at(-1)];
  const texts = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  let start, end;
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!start && text.data.includes(first)) start = [text, text.data.indexOf(first)];
    if (!start || !text.data.includes(last)) continue;
    end ??= [text, text.data.lastIndexOf(last) + last.length];
  }
  const [base, extent] = backwards ? [end, start] : [start, end];
  getSelection().setBaseAndExtent(...base, ...extent);
}"""


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_a_selection_stays(kernel: Kernel, backwards: bool) -> None:
    kernel.open(busy=True)
    replies = kernel.page.locator(".nbchat-assistant")
    for number, (name, (begun, words, rest)) in enumerate(STREAMS.items(), 1):
        kernel.change("message", message=message(name, status="streaming"))
        expect(replies).to_have_count(number)
        kernel.delta(begun, name)
        expect(kernel.reply).to_contain_text(words.split()[-1])
        kernel.page.evaluate(SELECT, [words, backwards])
        selected = "String(getSelection()).trim().split(/\\s+/)"
        assert kernel.page.evaluate(selected) == words.split(), name
        for piece in rest:
            kernel.delta(piece, name)
            if "://" not in piece:
                expect(kernel.reply).to_contain_text(re.findall(r"\w+", piece)[-1])
            assert kernel.page.evaluate(selected) == words.split(), name
        kernel.change("facts", id=name, facts={"status": "complete"})
        expect(kernel.reply).to_have_attribute("aria-busy", "false")
        assert kernel.page.evaluate(selected) == words.split(), name
        assert backwards == kernel.page.evaluate(
            """() => {
              const { anchorNode, anchorOffset } = getSelection();
              const { endContainer, endOffset } = getSelection().getRangeAt(0);
              return anchorNode === endContainer && anchorOffset === endOffset;
            }"""
        )


def test_a_selection_that_the_mouse_is_making_goes_on(kernel: Kernel) -> None:
    kernel.open(busy=True, messages=[message("a", status="streaming")])
    kernel.delta("- one two three")
    item = kernel.reply.get_by_role("listitem")
    expect(item).to_have_text("one two three")
    box = item.bounding_box()
    mouse, height = kernel.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 1, height)
    mouse.down()
    mouse.move(box["x"] + 30, height)
    kernel.delta(" four\n- five")
    expect(kernel.reply).to_contain_text("five")
    mouse.move(box["x"] + 300, height)
    mouse.up()
    assert kernel.page.evaluate("String(getSelection())").startswith("one two three four")
