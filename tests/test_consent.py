"""Nothing that a model writes is drawn over what the user consents to: code, cards, buttons."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path
from typing import Any

import pytest
from harness import STATIC, message
from playwright.sync_api import Page, expect
from test_code_and_math import Chat

pytestmark = pytest.mark.browser

# fmt: off
BOX = r"\colorbox{red}{\Huge A card}"
FORMULAS = [
    struck.replace("x", rf"\smash{{\raisebox{{{shift}em}}{{{BOX}}}}}")
    for shift in (-20, -9, -4.9, -2, 2, 4.9, 9, 20)
    for struck in ("x", r"\cancel{x}", r"\bcancel{x}", r"\sout{x}")
] + [
    rf"\smash{{\cancel{{\raisebox{{-4em}}{{{BOX}}}}}}}",
    rf"\cancel{{\smash{{\cancel{{\raisebox{{-4em}}{{{BOX}}}}}}}}}",
    r"\smash{" + r"\raisebox{-4em}{" * 12 + BOX + "}" * 13,
    r"\smash{" + r"\raisebox{4em}{" * 12 + BOX + "}" * 13,
    r"\smash{\begin{array}{l}" + (BOX + r"\\") * 30 + r"\end{array}}",
    r"\smash{\cancel{\begin{array}{l}" + (BOX + r"\\[9em]") * 9 + r"\end{array}}}",
    rf"\mathrlap{{\hspace{{-20em}}{BOX}}}x",
    r"\rlap{\smash{\rule{20em}{20em}}}x",
    r"\smash{\rule[-20em]{20em}{40em}}",
    r"\fcolorbox{red}{red}{\smash{\raisebox{-8em}{x}}}",
    r"\smash{\bcancel{\rule[-9em]{9em}{18em}}}",
    r"\underset{\smash{\rule[-9em]{9em}{9em}}}{x}",
    r"\lower{9em}{\smash{x}}\smash{\overbrace{\rule[-9em]{9em}{18em}}}",
    r"\smash{\displaystyle\int_{\rule[-9em]{9em}{18em}}^{\rule{9em}{9em}}}",
    "\\text{x" + "\u0316\u0317\u0318\u0319" * 40 + "}",
    "\\text{x" + "\u0300\u0301\u0302\u0303" * 40 + "}",
]
# Where a formula or a text can stand.
PLACES = [
    "Text {} text.", "- item {}", "1. item {}\n2. {}", "> quote {}", "> - item {}", "# Heading {}",
    "| {} | b |\n|---|---|\n| c | {} |", "**{}**", "- a\n\n  {}", "- a\n  - **{}**", "[link {}](https://example.com)",
]
# fmt: on
STACKED = ["x" + "\u0316\u0317\u0318\u0319\u0323" * 60, "x" + "\u0300\u0301\u0302\u0303" * 60]
TALL = [
    "\ufdfd" * 3,
    "꧅" * 9,
    "𒐫" * 9,
    "\u0e47" * 200,
    "a\u0e49\u0e49\u0e49" * 99,
    "☰" * 50,
    "x<sup>a<sup>b<sup>c</sup></sup></sup><sub>a<sub>b<sub>c</sub></sub></sub>" * 9,
]
CODE = "```python\nprint('hello')\n```"
CALL = {
    "name": "read",
    "arguments": '{"path": "notes.txt"}',
    "status": "waiting",
    "result": "",
}

# Where a click on the parts would find something else, which is drawn above them.
COVERED = """
    (parts) => {
      const found = [];
      for (const part of document.querySelectorAll(parts)) {
        part.scrollIntoView({ block: "center" });
        const { left, top, right, bottom } = part.getBoundingClientRect();
        for (let y = top + 1; y < bottom - 1; y += 4) {
          for (let x = left + 1; x < right - 1; x += 9) {
            const above = document.elementFromPoint(x, y);
            // What is round has no corners.
            const corner = (x - left < 13 || right - x < 13) && (y - top < 13 || bottom - y < 13);
            if (corner || part.contains(above)) continue;
            found.push([x, y, above?.outerHTML.slice(0, 200)]);
          }
        }
      }
      return found.slice(0, 3);
    }
