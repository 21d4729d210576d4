"""A chat that strangers use on one page: what they can't reach, and the limits for all of them."""

from __future__ import annotations

import json
import logging
import multiprocessing
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest
import sse_server as sse
from harness import Kernel, message
from pages import ask_page, receive
from playwright.sync_api import expect
from sse_server import DONE, ScriptedServer
from test_protocol import EXAMPLES
from until import until

from nbchat import ChatError, ChatWidget, Shared
from nbchat._files.shared_budget import SharedBudget
from nbchat._widget.protocol import REQUESTS

Make = Callable[..., ChatWidget]
TIMEOUT = 20
MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# What a visitor's page may ask for; the transcript itself answers the last two.
ALLOWED = {
    *("send", "take_back", "stop", "retry", "try_now", "regenerate", "edit", "continue", "branch"),
    *("approve", "allow_tool", "revoke_tool", "action", "clear", "export", "download"),
    *("attachment", "ran", "earlier", "resync", "asset"),
}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, in which nothing is."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that a test sets."""
    return SimpleNamespace(s=1_800_000_000.0)


def budget(now: SimpleNamespace, **limits: Any) -> SharedBudget:
    return SharedBudget(Shared(**limits), clock=lambda: float(now.s))


def priced(server: ScriptedServer, **model: Any) -> None:
    pricing = {"prompt": "0", "completion": "0.00001"}
    server.models = [{"id": "test/model", "name": "Test", "pricing": pricing, **model}]


# The limits


def test_an_hour_has_so_many_requests(now: SimpleNamespace) -> None:
    for _ in range(3):  # as many visitors, each with a kernel
        budget(now, requests_per_hour=3).take(0)
    now.s += 20 * MINUTE
    with pytest.raises(ChatError, match=r"3 requests an hour.* in 40 minutes\."):
        budget(now, requests_per_hour=3).take(0)
    now.s += 40 * MINUTE
    budget(now, requests_per_hour=3).take(0)


def test_the_wait_ends_when_enough_requests_are_an_hour_old(now: SimpleNamespace) -> None:
    budget(now).take(0)
    now.s += 30 * MINUTE
    for _ in range(4):
        budget(now).take(0)
    with pytest.raises(ChatError, match="in 60 minutes"):
        budget(now, requests_per_hour=2).take(0)


def test_a_day_has_so_many_dollars(now: SimpleNamespace) -> None:
    settle = budget(now, cost_per_day=1).take(0.9)
    with pytest.raises(ChatError, match=r"\$1\.00 a day"):
        budget(now, cost_per_day=1).take(0.2)
    settle(0.7)
    now.s += 23 * HOUR
    budget(now, cost_per_day=1).take(0.2)
    with pytest.raises(ChatError, match="a day"):
        budget(now, cost_per_day=1).take(0.2)
    now.s += HOUR
    budget(now, cost_per_day=1).take(0.8)


@pytest.mark.parametrize("cost", [-5.0, float("nan"), float("inf"), 1e300])
def test_a_cost_that_cannot_be_frees_nothing(now: SimpleNamespace, cost: float) -> None:
    budget(now).take(0.9)(cost)
    with pytest.raises(ChatError, match="a day"):
        budget(now).take(0.2)


def test_the_file_is_the_owners_and_stays_small(now: SimpleNamespace, data: Path) -> None:
    for _ in range(2 * 24):
        now.s += HOUR
        budget(now, requests_per_hour=1000).take(0.0001)
    path = budget(now).path
    assert path.is_relative_to(data)
    assert len(json.loads(path.read_text())["minutes"]) <= 24
    if sys.platform != "win32":
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.suffix for each in path.parent.iterdir() if each != path] in ([], [".lock"])


