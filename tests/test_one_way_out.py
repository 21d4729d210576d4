"""Foreign text has one way out: nothing runs or loads in what nbchat shows in a cell or writes.

A hostile text stands in every field of a chat. nbconvert renders all that leaves the chat, and
Chromium opens it and counts scripts, requests, elements and links.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend.injections import INJECTIONS
from lab import Lab, NotebookPage
from playwright.sync_api import Page, Request, Route, expect
from test_attachments import png

import nbchat
from nbchat import ChatError, ChatWidget, Reply
from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.events import (
    ContentDelta,
    Failure,
    FunctionCall,
    ImageOutput,
    ReasoningDelta,
    ToolCalls,
)
from nbchat._chat.foreign_text import harmless, plain
from nbchat._compare import Comparison
from nbchat._files.export import to_html, to_plain

_RUN = "top.injected=1"

# Texts that get out where the parsers of two viewers disagree.
TRICKS = [
    f'http://a.b/<img src=x onerror="{_RUN}">',
    f'https://a.b/\\<img src=x onerror="{_RUN}">',
    f"[a `](javascript:{_RUN}) `b]",
    f"[a](x`](javascript:{_RUN})`)",
    f"[`a](javascript:{_RUN})`b](vbscript:{_RUN})",
    f"[a\\](javascript:{_RUN}) [a\\\\](javascript:{_RUN})",
    f"> [x]:\n> javascript:{_RUN}\n\n[x]",
    f"- [x]: javascript:{_RUN}\n\n[x] [^x]\n\n[^x]: javascript:{_RUN}",
    f"[x](\n  <javascript\\:{_RUN}>)",
    f"$\\href{{javascript:{_RUN}}}{{x}}$ $\\mmlToken{{mi}}[href='javascript:{_RUN}']{{x}}$",
    "$\\bbox[background:url(https://evil.example/b.png)]{x}$",
    f'``` "><img src=x onerror={_RUN}>\nx\n```',
    f'```" onmouseover={_RUN} autofocus tabindex=0 onfocus={_RUN} x="\nx\n```',
    f"```mermaid\n</pre><img src=x onerror={_RUN}>\n```",
]
TEXTS = [*INJECTIONS, *TRICKS]


def hostile(text: str) -> Conversation:
    """A conversation with this text in every field that the user, a model or a server writes."""
    conversation = Conversation()
    image = Attachment(text, "", png())
    reply = conversation.ask(text, attachments=[image, Attachment(text, "", b"text")])
    progress = conversation.progress(reply)
    progress.begin(text)
    progress.begin_request(text, [text])
    calls = (FunctionCall("1", text, text), FunctionCall("2", text, json.dumps({text: text})))
    for event in (ReasoningDelta(text), ContentDelta(text), ToolCalls(calls)):
        progress.apply(event)
    progress.change_call(0, "error", text)
    for event in (ContentDelta(text), ImageOutput(image), Failure(ChatError(text, detail=text))):
        progress.apply(event)
    conversation.end(reply)
    return conversation


@pytest.fixture(scope="module")
def conversations() -> list[Conversation]:
    return list(map(hostile, TEXTS))


# What a cell shows


def has_its_own_repr(cls: type) -> bool:
    return any(
        (name.startswith("_repr_") or name == "_ipython_display_")
        for base in cls.__mro__
        if base.__module__.startswith("nbchat.")
        for name in vars(base)
    )


def shown_classes() -> set[type]:
    """The classes of nbchat that say themselves how a notebook shows them."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(nbchat.__path__, "nbchat.")
        if not module.name.endswith("__main__") and ".frontend" not in module.name
    ]
    return {
        cls
        for module in modules
        for cls in vars(module).values()
        if inspect.isclass(cls) and has_its_own_repr(cls)
    }


def test_each_class_that_a_notebook_shows_is_tested_here() -> None:
    """A new one fails here: add it to `bundles`."""
    assert shown_classes() == {Attachment, ChatWidget, Comparison, Reply}


