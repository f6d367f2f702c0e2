"""What speaks for memories that were found, in numbers that mean the same in every answer. Pure.

Nothing here depends on the scores of the engine, which know all tenants' documents. What there is
of many memories is kept in columns: a search looks at hundreds, while somebody waits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from memory_service.domain.asking import Asked
from memory_service.domain.search import Arm, Arms, Found
from memory_service.domain.signals import Place, Signals

K1, B = 1.2, 0.5
"""BM25's saturation of repeated words, and how much it takes long texts back."""

FEW_WORDS = 8
"""So many words are looked for in a text one by one, which takes less time in most texts than to
count all of its words; many words in a long text would take milliseconds."""

NAMED_SHARE = 0.2
"""How much being about the one who is asked about adds to what a neighbor says for a turn."""

OWN_WORDS = 3
"""So many words of its own a turn has to have to be lifted by its neighbors in full: "Noted." is no
answer because it stands beside one. One word is enough right after a question."""

NAMES = ("meaning", "words", "named", "length", "answers", "timed", "dated", "neighbor", "vote")
"""All that may speak for a memory, see `features`."""

Features = Mapping[str, Sequence[float]]
"""By its name, how much there is of something for each memory of a pool, in the pool's order; what
does not speak for any of them is left out."""


@dataclass(frozen=True, slots=True)
class Pool:
    """All that the arms found of one kind of memories, each once, and how they speak for each.

    `meaning`: the cosine; of those that the vectors did not find, at most that of the last one that
    they found, which is taken for it. `words`: the share, 0 to 1, of what a memory could have at
    best by BM25 for the query's words. How rare a word is, is reckoned among the found ones.
    """

    found: Sequence[Found]
    meaning: Sequence[float]
    words: Sequence[float]

    def strengths(self) -> list[float]:
        """What both arms say of each memory, 0 to 1 for most."""
        return [(near + has) / 2 for near, has in zip(self.meaning, self.words, strict=True)]


def pool_of(arms: Arms, words: Sequence[str]) -> Pool:
    """Return what `arms`, asked with these words, found."""
    near = arms.get(Arm.SEMANTIC, ())
    cosines = [each.raw for each in near]
    known = {each.key for each in near}
    others = [each for each in arms.get(Arm.KEYWORD, ()) if each.key not in known]
    floor = max(min(cosines, default=0.0), 0.0)
    found = (*near, *others)
    return Pool(found, [*cosines, *[floor] * len(others)], _shares(found, words))


def features(pool: Pool, asked: Asked, facts: Pool | None = None) -> Features:
    """Return what speaks for the memories of the pool; `facts` vote for the turns they are from.

    `named`: it is about, or by, the only one whom the query names. `length`: log(1 + words of its
    own). `answers`: it was said right after a question. `timed`: it says when, and that is asked.
    `dated`: it is of a time that the query names, see `Period.closeness`. `neighbor`: the strength
    of the turn before or after it, less if it has hardly a word of its own. `vote`: that of the
    facts that were drawn from it.
    """
    signals = [each.signals for each in pool.found]
    named = _named(signals, asked)
    columns = (
        pool.meaning,
        pool.words,
        named,
        [math.log1p(each.length) for each in signals],
        [float(each.answers) for each in signals],
        [float(each.timed) for each in signals] if asked.wants_time else (),
        [_dated(each, asked) for each in signals] if asked.periods else (),
        _neighbors(pool, named),
        _voted(pool.found, facts) if facts else (),
    )
    return {name: column for name, column in zip(NAMES, columns, strict=True) if any(column)}


def _named(signals: Sequence[Signals], asked: Asked) -> list[float]:
    """Return 1 for each memory of the only one who is named."""
    if len(asked.names) != 1:
        return [0.0] * len(signals)
    (name,) = asked.names
    return [float(name in each.names) for each in signals]


def _dated(signals: Signals, asked: Asked) -> float:
    return max(period.closeness(signals.time) for period in asked.periods)


Strengths = Mapping[tuple[str, Place], float]
Votes = Mapping[tuple[str, tuple[str, str]], float]


def _neighbors(pool: Pool, named: Sequence[float]) -> list[float]:
    strengths = {
        (each.key[0], each.signals.place): strength + NAMED_SHARE * is_named
        for each, strength, is_named in zip(pool.found, pool.strengths(), named, strict=True)
        if each.signals.place
    }
    if not strengths:
        return []
    return [_neighbor(each.key[0], each.signals, strengths) for each in pool.found]


def _neighbor(owner: str, turn: Signals, strengths: Strengths) -> float:
    if turn.place is None:
        return 0.0
    session, sequence = turn.place
    before = strengths.get((owner, (session, sequence - 1)), 0.0)
    best = max(before, strengths.get((owner, (session, sequence + 1)), 0.0))
    return best if turn.answers else best * min(turn.length / OWN_WORDS, 1.0)


def _voted(turns: Sequence[Found], facts: Pool) -> list[float]:
    votes = _votes(facts)
    return [_vote(each.key[0], each.signals, votes) for each in turns] if votes else []


def _vote(owner: str, signals: Signals, votes: Votes) -> float:
    return max([votes.get((owner, source), 0.0) for source in signals.sources], default=0.0)


def _votes(facts: Pool) -> Votes:
    votes: dict[tuple[str, tuple[str, str]], float] = {}
    for fact, strength in zip(facts.found, facts.strengths(), strict=True):
        for source in fact.signals.sources:
            place = (fact.key[0], source)
            votes[place] = max(votes.get(place, 0.0), strength)
    return votes


def _shares(found: Sequence[Found], words: Sequence[str]) -> list[float]:
    wanted = frozenset(words)
    having = [wanted.intersection(each.words) for each in found]
    rarity = _rarity(Counter(chain.from_iterable(having)), words, len(found))
    lengths = [len(each.words) for each in found]
    average = sum(lengths) / len(found) if any(lengths) else 1.0
    return [
        _share(each.words, has, rarity, length / average) if has else 0.0
        for each, has, length in zip(found, having, lengths, strict=True)
    ]


def _share(
    words: Sequence[str], has: frozenset[str], rarity: Mapping[str, float], length: float
) -> float:
    """Return the share of a memory with these words; `length` is over the average."""
    damped, share = K1 * (1 - B + B * length), 0.0
    count = words.count if len(has) <= FEW_WORDS else Counter(words).__getitem__
    # Of BM25's numerators (K1 + 1) is in the best that could be, too.
    for word in has:
        n = count(word)
        share += rarity[word] * n / (n + damped)
    return share


def _rarity(having: Mapping[str, int], words: Sequence[str], total: int) -> dict[str, float]:
    """Return BM25's inverse document frequency of each word among the found, as shares of all."""
    rarity = {w: math.log1p((total - having[w] + 0.5) / (having[w] + 0.5)) for w in words}
    best = sum(rarity.values())
    return {word: value / best for word, value in rarity.items()}
