"""Which words are in the model's dictionary: a word that is not is likely to be a name."""

from __future__ import annotations

from typing import Any

from spacy.language import Language
from spacy.lookups import Table
from spacy.tokens import Token
from spacy.vocab import Vocab

_DICTIONARY = "dictionary"


def keep_dictionary(nlp: Language) -> None:
    """Put the words that the lemmatizer lists where each token finds them, whatever their kind.

    The lemmatizer's own lists take a millisecond to be searched for a word that they lack.
    """
    lemmatizer: Any = nlp.get_pipe("lemmatizer")
    listed = lemmatizer.lookups.get_table("lemma_index").values()
    words = Table.from_dict(dict.fromkeys((word for words in listed for word in words), True))
    nlp.vocab.lookups.set_table(_DICTIONARY, words)


def is_word(vocab: Vocab, word: str) -> bool:
    """Whether a word in small letters is listed, as few names are that are no words as well."""
    return word in vocab.lookups.get_table(_DICTIONARY)


def is_listed(token: Token) -> bool:
    """Whether the word, or the word that it is a form of, is a word of English."""
    return any(is_word(token.vocab, word) for word in (token.lower_, token.lemma_))
