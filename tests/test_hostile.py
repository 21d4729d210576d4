"""What a model or a server writes runs no script, loads nothing, and stays in its place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from frontend.injections import INJECTIONS
from harness import Kernel, attachment, failure, message, notice
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# All that Markdown may become: whatever else is found in a reply has got past the sanitiser.
TAGS = (
    "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong "
    "sub sup table tbody td th thead tr ul"
)
ATTRIBUTES = "align class dir href rel start target title"
CLASSES = (
    "nbchat-table nbchat-task nbchat-math nbchat-display-math nbchat-wrapped "
    "nbchat-footnote nbchat-footnote-mark nbchat-long"
)

# A script `bad(root)`: what in `root` should not be there, as HTML.
BAD = """
    const [TAGS, ATTRIBUTES, CLASSES] = (%s).map((names) => new Set(names.split(" ")));
    const LANGUAGE = /^language-[A-Za-z0-9_+#.-]{1,30}$/;
    const isBad = (el) =>
      !TAGS.has(el.localName) ||
      el.namespaceURI !== "http://www.w3.org/1999/xhtml" ||
      [...el.attributes].some(({ name }) => !ATTRIBUTES.has(name)) ||
      [...el.classList].some((name) => !CLASSES.has(name) && !LANGUAGE.test(name)) ||
      (el.hasAttribute("href") && !(/^(https?|mailto):$/.test(el.protocol) &&
        el.target === "_blank" && el.rel === "noopener noreferrer"));
    // A code block's header is the chat's own, and what stands for characters that can't be seen.
    const ours = (el) =>
      el.closest(".nbchat-code-header, .nbchat-table-tools") ||
      el.closest(".nbchat-invisible, .nbchat-footnote-mark > button");
    const bad = (root) => [...root.querySelectorAll("*")].filter((el) => !ours(el) && isBad(el))
      .map((el) => el.outerHTML);
""" % [TAGS, ATTRIBUTES, CLASSES]


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Kernel]:
    """A chat on a page that may, from now on, neither run what it shows nor ask for anything."""
    seen: list[str] = []
    kernel.open()
    page = kernel.page
    page.on("dialog", lambda dialog: seen.append(f"dialog: {dialog.message}"))
    page.on("popup", lambda popup: seen.append(f"popup: {popup.url}"))
    page.on("framenavigated", lambda frame: seen.append(f"navigated: {frame.url}"))
    page.on(
        "request",
        lambda request: request.url.startswith("blob:") or seen.append(f"request: {request.url}"),
    )
    yield kernel
    # Whatever was to run or to load late has had its turn.
    page.evaluate("() => new Promise((done) => requestIdleCallback(() => setTimeout(done)))")
    assert page.evaluate("window.injected") is None
    assert seen == []


def pieces(text: str, longest: int, draw: random.Random) -> list[str]:
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(min(cuts[-1] + draw.randint(1, longest), len(text)))
    return [text[a:b] for a, b in pairwise(cuts)]


def test_there_are_enough_of_them() -> None:
    assert len(set(INJECTIONS)) >= 150


def test_as_markdown_whole_and_cut_at_every_border(watched: Kernel) -> None:
    found = watched.run(
        BAD
        + """
        const show = (pieces, check) => {
          const element = document.createElement("div");
          document.body.append(element);
          const stream = new nbchat.MarkdownStream(element);
          const found = [];
          for (const piece of pieces) {
            stream.append(piece);
            if (check) found.push(...bad(element));
          }
          stream.end();
          found.push(...bad(element));
          element.remove();
          return found;
        };
        return argument.flatMap((text) => {
          // The longest nest deep: their cost is in parsing, not in where they are cut.
          const step = Math.ceil(text.length / 400);
          const cuts = [];
          for (let at = 0; at <= text.length; at += step) cuts.push(at);
          const letters = cuts.map((at) => text.slice(at, at + step));
          return [
            ...show([text], true),
            ...show(letters, true),
            ...cuts.flatMap((at) => show([text.slice(0, at), text.slice(at)], false)),
          ];
        });
        """,
        INJECTIONS,
    )
    assert found == []


def test_in_every_field_of_a_message(watched: Kernel) -> None:
    draw = random.Random(7)
    for index, text in enumerate(INJECTIONS):
        id_ = f"m{index}"
        error = failure(text, detail=text)
        files = [attachment(f"{id_}-{kind}", text, kind) for kind in (text, "image/png")]
        whole = message(
            id_,
            **dict.fromkeys(("content", "reasoning", "model"), text),
            attachments=files,
            notes=[text],
            error=error,
            status="error",
        )
        begun = {**whole, "content": "", "reasoning": "", "error": None, "status": "streaming"}
        changes: list[dict[str, Any]] = [
            {
                "type": "message",
                "message": message(f"u{index}", role="user", content=text, attachments=files),
            },
            {"type": "message", "message": begun},
            *({"type": "delta", "id": id_, "reasoning": part} for part in pieces(text, 40, draw)),
            *({"type": "delta", "id": id_, "content": part} for part in pieces(text, 40, draw)),
            {"type": "facts", "id": id_, "facts": whole},
        ]
        watched.page.evaluate(
            """async ([seq, changes]) => {
              for (const change of changes) kernel.push({ ...change, seq: ++seq });
              await new Promise(requestAnimationFrame);
            }""",
            [watched.seq, changes],
        )
        watched.seq += len(changes)
    count = len(INJECTIONS)
    expect(watched.page.get_by_role("article", name="Assistant")).to_have_count(count)
    expect(watched.page.get_by_role("article", name="You")).to_have_count(count)
    found = watched.run(
        BAD
        + """
        const texts = [...document.querySelectorAll(".nbchat-markdown")];
        const plain = ".nbchat-caption, .nbchat-error pre, .nbchat-chip-name, " +
          ".nbchat-note > span, .nbchat-bubble:not(:has(> .nbchat-markdown:only-child))";
        return [
          ...texts.flatMap(bad),
          ...[...document.querySelectorAll(".nbchat-error p")].flatMap(bad),
          ...[...document.querySelectorAll(plain)].filter((el) => el.children.length > 0)
            .map((el) => el.outerHTML),
        ];
        """
    )
    assert found == []
    # Nothing got out of its message: what is in the page is what the chat itself puts there.
    assert watched.page.evaluate(
        """() => [...new Set(
          [...document.body.querySelectorAll(":not(.nbchat-markdown *, .nbchat-icon *)")]
            .map((el) => el.localName))].sort()"""
    ) == [
        *["a", "article", "button", "code", "details", "div", "footer", "input", "label", "p"],
        *["pre", "script", "select", "span", "summary", "svg", "textarea"],
    ]
    # And what is an icon is ours.
    assert watched.page.evaluate(
        """() => [...new Set([...document.querySelectorAll("svg, svg *")]
          .flatMap((el) => [el.localName, ...el.getAttributeNames()]))].sort()"""
    ) == ["aria-hidden", "class", "d", "path", "svg", "viewBox"]


def test_in_what_the_chat_itself_says(watched: Kernel) -> None:
    for tone in ("info", "error"):
        watched.state(
            notices=[
                notice(
                    f"{tone}{index}",
                    text,
                    tone=tone,
                    actions=[{"id": text, "label": text}],
                    progress={"done": 1, "total": 2},
                )
                for index, text in enumerate(INJECTIONS)
            ]
        )
        cards = watched.page.locator(".nbchat-notice")
        expect(cards).to_have_count(len(INJECTIONS))
    # Addresses are links there, code is code, and only those.
    assert (
        watched.page.evaluate(
            """() => [...document.querySelectorAll(".nbchat-notice")].flatMap((card) =>
          [...card.querySelectorAll("*")].filter((el) =>
            !["a", "button", "code", "p", "path", "progress", "span", "svg"].includes(
              el.localName) ||
            (el.localName === "a" && (!/^https?:$/.test(el.protocol) ||
              el.target !== "_blank" || el.rel !== "noopener noreferrer")) ||
            [...el.attributes].some(({ name }) => /^on|^style$|^src$/.test(name)))
          .map((el) => el.outerHTML))"""
        )
        == []
    )


def test_as_names_of_model_server_and_file(watched: Kernel, tmp_path: Path) -> None:
    found = watched.page.evaluate(
        """async ([seq, texts]) => {
          const found = [];
          for (const text of texts) {
            const suggestions = [{ label: text, text }];
            kernel.push({ type: "state", seq: ++seq, state: { busy: false, notices: [], suggestions,
              download: text, model: text, server: text } });
            await new Promise(requestAnimationFrame);
            found.push(...document.querySelectorAll(".nbchat-suggestions * > *, .nbchat-link > *"));
          }
          return found.map((el) => el.outerHTML);
        }""",
        [watched.seq, INJECTIONS],
    )
    watched.seq += len(INJECTIONS)
    assert found == []
    for name in ("../../evil.md", "<img src=x onerror=alert(1)>.md", "a\u202egpj.exe"):
        watched.state(download=name)
        watched.open_more()
        with watched.page.expect_download() as info:
            watched.page.get_by_role("link", name="Download last reply", exact=True).click()
            nonce = watched.wait_sent("download")["nonce"]
            watched.page.evaluate(
                """([nonce, name]) => kernel.push({ type: "file", nonce, name },
                     [new DataView(new ArrayBuffer(1))])""",
                [nonce, name],
            )
        assert not set("/\\<>\u202e") & set(info.value.suggested_filename)
        watched.page.evaluate("kernel.sent.length = 0")


def test_in_refusals(watched: Kernel) -> None:
    watched.state(notices=[notice("n", "Ask", actions=[{"id": "x", "label": "Go"}])])
    watched.box.fill("Hello")
    expect(watched.send_button).to_be_enabled()
    found = watched.page.evaluate(
        """async (texts) => {
          const buttons = ["Go", "Send"].map((name) =>
            [...document.querySelectorAll("button")].find(
              (each) => (each.ariaLabel ?? each.textContent) === name));
          const found = [];
          for (const refused of texts) {
            for (const button of buttons) {
              button.click();
              kernel.push({ type: "received", nonce: kernel.sent.at(-1).nonce, refused });
              await new Promise((done) => setTimeout(done));
            }
            const refusals = [...document.querySelectorAll(".nbchat-refusal:not([hidden])")];
            const shown = refusals.map((el) => el.querySelector("[role=alert]") ?? el);
            if (shown.length !== 2 || shown.some((el) => el.innerHTML !== shown[0].innerHTML ||
              el.children.length > 0)) found.push(refused);
          }
          return found;
        }""",
        INJECTIONS,
    )
    assert found == []


def test_an_image_is_a_link_that_says_so(kernel: Kernel) -> None:
    kernel.open(messages=[message("a", content="![a chart](https://example.com/c.png)")])
    link = kernel.page.get_by_role("link", name="Image: a chart (example.com)")
    expect(link).to_have_attribute("href", "https://example.com/c.png")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
