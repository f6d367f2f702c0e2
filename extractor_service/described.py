"""What a model that was loaded says of itself. Imports sentence-transformers, and so torch."""

from __future__ import annotations

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer

from extractor_service.embedder import ModelInfo
from extractor_service.model import ModelFiles

_DEFAULT_MAX_TOKENS = 512


def described(
    model: SentenceTransformer | CrossEncoder,
    files: ModelFiles,
    device: torch.device,
    *,
    dimension: int = 0,
) -> ModelInfo:
    """Describe the model; one that knows no longest text is given one."""
    if model.max_seq_length is None:
        model.max_seq_length = _DEFAULT_MAX_TOKENS
    return ModelInfo(
        name=files.name,
        revision=files.revision,
        dimension=dimension,
        max_tokens=model.max_seq_length,
        device=device.type,
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
    )
