"""JSON that a model wrote, read strictly. Pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class NotJson(ValueError):
    """Why a text is not JSON, in words that can be shown to whoever wrote it."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text that can be written again as it is. Raises NotJson.

    Python's parser takes NaN, numbers that are infinite, and halves of surrogate pairs, none
    of which can be sent on.
    """
    try:
        value = json.loads(text, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from error
    except UnicodeEncodeError as error:
        raise NotJson("half of a surrogate pair in a string") from error
    except RecursionError as error:
        raise NotJson("nested too deep") from error
    except ValueError as error:
        raise NotJson("a number that is not finite, or has too many digits") from error
    return value


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is in JSON, None if it is none."""
    try:
        value = read_json(text)
    except NotJson:
        return None
    return value if isinstance(value, dict) else None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)
