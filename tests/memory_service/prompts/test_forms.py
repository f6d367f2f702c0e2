"""Prompts as the APIs take them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Message, Role, ToolCall
from memory_service.prompts import anthropic_form, openai_form
from memory_service.prompts.names import speaker_name, tool_name
from memory_service.prompts.pairing import paired
from tests.support.chat_rules import assert_anthropic_takes, assert_openai_takes
from tests.support.logs import LOGS

SYSTEM = PromptMessage(Role.SYSTEM, "Be kind.")
HELLO = PromptMessage(Role.USER, "hello", "Alice")
CALL = PromptMessage(
    Role.ASSISTANT, "", tool_calls=(ToolCall("c1", "weather.now", '{"city":"Bonn"}'),)
)
RESULT = PromptMessage(Role.TOOL, '{"sun": true}', tool_call_id="c1")
QUERY = PromptMessage(Role.USER, "and tomorrow?")


def test_openai_takes_roles_names_and_calls_in_their_places():
    assert openai_form.messages([SYSTEM, HELLO, CALL, RESULT, QUERY]) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "name": "Alice", "content": "hello"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather_now", "arguments": '{"city":"Bonn"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"sun": true}'},
        {"role": "user", "content": "and tomorrow?"},
    ]


def test_anthropic_takes_results_and_what_is_said_next_as_one_message():
    assert anthropic_form.request([SYSTEM, HELLO, CALL, RESULT, QUERY]) == {
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Alice: hello"}]},
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "c1",
                        "name": "weather_now",
                        "input": {"city": "Bonn"},
                    }
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": '{"sun": true}'},
                    {"type": "text", "text": "and tomorrow?"},
                ],
            },
        ],
    }


def test_anthropic_has_system_messages_of_the_conversation_in_system():
    later = PromptMessage(Role.SYSTEM, "Be brief.")
    request = anthropic_form.request([SYSTEM, HELLO, later, QUERY])
    assert request["system"] == "Be kind.\n\nBe brief."
    assert len(request["messages"]) == 1


def test_an_assistant_who_has_the_first_word_is_preceded_for_anthropic():
    request = anthropic_form.request([PromptMessage(Role.ASSISTANT, "Welcome!"), QUERY])
    assert [m["role"] for m in request["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("arguments", ["{oops", "[1]", "", "NaN", '{"x":"\\ud800"}'])
def test_arguments_that_are_no_object_are_kept_for_anthropic_as_one(arguments: str):
    call = PromptMessage(Role.ASSISTANT, "", tool_calls=(ToolCall("c1", "f", arguments),))
    (_, said, _) = anthropic_form.request([call, RESULT])["messages"]
    assert said["content"][0]["input"] == {"arguments": arguments}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Alice", "Alice"),
        ("Zoë K.", "Zoe_K"),
        ("Anne-Marie O'Neil", "Anne-Marie_O_Neil"),
        ("北京", ""),
        ("Łukasz", ""),
        ("<|im_start|>", "im_start"),
        ("...", ""),
        ("x" * 65, ""),
    ],
)
def test_a_speaker_is_named_in_ascii_or_not_at_all(name: str, written: str):
    assert speaker_name(name) == written


def test_a_name_that_cannot_be_written_stands_before_the_text():
    (said,) = openai_form.messages([PromptMessage(Role.USER, "hello", "北京")])
    assert said == {"role": "user", "content": "北京: hello"}


def test_a_tools_name_keeps_what_both_take():
    assert tool_name("mcp/files:read file") == "mcp_files_read_file"
    assert tool_name("é") == "_"
    assert len(tool_name("x" * 100)) == 64


@given(LOGS)
def test_whatever_the_log_each_api_takes_what_it_is_given(log: list[Message]):
    prompt = [SYSTEM, *paired(log), QUERY]
    assert_openai_takes(json.loads(openai_form.to_json(prompt).encode()))
    assert_anthropic_takes(json.loads(anthropic_form.to_json(prompt).encode()))
