"""The schemas that are handed out: good JSON schemas, as each API takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fastjsonschema
import pytest
from anthropic.types import ToolParam
from openai.lib._pydantic import _ensure_strict_json_schema
from openai.types.chat import ChatCompletionToolParam
from pydantic import TypeAdapter

from memory_service.tools.catalogue import TOOLS, Tool
from memory_service.tools.formats import Format, can_be_strict, schema_json, strict_schema

EACH = pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
IN_STRICT = {
    "type",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
}
"""Keywords of OpenAI's structured outputs, from their guide."""


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for below in schema.get("properties", {}).values():
        yield from schemas_in(below)
    if "items" in schema:
        yield from schemas_in(schema["items"])


@EACH
def test_every_argument_is_described_and_no_other_is_taken(tool: Tool):
    assert tool.description
    assert tool.parameters["additionalProperties"] is False
    for name, argument in tool.parameters["properties"].items():
        assert argument["description"], name
    whole = json.dumps(tool.parameters)
    for word in ("user_id", "namespace", "session_id", "tenant"):
        assert word not in whole


@EACH
def test_openai_takes_the_tool(tool: Tool):
    given = json.loads(schema_json(tool, Format.OPENAI, strict=False))
    TypeAdapter(ChatCompletionToolParam).validate_python(given)
    assert given["function"]["parameters"] == tool.parameters
    assert "strict" not in given["function"]


@EACH
def test_anthropic_takes_the_tool(tool: Tool):
    given = json.loads(schema_json(tool, Format.ANTHROPIC, strict=True))
    TypeAdapter(ToolParam).validate_python(given)
    assert given == {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters,
    }


def test_all_but_one_can_be_strict():
    strict = {
        name
        for name, tool in TOOLS.items()
        if json.loads(schema_json(tool, Format.OPENAI, strict=True))["function"].get("strict")
    }
    assert TOOLS.keys() - strict == {"update_session_data"}


@EACH
def test_a_strict_schema_is_as_openai_wants_it(tool: Tool):
    if not can_be_strict(tool.parameters):
        return
    schema = strict_schema(tool.parameters)
    for each in schemas_in(schema):
        assert each.keys() <= IN_STRICT
        if "properties" in each:
            assert each["required"] == list(each["properties"])
            assert each["additionalProperties"] is False
    copied = json.loads(json.dumps(schema))
    assert _ensure_strict_json_schema(copied, path=(), root=copied) == schema


def test_what_a_strict_schema_allows_the_schema_allows():
    everything_null = {"memories": [{"text": "Alice sings."}]}
    everything_null["memories"][0] |= dict.fromkeys(["type", "topics", "entities", "event_time"])
    for schema in (
        TOOLS["create_memories"].parameters,
        strict_schema(TOOLS["create_memories"].parameters),
    ):
        fastjsonschema.compile(schema)(everything_null)
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        fastjsonschema.compile(schema)({"memories": [{"text": "Alice sings."}]})
