"""Variables and failed cells in a real JupyterLab: what is shown is what is sent."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, expect
from sse_server import ScriptedServer
from test_notebook import chat_cell

pytestmark = pytest.mark.browser

Open = Callable[[Lab, Sequence[str]], NotebookPage]

FRAME = """
import pandas as pd
df = pd.DataFrame({"price": [1.5, 2.5, 400.0], "api_key": ["tea", "tea", "tea"]})
def total(frame):
    return frame["prize"].sum()
"""


def chips(chat: ChatPage) -> Locator:
    return chat.root.get_by_role("group", name="Attached files").locator(".nbchat-chip")


def previewed(chat: ChatPage, chip: Locator) -> str:
    """The text that a click on a chip shows."""
    chip.get_by_role("button", name="Preview").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"≈ \d+ tokens"))
    text = dialog.locator("pre").text_content() or ""
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    return text


def test_a_variable_is_picked_previewed_and_sent(
    lab: Lab, open_notebook: Open, server: ScriptedServer
) -> None:
    notebook = open_notebook(lab, [FRAME, chat_cell(server), "df = None"])
    notebook.run(0)
    notebook.run(1)
    chat = ChatPage(notebook.cell(1))
    chat.message.press_sequentially("Why is @d")
    option = chat.page.get_by_role("listbox", name="Variables").get_by_role("option")
    expect(option.first).to_contain_text("df")
    expect(option.first).to_contain_text("DataFrame 3\N{MULTIPLICATION SIGN}2")
    chat.message.press("Enter")
    expect(chat.message).to_have_value("Why is @df ")
    expect(chips(chat)).to_contain_text(["@df"])
    text = previewed(chat, chips(chat))
    assert "3 rows" in text
    assert "400" in text
    assert "tea" not in text
    notebook.run(2)  # what was shown counts, whatever becomes of the variable
    assert server.chats == []
    chat.message.press_sequentially("skewed?")
    chat.message.press("Enter")
    expect(chat.reply).to_contain_text("You said")
    said, table = server.chats[0].body["messages"][0]["content"]
    assert said["text"] == "Why is @df skewed?"
    assert table["text"] == f"@df:\n\n```\n{text}\n```"
    sent = chat.user_messages.last.locator(".nbchat-chip")
    assert previewed(chat, sent) == text


def test_a_failed_cell_is_explained(lab: Lab, open_notebook: Open, server: ScriptedServer) -> None:
    server.script(sse.text("A typo: price."), sse.finish(), sse.DONE)
    notebook = open_notebook(lab, [FRAME, chat_cell(server), "total(df)", "1 + 1"])
    notebook.run(0)
    notebook.run(1)
    chat = ChatPage(notebook.cell(1))
    notebook.start(2)
    notebook.wait_idle()
    explain = chat.notices.get_by_role("button", name="Explain")
    expect(chat.notices).to_contain_text("KeyError in cell [3]")
    notebook.run(3)
    expect(explain).to_have_count(0)
    notebook.start(2)
    notebook.wait_idle()
    explain.click()
    expect(chat.message).to_have_value("Explain this error and how to fix it.")
    expect(chat.message).to_be_focused()
    expect(chips(chat)).to_contain_text(["KeyError in cell [5]", "@total", "@df"])
    expect(explain).to_have_count(0)
    texts = [previewed(chat, chips(chat).nth(n)) for n in range(3)]
    assert "\x1b" not in texts[0]
    assert texts[0].startswith("KeyError: 'prize'")
    assert texts[0].index("total()") < texts[0].index("pandas/core")
    assert 'frame["prize"]' in texts[1]
    assert server.chats == []
    chat.message.press("Enter")
    expect(chat.reply).to_contain_text("A typo")
    parts = server.chats[0].body["messages"][0]["content"]
    assert [text in part["text"] for text, part in zip(texts, parts[1:], strict=True)] == [True] * 3


def test_the_notebook_about_it_runs(lab: Lab, open_notebook: Open) -> None:
    folder = Path(__file__).parents[1] / "notebooks"
    shutil.copy(folder / "recorded.py", lab.root)
    cells = json.loads((folder / "variables.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: cell for cell in cells if cell["cell_type"] == "code"}
    notebook = open_notebook(lab, ["".join(cell["source"]) for cell in sources.values()])
    said = {}
    for n, (id_, cell) in enumerate(sources.items()):
        notebook.start(n)
        notebook.wait_idle()
        outputs = notebook.outputs(n)
        failed = any(output["output_type"] == "error" for output in outputs)
        assert failed == ("raises-exception" in cell["metadata"].get("tags", ()))
        said[id_] = "".join(output.get("text", "") for output in outputs)
    assert "8 rows" in said["body"]
    assert "2 workers" in said["settings"]
    assert "'api_key': '[key]'" in said["settings"]
    assert "a typo" in said["explained"]
    chat = ChatPage(notebook.cell(list(sources).index("chat")))
    expect(chat.user_messages).to_have_count(3)
    expect(chat.reply).to_contain_text("a typo")
