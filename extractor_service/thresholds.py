"""From which cosine on two facts may be one, by embedding model."""

from __future__ import annotations

from extractor_service.model import BUNDLED_NAME
from extractor_service.relating import Thresholds

BUNDLED = Thresholds(contained=0.85, reworded=0.985)
"""Of all-MiniLM-L6-v2, calibrated by `python -m tests.evaluation.reconciling`, which says how well.

A cosine tells no opposites: "bought a car" and "sold a car" are at 0.97, a younger and an older
sister at 0.98. So nearly all is decided by the words, and what is worded otherwise is another fact
below 0.985.
"""

OTHERS = Thresholds(contained=0.9, reworded=2.0)
"""Of a model that nobody measured: high, as what is taken for a duplicate is not kept."""

_BY_MODEL = {BUNDLED_NAME: BUNDLED}


def thresholds_of(model: str) -> Thresholds:
    """Those measured for the model, else high ones."""
    return _BY_MODEL.get(model, OTHERS)
