"""Code blocks and formulas in the built front end, in real Chromium."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sse_server as sse
from harness import STATIC, Kernel, message
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, Page, expect
from sse_server import DONE, ScriptedServer
from until import until

from nbchat._widget.bundle import asset

pytestmark = pytest.mark.browser

ASSETS = ("highlight.js", "math.js")
SOURCE = 'def f(x):\n    return "<b>" + x  # why\n'
REPLY = f"Text $x^2$.\n\n```python\n{SOURCE}```\n\n$$\n\\frac{{1}}{{2}}\n$$\n\nEnd.\n"


class Chat(Kernel):
    """A chat whose kernel has the assets, and gives them out at once or when told to."""

    def __init__(self, page: Page, gives: bool = True) -> None:
        super().__init__(page)
        page.evaluate(
            """(assets) => {
              window.give = async ({ name, nonce }) => kernel.push({ type: "file", name, nonce },
                [await deflated(assets[name])]);
            }""",
            {name: (STATIC / name).read_text("utf-8") for name in ASSETS},
        )
        self.open()
        if gives:
            page.evaluate(
                "() => { kernel.onsend = (sent) => { if (sent.type === 'asset') give(sent); }; }"
            )

    def give(self) -> None:
        self.page.evaluate("kernel.sent.filter(({ type }) => type === 'asset').forEach(give)")

    def show(self, content: str, id_: str = "a", **more: Any) -> None:
        self.change("message", message=message(id_, content=content, **more))

    def import_(self, script: str, argument: Any = None) -> Any:
        """Runs a script that has the exports of the built files as `nbchat` and `math`."""
        return self.page.evaluate(
            """async ([files, script, argument]) => {
              const modules = files.map((file) =>
                import(URL.createObjectURL(new Blob([file], { type: "text/javascript" }))));
              const run = new Function("nbchat", "math", "argument", script);
              return run(...await Promise.all(modules), argument);
            }""",
            [
                [(STATIC / name).read_text("utf-8") for name in ("nbchat.js", "math.js")],
                script,
                argument,
            ],
        )

    @property
    def code(self) -> Locator:
        return self.reply.locator("pre > code")


@pytest.fixture
def chat(page: Page) -> Chat:
    return Chat(page)


# Assets


@pytest.mark.parametrize("name", ["nbchat.js", "../_bundle.py", "/etc/passwd", "", None])
def test_nothing_but_the_assets_is_given_out(name: Any) -> None:
    with pytest.raises(ValueError, match="no asset"):
        asset(name)


def test_assets_are_asked_for_once_and_only_when_needed(page: Page) -> None:
    chat = Chat(page, gives=False)
    chat.show("No code, it costs $5 to $10.")
    expect(chat.reply).to_contain_text("No code")
    assert chat.sent("asset") == []
    chat.show(REPLY, "b")
    chat.show(REPLY, "c", reasoning=REPLY)
    expect(page.locator("pre:has(code)")).to_have_count(3)
    assert sorted(sent["name"] for sent in chat.sent("asset")) == sorted(ASSETS)
    page.evaluate("(snapshot) => openChat(snapshot, ['transcript'])", {})
    chat.seq = 0
    chat.show(REPLY)
    expect(page.locator("pre:has(code)")).to_have_count(4)
    assert chat.sent("asset") == []  # the first chat's are on their way


def test_another_chat_asks_when_the_first_is_not_answered(page: Page) -> None:
    chat = Chat(page, gives=False)
    chat.show(REPLY)
    chat.wait_sent("asset", 2)
    page.evaluate("Date.now = () => performance.timeOrigin + performance.now() + 6000")
    page.evaluate("(snapshot) => openChat(snapshot, ['transcript'])", {})
    chat.seq = 0
    chat.show(REPLY)
    chat.wait_sent("asset", 2)
    assert sorted(sent["name"] for sent in chat.sent("asset")) == sorted(ASSETS)
    chat.give()
    # Both chats have them now.
    expect(page.locator(".hljs-keyword", has_text="def")).to_have_count(2)
    expect(page.locator("mfrac")).to_have_count(2)


def test_without_the_assets_all_can_be_read_and_nothing_is_complained_of(page: Page) -> None:
    chat = Chat(page, gives=False)
    chat.push("synced")
    chat.show(REPLY)
    expect(chat.code).to_have_text(SOURCE)
    expect(chat.reply).to_contain_text("Text $x^2$.")
    sent = chat.wait_sent("asset", 2)
    # As after a long cell, and as from a kernel of another version.
    page.evaluate("Date.now = () => performance.timeOrigin + performance.now() + 15000")
    chat.push("received", nonce=sent["nonce"], refused="KeyError('asset')")
    expect(chat.reply.get_by_role("button", name="Copy code")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="kernel")).to_have_count(0)


def test_what_was_shown_plain_is_drawn_in_its_place(page: Page) -> None:
    chat = Chat(page, gives=False)
    chat.show("A line\n\n" * 40 + REPLY * 8)
    gap = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2"
    expect(chat.code).to_have_count(8)
    code = chat.code.first.element_handle()
    chat.wait_sent("asset", 2)
    chat.give()
    expect(chat.reply.locator("mfrac")).to_have_count(8)
    expect(chat.reply.locator(".hljs-keyword", has_text="def")).to_have_count(8)
    assert code.evaluate("(code) => code.isConnected")
    page.wait_for_function(f"({gap})(document.querySelector('.nbchat-log'))")


# Code


def test_code_is_copied(chat: Chat) -> None:
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.show(REPLY)
    expect(chat.reply.locator(".hljs-keyword").first).to_be_visible()
    expect(chat.reply.get_by_text("python", exact=True)).to_be_visible()
    button = chat.reply.get_by_role("button", name="Copy code")
    button.click()
    expect(chat.reply.get_by_role("button", name="Copied")).to_be_visible()
    assert chat.page.evaluate("navigator.clipboard.readText()") == SOURCE
    expect(button).to_be_visible()


@pytest.mark.parametrize(
    "clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('refused')) }"]
)
def test_without_a_clipboard_the_code_is_selected(chat: Chat, clipboard: str) -> None:
    chat.page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    chat.show(REPLY)
    chat.reply.get_by_role("button", name="Copy code").click()
    expect(chat.reply.get_by_text("Press Ctrl+C", exact=True)).to_be_visible()
    assert chat.page.evaluate("getSelection().toString()").strip() == SOURCE.strip()


@pytest.mark.parametrize("forward", [True, False])
def test_what_is_selected_stays_so_when_the_colours_come(page: Page, forward: bool) -> None:
    chat = Chat(page, gives=False)
    chat.show(f"```python\n{SOURCE}```\n\nEnd.")
    chat.wait_sent("asset")
    ends = ("code.firstChild, 6", "end.firstChild, 2")
    anchor, focus = ends if forward else ends[::-1]
    page.evaluate(
        f"([code, end]) => getSelection().setBaseAndExtent({anchor}, {focus})",
        [chat.code.element_handle(), chat.reply.get_by_text("End.").element_handle()],
    )
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("x):\n")
    assert selected.endswith("En")
    chat.give()
    expect(chat.code.locator(".hljs-keyword").first).to_be_visible()
    assert page.evaluate("getSelection().toString()") == selected
    anchor_is_code = page.evaluate(
        "(code) => code.contains(getSelection().anchorNode)", chat.code.element_handle()
    )
    assert anchor_is_code == forward


LANGUAGES = (
    "python py r julia sql bash sh json yaml toml ini javascript js typescript ts html xml css c "
    "cpp java go rust markdown diff latex matlab scala dockerfile c++ c# kotlin ipython powershell"
)
SAMPLE = '# a\n// b\n-- c\n[d]\n- e: "f" 1\n<g h="i">\n\\section{j}\nFROM k\nif return def 1.5'
UNKNOWN = "klingon plaintext constructor __proto__ toString hasOwnProperty x' <img> ../a"


@pytest.mark.parametrize(("languages", "coloured"), [(LANGUAGES, True), (UNKNOWN, False)])
def test_languages(chat: Chat, languages: str, coloured: bool) -> None:
    chat.show("".join(f"```{name}\n{SAMPLE}\n```\n\n" for name in f"python {languages}".split()))
    count = 1 + len(languages.split())
    expect(chat.code).to_have_count(count)
    expect(chat.code.first.locator("span").first).to_be_visible()
    assert chat.code.all_text_contents() == [SAMPLE + "\n"] * count
    different = chat.code.evaluate_all(
        """(codes, coloured) => codes.slice(1).filter((code) =>
             (code.querySelector("[class^=hljs-]") !== null) !== coloured
           ).map((code) => code.className)""",
        coloured,
    )
    assert different == []


def test_an_open_fence_grows_and_is_coloured_once_closed(chat: Chat) -> None:
    chat.show("```python\nx = 1\n", status="streaming")
    expect(chat.code).to_have_text("x = 1\n")
    chat.page.evaluate(
        """() => {
          window.code = document.querySelector("pre > code");
          window.text = code.firstChild;
          window.button = document.querySelector(".nbchat-copy");
          window.removed = 0;
          new MutationObserver((records) => {
            for (const { removedNodes } of records) removed += removedNodes.length;
          }).observe(code, { childList: true });
        }"""
    )
    for n in range(20):
        chat.delta(f"y = {n}\n")
    chat.delta("``")
    expect(chat.code).to_contain_text("y = 19\n")
    assert chat.page.evaluate("code.childNodes.length === 1 && code.firstChild === text")
    assert chat.page.evaluate("removed") == 0
    chat.delta("`\n")
    expect(chat.code.locator(".hljs-number").first).to_be_visible()
    chat.delta("\nMore **text**\n\n- and")
    expect(chat.reply.locator("li")).to_have_text("and")
    # Never put anew: what one has scrolled, selected or focused stays.
    assert chat.page.evaluate(
        "code === document.querySelector('pre > code') && button.isConnected && removed === 1"
    )


FAR = [
    "import math" + " " * 600 + "; danger()",
    "x = 1" + "\u3000" * 60 + "# danger()",
    "x = 1" + "\t" * 40 + "; danger()",
    "x = '" + "y" * 900 + "'; danger()",
]


@pytest.mark.parametrize("coloured", [True, False])
@pytest.mark.parametrize("line", FAR, ids=range(len(FAR)))
def test_no_code_is_out_of_sight(page: Page, line: str, coloured: bool) -> None:
    chat = Chat(page, gives=coloured)
    chat.show(f"```python\na = 1\n{line}\n```\n\nEnd.")
    expect(chat.code).to_contain_text("danger()")
    if coloured:
        expect(chat.code.locator("span").first).to_be_visible()
    assert chat.code.evaluate("(code) => code.scrollWidth <= code.clientWidth")
    assert chat.code.text_content() == f"a = 1\n{line}\n"


def test_code_with_long_lines_scrolls(chat: Chat) -> None:
    line = "value = " + " + ".join(f"x{n}" for n in range(30))
    chat.page.set_viewport_size({"width": 430, "height": 800})
    chat.show(f"```python\n{line}    # why\n```\n")
    expect(chat.code.locator(".hljs-comment")).to_be_attached()
    assert chat.code.evaluate("(code) => code.scrollWidth > code.clientWidth")


def labels(code: Locator) -> list[str]:
    """What is drawn instead of the characters that can't be seen."""
    found = code.locator(".nbchat-invisible").evaluate_all(
        "(all) => all.map((each) => getComputedStyle(each, '::before').content)"
    )
    return [label.strip('"').lstrip("\\") for label in found]


