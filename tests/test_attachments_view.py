"""What a reply says of itself, and what older notebooks hold: the test plays the kernel."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Kernel, message, notice
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

# What a reply says of itself


def test_notes_stand_between_the_text_and_the_error(kernel: Kernel) -> None:
    notes = ["Sent without temperature: this model does not take it.", "y/z <b>answered</b>."]
    kernel.open(messages=[message("a", content="Text", notes=notes)])
    expect(kernel.reply).to_contain_text(f"Text\n{notes[0]}{notes[1]}")
    expect(kernel.reply.get_by_role("alert")).to_have_count(0)
    error = {"message": "Overloaded.", "detail": None, "retryable": False}
    kernel.change("facts", id="a", facts={"notes": notes[1:], "error": error, "status": "error"})
    expect(kernel.reply).to_contain_text(f"Text\n{notes[1]}Overloaded.")
    kernel.change("facts", id="a", facts={"notes": []})
    expect(kernel.reply).to_contain_text("Text\nOverloaded.")


def test_the_wait_for_another_try_counts_down_by_itself(page: Page) -> None:
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    kernel = Kernel(page)
    kernel.open(busy=True)
    waits = message("a", status="streaming", retry_in_s=16.5)
    kernel.change("message", message=waits)
    shown = kernel.page.locator(".nbchat-waiting")

    def expect_after(ms: int, text: str) -> None:
        page.clock.run_for(ms)
        expect(shown).to_have_text(text)

    expect_after(100, "Trying again in 17 s")
    expect_after(4000, "Trying again in 13 s")
    # The same again is no new wait; another is.
    kernel.change("facts", id="a", facts={"notes": ["Too many requests."], "retry_in_s": 16.5})
    expect_after(1000, "Trying again in 12 s")
    kernel.change("facts", id="a", facts={"retry_in_s": 3})
    expect_after(100, "Trying again in 3 s")
    expect_after(3900, "Trying again…")
    kernel.change("facts", id="a", facts={"retry_in_s": None})
    page.clock.run_for(100)
    expect(shown).to_contain_text("Waiting for test/model")
    kernel.change("facts", id="a", facts={"retry_in_s": 3})
    expect_after(100, "Trying again in 3 s")
    kernel.delta("So")
    page.clock.run_for(100)
    expect(shown).to_be_hidden()


@pytest.mark.parametrize(
    ("cost", "estimated", "shown"),
    [
        (None, 0.0012, "15 tokens · ≈ $0.0012"),
        (None, 0.000_000_12, "15 tokens · ≈ $0.00000012"),
        (None, 1.234, "15 tokens · ≈ $1.23"),
        (None, 0.0, "15 tokens · free"),
        (0.02, 0.0012, "15 tokens · $0.02"),
        (None, None, "15 tokens"),
    ],
)
def test_what_a_reply_cost(
    kernel: Kernel, cost: float | None, estimated: float | None, shown: str
) -> None:
    usage = dict.fromkeys(("prompt_tokens", "total_tokens", "reasoning_tokens"))
    usage = {**usage, "completion_tokens": 15, "cost": cost}
    kernel.open(
        messages=[message("a", content="x", model=None, usage=usage, estimated_cost=estimated)]
    )
    expect(kernel.reply.locator(".nbchat-facts").first).to_have_text(
        shown.replace("15 tokens", "15 out tokens")
    )


def test_a_notice_offers_its_actions_before_its_field(kernel: Kernel) -> None:
    kernel.open()
    kernel.state(
        notices=[
            notice(
                "n",
                "Found:\n• Ollama at http://localhost:11434\n• LM Studio",
                secret_label="API key",
                secret_button="Sign in",
                actions=[{"id": "x", "label": "Use Ollama"}],
            )
        ]
    )
    card = kernel.page.get_by_role("note")
    expect(card.get_by_role("button")).to_have_text(["Use Ollama", "Sign in"])
    assert "Found:\n• Ollama at http://localhost:11434\n• LM Studio" in card.inner_text()
    link = card.get_by_role("link")
    expect(link).to_have_attribute("href", "http://localhost:11434")


# Notebooks of older versions


def old(id_: str, **more: Any) -> dict[str, Any]:
    new = ("estimated_cost", "attachments", "notes", "retry_in_s")
    return {name: value for name, value in message(id_, **more).items() if name not in new}


@pytest.mark.parametrize("arrives", ["saved", "pushed"])
def test_a_conversation_of_an_older_version_is_shown(kernel: Kernel, arrives: str) -> None:
    asks = {k: v for k, v in notice("n", "Ask", secret_label="Key").items() if k != "secret_button"}
    usage = {**dict.fromkeys(("prompt_tokens", "cost")), "completion_tokens": 15}
    snapshot = {
        "seq": 3,
        "busy": True,
        "messages": [
            old("u", role="user", content="Question"),
            old("a", content="Answer", usage=usage),
            old("b", status="streaming"),
        ],
        "notices": [asks],
    }
    kernel.open(**(snapshot if arrives == "saved" else {}))
    if arrives == "pushed":
        kernel.push("snapshot", snapshot=snapshot)
    expect(kernel.page.get_by_role("article")).to_contain_text(
        ["Question", "Answer", "Waiting for test/model"]
    )
    expect(kernel.page.get_by_role("button", name="Use this key")).to_be_visible()
    kernel.seq = 3
    kernel.delta("Goes on", "b")
    expect(kernel.reply).to_contain_text("Goes on")
