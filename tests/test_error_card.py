"""The error of a reply: title, advice, actions and the server's words, said once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import Kernel, failure, message
from playwright.sync_api import Locator, Page, expect

from nbchat._chat.errors import ChatError
from nbchat._servers.error_messages import explain, explain_body
from nbchat._servers.providers import _CREDIT_PAGES, KNOWN
from nbchat._widget.views import error_view


def refusal(status: int | None, said: str, server: str = "OpenRouter", **more: Any) -> ChatError:
    error = {"error": {"message": said, "code": status, **more}}
    return explain_body(error, status=status, server=server, model="some/model", sent_key=True)


# What the kernel sends


@pytest.mark.parametrize(
    ("status", "said", "title", "remedy", "retryable"),
    [
        (401, "No auth", "OpenRouter rejected the API key", "change_key", False),
        (402, "No money", "Not enough credit on OpenRouter", "add_credit", False),
        (404, "unknown model", "some/model isn't available on OpenRouter", "change_model", False),
        (429, "Slow down", "Rate limit reached for some/model on OpenRouter", "", True),
        (500, "Oh no", "OpenRouter had an internal error", "", True),
        (400, "Bad", "OpenRouter rejected the request", "", False),
    ],
)
def test_the_title_and_what_helps(
    status: int, said: str, title: str, remedy: str, retryable: bool
) -> None:
    view = error_view(refusal(status, said))
    assert (view["title"], view["remedy"], view["retryable"]) == (title, remedy, retryable)
    assert view["message"].startswith(f"{title}.")
    shown = f"{view['title']} {view['advice']}"
    assert shown.count("OpenRouter") == 1
    # The server's words are said once: here, or folded.
    assert (said in shown) != (said in (view["detail"] or ""))


def test_words_that_say_more_are_folded() -> None:
    view = error_view(refusal(400, "Bad", metadata={"raw": "because it is Monday"}))
    assert "because it is Monday" in view["advice"]
    assert view["detail"] is None
    view = error_view(refusal(400, "Bad", hint="read the manual"))
    assert "read the manual" in (view["detail"] or "")


def test_credit_is_added_at_known_servers_only() -> None:
    assert error_view(refusal(402, "x"))["credit_page"] == "https://openrouter.ai/settings/credits"
    assert error_view(refusal(402, "x", server="example.com"))["credit_page"] == ""
    assert error_view(refusal(401, "x"))["credit_page"] == ""
    assert set(KNOWN) >= set(_CREDIT_PAGES)


def test_an_error_without_a_title_has_its_first_sentence() -> None:
    error = ChatError("It broke. Mend it. Then try again.")
    assert (error.title, error.advice) == ("It broke", "Mend it. Then try again.")
    assert str(error) == "It broke. Mend it. Then try again."


def test_only_what_a_server_said_is_called_so() -> None:
    assert error_view(refusal(408, "x"))["server_said"]
    assert not error_view(explain(OSError("no route"), server="OpenRouter"))["server_said"]


@pytest.mark.parametrize("sent_key", [True, False])
def test_an_error_in_a_stream_goes_by_whether_a_key_was_sent(sent_key: bool) -> None:
    from nbchat._chat.events import Failure
    from nbchat._servers.chat_completions.stream import StreamReader

    for said in ("No auth credentials found", "Invalid API key"):
        data = json.dumps({"error": {"code": 401, "message": said}})
        for body in (f"data: {data}\n\n", data):
            reader = StreamReader("OpenRouter", "some/model", "A_KEY", sent_key)
            *_, last = [*reader.feed(body.encode()), *reader.end()]
            assert isinstance(last, Failure)
            assert last.error.kind == ("key" if sent_key else "no_key")


# The card


def show(kernel: Kernel, error: dict[str, Any], **more: Any) -> Locator:
    facts: dict[str, Any] = {"status": "error", "finish_reason": None, **more}
    kernel.open(messages=[message("a", **facts, error=error)])
    return kernel.reply.get_by_role("alert").first


@pytest.fixture
def kernel(page: Page) -> Kernel:
    return Kernel(page)


def names(card: Locator) -> list[str]:
    return card.locator("button, a").all_inner_texts()


@pytest.mark.browser
def test_the_card_says_everything_once(kernel: Kernel) -> None:
    error = failure("It broke", advice="See https://example.com/help.", detail="Kaputt")
    card = show(kernel, error)
    expect(card.get_by_text("It broke", exact=True)).to_be_visible()
    expect(card.get_by_role("link")).to_have_attribute("href", "https://example.com/help")
    expect(card.get_by_text("Kaputt")).to_be_hidden()
    card.get_by_text("What the server said").click()
    expect(card.get_by_text("Kaputt")).to_be_visible()
    assert names(card) == ["example.com/help"]
    error = failure("It broke", detail="OSError", server_said=False)
    kernel.change("facts", id="a", facts={"error": error})
    expect(card.get_by_text("Details")).to_be_visible()
    kernel.change("facts", id="a", facts={"error": failure("It broke", retryable=True)})
    expect(card.get_by_text("Details")).to_have_count(0)
    expect(card.get_by_text("What the server said")).to_have_count(0)
    assert names(card) == ["Retry"]


KEY_CARD = {
    **{"title": "OpenRouter needs an API key", "text": "", "sign_in": "", "busy": ""},
    **{"progress": None, "problem": "", "cancel": True},
    "ways": [
        {"id": "key", "kind": "key", "label": "Paste a key", "note": "", "primary": True},
    ],
}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("remedy", "name"), [("enter_key", "Enter a key"), ("change_key", "Use another key")]
)
def test_a_key_is_asked_for_and_its_box_gets_the_focus(
    kernel: Kernel, remedy: str, name: str
) -> None:
    card = show(kernel, failure("Rejected", remedy=remedy))
    assert names(card) == [name]
    card.get_by_role("button", name=name).click()
    nonce = kernel.wait_sent("key")["nonce"]
    kernel.state(connect=KEY_CARD)
    kernel.push("received", nonce=nonce)
    expect(kernel.page.get_by_label("API key", exact=True)).to_be_focused()


@pytest.mark.browser
def test_why_a_key_can_not_be_changed_is_said(kernel: Kernel) -> None:
    card = show(kernel, failure("Rejected", remedy="change_key"))
    card.get_by_role("button", name="Use another key").click()
    nonce = kernel.wait_sent("key")["nonce"]
    kernel.push("received", nonce=nonce, refused="It has its own.")
    expect(card).to_contain_text("It has its own.")


@pytest.mark.browser
def test_credit_is_added_in_a_new_tab_and_then_retried(kernel: Kernel) -> None:
    page = "https://example.com/credit"
    card = show(kernel, failure("No credit", remedy="add_credit", credit_page=page))
    link = card.get_by_role("link", name="Add credit")
    expect(link).to_have_attribute("href", page)
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(card.get_by_role("button", name="Retry")).to_be_hidden()
    link.evaluate("(link) => link.addEventListener('click', (event) => event.preventDefault())")
    link.click()
    card.get_by_role("button", name="Retry").click()
    assert kernel.wait_sent("retry")["id"] == "a"
    kernel.change("facts", id="a", facts={"error": failure("No credit", remedy="add_credit")})
    expect(card.get_by_role("link")).to_have_count(0)


@pytest.mark.browser
def test_another_model_is_chosen_and_then_retried(kernel: Kernel) -> None:
    kernel.open(
        ["transcript", "composer", "model"],
        ["test/model", "test/other"],
        messages=[
            message("a", status="error", error=failure("No such model", remedy="change_model"))
        ],
    )
    card = kernel.reply.get_by_role("alert").first
    assert names(card) == ["Choose another model"]
    expect(kernel.reply.get_by_role("button", name="Regenerate")).to_have_count(1)
    card.get_by_role("button", name="Choose another model").click()
    expect(kernel.page.get_by_role("listbox")).to_be_visible()
    kernel.page.keyboard.press("Escape")
    kernel.state(model="test/other")
    card.get_by_role("button", name="Retry").click()
    assert kernel.wait_sent("retry")["id"] == "a"
    expect(kernel.reply.get_by_role("button", name="Regenerate")).to_have_count(0)
    kernel.state(model="test/model")
    expect(card.get_by_role("button", name="Retry")).to_have_count(0)


@pytest.mark.browser
def test_a_reply_that_broke_off_is_continued(kernel: Kernel) -> None:
    card = show(kernel, failure("Lost", retryable=True), content="The start")
    assert names(card) == ["Continue", "Retry"]
    expect(kernel.reply.get_by_role("button", name="Continue")).to_have_count(1)
    card.get_by_role("button", name="Continue").click()
    assert kernel.wait_sent("continue")["id"] == "a"


@pytest.mark.browser
def test_visitors_are_offered_only_what_they_may_do(kernel: Kernel) -> None:
    error = failure("Rejected", remedy="change_key", retryable=True)
    kernel.open(messages=[message("a", status="error", error=error)], shared=True)
    assert names(kernel.reply.get_by_role("alert").first) == ["Retry"]


@pytest.mark.browser
def test_a_wait_is_ended_by_try_now(kernel: Kernel) -> None:
    kernel.open(busy=True)
    kernel.change("message", message=message("a", status="streaming", retry_in_s=60))
    expect(kernel.reply).to_contain_text("Retrying in")
    kernel.reply.get_by_role("button", name="Try now").click()
    assert kernel.wait_sent("try_now")["id"] == "a"
    kernel.change("facts", id="a", facts={"retry_in_s": None})
    expect(kernel.reply.get_by_role("button", name="Try now")).to_be_hidden()
