"""The form of the model's answers: their JSON schemas, and how a reply is read."""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import from_json

_NOTES = frozenset({"title", "description"})
_BOUNDS = frozenset({"maxLength", "maxItems", "minimum", "maximum", "pattern"})
_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*)```", re.DOTALL)


class Fault(enum.Enum):
    """Why a reply is no answer; the values are labels of a metric."""

    CUT_OFF = "cut_off"
    NO_JSON = "no_json"
    WRONG_SCHEMA = "wrong_schema"
    NOTHING_VALID = "nothing_valid"


class BadReply(Exception):
    """The model said something, and it is no answer."""

    def __init__(self, fault: Fault) -> None:
        """Holds nothing of the reply."""
        super().__init__(fault.value)
        self.fault = fault


class _Part(BaseModel):
    # Servers with a schema send nothing else; without one, an extra field does no harm.
    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})


def _bound(**bounds: object) -> Any:
    """Bounds that are in the schema alone: who exceeds them is not dropped for that."""
    return Field(json_schema_extra=bounds)  # type: ignore[arg-type]


_Word = Annotated[str, StringConstraints(strip_whitespace=True), _bound(maxLength=64)]
_Text = Annotated[str, _bound(maxLength=400)]
_IsoTime = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{4}(-W[0-9]{2}|-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2})?)?)?$",
        }
    ),
]


class EntityItem(_Part):
    """Somebody or something that a memory names."""

    name: _Word
    kind: _Word


class MemoryItem(_Part):
    """One memory as the model states it; `message` is the number of the message in the prompt.

    The quote comes first, so that the sentence is written with it in view.
    """

    message: int
    quote: _Text
    text: _Text
    type: Literal["semantic", "episodic"]
    topics: Annotated[list[_Word], _bound(maxItems=3)]
    entities: Annotated[list[EntityItem], _bound(maxItems=8)]
    event_time: _IsoTime | None
    confidence: Annotated[float, Field(ge=0, le=1)]


class _Memories(_Part):
    memories: list[MemoryItem]


class _Sentences(_Part):
    sentences: list[_Text]


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer is to look like: an object with the list `name`, and nothing else.

    The schema is as strict modes want it, every property required, and has bounds, without which a
    small model that begins to repeat itself never ends. `most` items are asked for.
    """

    name: str
    schema: dict[str, Any]
    most: int


def memories_form(messages: int, most: int) -> Form:
    """Of at most so many memories of messages 1 to `messages`."""
    schema = _schema_of(_Memories)
    schema["properties"]["memories"]["maxItems"] = most
    number = schema["$defs"][MemoryItem.__name__]["properties"]["message"]
    number.update(minimum=1, maximum=messages)
    return Form("memories", schema, most)


def sentences_form(most: int) -> Form:
    """Of at most so many sentences."""
    schema = _schema_of(_Sentences)
    schema["properties"]["sentences"]["maxItems"] = most
    return Form("sentences", schema, most)


def without_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema for servers that refuse bounds, such as OpenAI's lengths of strings."""
    plain: dict[str, Any] = _without(schema, _BOUNDS)
    return plain


def _schema_of(answer: type[BaseModel]) -> dict[str, Any]:
    plain: dict[str, Any] = _without(answer.model_json_schema(), _NOTES)
    return plain


def items_of(reply: str, name: str, *, cut_off: bool) -> list[Any]:
    """The items of the list `name` in the reply, unchecked.

    A Markdown fence and thoughts before the answer are taken off. Raises BadReply for what is no
    JSON object with such a list; a reply that was `cut_off` and still is one counts.
    """
    text = _THOUGHTS.sub("", reply, count=1).strip()
    if fenced := _FENCED.fullmatch(text):
        text = fenced.group(1).strip()
    try:
        answer = from_json(text, allow_inf_nan=False)
    except ValueError:
        raise BadReply(Fault.CUT_OFF if cut_off else Fault.NO_JSON) from None
    items = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(items, list):
        raise BadReply(Fault.WRONG_SCHEMA)
    return items


def _without(schema: Any, names: Collection[str]) -> Any:
    """The schema without these annotations; a property may have such a name."""
    if isinstance(schema, list):
        return [_without(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without(each, names) for name, each in value.items()}
        if key in {"properties", "$defs"}
        else _without(value, names)
        for key, value in schema.items()
        if key not in names
    }
