"""How servers differ in what they take: found out by asking, from the best to the plainest."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractor_service.llm.answer import without_bounds


class ResponseFormat(enum.Enum):
    """How the server is asked for JSON: by its schema, by that word, or in the prompt alone."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    NONE = "none"


_WEAKER = {
    ResponseFormat.JSON_SCHEMA: ResponseFormat.JSON_OBJECT,
    ResponseFormat.JSON_OBJECT: ResponseFormat.NONE,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes: a schema with bounds, or without. `fixed`: the format is to stay."""

    response_format: ResponseFormat = ResponseFormat.JSON_SCHEMA
    fixed: bool = False
    takes_bounds: bool = True
    tokens_parameter: str = "max_tokens"
    takes_temperature: bool = True

    def after_refusal(self, explanation: str) -> Dialect | None:
        """What to try next, by the server's own words; None if nothing is left to try."""
        newer = "max_completion_tokens"
        if newer in explanation and self.tokens_parameter != newer:
            return replace(self, tokens_parameter=newer)
        if "'temperature'" in explanation and self.takes_temperature:
            return replace(self, takes_temperature=False)
        if self.response_format is ResponseFormat.JSON_SCHEMA and self.takes_bounds:
            return replace(self, takes_bounds=False)
        weaker = _WEAKER.get(self.response_format)
        return None if self.fixed or weaker is None else replace(self, response_format=weaker)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which model is to answer, and how: at most so many tokens."""

    model: str
    temperature: float
    max_tokens: int


def body(
    dialect: Dialect,
    sampling: Sampling,
    messages: Sequence[Mapping[str, str]],
    schema: dict[str, Any],
) -> dict[str, Any]:
    """The request as JSON; `schema` is that of the answer."""
    request: dict[str, Any] = {
        "model": sampling.model,
        "messages": list(messages),
        dialect.tokens_parameter: sampling.max_tokens,
    }
    if dialect.takes_temperature:
        request["temperature"] = sampling.temperature
    if dialect.response_format is ResponseFormat.JSON_SCHEMA:
        taken = schema if dialect.takes_bounds else without_bounds(schema)
        named = {"name": "answer", "strict": True, "schema": taken}
        request["response_format"] = {"type": "json_schema", "json_schema": named}
    elif dialect.response_format is ResponseFormat.JSON_OBJECT:
        request["response_format"] = {"type": "json_object"}
    return request
