"""Which words are in the model's dictionary: a word that is not is likely to be a name."""

from __future__ import annotations

from typing import Any

from spacy.language import Language
from spacy.tokens import Token

_INDEX = "lemma_index"


def keep_dictionary(nlp: Language) -> None:
    """Put the lemmatizer's list of words where each token finds it."""
    lemmatizer: Any = nlp.get_pipe("lemmatizer")
    index = lemmatizer.lookups.get_table(_INDEX)
    nlp.vocab.lookups.set_table(_INDEX, index)


def is_listed(token: Token) -> bool:
    """Whether the word, or the word that it is a form of, is a word of English."""
    index = token.vocab.lookups.get_table(_INDEX)
    return any(word in words for words in index.values() for word in (token.lower_, token.lemma_))
