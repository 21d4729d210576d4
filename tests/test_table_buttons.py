"""The buttons on a reply's tables: copy as CSV, and a DataFrame in a cell below."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from harness import Kernel, message
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

TABLE = "\n".join(
    [
        "| fruit | price | notes |",
        "|---|---:|---|",
        '| apples | -1.5 | =HYPERLINK("http://127.0.0.1") |',
        '| "red" pears, ripe | 2 | @SUM(1) |',
        "| a | +3 % | - not a number |",
        '| \u202eb | 4 | """) + evil() # |',
    ]
)


def button(kernel: Kernel, name: str) -> Locator:
    return kernel.reply.get_by_role("button", name=name)


def show(kernel: Kernel, content: str = TABLE, **more: Any) -> None:
    kernel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    kernel.open(messages=[message("a", content=content, **more)])


def in_notebook(kernel: Kernel) -> None:
    """From now on, the page is a cell of a notebook, which keeps what is inserted."""
    kernel.page.evaluate(
        """() => {
          window.inserted = [];
          document.documentElement.classList.add("jp-Notebook");
          document.body.classList.add("jp-Cell");
          const insertCell = (index, { source }) => { window.inserted.push(source); };
          manager.context = { model: { sharedModel: { insertCell, cells: [] } } };
        }"""
    )


def test_a_table_is_copied_as_csv_without_formulas(kernel: Kernel) -> None:
    show(kernel)
    kernel.reply.locator("td").first.hover()
    button(kernel, "Copy as CSV").click()
    expect(button(kernel, "Copied")).to_be_visible()
    copied = kernel.page.evaluate("navigator.clipboard.readText()")
    assert list(csv.reader(io.StringIO(copied, newline=""))) == [
        ["fruit", "price", "notes"],
        ["apples", "-1.5", '\'=HYPERLINK("http://127.0.0.1")'],
        ['"red" pears, ripe', "2", "'@SUM(1)"],
        ["a", "+3 %", "'- not a number"],
        ["\u202eb", "4", '""") + evil() #'],
    ]


def test_a_table_goes_into_a_cell_as_code_that_makes_a_frame(kernel: Kernel) -> None:
    in_notebook(kernel)
    show(kernel)
    button(kernel, "To DataFrame").evaluate("(button) => button.click()")  # no script's click
    button(kernel, "To DataFrame").press("Enter")
    (source,) = kernel.page.evaluate("inserted")
    assert "\u202e" not in source
    names: dict[str, Any] = {}
    exec(source, names)  # it defines a frame, and what the model wrote stays text
    frame = names["df"]
    assert list(frame.columns) == ["fruit", "price", "notes"]
    assert frame["fruit"].tolist() == ["apples", '"red" pears, ripe', "a", "\u202eb"]
    assert frame["notes"].tolist()[0] == '=HYPERLINK("http://127.0.0.1")'
    assert frame["notes"].tolist()[3] == '""") + evil() #'
    assert isinstance(frame, pd.DataFrame)


def test_it_is_offered_only_where_a_cell_can_be_inserted(kernel: Kernel) -> None:
    show(kernel)
    expect(button(kernel, "Copy as CSV")).to_have_count(1)
    expect(button(kernel, "To DataFrame")).to_have_count(0)


def test_a_growing_table_has_no_buttons_yet(kernel: Kernel) -> None:
    show(kernel, status="streaming", finish_reason=None)
    expect(kernel.reply.locator("td").first).to_be_visible()
    expect(button(kernel, "Copy as CSV")).to_have_count(0)
    kernel.change("facts", id="a", facts={"status": "complete", "finish_reason": "stop"})
    expect(button(kernel, "Copy as CSV")).to_have_count(1)


def test_the_buttons_stay_at_the_right_of_a_table_that_scrolls(
    kernel: Kernel, serious: Callable[[], Sequence[Any]], tmp_path: Path
) -> None:
    kernel.page.set_viewport_size({"width": 390, "height": 800})
    columns = [f"column number {n}" for n in range(9)]
    row = f"| {' | '.join(columns)} |\n"
    show(kernel, f"{row}|{'---|' * 9}\n{row}")
    box = kernel.reply.locator(".nbchat-table")
    copy = button(kernel, "Copy as CSV")
    before = copy.bounding_box()
    box.evaluate("(box) => { box.scrollLeft = 300; }")
    assert copy.bounding_box() == before
    assert serious() == []
    kernel.page.screenshot(path=tmp_path / "table.png")
