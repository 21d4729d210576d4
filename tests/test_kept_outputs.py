"""What was run from a reply is kept with the chat: its outputs come back, within bounds."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from harness import PNG, Kernel, message
from IPython.core.interactiveshell import InteractiveShell
from pages import ask_page
from playwright.sync_api import expect
from sse_server import DONE, ScriptedServer
from test_explain import offers, run, shell
from test_servers import Make, snapshot
from until import TIMEOUT

from nbchat import ChatWidget
from nbchat._chat.conversation.runs import (
    ERROR,
    MAX_CHARACTERS,
    MAX_IMAGE_CHARACTERS,
    MAX_OUTPUTS,
    Run,
)

__all__ = ["shell"]  # a fixture

PICTURE = base64.b64encode(PNG).decode()
TABLE = "<table><tr><th>fruit</th></tr><tr><td>apples</td></tr></table>"
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"output_type": "stream", "name": "stdout", "text": "10 %\r\x1b[31m100 %\x1b[0m\n"},
    {
        "output_type": "display_data",
        "data": {"image/png": f"{PICTURE}\n", "text/plain": "<Figure>"},
    },
    {
        "output_type": "execute_result",
        "data": {"text/html": TABLE, "text/plain": ["  fruit\n", "0"]},
    },
    {
        "output_type": "error",
        "ename": "KeyError",
        "evalue": "'a'",
        "traceback": ["\x1b[0mKeyError"],
    },
)
KEPT = [
    {"text/plain": "100 %\n"},
    {"image/png": PICTURE},
    {"text/plain": "  fruit\n0", "text/html": TABLE},
    {"text/plain": "KeyError", ERROR: "KeyError: 'a'"},
]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def ask(chat: ChatWidget, server: ScriptedServer, *codes: str) -> str:
    """Returns the id of a reply with these blocks of code."""
    text = "\n\n".join(f"```python\n{code}\n```" for code in codes)
    server.script(sse.text(text), sse.finish(), DONE)
    chat.send("Write some code").wait(TIMEOUT)
    return chat._session.last_reply.id


def allow(chat: ChatWidget, id_: str, code: str, index: int = 0) -> Any:
    """As a page asks before it runs code; returns the widget that Jupyter fills."""
    ask_page(chat, "run", id=id_, index=index, code=code)
    return chat._runs._outputs[id_, index]


def ran(chat: ChatWidget, id_: str, index: int = 0) -> tuple[str, list[dict[str, str]]]:
    file = ask_page(chat, "ran", id=id_, index=index)
    assert file is not None
    kept = json.loads(file.content)
    return kept["status"], kept["outputs"]


def runs(chat: ChatWidget) -> dict[str, str]:
    shown: dict[str, str] = snapshot(chat)["messages"][-1]["runs"]
    return shown


def test_a_named_chat_comes_back_with_its_outputs(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make(name="analysis")
    id_ = ask(chat, server, "a = 1", "a", "b = 2")
    for index, code in enumerate(("a = 1", "a")):
        output = allow(chat, id_, code, index)
        assert runs(chat)[str(index)] == output.model_id
        run(shell, code)
    output.outputs = OUTPUTS
    allow(chat, id_, "b = 2", 2)  # a cell before it fails: it never begins
    chat.close()
    again = make(name="analysis")
    assert runs(again) == {"0": "", "1": ""}
    assert ran(again, id_, 0) == ("done", [])
    assert ran(again, id_, 1) == ("done", KEPT)
    files = json.loads(ask_page(again, "outputs", id=id_, index=1).content)  # type: ignore[union-attr]
    assert [file["name"] for file in files] == ["output.txt", "output-1.png"]
    # It is kept for the next time, too, and can be run again.
    again.close()
    last = make(name="analysis")
    assert ran(last, id_, 1) == ("done", KEPT)
    assert runs(last)["1"] != allow(last, id_, "a", 1).model_id == runs(last)["1"]


def test_what_ran_when_the_kernel_died_is_interrupted(
    make: Make, server: ScriptedServer, shell: InteractiveShell, data: Path, tmp_path: Path
) -> None:
    chat = make(name="analysis")
    code = "save()"
    id_ = ask(chat, server, code)
    output = allow(chat, id_, code)

    def save() -> None:
        output.outputs = OUTPUTS[:1]
        chat._keeper._autosave.flush()  # the last thing that this kernel does
        (saved,) = data.rglob("*.json")
        shutil.copy(saved, tmp_path / "left.json")

    shell.user_ns["save"] = save
    run(shell, code)
    left = ChatWidget.load(tmp_path / "left.json", base_url=server.base_url)
    assert ran(left, id_) == ("interrupted", KEPT[:1])
    left.close()


def test_undo_of_clear_brings_outputs_back(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make()
    id_ = ask(chat, server, "1")
    output = allow(chat, id_, "1")
    run(shell, "1")
    output.outputs = OUTPUTS
    chat.clear()
    chat.undo_clear()
    assert runs(chat) == {"0": ""}
    assert ran(chat, id_) == ("done", KEPT)


def test_exports_have_them_as_text(
    make: Make, server: ScriptedServer, shell: InteractiveShell, tmp_path: Path
) -> None:
    chat = make()
    id_ = ask(chat, server, "a", "b")
    output = allow(chat, id_, "a")
    run(shell, "a")
    hostile = "```\n<img src=x onerror=alert(1)>\n[x](javascript:alert(1))"
    output.outputs = (*OUTPUTS, {"output_type": "stream", "name": "stdout", "text": hostile})
    loaded = ChatWidget.load(chat.save(tmp_path / "chat.json"), base_url=server.base_url)
    assert ran(loaded, id_)[1][:4] == KEPT
    markdown = loaded.save(tmp_path / "chat.md").read_text()
    assert f"````\n100 %\n[an image]\n  fruit\n0\nKeyError\n{hostile}\n````" in markdown
    assert markdown.index("```python\na\n```") < markdown.index("100 %")
    assert markdown.index("100 %") < markdown.index("```python\nb\n```")
    first, second = (
        cell
        for cell in json.loads(loaded.save(tmp_path / "chat.ipynb").read_text())["cells"]
        if cell["cell_type"] == "code"
    )
    (stream,) = first["outputs"]
    assert stream["output_type"] == "stream"
    assert "".join(stream["text"]).startswith("100 %\n[an image]\n")
    assert second["outputs"] == []
    copy = loaded._keeper.render()
    assert "KeyError" in copy["text/plain"]
    assert "&lt;img src=x" in copy["text/html"]
    assert "<img" not in copy["text/html"]
    loaded.close()


# Bounds


def text(length: int) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": "x" * length}


def image(length: int) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": "A" * length}}


def test_what_is_too_large_is_cut_and_said() -> None:
    outputs = (text(MAX_CHARACTERS * 3), image(MAX_IMAGE_CHARACTERS), image(4_000_000))
    long, first, second = Run("done", outputs).outputs
    assert len(long["text/plain"]) <= MAX_CHARACTERS
    assert "characters were left out" in long["text/plain"]
    assert list(first) == ["image/png"]
    assert second == {"text/plain": "[An image of 3.0 MB was left out.]"}
    many = Run("done", [text(1)] * (MAX_OUTPUTS + 20)).outputs
    assert len(many) == MAX_OUTPUTS
    assert many[-1] == {"text/plain": "[21 more outputs were left out.]"}
    # What was cut is not cut again each time it is read.
    for outputs in ((long, first, second), many):
        assert Run("done", ({"data": each} for each in outputs)).outputs == tuple(outputs)


def test_keys_are_masked() -> None:
    key = "sk-or-v1-0123456789abcdef0123456789abcdef"
    html = f"<table><tr><td>{key}</td></tr></table>"
    (kept,) = Run("done", [{"data": {"text/plain": key, "text/html": html}}]).outputs
    assert kept["text/plain"] == "[key]"
    assert key not in kept["text/html"]


@pytest.mark.parametrize(
    "output",
    [
        *(3, None, {}, {"data": 3}, {"data": {"image/png": "no!"}}, {"data": {"text/plain": 3}}),
        *({"output_type": "error", "traceback": 3}, {"output_type": "stream", "text": {}}),
    ],
)
def test_what_is_no_output_breaks_nothing(output: Any) -> None:
    kept = Run("done", [output, text(1)]).outputs
    assert kept[-1] == {"text/plain": "x"}


@pytest.mark.parametrize(
    "runs",
    [[3], [{}], [{"index": 0, "status": "odd"}], [{"index": "0", "status": "done"}]],
)
def test_a_file_with_damaged_runs_is_refused(
    make: Make, server: ScriptedServer, tmp_path: Path, runs: Any
) -> None:
    chat = make()
    ask(chat, server, "1")
    path = chat.save(tmp_path / "chat.json")
    saved = json.loads(path.read_text())
    saved["messages"][-1]["runs"] = runs
    path.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="damaged: message 2"):
        ChatWidget.load(path, base_url=server.base_url)


# Errors of a reply's code


def test_an_error_of_a_replys_code_names_no_cell(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make()
    id_ = ask(chat, server, "1 / 0")
    allow(chat, id_, "1 / 0")
    run(shell, "1 / 0")
    assert offers(chat) == ["ZeroDivisionError in the code above."]
    failed = json.loads(ask_page(chat, "failure").content)  # type: ignore[union-attr]
    assert failed["name"] == "ZeroDivisionError in the code above"
    assert failed["text"].endswith("The code:\n1 / 0")
    run(shell, "1 / 0")  # the same code in a cell
    assert offers(chat)[0].startswith("ZeroDivisionError in cell [")
    allow(chat, id_, "1 / 0")
    run(shell, "1 / 0")
    chat.clear()
    assert offers(chat) == [], "there is no code above"
    with pytest.raises(RuntimeError, match="no cell has failed"):
        chat.explain()


def test_the_offer_goes_when_the_error_is_explained(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make()
    run(shell, "1 / 0")
    server.script(sse.hang())
    running = chat.send("Hi")
    server.wait_for_request(1)
    with pytest.raises(RuntimeError, match="still running"):
        chat.explain()
    assert len(offers(chat)) == 1
    running.stop()
    chat.explain().wait(TIMEOUT)
    assert offers(chat) == []


# In the page


@pytest.mark.browser
def test_the_page_shows_what_was_kept_and_nothing_in_it_runs(kernel: Kernel) -> None:
    kernel.page.evaluate("canRun()")
    code = "```python\ndf\n```\n\n```python\nwait()\n```\n"
    kernel.open(messages=[message("a", content=code, runs={"0": "", "1": ""})])
    hostile = (
        "<table onclick='window.evil = 1'><tr><td>apples</td></tr></table><style>*{top:0}</style>"
        "<script>window.evil = 1</script><img src='http://127.0.0.1/x' onerror='window.evil = 1'>"
    )
    outputs = [
        {"text/plain": "<script>window.evil = 1</script>"},
        {"text/plain": "  fruit", "text/html": hostile},
        {"image/png": PICTURE},
    ]
    kernel.wait_sent("ran", 2)
    answers = [{"status": "done", "outputs": outputs}, {"status": "interrupted", "outputs": []}]
    for asked in kernel.sent("ran"):  # in the order in which they come into sight
        kernel.send_file(asked["nonce"], json.dumps(answers[asked["index"]]).encode())
    shown = kernel.page.get_by_role("group", name="Output", exact=True)
    expect(shown.first.locator("td")).to_have_text("apples")
    expect(shown.first).to_contain_text("<script>window.evil = 1</script>")
    expect(shown.first.get_by_role("img")).to_have_js_property("naturalWidth", 1)
    expect(shown.first.locator("img, script, style, [onclick]")).to_have_count(1)
    assert kernel.page.evaluate("window.evil") is None
    expect(kernel.page.get_by_text("Interrupted: the kernel ended")).to_be_visible()
    expect(kernel.page.get_by_role("button", name="Attach output")).to_have_count(1)
    # Run again, it has a widget.
    kernel.page.get_by_role("button", name="Run code").first.click()
    asked = kernel.wait_sent("run")
    facts = message("a", runs={"0": "out", "1": ""})
    for name in ("content", "reasoning", "tool_calls"):
        del facts[name]
    kernel.change("facts", id="a", facts=facts)
    kernel.push("received", nonce=asked["nonce"])
    expect(shown.first).to_have_text("fake output")


def test_a_cleared_output_is_cleared_in_the_saved_chat(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make(name="analysis")
    id_ = ask(chat, server, "a = 1", "a")
    for index, code in enumerate(("a = 1", "a")):
        output = allow(chat, id_, code, index)
        run(shell, code)
        output.outputs = OUTPUTS
    ask_page(chat, "clear_output", id=id_, index=1)
    assert list(runs(chat)) == ["0"]
    with pytest.raises(ValueError, match="no output"):
        ask_page(chat, "clear_output", id=id_, index=1)
    chat.close()
    assert runs(make(name="analysis")) == {"0": ""}


def test_the_output_of_running_code_is_not_cleared(
    make: Make, server: ScriptedServer, shell: InteractiveShell
) -> None:
    chat = make()
    id_ = ask(chat, server, "clear()", "later")
    refusals: list[str] = []

    def clear() -> None:
        with pytest.raises(ValueError, match="still running") as refusal:
            ask_page(chat, "clear_output", id=id_, index=0)
        refusals.append(str(refusal.value))

    shell.user_ns["clear"] = clear
    allow(chat, id_, "clear()")
    run(shell, "clear()")
    assert len(refusals) == 1
    # What has never begun leaves nothing behind.
    allow(chat, id_, "later", 1)
    ask_page(chat, "clear_output", id=id_, index=1)
    assert list(runs(chat)) == ["0"]
