"""Files that go with messages, and what a reply says of itself: the test plays the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import PNG, Kernel, attachment, failure, message, notice, upload
from playwright.sync_api import FilePayload, Locator, Page, expect

pytestmark = pytest.mark.browser

EVERY_BYTE = bytes(range(256)) * 5
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b"<script>injected = 1</script></svg>"
)


def pick(kernel: Kernel, *files: FilePayload) -> None:
    with kernel.page.expect_file_chooser() as chooser:
        kernel.page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(list(files))


def chips(kernel: Kernel) -> Locator:
    group = kernel.page.get_by_role("group", name="Attached files")
    return group.locator(".nbchat-chip")


def problem(kernel: Kernel) -> Locator:
    return kernel.page.locator(".nbchat-composer").get_by_role("alert")


def drag(page: Page, type_: str, to: Locator, *paths: Path) -> None:
    """As the system does it, with files of its own."""
    box = to.bounding_box()
    assert box
    page.context.new_cdp_session(page).send(
        "Input.dispatchDragEvent",
        {
            "type": type_,
            "x": box["x"] + box["width"] / 2,
            "y": box["y"] + box["height"] / 2,
            "data": {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1},
        },
    )


# Attaching


def test_what_is_picked_goes_with_the_message_byte_by_byte(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("chart.png", PNG, "image/png"), upload("data.bin", EVERY_BYTE, ""))
    expect(chips(kernel)).to_have_text(["chart.png70 B", "data.bin1 kB"])
    expect(kernel.box).to_be_focused()
    kernel.box.fill("What is this?")
    kernel.box.press("Enter")
    sent = kernel.wait_sent("send")
    assert sent["content"] == "What is this?"
    assert sent["attachments"] == [
        {"name": "chart.png", "media_type": "image/png"},
        # The browser's own word for what it does not know.
        {"name": "data.bin", "media_type": "application/octet-stream"},
    ]
    assert kernel.buffers() == [PNG, EVERY_BYTE]
    expect(chips(kernel)).to_have_count(2)
    kernel.push("received", nonce=sent["nonce"])
    expect(chips(kernel)).to_have_count(0)
    kernel.box.fill("And now?")
    kernel.box.press("Enter")
    assert kernel.wait_sent("send", 2)["attachments"] == []


def test_a_picture_is_seen_before_it_is_sent(kernel: Kernel) -> None:
    kernel.open()
    pick(
        kernel,
        upload("a.png", PNG, "image/png"),
        upload("broken.png", b"no image", "image/png"),
        upload("b.svg", SVG, "image/svg+xml"),
    )
    expect(chips(kernel)).to_have_count(3)
    expect(chips(kernel).locator("img")).to_have_count(1)
    kernel.page.wait_for_function("document.querySelector('.nbchat-chips img').naturalWidth === 1")
    assert kernel.page.evaluate("window.injected") is None


def test_an_image_is_pasted_and_text_stays_text(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def paste(**items: str) -> None:
        kernel.page.evaluate(
            """async ([items, png]) => {
              const blobs = Object.entries(items).map(([type, text]) => [type.replace("_", "/"),
                text === "png" ? new Blob([new Uint8Array(png)], { type: "image/png" })
                  : new Blob([text], { type: type.replace("_", "/") })]);
              await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
            }""",
            [items, list(PNG)],
        )
        kernel.box.press("ControlOrMeta+v")

    kernel.box.fill("")
    paste(text_plain="words ")
    expect(kernel.box).to_have_value("words ")
    # A sheet's cells come with a picture of them.
    paste(text_plain="cells", text_html="<table></table>", image_png="png")
    expect(kernel.box).to_have_value("words cells")
    expect(chips(kernel)).to_have_count(0)
    paste(image_png="png")
    expect(chips(kernel)).to_contain_text(["image.png"])
    expect(kernel.box).to_have_value("words cells")
    kernel.box.press("Enter")
    assert kernel.wait_sent("send")["attachments"] == [
        {"name": "image.png", "media_type": "image/png"}
    ]
    assert kernel.buffers()[0].startswith(b"\x89PNG")


@pytest.mark.parametrize("onto", [".nbchat-composer", ".nbchat-log"])
def test_files_are_dropped_where_it_says_so(kernel: Kernel, tmp_path: Path, onto: str) -> None:
    kernel.open(messages=[message("a", content="So.", reasoning="Hm.")])
    path = tmp_path / "data.csv"
    path.write_bytes(EVERY_BYTE)
    target = kernel.page.locator(onto)
    hint = kernel.page.get_by_text("Drop files to attach them")
    drag(kernel.page, "dragEnter", target, path)
    drag(kernel.page, "dragOver", target, path)
    expect(hint.locator("visible=true")).to_have_count(1)
    drag(kernel.page, "dragOver", kernel.page.locator(".nbchat-last-thoughts"), path)
    expect(hint.locator("visible=true")).to_have_count(0)
    drag(kernel.page, "dragOver", target, path)
    drag(kernel.page, "drop", target, path)
    expect(hint.locator("visible=true")).to_have_count(0)
    expect(chips(kernel)).to_contain_text(["data.csv"])
    kernel.send_button.click()
    assert kernel.wait_sent("send")["attachments"] == [
        {"name": "data.csv", "media_type": "text/csv"}
    ]
    assert kernel.buffers() == [EVERY_BYTE]


def test_a_folder_and_an_empty_file_are_refused_in_words(kernel: Kernel, tmp_path: Path) -> None:
    kernel.open()
    (tmp_path / "photos").mkdir()
    (tmp_path / "empty.txt").touch()
    (tmp_path / "good.txt").write_text("Good")
    paths = [tmp_path / name for name in ("photos", "empty.txt", "good.txt")]
    for type_ in ("dragEnter", "dragOver", "drop"):
        drag(kernel.page, type_, kernel.log, *paths)
    expect(problem(kernel)).to_contain_text("photos is not attached: it is a folder")
    expect(problem(kernel)).to_contain_text("empty.txt is not attached: it is empty.")
    expect(chips(kernel)).to_have_text(["good.txt4 B"])


def test_one_is_removed_and_the_rest_goes(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("one.csv"), upload("two.csv"))
    kernel.page.get_by_role("button", name="Remove one.csv").click()
    expect(chips(kernel)).to_contain_text(["two.csv"])
    expect(kernel.box).to_be_focused()
    kernel.send_button.click()
    sent = kernel.wait_sent("send")
    assert (sent["content"], [each["name"] for each in sent["attachments"]]) == ("", ["two.csv"])
    assert len(kernel.buffers()) == 1


def test_without_text_or_files_there_is_nothing_to_send(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("one.csv"))
    expect(kernel.send_button).to_be_enabled()
    kernel.page.get_by_role("button", name="Remove one.csv").click()
    expect(kernel.send_button).to_be_disabled()


def test_what_is_too_large_is_named_before_anything_is_sent(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("half.bin", bytes(5_000_000)))
    pick(kernel, upload("other.bin", bytes(4_300_000)), upload("small.bin", bytes(3_000_000)))
    expect(problem(kernel)).to_have_text(
        "other.bin is not attached: a message takes 8 MB of files at most, and with it there would "
        'be 9.3 MB. In a cell, chat.send("…", files=[…]) has no such limit.'
    )
    expect(chips(kernel)).to_contain_text(["half.bin", "small.bin"])
    pick(kernel, upload("drop.bin", b"x"))
    expect(problem(kernel)).to_contain_text("drop.bin")
    assert kernel.sent("send") == []
    kernel.page.get_by_role("button", name="Remove half.bin").click()
    expect(problem(kernel)).to_have_count(0)
    pick(kernel, upload("other.bin", bytes(4_300_000)))
    expect(chips(kernel)).to_contain_text(["small.bin", "other.bin"])


def test_a_refusal_goes_with_its_cause(kernel: Kernel) -> None:
    def refuse(count: int) -> None:
        kernel.box.press("Enter")
        nonce = kernel.wait_sent("send", count)["nonce"]
        refused = "test/model does not accept images. can/see does."
        kernel.push("received", nonce=nonce, refused=refused, other_model="can/see")
        expect(problem(kernel)).to_have_text(refused)

    kernel.open()
    pick(kernel, upload("chart.png", PNG, "image/png"))
    kernel.box.fill("Look")
    refuse(1)
    kernel.page.get_by_role("button", name="Remove chart.png").click()
    expect(problem(kernel)).to_have_count(0)
    pick(kernel, upload("chart.png", PNG, "image/png"))
    refuse(2)
    kernel.page.get_by_role("button", name="Close").click()
    expect(problem(kernel)).to_have_count(0)
    refuse(3)
    kernel.page.get_by_role("button", name="Use can/see").click()
    assert kernel.wait_sent("model")["id"] == "can/see"
    kernel.state(model="can/see")
    expect(problem(kernel)).to_have_count(0)
    expect(chips(kernel)).to_contain_text(["chart.png"])


def test_a_refusal_keeps_text_and_files(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("chart.png", PNG, "image/png"))
    kernel.box.fill("Look")
    kernel.box.press("Enter")
    nonce = kernel.wait_sent("send")["nonce"]
    kernel.push("received", nonce=nonce, refused="This model does not accept images.")
    expect(problem(kernel)).to_have_text("This model does not accept images.")
    expect(chips(kernel)).to_contain_text(["chart.png"])
    expect(kernel.box).to_have_value("Look")
    kernel.box.press("Enter")
    kernel.wait_sent("send", 2)
    assert kernel.buffers() == [PNG]


def test_what_is_attached_while_a_message_is_on_its_way_stays(kernel: Kernel) -> None:
    kernel.open()
    pick(kernel, upload("one.csv"))
    kernel.send_button.click()
    nonce = kernel.wait_sent("send")["nonce"]
    pick(kernel, upload("two.csv"))
    expect(chips(kernel)).to_contain_text(["one.csv", "two.csv"])
    kernel.push("received", nonce=nonce)
    expect(chips(kernel)).to_contain_text(["two.csv"])
    expect(chips(kernel)).to_have_count(1)


def test_a_message_waits_for_its_files_to_be_read(kernel: Kernel) -> None:
    kernel.open()
    kernel.page.evaluate(
        """() => {
          const read = File.prototype.arrayBuffer;
          const late = new Promise((resolve) => { window.readNow = resolve; });
          File.prototype.arrayBuffer = function () { return late.then(() => read.call(this)); };
        }"""
    )
    pick(kernel, upload("late.csv"))
    kernel.box.fill("Look")
    kernel.box.press("Enter")
    assert kernel.sent("send") == []
    kernel.page.evaluate("readNow()")
    assert [each["name"] for each in kernel.wait_sent("send")["attachments"]] == ["late.csv"]


def test_an_edit_leaves_its_files_alone(kernel: Kernel) -> None:
    kernel.open(
        messages=[message("u", role="user", attachments=[attachment("x", "x.txt", "text/plain")])]
    )
    pick(kernel, upload("draft.csv"))
    expect(chips(kernel)).to_have_count(1)
    kernel.box.press("ArrowUp")
    expect(chips(kernel)).to_have_count(0)
    kernel.page.get_by_role("button", name="Attach files").click()
    expect(problem(kernel)).to_have_text("To attach files, finish or cancel the edit first.")
    kernel.page.set_input_files("input[type=file]", [upload("late.csv")])  # chosen just before
    kernel.box.fill("Now with words")
    kernel.box.press("Enter")
    sent = kernel.wait_sent("edit")
    assert (sent["id"], sent["content"]) == ("u", "Now with words")
    assert kernel.page.evaluate("kernel.buffers") == []
    kernel.push("received", nonce=sent["nonce"])
    expect(chips(kernel)).to_contain_text(["draft.csv"])
    expect(chips(kernel)).to_have_count(1)
    expect(problem(kernel)).to_have_count(0)


def test_a_long_upload_is_no_silence_of_the_kernel(page: Page) -> None:
    page.clock.install(time=0)
    kernel = Kernel(page)
    kernel.open()
    pick(kernel, upload("big.bin", bytes(2_000_000)))
    kernel.send_button.click()
    kernel.wait_sent("send")
    busy = page.get_by_text("The kernel is busy")
    page.clock.run_for(8_000)
    expect(busy).to_have_count(0)
    page.clock.run_for(5_000)
    expect(busy).to_be_visible()


# With a message


def test_images_are_shown_from_the_kernels_bytes(kernel: Kernel) -> None:
    kernel.open()
    kernel.has({"i": PNG, "c": b"a,b"})
    files = [attachment("i", "chart.png"), attachment("c", "data.csv", "text/csv", size=1_234_567)]
    kernel.change("message", message=message("u", role="user", content="See", attachments=files))
    kernel.change("message", message=message("a", content="", attachments=files[:1]))
    for name in ("You", "Assistant"):
        image = kernel.page.get_by_role("article", name=name).locator("img")
        expect(image).to_have_attribute("alt", "chart.png")
        expect(image).to_have_js_property("naturalWidth", 1)
        assert image.get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
    expect(kernel.page.get_by_role("article", name="You")).to_contain_text("data.csv1.2 MB")
    kernel.page.evaluate("kernel.show(document.body)")
    expect(kernel.page.locator("article img")).to_have_count(4)
    # Once, though it is shown four times; and what is no image, not before it is saved.
    assert [sent["id"] for sent in kernel.sent("attachment")] == ["i"]


def test_what_is_out_of_sight_is_not_fetched(kernel: Kernel) -> None:
    kernel.open()
    kernel.has({"first": PNG, "last": PNG})
    between = [message(f"m{n}", content="One\n\nTwo\n\nThree") for n in range(30)]
    first, last = (
        message(name, attachments=[attachment(name, f"{name}.png")]) for name in ("first", "last")
    )
    kernel.change("replace", ids=[], messages=[first, *between, last])
    expect(kernel.page.locator("article img")).to_have_attribute("alt", "last.png")
    assert [sent["id"] for sent in kernel.sent("attachment")] == ["last"]
    kernel.page.evaluate("kernel.sent.length = 0")
    kernel.log.press("Home")
    assert kernel.wait_sent("attachment")["id"] == "first"
    expect(kernel.page.get_by_alt_text("first.png")).to_be_in_viewport()


def test_the_end_stays_in_sight_when_an_image_has_come(kernel: Kernel) -> None:
    kernel.open()
    kernel.has({"i": PNG})
    kernel.page.evaluate(
        """() => {
          const { decode } = HTMLImageElement.prototype;
          const gate = new Promise((open) => { window.openGate = open; });
          HTMLImageElement.prototype.decode = function () {
            window.waits = true;
            return gate.then(() => decode.call(this));
          };
        }"""
    )
    long = message("a", content="Line\n\n" * 40, attachments=[attachment("i", "chart.png")])
    kernel.change("message", message=long)
    kernel.page.wait_for_function("window.waits")
    expect(kernel.reply.get_by_text("chart.png")).to_be_in_viewport()
    # What came with the bytes is drawn before the image is there.
    kernel.page.evaluate(
        "() => new Promise((done) => requestIdleCallback(() => requestAnimationFrame(done)))"
    )
    kernel.page.evaluate("openGate()")
    expect(kernel.reply.locator("img")).to_be_visible()
    kernel.page.wait_for_function(
        """() => {
          const log = document.querySelector(".nbchat-log");
          return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
        }""",
        timeout=5000,  # later, other news has it drawn again
    )


def test_an_image_that_a_model_makes_comes_when_it_comes(kernel: Kernel) -> None:
    kernel.open(busy=True, messages=[message("a", status="streaming", content="Here: ")])
    kernel.has({"one": PNG, "two": PNG})
    one, two = attachment("one", "one.png"), attachment("two", "two.png")
    kernel.change("facts", id="a", facts={"status": "streaming", "attachments": [one]})
    image = kernel.reply.get_by_alt_text("one.png")
    expect(image).to_be_visible()
    image.evaluate("(image) => { image.mine = true; }")
    kernel.delta("done.")
    kernel.change("facts", id="a", facts={"status": "complete", "attachments": [one, two]})
    expect(kernel.reply.locator("img")).to_have_count(2)
    expect(kernel.reply).to_contain_text("Here: done.")
    assert image.evaluate("(image) => image.mine")


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "image/png;x", "IMAGE/SVG"])
def test_only_what_can_hold_no_script_is_drawn(kernel: Kernel, media_type: str) -> None:
    kernel.open()
    kernel.has({"x": SVG})
    files = [attachment("x", "evil", media_type, kind="image")]
    kernel.change("message", message=message("a", content="Look", attachments=files))
    expect(kernel.reply.get_by_text("evil", exact=True)).to_be_visible()
    with kernel.page.expect_download() as info:
        kernel.reply.get_by_role("button", name="Save evil").click()
    assert Path(info.value.path()).read_bytes() == SVG
    assert len(kernel.sent("attachment")) == 1
    expect(kernel.page.locator("img, svg script, iframe, object, embed")).to_have_count(0)
    assert kernel.page.evaluate("window.injected") is None


def test_what_only_says_that_it_is_an_image_stays_a_name(kernel: Kernel) -> None:
    kernel.open()
    kernel.has({"x": SVG, "y": PNG})
    files = [attachment("x", "evil.png"), attachment("y", "good.png"), attachment("z", "gone.png")]
    kernel.change("message", message=message("a", content="Look", attachments=files))
    expect(kernel.reply.locator("img")).to_have_attribute("alt", "good.png")
    assert len(kernel.sent("attachment")) == 3
    for name in ("evil.png", "gone.png"):
        expect(kernel.reply.get_by_text(name, exact=True)).to_be_visible()
    kernel.reply.get_by_role("button", name="Save gone.png").click()
    expect(kernel.reply.get_by_role("alert")).to_have_text("It is not there any more.")


def test_without_a_kernel_the_name_stays_and_saving_says_why(page: Page) -> None:
    page.clock.install(time=0)
    kernel = Kernel(page)
    kernel.open(messages=[message("u", role="user", attachments=[attachment("i", "chart.png")])])
    kernel.push("synced")
    kernel.wait_sent("attachment")
    page.clock.run_for(30_000)
    expect(page.get_by_role("article").get_by_text("chart.png")).to_be_visible()
    status = kernel.log.locator("xpath=..").get_by_role("status")
    expect(status).to_have_count(0)
    page.get_by_role("button", name="Save chart.png").click()
    page.clock.run_for(30_000)
    expect(status).to_contain_text("The kernel does not answer")


@pytest.mark.parametrize("media_type", ["text/csv", "image/png"])
def test_what_is_saved_has_its_bytes_and_a_safe_name(kernel: Kernel, media_type: str) -> None:
    name, saved = "../../etc/\u202e<x>.csv", ".._.._etc___x_.csv"
    kernel.open()
    content = PNG if media_type == "image/png" else EVERY_BYTE
    kernel.has({"x": content})
    kernel.change(
        "message",
        message=message("u", role="user", attachments=[attachment("x", name, media_type)]),
    )
    if media_type == "image/png":
        expect(kernel.page.locator("article img")).to_be_visible()
    kernel.page.evaluate(
        """() => document.addEventListener("click", ({ target }) => {
          if (target.download) window.asked = target.download;
        })"""
    )
    button = kernel.page.get_by_role("article").get_by_role("button", name=f"Save {saved}")
    with kernel.page.expect_download() as info:
        button.click()
    assert kernel.page.evaluate("window.asked") == saved
    assert "/" not in info.value.suggested_filename
    assert Path(info.value.path()).read_bytes() == content
    expect(kernel.page.locator("article a")).to_have_count(0)


def test_an_image_opens_in_full_and_gives_the_focus_back(kernel: Kernel) -> None:
    kernel.open(busy=True)
    kernel.has({"i": PNG})
    kernel.change("message", message=message("a", attachments=[attachment("i", "chart.png")]))
    kernel.page.evaluate("document.addEventListener('keydown', (e) => (window.leaked = e.key))")
    opener = kernel.reply.get_by_role("button", name="Open chart.png")
    viewer = kernel.page.get_by_role("dialog", name="chart.png")
    for close in (
        lambda: kernel.page.keyboard.press("Escape"),
        lambda: viewer.get_by_role("button", name="Close").click(),
        lambda: kernel.page.mouse.click(5, 5),
    ):
        opener.focus()
        kernel.page.keyboard.press("Enter")
        expect(viewer.get_by_role("img", name="chart.png")).to_be_visible()
        expect(viewer.get_by_role("button", name="Close")).to_be_focused()
        close()
        expect(viewer).to_have_count(0)
        expect(opener).to_be_focused()
    assert kernel.page.evaluate("window.leaked") is None
    assert kernel.sent("stop") == []
    opener.click()
    with kernel.page.expect_download() as info:
        viewer.get_by_role("button", name="Save chart.png").click()
    assert Path(info.value.path()).read_bytes() == PNG


@pytest.mark.parametrize("width", [320, 430])
def test_nothing_is_wider_than_a_narrow_page(kernel: Kernel, width: int) -> None:
    kernel.page.set_viewport_size({"width": width, "height": 800})
    kernel.open()
    wide = "x" * 300
    files = [attachment("a", wide, "text/csv"), attachment("b", "b.csv", "text/csv")]
    kernel.change("message", message=message("u", role="user", attachments=files))
    kernel.change("message", message=message("a", content="x", notes=[wide], attachments=files))
    actions = [{"id": str(n), "label": f"Look for server {n}"} for n in range(6)]
    kernel.state(notices=[notice("n", wide, actions=actions)])
    pick(kernel, upload(f"{wide}.csv"), upload("two.csv"))
    expect(chips(kernel)).to_have_count(2)
    expect(kernel.page.get_by_role("note")).to_be_visible()
    assert kernel.page.evaluate("document.documentElement.scrollWidth") <= width
    assert kernel.log.evaluate("(log) => log.scrollWidth - log.clientWidth") <= 0
    for button in ("Save b.csv", "Remove two.csv", "Send"):
        box = kernel.page.get_by_role("button", name=button).last.bounding_box()
        assert box
        assert box["x"] + box["width"] <= width


# What a reply says of itself


def test_notes_stand_between_the_text_and_the_error(kernel: Kernel) -> None:
    notes = ["Sent without temperature: this model does not take it.", "y/z <b>answered</b>."]
    kernel.open(messages=[message("a", content="Text", notes=notes)])
    expect(kernel.reply).to_contain_text(f"Text\n{notes[0]}{notes[1]}")
    expect(kernel.reply.get_by_role("alert")).to_have_count(0)
    error = failure("Overloaded.")
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

    expect_after(100, "Retrying in 17 s ·Try now")
    expect_after(4000, "Retrying in 13 s ·Try now")
    # The same again is no new wait; another is.
    kernel.change("facts", id="a", facts={"notes": ["Too many requests."], "retry_in_s": 16.5})
    expect_after(1000, "Retrying in 12 s ·Try now")
    kernel.change("facts", id="a", facts={"retry_in_s": 3})
    expect_after(100, "Retrying in 3 s ·Try now")
    expect_after(3900, "Retrying…Try now")
    kernel.change("facts", id="a", facts={"retry_in_s": None})
    page.clock.run_for(100)
    expect(shown).to_contain_text("Waiting for test/model")
    kernel.change("facts", id="a", facts={"retry_in_s": 3})
    expect_after(100, "Retrying in 3 s ·Try now")
    kernel.delta("So")
    page.clock.run_for(100)
    expect(shown).to_be_hidden()


def test_what_a_reply_cost(kernel: Kernel) -> None:
    usage = dict.fromkeys(("prompt_tokens", "total_tokens", "reasoning_tokens", "cost"))
    usage = {**usage, "completion_tokens": 15}
    kernel.open(
        messages=[message("a", content="x", model=None, usage=usage, estimated_cost=0.0012)]
    )
    expect(kernel.reply.get_by_text("15 out tokens · ≈ $0.0012", exact=True)).to_be_attached()


def test_a_notice_keeps_its_lines(kernel: Kernel) -> None:
    kernel.open()
    kernel.state(
        notices=[
            notice(
                "n",
                "Found:\n• Ollama at http://localhost:11434\n• LM Studio",
                actions=[{"id": "x", "label": "Use Ollama"}],
            )
        ]
    )
    card = kernel.page.get_by_role("note")
    expect(card.get_by_role("button")).to_have_text(["Use Ollama", ""])
    assert "Found:\n• Ollama at localhost:11434\n• LM Studio" in card.inner_text()
    link = card.get_by_role("link")
    expect(link).to_have_attribute("href", "http://localhost:11434")


# Notebooks of older versions


def old(id_: str, **more: Any) -> dict[str, Any]:
    new = ("estimated_cost", "attachments", "notes", "retry_in_s")
    return {name: value for name, value in message(id_, **more).items() if name not in new}


@pytest.mark.parametrize("arrives", ["saved", "pushed"])
def test_a_conversation_of_an_older_version_is_shown(kernel: Kernel, arrives: str) -> None:
    asks = {**notice("n", "Ask"), "secret_label": "Key"}
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
    expect(kernel.page.get_by_text("Ask", exact=True)).to_be_visible()
    kernel.seq = 3
    kernel.delta("Goes on", "b")
    expect(kernel.reply).to_contain_text("Goes on")
