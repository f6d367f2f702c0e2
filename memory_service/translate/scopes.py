"""Scopes: whose memory a request is about."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.owner import Owner, OwnerKind, SessionRef
from memory_service.translate import fields


def _checked(scope: pb.Scope, path: str = "scope") -> pb.Scope:
    fields.identifier(scope.namespace, f"{path}.namespace")
    fields.identifier(scope.user_id, f"{path}.user_id")
    fields.identifier(scope.session_id, f"{path}.session_id")
    return scope


def owner(tenant: str, scope: pb.Scope, path: str = "scope") -> Owner:
    """The user; without one the lone session; without both the namespace's shared memories."""
    _checked(scope, path)
    if scope.user_id:
        return Owner.user(tenant, scope.namespace, scope.user_id)
    if scope.session_id:
        return Owner.session(tenant, scope.namespace, scope.session_id)
    return Owner.shared(tenant, scope.namespace)


def owner_for_create(tenant: str, scope: pb.Scope, *, shared: bool) -> Owner:
    """As `owner`, but what is shared must be said to be, and nothing else can be."""
    found = owner(tenant, scope)
    if shared:
        if scope.user_id:
            raise InvalidField("scope.user_id", "must be empty for shared memories")
        return Owner.shared(tenant, scope.namespace)
    if found.kind is OwnerKind.SHARED:
        raise InvalidField("scope", "needs a user_id or a session_id, unless `shared` is set")
    return found


def user(tenant: str, scope: pb.Scope) -> Owner:
    """The user, who must be named."""
    _checked(scope)
    fields.identifier(scope.user_id, "scope.user_id", required=True)
    return Owner.user(tenant, scope.namespace, scope.user_id)


def session(tenant: str, scope: pb.Scope, path: str = "scope") -> SessionRef:
    """The session, which must be named."""
    fields.identifier(scope.session_id, f"{path}.session_id", required=True)
    return SessionRef(owner(tenant, scope, path), scope.session_id)


def searched(
    tenant: str,
    scope: pb.Scope,
    visibility: pb.Visibility.ValueType,
    path: str = "visibility",
) -> tuple[Owner, ...]:
    """Return the owners that a search or list covers; `path` is that of the visibility."""
    own = owner(tenant, scope)
    shared = Owner.shared(tenant, scope.namespace)
    if visibility == pb.VISIBILITY_SHARED:
        return (shared,)
    if visibility == pb.VISIBILITY_OWN_AND_SHARED and own != shared:
        return (own, shared)
    if visibility not in pb.Visibility.values():
        raise InvalidField(path, "is unknown")
    return (own,)


def to_proto(of: Owner, session_id: str = "") -> pb.Scope:
    """Return the scope that names an owner, and a session of it."""
    shown = pb.Scope()
    put(shown, of, session_id)
    return shown


def put(shown: pb.Scope, of: Owner, session_id: str = "") -> None:
    """Put an owner, and a session of it, into a scope."""
    shown.namespace = of.namespace
    if of.kind is OwnerKind.USER:
        shown.user_id = of.id
    shown.session_id = session_id or (of.id if of.kind is OwnerKind.SESSION else "")
