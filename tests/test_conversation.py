from __future__ import annotations

import pytest

from nbchat._chat.conversation.cleared import Cleared
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._chat.errors import ChatError
from nbchat._chat.events import ContentDelta, Event, Failure, Finish, ReasoningDelta, Usage
from nbchat._widget.views import message_facts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answer(conversation: Conversation, reply: Message, *events: Event, **end: bool) -> Message:
    conversation.progress(reply).begin("m")
    for event in events:
        conversation.progress(reply).apply(event)
    conversation.end(reply, **end)
    return reply


def answered(conversation: Conversation, question: str, text: str, **end: bool) -> Message:
    return answer(conversation, conversation.ask(question), ContentDelta(text), **end)


def shown(conversation: Conversation) -> str:
    return " ".join(message.content for message in conversation.messages)


def branch(message: Message) -> tuple[int, int]:
    facts = message_facts(message, {})["branch"]
    return facts["index"], facts["count"]


def test_a_reply_lives_from_queued_to_complete() -> None:
    conversation = Conversation()
    reply = conversation.ask("Hi")
    question = conversation.messages[0]
    assert (question.status, reply.status) == ("complete", "queued")
    conversation.progress(reply).begin("m")
    assert reply.status == "streaming"
    for event in (ContentDelta("Hel"), ContentDelta("lo"), Finish("stop")):
        conversation.progress(reply).apply(event)
    conversation.end(reply)
    assert (reply.status, reply.content, reply.finish_reason) == ("complete", "Hello", "stop")


def test_line_ends_stay_as_they_came() -> None:
    conversation = Conversation()
    answered(conversation, "a\r\nb\rc", "x\r\ny\rz")
    assert [message.content for message in conversation.messages] == ["a\r\nb\rc", "x\r\ny\rz"]


def test_how_long_the_model_thought() -> None:
    clock = Clock()
    conversation = Conversation(clock)
    reply = conversation.ask("Hi")
    conversation.progress(reply).begin("m")
    clock.now = 1
    conversation.progress(reply).apply(ReasoningDelta("Hm"))
    clock.now = 4
    conversation.progress(reply).apply(ContentDelta("Yes"))
    clock.now = 10
    conversation.end(reply)
    assert (reply.reasoning_s, reply.duration_s) == (3, 10)


def test_thinking_that_is_stopped_has_a_duration_too() -> None:
    clock = Clock()
    conversation = Conversation(clock)
    reply = conversation.ask("Hi")
    conversation.progress(reply).begin("m")
    conversation.progress(reply).apply(ReasoningDelta("Hm"))
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
    failed = conversation.ask("Two")
    conversation.progress(failed).begin("m")
    conversation.progress(failed).apply(Failure(ChatError("no")))
    conversation.end(failed)
    assert failed.status == "error"
    reply = conversation.ask("Three")
    request = conversation.to_openai(before=reply)
    assert [message["content"] for message in request] == ["One", "1", "Three"]
    assert [message["content"] for message in conversation.to_openai()] == ["One", "1"]


def test_a_retry_asks_the_same_again() -> None:
    conversation = Conversation()
    failed = conversation.ask("Two")
    conversation.end(failed, stopped=True)
    again = conversation.regenerate(failed)
    assert conversation.to_openai(before=again) == [{"role": "user", "content": "Two"}]
    assert failed not in conversation.messages


def test_blank_system_instructions_are_not_sent() -> None:
    conversation = Conversation()
    reply = conversation.ask("Hi")
    assert conversation.to_openai("  \n", before=reply)[0]["role"] == "user"
    assert conversation.to_openai("Be kind.", before=reply)[0] == {
        "role": "system",
        "content": "Be kind.",
    }


# Branches


def test_another_reply_keeps_the_first_one_and_what_followed_it() -> None:
    conversation = Conversation()
    first = answered(conversation, "q1", "a1")
    answered(conversation, "q2", "a2")
    second = conversation.regenerate(first)
    assert conversation.to_openai(before=second) == [{"role": "user", "content": "q1"}]
    answer(conversation, second, ContentDelta("b1"))
    assert shown(conversation) == "q1 b1"
    assert branch(second) == (1, 2)
    second.fork.step(-1)
    assert shown(conversation) == "q1 a1 q2 a2"
    assert branch(first) == (0, 2)
    first.fork.step(1)
    assert shown(conversation) == "q1 b1"


def test_an_edit_keeps_the_question_and_what_followed_it() -> None:
    conversation = Conversation()
    answered(conversation, "q1", "a1")
    answered(conversation, "q2", "a2")
    question = conversation.messages[2].fork
    edited = conversation.ask("r2", instead_of=conversation.messages[2])
    assert [m["content"] for m in conversation.to_openai(before=edited)] == ["q1", "a1", "r2"]
    answer(conversation, edited, ContentDelta("b2"))
    assert shown(conversation) == "q1 a1 r2 b2"
    question.step(-1)
    assert shown(conversation) == "q1 a1 q2 a2"
    answered(conversation, "q3", "a3")
    question.step(1)
    assert shown(conversation) == "q1 a1 r2 b2"
    question.step(-1)
    assert shown(conversation) == "q1 a1 q2 a2 q3 a3"


