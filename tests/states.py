"""Twenty states of a chat, by name, in which accessibility is checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness import PNG, Kernel, attachment, failure, message, notice, upload
from playwright.sync_api import expect

RICH = """# A heading

Some *emphasis*, **bold**, `code` and a [link](https://example.org). A formula: $x^2$.

| fruit | sold |
|---|---:|
| apples | 12 |

- [x] done
- [ ] open

> A quote

```python
total = sum(sold.values())
```
"""
USAGE = {
    **dict.fromkeys(("reasoning_tokens", "cached_tokens")),
    **{"prompt_tokens": 812, "completion_tokens": 164, "total_tokens": 976, "cost": 0.0012},
}
MODEL = {
    **{"id": "test/model", "name": "Test model", "is_free": False, "context_length": 131072},
    **{"prompt_price": 0.1, "completion_price": 0.4, "reasoning": True, "images": True},
    **{"tools": True, "chats": True, "expires": None},
}
AROUND: dict[str, Any] = {
    **{"model": "test/model", "server": "OpenRouter", "model_info": MODEL, "usage": USAGE},
    **{"context": {"used": 33000, "length": 131072}, "download": "reply.md"},
    **{"efforts": {"low": "low", "high": "high"}, "effort": "low"},
}
SIZE = {"width": 1280, "height": 900}


def show(kernel: Kernel, *messages: dict[str, Any], **state: Any) -> None:
    """A whole chat with these messages."""
    places = ["transcript", "composer", "model"]
    kernel.open(places, ["test/model"], messages=list(messages), **(AROUND | state))


def asked(content: str = "Which fruit sells best?", **more: Any) -> dict[str, Any]:
    return message("u", role="user", content=content, **more)


def answered(content: str = RICH, **more: Any) -> list[dict[str, Any]]:
    return [asked(), message("a", content=content, usage=USAGE, duration_s=2.4, **more)]


def call(status: str, **more: Any) -> dict[str, Any]:
    given = {"name": "stock", "arguments": '{"fruit": "apples"}', "result": "", "at": 0}
    return {**given, "status": status, **more}


def way(id_: str, kind: str, label: str, note: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": kind, "label": label, "note": note, "primary": False, **more}


def connect(kernel: Kernel, **more: Any) -> None:
    ways = [
        way("key:openai", "press", "Use OpenAI", "key found", primary=True),
        way("key", "key", "Paste a key", "from any provider"),
        way("address", "address", "Server address", "any OpenAI-compatible server"),
    ]
    card = {
        **{"title": "Connect a model", "text": "Keys are kept in memory only.", "ways": ways},
        **{"sign_in": "", "busy": "", "progress": None, "problem": "", "cancel": False, **more},
    }
    show(kernel, connect=card, model="", server="", model_info=None, usage=None, context=None)
    expect(kernel.page.get_by_role("group", name="Connect a model")).to_be_visible()


def rejected(kernel: Kernel) -> None:
    connect(kernel, problem="localhost refused the connection. Is the server running?", cancel=True)


def empty(kernel: Kernel) -> None:
    show(kernel, suggestions=[{"label": "Plot @df", "text": "Plot @df"}])
    expect(kernel.page.get_by_role("button", name="Plot @df")).to_be_visible()


def a_reply(kernel: Kernel) -> None:
    show(kernel, *answered())
    expect(kernel.reply).to_contain_text("A quote")
    kernel.reply.hover()


def streaming(kernel: Kernel) -> None:
    show(kernel, asked(), message("a", content="Apples sell", status="streaming"), busy=True)
    expect(kernel.reply).to_contain_text("Apples sell")


def thinking(kernel: Kernel) -> None:
    show(kernel, asked(), message("a", status="streaming"), busy=True)
    kernel.change("delta", id="a", reasoning="First I count the apples.\n")
    expect(kernel.reply).to_contain_text("Thinking")


def thoughts(kernel: Kernel) -> None:
    show(kernel, *answered(reasoning="First I count the apples.", reasoning_s=2.4))
    kernel.reply.get_by_role("button", name="Thoughts").click()
    expect(kernel.reply).to_contain_text("First I count")


def queued(kernel: Kernel) -> None:
    reply = message("a", content="Apples", status="streaming")
    later = message("v", role="user", content="And pears?")
    show(kernel, asked(), reply, later, message("b", status="queued"), busy=True)
    expect(kernel.page.get_by_role("button", name="Take back")).to_be_visible()


def failed(kernel: Kernel) -> None:
    error = failure("Rate limit reached for M", advice="Wait a minute.", detail="HTTP 429: slow")
    show(kernel, asked(), message("a", status="error", error={**error, "retryable": True}))
    expect(kernel.page.get_by_role("alert")).to_be_visible()


def waiting(kernel: Kernel) -> None:
    show(kernel, asked(), message("a", status="streaming", retry_in_s=30.0), busy=True)
    expect(kernel.page.get_by_role("button", name="Try now")).to_be_visible()


def stopped(kernel: Kernel) -> None:
    show(kernel, *answered("Apples se", status="stopped", finish_reason=None))
    expect(kernel.page.get_by_role("button", name="Continue")).to_be_visible()


def tools(kernel: Kernel) -> None:
    calls = [call("complete", result="12"), call("error", result="No pears"), call("waiting")]
    show(kernel, asked(), message("a", status="streaming", tool_calls=calls), busy=True)
    expect(kernel.page.get_by_role("button", name="Allow", exact=True)).to_be_visible()


def files(kernel: Kernel) -> None:
    kept = [attachment("i", "chart.png"), attachment("c", "data.csv", "text/csv")]
    show(kernel, asked(attachments=kept), message("a", content="I see.", notes=["y/z answered."]))
    kernel.has({"i": PNG})
    new = [upload("new.png", PNG, "image/png"), upload("new.csv")]
    kernel.page.set_input_files("input[type=file]", new)
    expect(kernel.page.get_by_role("button", name="Remove new.csv")).to_be_visible()


def notices(kernel: Kernel) -> None:
    action = [{"id": "do", "label": "Explain and fix"}]
    news = [notice("a", "Saving failed.", tone="error"), notice("b", "Failed.", actions=action)]
    show(kernel, *answered("Yes."), notices=news)
    kernel.page.get_by_role("button", name="1 more").click()
    expect(kernel.page.get_by_text("Saving failed.")).to_be_visible()


def editing(kernel: Kernel) -> None:
    show(kernel, *answered("Yes."))
    kernel.box.press("ArrowUp")
    expect(kernel.page.get_by_role("button", name="Cancel")).to_be_visible()


def menu(kernel: Kernel) -> None:
    show(kernel, *answered("Yes."))
    kernel.page.get_by_role("button", name="More", exact=True).click()
    kernel.page.get_by_role("button", name="Save as…").click()
    expect(kernel.page.get_by_role("button", name="Clear chat")).to_be_visible()


def settings(kernel: Kernel) -> None:
    kernel.page.set_viewport_size({"width": 390, "height": 900})
    show(kernel, *answered("Yes."), why_disabled={"temperature": "test/model ignores temperature."})
    kernel.page.get_by_role("button", name="Settings").click()
    expect(kernel.page.get_by_role("combobox", name="Reasoning effort")).to_be_visible()


def ended(kernel: Kernel) -> None:
    show(kernel, *answered("Yes."))
    kernel.push("synced")
    kernel.page.evaluate("killKernel()")
    expect(kernel.page.get_by_role("button", name="Save a copy")).to_be_visible()


def models(kernel: Kernel) -> None:
    show(kernel, *answered("Yes."))
    kernel.page.get_by_role("button", name="Test model").click()
    nonce = kernel.wait_sent("models")["nonce"]
    kernel.send_file(nonce, json.dumps([MODEL, {**MODEL, "id": "a/b", "is_free": True}]).encode())
    expect(kernel.page.get_by_role("option").first).to_be_visible()


def shared(kernel: Kernel) -> None:
    show(kernel, *answered("Yes."), shared=True)
    expect(kernel.reply).to_contain_text("Yes.")


STATES: dict[str, Callable[[Kernel], None]] = {
    each.__name__: each
    for each in (
        *(connect, rejected, empty, a_reply, streaming, thinking, thoughts, queued, failed),
        *(waiting, stopped, tools, files, notices, editing, menu, settings, models, ended, shared),
    )
}
