from __future__ import annotations

from nbchat._conversation import Conversation
from nbchat._errors import ChatError
from nbchat._stream import ContentDelta, Failure, Finish, ReasoningDelta


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answered(conversation: Conversation, question: str, answer: str, **end: bool) -> None:
    _, reply = conversation.ask(question)
    conversation.begin(reply, "m")
    conversation.apply(reply, ContentDelta(answer))
    conversation.end(reply, **end)


def test_a_reply_lives_from_queued_to_complete() -> None:
    conversation = Conversation()
    question, reply = conversation.ask("Hi")
    assert (question.status, reply.status) == ("complete", "queued")
    conversation.begin(reply, "m")
    assert reply.status == "streaming"
    for event in (ContentDelta("Hel"), ContentDelta("lo"), Finish("stop")):
        conversation.apply(reply, event)
    conversation.end(reply)
    assert (reply.status, reply.content, reply.finish_reason) == ("complete", "Hello", "stop")


def test_line_ends_stay_as_they_came() -> None:
    conversation = Conversation()
    answered(conversation, "a\r\nb\rc", "x\r\ny\rz")
    assert [message.content for message in conversation.messages] == ["a\r\nb\rc", "x\r\ny\rz"]


def test_how_long_the_model_thought() -> None:
    clock = Clock()
    conversation = Conversation(clock)
    _, reply = conversation.ask("Hi")
    conversation.begin(reply, "m")
    clock.now = 1
    conversation.apply(reply, ReasoningDelta("Hm"))
    clock.now = 4
    conversation.apply(reply, ContentDelta("Yes"))
    clock.now = 10
    conversation.end(reply)
    assert (reply.reasoning_s, reply.duration_s) == (3, 10)


def test_thinking_that_is_stopped_has_a_duration_too() -> None:
    clock = Clock()
    conversation = Conversation(clock)
    _, reply = conversation.ask("Hi")
    conversation.begin(reply, "m")
    conversation.apply(reply, ReasoningDelta("Hm"))
    clock.now = 2
    conversation.end(reply, stopped=True)
    assert (reply.reasoning_s, reply.status) == (2, "stopped")


def test_stopped_text_belongs_to_the_history() -> None:
    conversation = Conversation()
    answered(conversation, "Count", "1 2 3", stopped=True)
    assert conversation.to_openai() == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": "1 2 3"},
    ]


def test_a_turn_without_text_leaves_nothing_behind() -> None:
    conversation = Conversation()
    answered(conversation, "One", "1")
    _, failed = conversation.ask("Two")
    conversation.begin(failed, "m")
    conversation.apply(failed, Failure(ChatError("no")))
    conversation.end(failed)
    assert failed.status == "error"
    _, reply = conversation.ask("Three")
    request = conversation.to_openai(before=reply)
    assert [message["content"] for message in request] == ["One", "1", "Three"]
    assert [message["content"] for message in conversation.to_openai()] == ["One", "1"]


def test_a_retry_asks_the_same_again() -> None:
    conversation = Conversation()
    _, failed = conversation.ask("Two")
    conversation.end(failed, stopped=True)
    again = conversation.ask_again(failed)
    assert conversation.to_openai(before=again) == [{"role": "user", "content": "Two"}]
    assert failed not in conversation.messages


def test_blank_system_instructions_are_not_sent() -> None:
    conversation = Conversation()
    _, reply = conversation.ask("Hi")
    assert conversation.to_openai("  \n", before=reply)[0]["role"] == "user"
    assert conversation.to_openai("Be kind.", before=reply)[0] == {
        "role": "system",
        "content": "Be kind.",
    }