def test_only_a_name_counts_apart(
    now: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(now, requests_per_hour=1).take(0)
    budget(now, requests_per_hour=1, name="another page").take(0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRIPT_NAME", "/voila/render/no/../chat.ipynb")  # an address made up
    with pytest.raises(ChatError, match="1 request an hour"):
        budget(now, requests_per_hour=1).take(0)


DAMAGED = [
    b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"minutes": 3}', b"[" * 100_000,
    b'{"minutes": {"x": [1, 1], "-5": [1, 1], "30000000": "no", "30000001": [1e999, NaN]}}',
    b'{"minutes": {"30000000": [true, -1], "999999999999999999": [1, 1], "1": [1, 2, 3]}}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_stops_nobody(now: SimpleNamespace, content: bytes) -> None:
    mine = budget(now, requests_per_hour=2)
    mine.take(0.1)
    mine.path.write_bytes(content)
    mine.take(0.1)(0.2)
    mine.take(0.1)
    with pytest.raises(ChatError, match="an hour"):
        mine.take(0.1)


def test_a_clock_that_was_ahead_resets_nothing(now: SimpleNamespace) -> None:
    now.s += 3 * DAY
    budget(now, requests_per_hour=1).take(0.5)
    now.s -= 3 * DAY
    with pytest.raises(ChatError, match="1 request an hour"):
        budget(now, requests_per_hour=1).take(0)
    now.s += HOUR
    budget(now, requests_per_hour=1).take(0)


def test_what_cannot_be_counted_is_not_sent(
    now: SimpleNamespace, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data.write_text("not a folder")
    with pytest.raises(ChatError, match="Please tell its owner") as error:
        budget(now).take(0)
    assert str(data) not in str(error.value)  # which is for visitors
    assert "can't be counted" in caplog.text


def _visit(folder: str, limits: Shared, tries: int, queue: Any) -> None:
    import platformdirs

    platformdirs.user_data_path = lambda *_, **__: Path(folder)
    sent = 0
    for _ in range(tries):
        try:
            SharedBudget(limits).take(0.0021)(0.002)
            sent += 1
        except ChatError:
            pass
    queue.put(sent)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(Shared(requests_per_hour=50), 50), (Shared(100, cost_per_day=0.0405), 20)],
    ids=["requests", "cost"],
)
def test_several_kernels_at_once_keep_the_limits(data: Path, limits: Shared, expected: int) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    visitors = [
        context.Process(target=_visit, args=(str(data), limits, 20, queue)) for _ in range(3)
    ]
    for visitor in visitors:
        visitor.start()
    sent = [queue.get(timeout=60) for _ in visitors]
    for visitor in visitors:
        visitor.join(60)
    if limits.requests_per_hour == 50:
        assert sum(sent) == expected
    else:  # at the end, each kernel may hold a request whose cost it does not know yet
        assert expected - len(visitors) <= sum(sent) <= expected


# A shared chat


def test_visitors_together_meet_the_limit(make: Make, server: ScriptedServer) -> None:
    limits = Shared(requests_per_hour=3)
    first, second = make(shared=limits), make(shared=limits)
    first.send("Hi").wait(TIMEOUT)
    second.send("Hi").wait(TIMEOUT)
    first.clear()
    first.send("Hi").wait(TIMEOUT)
    for chat in (first, second, make(shared=limits)):  # the last has reloaded the page
        with pytest.raises(ChatError, match="3 requests an hour") as error:
            chat.send("More").wait(TIMEOUT)
        assert error.value.retryable
    assert len(server.chats) == 3


def test_the_cost_counts_as_reported(make: Make, server: ScriptedServer) -> None:
    priced(server)
    limits = Shared(cost_per_day=0.1)
    chat = make(shared=limits, max_tokens=5000)  # at most 5 cents
    server.script(sse.text("Hi"), sse.finish(), sse.usage(cost=0.02), DONE)
    chat.send("Hi").wait(TIMEOUT)
    server.script(sse.text("Hi"), sse.finish(), sse.usage(cost=0.04), DONE)
    make(shared=limits, max_tokens=5000).send("Hi").wait(TIMEOUT)
    with pytest.raises(ChatError, match=r"\$0\.10 a day"):
        chat.send("Hi").wait(TIMEOUT)


def test_a_stopped_reply_counts_as_the_most_it_could_cost(
    make: Make, server: ScriptedServer
) -> None:
    priced(server)
    limits = Shared(cost_per_day=0.08)
    chat = make(shared=limits, max_tokens=5000)
    server.script(sse.text("One"), sse.hang())
    reply = chat.send("Hi")
    until(lambda: reply.text)
    chat.stop()
    with pytest.raises(ChatError, match="a day"):
        make(shared=limits, max_tokens=5000).send("Hi").wait(TIMEOUT)


def test_a_refused_request_costs_nothing(make: Make, server: ScriptedServer) -> None:
    priced(server)
    chat = make(shared=Shared(cost_per_day=0.06), max_tokens=5000)
    server.script(sse.status(500, {"error": {"message": "no"}}))
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    chat.retry().wait(TIMEOUT)


def test_clear_does_not_set_the_cost_back(make: Make, server: ScriptedServer) -> None:
    chat = make(shared=True, max_cost=0.05)
    server.script(sse.text("Hi"), sse.finish(), sse.usage(cost=0.04), DONE)
    chat.send("Hi").wait(TIMEOUT)
    ask_page(chat, "clear")
    assert chat.messages == []
    with pytest.raises(ChatError, match=r"limit of.*owner of this page"):
        chat.send("Hi").wait(TIMEOUT)
    assert len(server.chats) == 1


def test_clear_sets_the_cost_back_where_the_chat_is_not_shared(
    make: Make, server: ScriptedServer
) -> None:
    chat = make(max_cost=0.05)
    server.script(sse.text("Hi"), sse.finish(), sse.usage(cost=0.04), DONE)
    chat.send("Hi").wait(TIMEOUT)
    chat.clear()
    chat.send("Hi").wait(TIMEOUT)


@pytest.mark.parametrize("message", EXAMPLES["from_page"], ids=lambda message: message["type"])
def test_a_visitors_page_is_refused_what_is_the_owners(make: Make, message: dict[str, Any]) -> None:
    chat = make(shared=True)
    sent: list[dict[str, Any]] = []
    chat._transcript.send = lambda message, buffers=None: sent.append(message)
    receive(chat, message, [b"a,b"] * len(message.get("attachments", ())))
    refusal = "This is not possible on a shared page."
    refused = [each for each in sent if each.get("refused") == refusal]
    assert bool(refused) == (message["type"] not in ALLOWED)


def test_no_control_of_a_visitor_changes_a_setting(make: Make, server: ScriptedServer) -> None:
    chat = make(shared=True, system="The owner's.", max_tokens=200, reasoning_effort="low")
    before = chat.settings
    controls = chat._controls
    assert "system" not in controls.settings
    for control in controls.settings.values():
        assert control.disabled
    # Whether or not a control is disabled, a page can send this.
    controls.settings["max_tokens"].set_state({"value": 60_000, "max": 60_000, "disabled": False})
    controls.settings["temperature"].set_state({"value": 2.0})
    controls.reasoning_effort.set_state({"index": 2})
    controls.model.set_state({"_options_labels": ["dear/model"], "index": 0})
    assert chat.settings == before
    chat.send("Hi").wait(TIMEOUT)
    body = server.chats[-1].body
    assert (body["model"], body["max_tokens"]) == ("test/model", 200)
    assert body["temperature"] == 1.0
    assert body["messages"][0]["content"] == "The owner's."


def family(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    children = getattr(widget, "children", ())
    return [widget, *(each for child in children for each in family(child))]


def test_the_page_gets_nothing_of_the_owner(
    make: Make, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(sse.status(401, {"error": {"message": "organization org-owner, key k-123"}}))
    chat = make(shared=True, system="The owner's system", api_key="k-123456789")

    @chat.on_reply
    def fail(_: object) -> None:
        raise ValueError("the owner's path")

    with pytest.raises(ChatError, match=r"rejected the API key\. The owner of this page"):
        chat.send("Hi").wait(TIMEOUT)
    until(lambda: "the owner's path" in caplog.text)
    assert "org-owner" in caplog.text
    states = json.dumps([each.get_state() for each in family(chat)], default=str)
    assert "rejected the API key" in states
    for secret in ("The owner's system", "k-123456789", "org-owner", "the owner's path"):
        assert secret not in states
    assert chat._transcript._snapshot()["shared"]
    assert chat._transcript._snapshot()["notices"] == []


def test_a_shared_chat_does_not_know_the_notebook(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(
        user_ns={"dsn": "postgres://owner"},
        user_ns_hidden={},
        events=SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None),
    )
    monkeypatch.setattr("nbchat._notebook.notebook.get_ipython", lambda: shell)
    chat = make(shared=True)
    chat.send("What is @dsn?").wait(TIMEOUT)
    assert "postgres" not in json.dumps(server.chats[-1].body)
    with pytest.raises(RuntimeError, match="no error"):
        chat.explain()
    with pytest.raises(ValueError, match="shared page"):
        ask_page(chat, "variable", name="dsn")


def test_what_cannot_be_combined(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="can't have a name"):
        make(shared=True, name="x")
    monkeypatch.setattr("nbchat._servers.local_model.runtime_installed", lambda: False)
    with pytest.raises(ValueError, match="needs a server"):
        ChatWidget(shared=True)
    for wrong in (1, "yes", None, {}):
        with pytest.raises(TypeError, match=r"True, False or nbchat\.Shared"):
            make(shared=wrong)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"requests_per_hour": 0}, ValueError),
        ({"requests_per_hour": 1.5}, TypeError),
        ({"requests_per_hour": True}, TypeError),
        ({"cost_per_day": -1}, ValueError),
        ({"cost_per_day": float("nan")}, ValueError),
        ({"cost_per_day": "1"}, TypeError),
        ({"name": None}, TypeError),
    ],
)
def test_limits_are_checked(limits: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Shared(**limits)


@pytest.mark.parametrize(
    "environment", [{"SERVER_SOFTWARE": "voila/0.5.13"}, {"VOILA_PREHEAT": "True"}], ids=str
)
def test_voila_is_told_once(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    environment: dict[str, str],
) -> None:
    monkeypatch.setattr("nbchat._widget.owner_log._has_warned", False)
    caplog.set_level(logging.WARNING, "nbchat")
    make()
    assert caplog.records == []
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    make(shared=True)
    assert caplog.records == []
    make()
    make()
    assert [record.message for record in caplog.records if "shared=True" in record.message] != []
    assert len(caplog.records) == 1


@pytest.mark.browser
@pytest.mark.parametrize("shared", [False, True])
def test_the_page_offers_what_the_kernel_would_do(kernel: Kernel, shared: bool) -> None:
    kernel.page.evaluate("canRun()")
    places = ("transcript", "composer", "model")
    reply = message("a", content="```python\nprint(1)\n```")
    kernel.open(places, ["test/model"], messages=[reply], shared=shared)
    offered = 0 if shared else 1
    for name in ("Change server", "Run code", "Insert cell"):
        expect(kernel.page.get_by_role("button", name=name)).to_have_count(offered)
    kernel.box.press_sequentially("What is @df? ")
    kernel.box.press("Enter")
    if shared:
        assert kernel.wait_sent("send")["content"] == "What is @df? "
    else:
        kernel.wait_sent("variable")
    refused = {type_ for type_ in REQUESTS if type_ not in ALLOWED}
    assert bool([type_ for type_ in refused if kernel.sent(type_)]) == (not shared)
