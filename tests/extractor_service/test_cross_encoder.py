"""Real loading, real inference; of a model that means nothing, for none that does can be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from extractor_service.embedder import ModelInfo
from extractor_service.model import ModelChoice, ModelError, load_reranker, weights_sha256
from extractor_service.reranker import Reranker
from tests.support.cross_encoder import MAX_TOKENS, save_cross_encoder

QUERY = "Who is a vegetarian?"
PAIRS = [
    (QUERY, "Alice has not eaten meat for years."),
    (QUERY, "The train to Lyon leaves at noon."),
    ("Where is the train going?", "The train to Lyon leaves at noon."),
    (QUERY, "我住在北京。"),
    (QUERY, "Our garden needs water twice a week in summer. " * 40),
    (QUERY * 200, "ok"),
]


def choice(folder: str, **settings: str) -> ModelChoice:
    return ModelChoice(name=folder, device="cpu", threads=1, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module")
def reranker(folder: str) -> Reranker:
    return load_reranker(choice(folder))


def test_the_model_says_what_it_is(reranker: Reranker, folder: str):
    assert reranker.info == ModelInfo(
        name=Path(folder).name,
        revision=weights_sha256(Path(folder))[:12],
        dimension=0,
        max_tokens=MAX_TOKENS,
        device="cpu",
        dtype="float32",
    )


def test_scores_are_the_logistic_function_of_the_logits_in_order(reranker: Reranker, folder: str):
    queries, texts = zip(*PAIRS, strict=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    features = tokenizer(
        list(queries),
        list(texts),
        padding=True,
        truncation="longest_first",
        max_length=MAX_TOKENS,
        return_tensors="pt",
    )
    with torch.inference_mode():
        logits = AutoModelForSequenceClassification.from_pretrained(folder)(**features).logits
    expected = 1 / (1 + np.exp(-logits.double().numpy()[:, 0]))

    scores = reranker.scores(PAIRS)

    assert scores == pytest.approx(expected, abs=1e-6)
    assert scores.dtype == np.float64
    assert len(set(scores.round(6))) == len(PAIRS)


def test_a_pair_has_the_same_score_in_any_company(reranker: Reranker):
    alone = [reranker.scores([pair])[0] for pair in PAIRS]

    assert reranker.scores(PAIRS) == pytest.approx(alone, abs=1e-6)


def test_of_a_text_that_is_too_long_the_beginning_counts(reranker: Reranker):
    long = "tea " * 10_000
    begun = "tea " * 100

    assert reranker.scores([(QUERY, long)]) == pytest.approx(reranker.scores([(QUERY, begun)]))


def test_bfloat16_is_near(reranker: Reranker, folder: str):
    half = load_reranker(choice(folder, dtype="bfloat16"))

    assert half.info.dtype == "bfloat16"
    assert np.abs(half.scores(PAIRS) - reranker.scores(PAIRS)).max() < 0.05


def test_an_embedding_model_is_refused_for_its_last_layer_would_be_random():
    with pytest.raises(ModelError, match="all-MiniLM-L6-v2 is no cross-encoder with one logit"):
        load_reranker(choice("bundled"))


def test_a_classifier_of_several_logits_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="no cross-encoder with one logit"):
        load_reranker(choice(save_cross_encoder(tmp_path, logits=3)))


def test_weights_with_another_hash_are_refused(folder: str):
    with pytest.raises(ModelError, match="expected 0000"):
        load_reranker(choice(folder, sha256="0" * 64))


def test_a_folder_that_is_no_model_gives_one_clear_error(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")

    with pytest.raises(ModelError, match=f"cannot load the model {tmp_path.name}"):
        load_reranker(choice(str(tmp_path)))
