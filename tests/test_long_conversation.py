"""A conversation of hundreds of messages costs no more to go on with than a short one."""

from __future__ import annotations

import pytest
from harness import Kernel, message
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

COUNT = 500


@pytest.fixture
def long(kernel: Kernel) -> Kernel:
    kernel.open(
        messages=[
            message(f"m{n}", role="assistant" if n % 2 else "user", content=f"# Part {n}\n\n*Text*")
            for n in range(COUNT)
        ]
    )
    expect(kernel.page.get_by_role("article")).to_have_count(COUNT)
    return kernel


def test_only_what_changes_is_touched(long: Kernel) -> None:
    long.change("message", message=message("a", status="streaming"))
    expect(long.page.get_by_role("article")).to_have_count(COUNT + 1)
    long.page.evaluate(
        """() => {
          window.touched = new Set();
          const observer = new MutationObserver((records) => {
            for (const { target } of records) {
              touched.add((target.closest ? target : target.parentElement)?.closest("article"));
            }
          });
          observer.observe(document.querySelector(".nbchat-log"), {
            attributes: true, characterData: true, childList: true, subtree: true,
          });
          // Drawing would ask each message for what it shows.
          window.read = 0;
          for (const article of document.querySelectorAll("article")) {
            for (const name of ["setAttribute", "getAttribute"]) {
              article[name] = function (...values) {
                read += article !== [...document.querySelectorAll("article")].at(-1);
                return Element.prototype[name].apply(this, values);
              };
            }
          }
        }"""
    )
    for n in range(20):
        long.delta(f"Word {n}. ")
        expect(long.reply).to_contain_text(f"Word {n}.")
    long.change("facts", id="a", facts={"status": "complete", "duration_s": 2.0})
    expect(long.reply).to_contain_text("2.0 s")
    # What was taken out of the page meanwhile is in no message.
    assert long.page.evaluate(
        """() => [...touched].every((each) =>
          !each || each === [...document.querySelectorAll("article")].at(-1))"""
    )
    assert long.page.evaluate("touched.size") > 0
    assert long.page.evaluate("read") == 0


def test_the_page_reacts_while_a_long_conversation_is_drawn(kernel: Kernel) -> None:
    """From its end, in many frames: the last message is there long before the first one."""
    kernel.page.evaluate(
        """() => {
          window.counts = [];
          new MutationObserver(() => {
            counts.push(document.querySelectorAll("article").length);
          }).observe(document, { childList: true, subtree: true });
        }"""
    )
    kernel.open(messages=[message(f"m{n}", content=f"Part {n}") for n in range(COUNT)])
    expect(kernel.page.get_by_role("article")).to_have_count(COUNT)
    assert len(set(kernel.page.evaluate("counts.filter((count) => count > 0)"))) > 10
    assert [
        each.strip()
        for each in kernel.page.locator("article .nbchat-body").all_text_contents()[::100]
    ] == [f"Part {n}" for n in range(0, COUNT, 100)]
    kernel.change("message", message=message("a", content="New"))
    expect(kernel.reply).to_contain_text("New")


def test_a_change_shares_what_stays(long: Kernel) -> None:
    """A copy of everything at each change would cost the square of the conversation."""
    saved = "kernel.traits.snapshot"
    long.page.evaluate(f"window.before = {saved}")
    long.change("message", message=message("a", content="New"))
    assert long.page.evaluate(f"{saved} !== before && {saved}.messages.length") == COUNT + 1
    assert long.page.evaluate(f"before.messages.every((each, n) => each === {saved}.messages[n])")


def test_the_end_is_in_sight_and_stays_there(long: Kernel) -> None:
    gap = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"
    assert long.log.evaluate(gap) < 2
    expect(long.page.get_by_text(f"Part {COUNT - 1}", exact=True)).to_be_in_viewport()
    long.change("message", message=message("a", status="streaming"))
    for n in range(5):
        long.delta("".join(f"Line {n}.{i}\n\n" for i in range(20)))
        expect(long.reply).to_contain_text(f"Line {n}.19")
        assert long.log.evaluate(gap) < 2
    expect(long.page.get_by_text("Line 4.19", exact=True).last).to_be_in_viewport()


def test_the_end_is_found_again_from_far_away(long: Kernel) -> None:
    long.log.press("Home")
    expect(long.page.get_by_text("# Part 0")).to_be_in_viewport()
    long.page.get_by_role("button", name="Scroll to bottom").click()
    expect(long.page.get_by_text(f"Part {COUNT - 1}", exact=True)).to_be_in_viewport()
    long.page.wait_for_function(
        """() => {
          const log = document.querySelector(".nbchat-log");
          return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
        }"""
    )
