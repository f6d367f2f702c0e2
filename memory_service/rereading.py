"""Who reads a search's best again, how many of them, and what its opinion counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_service.deadline import Deadline
from memory_service.domain.ranking import Ranked, in_order
from memory_service.domain.rerank import DEPTH, SHARE, blend
from memory_service.reranking import RerankClient
from memory_service.store.records import shown

TIME_SHARE = 0.8
"""How much of the time left the reranker may take; the rest is for reading what is shown."""


@dataclass(frozen=True, slots=True)
class Rereading:
    """Asks the reranker about the `depth` best; `share` is what it counts, 0 to 1."""

    client: RerankClient
    depth: int = DEPTH
    share: float = SHARE

    async def reread(
        self, text: str, ranked: Sequence[Ranked], deadline: Deadline
    ) -> Sequence[Ranked]:
        """Return the ranking with the reranker's opinion in it, or as it is if there is none."""
        if not self.share or not self.client.is_there():
            return ranked
        texts = [shown(each.found).text for each in ranked[: self.depth]]
        opinion = await self.client.scores(text, texts, within=deadline.share(TIME_SHARE))
        if opinion is None:
            return ranked
        scores = blend([each.score for each in ranked], opinion, self.share)
        new = [each._replace(score=score) for each, score in zip(ranked, scores, strict=True)]
        return in_order(new)
