"""Keep a session's running summary: extended piece by piece, each piece kept as soon as it is made.

The log itself is never shortened. What is asked for while the extractor is away stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import ExtractionFailed, ExtractorUnavailable, SessionNotFound
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Message, Session, Summary
from memory_service.extractor import Extractor
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import SessionStore

MAX_TOKENS = 256
"""Length of a summary at most, in the extractor's tokens: what Summarize does by default."""

PIECE = 32
"""Messages summed up at a time: with their context, no more than the extractor takes."""

BEHIND = 64
"""A summary is extended in the background when so many extracted messages are not in it."""

NEWEST = 20
"""The newest messages are left out then: readers have them as they were said."""


class Summarizer(Protocol):
    """What extends a text by what messages tell; see SummaryClient."""

    async def extend(
        self, summary: str, context: Sequence[Message], messages: Sequence[Message], max_tokens: int
    ) -> str | None:
        """Return the new summary, or None. Raises ExtractionFailed."""
        ...


class Summarizing:
    """Extends summaries. Any number of processes may: what one has kept, another goes on from."""

    def __init__(
        self,
        sessions: SessionStore,
        changes: SessionChanges,
        summarizer: Summarizer,
        extractor: Extractor,
    ) -> None:
        self._sessions = sessions
        self._changes = changes
        self._summarizer = summarizer
        self._extractor = extractor

    async def keep_up(self, ref: SessionRef) -> None:
        """Extend the session's summary if it is far behind."""
        session = await self._sessions.find(ref)
        if session is None or session.cursor - session.summarized < BEHIND:
            return
        try:
            whole = await self._sessions.whole(ref, 0)
            await self.reach(whole.session, whole.summary, whole.session.cursor - NEWEST)
        except SessionNotFound:
            return

    async def reach(self, session: Session, summary: Summary, through: int) -> Summary:
        """Return the summary of the messages up to `through`, or as far as it can be had now.

        Raises SessionNotFound if the session is deleted meanwhile.
        """
        while summary.through < through:
            check_cancelled()
            last = min(summary.through + PIECE, through)
            extended = await self._extended(session, summary, last)
            if extended is None:
                break
            seen = replace(session, summarized=summary.through)
            kept = await self._changes.set_summary(seen, extended)
            summary = extended
            if not kept:
                break  # Somebody else is at it; this is as good as theirs, for this reader.
        return summary

    async def _extended(self, session: Session, summary: Summary, last: int) -> Summary | None:
        first = summary.through + 1
        try:
            limits = await self._extractor.limits()
            log = await self._sessions.messages_between(
                session.ref, max(first - limits.context, 1), last
            )
            read = [message.in_zone(session.options.time_zone) for message in log]
            text = await self._summarizer.extend(
                summary.text,
                [message for message in read if message.sequence < first],
                [message for message in read if message.sequence >= first],
                MAX_TOKENS,
            )
        except ExtractorUnavailable:
            return None
        except ExtractionFailed:
            text = summary.text  # What cannot be summed up is passed over.
        return None if text is None else Summary(text, last)
