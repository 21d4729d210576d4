"""Which code of a reply may run, and what of its output goes to a model."""

from __future__ import annotations

import base64
import re
import sys
from typing import Any

import pytest
from harness import PNG
from pages import ask_page

from nbchat import ChatWidget
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._notebook.outputs import MAX_CHARACTERS, MAX_IMAGES, to_files
from nbchat._widget.code_runs import CodeRuns
from nbchat._widget.transcript import Transcript

IMAGE = {
    "output_type": "display_data",
    "data": {"image/png": base64.b64encode(PNG).decode(), "text/plain": "<Figure>"},
}


def stream(text: str | list[str], name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def text_of(*outputs: dict[str, Any]) -> str:
    (file,) = to_files(outputs)
    assert (file.name, file.media_type) == ("output.txt", "text/plain")
    return file.data.decode()


def no_runs() -> CodeRuns:
    """Of a session that is not asked for anything."""
    return CodeRuns(None, Transcript(0.04), None)  # type: ignore[arg-type]


def test_all_text_is_one_file_without_colours() -> None:
    result = {
        "output_type": "execute_result",
        "data": {"text/html": "<b>3</b>", "text/plain": ["[1,\n", " 2]"]},
    }
    error = {
        "output_type": "error",
        "ename": "KeyError",
        "evalue": "'a'",
        "traceback": ["\x1b[31m---\x1b[39m", "\x1b[1;32mKeyError\x1b[0m: 'a'"],
    }
    link = stream("\x1b]8;;https://example.com\x07there\x1b]8;;\x07\n", "stderr")
    assert text_of(stream(["a\n", "b\n"]), link, result, error) == (
        "a\nb\nthere\n[1,\n 2]\n---\nKeyError: 'a'"
    )
    assert text_of({**error, "traceback": []}) == "KeyError: 'a'"


def test_of_a_progress_bar_its_end() -> None:
    assert text_of(stream("\r 1%\r50%\r100%\r\nok")) == "100%\nok"


def test_what_has_no_text_is_named() -> None:
    chart = {"output_type": "display_data", "data": {"application/vnd.vega.v5+json": {}}}
    assert text_of(chart) == "[application/vnd.vega.v5+json]"
    assert to_files([{"output_type": "display_data", "data": {}}, stream("\n")]) == []


def test_images_are_files_of_their_own() -> None:
    text, first, second = to_files([IMAGE, stream("x"), IMAGE])
    assert text.data == b"x"
    assert [(file.name, file.media_type) for file in (first, second)] == [
        ("output-1.png", "image/png"),
        ("output-2.png", "image/png"),
    ]
    assert first.data == PNG
    broken = {**IMAGE, "data": {"image/png": "no!", "text/plain": "<Figure>"}}
    assert text_of(broken) == "<Figure>"


def test_what_is_too_much_is_left_out_and_said() -> None:
    text = text_of(stream("a" * MAX_CHARACTERS + "\nlast"))
    assert text.startswith("aaa")
    assert text.endswith("a\nlast")
    assert "\n[… 5 characters were left out …]\n" in text
    files = to_files([IMAGE] * (MAX_IMAGES + 2))
    assert len(files) == 1 + MAX_IMAGES
    assert files[0].data == b"[2 more images were left out.]"


# Which code may run

PYTHON = "Look:\n\n```sh\nls\n```\n\n- so\n  ```Python\n  a = 1\n    b\n  ```\n\n~~~py\nc\n~~~\n"


@pytest.fixture
def reply() -> Message:
    conversation = Conversation()
    conversation.ask("Hi")
    _, reply = conversation.messages
    reply._content.write(PYTHON)
    reply.status = "complete"
    return reply


def test_what_a_reply_holds_may_run(reply: Message) -> None:
    runs = no_runs()
    other = runs.prepare(reply, 0, "a = 1\n  b\n")
    output = runs.prepare(reply, 1, "c\n")
    assert output is not other
    output.outputs = (stream("out"),)
    (file,) = runs.read(reply.id, 1)
    assert file.data == b"out"
    # Again: what it gave before goes.
    runs.prepare(reply, 1, "c")
    assert output.outputs == ()
    with pytest.raises(ValueError, match="no output"):
        runs.read(reply.id, 1)
    runs.close()


@pytest.mark.parametrize(
    ("index", "code"),
    [(0, "c\n"), (1, "a = 1\n  b\n"), (1, "c ; evil()\n"), (1, ""), (2, "c"), (-1, "c"), (0, "ls")],
)
def test_other_code_may_not(reply: Message, index: int, code: str) -> None:
    runs = no_runs()
    with pytest.raises(ValueError, match="not the code in the reply"):
        runs.prepare(reply, index, code)
    assert runs._outputs == {}


def in_a_block(reply: Message, code: str) -> Any:
    """What becomes of running this code, once the reply has it as a third block."""
    reply._content.write(f"```python\n{code}\n```\n")
    return no_runs().prepare(reply, 2, f"{code}\n")


LINE_ENDS = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if len(f"a{char}b".splitlines()) > 1 and char not in "\r\n"
]


