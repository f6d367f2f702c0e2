"""An embedding client without an extractor: vectors from a table, or none while it is down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from agentmemory.v1 import extractor_service_pb2 as pb

from tests.support.memories import vector


class FakeEmbedding:
    def __init__(self, table: Mapping[str, bytes] | None = None) -> None:
        self.table = dict(table or {})
        self.down = False
        self.asked: list[str] = []
        self.within: list[float | None] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def query(self, text: str, *, within: float | None = None) -> bytes | None:
        vectors = await self.documents([text], within=within)
        return vectors[0] if vectors else None

    async def documents(
        self, texts: Sequence[str], *, within: float | None = None
    ) -> list[bytes] | None:
        self.within.append(within)
        self.asked += texts
        if self.before:
            await self.before()
        return None if self.down else [self.table.get(text, vector(1)) for text in texts]


async def any_model(_: pb.ModelInfo) -> bool:
    """Lets vectors of every model in."""
    return True


async def no_model(_: pb.ModelInfo) -> bool:
    """Lets none in."""
    return False
