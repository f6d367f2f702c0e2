"""Write REFERENCE.md, the contract as tables, from the comments of the protos.

A page says of every RPC what it does, what it takes with limits and defaults, what it gives, and
how it fails. `protos/generate.py` writes it together with the stubs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

PACKAGE = "agentmemory.v1"
HEAD = """# Reference

Every RPC with what it takes and gives, its limits, defaults and errors. Made from the comments of
the protos in [agentmemory/v1](agentmemory/v1) by `make protos`; a test holds that it is current.
"""

_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
"""Field numbers of a file's messages, enums and services: where comments are found by path."""

_PARTS = 2
"""Field number of a message's fields, an enum's values and a service's methods alike."""

_SCALARS = {
    FieldDescriptorProto.TYPE_DOUBLE: "double",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}


@dataclass(frozen=True)
class Commented:
    """A message, enum, service, field, value or method, and what stands above it."""

    of: object
    comment: str
    parts: list[Commented] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in the contract."""
        return str(self.of.name)  # type: ignore[attr-defined]


def reference(files: FileDescriptorSet) -> str:
    """Return the page."""
    ours = [file for file in files.file if file.package == PACKAGE]
    things = {thing.name: thing for file in ours for thing in _things(file)}
    services = [t for t in things.values() if isinstance(t.of, ServiceDescriptorProto)]
    services.sort(key=lambda service: service.name, reverse=True)
    shown: set[str] = set()
    sections = [section for s in services for section in _service(s, things, shown)]
    rest = [t for t in things.values() if t.name not in shown and t not in services]
    shared = ["## Messages and enums\n", *(_thing(thing) for thing in sorted(rest, key=_name))]
    return "\n".join([HEAD, *sections, *shared]).rstrip() + "\n"


def _name(thing: Commented) -> str:
    return thing.name


def _things(file: FileDescriptorProto) -> Iterator[Commented]:
    comments = {
        tuple(place.path): place.leading_comments for place in file.source_code_info.location
    }
    kinds: Iterable[tuple[int, Sequence[object], str]] = (
        (_MESSAGE, file.message_type, "field"),
        (_ENUM, file.enum_type, "value"),
        (_SERVICE, file.service, "method"),
    )
    for kind, items, parts in kinds:
        for i, item in enumerate(items):
            inner = [
                Commented(part, comments.get((kind, i, _PARTS, j), ""))
                for j, part in enumerate(getattr(item, parts))
            ]
            yield Commented(item, comments.get((kind, i), ""), inner)


def _service(service: Commented, things: dict[str, Commented], shown: set[str]) -> Iterator[str]:
    yield f"## {service.name}\n\n{_prose(service.comment)}\n"
    yield "| RPC | in short |\n|---|---|"
    for method in service.parts:
        what = first_sentence(_cell(_split(method.comment)[0]))
        yield f"| [{method.name}](#{method.name.lower()}) | {what} |"
    yield ""
    for method in service.parts:
        yield from _method(method, things, shown)


def _method(method: Commented, things: dict[str, Commented], shown: set[str]) -> Iterator[str]:
    assert isinstance(method.of, MethodDescriptorProto)
    what, errors = _split(method.comment)
    takes, gives = (_last(name) for name in (method.of.input_type, method.of.output_type))
    yield f"### {method.name}\n\n{_prose(what)}\n"
    if errors:
        yield f"**Errors:** {_cell(errors)}\n"
    for name, streams in (
        (takes, method.of.client_streaming),
        (gives, method.of.server_streaming),
    ):
        shown.add(name)
        yield f"{'stream of ' if streams else ''}**{name}**\n"
        yield _fields(things[name])


def _split(comment: str) -> tuple[str, str]:
    what, _, errors = comment.partition("Errors:")
    return what.strip(), errors.strip()


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop."""
    return text[: text.find(". ") + 1] or text


def _thing(thing: Commented) -> str:
    table = _values(thing) if isinstance(thing.of, EnumDescriptorProto) else _fields(thing)
    return f"### {thing.name}\n\n{_prose(thing.comment)}\n\n{table}"


def _fields(message: Commented) -> str:
    if not message.parts:
        return "No fields.\n"
    rows = [_field_row(message, each) for each in message.parts]
    return "\n".join(
        ["| field | type | meaning and limits | default |", "|---|---|---|---|", *rows, ""]
    )


def _field_row(message: Commented, each: Commented) -> str:
    assert isinstance(message.of, DescriptorProto)
    assert isinstance(each.of, FieldDescriptorProto)
    text, default = split_default(" ".join(each.comment.split()))
    one_of = ""
    if each.of.HasField("oneof_index") and not each.of.proto3_optional:
        one_of = f" (one of `{message.of.oneof_decl[each.of.oneof_index].name}`)"
    return f"| `{each.name}` | {_type(each.of)}{one_of} | {_cell(text)} | {_cell(default)} |"


def split_default(comment: str) -> tuple[str, str]:
    """Return a field's comment without the sentence that says its default, and that default."""
    found = re.search(r"Default(?: of [^:]+)?: (.*?)(?:\.(?= |$)|$)", comment)
    if found is None:
        return comment, ""
    return (comment[: found.start()] + comment[found.end() :]).strip(), found.group(1)


def _values(enum: Commented) -> str:
    rows = [f"| `{value.name}` | {_cell(value.comment)} |" for value in enum.parts]
    return "\n".join(["| value | meaning |", "|---|---|", *rows, ""])


def _type(each: FieldDescriptorProto) -> str:
    repeated = each.label == FieldDescriptorProto.LABEL_REPEATED
    optional = "optional " if each.proto3_optional else ""
    return f"{'repeated ' if repeated else optional}{_type_name(each)}"


def _type_name(each: FieldDescriptorProto) -> str:
    if not each.type_name:
        return _SCALARS[each.type]
    name = _last(each.type_name)
    ours = each.type_name.startswith(f".{PACKAGE}.")
    return f"[{name}](#{name.lower()})" if ours else each.type_name.removeprefix(".")


def _last(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def _prose(comment: str) -> str:
    """Return a comment as Markdown: its lists and paragraphs stay."""
    return "\n".join(line.removeprefix(" ") for line in comment.rstrip().splitlines())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
