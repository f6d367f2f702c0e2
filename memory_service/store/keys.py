"""Every key name, in one place.

All keys of an owner, and its partition's queue, carry the partition's hash tag `{p}`: they live in
one slot of a Redis Cluster, so that one script may change them together. Parts that callers choose
are percent-encoded, so that none can escape its place or meet another's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from memory_service.domain.owner import Owner, OwnerKind, SessionRef

PARTITIONS = 256
"""Fixed when a database is made: another number would look for owners in other slots."""

PREFIX = "am:"
MEMORY_PREFIX = f"{PREFIX}mem:"
INDEX_ALIAS = f"{PREFIX}index"
SCHEMA = f"{PREFIX}schema"
PAGE_SECRET = f"{PREFIX}page-secret"
FORGETTING = f"{PREFIX}forgetting"
PROBE = f"{PREFIX}probe"
"""String with a ttl: written to see whether Redis takes writes."""

OWNERS = f"{PREFIX}own:*"
"""A glob for the states of all owners."""


def _encode(part: str) -> str:
    return quote(part, safe="")


@lru_cache(maxsize=65_536)
def owner_path(owner: Owner) -> str:
    """Return the owner as a part of a key: tenant:namespace:kind:id, each part encoded."""
    return ":".join(
        (_encode(owner.tenant), _encode(owner.namespace), owner.kind.value, _encode(owner.id))
    )


def owner_from_path(path: str) -> Owner:
    """Undo `owner_path`."""
    tenant, namespace, kind, id_ = path.split(":")
    return Owner(unquote(tenant), unquote(namespace), OwnerKind(kind), unquote(id_))


@lru_cache(maxsize=65_536)
def owner_tag(owner: Owner) -> str:
    """Return what the index knows an owner by: 32 hexadecimal digits."""
    return hashlib.blake2b(owner_path(owner).encode(), digest_size=16).hexdigest()


def partition_of(owner: Owner) -> int:
    """Return the owner's partition, 0 to PARTITIONS - 1."""
    return int(owner_tag(owner)[:8], 16) % PARTITIONS


def usage_key(partition: int, tenant: str) -> str:
    """Hash: how much a tenant's owners in a partition have together."""
    return f"{PREFIX}use:{{{partition}}}:{_encode(tenant)}"


def rate_key(tenant: str) -> str:
    """Hash with a ttl: how many requests a tenant has left."""
    return f"{PREFIX}rate:{_encode(tenant)}"


def streams_key(tenant: str) -> str:
    """Sorted set with a ttl: a tenant's open streams, by when they are taken for gone."""
    return f"{PREFIX}streams:{_encode(tenant)}"


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """The keys that a partition's owners share."""

    partition: int

    def _key(self, kind: str) -> str:
        return f"{PREFIX}{kind}:{{{self.partition}}}"

    @property
    def deltas(self) -> str:
        """Stream with a consumer group: sessions with new messages."""
        return self._key("deltas")

    @property
    def expiry(self) -> str:
        """Sorted set of the keys of sessions that expire, by when."""
        return self._key("expiry")

    @property
    def unembedded(self) -> str:
        """Set of the keys of memories without a vector."""
        return self._key("unembedded")

    @property
    def dead(self) -> str:
        """Stream of the message ranges that failed for good."""
        return self._key("dead")


@dataclass(frozen=True, slots=True)
class OwnerKeys:
    """The keys of one owner."""

    owner: Owner

    @property
    def shared(self) -> PartitionKeys:
        """The keys of the owner's partition."""
        return PartitionKeys(partition_of(self.owner))

    def _key(self, kind: str, *parts: str) -> str:
        head = f"{PREFIX}{kind}:{{{partition_of(self.owner)}}}:{owner_path(self.owner)}"
        return ":".join((head, *(_encode(part) for part in parts)))

    def memory(self, memory_id: str) -> str:
        """Hash: one memory."""
        return self._key("mem", memory_id)

    def history(self, memory_id: str) -> str:
        """Stream: a memory's earlier states; entry id = the revision that replaced it."""
        return self._key("rev", memory_id)

    @property
    def state(self) -> str:
        """Hash: memory revision, last create time, last generation."""
        return self._key("own")

    @property
    def usage(self) -> str:
        """Hash: how much the owner's tenant has in this partition."""
        return usage_key(partition_of(self.owner), self.owner.tenant)

    @property
    def facts(self) -> str:
        """Hash: digest of a fact's text → id of the memory that says it."""
        return self._key("facts")

    @property
    def deleted_facts(self) -> str:
        """Hash: digest of a fact that a caller deleted → when: it is not extracted again."""
        return self._key("tomb")

    @property
    def speakers(self) -> str:
        """Set: names of those who talk in the owner's sessions."""
        return self._key("speakers")

    @property
    def known(self) -> str:
        """Hash: somebody in the owner's life, packed → how many current memories name them."""
        return self._key("known")

    @property
    def used(self) -> str:
        """Sorted set: the owner's facts by the time when they were last created, changed, found."""
        return self._key("used")

    @property
    def sessions(self) -> str:
        """Sorted set: the owner's sessions by last activity."""
        return self._key("sessions")

    @property
    def changes(self) -> str:
        """Stream: the change feed; entry id = revision."""
        return self._key("changes")

    def session(self, session_id: str) -> str:
        """Hash: a session's state."""
        return self._key("wm", session_id)

    def log(self, session_id: str) -> str:
        """Stream: a session's messages; entry id = sequence."""
        return self._key("log", session_id)

    def message_ids(self, session_id: str) -> str:
        """Hash: the callers' message ids of a session → sequence and digest."""
        return self._key("ids", session_id)

    def given(self, session_id: str) -> str:
        """Stream: memories that callers put into a session and that wait; entry id = number."""
        return self._key("given", session_id)

    def lease(self, session_id: str) -> str:
        """String with a ttl: who extracts the session right now."""
        return self._key("lease", session_id)

    def request(self, method: str, request_id: str) -> str:
        """Hash with a ttl: the arguments' hash and the answer of a request."""
        return self._key("req", method, request_id)

    def job(self, method: str, request_id: str) -> str:
        """Hash with a ttl: how far a request has come that needs more than one write."""
        return self._key("job", method, request_id)

    @property
    def pattern(self) -> str:
        """A glob for all keys of the owner, and a few of others: `owns` tells them apart.

        Nothing in it but its stars is special: `*`, `?`, `[` and backslashes of ids are encoded.
        """
        return f"{PREFIX}*:{{{partition_of(self.owner)}}}:{owner_path(self.owner)}*"

    def owns(self, key: str) -> bool:
        """Tell whether `key` is one of the owner's, of whatever kind."""
        parts = key.split(":")
        return ":".join(parts[3:7]) == owner_path(self.owner) and key.startswith(PREFIX)


def family_of(key: str) -> str:
    """Return what kind of thing lives at `key`: "mem", "wm", …"""
    return key.split(":", 2)[1]


def memory_id_of(key: str) -> str:
    """Return the id of the memory that lives at `key`."""
    return unquote(key.rsplit(":", 1)[1])


def session_of(key: str) -> SessionRef:
    """Return the session whose state lives at `key`."""
    *_, session_id = key.split(":")
    return SessionRef(owner_from_path(":".join(key.split(":")[3:7])), unquote(session_id))


def memory_owner_of(key: str) -> Owner:
    """Return the owner of the memory, or of what else an owner has, that lives at `key`."""
    return owner_from_path(":".join(key.split(":")[3:7]))
