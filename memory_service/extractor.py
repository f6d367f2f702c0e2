"""The extractor as this service sees it: messages in, new memories out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentmemory.v1 import extractor_service_pb2 as pb

from memory_service.domain.errors import ExtractionFailed, InvalidField
from memory_service.domain.known_entities import KnownEntity
from memory_service.domain.memory import NewMemory, Source, extracted_id, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import Message
from memory_service.domain.session_options import Strategy
from memory_service.embedding import AcceptsModel
from memory_service.translate import memories, messages, session_options

MAX_SLOT = 256
"""How long a slot may be, in characters; of a longer one the beginning counts."""


@dataclass(frozen=True, slots=True)
class DeltaLimits:
    """How many messages a delta may have, and how many before it are looked at."""

    messages: int
    context: int


class Extractor(Protocol):
    """What extraction needs."""

    async def limits(self) -> DeltaLimits:
        """Return the extractor's limits. Raises ExtractorUnavailable."""
        ...

    async def extract(
        self,
        ref: SessionRef,
        context: Sequence[Message],
        new: Sequence[Message],
        strategy: Strategy,
        known: Sequence[KnownEntity] = (),
    ) -> list[NewMemory]:
        """Return what is found in `new`.

        Raises ExtractionFailed, ExtractorTooSlow, ExtractorUnavailable.
        """
        ...


class Deltas(Protocol):
    """Takes deltas to the extractor: a stream, or several."""

    async def opened(self) -> pb.Opened:
        """Return what the extractor says of itself. Raises ExtractorUnavailable."""
        ...

    async def extract(self, delta: pb.Delta) -> pb.Extraction:
        """Return what is found. Raises ExtractionFailed, ExtractorTooSlow, ExtractorUnavailable."""
        ...


class RemoteExtractor:
    """ExtractorService, over its stream."""

    def __init__(self, stream: Deltas, accepts: AcceptsModel, *, dimension: int) -> None:
        self._stream = stream
        self._accepts = accepts
        self._vector_bytes = dimension * 4

    async def limits(self) -> DeltaLimits:
        """Return what the extractor said when the stream was opened."""
        opened = await self._stream.opened()
        return DeltaLimits(max(opened.max_delta_messages, 1), opened.context_messages)

    async def extract(
        self,
        ref: SessionRef,
        context: Sequence[Message],
        new: Sequence[Message],
        strategy: Strategy,
        known: Sequence[KnownEntity] = (),
    ) -> list[NewMemory]:
        """Return what is found in `new`, with ids that a second extraction would give again."""
        delta = pb.Delta(
            context=[messages.for_extraction(message) for message in context],
            messages=[messages.for_extraction(message) for message in new],
            strategy=session_options.strategy_to_proto(strategy),
            known_entities=[
                pb.KnownEntity(name=k.name, kind=k.kind, relation=k.relation, of=k.of)
                for k in known
            ],
        )
        extraction = await self._stream.extract(delta)
        if not all(item.text and item.sources for item in extraction.memories):
            raise ExtractionFailed("EXTRACTION_FAILED")
        # A vector of another length would keep its memory out of the index, one of another model
        # would mislead: both are left to the sweep.
        usable = await self._accepts(extraction.embedding_model)
        length = self._vector_bytes if usable else None
        try:
            times = {message.id: message.created for message in (*context, *new)}
            found = [
                _said(_found(ref, item, extraction.extractor, length), times)
                for item in extraction.memories
            ]
        except InvalidField as error:  # A time that is none.
            raise ExtractionFailed("EXTRACTION_FAILED") from error
        return [_identified(ref.owner, memory) for memory in found]


def _found(
    ref: SessionRef, item: pb.ExtractedMemory, extractor: str, vector_bytes: int | None
) -> NewMemory:
    return NewMemory(
        id="",
        text=item.text,
        type=memories.type_from_proto(item.type),
        topics=tuple(item.topics),
        entities=memories.entities_from_proto(item.entities),
        event_time=memories.event_time_from_proto(item),
        sources=tuple(
            Source(ref.session_id, source.message_id, source.start, source.end)
            for source in item.sources
        ),
        confidence=item.confidence,
        extractor=extractor,
        untrusted=item.untrusted,
        vector=item.embedding if len(item.embedding) == vector_bytes else None,
        slot=item.slot[:MAX_SLOT],
    )


def _said(memory: NewMemory, times: Mapping[str, int]) -> NewMemory:
    """Return a memory with when its messages were said, and it first."""
    sources = tuple(replace(s, said=times.get(s.message_id)) for s in memory.sources)
    said = min((s.said for s in sources if s.said is not None), default=None)
    return replace(memory, sources=sources, mentioned=said)


def _identified(owner: Owner, memory: NewMemory) -> NewMemory:
    fact = fact_digest(memory)
    return replace(memory, id=extracted_id(owner, memory.sources[0], memory.extractor, fact))
