"""Arguments that a model wrote, held to the schema that it was given. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from memory_service.json_objects import NotJson, read_json
from memory_service.tools.catalogue import TIMES, TOOLS, Schema

MAX_ARGUMENTS = 512 * 1024
_MAX_TOLD = 500
_DIGITS = r"[0-9]{1,6}"


class BadCall(Exception):
    """A call that cannot be done; the text tells the model what to mend."""


def read_arguments(tool: str, text: str) -> dict[str, Any]:
    """Return the arguments, those that are null left out. Raises BadCall."""
    schemas = TOOLS[tool].parameters["properties"]
    if len(text) > MAX_ARGUMENTS:
        raise BadCall(f"arguments: longer than {MAX_ARGUMENTS} characters")
    try:
        given = read_json(text) if text.strip() else {}
        if isinstance(given, dict):
            given = {name: _number(given[name], schemas.get(name, {})) for name in given}
        _validator(tool)(given, name_prefix="arguments")
    except NotJson as error:
        raise BadCall(f"arguments: not JSON: {error}") from error
    except fastjsonschema.JsonSchemaValueException as error:
        # A time is all that has a pattern, which tells a model less than examples do.
        said = f"{error.name} must be a time {TIMES}" if error.rule == "pattern" else error.message
        raise BadCall(said[:_MAX_TOLD]) from error
    return {name: value for name, value in given.items() if value is not None}


def _number(value: Any, schema: Schema) -> Any:
    """Return a number for "5" and 5.0 where a whole one is wanted: so many a model writes it."""
    if "integer" not in schema.get("type", ()):
        return value
    digits = isinstance(value, str) and re.fullmatch(_DIGITS, value)
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if digits or whole else value


@cache
def _validator(tool: str) -> Callable[..., Any]:
    # Compiled once: it takes some milliseconds. The schemas are ours, so is the code made of them.
    compiled: Callable[..., Any] = fastjsonschema.compile(
        TOOLS[tool].parameters, use_default=False, detailed_exceptions=True
    )
    return compiled