def test_characters_that_cant_be_seen_are_shown_in_code(chat: Chat) -> None:
    signs = "\u202e\u200b\u3164\u115f\u2800\u034f\ufe0f\x0c\x0b\x1c\x85\u2028"
    source = "".join(f"a{sign} = '{sign}'  # {sign}x\n" for sign in signs) + "b = '❤️ é'\n"
    for language in ("python", "klingon", ""):
        chat.show(f"```{language}\n{source}```\n\nEnd.", language or "none")
        code = chat.code.last
        expect(code.locator(".nbchat-invisible")).to_have_count(3 * len(signs))
        escapes = [f"u{{{ord(sign):x}}}" for sign in signs for _ in range(3)]
        until(lambda code=code, escapes=escapes: labels(code) == escapes)  # colours come later
        # What is copied and run is what the model wrote.
        assert code.text_content() == source


def test_empty_lines_push_nothing_out_of_sight(chat: Chat) -> None:
    source = "a = 1\n" + "\n" * 300 + "danger()\n"
    chat.show(f"```python\n{source}```\n\nEnd.")
    expect(chat.code.locator(".hljs-number")).to_be_visible()
    box = chat.code.bounding_box()
    assert box is not None
    assert box["height"] < 200
    label = "getComputedStyle(each, '::before').content"
    assert "300 empty lines" in chat.code.locator(".nbchat-invisible").evaluate(
        f"(each) => {label}"
    )
    assert chat.code.text_content() == source


