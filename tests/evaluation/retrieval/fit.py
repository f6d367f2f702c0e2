"""Fit the weights of the ranking to what people named as evidence, and say how well they do.

Plays the conversations as the evaluation does and asks each question for turns with `explain`. The
weights maximise the likelihood of the evidence under a softmax over each answer, with a penalty on
their squares, each question weighed by how rare its category is. They and a bias are then scaled so
that the score, a logistic function, is the share of hits with such a score that are evidence. Each
conversation is then ranked by weights fitted on the others, also without each of the features.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor

from memory_service.domain.features import Features
from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import CALL_SECONDS, served

from . import asking
from .asking import Asking
from .corpus import Conversation
from .metrics import ndcg
from .own_data import read

if TYPE_CHECKING:
    from tests.evaluation.serving import Stub

NAMES = Features._fields
CANDIDATES = 100
PENALTY = 3e-3
UNITS = {"meaning": 0.25, "words": 0.25, "neighbor": 0.5, "vote": 0.5}
"""How much of a feature is penalised like 1 of the others: these hardly reach 1."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question found: of each hit its turn and a row of features, and what is evidence."""

    conversation: str
    category: str
    evidence: frozenset[str]
    turns: tuple[str, ...]
    features: Tensor

    @property
    def relevant(self) -> Tensor:
        """1 for each hit that is evidence, 0 for the others."""
        return torch.tensor([float(turn in self.evidence) for turn in self.turns])

    def ndcg(self, weights: Tensor) -> float:
        """nDCG@10 with the hits ranked by these weights."""
        order = torch.argsort(self.features @ weights, descending=True, stable=True)
        return ndcg([self.turns[i] for i in order.tolist()], self.evidence)


def fit(asked: Sequence[Asked], names: Sequence[str] = NAMES) -> Tensor:
    """Return weights for all of NAMES, 0 for those that are not among `names`."""
    used = torch.tensor([float(name in names) for name in NAMES])
    units = torch.tensor([UNITS.get(name, 1.0) for name in NAMES])
    rarity = Counter(each.category for each in asked)
    cases = [each for each in asked if each.relevant.any()]
    importance = [rarity[each.category] ** -0.5 / len(each.evidence) for each in cases]
    free = torch.zeros(len(NAMES), requires_grad=True)

    def loss() -> Tensor:
        likelihoods = [
            torch.log_softmax(each.features @ (free * used / units), 0) @ each.relevant * weight
            for each, weight in zip(cases, importance, strict=True)
        ]
        return PENALTY * (free * free).sum() - torch.stack(likelihoods).sum() / sum(importance)

    _minimise(loss, free)
    return (free * used / units).detach()


def calibrate(asked: Sequence[Asked], weights: Tensor) -> tuple[float, float]:
    """Return scale and bias by which the score is a share of evidence (Platt's method)."""
    odds = torch.cat([each.features @ weights for each in asked])
    relevant = torch.cat([each.relevant for each in asked])
    free = torch.tensor([0.5, -3.0], requires_grad=True)

    def loss() -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(
            free[0] * odds + free[1], relevant
        )

    _minimise(loss, free)
    scale, bias = free.tolist()
    return scale, bias


def _minimise(loss: Callable[[], Tensor], free: Tensor) -> None:
    optimiser = torch.optim.LBFGS([free], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(step)  # type: ignore[no-untyped-call]


def cross_validated(asked: Sequence[Asked], names: Sequence[str] = NAMES) -> float:
    """Return macro nDCG@10, each conversation ranked by weights fitted on the others."""
    found: dict[str, list[float]] = defaultdict(list)
    for held_out in dict.fromkeys(each.conversation for each in asked):
        weights = fit([each for each in asked if each.conversation != held_out], names)
        for each in asked:
            if each.conversation == held_out:
                found[each.category].append(each.ndcg(weights))
    return fmean(fmean(values) for values in found.values())


async def _ask(conversations: Sequence[Conversation], progress: Progress) -> list[Asked]:
    played = progress.add_task("play turns", total=sum(len(one.turns) for one in conversations))
    asks = progress.add_task("ask service", total=sum(len(one.questions) for one in conversations))
    found: list[Asked] = []
    async with served() as stub:
        for one in conversations:
            await asking.play(stub, one, lambda turns: progress.advance(played, turns))
        for one in conversations:
            async for each in _answers(stub, one):
                found.append(each)
                progress.advance(asks)
    return found


async def _answers(stub: Stub, conversation: Conversation) -> AsyncIterator[Asked]:
    for question in conversation.questions:
        request = Asking().request(conversation, question)
        request.limit, request.explain = CANDIDATES, True
        hits = (await stub.SearchMemories(request, timeout=CALL_SECONDS)).hits
        signals = [{s.name: s.value for s in hit.explanation.signals} for hit in hits]
        yield Asked(
            conversation.name,
            question.category,
            frozenset(question.evidence),
            tuple(hit.memory.sources[0].message_id for hit in hits),
            torch.tensor([[each.get(name, 0.0) for name in NAMES] for each in signals]),
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Print weights and figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.retrieval.fit")
    parser.add_argument("--dataset", type=Path, required=True)
    conversations = read(parser.parse_args(argv).dataset)
    with progress_bar() as progress:
        asked = asyncio.run(_ask(conversations, progress))
        whole = cross_validated(asked)
        without = progress.add_task("leave features out", total=len(NAMES))
        gains = {}
        for name in NAMES:
            gains[name] = whole - cross_validated(asked, [n for n in NAMES if n != name])
            progress.advance(without)
    weights = fit(asked)
    scale, bias = calibrate(asked, weights)
    table = Table("feature", "weight", "gain in nDCG@10")
    table.add_row("bias", f"{bias:.2f}", "")
    for name, weight in zip(NAMES, weights.tolist(), strict=True):
        table.add_row(name, f"{scale * weight:.2f}", f"{100 * gains[name]:+.1f}")
    Console().print(table, f"cross-validated nDCG@10 {100 * whole:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
