"""Calls and results come in pairs, or not at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Message, Role, ToolCall
from memory_service.prompts.pairing import paired


def user(text: str = "hi") -> Message:
    return Message(1, "1", Role.USER, "Alice", text, 0)


def asks(*ids: str, text: str = "") -> Message:
    calls = tuple(ToolCall(id_, "look", f'{{"n": {n}}}') for n, id_ in enumerate(ids))
    return Message(1, "1", Role.ASSISTANT, "", text, 0, tool_calls=calls)


def result(id_: str, text: str = "found") -> Message:
    return Message(1, "1", Role.TOOL, "", text, 0, tool_call_id=id_)


def ids_of(prompt: list[PromptMessage]) -> list[str]:
    return [call.id for message in prompt for call in message.tool_calls]


def shape(*messages: Message) -> list[str]:
    return [message.role.value for message in paired(messages)]


def test_a_call_and_its_result_stay_as_they_are():
    first, call, answer = paired([user(), asks("c1", text="One moment."), result("c1")])
    assert first == PromptMessage(Role.USER, "hi", "Alice")
    assert (call.content, ids_of([call])) == ("One moment.", ["c1"])
    assert answer == PromptMessage(Role.TOOL, "found", "", tool_call_id="c1")


def test_results_of_several_calls_come_in_the_order_of_the_calls():
    prompt = paired([asks("a", "b"), result("b", "of b"), result("a", "of a")])
    assert [message.content for message in prompt] == ["", "of a", "of b"]


def test_a_result_without_a_call_is_left_out():
    assert shape(result("c1"), user(), result("c2")) == ["user"]
    assert shape(asks("c1"), result("other"), result("c1")) == ["assistant", "tool"]


def test_a_call_without_a_result_is_left_out_but_not_what_was_said_with_it():
    assert shape(asks("c1"), user()) == ["user"]
    (said, _) = paired([asks("c1", text="One moment."), user()])
    assert (said.content, said.tool_calls) == ("One moment.", ())
    assert ids_of(paired([asks("a", "b"), result("b")])) == ["b"]


def test_a_result_that_comes_after_somebody_has_spoken_is_too_late():
    assert shape(asks("a", "b"), result("a"), user(), result("b")) == ["assistant", "tool", "user"]


def test_only_an_assistant_asks():
    wrong = Message(1, "1", Role.USER, "", "x", 0, tool_calls=(ToolCall("c", "f", "{}"),))
    (said,) = paired([wrong, result("c")])
    assert said.tool_calls == ()


def test_ids_that_come_again_are_told_apart():
    prompt = paired([asks("call_0"), result("call_0"), asks("call_0"), result("call_0", "again")])
    assert ids_of(prompt) == [prompt[1].tool_call_id, prompt[3].tool_call_id]
    assert len(set(ids_of(prompt))) == 2
    assert prompt[3].content == "again"


def test_ids_that_no_api_takes_are_replaced_in_both():
    for bad in ("", "a b", "x" * 41, "ü"):
        call, answer = paired([asks(bad), result(bad)])
        assert call.tool_calls[0].id == answer.tool_call_id == "call_1"


turns = st.one_of(
    st.builds(user, st.sampled_from(["hi", "  "])),
    st.builds(asks, st.sampled_from("ab"), st.sampled_from(["", "b"]), text=st.just("")),
    st.builds(result, st.sampled_from(["a", "b", "", "c"])),
)


@given(st.lists(turns, max_size=12))
def test_whatever_the_log_right_after_calls_come_exactly_their_results(log: list[Message]):
    prompt = paired(log)
    at = 0
    while at < len(prompt):
        calls = [call.id for call in prompt[at].tool_calls]
        answers = prompt[at + 1 : at + 1 + len(calls)]
        assert prompt[at].role is not Role.TOOL
        assert [each.tool_call_id for each in answers] == calls
        at += 1 + len(calls)
    assert len(set(ids_of(prompt))) == len(ids_of(prompt))
