"""Callers of any tenant, and what they are told, in a form that can be compared."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from agentmemory.v1 import memory_service_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service_kit.errors import read_error
from tests.support.certificates import Issuer

SERVICE: ServiceDescriptor = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
MOST_READ = 40


@dataclass(frozen=True)
class Outcome:
    """What a call came to: its code, reason and words, or its answers."""

    code: str
    reason: str = ""
    message: str = ""
    answers: str = ""

    def without(self, names: Mapping[str, str]) -> Outcome:
        """Leave out what is another each time: whose it is, how it is named, and when it was."""
        told = (self.message, self.answers)
        for name, value in sorted(names.items(), key=lambda item: -len(item[1])):
            told = tuple(text.replace(value, f"<{name}>") for text in told) if value else told
        message, answers = (_VOLATILE.sub("<>", text) for text in told)
        return Outcome(self.code, self.reason, message, _in_order(answers))


_VOLATILE = re.compile(
    r'\d{4}-\d\d-\d\dT[^"\\]*(?:Z|\+00:00)'  # times
    r"|[0-9a-f]{26,32}"  # ids that are hashes of the owner, among others
    r'|(?<=_token": ")[^"]+|(?<=cursor": ")[^"]+'  # signed
)


def _in_order(answers: str) -> str:
    """Put what is ordered by ids that are hashes, if by nothing else, in another order."""
    return json.dumps(_sorted(json.loads(answers or "[]")))


def _sorted(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {key: _sorted(each, key) for key, each in value.items()}
        case list():
            found = [_sorted(each) for each in value]
            return sorted(found, key=json.dumps) if name in _ORDERED_BY_IDS else found
        case str() if name.endswith("_json"):
            return _sorted(json.loads(value))
    return value


_ORDERED_BY_IDS = ("records", "hits", "memories")


class Callers:
    """Calls MemoryService on behalf of whoever is named."""

    def __init__(self, channel: grpc.aio.Channel, issuer: Issuer) -> None:
        self.channel = channel
        self._issuer = issuer
        self._tokens: dict[str, str] = {}

    def token(self, tenant: str) -> str:
        """Return a token for everything in a tenant."""
        if tenant not in self._tokens:
            claims = {"tenant": tenant, "roles": ["admin"], "namespaces": ["*"]}
            # Good for as long as the tests may take on a busy machine.
            expires = int(time.time()) + 3600
            self._tokens[tenant] = self._issuer.token("one", **claims, exp=expires)
        return self._tokens[tenant]

    async def call(self, tenant: str, request: Message, token: str = "") -> list[Any]:
        """Make the call that takes such a request, and return the answers."""
        name = type(request).__name__.removesuffix("Request")
        method: MethodDescriptor = SERVICE.methods_by_name[name]
        metadata = [("authorization", f"Bearer {token or self.token(tenant)}")]
        streams = (method.client_streaming, method.server_streaming)
        kinds = ("stream" if each else "unary" for each in streams)
        of_path: Any = getattr(self.channel, "_".join(kinds))(
            f"/{SERVICE.full_name}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        given = iter([request]) if method.client_streaming else request
        answering = of_path(given, metadata=metadata, timeout=30)
        if not method.server_streaming:
            return [await answering]
        return await _read(answering)

    async def outcome(self, tenant: str, request: Message, token: str = "") -> Outcome:
        """Make a call and return what it came to."""
        try:
            answers = await self.call(tenant, request, token)
        except grpc.aio.AioRpcError as failed:
            if _wrote_too_late(failed):
                return await self.outcome(tenant, request, token)
            error = read_error(failed)
            return Outcome(error.code.name, error.reason, error.message)
        described = [
            json_format.MessageToDict(each, preserving_proto_field_name=True) for each in answers
        ]
        return Outcome("OK", answers=json.dumps(described, ensure_ascii=False, sort_keys=True))


def _wrote_too_late(failed: grpc.aio.AioRpcError) -> bool:
    """Whether this is what grpc's client makes of writing to a stream that has been refused."""
    internal = failed.code() is grpc.StatusCode.INTERNAL
    return internal and "from Core" in (failed.details() or "")


async def _read(answering: Any) -> list[Any]:
    """Read a stream to its end; of one that has none, until nothing but checkpoints comes."""
    answers: list[Any] = []
    quiet = 0
    async with asyncio.timeout(20):
        while len(answers) < MOST_READ and quiet < 2:
            answer = await answering.read()
            if answer is grpc.aio.EOF:
                return answers
            quiet = quiet + 1 if _is_checkpoint(answer) and answers else 0
            if not quiet:
                answers.append(answer)
    answering.cancel()
    return answers


def _is_checkpoint(answer: Message) -> bool:
    return "change" in answer.DESCRIPTOR.fields_by_name and not answer.HasField("change")