@pytest.mark.parametrize("light", ["true", "false"])
def test_colours_hold_contrast(chat: Chat, light: str) -> None:
    chat.page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
    chat.show(
        "".join(f"```{name}\n{SAMPLE}\n```\n\n" for name in LANGUAGES.split())
        + "```diff\n- a\n+ b\n@@ -1 +1 @@\n```\n"
    )
    expect(chat.reply.locator(".hljs-deletion").first).to_be_visible()
    assert low_contrast(chat.reply) == []


def low_contrast(reply: Locator) -> list[Any]:
    """What in code blocks has less than 4.5:1."""
    found: list[Any] = reply.evaluate(
        """(reply) => {
          const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
          const luminance = (...colours) => {
            for (const colour of colours) {
              pixel.fillStyle = colour;
              pixel.fillRect(0, 0, 1, 1);
            }
            const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data].map((v) =>
              v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          return [...reply.querySelectorAll("pre :is(span, button)")].flatMap((el) => {
            const back = getComputedStyle(el.closest("pre")).backgroundColor;
            const [dark, light] = [luminance(back), luminance(back, getComputedStyle(el).color)]
              .sort((a, b) => a - b);
            const ratio = (light + 0.05) / (dark + 0.05);
            return ratio < 4.5 ? [[el.className, ratio]] : [];
          });
        }"""
    )
    return found


