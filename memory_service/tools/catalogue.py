"""The tools: names, descriptions, and the JSON schemas of their arguments. Pure.

No argument says whose memory it is: that is the caller's to say. What may be left out may also be
null, as OpenAI's strict mode wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

MOST_MEMORIES = 16
MOST_HITS = 20
DEFAULT_HITS = 5
MOST_RECENT = 100
DEFAULT_RECENT = 20
LONGEST_NAME = 256
"""Characters of a name or a topic."""

TIME = (
    r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?$"
)
TIMES = 'such as "2025", "2025-03", "2025-03-14" or "2025-03-14T09:30Z"'


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model sees it. `of_session`: it works on the scope's session."""

    name: str
    description: str
    parameters: Schema
    of_session: bool = False


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **{name: _or_null(optional[name]) for name in optional}},
        "required": list(required),
        "additionalProperties": False,
    }


def _or_null(schema: Schema) -> Schema:
    found = {**schema, "type": [schema["type"], "null"]}
    return {**found, "enum": [*schema["enum"], None]} if "enum" in schema else found


def _string(description: str, *, most: int, **more: Any) -> Schema:
    # A minimum of one: an empty string is never meant.
    limits = {"minLength": 1, "maxLength": most}
    return {"type": "string", "description": description, **limits, **more}


def _strings(description: str, *, most: int, each: int = LONGEST_NAME) -> Schema:
    items = {"type": "string", "minLength": 1, "maxLength": each}
    return {"type": "array", "description": description, "items": items, "maxItems": most}


def _time(description: str) -> Schema:
    return {"type": "string", "description": f"{description}, {TIMES}.", "pattern": TIME}


_ID = _string("The memory's id, as a search gave it.", most=128)
_TEXT = _string(
    "One self-contained sentence: names instead of pronouns, dates instead of words like today.",
    most=8192,
)
_TYPE = {
    "type": "string",
    "enum": ["semantic", "episodic"],
    "description": "semantic: a fact that holds until something changes it (the default). "
    "episodic: something that happened or will happen at a time.",
}
_TOPICS = _strings("What it is about, in a word or two each.", most=32)
_ENTITIES = _strings("Names of the people, places and things that it is about.", most=32)
_MEMORIES = {
    "type": "array",
    "description": "One memory for each fact.",
    "minItems": 1,
    "maxItems": MOST_MEMORIES,
    "items": _object(
        {"text": _TEXT},
        {
            "type": _TYPE,
            "topics": _TOPICS,
            "entities": _ENTITIES,
            "event_time": _time("When it happened or will happen"),
        },
    ),
}

_TOOLS = (
    Tool(
        "search_memories",
        "Look for what is remembered from earlier conversations, by meaning and by words. Use it "
        "before asking the user for something that they may have said already. If no fact tells, "
        'look through what was said: types = ["message"].',
        _object(
            {"query": _string("What to look for, as a question or a statement.", most=4096)},
            {
                "limit": {
                    "type": "integer",
                    "description": f"How many memories at most, {DEFAULT_HITS} by default.",
                    "minimum": 1,
                    "maximum": MOST_HITS,
                },
                "types": {
                    "type": "array",
                    "description": "Only memories of these types. message: what was said in "
                    "conversations, word for word, which is not looked through unless it is asked "
                    "for here.",
                    "items": {"type": "string", "enum": ["semantic", "episodic", "message"]},
                    "maxItems": 3,
                },
                "topics": _strings("Only memories of at least one of these topics.", most=16),
                "entities": _strings("Only memories about at least one of these names.", most=16),
                "after": _time("Only what happened at this time or later"),
                "before": _time("Only what happened before this time"),
            },
        ),
    ),
    Tool(
        "create_memories",
        "Remember facts, preferences and events for later conversations, several at once. Only "
        "what will matter later, and nothing that is remembered already.",
        _object({"memories": _MEMORIES}, {}),
    ),
    Tool(
        "edit_memory",
        "Correct a memory that turned out to be wrong or incomplete. What is not given stays.",
        _object(
            {"id": _ID},
            {
                "text": _TEXT,
                "type": _TYPE,
                "topics": _TOPICS,
                "entities": _ENTITIES,
                "event_time": _time("When it happened or will happen"),
            },
        ),
    ),
    Tool(
        "delete_memories",
        "Forget memories, because the user asks for it or because they are wrong.",
        _object(
            {
                "ids": {
                    **_strings("Ids, as a search gave them.", most=32, each=128),
                    "minItems": 1,
                }
            },
            {},
        ),
    ),
    Tool("get_memory", "Read one memory, by its id.", _object({"id": _ID}, {})),
    Tool(
        "read_session",
        "Read this conversation as it is kept: its newest messages, a summary of those before, and "
        "the data that is kept with it.",
        _object(
            {},
            {
                "recent_messages": {
                    "type": "integer",
                    "description": f"How many messages at most, {DEFAULT_RECENT} by default.",
                    "minimum": 1,
                    "maximum": MOST_RECENT,
                }
            },
        ),
        of_session=True,
    ),
    Tool(
        "update_session_data",
        "Keep data with this conversation, such as the state of a form or of a plan.",
        _object(
            {"data": {"type": "object", "description": "Values by name.", "properties": {}}},
            {
                "mode": {
                    "type": "string",
                    "enum": ["merge", "deep_merge", "replace"],
                    "description": "merge: the values given replace those of the same name, null "
                    "removes one (the default). deep_merge: so at every depth. replace: nothing "
                    "else stays.",
                }
            },
        ),
        of_session=True,
    ),
    Tool(
        "add_to_working_memory",
        "Note facts in this conversation. They become memories when the conversation is worked up, "
        "a little later.",
        _object({"memories": _MEMORIES}, {}),
        of_session=True,
    ),
    Tool(
        "get_current_datetime",
        "Tell the current date and time.",
        _object({}, {"time_zone": _string('IANA name such as "Europe/Berlin"; UTC.', most=64)}),
    ),
)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _TOOLS}
