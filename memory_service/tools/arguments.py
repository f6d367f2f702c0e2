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
        given = _with_numbers(given, schemas) if isinstance(given, dict) else given
        _validator(tool)(given, name_prefix="arguments")
    except NotJson as error:
        raise BadCall(f"arguments: not JSON: {error}") from error
    except fastjsonschema.JsonSchemaValueException as error:
        # A time is all that has a pattern, which tells a model less than examples do.
        said = f"{error.name} must be a time {TIMES}" if error.rule == "pattern" else error.message
        raise BadCall(said[:_MAX_TOLD]) from error
    return {n: _whole(value, schemas[n]) for n, value in given.items() if value is not None}


def _with_numbers(given: dict[str, Any], schemas: Schema) -> dict[str, Any]:
    """Return the arguments with a number for "5" where one is wanted, as many a model writes it."""
    return {
        name: int(value) if _is_a_number(value, schemas.get(name, {})) else value
        for name, value in given.items()
    }


def _is_a_number(value: Any, schema: Schema) -> bool:
    wanted = "integer" in schema.get("type", ())
    return wanted and isinstance(value, str) and re.fullmatch(_DIGITS, value) is not None


def _whole(value: Any, schema: Schema) -> Any:
    # To a JSON schema 5.0 is an integer, too; no object within the arguments has any.
    return int(value) if "integer" in schema["type"] else value


@cache
def _validator(tool: str) -> Callable[..., Any]:
    # Compiled once: it takes some milliseconds. The schemas are ours, so is the code made of them.
    compiled: Callable[..., Any] = fastjsonschema.compile(
        TOOLS[tool].parameters, use_default=False, detailed_exceptions=True
    )
    return compiled
