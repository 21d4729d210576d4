"""Choosing a model: the list that is searched by typing, and what stands below the menu."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from harness import Kernel, message
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PLACES = ("transcript", "composer", "model")


def facts(id_: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name or id_,
        "is_free": False,
        "context_length": None,
        "prompt_price": None,
        "completion_price": None,
        "reasoning": None,
        "images": None,
        "tools": None,
        "chats": True,
        "expires": None,
        **more,
    }


CATALOGUE = [
    facts("acme/mini:free", "Acme Mini", is_free=True, context_length=131_072),
    facts("zeta/see:free", "Zeta See", is_free=True, context_length=32_768, images=True),
    facts(
        "acme/grand",
        "Acme Grand",
        context_length=1_048_576,
        prompt_price=0.45,
        completion_price=3.2,
        reasoning=True,
        images=True,
    ),
    facts("beta/small", "Beta Small", prompt_price=0.0005, completion_price=15),
]
IDS = [model["id"] for model in CATALOGUE]


class Picker:
    """The menu and its list, as a person finds them; `root` is one of the shown chats."""

    def __init__(self, kernel: Kernel, root: Locator | None = None) -> None:
        self.kernel = kernel
        self.root = root or kernel.page.locator(".nbchat")
        self.menu = self.root.get_by_role("combobox", name="Model", exact=True)
        self.search = self.root.get_by_role("combobox", name="Search models")
        self.list = self.root.get_by_role("listbox", name="Models")
        self.options = self.list.get_by_role("option")
        self.panel = self.root.locator(".nbchat-model-panel")

    def open(self, models: Sequence[str] = IDS, **state: Any) -> None:
        """Opens the chat, whose panel is then as far as a person could click."""
        self.kernel.open(PLACES, models, model="acme/grand", server="openrouter.ai", **state)
        self.kernel.open_settings()
        expect(self.panel.get_by_text("openrouter.ai")).to_be_visible()
        self.menu.select_option("acme/grand")
        self.kernel.page.evaluate(
            """() => {
              window.changes = [];
              document.addEventListener("change", ({ target }) => {
                if (target.matches("select")) changes.push(target.value);
              });
              // The panel looks for the menu once it has been laid out.
              return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            }"""
        )

    def give(self, models: Sequence[dict[str, Any]], count: int = 1) -> None:
        """Answers the request for the models' facts."""
        nonce = self.kernel.wait_sent("models", count)["nonce"]
        self.kernel.page.evaluate(
            """([nonce, text]) => {
              kernel.push({ type: "received", nonce });
              const content = new DataView(new TextEncoder().encode(text).buffer);
              kernel.push({ type: "file", nonce, name: "models.json" }, [content]);
            }""",
            [nonce, json.dumps(models, ensure_ascii=False)],
        )

    def shown(self) -> list[str]:
        """The first lines of the options."""
        names: list[str] = self.options.locator(
            ".nbchat-option-name > :first-child, .nbchat-option-name:not(:has(> *))"
        ).all_text_contents()
        return names

    def filter(self, name: str) -> Locator:
        filters = self.root.get_by_role("group", name="Filters")
        return filters.get_by_role("button", name=name, exact=True)

    def group(self, name: str) -> list[str]:
        """The names of the models in a group."""
        group = self.list.get_by_role("group", name=name, exact=True)
        names: list[str] = group.locator(".nbchat-option-name > :first-child").all_text_contents()
        return names

    @property
    def active(self) -> Locator:
        id_ = self.search.get_attribute("aria-activedescendant")
        return self.list.locator(f"[id='{id_}']")

    def changes(self) -> list[str]:
        changes: list[str] = self.kernel.page.evaluate("changes")
        return changes


@pytest.fixture
def picker(kernel: Kernel) -> Picker:
    return Picker(kernel)


# The list


