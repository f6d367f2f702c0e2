"""Whose memory it is: the one place where the rules of ownership stand."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class OwnerKind(enum.Enum):
    """What an owner is; the value is part of key names and never changes."""

    USER = "u"
    SESSION = "s"
    SHARED = "n"


@dataclass(frozen=True, slots=True)
class Owner:
    """Tenant + namespace + one of a user, a lone session, or the namespace itself.

    Every memory, session, quota and revision belongs to exactly one owner.
    """

    tenant: str
    namespace: str
    kind: OwnerKind
    id: str

    @classmethod
    def user(cls, tenant: str, namespace: str, user_id: str) -> Owner:
        """The owner of what a user said and of what is known about them."""
        return cls(tenant, namespace, OwnerKind.USER, user_id)

    @classmethod
    def session(cls, tenant: str, namespace: str, session_id: str) -> Owner:
        """A session without a user owns its memories, so that they never become everybody's."""
        return cls(tenant, namespace, OwnerKind.SESSION, session_id)

    @classmethod
    def shared(cls, tenant: str, namespace: str) -> Owner:
        """The owner of the memories that a whole namespace shares."""
        return cls(tenant, namespace, OwnerKind.SHARED, "")


@dataclass(frozen=True, slots=True)
class SessionRef:
    """One session of one owner."""

    owner: Owner
    session_id: str
