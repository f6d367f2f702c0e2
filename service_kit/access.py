"""What each RPC asks of its caller: one table a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import grpc
from google.protobuf.message import Message

from service_kit.auth import Identity, Role
from service_kit.errors import ServiceError


@dataclass(frozen=True)
class Rule:
    """The role that an RPC needs, and the path of the field that names its namespace.

    Without a path it names none. `writes_if` is the path of a flag with which it needs WRITE.
    """

    role: Role
    namespace: str = ""
    writes_if: str = ""

    def role_for(self, request: Message) -> Role:
        """Return the role that this request needs."""
        if self.writes_if and attrgetter(self.writes_if)(request):
            return max(self.role, Role.WRITE)
        return self.role


Rules = Mapping[str, Rule]
"""By full name of the method: package.Service/Method."""


def check_role(identity: Identity, needed: Role) -> None:
    """Raise PERMISSION_DENIED unless the caller has the role."""
    if identity.role < needed:
        raise denied(f"the role {needed.name.lower()} is needed")


def check_request(identity: Identity, rule: Rule, request: Any, *, follows: bool = False) -> None:
    """Raise PERMISSION_DENIED unless the caller may make this request.

    What `follows` the first request of a stream may leave its namespace out.
    """
    check_role(identity, rule.role_for(request))
    if not rule.namespace:
        return
    top = rule.namespace.partition(".")[0]
    if follows and not request.HasField(top):
        return
    if not identity.may_touch(attrgetter(rule.namespace)(request)):
        raise denied("the namespace is not one of those that the caller may touch")


def denied(message: str) -> ServiceError:
    """Return the error of a caller who is known and may not do this."""
    return ServiceError(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED", message)