def bundle(value: Any) -> dict[str, str]:
    """What a notebook shows of a value, by MIME type, from all of its methods."""
    types = {"markdown": "text/markdown", "html": "text/html", "latex": "text/latex"}
    types |= {"svg": "image/svg+xml", "javascript": "application/javascript"}
    found = {"text/plain": repr(value)}
    for name in dir(value):
        if name == "_repr_mimebundle_":
            found |= value._repr_mimebundle_()
        elif name.startswith("_repr_"):
            kind = name.removeprefix("_repr_").rstrip("_")
            found[types.get(kind, f"unknown/{kind}")] = getattr(value, name)()
    return found


def bundles(conversation: Conversation) -> Iterator[dict[str, str]]:
    """What a notebook shows of a conversation and of all that is in it."""
    question, reply = conversation.messages
    yield bundle(Reply(reply, lambda _: None))
    yield from map(bundle, [*question.attachments, *reply.attachments, *reply.tool_calls])
    # The copy in the output of a chat and of a comparison, whose widget is no foreign text.
    yield {"text/html": to_html(conversation), "text/plain": to_plain(conversation)}


# What nbchat writes


def written(conversation: Conversation, text: str, folder: Path, chat: ChatWidget) -> Iterator[Any]:
    """The cells of all exports. The download is the model's own text, byte for byte."""
    chat.system = text if text.strip() else "x"
    chat._session.conversation = conversation
    for suffix in (".md", ".ipynb"):
        path = chat.save(folder / f"chat{suffix}")
        if suffix == ".md":
            yield nbformat.v4.new_markdown_cell(path.read_text("utf-8"))
        else:
            yield from nbformat.read(path, as_version=4).cells


def cells(conversation: Conversation) -> Iterator[Any]:
    for data in bundles(conversation):
        output = nbformat.v4.new_output("execute_result", data)
        yield nbformat.v4.new_code_cell("x", outputs=[output])
        if len(data) > 1 and "text/plain" in data:  # of several, a viewer shows the richest
            plain_ = nbformat.v4.new_output("execute_result", {"text/plain": data["text/plain"]})
            yield nbformat.v4.new_code_cell("x", outputs=[plain_])


ALLOWED = """
    a abbr b blockquote br code dd del details div dl dt em figure figcaption h1 h2 h3 h4 h5 h6 hr i
    img input li main ol p pre section span strong summary sup sub table tbody td th thead tr u ul
"""

COUNT = """([allowed, run]) => {
    const problems = new Set();
    if (window.injected) problems.add('a script ran');
    for (const element of document.querySelectorAll('main *')) {
        const name = element.localName;
        if (!allowed.includes(name)) problems.add(`<${name}> ${element.outerHTML.slice(0, 200)}`);
        for (const {name: key, value} of element.attributes) {
            const isLink = key === 'href' && !/^(https?:|mailto:|#)/.test(value);
            if (isLink && !element.classList.contains('anchor-link') || key.startsWith('on'))
                problems.add(`${key}=${value} in ${element.outerHTML.slice(0, 200)}`);
            if (key === 'src' && !value.startsWith('data:image/png'))
                problems.add(`src=${value.slice(0, 200)}`);
            if (key === 'style' && /url/i.test(value)) problems.add(`style=${value.slice(0, 200)}`);
        }
    }
    return [...problems];
}"""


def open_page(page: Page, html: str) -> list[str]:
    """Opens what nbconvert made; returns what ran, was asked for, or should not be there."""
    problems: list[str] = []
    own = ("https://cdnjs.cloudflare.com/ajax/libs/", "https://chat.test/")

    def answer(route: Route, request: Request) -> None:
        if request.url == "https://chat.test/":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
            return
        if not request.url.startswith(own):
            problems.append(f"asked for {request.url}")
        route.abort()

    page.route("**/*", answer)
    page.goto("https://chat.test/")
    page.wait_for_function("document.readyState === 'complete'")
    problems += page.evaluate(COUNT, [ALLOWED.split(), _RUN])
    page.unroute("**/*")
    return problems


def nbconverted(cells: list[Any]) -> str:
    from nbconvert import HTMLExporter

    for number, cell in enumerate(cells):
        cell.id = f"c{number}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert isinstance(html, str)
    return html


@pytest.fixture
def lone_page(browser: Any) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.browser
def test_nothing_runs_in_what_a_cell_shows(
    conversations: list[Conversation], lone_page: Page
) -> None:
    all_cells = [cell for conversation in conversations for cell in cells(conversation)]
    html = nbconverted(all_cells)
    assert open_page(lone_page, html) == []
    assert lone_page.locator("main > .jp-Cell").count() == len(all_cells)


