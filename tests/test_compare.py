"""Several models asked the same, against a scripted server over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from sse_server import DONE, Request, ScriptedServer, Step
from test_attachments import png
from until import TIMEOUT, until

import nbchat
from nbchat import ChatError, ChatWidget
from nbchat._compare import Comparison

A, B, C = "maker/a", "maker/b", "maker/c"


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


class Models:
    """Answers by the model that is asked, as requests come in no order."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._scripts: dict[str, tuple[Step, ...]] = {}
        server.answers["/chat/completions"] = self._answer

    def script(self, model: str, *steps: Step) -> None:
        """What this model answers from now on."""
        self._scripts[model] = steps

    def asked(self, model: str) -> list[Request]:
        return [request for request in self._server.chats if request.body["model"] == model]

    def _answer(self, request: Request) -> Step:
        steps = self._scripts[request.body["model"]]

        async def answer(connection: sse.Connection) -> None:
            for step in steps:
                if isinstance(step, bytes):
                    await connection.send(step)
                else:
                    await step(connection)

        return answer


@pytest.fixture
def models(server: ScriptedServer) -> Models:
    return Models(server)


Compare = Callable[..., Comparison]


@pytest.fixture
def compare(server: ScriptedServer) -> Iterator[Compare]:
    made: list[Comparison] = []

    def compare(content: str, models: list[str], **options: Any) -> Comparison:
        options = {"base_url": server.base_url, **options}
        made.append(nbchat.compare(content, models=models, **options))
        return made[-1]

    yield compare
    for comparison in made:
        comparison.close()


def says(text: str, model: str, *, cost: float = 0.0) -> tuple[bytes, ...]:
    return (
        sse.text(text, model=model),
        sse.finish(model=model),
        sse.usage(3, 5, cost=cost, model=model),
        DONE,
    )


def test_two_models_at_once(compare: Compare, models: Models) -> None:
    a, b = threading.Event(), threading.Event()
    models.script(A, sse.text("A1 ", model=A), sse.gate(a), *says("A2", A, cost=0.25))
    models.script(B, sse.text("B1 ", model=B), sse.gate(b), *says("B2", B))
    comparison = compare("Count", [A, B], system="Be brief.", temperature=0.5)
    first, second = comparison.replies[A], comparison.replies[B]
    until(lambda: first.text and second.text)
    assert (first.status, second.status) == ("streaming", "streaming")
    assert (first.text, second.text) == ("A1 ", "B1 ")
    b.set()
    assert second.wait(TIMEOUT).text == "B1 B2"
    assert first.status == "streaming", "each takes its own time"
    with pytest.raises(TimeoutError):
        comparison.wait(0)
    a.set()
    assert comparison.wait(TIMEOUT) is comparison
    assert first.text == "A1 A2"
    for model in (A, B):
        (request,) = models.asked(model)
        assert request.body["temperature"] == 0.5
        assert request.body["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Count"},
        ]


def test_to_frame(compare: Compare, models: Models) -> None:
    models.script(A, *says("Yes", A, cost=0.25))
    models.script(B, sse.status(500, {"error": {"message": "Out of order"}}))
    frame = compare("Well?", [A, B]).wait(TIMEOUT).to_frame().set_index("model")
    assert list(frame.columns) == [
        *("text", "first_token_s", "duration_s", "prompt_tokens", "completion_tokens"),
        *("cost", "status", "error"),
    ]
    a, b = frame.loc[A], frame.loc[B]
    assert (a["text"], a["status"]) == ("Yes", "complete")
    assert frame["error"].isna().tolist() == [True, False]
    assert (a["prompt_tokens"], a["completion_tokens"], a["cost"]) == (3, 5, 0.25)
    assert 0 < a["first_token_s"] <= a["duration_s"]
    assert (b["text"], b["status"]) == ("", "error")
    assert "Out of order" in b["error"]
    assert frame[["prompt_tokens", "cost", "first_token_s"]].isna().loc[B].all()


def test_an_error_stops_no_other_and_is_not_raised(compare: Compare, models: Models) -> None:
    more = threading.Event()
    models.script(A, sse.status(401, {"error": {"message": "No key"}}))
    models.script(B, sse.text("On ", model=B), sse.gate(more), *says("and on", B))
    comparison = compare("Go", [A, B])
    with pytest.raises(ChatError):
        comparison.replies[A].wait(TIMEOUT)
    more.set()

    async def ask() -> Comparison:
        return await comparison

    assert asyncio.run(ask()) is comparison
    assert comparison.replies[B].text == "On and on"
    assert comparison.replies[A].status == "error"


def test_stop(compare: Compare, models: Models) -> None:
    models.script(A, *says("Done", A))
    models.script(B, sse.text("1 2 3", model=B), sse.hang())
    models.script(C, sse.hang())
    comparison = compare("Count", [A, B, C])
    comparison.replies[A].wait(TIMEOUT)
    until(lambda: comparison.replies[B].text and models.asked(C))
    button = comparison.children[0].children[1]
    assert (button.description, button.disabled) == ("Stop", False)
    button.click()
    comparison.wait(TIMEOUT)
    assert [reply.status for reply in comparison.replies.values()] == [
        "complete",
        "stopped",
        "stopped",
    ]
    assert comparison.replies[B].text == "1 2 3"
    for model in (B, C):
        assert models.asked(model)[0].closed_early.wait(TIMEOUT)
    assert button.disabled


