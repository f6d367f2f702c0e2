"""How far a name reaches, on parses written by hand: the model's own vary from name to name."""

from __future__ import annotations

from spacy.tokens import Doc
from spacy.vocab import Vocab

from extractor_service.rules.names import full_name


def test_a_name_is_whole_where_its_parts_hang_on_each_other() -> None:
    doc = Doc(
        Vocab(),
        words=["old", "Oslo", "General", "Hospital"],
        pos=["ADJ", "PROPN", "PROPN", "PROPN"],
        deps=["amod", "compound", "compound", "ROOT"],
        heads=[3, 2, 3, 3],
    )
    assert full_name(doc[3]) == "Oslo General Hospital"


def test_a_name_ends_at_a_name_that_is_no_part_of_it() -> None:
    doc = Doc(
        Vocab(),
        words=["Bob", "Emma", "Stone"],
        pos=["PROPN", "PROPN", "PROPN"],
        deps=["nsubj", "compound", "ROOT"],
        heads=[2, 2, 2],
    )
    assert full_name(doc[2]) == "Emma Stone"