def test_a_click_opens_the_list_at_the_chosen_model(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    expect(picker.search).to_be_focused()
    assert picker.shown() == IDS  # at once, whenever the facts come
    expect(picker.list.get_by_role("option", selected=True)).to_have_text("acme/grand")
    expect(picker.active).to_have_text("acme/grand")
    picker.give(CATALOGUE)
    expect(picker.options).to_have_count(4)
    expect(picker.options.first).to_contain_text("Acme Mini")
    assert picker.shown() == [model["name"] for model in CATALOGUE]
    expect(picker.active).to_contain_text("Acme Grand")
    for text in ("acme/grand", "$0.45 in / $3.20 out", "1M context · reasoning · images"):
        expect(picker.active).to_contain_text(text)
    expect(picker.list.get_by_role("group", name="Free").get_by_role("option")).to_have_count(2)
    expect(picker.list.get_by_role("group", name="Paid").get_by_role("option")).to_have_count(2)
    picker.menu.click()
    expect(picker.list).to_have_count(0)
    expect(picker.menu).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space", "ArrowDown", "ArrowUp", "Alt+ArrowDown"])
def test_keys_of_a_menu_open_the_list(picker: Picker, key: str) -> None:
    picker.open()
    picker.menu.press(key)
    expect(picker.search).to_be_focused()
    expect(picker.search).to_have_value("")
    assert picker.changes() == []


def test_typing_on_the_menu_searches(picker: Picker) -> None:
    picker.open()
    picker.menu.press("a")
    picker.give(CATALOGUE)
    picker.kernel.page.keyboard.type("cme GRAND")
    expect(picker.search).to_have_value("acme GRAND")
    expect(picker.options.first).to_contain_text("Acme Grand")
    picker.kernel.page.keyboard.press("Control+a")
    expect(picker.list).to_be_visible()  # a shortcut is no choice


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["Acme Mini", "Zeta See", "Acme Grand", "Beta Small"]),
        ("free", ["Acme Mini", "Zeta See"]),
        ("images", ["Zeta See", "Acme Grand"]),
        ("images free", ["Zeta See"]),
        ("reasoning", ["Acme Grand"]),
        ("  mini   ACME ", ["Acme Mini"]),
        ("beta/", ["Beta Small"]),
        ("1m", ["Acme Grand"]),
    ],
)
def test_all_words_are_found_wherever_they_stand(
    picker: Picker, typed: str, found: list[str]
) -> None:
    picker.open()
    picker.menu.click()
    picker.give(CATALOGUE)
    expect(picker.options.first).to_contain_text("Acme Mini")
    picker.search.fill(typed)
    own = [f'Use "{typed.strip()}" as the model id'] if typed.strip() else []
    assert picker.shown() == found + own
    count = f"{len(found)} model" + ("s" if len(found) != 1 else "")
    expect(picker.root.get_by_role("status").filter(has_text="model")).to_have_text(count)


def test_keys_choose_and_the_menu_tells_ipywidgets(picker: Picker) -> None:
    picker.open()
    picker.menu.press("ArrowDown")
    picker.give(CATALOGUE)
    expect(picker.active).to_contain_text("Acme Grand")
    for key, active in (
        ("ArrowDown", "Beta Small"),
        ("ArrowDown", "Beta Small"),
        ("Home", "Acme Mini"),
        ("ArrowUp", "Acme Mini"),
        ("ArrowDown", "Zeta See"),
        ("End", "Beta Small"),
    ):
        picker.search.press(key)
        expect(picker.active).to_contain_text(active)
    picker.search.press("Enter")
    expect(picker.menu).to_have_value("beta/small")
    expect(picker.menu).to_be_focused()
    expect(picker.list).to_have_count(0)
    assert picker.changes() == ["beta/small"]
    picker.menu.press("Enter")
    picker.search.press("Enter")
    assert picker.changes() == ["beta/small"]  # the same again is no change


def test_pages_of_a_long_list_are_turned_and_it_scrolls_along(picker: Picker) -> None:
    picker.open([*IDS, *(f"model/{n:03}" for n in range(400))])
    picker.menu.click()
    picker.search.press("Home")
    for _ in range(3):
        picker.search.press("PageDown")
    expect(picker.active).to_contain_text("model/0")
    expect(picker.active).to_be_in_viewport(ratio=1)
    picker.search.press("PageUp")
    picker.search.press("End")
    expect(picker.active).to_have_text("model/399")
    expect(picker.active).to_be_in_viewport(ratio=1)
    assert picker.kernel.page.evaluate("scrollY") == 0


