"""Right-to-left text, footnotes, and the user's own code, as the page shows them."""

from __future__ import annotations

import pytest
from harness import Kernel, failure, message
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HEBREW = (
    "שלום `print(1)` עולם\n\n- אחת\n- two\n\n| שם | n |\n|---|---|\n| דנה | 1 |\n\n"
    "```python\nprint(1)\n```\n\n`df.head()` מציג שורות\n\nPlain English"
)
DIRECTIONS = """
    (selector) => [...document.querySelectorAll(selector)]
      .map((el) => getComputedStyle(el).direction)
"""


def test_text_runs_as_its_script_does_and_code_left_to_right(kernel: Kernel) -> None:
    kernel.open(busy=True, messages=[message("a", content="", status="streaming")])
    for at in range(0, len(HEBREW), 20):
        kernel.delta(HEBREW[at : at + 20])
    blocks = ".nbchat-assistant .nbchat-markdown > *"
    expect(kernel.page.locator(blocks)).to_have_count(6)
    expect(kernel.page.locator(blocks).last).to_have_text("Plain English")

    def directions(selector: str) -> list[str]:
        found: list[str] = kernel.page.evaluate(DIRECTIONS, selector)
        return found

    assert directions(blocks) == ["rtl", "rtl", "rtl", "ltr", "rtl", "ltr"]
    assert directions(".nbchat-assistant table") == ["rtl"]
    two = kernel.page.locator(".nbchat-assistant li").last
    assert two.evaluate("(el) => getComputedStyle(el).textAlign") == "right"
    assert set(directions(".nbchat-assistant code")) == {"ltr"}


def test_the_box_and_the_users_message_run_so_too(kernel: Kernel) -> None:
    kernel.open(messages=[message("u", role="user", content="שלום\n\n```\nx = 1\n```")])
    paragraph = kernel.page.locator(".nbchat-bubble p")
    assert paragraph.evaluate("(el) => getComputedStyle(el).direction") == "rtl"
    code = kernel.page.locator(".nbchat-bubble pre")
    assert code.evaluate("(el) => getComputedStyle(el).direction") == "ltr"
    kernel.box.fill("שלום")
    assert kernel.box.evaluate("(el) => getComputedStyle(el).direction") == "rtl"


def test_a_footnote_is_found_in_its_own_message(kernel: Kernel) -> None:
    text = "See[^1].\n\n[^1]: The {} note"
    kernel.open(
        messages=[
            message("a", content=text.format("first")),
            message("b", content=text.format("second")),
        ]
    )
    kernel.page.get_by_role("link", name="Footnote 1").nth(1).click()
    expect(kernel.page.locator(":focus")).to_have_text("1 The second note")
    assert kernel.page.evaluate("location.hash") == ""
    assert kernel.page.locator(".nbchat-markdown [id]").count() == 0


def test_the_users_code_is_code_and_a_long_text_is_folded(kernel: Kernel) -> None:
    text = "Why?\n```python\nx = 1\n```\n" + "\n".join(map(str, range(30)))
    kernel.open(
        messages=[
            message("u", role="user", content=text),
            message("a", content="Because"),
            message("v", role="user", content="short **text**"),
        ]
    )
    first, second = kernel.page.get_by_role("article", name="You").all()
    expect(first.locator("pre code")).to_have_text("x = 1")
    expect(first.get_by_role("button", name="Run code")).to_have_count(0)
    expect(first.locator(".nbchat-bubble")).not_to_contain_text("```")
    expect(second.locator(".nbchat-bubble")).to_have_text("short **text**")
    expect(second.get_by_role("button", name="Show more")).to_have_count(0)
    more = first.get_by_role("button", name="Show more")
    height = first.bounding_box()["height"]  # type: ignore[index]
    assert height < 320
    more.click()
    expect(first.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
    assert first.bounding_box()["height"] > height + 200  # type: ignore[index]
    first.hover()
    first.get_by_role("button", name="Edit message").click()
    expect(kernel.box).to_have_value(text)


def test_an_error_has_code_and_links(kernel: Kernel) -> None:
    said = "Set `http://localhost:1/v1` or read https://example.com/help."
    error = failure(said)
    kernel.open(messages=[message("a", content="", status="error", error=error)])
    alert = kernel.page.get_by_role("alert").filter(has_text="or read")
    expect(alert.locator("code")).to_have_text("http://localhost:1/v1")
    expect(alert.get_by_role("link")).to_have_text("example.com/help")
    expect(alert).not_to_contain_text("`")


def test_short_cells_stay_on_one_line_and_a_wide_table_scrolls(kernel: Kernel) -> None:
    row = " | ".join(["some short words"] * 6)
    long = "a text that is longer than the cells beside it and is wrapped"
    text = f"| {row} | {long} |\n|{'---|' * 7}\n| {row} | {long} |\n"
    kernel.page.set_viewport_size({"width": 700, "height": 800})
    kernel.open(messages=[message("a", content=text)])
    table = kernel.page.locator(".nbchat-table")
    assert table.evaluate("(el) => el.scrollWidth > el.clientWidth")
    heights = table.locator("td").evaluate_all(
        "(cells) => cells.map((el) => { const range = document.createRange();"
        " range.selectNodeContents(el); return range.getClientRects().length; })"
    )
    assert heights[:6] == [1] * 6
    assert 2 <= heights[6] <= 4