"""
PARTS = ".nbchat-call, .nbchat-markdown pre, .nbchat-code-header > button, .nbchat-actions > button"


def show(chat: Chat, texts: list[str]) -> None:
    """A card that waits and a block of code between these texts."""
    above = "\n\n".join(texts)
    in_list = f"- a\n\n  {CODE.replace(chr(10), chr(10) + '  ')}\n- {texts[0]}"
    content = f"{above}\n\n{CODE}\n\n{above}\n\n{in_list}\n\n"
    chat.page.evaluate(
        "() => { document.querySelectorAll('.nbchat').forEach((each) => each.remove()); canRun(); }"
    )
    chat.open(
        busy=True,
        messages=[
            message("u", role="user", content="Read my notes"),
            message("a", content=content, status="complete"),
            message(
                "b",
                content=f"{above}\n\n{above}",
                status="streaming",
                finish_reason=None,
                tool_calls=[{**CALL, "at": len(above) + 1}],
            ),
        ],
    )
    expect(chat.page.locator(".nbchat-call")).to_be_visible()
    expect(chat.page.locator(".hljs-built_in").first).to_be_visible()


def covered(chat: Chat) -> Any:
    return chat.page.evaluate(COVERED, PARTS)


@pytest.fixture
def chat(page: Page) -> Chat:
    chat = Chat(page)
    chat.show(f"$x$\n\n{CODE}")  # has the assets come
    expect(page.locator("math")).to_be_visible()
    expect(page.locator(".hljs-built_in")).to_be_visible()
    return chat


@pytest.mark.parametrize("width", [1280, 430])
def test_no_formula_covers_a_card_or_code(chat: Chat, width: int) -> None:
    chat.page.set_viewport_size({"width": width, "height": 900})
    for formulas in batches(FORMULAS, 6):
        places = itertools.cycle(PLACES)
        texts = [next(places).replace("{}", f"${formula}$") for formula in formulas for _ in (1, 2)]
        show(chat, texts)
        expect(chat.page.locator(".nbchat-markdown code", has_text="smash")).to_have_count(0)
        assert covered(chat) == [], formulas


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_no_place_lets_one_out(chat: Chat, place: str) -> None:
    formulas = [rf"\cancel{{\smash{{\raisebox{{{n}em}}{{{BOX}}}}}}}" for n in (-4, 4)]
    formulas += [r"\smash{\cancel{\begin{array}{l}" + (BOX + r"\\") * 9 + r"\end{array}}}"]
    show(chat, [place.replace("{}", f"${formula}$") for formula in formulas])
    assert covered(chat) == []


def test_no_letters_cover_them(chat: Chat) -> None:
    show(chat, [place.replace("{}", text) for text in STACKED + TALL for place in PLACES[:6]])
    assert covered(chat) == []


# fmt: off
SHIFTS = ["-20em", "-4em", "4em", "20em", "-90pt", "3ex", "0pt", "-1mu"]
# What draws out of its line, with its arguments: a formula, a length, a colour.
LEAVING = [
    r"\smash{%}", r"\smash[b]{%}", r"\raisebox{#}{$%$}", r"\raise#{%}", r"\lower#{%}",
    r"\rule[#]{#}{#}", r"\kern#%", r"\hspace{#}%", r"\mathrlap{%}", r"\mathllap{%}",
    r"\mathclap{%}", r"\hphantom{%}", r"\colorbox{red}{$%$}", r"\fcolorbox{red}{red}{$%$}",
    r"\cancel{%}", r"\bcancel{%}", r"\xcancel{%}", r"\sout{%}", r"\boxed{%}",
    r"\overbrace{%}^{%}", r"\underset{%}{%}", r"\Huge %", r"\begin{array}{l}%\\[#]%\end{array}",
    r"\frac{%}{%}", r"\sqrt[%]{%}", r"%^{%}_{%}", r"\left(%\right)", r"\phase{%}", r"\longdiv{%}",
    r"\tag{%}", r"\vcenter{%}", r"\shift{%}", r"\reflectbox{%}", r"\bordermatrix{%\cr%}",
    r"\cancelto{%}{%}", r"\angl{%}", r"\textcircled{%}",
]
# fmt: on


def formula(draw: random.Random, commands: list[str], depth: int) -> str:
    if depth == 0:
        return draw.choice([BOX, "x", r"\int", r"\rule[-9em]{9em}{18em}", r"\text{x\u0316\u0317}"])
    some = rf"{draw.choice(commands)}{draw.choice(['', '{%}', '{%}{%}', '{#}{%}', '[#]{%}'])}"
    text = draw.choice([draw.choice(LEAVING)] * 3 + [some])
    text = re.sub("#", lambda _: draw.choice(SHIFTS), text)
    return re.sub("%", lambda _: formula(draw, commands, depth - 1), text)


def test_nothing_that_the_commands_of_temml_draw_covers_them(
    chat: Chat, request: pytest.FixtureRequest
) -> None:
    draw = random.Random(5)
    found = re.findall(r"\\\\[a-zA-Z]+(?=[\"'`])", (STATIC / "math.js").read_text("utf-8"))
    commands = sorted({name[1:] for name in found})
    assert len(commands) > 500
    for _ in range(400 if request.config.getoption("--long") else 8):
        made = [formula(draw, commands, draw.choice([1, 2, 3])) for _ in range(200)]
        drawn = chat.import_("return argument.filter((tex) => math.draw(tex, false))", made)
        formulas = [f"${tex.strip()}$" for tex in drawn if "`" not in tex][:40]
        assert len(formulas) > 10
        show(chat, [draw.choice(PLACES).replace("{}", tex) for tex in formulas])
        assert covered(chat) == [], formulas


def batches(items: list[str], size: int) -> list[list[str]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 430])
def test_looks(chat: Chat, scheme: Any, width: int, tmp_path: Path) -> None:
    """Pixels of the card are the same with and without a hostile formula above and below it."""
    chat.page.emulate_media(color_scheme=scheme)
    chat.page.set_viewport_size({"width": width, "height": 900})
    pictures = []
    # Both take the same room.
    for shifts in ((0, 0), (-4.9, 4.9)):
        texts = [
            rf"Text $\cancel{{\smash{{\raisebox{{{shift}em}}{{{BOX}}}}}}}$ {sign}"
            for shift, sign in zip(shifts, STACKED if any(shifts) else ("x", "x"), strict=True)
        ]
        show(chat, texts)
        card = chat.page.locator(".nbchat-call")
        expect(card.get_by_role("button", name="Allow", exact=True)).to_be_enabled()
        chat.page.mouse.move(0, 0)
        pictures.append(card.screenshot(path=tmp_path / f"{len(pictures)}.png"))
        chat.page.screenshot(path=tmp_path / f"page{len(pictures)}.png")
    assert pictures[0] == pictures[1]