def test_a_click_chooses(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    picker.options.filter(has_text="zeta/see").click()
    expect(picker.menu).to_have_value("zeta/see:free")
    expect(picker.menu).to_be_focused()
    assert picker.changes() == ["zeta/see:free"]


def test_any_other_id_can_be_used(picker: Picker) -> None:
    picker.open()
    picker.menu.press("m")
    picker.search.fill(" my/own ")
    assert picker.shown() == ['Use "my/own" as the model id']
    picker.search.press("Enter")
    sent = picker.kernel.wait_sent("model")
    assert sent["id"] == "my/own"
    expect(picker.menu).to_be_focused()
    assert picker.changes() == []
    picker.kernel.push("received", nonce=sent["nonce"], refused="No such model.")
    expect(picker.root.get_by_role("alert")).to_have_text("No such model.")
    picker.menu.press("a")
    picker.search.fill("acme/grand")
    assert picker.shown() == ["acme/grand"]  # it is in the list already
    picker.search.press("Home")
    picker.search.press("Enter")
    expect(picker.root.get_by_role("alert")).to_have_count(0)


def test_what_is_typed_finds_more_once_the_facts_are_there(picker: Picker) -> None:
    picker.open()
    picker.menu.press("i")
    picker.search.fill("images")
    assert picker.shown() == ['Use "images" as the model id']
    picker.give(CATALOGUE)
    expect(picker.active).to_contain_text("Zeta See")  # else Enter would use "images"


@pytest.mark.parametrize("key", ["Escape", "Shift+Tab"])
def test_keys_that_turn_away_give_the_focus_back(picker: Picker, key: str) -> None:
    picker.open()
    picker.menu.press("z")
    picker.search.press(key)
    expect(picker.list).to_have_count(0)
    expect(picker.menu).to_be_focused()
    expect(picker.menu).to_have_value("acme/grand")
    assert picker.changes() == []


def test_filters_are_combined_with_the_search_and_say_how_many_match(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    expect(picker.filter("Free")).to_have_count(0)  # nothing is known yet
    picker.give(CATALOGUE)
    count = picker.root.get_by_role("status").filter(has_text="model")
    expect(picker.filter("Tools")).to_have_count(0)  # none has them
    picker.filter("Images").click()
    expect(picker.filter("Images")).to_have_attribute("aria-pressed", "true")
    expect(picker.search).to_be_focused()
    assert picker.shown() == ["Zeta See", "Acme Grand"]
    expect(count).to_have_text("2 models")
    picker.filter("Free").click()
    assert picker.shown() == ["Zeta See"]
    picker.search.fill("grand")
    assert picker.shown() == []  # Enter would else use "grand" as the id
    expect(count).to_have_text("No models")
    picker.filter("Free").click()
    assert picker.shown() == ["Acme Grand", 'Use "grand" as the model id']


def test_filters_and_pins_by_keyboard(picker: Picker) -> None:
    page = picker.kernel.page
    picker.open()
    picker.menu.press("Enter")
    picker.give(CATALOGUE)
    expect(picker.active).to_contain_text("Acme Grand")
    for name in ("Free", "Reasoning", "Images"):
        picker.kernel.page.keyboard.press("Tab")
        expect(picker.filter(name)).to_be_focused()
    page.keyboard.press("Space")
    assert picker.shown() == ["Zeta See", "Acme Grand"]
    page.keyboard.press("Tab")
    expect(picker.root.get_by_role("button", name="Pin Acme Grand", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    assert picker.shown() == ["Acme Grand", "Zeta See"]
    expect(picker.root.get_by_role("button", name="Unpin Acme Grand")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(picker.search).to_be_focused()
    expect(picker.active).to_contain_text("Zeta See")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(picker.list).to_have_count(0)
    expect(picker.menu).to_be_focused()


def test_pinned_models_and_those_used_last_stand_on_top(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    picker.give(CATALOGUE)
    picker.options.filter(has_text="zeta/see").hover()
    picker.options.filter(has_text="zeta/see").locator(".nbchat-star").click()
    assert picker.group("Pinned") == ["Zeta See"]
    expect(picker.menu).to_have_value("acme/grand")  # a pin is no choice
    picker.options.filter(has_text="beta/small").click()
    picker.menu.click()
    assert picker.group("Pinned") == ["Zeta See"]
    assert picker.group("Recent") == ["Beta Small"]
    assert picker.shown() == ["Zeta See", "Beta Small", "Acme Mini", "Acme Grand"]
    picker.search.fill("acme")
    assert picker.group("Pinned") == []
    # Also for the next chat.
    picker.search.press("Escape")
    picker.kernel.page.locator(".nbchat").evaluate("(el) => el.remove()")
    picker.open()
    picker.menu.click()
    assert picker.shown()[:2] == ["zeta/see:free", "beta/small"]


@pytest.mark.parametrize("saved", ["{", "7", '[7, null, {"a": 1}]', None])
def test_a_browser_that_keeps_nothing_or_nonsense(picker: Picker, saved: str | None) -> None:
    picker.kernel.page.evaluate(
        """(saved) => {
          if (saved === null) {
            Storage.prototype.getItem = Storage.prototype.setItem = () => { throw new Error(); };
          } else for (const kind of ["pinned", "recent"])
            localStorage.setItem(`nbchat-${kind}-models`, saved);
        }""",
        saved,
    )
    picker.open()
    picker.menu.click()
    picker.give(CATALOGUE)
    expect(picker.options.first).to_contain_text("Acme Mini")
    picker.options.filter(has_text="beta/small").click()
    picker.menu.click()
    assert picker.shown()[0] == "Beta Small"


def test_a_click_outside_closes_the_list(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    picker.kernel.page.mouse.click(5, 890)
    expect(picker.list).to_have_count(0)
    expect(picker.menu).to_be_focused()
    picker.menu.click()
    picker.kernel.box.click()
    expect(picker.list).to_have_count(0)
    expect(picker.kernel.box).to_be_focused()


def test_the_list_closes_when_the_menu_moves_and_not_when_the_reply_does(picker: Picker) -> None:
    picker.open()
    page = picker.kernel.page
    page.evaluate("document.body.style.paddingBottom = '2000px'")
    picker.kernel.change("message", message=message("a", content="line\n\n" * 50))
    expect(picker.kernel.reply).to_contain_text("line")
    picker.menu.click()
    page.evaluate(
        """() => new Promise((done) => {
          const log = document.querySelector("[role=log]");
          log.addEventListener("scroll", () => setTimeout(done));
          log.scrollTop = 40;
        })"""
    )
    expect(picker.list).to_be_visible()
    page.evaluate("scrollTo(0, 50)")
    expect(picker.list).to_have_count(0)
    picker.menu.click()
    page.set_viewport_size({"width": 900, "height": 700})
    expect(picker.list).to_have_count(0)


@pytest.mark.parametrize("width", [430, 1280])
@pytest.mark.parametrize("place", ["top", "bottom"])
def test_the_list_is_whole_in_the_window_whatever_clips_the_output(
    picker: Picker, width: int, place: str
) -> None:
    page = picker.kernel.page
    page.set_viewport_size({"width": width, "height": 700})
    picker.open([f"model/{n}" for n in range(100)] + ["acme/grand"])
    page.evaluate(
        """(place) => {
          const chat = document.querySelector(".nbchat");
          const side = document.querySelector(".nbchat-side");
          side.style.maxHeight = "60px";
          // What a notebook does to its outputs, at worst.
          Object.assign(side.style, { overflow: "hidden", transform: "translateZ(0)" });
          chat.style.marginTop = place === "top" ? "0" : "600px";
        }""",
        place,
    )
    picker.menu.click()
    box = picker.root.locator(".nbchat-models").bounding_box()
    menu = picker.menu.bounding_box()
    assert box is not None
    assert menu is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 700
    assert box["width"] >= 320
    assert 300 <= box["height"] <= 420
    if place == "top":
        assert box["y"] >= menu["y"] + menu["height"]
    else:
        assert box["y"] + box["height"] <= menu["y"]
    on_top = page.evaluate(
        """([x, y]) => document.elementFromPoint(x, y).closest(".nbchat-models") !== null""",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] - 20],
    )
    assert on_top


def test_the_menu_works_by_itself(picker: Picker) -> None:
    picker.open()
    picker.menu.select_option("Other model…")
    picker.menu.select_option("beta/small")
    assert picker.changes() == ["Other model…", "beta/small"]
    picker.menu.click()
    assert picker.shown() == IDS  # "Other model…" is what one types here


def test_a_kernel_that_never_answers_leaves_the_ids(picker: Picker) -> None:
    picker.open()
    page = picker.kernel.page
    picker.menu.click()
    page.evaluate("Date.now = () => performance.timeOrigin + performance.now() + 60_000")
    picker.search.fill("beta")
    picker.search.press("Enter")
    expect(picker.menu).to_have_value("beta/small")
    picker.menu.click()
    assert picker.shown() == ["beta/small", *IDS[:-1]]
    assert len(picker.kernel.sent("models")) == 1
    expect(page.get_by_text("The kernel is busy")).to_have_count(0)  # no person waits for it


def test_facts_are_fetched_once_for_each_of_the_kernels_lists(picker: Picker) -> None:
    picker.open()
    assert picker.kernel.sent("models") == []  # before someone looks
    picker.menu.click()
    picker.give(CATALOGUE)
    expect(picker.options.first).to_contain_text("Acme Mini")
    picker.search.press("Escape")
    picker.menu.click()
    assert picker.shown()[0] == "Acme Mini"
    assert len(picker.kernel.sent("models")) == 1
    picker.search.fill("e")
    picker.kernel.state(catalogue=1, server="openrouter.ai")
    picker.kernel.page.evaluate(
        """() => {
          const menu = document.querySelector(".nbchat-model select");
          menu.prepend(new Option("new/model", "new/model"));
        }"""
    )
    expect(picker.options.first).to_have_text("new/model")
    picker.search.fill("")
    picker.give([facts("new/model", "Brand New"), *CATALOGUE], count=2)
    expect(picker.options.filter(has_text="Brand New")).to_be_visible()


def test_a_refused_list_is_asked_for_again(picker: Picker) -> None:
    picker.open()
    picker.menu.click()
    nonce = picker.kernel.wait_sent("models")["nonce"]
    picker.kernel.push("received", nonce=nonce, refused="Not now.")
    picker.search.press("Escape")
    picker.menu.click()
    picker.give(CATALOGUE, count=2)
    expect(picker.options.first).to_contain_text("Acme Mini")


def test_hostile_names_are_text(picker: Picker) -> None:
    hostile = '<img src=x onerror="window.hacked=1"><b>bold</b>'
    picker.open([hostile, "acme/grand"], model_info=facts("x", hostile, expires=hostile))
    picker.kernel.state(
        server=hostile,
        account=hostile,
        why_disabled={"temperature": hostile},
        model_info=facts(hostile, hostile, expires=hostile),
    )
    picker.menu.click()
    picker.give([facts(hostile, hostile + " name", expires=hostile)])
    expect(picker.options.filter(has_text=hostile + " name")).to_be_visible()
    picker.search.fill(hostile + "!")
    assert picker.shown()[-1] == f'Use "{hostile}!" as the model id'
    assert picker.root.locator("img, b").count() == 0
    assert picker.kernel.page.evaluate("window.hacked") is None


def test_keys_typed_in_the_list_stay_there(picker: Picker) -> None:
    picker.open()
    picker.kernel.page.evaluate(
        """() => {
          window.keys = [];
          document.body.addEventListener("keydown", ({ key }) => keys.push(key));
        }"""
    )
    picker.menu.press("d")
    picker.kernel.page.keyboard.type("dx")
    picker.search.press("Escape")
    assert picker.kernel.page.evaluate("keys") == []


# Below the menu


def test_the_chosen_models_facts(picker: Picker) -> None:
    page = picker.kernel.page
    page.clock.set_fixed_time("2026-08-20T12:00:00Z")
    picker.open()
    for model, text in (
        (
            facts(
                "a",
                context_length=262_144,
                prompt_price=0.45,
                completion_price=3.2,
                reasoning=True,
                images=True,
                expires="2026-12-31",
            ),
            "$0.45 in / $3.20 out per M tokens · 262k context · reasoning · images · "
            "until 31 Dec 2026",
        ),
        (
            facts("b", is_free=True, context_length=1_000_000, reasoning=False, images=False),
            "free · 1M context",
        ),
        (facts("c", prompt_price=0.0005, expires="2098-12-31"), "$0.0005 in per M tokens"),
        (facts("d", prompt_price=0.0375, completion_price=14.999999999999998), "$0.0375 in / $15"),
        (facts("e", context_length=999_999, expires="someday"), "1M context"),
    ):
        picker.kernel.state(server="openrouter.ai", model_info=model)
        expect(picker.panel).to_contain_text(text)
    expect(picker.panel).not_to_contain_text("until")
    expect(picker.panel.locator("strong")).to_have_count(0)
    picker.kernel.state(server="openrouter.ai", model_info=facts("f", expires="2026-09-12"))
    expect(picker.panel.locator("strong")).to_have_text("until 12 Sept 2026")  # soon
    picker.kernel.state(server="", account="38 of 50 free requests left")
    expect(picker.panel.get_by_text("Not connected")).to_be_visible()
    expect(picker.panel).to_have_text("Not connectedChange server38 of 50 free requests left")


def test_money_and_context(picker: Picker) -> None:
    picker.open()
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 234,
        "total_tokens": 1234,
        "reasoning_tokens": None,
        "cost": 0.012,
    }
    meter = picker.panel.get_by_role("meter", name="Context")
    money = picker.panel.get_by_text("This chat:")
    for state, text in (
        (
            {"usage": usage, "max_cost": 0.5},
            "This chat: $0.012 of $0.50 · 1,234 tokens over all requests",
        ),
        ({"usage": usage}, "This chat: $0.012 · 1,234 tokens over all requests"),
        ({"usage": {**usage, "cost": 0}}, "This chat: free · 1,234 tokens over all requests"),
        (
            {"usage": {**usage, "cost": 0}, "max_cost": 1},
            "This chat: $0 of $1 · 1,234 tokens over all requests",
        ),
        ({"usage": {**usage, "cost": None}}, "This chat: 1,234 tokens over all requests"),
        ({"max_cost": 0.5}, "This chat: limit $0.50"),
    ):
        picker.kernel.state(**state)
        expect(money).to_have_text(text)
    expect(meter).to_have_count(0)
    colours = []
    for used, percent in ((16_000, 12), (105_000, 80), (200_000, 153)):
        picker.kernel.state(context={"used": used, "length": 131_072})
        expect(picker.panel).to_contain_text(f"Context {percent} % of 131k")
        expect(meter).to_have_attribute("aria-valuenow", str(min(percent, 100)))
        colours.append(
            meter.evaluate("(el) => getComputedStyle(el.firstElementChild).backgroundColor")
        )
    assert colours[0] != colours[1] == colours[2]
    picker.kernel.state()
    expect(money).to_be_hidden()
    expect(meter).to_have_count(0)


def test_another_server_is_asked_for(picker: Picker) -> None:
    picker.open()
    picker.root.get_by_role("button", name="Change server").click()
    nonce = picker.kernel.wait_sent("servers")["nonce"]
    picker.kernel.push("received", nonce=nonce, refused="There is no other.")
    expect(picker.root.get_by_role("alert")).to_have_text("There is no other.")


def test_grey_controls_say_why(picker: Picker) -> None:
    picker.open()
    temperature = picker.root.get_by_role("slider", name="Temperature")
    effort = picker.root.get_by_role("combobox", name="Reasoning effort")
    reason = picker.root.locator(".nbchat-reason")
    why = {"temperature": "Fixed.", "reasoning_effort": "Does not reason."}
    picker.kernel.state(why_disabled=why)
    expect(temperature).to_have_accessible_description("Fixed.")
    expect(effort).to_have_accessible_description("Does not reason.")
    expect(picker.root.locator(".nbchat-temperature > .nbchat-reason")).to_be_visible()
    picker.kernel.state(why_disabled={"temperature": "Fixed at 1."})
    expect(temperature).to_have_accessible_description("Fixed at 1.")
    expect(effort).to_have_accessible_description("")
    expect(reason).to_have_count(1)
    picker.kernel.state()
    expect(reason).to_have_count(0)
    assert picker.root.locator("[aria-describedby]").count() == 0


def test_controls_that_come_late_say_why_too(picker: Picker) -> None:
    picker.open(why_disabled={"max_tokens": "Fixed."})
    expect(picker.root.locator(".nbchat-max-tokens > .nbchat-reason")).to_be_visible()
    picker.kernel.page.evaluate(
        """() => {
          const old = document.querySelector(".nbchat-max-tokens");
          const late = old.cloneNode(true);
          late.querySelector(".nbchat-reason").remove();
          old.replaceWith(late);
        }"""
    )
    expect(picker.root.locator(".nbchat-max-tokens > .nbchat-reason")).to_be_visible()


# More than one, and none


def test_two_shown_chats_have_lists_of_their_own(picker: Picker) -> None:
    picker.open(why_disabled={"temperature": "Fixed."})
    page = picker.kernel.page
    page.evaluate("(models) => showChat(models).then(() => null)", IDS)
    first, second = (Picker(picker.kernel, page.locator(".nbchat").nth(at)) for at in range(2))
    expect(second.panel.get_by_text("openrouter.ai")).to_be_visible()
    for each in (first, second):
        expect(each.root.get_by_role("slider", name="Temperature")).to_have_accessible_description(
            "Fixed."
        )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    second.menu.click()
    expect(second.search).to_be_focused()
    expect(first.list).to_have_count(0)
    second.give(CATALOGUE)
    expect(second.options.first).to_contain_text("Acme Mini")
    second.search.press("Home")
    second.search.press("Enter")
    expect(second.menu).to_have_value("acme/mini:free")
    expect(first.menu).to_have_value("acme/grand")
    first.menu.click()
    assert first.shown()[0] == "Acme Mini"
    assert len(picker.kernel.sent("models")) == 1


def test_nothing_is_left_after_the_clean_up(picker: Picker) -> None:
    picker.open(why_disabled={"temperature": "Fixed."})
    reason = picker.root.locator(".nbchat-reason")
    expect(reason).to_have_count(1)
    picker.menu.click()
    # With a drawing under way.
    picker.kernel.state(why_disabled={"temperature": "Fixed."}, catalogue=1)
    picker.kernel.page.evaluate(
        """() => {
          document.querySelector(".nbchat-model-panel").end();
          return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        }"""
    )
    expect(picker.list).to_have_count(0)
    expect(reason).to_have_count(0)
    assert picker.root.locator("[aria-describedby]").count() == 0
    untouched = picker.kernel.page.evaluate(
        """() => {
          const event = new MouseEvent("mousedown", { bubbles: true, cancelable: true });
          return document.querySelector(".nbchat-model select").dispatchEvent(event);
        }"""
    )
    assert untouched


def test_a_browser_without_popovers_keeps_its_own_list(picker: Picker) -> None:
    picker.kernel.page.evaluate("delete HTMLElement.prototype.showPopover")
    picker.open()
    picker.menu.select_option("beta/small")
    picker.menu.focus()
    picker.menu.press("End")
    expect(picker.search).to_have_count(0)
    picker.menu.press("z")
    expect(picker.search).to_have_count(0)


# For everyone


@pytest.mark.parametrize("light", ["true", "false"])
def test_axe_finds_nothing_serious_in_the_list(
    picker: Picker, serious: Callable[[], list[Any]], light: str
) -> None:
    page = picker.kernel.page
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
    picker.open()
    picker.kernel.state(
        server="openrouter.ai",
        model_info=CATALOGUE[2],
        account="38 of 50 free requests left",
        max_cost=0.5,
        context={"used": 110_000, "length": 131_072},
        why_disabled={"temperature": "Fixed."},
    )
    expect(picker.panel.get_by_role("meter")).to_be_visible()
    assert serious() == []
    picker.menu.click()
    picker.give(CATALOGUE)
    expect(picker.options.first).to_contain_text("Acme Mini")
    picker.search.fill("acme")
    expect(picker.options).to_have_count(3)
    assert serious() == []


def test_forced_colours_and_reduced_motion(picker: Picker) -> None:
    page = picker.kernel.page
    page.emulate_media(reduced_motion="reduce", forced_colors="active")
    picker.open()
    picker.menu.click()
    outline = picker.active.evaluate("(el) => getComputedStyle(el).outlineStyle")
    assert outline == "solid"
    assert page.evaluate("document.getAnimations().length") == 0