@pytest.mark.browser
def test_nothing_runs_in_what_nbchat_writes(
    make: Callable[..., ChatWidget],
    conversations: list[Conversation],
    lone_page: Page,
    tmp_path: Path,
) -> None:
    chat = make()
    all_cells = [
        cell
        for text, conversation in zip(TEXTS, conversations, strict=True)
        for cell in written(conversation, text, tmp_path, chat)
    ]
    assert open_page(lone_page, nbconverted(all_cells)) == []
    assert lone_page.locator("main > .jp-Cell").count() == len(all_cells)


@pytest.mark.browser
def test_this_test_would_find_it(lone_page: Page) -> None:
    for text in TRICKS[:2]:
        html = nbconverted([nbformat.v4.new_markdown_cell(text.replace("onerror", "onERROR"))])
        assert open_page(lone_page, html) != []


# What stays


def test_a_reply_keeps_its_formatting() -> None:
    text = (
        "# Title\n\n- a **bold** [link](https://example.org/a?b=c) and `d[k](v)`\n"
        "- [mail](mailto:a@b.c)\n\n| a | b |\n|---|---|\n| 1 | $x_1$ |\n\n"
        "```python\nd[k](v) # <b>\n```\n\n> arr[0] (see [1])\r\n"
    )
    conversation = Conversation()
    reply = conversation.ask("Hi")
    conversation.progress(reply).begin("m")
    conversation.progress(reply).apply(ContentDelta(text))
    conversation.end(reply)
    assert Reply(reply, lambda _: None)._repr_markdown_() == text  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("text", TEXTS)
def test_commands_of_formulas_make_no_links(text: str) -> None:
    for safe in (harmless(text), plain(text)):
        outside = "".join(safe.split("```")[::2])
        assert "\\href{" not in outside
        assert "\\mmlToken{" not in outside
        assert "\\bbox[" not in outside


def test_a_long_chat_has_a_copy_of_its_end() -> None:
    conversation = Conversation()
    for text in ("first", "x" * 5_000_000, "last"):
        reply = conversation.ask(text)
        conversation.progress(reply).begin("m")
        conversation.progress(reply).apply(ContentDelta(text))
        conversation.end(reply)
    for copy in (to_html(conversation), to_plain(conversation)):
        assert len(copy) < 5_000_000
        assert "This copy leaves out the 3 messages before" in copy
        assert "3,000,000 more characters" in copy
        assert "last" in copy


# JupyterLab's own renderer: an output of a cell that has just run is trusted

IN_LAB = """
import json
from IPython.display import display
from nbchat import Reply
from nbchat._chat.conversation.conversation import Conversation
shown = []
for text in json.loads({texts}):
    conversation = Conversation()
    reply = conversation.ask("Hi")
    reply._content.write(text)
    conversation.end(reply)
    shown.append(Reply(reply, lambda _: None)._repr_markdown_())
for at in range(0, len(shown), 8):  # JupyterLab draws no more than 50 outputs of a cell
    display({{"text/markdown": "\\n\\n".join(shown[at : at + 8])}}, raw=True)
display({{"text/markdown": "# The end"}}, raw=True)
"""


@pytest.mark.browser
def test_nothing_runs_in_jupyterlab(
    lab: Lab, open_notebook: Callable[[Lab, list[str]], NotebookPage], page: Page
) -> None:
    notebook = open_notebook(lab, [IN_LAB.format(texts=repr(json.dumps(TEXTS)))])
    notebook.run(0)
    outputs = notebook.cell(0).locator(".jp-OutputArea")
    expect(outputs.get_by_role("heading", name="The end")).to_be_visible()
    assert page.evaluate("window.injected") is None  # the fixture fails on remote requests
    for selector in (
        "script",
        "iframe",
        "form",
        "object",
        "video",
        "style",
        "[onerror]",
        "[onfocus]",
    ):
        expect(outputs.locator(selector)).to_have_count(0)
    links = outputs.locator("a[href]").evaluate_all("all => all.map(a => a.protocol)")
    assert set(links) <= {"http:", "https:", "mailto:", "ftp:"}
    assert len(links) > 10