def test_one_is_gone_on_with_without_being_asked_again(compare: Compare, models: Models) -> None:
    models.script(A, *says("Alpha", A, cost=0.25))
    models.script(B, *says("Beta", B))
    comparison = compare(
        "Which?", [A, B], system="Be brief.", temperature=0.5, max_tokens=300, api_key="sk-mine"
    )
    comparison.wait(TIMEOUT)
    assert comparison.chat is None
    chat = comparison.take(B)
    assert comparison.chat is chat
    assert isinstance(chat, ChatWidget)
    assert comparison.children == (chat,)
    assert chat.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which?"},
        {"role": "assistant", "content": "Beta"},
    ]
    assert (chat.model, chat.temperature, chat.max_tokens) == (B, 0.5, 300)
    assert chat.last is comparison.replies[B]
    assert len(models.asked(B)) == 1
    chat.send("Why?").wait(TIMEOUT)
    request = models.asked(B)[1]
    assert [m["content"] for m in request.body["messages"]] == [
        *("Be brief.", "Which?", "Beta", "Why?")
    ]
    assert request.headers["authorization"] == "Bearer sk-mine"
    assert comparison.replies[A].text == "Alpha", "what the others said stays"
    assert len(comparison.to_frame()) == 2
    with pytest.raises(RuntimeError, match=r"comparison\.chat"):
        comparison.take(A)


def test_taking_stops_the_others_but_waits_for_its_own(compare: Compare, models: Models) -> None:
    more = threading.Event()
    models.script(A, sse.text("A", model=A), sse.hang())
    models.script(B, sse.text("B", model=B), sse.gate(more), *says("!", B))
    comparison = compare("Go", [A, B])
    until(lambda: all(reply.text for reply in comparison.replies.values()))
    with pytest.raises(RuntimeError, match="still running"):
        comparison.take(B)
    assert comparison.replies[A].status == "streaming"
    more.set()
    comparison.replies[B].wait(TIMEOUT)
    assert comparison.take(B).messages[-1]["content"] == "B!"
    assert comparison.replies[A].status == "stopped"
    assert models.asked(A)[0].closed_early.wait(TIMEOUT)
    with pytest.raises(ValueError, match="not one of"):
        comparison.take("maker/z")


def test_a_failed_one_can_be_taken_and_repeated(compare: Compare, models: Models) -> None:
    models.script(A, sse.status(500, {"error": {"message": "Out of order"}}))
    chat = compare("Go", [A]).wait(TIMEOUT).take(A)
    shown = chat._transcript.get_state()["snapshot"]["messages"]
    assert [m["status"] for m in shown] == ["complete", "error"]
    models.script(A, *says("Better", A))
    assert chat.retry().wait(TIMEOUT).text == "Better"


def test_close_ends_all_requests(compare: Compare, models: Models) -> None:
    models.script(A, sse.text("A", model=A), sse.hang())
    comparison = compare("Go", [A])
    until(lambda: comparison.replies[A].text)
    comparison.close()
    assert models.asked(A)[0].closed_early.wait(TIMEOUT)
    assert comparison.comm is None
    with pytest.raises(RuntimeError, match="closed"):
        comparison.take(A)


def test_close_closes_the_chat_as_well(compare: Compare, models: Models) -> None:
    models.script(A, *says("A", A))
    comparison = compare("Go", [A]).wait(TIMEOUT)
    chat = comparison.take(A)
    comparison.close()
    assert chat.comm is None
    with pytest.raises(RuntimeError, match="closed"):
        chat.send("Hi")


def test_images_go_to_models_that_take_them(
    compare: Compare, models: Models, server: ScriptedServer
) -> None:
    server.models = [
        {"id": A, "architecture": {"input_modalities": ["text", "image"]}},
        {"id": B, "architecture": {"input_modalities": ["text"]}},
    ]
    models.script(A, *says("A plot", A))
    models.script(B, *says("Nothing", B))
    comparison = compare("What?", [A, B], images=[png()], files=[("t.csv", b"a,b\n")])
    comparison.wait(TIMEOUT)
    (request,) = models.asked(A)
    types = [part["type"] for part in request.body["messages"][0]["content"]]
    assert types == ["text", "image_url", "text"]
    assert models.asked(B) == []
    assert "does not accept images" in str(comparison.replies[B].error)
    assert [m["role"] for m in comparison.take(A).messages] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"content": " "}, ValueError),
        ({"models": []}, ValueError),
        ({"models": [1]}, TypeError),
        ({"temperature": 3}, ValueError),
        ({"images": "missing.png"}, ValueError),
        ({"images": 3}, TypeError),
        ({"provider": "nobody", "base_url": None}, ValueError),
        ({"idle_timeout_s": 0}, ValueError),
    ],
)
def test_what_is_refused_at_once(
    compare: Compare, server: ScriptedServer, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        compare(**{"content": "Go", "models": [A], **given})
    assert server.chats == []


def test_the_key_is_in_no_repr_and_no_state(compare: Compare, models: Models) -> None:
    models.script(A, *says("A", A))
    comparison = compare("Go", [A, A], api_key="sk-very-secret")
    comparison.wait(TIMEOUT)
    assert list(comparison.replies) == [A], "each model once"
    said = [repr(comparison), *(repr(vars(part)) for part in (comparison, *comparison.children))]
    assert "sk-very-secret" not in "".join(said)
    assert repr(comparison) == f"<Comparison of {A}>"


def test_what_viewers_without_widgets_see(compare: Compare, models: Models) -> None:
    models.script(A, *says("Alpha <b>", A))
    models.script(B, *says("Beta", B))
    comparison = compare("Which?", [A, B])
    comparison.wait(TIMEOUT)
    copy = comparison._render()
    assert "Alpha &lt;b&gt;" in copy["text/html"]
    assert "Beta" in copy["text/plain"]
    for text in copy.values():
        assert text.count("Which?") == 1
        assert f"Assistant ({A})" in text
        assert f"Assistant ({B})" in text
    comparison.take(A)
    assert "Beta" not in comparison._render()["text/plain"]
