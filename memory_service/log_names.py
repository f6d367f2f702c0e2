"""How logs speak of users and sessions: by hashes, so that lines of one can be found together.

Not a secret: who knows an id can compute its hash, and so find its lines. Who reads the log learns
no id that cannot be guessed.
"""

from __future__ import annotations

import hashlib

from memory_service.domain.owner import Owner, SessionRef
from memory_service.store.keys import owner_tag

_DIGITS = 16


def log_names(ref: SessionRef) -> dict[str, str]:
    """Return fields for a line of the log: the owner and the session, 16 digits each."""
    named = f"{owner_tag(ref.owner)}:{ref.session_id}"
    session = hashlib.blake2b(named.encode(), digest_size=_DIGITS // 2)
    return {**log_owner(ref.owner), "session": session.hexdigest()}


def log_owner(owner: Owner) -> dict[str, str]:
    """Return the field of the owner alone."""
    return {"owner": owner_tag(owner)[:_DIGITS]}
