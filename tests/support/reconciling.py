"""Reconciling without models: verdicts from a table of what a text is to another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.verdicts import ADD, Judgement, Question, Verdict

Table = Mapping[tuple[str, str], Judgement]
"""What a new text is to a known one."""


class FakeReconciler:
    """Names all neighbors of the first kind that the table has for any of them, else says ADD."""

    def __init__(self, table: Table | None = None) -> None:
        self.table = dict(table or {})
        self.down = False
        self.asked: list[list[Question]] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        self.asked.append(list(questions))
        if self.before:
            await self.before()
        if self.down:
            raise ExtractorUnavailable
        return [self._verdict(question) for question in questions]

    def _verdict(self, question: Question) -> Verdict:
        kinds = {
            neighbor.memory.id: self.table.get((question.new.text, neighbor.memory.text))
            for neighbor in question.neighbors
        }
        first = next((kind for kind in kinds.values() if kind), None)
        if first is None:
            return ADD
        return Verdict(first, tuple(i for i, kind in kinds.items() if kind is first), "told so")

    def neighbors(self) -> list[tuple[str, list[str]]]:
        """Each new text that was asked about, with its neighbors' texts."""
        return [
            (question.new.text, [neighbor.memory.text for neighbor in question.neighbors])
            for questions in self.asked
            for question in questions
        ]
