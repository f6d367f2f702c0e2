"""What a file of keys or certificates says that a caller may do."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service_kit.auth.identity import Role

MAX_NAME = 128


def check_name(name: str) -> str:
    """Return a tenant's or caller's name as it is; ValueError if it cannot be one."""
    if not 1 <= len(name) <= MAX_NAME or any(unicodedata.category(c) == "Cc" for c in name):
        raise ValueError(f"should be 1 to {MAX_NAME} characters without control characters")
    return name


Name = Annotated[str, AfterValidator(check_name)]
RoleName = Literal["read", "write", "admin"]
ROLES: dict[str, Role] = {"read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}


class Entry(BaseModel):
    """One entry of a file. Nothing is granted by leaving a field out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    tenant: Name
    role: RoleName
    namespaces: list[str] = Field(min_length=1)


_Model = TypeVar("_Model", bound=BaseModel)


def parse(model: type[_Model], data: bytes) -> _Model:
    """Read a file's JSON; ValueError says where it is wrong, and never what stands there."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {what}") from None
