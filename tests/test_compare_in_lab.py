"""A comparison in a real JupyterLab over a scripted server."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import ScriptedServer
from test_compare import A, B, C, Models, says
from test_notebook import Open

pytestmark = pytest.mark.browser

ANSWER = (
    "A **p-value** is the probability of data at least as extreme as yours, *if* the null "
    "hypothesis holds.\n\n- small: surprising\n- large: not surprising\n\n```python\n"
    "from scipy import stats\nstats.ttest_ind(a, b).pvalue\n```\n"
)


@pytest.fixture
def models(server: ScriptedServer) -> Models:
    return Models(server)


def column(cell: Locator, model: str) -> Locator:
    return cell.get_by_role("region", name=model, exact=True)


def take(column: Locator) -> Locator:
    return column.get_by_role("button", name="Continue with this one")


def test_columns_stream_and_a_click_goes_on_with_one(
    lab: Lab,
    open_notebook: Open,
    server: ScriptedServer,
    models: Models,
    serious: Callable[[], list[Any]],
) -> None:
    a, b = threading.Event(), threading.Event()
    models.script(A, sse.text("First ", model=A), sse.gate(a), *says(ANSWER, A, cost=0.0123))
    models.script(B, sse.text("Second ", model=B), sse.gate(b), *says("and last.", B))
    models.script(C, sse.status(429, {"error": {"message": "Too many requests"}}))
    notebook: NotebookPage = open_notebook(
        lab,
        [
            "import nbchat\ncomparison = nbchat.compare('Explain p-values <b>briefly</b>', "
            f"models={[A, B, C]!r}, base_url={server.base_url!r})\ncomparison",
            "print(comparison.chat.messages[-1]['content'], len(comparison.to_frame()))",
        ],
    )
    notebook.run(0)
    page, cell = notebook.page, notebook.cell(0)
    first, second, third = (column(cell, model) for model in (A, B, C))
    stop = cell.get_by_role("button", name="Stop", exact=True)
    expect(first.get_by_role("article", name="Assistant")).to_contain_text("First")
    expect(second.get_by_role("article", name="Assistant")).to_contain_text("Second")
    expect(first).to_contain_text(re.compile(r"First token[\d.]+ m?s"))  # known by now
    expect(third.get_by_role("alert")).to_contain_text("Too many requests")
    expect(cell.get_by_role("article", name="You")).to_have_text("Explain p-values <b>briefly</b>")
    expect(stop).to_be_enabled()
    expect(take(first)).to_be_disabled()
    expect(take(third)).to_be_enabled()

    a.set()
    expect(take(first)).to_be_enabled()
    expect(first).to_contain_text(re.compile(r"Total[\d.]+ m?s"))
    expect(first).to_contain_text("3 in / 5 out")
    expect(first).to_contain_text("$0.0123")
    expect(first.locator("strong")).to_have_text("p-value")
    expect(take(second)).to_be_disabled()
    expect(second.get_by_role("article")).to_have_attribute("aria-busy", "true")

    b.set()
    expect(take(second)).to_be_enabled()
    expect(stop).to_be_disabled()
    assert serious() == []
    notebook.theme("dark")
    assert serious() == []
    page.set_viewport_size({"width": 480, "height": 900})
    boxes = [each.bounding_box() for each in (first, second)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"], "one below the other"
    notebook.theme("light")
    page.set_viewport_size({"width": 1280, "height": 900})

    take(second).focus()
    take(second).press("Enter")
    chat = ChatPage(cell)
    expect(chat.message).to_be_focused()
    expect(second).to_have_count(0)
    expect(chat.reply).to_contain_text("Second and last.")
    models.script(B, *says("Because.", B))
    expect(chat.ask("Why?")).to_contain_text("Because.")
    said = [message["content"] for message in models.asked(B)[1].body["messages"]]
    assert said == ["Explain p-values <b>briefly</b>", "Second and last.", "Why?"]
    notebook.run(1)
    (output,) = notebook.outputs(1)
    assert output["text"] == "Because. 3\n"


def test_a_reloaded_page_shows_it_in_the_middle(
    lab: Lab, open_notebook: Open, server: ScriptedServer, models: Models
) -> None:
    more = threading.Event()
    models.script(A, sse.text("One ", model=A), sse.gate(more), *says("two", A))
    models.script(B, *says("Three", B))
    cells = [
        f"import nbchat\nnbchat.compare('Go', {[A, B]!r}, base_url={server.base_url!r}).display()"
    ]
    notebook = open_notebook(lab, cells)
    notebook.run(0)
    first, second = (column(notebook.cell(0), model) for model in (A, B))
    expect(first.get_by_role("article")).to_contain_text("One")
    expect(take(second)).to_be_enabled()
    notebook.reload()
    expect(first.get_by_role("article")).to_contain_text("One")
    expect(second.get_by_role("article")).to_contain_text("Three")
    expect(notebook.cell(0).get_by_text("Three")).to_have_count(1)  # not the plain copy as well
    more.set()
    expect(first.get_by_role("article")).to_contain_text("One two")
