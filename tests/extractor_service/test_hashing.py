from __future__ import annotations

import numpy as np
import pytest

from extractor_service.embedder import Purpose
from extractor_service.hashing import HashingEmbedder


def test_texts_that_share_words_are_nearer_than_texts_that_do_not():
    near, far, query = HashingEmbedder().encode(
        ["Alice works in Paris", "green tea tastes bitter", "Where in Paris works Alice"],
        Purpose.DOCUMENT,
    )

    assert query @ near > 0.7
    assert abs(query @ far) < 0.3


@pytest.mark.parametrize("text", ["", "   ", "?!", "北京", "one", "word " * 1000, "\ud800"])
def test_every_text_has_a_vector_of_unit_length(text: str):
    vectors = HashingEmbedder().encode([text], Purpose.QUERY)

    assert vectors.shape == (1, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-6)


def test_the_vector_of_a_text_never_changes():
    vector = HashingEmbedder().encode(["tea"], Purpose.QUERY)[0]

    signs = "".join("+" if number > 0 else "-" for number in vector[:12])
    assert signs == "++-+--+++--+"


def test_a_word_is_a_token_however_many_there_are():
    texts = ["Ada's tea, hot.", "", "?!", "word " * 1000]
    assert HashingEmbedder().count_tokens(texts) == [4, 0, 0, 1000]


def test_no_texts_give_no_vectors():
    assert HashingEmbedder().encode([], Purpose.QUERY).shape == (0, 384)


def test_vectors_of_another_length_are_of_another_model():
    embedder = HashingEmbedder(64)
    near, far, query = embedder.encode(
        ["Alice works in Paris", "green tea tastes bitter", "Where in Paris works Alice"],
        Purpose.DOCUMENT,
    )

    assert (embedder.info.name, embedder.info.dimension) == ("hash:64", 64)
    assert HashingEmbedder().info.name == "hash"
    assert query @ near > query @ far
    assert near.shape == (64,)


@pytest.mark.parametrize("dimension", [0, -8, 63, 520])
def test_a_length_that_cannot_be_hashed_is_refused(dimension: int):
    with pytest.raises(ValueError, match="multiple of 8"):
        HashingEmbedder(dimension)
