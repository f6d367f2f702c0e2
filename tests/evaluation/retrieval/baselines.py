"""What the service has to beat: words alone, and meaning alone, over the turns of a conversation.

Both read the documents that LMEB gives to the retrievers it publishes.
"""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
import numpy as np
import numpy.typing as npt
import Stemmer

from extractor_service.embedder import Embedder, Purpose, Vectors

from .corpus import Conversation

DEPTH = 50
"""How many turns a ranking has at most."""

_BATCH = 32

Scores = npt.NDArray[np.float32]


def by_words(conversation: Conversation) -> list[list[str]]:
    """Rank turns for each question by BM25 as in bm25s, with English stems and stop words."""
    stemmer = Stemmer.Stemmer("english")

    def tokens(texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = bm25s.tokenize(
            list(texts), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return found

    index = bm25s.BM25()
    index.index(tokens(conversation.documents), show_progress=False)
    asked = tokens([question.text for question in conversation.questions])
    return [ranked(conversation, index.get_scores(words)) for words in asked]


def by_meaning(conversation: Conversation, embedder: Embedder) -> list[list[str]]:
    """Rank turns for each question by the cosine of their vectors."""
    documents = _vectors(embedder, conversation.documents, Purpose.DOCUMENT)
    questions = [question.text for question in conversation.questions]
    asked = _vectors(embedder, questions, Purpose.QUERY)
    return [ranked(conversation, documents @ vector) for vector in asked]


def ranked(conversation: Conversation, scores: Scores) -> list[str]:
    """Return the ids of the best turns, the best first; equals in the order of the conversation."""
    best = np.argsort(-scores, kind="stable")[:DEPTH]
    turns = conversation.turns
    return [turns[place].id for place in best]


def _vectors(embedder: Embedder, texts: Sequence[str], purpose: Purpose) -> Vectors:
    """Return a row for each text. Texts of about the same length share a batch: less padding."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found = np.zeros((len(texts), embedder.info.dimension), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        found[batch] = embedder.encode([texts[place] for place in batch], purpose)
    return found
