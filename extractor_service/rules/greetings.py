"""The name that a message opens with: "Hi, I'm Wendeline", whatever the model takes it for."""

from __future__ import annotations

import re

from spacy.tokens import Doc, Span, Token
from spacy.vocab import Vocab

from extractor_service.rules.dictionary import is_word

_OPENING = re.compile(
    r"\W*(?:(?i:hi|hiya|hello|hey|howdy|greetings|good (?:morning|afternoon|evening))"
    r"(?i: there| all| everyone| everybody)?[\s,.!\u2013\u2014-]+)?(?i:i'm|i am|im) "
    r"(?P<name>[^\W\d_]+(?: (?!and |from |here)[^\W\d_]+)?)"
    r"(?=\s*(?:[.,;:!()\u2013\u2014]|$)| and | from | here\b)"
)
_GIVEN = re.compile(
    r"(?i:^\W*(?:hi|hiya|hello|hey|howdy)(?: there| all)?[\s,.!\u2013\u2014-]+(?:i'm|i am|im)"
    r"|\bmy name(?: is|'s)) (?P<name>[a-z]{2,})(?=\s*(?:[.,;:!()\u2013\u2014]|$)| and | from )"
)
_INFLECTED = ("ed", "ing", "in", "en")
_NO_NAME = frozenset({"NORP", "LANGUAGE", "DATE", "TIME", "CARDINAL", "ORDINAL", "MONEY"})


def repair_introduction(doc: Doc) -> None:
    """Read "I'm Wendeline" as a name that is given: the model has no idea what she is.

    Words of the dictionary are left as they are read: "I'm Happy".
    """
    opening = _OPENING.match(doc.text)
    name = None if opening is None else doc.char_span(*opening.span("name"))
    if name is None or not all(map(_may_name, name)):
        return
    if all(is_word(doc.vocab, token.lower_) for token in name):
        return
    if len(name) == 1 or any(token.ent_type_ == "PERSON" for token in name):
        _give(name)


def capitalized(text: str, vocab: Vocab) -> str:
    """ "Hi im Wendy" for "hi im wendy": the model sees no name in small letters.

    Words of the dictionary stay as they are: "hi im sick".
    """

    def given(match: re.Match[str]) -> str:
        name = match["name"]
        if is_word(vocab, name) or name.endswith(_INFLECTED):
            return match[0]
        return f"{match[0][: -len(name)]}{name.capitalize()}"

    return _GIVEN.sub(given, text)


def _may_name(token: Token) -> bool:
    noun = token.pos_ == "NOUN" and bool(token.ent_type_)
    proper = token.pos_ == "PROPN" and token.ent_type_ not in _NO_NAME
    return token.is_title and (proper or noun)


def _give(name: Span) -> None:
    """Hang the name on the "am" and the "I" before it."""
    subject, verb, last = name.doc[name.start - 2], name.doc[name.start - 1], name[-1]
    above = {*name, subject} & {verb, *verb.ancestors}
    if subject.lower_ != "i" or subject.sent != last.sent or above:
        return
    for token in reversed(list(name)):
        token.pos_, token.tag_, token.ent_type_ = "PROPN", "NNP", "PERSON"
        token.head, token.dep_ = (verb, "attr") if token == last else (last, "compound")
    subject.head, subject.dep_ = verb, "nsubj"
    if verb.dep_ not in {"ROOT", "ccomp", "conj"}:  # "hey im Wendeline, I have a dog"
        verb.head, verb.dep_ = name.sent.root, "parataxis"
