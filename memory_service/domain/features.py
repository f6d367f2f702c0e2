"""What speaks for a memory that was found, in numbers that mean the same in every answer. Pure.

Nothing here depends on the scores of the engine, which know all tenants' documents.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from memory_service.domain.asking import Asked
from memory_service.domain.search import Arm, Arms, Found, Key
from memory_service.domain.signals import Place, Signals

K1, B = 1.2, 0.5
"""BM25's saturation of repeated words, and how much it takes long texts back."""

NAMED_SHARE = 0.2
"""How much being about the one who is asked about adds to what a neighbor says for a turn."""


@dataclass(frozen=True, slots=True)
class Pool:
    """All that the arms found of one kind of memories, each once, and how they speak for it.

    `meaning`: the cosine; of those that the vectors did not find, at most that of the last one that
    they found, which is taken for it. `words`: the share, 0 to 1, of what a memory could have at
    best by BM25 for the query's words. How rare a word is, is reckoned among the found ones.
    """

    found: Mapping[Key, Found]
    meaning: Mapping[Key, float]
    words: Mapping[Key, float]

    def strength(self, key: Key) -> float:
        """What both arms say of a memory, 0 to 1 for most."""
        return (self.meaning[key] + self.words[key]) / 2


def pool_of(arms: Arms, words: Sequence[str]) -> Pool:
    """Return what `arms`, asked with these words, found."""
    found = {each.key: each for arm in arms.values() for each in arm}
    near = arms.get(Arm.SEMANTIC, ())
    floor = max(min((each.raw for each in near), default=0.0), 0.0)
    meaning = dict.fromkeys(found, floor) | {each.key: each.raw for each in near}
    return Pool(found, meaning, _shares(found, words))


class Features(NamedTuple):
    """What speaks for one memory; 0 where there is nothing to say.

    `named`: it is about, or by, the only one whom the query names. `length`: log(1 + words of its
    own). `answers`: it was said right after a question. `timed`: it says when, and that is asked.
    `dated`: it is of a time that the query names, see `Period.closeness`. `neighbor`: the strength
    of the turn before or after it. `vote`: that of the facts that were drawn from it. A tuple,
    because hundreds are made for a search.
    """

    meaning: float
    words: float
    named: float
    length: float
    answers: float
    timed: float
    dated: float
    neighbor: float = 0.0
    vote: float = 0.0


def features(pool: Pool, asked: Asked, facts: Pool | None = None) -> dict[Key, Features]:
    """Return what speaks for each memory of the pool; `facts` vote for the turns they are from."""
    votes = _votes(facts) if facts else {}
    named = _named(pool.found, asked)
    strengths = _strengths(pool, named)
    return {
        key: Features(
            pool.meaning[key],
            pool.words[key],
            named.get(key, 0.0),
            math.log1p(found.signals.length),
            float(found.signals.answers),
            float(asked.wants_time and found.signals.timed),
            _dated(found.signals, asked) if asked.periods else 0.0,
            _neighbor(key[0], found.signals.place, strengths) if strengths else 0.0,
            _vote(key[0], found.signals, votes) if votes else 0.0,
        )
        for key, found in pool.found.items()
    }


Strengths = Mapping[tuple[str, Place], float]
Votes = Mapping[tuple[str, tuple[str, str]], float]


def _named(found: Mapping[Key, Found], asked: Asked) -> dict[Key, float]:
    """Return 1 for each memory of the only one who is named."""
    if len(asked.names) != 1:
        return {}
    (name,) = asked.names
    return {key: 1.0 for key, each in found.items() if name in each.signals.names}


def _strengths(pool: Pool, named: Mapping[Key, float]) -> Strengths:
    return {
        (key[0], found.signals.place): pool.strength(key) + NAMED_SHARE * named.get(key, 0.0)
        for key, found in pool.found.items()
        if found.signals.place
    }


def _dated(signals: Signals, asked: Asked) -> float:
    return max(period.closeness(signals.time) for period in asked.periods)


def _neighbor(owner: str, place: Place | None, strengths: Strengths) -> float:
    if place is None:
        return 0.0
    session, sequence = place
    before = strengths.get((owner, (session, sequence - 1)), 0.0)
    return max(before, strengths.get((owner, (session, sequence + 1)), 0.0))


def _vote(owner: str, signals: Signals, votes: Votes) -> float:
    return max([votes.get((owner, source), 0.0) for source in signals.sources], default=0.0)


def _votes(facts: Pool) -> Votes:
    votes: dict[tuple[str, tuple[str, str]], float] = {}
    for key, fact in facts.found.items():
        strength = facts.strength(key)
        for source in fact.signals.sources:
            place = (key[0], source)
            votes[place] = max(votes.get(place, 0.0), strength)
    return votes


def _shares(found: Mapping[Key, Found], words: Sequence[str]) -> dict[Key, float]:
    shares = dict.fromkeys(found, 0.0)
    wanted = frozenset(words)
    having = {key: wanted.intersection(each.words) for key, each in found.items()}
    rarity = _rarity(Counter(chain.from_iterable(having.values())), words, len(found))
    best = sum(rarity.values())
    lengths = [len(each.words) for each in found.values()]
    average = sum(lengths) / len(found) if any(lengths) else 1.0
    for (key, has), length in zip(having.items(), lengths, strict=True):
        if has:
            damped = K1 * (1 - B + B * length / average)
            count = found[key].words.count
            # Of BM25's numerators (K1 + 1) is in the best that could be, too.
            for word in has:
                n = count(word)
                shares[key] += rarity[word] / best * n / (n + damped)
    return shares


def _rarity(having: Mapping[str, int], words: Sequence[str], total: int) -> dict[str, float]:
    """Return BM25's inverse document frequency of each word among the found memories."""
    return {w: math.log1p((total - having[w] + 0.5) / (having[w] + 0.5)) for w in words}
