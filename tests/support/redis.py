"""The real engine for tests, and a check that nothing is left in it that has no name."""

from __future__ import annotations

import re

from redis.asyncio import Redis

from memory_service.store import keys

DIMENSION = 8
"""Length of the vectors in tests of the store."""

_PART = r"[\w.~%-]*"
_OWNER = rf"\{{\d{{1,3}}\}}:{_PART}:{_PART}:[usn]:{_PART}"
_FAMILIES = {
    **dict.fromkeys(("own", "facts", "tomb", "known", "used", "speakers"), _OWNER),
    **dict.fromkeys(("sessions", "changes"), _OWNER),
    **dict.fromkeys(("mem", "rev", "wm", "log", "ids", "given", "lease"), f"{_OWNER}:{_PART}"),
    **dict.fromkeys(("req", "job"), f"{_OWNER}:{_PART}:{_PART}"),
    "use": rf"\{{\d{{1,3}}\}}:{_PART}",
    **dict.fromkeys(("rate", "streams"), _PART),
    **dict.fromkeys(("deltas", "expiry", "unembedded", "dead"), r"\{\d{1,3}\}"),
}
_KNOWN = re.compile("|".join(f"am:{family}:{rest}" for family, rest in _FAMILIES.items()))
_SINGLE = (keys.SCHEMA, keys.PAGE_SECRET, keys.FORGETTING, keys.PROBE)
_SHORT_LIVED = (
    *("am:lease:", "am:req:", "am:job:", "am:rate:", "am:streams:"),
    keys.FORGETTING,
    keys.PROBE,
)


async def leaks(redis: Redis) -> list[str]:
    """Return a line for each key of no known family, and each that should expire and does not."""
    found = []
    async for raw in redis.scan_iter(count=1000):
        key = raw.decode()
        if key not in _SINGLE and not _KNOWN.fullmatch(key):
            found.append(f"{key} is of no known family")
        if key.startswith(_SHORT_LIVED) and await redis.ttl(key) < 0:
            found.append(f"{key} never expires")
    return sorted(found)
