"""The notebooks that bring their own replies run from top to bottom."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import expect
from test_notebook import Open

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def run(lab: Lab, open_notebook: Open, name: str) -> NotebookPage:
    """Runs the notebook's cells of code."""
    shutil.copy(NOTEBOOKS / "recorded.py", lab.root)
    cells = json.loads((NOTEBOOKS / name).read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    notebook = open_notebook(lab, code)
    notebook.run_all()
    return notebook


def test_replies(lab: Lab, open_notebook: Open) -> None:
    notebook = run(lab, open_notebook, "replies.ipynb")
    chat = ChatPage(notebook.cell(0))
    expect(chat.assistant_messages).to_have_count(3)
    expect(chat.conversation.get_by_role("cell", name="443,037")).to_be_visible()
    assert notebook.outputs(1)[0]["text"] == "829693\n"
    assert "born=1815" in notebook.outputs(3)[0]["data"]["text/plain"]
    expect(notebook.cell(6).get_by_role("slider")).to_be_visible()
    assert notebook.outputs(7)[0]["data"]["text/plain"] == "0.3"


def test_compare(lab: Lab, open_notebook: Open) -> None:
    notebook = run(lab, open_notebook, "compare.ipynb")
    chat = ChatPage(notebook.cell(0))
    expect(chat.user_messages).to_have_text(
        ["Explain p-values in a sentence or two.", "An example?"]
    )
    expect(chat.reply).to_contain_text("nine heads")
    expect(notebook.cell(0).get_by_role("button", name="Use recorded")).to_have_count(0)