# Math


def test_formulas_are_drawn_and_what_is_none_is_shown_as_code(chat: Chat) -> None:
    chat.show(REPLY + "\n\nand $\\frac{1$ or \\(\\nonsense\\)\n")
    expect(chat.reply.locator("math")).to_have_count(2)
    expect(chat.reply.locator("math[display=block] mfrac")).to_have_text("12")
    expect(chat.reply.locator("p code")).to_have_text(["$\\frac{1$", "\\(\\nonsense\\)"])


MATH_TEXTS = [
    REPLY,
    "A sum: $\\sum_{i=1}^n x_i * y_i$ and **bold $a_1$ text**.\n\n$$\n- a_{1}\n+ b\n$$\n\nEnd\n",
    "text\n$$\n# no title\n- no list\n\nnot closed, so\n$$\nend",
    "- a\n$$\nx\n$$\n\n> q\n\\[\ny\n\\]\nlazy $z$\n\n1. b\n   $$\n   c\n   $$\n",
    "$$\nx\n$$ y\n\n$$a\n$$b\n$$\n```\ncode $x$\n```\n\n$$\n`\n$$\n",
    "Prices: $5 to $10, *then* $x$ and 5$.\n\n\\[ x \\] \\(y\\)\n\n$$\n" + "z\n" * 120 + "$$\n",
    "text\n\\begin{align}\na &= b \\\\\n- c\n\\end{align}\n\nSee \\[1\\], \\(sic\\), $HOME/$USER\n",
    "[a]: https://example.com\n\n$$\nx\n$$\n\n```js\n1\n```\n[a] $y$ [b]\n\n[b]: https://example.com\n",
]


def pieces(text: str, longest: int, draw: random.Random) -> list[str]:
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(min(cuts[-1] + draw.randint(1, longest), len(text)))
    return [text[a:b] for a, b in itertools.pairwise(cuts)]


