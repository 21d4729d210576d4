"""The copy of a chat that viewers without widgets show: rendered, safe, and quick to make."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
import sse_server as sse
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from sse_server import DONE, ScriptedServer
from test_servers import Make
from until import TIMEOUT

from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.events import ContentDelta
from nbchat._chat.markdown_html import MAX_RENDERED, Markdown, Rendered, to_html
from nbchat._files import export
from nbchat._files.fallback_output import _display_box


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("## A *b*", "<h2>A <em>b</em></h2>"),
        ("**a** ~~b~~ `c < d`", "<strong>a</strong> <del>b</del> <code>c &lt; d</code>"),
        ("- a\n  1. b", "<ul><li>a<ol><li>b</li>"),
        ("3. a", '<ol start="3"><li>a</li>'),
        ("> a", "<blockquote><p>a</p>"),
        ("|a|\n|-:|\n|1|", '<td style="text-align:right">1</td>'),
        ("|a|\n|-|\n|1|", '<td style="text-align:left">1</td>'),
        ("```python\nx = [1]\n```", ">x = [1]</code></pre>"),
        ("a<br>b", "a<br>\nb"),
        ("H<sub>2</sub>O", "H<sub>2</sub>O"),
        ("x $a*b*c$ y", "x <code>$a*b*c$</code> y"),
        (r"\(a_1\) and \[b*c*d\]", r"<code>\(a_1\)</code> and <code>\[b*c*d\]</code>"),
        ("$$\na\n- b\n= c\n$$", ">$$\na\n- b\n= c\n$$</code></pre>"),
        ("a $$ b\n\nc $$d$$", "<code>$$d$$</code>"),
        ("$5 to $10", "<span>$</span>5 to <span>$</span>10"),
        ("[a](https://b.c/?d=1&e=2)", 'href="https://b.c/?d=1&amp;e=2"'),
        ("<mailto:a@b.c>", 'href="mailto:a@b.c"'),
    ],
)
def test_markdown_is_rendered(text: str, html: str) -> None:
    assert html in to_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "<b>a</b>",
        "<script>a</script>",
        "![a](https://b.c/d.png)",
        "[a](javascript:b)",
        "[a](data:text/html,b)",
        "[a](https:b)",
        "[a](/b)",
        '[a]: javascript:b "c"\n\n[a]',
        "<javascript:a>",
        "<!-- a -->",
    ],
)
def test_nothing_of_it_is_markup_or_an_unsafe_link(text: str) -> None:
    html = to_html(text)
    hrefs = re.findall('href="([^"]*)"', html)
    assert not re.search("<(b|script|img|!)", html)
    assert all(href.startswith("https://") for href in hrefs)


def test_what_is_nested_too_deeply_stays_as_text() -> None:
    html = to_html("> " * 500 + "the end")
    assert "the end" in html
    assert html.count("<blockquote>") < 50
    assert "the end" in to_html("- " * 500 + "the end")
    assert "the end" in to_html("*a **b " * 500 + "the end")


@pytest.mark.parametrize(
    "piece",
    [
        *("[", "![", "[[a](", "*", "**a ", "_a*", "`", "`a``b", "> ", "\n- ", "\n> - ", "|a\n|-\n"),
        *("\\(", "\\[\n", "$$", "$$a\n", "$a ", "\\(`", "<sub>", "<br", "<http://a ", "&#", "~~a "),
    ],
)
def test_the_time_is_linear(piece: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        to_html(piece * (size // len(piece)))
        return time.process_time() - began

    seconds(1_000)
    short = seconds(MAX_RENDERED // 10)
    assert seconds(MAX_RENDERED) < 40 * short + 0.5  # its square would be a hundred times as long


def test_a_very_long_text_is_shown_as_it_is() -> None:
    assert to_html("**a** " * MAX_RENDERED).startswith("<pre")


def test_each_text_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else, a long conversation would cost the square of its length."""
    made: list[str] = []
    monkeypatch.setattr(
        "nbchat._chat.markdown_html.to_html", lambda text: made.append(text) or f"<p>{text}"
    )
    rendered = Rendered()
    conversation = Conversation()
    for number in range(20):
        reply = conversation.ask("Hi")
        conversation.progress(reply).begin("m")
        conversation.progress(reply).apply(ContentDelta(f"reply {number}"))
        conversation.end(reply)
        html = export.to_html(conversation, rendered=rendered)
        assert html.count("<p>reply") == number + 1
    assert made == [f"reply {number}" for number in range(20)]


def test_a_cell_does_not_wait_for_a_long_conversation() -> None:
    rendered = Rendered()
    texts = [Markdown(f"**{letter}**" * 100) for letter in "abc"]
    first = list(rendered.render(texts, 600))
    assert [html.startswith("<p><strong>") for html in first] == [True, False, False]
    assert not rendered.is_complete
    assert all("<strong>" in html for html in rendered.render(texts, 10_000))
    assert rendered.is_complete


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def displayed(shell: InteractiveShell, code: str, **names: Any) -> list[dict[str, Any]]:
    shell.user_ns.update(names)
    with capture_output() as captured:
        shell.run_cell(code).raise_error()
    return [output.data for output in captured.outputs]


def close_boxes(widget: ipywidgets.Widget) -> None:
    """Closes boxes, whose state could not be saved once the chats in them have been closed."""
    if type(widget).__module__.startswith("ipywidgets") and isinstance(widget, ipywidgets.Box):
        for child in widget.children:
            close_boxes(child)
        widget.close()


@pytest.mark.parametrize(
    "box",
    [
        ipywidgets.HBox,
        ipywidgets.Tab,
        ipywidgets.Accordion,
        lambda children: ipywidgets.VBox([ipywidgets.Tab(children)]),
    ],
)
@pytest.mark.parametrize("code", ["display(box)", "box"])
def test_a_chat_in_a_box_leaves_its_copy(
    shell: InteractiveShell, make: Make, server: ScriptedServer, box: Any, code: str
) -> None:
    server.script(sse.text("A **bold** word."), sse.finish(), DONE)
    chat = make()
    chat.send("Hi").wait(TIMEOUT)
    widget = box([chat, chat, ipywidgets.Label("x")])
    outputs = displayed(shell, code, box=widget)
    shown = [each.get("application/vnd.jupyter.widget-view+json") for each in outputs]
    copies = [each["text/html"] for each in outputs if "text/html" in each]
    assert shown[0]["model_id"] == widget.model_id
    assert len(copies) == 1
    assert "<strong>bold</strong>" in copies[0]
    close_boxes(widget)


def test_other_boxes_are_displayed_as_always(shell: InteractiveShell, make: Make) -> None:
    make()
    box = ipywidgets.HBox([ipywidgets.Label("x")])
    if hasattr(ipywidgets.Widget, "_repr_mimebundle_"):
        with pytest.raises(NotImplementedError):  # IPython then goes on as if there were no rule
            _display_box(box)
    assert len(displayed(shell, "display(box)", box=box)) == 1
