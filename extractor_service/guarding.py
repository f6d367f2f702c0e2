"""Keeps secrets, and what else a policy names, out of what is found, embedded or sent to a model.

Messages are guarded before anybody looks for memories in them, so that no wording of a memory can
give away what the message did; memories are guarded again, since an answer ("hunter2") becomes a
secret only together with the question in another message. Sources lead to the messages as
they were said.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf

from extractor_service.domain import Conversation, Finding, KnownEntity, Source, Strategy, Turn
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.finder import Finder, Found
from extractor_service.summarizer import Writer, Written
from service_kit.guard.instructions import attempt_in, tries_to_instruct
from service_kit.guard.policy import Guarded, Policy, guarded
from service_kit.guard.spans import PLACEHOLDERS, Kind, holds_placeholder, to_original

_KINDS = "|".join(re.escape(placeholder.strip("[]")) for placeholder in PLACEHOLDERS.values())
# The end of a clause may be taken for the end of its words, and a bracket lost there.
_PLACEHOLDER = re.compile(rf"\[(?P<opened>{_KINDS})\]?|(?<!\w)(?P<closed>{_KINDS})\]")
_WHOLE = rf"\[(?:{_KINDS})\]"
_IS = r"\s*(?:\b(?:is|are|was|were|be|being|becomes|became|equals|reads)\b|:|=)\s*"
# "Alice's password is [password].", "[password] is Alice's password.": neither tells more than
# that there is one. A sentence that says something else besides is kept.
_ONE_STATEMENT = r"(?:(?!\b(?:and|but|who|which|because|when)\b)[^,;.!?:=])+"
_SAYS_ONLY_SO = re.compile(
    rf"\s*(?:{_ONE_STATEMENT}{_IS}[\"'\u201c]?{_WHOLE}|[\"'\u201c]?{_WHOLE}[\"'\u201d]?{_IS}{_ONE_STATEMENT})\W*\Z",
    re.IGNORECASE,
)
_LONGEST_SUCH = 300


@dataclass(frozen=True, slots=True)
class GuardedTurn:
    """A turn as it was said, and its text as the policy allows it."""

    said: Turn
    text: Guarded

    def in_said(self, source: Source) -> Source:
        """Where bytes of the guarded text come from in what was said."""
        if not self.text.spans:
            return source
        start, end = (_characters(self.text.text, at) for at in (source.start, source.end))
        start, end = to_original(start, end, self.text.spans)
        said = self.said.text
        return replace(source, start=len(said[:start].encode()), end=len(said[:end].encode()))


class GuardedFinder:
    """A `Finder` that neither sees nor tells what the policy keeps out.

    What comes from a message that tries to instruct its reader, or tries to itself, is marked as
    untrusted: the whole message, as whoever writes such a one may have written the rest for it.
    """

    def __init__(self, finder: Finder, policy: Policy, metrics: ExtractionMetrics) -> None:
        self._finder = finder
        self._policy = policy
        self._metrics = metrics

    @property
    def name(self) -> str:
        """As `Finder.name`."""
        return self._finder.name

    async def find(
        self, conversation: Conversation, strategy: Strategy, deadline: float = inf
    ) -> Found:
        """As `Finder.find`."""
        # Long messages take long, in which others are to be answered.
        clean, turns = await asyncio.to_thread(_conversation, conversation, self._policy)
        for turn in turns.values():
            self._count(turn.text.kinds)
        clean = replace(clean, known=self._nameable(conversation.known))
        wanted = replace(strategy, instructions=_clean(strategy.instructions, self._policy))
        found = await self._finder.find(clean, wanted, deadline)
        findings = await asyncio.to_thread(self._guarded, found.findings, turns)
        return replace(found, findings=findings)

    def _nameable(self, known: Iterable[KnownEntity]) -> tuple[KnownEntity, ...]:
        """Those of whom nothing is kept out, and whose names do not try to instruct."""
        parts = ((each, f"{each.name}, {each.relation} of {each.of}") for each in known)
        return tuple(
            each for each, words in parts if self._may_name(words) and not tries_to_instruct(words)
        )

    def _guarded(
        self, findings: Iterable[Finding], turns: Mapping[str, GuardedTurn]
    ) -> tuple[Finding, ...]:
        trust = _Trust(turns)
        kept = []
        for finding in findings:
            text = guarded(_with_whole_placeholders(finding.text), self._policy)
            self._count(text.kinds)
            if says_only_a_placeholder(text.text):
                self._metrics.withheld.inc()
                continue
            attempt = trust.attempt(text.text, finding.source.message_id)
            if attempt is not None:
                self._metrics.untrusted.labels(attempt).inc()
            source = turns[finding.source.message_id].in_said(finding.source)
            kept.append(
                replace(
                    self._tagged(finding),
                    text=text.text,
                    source=source,
                    untrusted=attempt is not None,
                )
            )
        return tuple(kept)

    def _tagged(self, finding: Finding) -> Finding:
        """The finding without topics, entities and slot if they name what is kept out.

        Two people whose names are kept out must not share a slot.
        """
        return replace(
            finding,
            topics=tuple(topic for topic in finding.topics if self._may_name(topic)),
            entities=tuple(each for each in finding.entities if self._may_name(each.name)),
            slot=finding.slot if self._may_name(finding.slot) else "",
        )

    def _may_name(self, text: str) -> bool:
        clean = _clean(_with_whole_placeholders(text), self._policy)
        return clean == text and not holds_placeholder(text)

    def _count(self, kinds: Iterable[Kind]) -> None:
        for kind in kinds:
            self._metrics.guarded.labels(kind.value).inc()


class GuardedWriter:
    """A `Writer` that neither sees nor writes what the policy keeps out, nor instructions."""

    def __init__(self, writer: Writer, policy: Policy) -> None:
        self._writer = writer
        self._policy = policy

    async def write(
        self, summary: str, conversation: Conversation, max_tokens: int, deadline: float
    ) -> Written:
        """As `Writer.write`."""
        before = _clean(summary, self._policy)
        clean, _ = await asyncio.to_thread(_conversation, conversation, self._policy)
        written = await self._writer.write(before, clean, max_tokens, deadline)
        return replace(written, text=await asyncio.to_thread(self._lines, written.text))

    def _lines(self, text: str) -> str:
        """The text to the byte, unless a line of it has to be changed."""
        lines = text.splitlines()
        clean = [_clean(_with_whole_placeholders(line), self._policy) for line in lines]
        kept = [
            line
            for line in clean
            if not says_only_a_placeholder(line) and not tries_to_instruct(line)
        ]
        return text if kept == lines else "\n".join(kept)


def says_only_a_placeholder(text: str) -> bool:
    """Whether nothing is left of what a sentence told: "Alice's password is [password]."."""
    if len(text) > _LONGEST_SUCH or not holds_placeholder(text):
        return False
    return _SAYS_ONLY_SO.match(text) is not None


class _Trust:
    """Tells what texts and messages attempt; each message is looked at once."""

    def __init__(self, turns: Mapping[str, GuardedTurn]) -> None:
        self._turns = turns
        self._known: dict[str, str | None] = {}

    def attempt(self, text: str, message_id: str) -> str | None:
        """What the text of a memory attempts, or the message that it comes from."""
        if message_id not in self._known:
            found = attempt_in(self._turns[message_id].said.text)
            self._known[message_id] = found.value if found else None
        if self._known[message_id] is not None:
            return self._known[message_id]
        found = attempt_in(text)
        return found.value if found else None


def _conversation(
    conversation: Conversation, policy: Policy
) -> tuple[Conversation, dict[str, GuardedTurn]]:
    """The conversation as the policy allows it, and its new turns by their ids."""
    turns = [GuardedTurn(turn, guarded(turn.text, policy)) for turn in conversation.messages]
    clean = Conversation(
        tuple(_turn(turn.said, turn.text.text, policy) for turn in turns),
        tuple(_turn(turn, _clean(turn.text, policy), policy) for turn in conversation.context),
    )
    return clean, {turn.said.id: turn for turn in turns}


def _turn(turn: Turn, text: str, policy: Policy) -> Turn:
    return replace(turn, text=text, speaker=_clean(turn.speaker, policy))


def _clean(text: str, policy: Policy) -> str:
    return guarded(text, policy).text


def _with_whole_placeholders(text: str) -> str:
    return _PLACEHOLDER.sub(lambda found: f"[{found['opened'] or found['closed']}]", text)


def _characters(text: str, byte: int) -> int:
    return len(text.encode()[:byte].decode())