def test_streamed_formulas_end_as_if_rendered_at_once(chat: Chat) -> None:
    draw = random.Random(3)
    lines = [line for text in MATH_TEXTS for line in text.split("\n")]
    mixed = ["\n".join(draw.choice([*lines, ""]) for _ in range(8)) for _ in range(80)]
    cases = [pieces(text, longest, draw) for text in MATH_TEXTS + mixed for longest in (1, 4, 30)]
    different = chat.import_(
        """
        return argument.filter((pieces) => {
          const [streamed, whole] = [document.createElement("div"), document.createElement("div")];
          const stream = new nbchat.MarkdownStream(streamed);
          for (const piece of pieces) stream.append(piece);
          stream.end();
          nbchat.setHTML(whole, nbchat.render(pieces.join("")));
          return streamed.innerHTML !== whole.innerHTML;
        });
        """,
        cases,
    )
    assert different == []


@pytest.mark.parametrize("text", MATH_TEXTS, ids=range(len(MATH_TEXTS)))
def test_a_streamed_reply_looks_as_a_whole_one(chat: Chat, text: str) -> None:
    chat.show("", "a", status="streaming")
    for piece in pieces(text, 20, random.Random(4)):
        chat.delta(piece)
    chat.change("facts", id="a", facts={"status": "complete"})
    chat.show(text, "b")
    chat.page.wait_for_function(
        """() => {
          const [a, b] = document.querySelectorAll(".nbchat-log .nbchat-markdown");
          return b?.innerHTML && a.innerHTML === b.innerHTML;
        }"""
    )


def test_an_unfinished_formula_is_text(chat: Chat) -> None:
    starts = [
        r"$\sum_{i=1}^n x_i * y_{j} * [z](",
        "\\[\n- a_{1}\n* b\n# c\n1. d **e",
        "$$\n= x\n---\n| a | b |\n|---|",
        r"\(a*b*c _d_ <e> &amp; ~~f~~ https://example.com",
    ]
    shown = chat.import_(
        """
        return argument.map((text) => {
          const element = document.createElement("div");
          const stream = new nbchat.MarkdownStream(element);
          let as_it_is = 0;
          for (const [at, character] of [...text].entries()) {
            stream.append(character);
            const plain = (text) => text.replace(/\\s+/g, " ").trim();
            const begin = plain(text.slice(0, at + 1));
            if (plain(element.textContent) === begin && element.children.length === 1) as_it_is++;
          }
          return as_it_is;
        });
        """,
        starts,
    )
    assert shown == [len(text) for text in starts]


HOSTILE_MATH = [
    r"\href{javascript:injected=1}{x}",
    r"\url{javascript:injected=1}",
    r"\includegraphics{https://evil.example/x.png}",
    r"\htmlId{nbchat}{x}\htmlClass{nbchat-send}{x}\htmlStyle{position:fixed}{x}",
    r"\class{nbchat-send}{x}",
    r"\id{nbchat}{x}",
    r"\style{position:fixed;inset:0;background:url(https://evil.example/x)}{x}",
    r"\data{a=b}{x}",
    r"\label{a}x\ref{a}\eqref{a}",
    r"\text{<img src=x onerror=injected=1>}",
    r"\text{</math><script>injected=1</script>}",
    r"\color{url(https://evil.example/x)}{x}",
    r"\textcolor{red;position:fixed}{x}\colorbox{expression(injected=1)}{x}",
    r"\def\a{\a\a}\a",
    r"\def\a#1{\a{#1#1}}\a{x}",
    r"\newcommand{\a}{\b}\newcommand{\b}{\a}\a",
    r"\rule{1000000em}{1000000em}",
    r"\kern-1000em x \hspace{1000000em} \raisebox{-1000em}{x}",
    "{" * 5000 + "x" + "}" * 5000,
    r"\frac" * 3000,
    r"x^{" * 3000,
    r"\begin{array}{" + "c" * 3000 + "} x",
    r"\unicode{60}\char`\<script\char`\>injected=1",
    r"\ce{<script>injected=1</script>}\pu{<img src=x onerror=injected=1>}",
    "\\verb|<script>injected=1</script>|",
]


