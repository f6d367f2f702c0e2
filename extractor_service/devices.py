"""Where a model runs, and in which number format. Imports torch: for modules that load a model."""

from __future__ import annotations

import torch
from transformers.utils import logging as transformers_logging

from extractor_service.model import ModelError

# "auto" is float32. bfloat16 takes two thirds of the time where the CPU has AVX512-BF16 (below),
# and each of an embedder's vectors is close to float32's (cosine 0.99993 at worst, 99.5% of the ten
# nearest the same). But it depends on what else is in the batch: the same text alone and among 64
# differs by 2e-3 in a component, against 2e-7 in float32, enough to swap two search results from
# one call to the next. So it is there for who asks for it.
#
# all-MiniLM-L6-v2, 2 cores, ms    1 thread: float32  bfloat16    2 threads: float32  bfloat16
# one query of 5 words                          5.8       4.1                  4.5       3.4
# 32 chat messages in one batch                 166       104                   99        60
DTYPES = {"auto": torch.float32, "float32": torch.float32, "bfloat16": torch.bfloat16}


def prepare(threads: int) -> None:
    """Set the number of torch's threads, for the whole process, and keep its loaders quiet."""
    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def device_named(name: str) -> torch.device:
    """The device called "auto", "cpu" or "cuda". Raises ModelError for a GPU that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("the device of the models is set to cuda, but torch finds no CUDA device")
    return torch.device(name)
