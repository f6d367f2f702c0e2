"""Sentence-transformers models. Alone in importing torch: import this when a model is needed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device
from transformers.utils import logging as transformers_logging

from extractor_service.embedder import ModelInfo, Purpose, Vectors
from extractor_service.model import ModelError, ModelFiles

_REVISION_DIGITS = 12
_DEFAULT_MAX_TOKENS = 512

# "auto" is float32. bfloat16 takes half the time where the CPU has AVX512-BF16 (below), and each of
# its vectors is close to float32's (cosine 0.99993 at worst, 99.5% of the ten nearest the same).
# But it depends on what else is in the batch: the same text alone and among 64 differs by 2e-3 in a
# component, against 2e-7 in float32, enough to swap two search results from one call to the next.
# So it is there for who asks for it.
#
# all-MiniLM-L6-v2, 2 cores, ms    1 thread: float32  bfloat16    2 threads: float32  bfloat16
# one query of 5 words                          9.8       6.7                  9.7       5.2
# 32 chat messages in one batch                 485       261                  272       147
_DTYPES = {"auto": torch.float32, "float32": torch.float32, "bfloat16": torch.bfloat16}

# The names under which models keep a prompt, in the order in which sentence-transformers looks.
_PROMPT_NAMES = {
    Purpose.QUERY: ("query",),
    Purpose.DOCUMENT: ("document", "passage", "corpus"),
}


class SentenceEmbedder:
    """A sentence-transformers model on one device.

    A text's vector depends on the batch it was in by float noise only: in float32 less than 1e-6 in
    each component, so vectors are not to be compared byte for byte.
    """

    info: ModelInfo

    def __init__(self, files: ModelFiles, device: str, dtype: str, threads: int) -> None:
        """Load the model; sets the number of torch's threads for the whole process."""
        torch.set_num_threads(threads)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._device = _device(device)
        self._model = _load(files, self._device, _DTYPES[dtype])
        self._prompts = {purpose: self._prompt(names) for purpose, names in _PROMPT_NAMES.items()}
        self.info = self._describe(files)

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """As `Embedder.encode`, all texts in one batch: the caller chooses its size.

        The steps of `SentenceTransformer.encode_query` and `encode_document`, and the same bits,
        without their bookkeeping: about 1 ms less of the 10 ms that one short query takes.
        """
        prompt, task = self._prompts[purpose], purpose.value
        with torch.inference_mode():
            features = self._model.preprocess(list(texts), prompt=prompt, task=task)
            output = self._model(batch_to_device(features, self._device), task=task)
            rows = torch.nn.functional.normalize(output["sentence_embedding"].float(), dim=1)
        vectors: Vectors = rows.cpu().numpy()
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As `Embedder.count_tokens`: of the whole text, however little of it the model reads."""
        # Not verbose: it would warn of texts that are longer than what the model reads.
        ids = self._model.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, padding=False, verbose=False
        )["input_ids"]
        return [len(each) for each in ids]

    def _prompt(self, names: tuple[str, ...]) -> str | None:
        prompts = self._model.prompts
        return next((prompts[name] for name in names if name in prompts), None)

    def _describe(self, files: ModelFiles) -> ModelInfo:
        if self._model.max_seq_length is None:
            self._model.max_seq_length = _DEFAULT_MAX_TOKENS
        return ModelInfo(
            name=files.name,
            revision=files.sha256[:_REVISION_DIGITS],
            dimension=self._model.get_embedding_dimension() or 0,
            max_tokens=self._model.max_seq_length,
            device=self._device.type,
            dtype=str(next(self._model.parameters()).dtype).removeprefix("torch."),
        )


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("the embedding device is set to cuda, but torch finds no CUDA device")
    return torch.device(name)


def _load(files: ModelFiles, device: torch.device, dtype: torch.dtype) -> SentenceTransformer:
    try:
        model = SentenceTransformer(
            str(files.folder),
            device=str(device),
            local_files_only=True,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )
    except Exception as error:  # a loader of any architecture may raise anything
        raise ModelError(f"cannot load the model {files.name}: {type(error).__name__}") from error
    return model.eval()