def test_hostile_formulas_yield_nothing_but_mathml(chat: Chat) -> None:
    bad = chat.import_(
        r"""
        const attributes = new RegExp("^(accent|accentunder|class|depth|display|displaystyle|" +
          "fence|form|height|largeop|linethickness|lspace|mathbackground|mathcolor|mathsize|" +
          "mathvariant|maxsize|minsize|movablelimits|notation|rspace|scriptlevel|separator|" +
          "stretchy|style|symmetric|voffset|width)$");
        return argument.flatMap((tex) => [true, false].flatMap((display) => {
          const drawn = math.draw(tex, display);
          if (!drawn) return [];
          document.body.append(drawn);
          return [drawn, ...drawn.querySelectorAll("*")].filter((el) =>
            el.namespaceURI !== "http://www.w3.org/1998/Math/MathML" ||
            /^(annotation|maction|semantics|script|a|img)/.test(el.localName) ||
            /url|position|inset|z-index/.test(el.getAttribute("style")) ||
            /nbchat/.test(el.className) ||
            [...el.attributes].some(({ name }) => !attributes.test(name)) ||
            el.getBoundingClientRect().height > 2000
          ).map((el) => [tex, el.outerHTML]);
        }));
        """,
        HOSTILE_MATH,
    )
    assert bad == []
    chat.show("\n\n".join(f"$${tex}$$\n\n\\({tex}\\)" for tex in HOSTILE_MATH))
    expect(chat.reply.locator("math, p code").first).to_be_visible()
    assert chat.page.evaluate("window.injected") is None
    assert chat.reply.locator("a, img, script, [id]").count() == 0


def test_only_known_mathml_is_copied(chat: Chat) -> None:
    """Even if the renderer could be talked into more."""
    cleaned = chat.import_(
        """
        const MATHML = "http://www.w3.org/1998/Math/MathML";
        const make = (name, attributes, ...children) => {
          const element = document.createElementNS(MATHML, name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          element.append(...children);
          return element;
        };
        const link = document.createElement("a");
        link.href = "javascript:injected=1";
        link.append("link");
        return math.clean(make("math", { display: "block", onclick: "injected=1", id: "x" },
          make("mi", { href: "javascript:injected=1", class: "nbchat-send tml-left" }, "x"),
          make("maction", { actiontype: "statusline" }, make("mi", {}, "y")),
          make("annotation-xml", { encoding: "text/html" }, link),
          make("mrow", { style: "position: fixed; inset: 0; color: red; " +
            "border-image: url(https://evil.example/x) 1; width: 2em" }, link, "z"),
        )).outerHTML;
        """
    )
    assert cleaned == (
        '<math display="block"><mi class="tml-left">x</mi>'
        '<mrow style="color: red; width: 2em;">z</mrow></math>'
    )


def test_wide_formulas_scroll_or_wrap_inside_the_message(chat: Chat) -> None:
    chat.page.set_viewport_size({"width": 320, "height": 800})
    long = " + ".join(f"x_{{{n}}}" for n in range(40))
    chat.show(f"See ${long}$ here.\n\n$$\n{long}\n$$\n")
    expect(chat.reply.locator("math")).to_have_count(2)
    assert chat.log.evaluate("(log) => log.scrollWidth - log.clientWidth") <= 0
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 320
    display = chat.reply.locator(".nbchat-display-math")
    assert display.evaluate("(el) => el.scrollWidth > el.clientWidth")


# In a real notebook


def test_in_a_notebook(
    lab: Lab,
    open_notebook: Callable[[Lab, Sequence[str]], NotebookPage],
    server: ScriptedServer,
) -> None:
    cell = f"import nbchat\nnbchat.ChatWidget(base_url={server.base_url!r}, model='test/model')"
    notebook = open_notebook(lab, [cell, cell])
    notebook.run_all()
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for n in range(2):
        chat = ChatPage(notebook.cell(n))
        server.script(sse.text(REPLY), sse.finish(), DONE)
        reply = chat.ask("Show me")
        expect(reply.locator(".hljs-keyword").first).to_have_text("def")
        expect(reply.locator("math mfrac")).to_be_visible()
    for theme in ("light", "dark"):
        notebook.theme(theme)
        assert low_contrast(reply) == []
    reply.get_by_role("button", name="Copy code").click()
    expect(reply.get_by_role("button", name="Copied")).to_be_visible()
    assert notebook.page.evaluate("navigator.clipboard.readText()") == SOURCE
    saved = str(notebook.save())
    assert "registerLanguage" not in saved
