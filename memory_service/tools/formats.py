"""Tools, calls and answers in the shapes of the chat APIs. Pure."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

from memory_service.domain.errors import InvalidField
from memory_service.domain.session import ToolCall
from memory_service.json_objects import json_object
from memory_service.tools.catalogue import Schema, Tool


class Format(enum.Enum):
    """Whose shapes."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a model made, and in which shape."""

    made: ToolCall
    format: Format


_NOT_IN_STRICT = ("minLength", "maxLength")


def schema_json(tool: Tool, format_: Format, *, strict: bool) -> str:
    """Return what is handed to the model's API for one tool."""
    return json.dumps(_schema(tool, format_, strict=strict), ensure_ascii=False)


def _schema(tool: Tool, format_: Format, *, strict: bool) -> dict[str, Any]:
    named = {"name": tool.name, "description": tool.description}
    if format_ is Format.ANTHROPIC:
        return {**named, "input_schema": tool.parameters}
    if strict and can_be_strict(tool.parameters):
        parameters = strict_schema(tool.parameters)
        return {
            "type": "function",
            "function": {**named, "parameters": parameters, "strict": True},
        }
    return {"type": "function", "function": {**named, "parameters": tool.parameters}}


def can_be_strict(schema: Schema) -> bool:
    """Whether each object in the schema says which properties it has, and takes no others."""
    if "object" in schema["type"] and schema.get("additionalProperties") is not False:
        return False
    return all(can_be_strict(each) for each in _below(schema))


def strict_schema(schema: Schema) -> Schema:
    """Return the schema as OpenAI's strict mode takes it: everything is required.

    What the strict schema allows, the schema allows, but for lengths, which strict mode knows not.
    """
    found = {key: value for key, value in schema.items() if key not in _NOT_IN_STRICT}
    if "properties" in schema:
        properties = schema["properties"]
        found["properties"] = {name: strict_schema(properties[name]) for name in properties}
        found["required"] = list(properties)
    if "items" in schema:
        found["items"] = strict_schema(schema["items"])
    return found


def _below(schema: Schema) -> list[Schema]:
    items = [schema["items"]] if "items" in schema else []
    return [*schema.get("properties", {}).values(), *items]


def read_call(call_json: str, path: str) -> Call:
    """Return the call that a model's client gave as JSON, in either shape. Raises InvalidField."""
    given = json_object(call_json) or {}
    match given:
        case {"function": {"name": str(name), **function}}:
            arguments = function.get("arguments", "")
            format_ = Format.OPENAI
        case {"name": str(name), "input": arguments}:
            format_ = Format.ANTHROPIC
        case _:
            raise InvalidField(path, "is neither OpenAI's nor Anthropic's call of a tool")
    # Some servers give the arguments as an object where OpenAI has their text.
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    id_ = given.get("id")
    return Call(ToolCall(id_ if isinstance(id_, str) else "", name, text), format_)


def answer_json(call: Call, content: str, *, is_error: bool) -> str:
    """Return the answer as it is put into the conversation."""
    if call.format is Format.OPENAI:
        answer = {"role": "tool", "tool_call_id": call.made.id, "content": content}
        return json.dumps(answer, ensure_ascii=False)
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": call.made.id,
        "content": content,
    }
    return json.dumps({**block, "is_error": True} if is_error else block, ensure_ascii=False)
