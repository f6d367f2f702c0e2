"""Text that looks like a query, a key or a script stays text, in every field that takes any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from redis.asyncio import Redis

from memory_service.store.keys import OwnerKeys, owner_tag
from tests.contract.snapshot import snapshot
from tests.security.callers import SERVICE, Callers
from tests.security.matrix import WAYS, Asked
from tests.security.victim import MARK, NAMESPACE, TENANT, Victim, sow

CORPUS = (
    "hello) | @owner:{*} | (hello",
    "*=>[KNN 10 @vector $BLOB]",
    "@text:Zanz* -@owner:{x}",
    "@owner:{OWNER}",
    "%Zanzibxr% ~bees w'*anz*'",
    "a\"\\|-{}[]()<>~*%$@:;,.?!^&=+/#`'",
    "}:acme:support:u:alice:x",
    "acme:support:u:alice%3A*?[a-z]",
    "'; return redis.call('KEYS', '*') --",
    "[-inf +inf] => {$weight: 9; $inorder: true}",
    "\u202eragif\u200b\ufeff\U0001f9e8",
)
"""OWNER stands for what the index knows the victim by."""

FINE = {
    *("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ABORTED", "ALREADY_EXISTS", "OUT_OF_RANGE"),
    *("FAILED_PRECONDITION",),
}
DEEPEST = 5


@pytest.fixture(scope="module")
async def victim(callers: Callers) -> Victim:
    return await sow(callers, "alice of the queries")


Path = tuple[FieldDescriptor, ...]


def text_fields(message: Descriptor, above: Path = ()) -> Iterator[Path]:
    """Yield the paths of all fields that take text, as deep as requests go."""
    for field in message.fields:
        path = (*above, field)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield path
        elif field.type == FieldDescriptor.TYPE_MESSAGE and len(path) < DEEPEST:
            of_google = field.message_type.full_name.startswith("google.")
            if field.message_type not in {f.containing_type for f in path} and not of_google:
                yield from text_fields(field.message_type, path)


def put(message: Any, path: Path, text: str) -> None:
    """Set the field at the path; on the way, the first items of lists are made if need be."""
    *way, last = path
    for field in way:
        value = getattr(message, field.name)
        if field.is_repeated:
            value = value[0] if len(value) else value.add()
        else:
            value.SetInParent()
        message = value
    if last.is_repeated:
        getattr(message, last.name)[:] = [text]
    else:
        setattr(message, last.name, text)


@pytest.mark.parametrize("method", sorted(WAYS))
async def test_text_in_any_field_is_text(
    callers: Callers, victim: Victim, database: Redis, method: str
) -> None:
    keys = OwnerKeys(victim.owner)
    before = await snapshot(database)

    def scope(session: str) -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=NAMESPACE, user_id="mallory q", session_id=session)

    tag = owner_tag(victim.owner)
    asked = Asked(scope, victim.names, 0, victim.known)
    sent = 0
    for path in text_fields(SERVICE.methods_by_name[method].input_type):
        for text in CORPUS:
            request = WAYS[method][0].request(asked)
            put(request, path, text.replace("OWNER", tag))
            told = await callers.outcome(TENANT, request)
            where = ".".join(field.name for field in path)
            assert told.code in FINE, (where, text, told)
            assert MARK not in told.answers, (where, text, told)
            sent += 1
    assert sent
    after = await snapshot(database)
    mine = {key: value for key, value in before.items() if keys.owns(key.decode())}
    assert {key: after.get(key) for key in mine} == mine
    assert {key for key in after if keys.owns(key.decode())} == set(mine)
