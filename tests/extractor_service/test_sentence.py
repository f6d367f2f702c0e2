"""The real model, loaded once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from extractor_service.devices import DTYPES
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.model import ModelChoice, ModelError, load_embedder, locate
from extractor_service.sentence import SentenceEmbedder

TEXTS = [
    "Alice has not eaten meat for years.",
    "The train to Lyon leaves at noon.",
    "ok",
    "",
    "我住在北京。",
    "Our garden needs water twice a week in summer, more when it is windy. " * 40,
]


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    embedder = load_embedder(ModelChoice(device="cpu", threads=1))
    assert isinstance(embedder, SentenceEmbedder)
    return embedder


def test_the_model_says_what_it_is(embedder: SentenceEmbedder):
    assert embedder.info == ModelInfo(
        name="sentence-transformers/all-MiniLM-L6-v2",
        revision="53aa51172d14",
        dimension=384,
        max_tokens=256,
        device="cpu",
        dtype="float32",
    )
    assert torch.get_num_threads() == 1


def test_near_in_meaning_is_near_in_space_without_a_word_in_common(embedder: SentenceEmbedder):
    query = embedder.encode(["Who is a vegetarian?"], Purpose.QUERY)[0]
    similarity = embedder.encode(TEXTS, Purpose.DOCUMENT) @ query

    assert similarity.argmax() == 0


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_vectors_are_those_of_sentence_transformers(purpose: Purpose, dtype: str):
    folder = locate(ModelChoice()).folder
    model = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": DTYPES[dtype]}
    )
    encode = model.encode_query if purpose is Purpose.QUERY else model.encode_document
    expected = encode(TEXTS, convert_to_tensor=True, show_progress_bar=False)
    expected = torch.nn.functional.normalize(expected.float(), dim=1).numpy()
    embedder = SentenceEmbedder(locate(ModelChoice()), "cpu", dtype, 1)

    noise = 1e-6 if dtype == "float32" else 1e-2
    assert np.abs(embedder.encode(TEXTS, purpose) - expected).max() < noise


def test_a_text_has_the_same_vector_in_any_company(embedder: SentenceEmbedder):
    together = embedder.encode(TEXTS, Purpose.DOCUMENT)
    alone = np.vstack([embedder.encode([text], Purpose.DOCUMENT) for text in TEXTS])

    assert np.abs(together - alone).max() < 1e-6
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-6)
    assert together.dtype == np.float32


def test_tokens_are_counted_whole_and_without_a_warning(
    embedder: SentenceEmbedder, caplog: pytest.LogCaptureFixture
):
    assert embedder.count_tokens(["ok", "", "Ada isn't unkind."]) == [1, 0, 7]
    [long] = embedder.count_tokens([TEXTS[-1]])
    assert long > embedder.info.max_tokens
    assert caplog.records == []


def test_counting_changes_no_vector(embedder: SentenceEmbedder):
    before = embedder.encode(TEXTS, Purpose.DOCUMENT)
    embedder.count_tokens(TEXTS)
    assert np.array_equal(embedder.encode(TEXTS, Purpose.DOCUMENT), before)


def test_lines_have_as_many_tokens_as_their_text(embedder: SentenceEmbedder):
    lines = [f"{text}\n" for text in TEXTS]
    assert sum(embedder.count_tokens(lines)) == embedder.count_tokens(["".join(lines)])[0]


def test_prompts_that_the_model_defines_are_put_before_the_text(
    embedder: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch
):
    prompts = {Purpose.QUERY: "query: ", Purpose.DOCUMENT: "passage: "}
    monkeypatch.setattr(embedder, "_prompts", prompts)
    prompted = embedder.encode(["tea"], Purpose.QUERY)
    monkeypatch.undo()

    assert np.array_equal(prompted, embedder.encode(["query: tea"], Purpose.QUERY))


def test_bfloat16_points_the_same_way(embedder: SentenceEmbedder):
    choice = ModelChoice(device="cpu", dtype="bfloat16", threads=1)
    half = load_embedder(choice)
    cosines = (half.encode(TEXTS, Purpose.DOCUMENT) * embedder.encode(TEXTS, Purpose.DOCUMENT)).sum(
        axis=1
    )

    assert half.info.dtype == "bfloat16"
    assert cosines.min() > 0.999


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_a_clear_error():
    with pytest.raises(ModelError, match="no CUDA device"):
        SentenceEmbedder(locate(ModelChoice()), "cuda", "auto", 1)


def test_a_short_query_leaves_the_other_cores_alone():
    embedder = load_embedder(ModelChoice(device="cpu", threads=2))
    embedder.encode(["Who is a vegetarian?"], Purpose.QUERY)
    assert torch.get_num_threads() == 1
    embedder.encode(TEXTS, Purpose.DOCUMENT)
    assert torch.get_num_threads() == 2
