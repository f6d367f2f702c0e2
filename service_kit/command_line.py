"""The command line of a server: ``--help`` lists the environment variables, and that is all."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args, get_origin

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, SettingsError

_Settings = TypeVar("_Settings", bound=BaseSettings)


def parse_or_exit(settings_class: type[_Settings], argv: Sequence[str]) -> _Settings:
    """Read the settings; ``argv`` is without the program's name.

    Exits with 0 after ``--help``, and with 2 after a line for each bad variable: its name and what
    is wrong, never its value.
    """
    if {"-h", "--help"} & set(argv):
        sys.stdout.write(describe(settings_class) + "\n")
        raise SystemExit(0)
    if argv:
        _exit_with(["takes no arguments but --help: settings come from environment variables"])
    try:
        return settings_class()
    except ValidationError as error:
        _exit_with(_complaints(settings_class, error))
    except SettingsError as error:
        _exit_with(_undecoded(settings_class, error))


def describe(settings_class: type[BaseSettings]) -> str:
    """List each variable with its type, default and description."""
    lines = ["Settings come from environment variables:", ""]
    for setting in settings_of(settings_class):
        lines.append(f"  {' or '.join(setting.variables)}  ({setting.kind})")
        lines += textwrap.wrap(
            setting.description, 92, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Setting:
    """A setting as a person reads of it; ``kind`` is its type, and its default if it has one."""

    variables: tuple[str, ...]
    kind: str
    description: str


def settings_of(settings_class: type[BaseSettings]) -> Iterator[Setting]:
    """Yield the settings in their order."""
    for name, field in settings_class.model_fields.items():
        yield Setting(
            tuple(variables(settings_class, name)),
            f"{_type_name(field.annotation)}{_default(field)}",
            field.description or "",
        )


def variables(settings_class: type[BaseSettings], name: str) -> list[str]:
    """The environment variables that a field is read from, the one that wins first."""
    alias = settings_class.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [choice.upper() for choice in alias.choices if isinstance(choice, str)]
    if isinstance(alias, str):
        return [alias.upper()]
    return [f"{settings_class.model_config.get('env_prefix', '')}{name}".upper()]


def _complaints(settings_class: type[BaseSettings], error: ValidationError) -> Iterator[str]:
    known = {
        spelling: variables(settings_class, name)[0]
        for name in settings_class.model_fields
        for spelling in (name, *(each.lower() for each in variables(settings_class, name)))
    }
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        message = problem["msg"].removeprefix("Value error, ")
        place = str(problem["loc"][0]) if problem["loc"] else ""
        variable = known.get(place.lower(), place)
        yield f"{variable}: {message}" if variable else message


def _undecoded(settings_class: type[BaseSettings], error: SettingsError) -> Iterator[str]:
    """The error names a field, in its text alone."""
    for name in settings_class.model_fields:
        if f'"{name}"' in str(error):
            yield f"{variables(settings_class, name)[0]}: should be JSON"


def _exit_with(complaints: Sequence[str] | Iterator[str]) -> NoReturn:
    program = Path(sys.argv[0]).name
    for complaint in complaints:
        sys.stderr.write(f"{program}: {complaint}\n")
    raise SystemExit(2)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return "|".join(str(choice) for choice in get_args(annotation))
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return "secret" if issubclass(annotation, SecretStr) else annotation.__name__
    parts = [part for part in get_args(annotation) if part is not NoneType]
    return " or ".join(_type_name(part) for part in parts) or str(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ", required"
    if field.default is PydanticUndefined or field.default is None:
        return ""
    return f", default {field.default}" if field.default != "" else ", default empty"
