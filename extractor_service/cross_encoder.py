"""Cross-encoders of sentence-transformers. Imports torch: import this when one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from transformers import AutoConfig

from extractor_service.described import described
from extractor_service.devices import DTYPES, device_named, prepare
from extractor_service.embedder import ModelInfo
from extractor_service.model import ModelError, ModelFiles
from extractor_service.packed import pack
from extractor_service.reranker import Pair, Scores

# No tokenizer needs more for a word, and without a cut all of a text of 32 KiB would be tokenized.
_CHARACTERS_A_TOKEN = 16
_HEAD = "ForSequenceClassification"


class PairReranker:
    """A cross-encoder with one logit on one device.

    A score depends on the batch it was in by float noise only.
    """

    info: ModelInfo

    def __init__(self, files: ModelFiles, device: str, dtype: str, threads: int) -> None:
        """Load the model; sets the number of torch's threads for the whole process."""
        prepare(threads)
        self._device = device_named(device)
        self._model = _load(files, self._device, DTYPES[dtype])
        pack(self._model, self._device)
        self.info = described(self._model, files, self._device)

    def scores(self, pairs: Sequence[Pair]) -> Scores:
        """As `Reranker.scores`, all pairs in one batch: the caller chooses its size.

        The logistic function is taken here, in float64, whatever the model's own settings say of
        it: some name it and some do not, and in float32 all logits from 17 up would be equal.
        """
        most = self.info.max_tokens * _CHARACTERS_A_TOKEN
        logits = self._model.predict(
            [(query[:most], text[:most]) for query, text in pairs],
            batch_size=len(pairs),
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
            convert_to_tensor=True,
        )
        scores: Scores = torch.sigmoid(logits.double()).cpu().numpy()
        return scores


def _load(files: ModelFiles, device: torch.device, dtype: torch.dtype) -> CrossEncoder:
    folder = str(files.folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if not _has_one_logit(config):
            raise ModelError(f"the model {files.name} is no cross-encoder with one logit")
        model: CrossEncoder = CrossEncoder(
            folder,
            device=str(device),
            local_files_only=True,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )
    except ModelError:
        raise
    except Exception as error:  # a loader of any architecture may raise anything
        raise ModelError(f"cannot load the model {files.name}: {type(error).__name__}") from error
    return model


def _has_one_logit(config: Any) -> bool:
    """Whether it was trained to give one; of an embedder the last layer would be random."""
    architectures: list[str] = config.architectures or []
    return config.num_labels == 1 and any(name.endswith(_HEAD) for name in architectures)
