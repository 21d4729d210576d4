"""The card that connects a model, and the empty chat, as a page draws them."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Kernel, connect, message, way
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

KEY = way("key", "Paste a key", "from any provider", "key")
ADDRESS = way("address", "Server address", "any server", "address")
OPENAI = way("key:openai", "Use OpenAI", "key found", primary=True)
SIGN_IN = way("sign-in", "Sign in to OpenRouter", "free models")
NOTHING: dict[str, Any] = {"model": "", "server": ""}
CONNECTED = {"model": "test/model", "server": "a test server"}


def card(kernel: Kernel, name: str = "Connect a model") -> Locator:
    return kernel.log.get_by_role("group", name=name, exact=True)


def test_its_rows_are_buttons_in_order(kernel: Kernel) -> None:
    kernel.open(connect=connect(OPENAI, SIGN_IN, KEY, ADDRESS), **NOTHING)
    expect(card(kernel).get_by_role("button")).to_have_text(
        [
            "Use OpenAI key found",
            "Sign in to OpenRouter free models",
            "Paste a key from any provider",
            "Server address any server",
        ]
    )
    expect(kernel.page.get_by_text("What shall we look at?")).to_have_count(0)
    expect(kernel.box).to_have_attribute("placeholder", "Connect a model first")
    kernel.box.fill("A draft")
    card(kernel).get_by_role("button", name="Use OpenAI").click()
    assert kernel.wait_sent("connect")["way"] == "key:openai"
    # No jump, and no lost focus, when a server is found meanwhile.
    kernel.state(connect=connect(OPENAI, way("server:ollama", "Use Ollama"), SIGN_IN), **NOTHING)
    expect(card(kernel).get_by_role("button", name="Use OpenAI")).to_be_focused()
    expect(kernel.box).to_have_value("A draft")


def test_a_key_is_typed_by_keyboard_alone_and_forgotten(kernel: Kernel) -> None:
    kernel.open(connect=connect(SIGN_IN, KEY, ADDRESS), **NOTHING)
    opener = card(kernel).get_by_role("button", name="Paste a key")
    field = card(kernel).get_by_label("API key", exact=True)
    expect(field).to_be_hidden()
    opener.focus()
    kernel.page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("type", "password")
    kernel.page.keyboard.type("sk-secret")
    # What is found meanwhile must not take away what is being typed.
    kernel.state(connect=connect(OPENAI, SIGN_IN, KEY, ADDRESS), **NOTHING)
    expect(field).to_have_value("sk-secret")
    kernel.page.keyboard.press("Enter")
    sent = kernel.wait_sent("secret")
    assert (sent["way"], sent["value"]) == ("key", "sk-secret")
    expect(field).to_have_value("")
    assert "sk-secret" not in str(kernel.page.evaluate("kernel.traits.snapshot"))
    kernel.push("received", nonce=sent["nonce"], refused="That is no key.")
    expect(card(kernel).get_by_role("alert")).to_have_text("That is no key.")


def test_an_address_stays_while_it_is_tested(kernel: Kernel) -> None:
    kernel.open(connect=connect(KEY, ADDRESS), **NOTHING)
    card(kernel).get_by_role("button", name="Server address").click()
    address = card(kernel).get_by_role("textbox", name="Server address")
    expect(address).to_be_focused()
    address.fill("localhost:11434")
    card(kernel).get_by_label("API key, if it needs one").fill("sk-secret")
    card(kernel).get_by_role("button", name="Connect", exact=True).click()
    sent = kernel.wait_sent("connect_to")
    assert (sent["base_url"], sent["key"]) == ("localhost:11434", "sk-secret")
    kernel.state(connect=connect(KEY, ADDRESS, busy="Connecting…"), **NOTHING)
    expect(card(kernel).get_by_role("status")).to_have_text("Connecting…")
    kernel.state(connect=connect(KEY, ADDRESS, problem="It refused."), **NOTHING)
    expect(card(kernel).get_by_role("alert")).to_have_text("It refused.")
    expect(address).to_have_value("localhost:11434")
    expect(card(kernel).get_by_label("API key, if it needs one")).to_have_value("")


def test_signing_in_stays_in_the_card(kernel: Kernel) -> None:
    kernel.open(connect=connect(SIGN_IN, KEY), **NOTHING)
    card(kernel).get_by_role("button", name="Sign in to OpenRouter").click()
    assert kernel.wait_sent("connect")["way"] == "sign-in"
    address = "https://openrouter.ai/auth?code_challenge=0123"
    step = connect(title="Sign in to OpenRouter", sign_in=address, cancel=True)
    kernel.state(connect=step, **NOTHING)
    now = card(kernel, "Sign in to OpenRouter")
    link = now.get_by_role("link", name="Open OpenRouter", exact=True)
    expect(link).to_have_attribute("href", address)
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_be_focused()
    reached = []
    for _ in range(3):
        kernel.page.keyboard.press("Tab")
        reached.append(
            kernel.page.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.textContent"
            )
        )
    assert reached == ["Code from OpenRouter", "Sign in", "Cancel"]
    code = now.get_by_label("Code from OpenRouter")
    code.fill("abc")
    code.press("Enter")
    sent = kernel.wait_sent("secret")
    assert (sent["way"], sent["value"]) == ("sign-in", "abc")
    now.get_by_role("button", name="Cancel").click()
    assert kernel.wait_sent("connect", 2)["way"] == "cancel"


def test_once_connected_the_user_can_type(kernel: Kernel) -> None:
    kernel.open(connect=connect(OPENAI), **NOTHING)
    card(kernel).get_by_role("button", name="Use OpenAI").click()
    kernel.state(**CONNECTED)
    expect(card(kernel)).to_have_count(0)
    expect(kernel.page.get_by_text("Connected: test/model", exact=True)).to_be_visible()
    expect(kernel.box).to_be_focused()


def test_what_was_cancelled_is_not_connected(kernel: Kernel) -> None:
    kernel.open(connect=connect(OPENAI, cancel=True), **CONNECTED)
    kernel.state(**CONNECTED)
    expect(kernel.page.get_by_text("What shall we look at?")).to_be_visible()
    expect(kernel.page.get_by_text("Connected")).to_have_count(0)


def test_a_rejected_key_is_asked_for_below_the_conversation(kernel: Kernel) -> None:
    title = "OpenRouter rejected the API key"
    ask = connect({**KEY, "primary": True}, SIGN_IN, title=title, cancel=True)
    kernel.open(messages=[message("a", content="text")], connect=ask, **CONNECTED)
    expect(card(kernel, title).get_by_label("API key", exact=True)).to_be_visible()
    expect(kernel.reply).to_be_visible()


def test_progress_is_shown(kernel: Kernel) -> None:
    busy = {"busy": "Fetching: 1 of 4 MB", "progress": {"done": 1, "total": 4}}
    kernel.open(connect=connect(**busy), **NOTHING)
    expect(card(kernel).get_by_role("progressbar")).to_have_attribute("value", "1")


SUGGESTIONS = [
    {"label": "Summarise @df (100 by 2)", "text": "Summarise @df"},
    {"label": "Explain the last error", "text": ""},
]


def test_an_empty_chat_suggests_and_sends_nothing(kernel: Kernel) -> None:
    kernel.open(suggestions=SUGGESTIONS)
    group = kernel.log.get_by_role("group", name="Suggestions")
    expect(group.get_by_role("button")).to_have_count(2)
    expect(kernel.log).to_contain_text("@ variable")
    group.get_by_role("button", name="Summarise @df").click()
    expect(kernel.box).to_have_value("Summarise @df")
    expect(kernel.box).to_be_focused()
    assert kernel.sent("send") == []
    group.get_by_role("button", name="Explain the last error").click()
    nonce = kernel.wait_sent("failure")["nonce"]
    kernel.push("received", nonce=nonce, refused="No cell has failed.")
    expect(kernel.log.get_by_role("alert")).to_have_text("No cell has failed.")
    kernel.change("message", message=message("u", role="user", content="Hi"))
    expect(group).to_have_count(0)


def test_a_shared_page_names_no_variables(kernel: Kernel) -> None:
    kernel.open(shared=True)
    expect(kernel.log).to_contain_text("What shall we look at?")
    expect(kernel.log).not_to_contain_text("variable")


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_narrow_page(kernel: Kernel, width: int) -> None:
    kernel.page.set_viewport_size({"width": width, "height": 800})
    long = way("server:x", "Use LM Studio", "x" * 128)
    kernel.open(connect=connect(OPENAI, long, KEY, {**ADDRESS, "primary": True}), **NOTHING)
    expect(card(kernel)).to_be_visible()
    assert kernel.page.evaluate("document.documentElement.scrollWidth") <= width
    assert kernel.log.evaluate("(log) => log.scrollWidth - log.clientWidth") <= 0


@pytest.mark.parametrize("light", ["true", "false"])
def test_axe_finds_nothing(kernel: Kernel, serious: Any, light: str) -> None:
    kernel.page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
    kernel.open(
        connect=connect(
            OPENAI,
            SIGN_IN,
            {**KEY, "primary": True},
            {**ADDRESS, "primary": True},
            text="Keys are kept in memory only.",
            problem="It refused.",
            cancel=True,
        ),
        **NOTHING,
    )
    expect(card(kernel)).to_be_visible()
    assert serious() == []
    kernel.state(suggestions=SUGGESTIONS, **CONNECTED)
    expect(kernel.log.get_by_role("group", name="Suggestions")).to_be_visible()
    assert serious() == []
