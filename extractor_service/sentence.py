"""Embedding models of sentence-transformers. Imports torch: import this when one is needed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device

from extractor_service.described import described
from extractor_service.devices import DTYPES, device_named, prepare
from extractor_service.embedder import ModelInfo, Purpose, Vectors
from extractor_service.model import ModelError, ModelFiles
from extractor_service.packed import pack

# Padded tokens up to which a batch is for one thread. all-MiniLM-L6-v2 on 2 cores, ms of time (of
# CPU): 7 tokens 5.8 (5.8) by one thread, 4.5 (8.5) by two; 31 tokens 11.2 (11.2), 7.4 (15.4);
# 61 tokens 17.3 (17.3), 10.6 (22.5). Most queries are that short, and the other core has their
# search to do meanwhile.
_ONE_THREAD_TOKENS = 32

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
        prepare(threads)
        self._threads = threads
        self._device = device_named(device)
        self._model = _load(files, self._device, DTYPES[dtype])
        pack(self._model, self._device)
        self._prompts = {purpose: self._prompt(names) for purpose, names in _PROMPT_NAMES.items()}
        dimension = self._model.get_embedding_dimension() or 0
        self.info = described(self._model, files, self._device, dimension=dimension)

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """As `Embedder.encode`, all texts in one batch: the caller chooses its size.

        The steps of `SentenceTransformer.encode_query` and `encode_document`, and the same vectors
        but for float noise, without their bookkeeping: about 1 ms less for one short query.
        """
        prompt, task = self._prompts[purpose], purpose.value
        with torch.inference_mode():
            features = self._model.preprocess(list(texts), prompt=prompt, task=task)
            short = features["input_ids"].numel() <= _ONE_THREAD_TOKENS
            torch.set_num_threads(1 if short else self._threads)
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
