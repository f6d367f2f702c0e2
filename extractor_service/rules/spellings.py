"""Words as they are written in chats: the "its" that means "it's"."""

from __future__ import annotations

from spacy.tokens import Doc, Token

from extractor_service.rules.words import word_set

# None of these can be what is somebody's: "its called Tom", "its in Leeds", "its my birthday".
_SAID_OF_IT = word_set(
    "a an the my our your his her this that not called named in on at from for about near been "
    "gonna because just really too so"
)


def part_its(doc: Doc) -> None:
    """Part the "its" of "its called Tom" into "it" and "s", as the model parts "thats"."""
    found = [token for token in doc[:-1] if token.lower_ == "its" and _is_sentence(token.nbor())]
    if not found:
        return
    with doc.retokenize() as retokenizer:
        for token in found:
            heads: list[Token | tuple[Token, int]] = [(token, 1), (token, 1)]
            retokenizer.split(token, [token.text[:2], token.text[2:]], heads=heads)


def _is_sentence(following: Token) -> bool:
    return following.lower_ in _SAID_OF_IT or following.text[0].isdigit()