def test_a_message_that_was_never_edited_has_one_version() -> None:
    conversation = Conversation()
    reply = answered(conversation, "q1", "a1")
    assert branch(reply) == (0, 1)
    for step in (-1, 1):
        with pytest.raises(ValueError, match="no such version"):
            reply.fork.step(step)
    assert shown(conversation) == "q1 a1"


def test_a_failure_without_text_leaves_nothing_to_go_back_to() -> None:
    conversation = Conversation()
    failed = answer(conversation, conversation.ask("q1"), Failure(ChatError("no")))
    again = answer(conversation, conversation.regenerate(failed), ContentDelta("a1"))
    assert branch(again) == (0, 1)
    failed = answer(conversation, conversation.regenerate(again), Failure(ChatError("no")))
    assert branch(failed) == (1, 2)
    failed.fork.step(-1)
    assert branch(again) == (0, 1)


def test_a_failure_with_text_is_a_version() -> None:
    conversation = Conversation()
    half = ContentDelta("half")
    failed = answer(conversation, conversation.ask("q1"), half, Failure(ChatError("no")))
    again = answer(conversation, conversation.regenerate(failed), ContentDelta("a1"))
    assert branch(again) == (1, 2)
    again.fork.step(-1)
    assert shown(conversation) == "q1 half"


def test_a_failure_after_which_one_went_on_is_kept() -> None:
    conversation = Conversation()
    failed = answer(conversation, conversation.ask("q1"), Failure(ChatError("no")))
    answered(conversation, "q2", "a2")
    again = answer(conversation, conversation.regenerate(failed), ContentDelta("a1"))
    assert shown(conversation) == "q1 a1"
    again.fork.step(-1)
    assert shown(conversation) == "q1  q2 a2"


# What was cleared


def said(text: str) -> Conversation:
    conversation = Conversation()
    answered(conversation, text, text)
    return conversation


def test_each_cleared_conversation_comes_back() -> None:
    cleared = Cleared(map(said, "abc"))
    present = said("d")
    back = []
    for _ in range(4):
        present = cleared.take(present)
        back.append(shown(present))
    assert back == ["c c", "b b", "a a", "d d"]
    with pytest.raises(RuntimeError, match="nothing to undo"):
        Cleared().take(present)


def test_only_so_many_cleared_conversations_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = Cleared(said(str(n)) for n in range(20))
    assert [shown(each) for each in cleared] == [f"{n} {n}" for n in range(10, 20)]
    monkeypatch.setattr("nbchat._chat.conversation.cleared.MOST_BYTES", 100)
    cleared.put(said("x" * 200))  # the last one is kept, however large it is
    assert [len(shown(each)) for each in cleared] == [401]
    cleared.put(said("y"))
    assert [shown(each) for each in cleared] == ["y y"]


# Cut off at max tokens


def test_a_reply_that_was_cut_off_goes_on_in_place() -> None:
    clock = Clock()
    conversation = Conversation(clock)
    answered(conversation, "q1", "a1")
    reply = conversation.ask("Count")
    conversation.progress(reply).begin("m")
    clock.now = 2
    for event in (ContentDelta("1 2"), Finish("length"), Usage(5, 2, cost=0.25)):
        conversation.progress(reply).apply(event)
    conversation.end(reply)
    assert reply.is_cut_off
    conversation.continue_reply(reply)
    asked = conversation.to_openai(before=reply)
    assert [m["role"] for m in asked] == ["user", "assistant"] * 2 + ["user"]
    assert [m["content"] for m in asked[:-1]] == ["q1", "a1", "Count", "1 2"]
    conversation.progress(reply).begin("m")
    clock.now = 5
    # A server may count more than once: the last count is right.
    counts = (Usage(9, 1), Usage(9, 4, cost=0.5))
    for event in (ContentDelta(" 3"), Finish("stop"), *counts):
        conversation.progress(reply).apply(event)
    conversation.end(reply)
    assert shown(conversation) == "q1 a1 Count 1 2 3"
    assert reply.usage == Usage(14, 6, cost=0.75)
    assert (reply.duration_s, reply.status, reply.is_cut_off) == (5, "complete", False)


def test_one_can_try_again_to_go_on() -> None:
    conversation = Conversation()
    cut = (ContentDelta("1 2"), Finish("length"))
    reply = answer(conversation, conversation.ask("Count"), *cut)
    conversation.continue_reply(reply)
    answer(conversation, reply, Failure(ChatError("no")))
    assert (reply.status, reply.is_cut_off) == ("error", True)
    conversation.continue_reply(reply)
    answer(conversation, reply, ContentDelta(" 3"), Finish("stop"))
    assert (reply.status, reply.error, reply.content) == ("complete", None, "1 2 3")


def test_only_a_question_is_edited_and_only_a_reply_is_made_again() -> None:
    conversation = Conversation()
    reply = conversation.ask("Hi")
    conversation.end(reply)
    question = conversation.messages[0]
    with pytest.raises(ValueError, match="your own messages"):
        conversation.ask("I am the assistant", instead_of=reply)
    with pytest.raises(ValueError, match="Only a reply"):
        conversation.regenerate(question)
    assert [message for _, message in conversation.walk()] == [question, reply]
