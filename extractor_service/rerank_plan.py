"""How a call's pairs are batched, and how long that will take. Pure bookkeeping: no thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extractor_service.embed_queue import estimated_tokens

# What was measured before counts four fifths with each batch: after 10 batches, a tenth.
_KEPT = 0.8
_DOUBT = 0.95


@dataclass(frozen=True, slots=True)
class Batch:
    """The places of some of a call's texts, and the tokens of their batch, padding included."""

    places: tuple[int, ...]
    tokens: int


def batches(query: str, texts: Sequence[str], *, max_tokens: int, budget: int) -> list[Batch]:
    """All texts, each with the query: texts of like length together, of up to `budget` tokens.

    A pair costs `max_tokens` at most; one over the budget is a batch of its own. The short go
    first.
    """
    asked = estimated_tokens(query, max_tokens)
    costs = [min(max_tokens, asked + estimated_tokens(text, max_tokens)) for text in texts]
    planned: list[Batch] = []
    for place in sorted(range(len(texts)), key=costs.__getitem__):
        places = (*planned[-1].places, place) if planned else (place,)
        if not planned or costs[place] * len(places) > budget:
            planned.append(Batch((place,), costs[place]))
        else:
            planned[-1] = Batch(places, costs[place] * len(places))
    return planned


class Pace:
    """How long the model takes for a token: an average in which large and late batches count more.

    Before the first measurement everything seems to take no time.
    """

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def measured(self, tokens: int, seconds: float) -> None:
        """Take in that a batch of so many tokens took so long."""
        self._tokens = self._tokens * _KEPT + tokens
        self._seconds = self._seconds * _KEPT + seconds

    def doubted(self) -> None:
        """Take in that a call was refused for it, which measures nothing: it is believed less.

        Otherwise, after one slow moment of the machine, all calls could be refused for ever.
        """
        self._seconds *= _DOUBT

    def seconds(self, tokens: int) -> float:
        """How long so many tokens will take."""
        return tokens * self._seconds / self._tokens if self._tokens else 0.0