def test_every_hidden_line_end_is_known() -> None:
    assert set("\v\f\x1c\x85\u2028\u2029") <= set(LINE_ENDS)


@pytest.mark.parametrize(
    "char",
    # Line ends of Python that a page doesn't show; what no page shows; what changes the order.
    [
        *LINE_ENDS,
        *"\x00\x08\x1b\x7f\x9b\u034f\u115f\u200b\u200e\u202e\u2066\u3164\ufeff\U000e0041",
    ],
)
def test_nor_what_reads_otherwise_than_it_runs(reply: Message, char: str) -> None:
    with pytest.raises(ValueError, match=rf"line 2 .*invisible character U\+{ord(char):04X}"):
        in_a_block(reply, f"x = 1\n%pwd  # only shows the folder{char}evil()")


@pytest.mark.parametrize("code", ["if x:\n\tprint('é ü 漢字 ❤️ \xa0')", "a = 1  # b\r\nc\rd"])
def test_other_letters_run(reply: Message, code: str) -> None:
    reply._content.write(f"```python\n{code}\n```\n")
    # Markdown ends a line at "\r" as well: the page shows a line, and sends "\n".
    lines = re.split(r"\r\n?|\n", code)
    assert no_runs().prepare(reply, 2, "\n".join(lines))
    assert "\n".join(lines).splitlines() == lines


def test_nor_what_is_no_reply_or_not_whole(reply: Message) -> None:
    reply.status = "streaming"
    with pytest.raises(ValueError, match="has ended"):
        no_runs().prepare(reply, 1, "c\n")
    question = Conversation()
    question.ask("```python\nc\n```")
    with pytest.raises(ValueError, match="has ended"):
        no_runs().prepare(question.messages[0], 0, "c\n")


def test_outputs_go_with_the_chat(make: Any, server: Any) -> None:
    import ipywidgets
    import sse_server as sse
    from test_chat import widget_count

    def run(chat: ChatWidget) -> ipywidgets.Output:
        server.script(sse.text("```python\n1\n```"), sse.finish(), sse.DONE)
        chat.send("Hi").wait(10)
        reply = chat._session.last_reply
        ask_page(chat, "run", id=reply.id, index=0, code="1\n")
        return chat._runs._outputs[reply.id, 0]

    make().close()
    before = widget_count()
    chat = make()
    open_ = widget_count()
    output = run(chat)
    assert output.comm is not None
    chat.clear()
    assert widget_count() == open_
    run(chat)
    chat.close()
    assert widget_count() == before


def test_keys_in_outputs_are_masked() -> None:
    key = "sk-or-v1-0123456789abcdef0123456789abcdef"
    (file,) = to_files([{"output_type": "stream", "text": f"PASSWORD=tea\n{key}\n"}])
    assert file.data.decode() == "PASSWORD=[key]\n[key]"
    for shift in range(0, 60, 5):
        half = "x " * (MAX_CHARACTERS // 4)
        text = f"{half[shift:]}{key} {half}{half}{key} {half[shift:]}"
        (file,) = to_files([{"output_type": "stream", "text": text}])
        assert "0123456789" not in file.data.decode()
        assert "89abcdef" not in file.data.decode()
