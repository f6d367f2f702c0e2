"""`python -m`: an ExtractorService whose model never returns from the text HANG.

`STUCK_SECONDS` says how soon it is taken to hang.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from extractor_service import condition
from extractor_service.__main__ import main
from extractor_service.embedder import Purpose, Vectors
from extractor_service.hashing import HashingEmbedder

HANG = "HANG"

_encode = HashingEmbedder.encode


def encode(self: HashingEmbedder, texts: Sequence[str], purpose: Purpose) -> Vectors:
    if HANG in texts:
        threading.Event().wait()
    return _encode(self, texts, purpose)


if __name__ == "__main__":
    condition.STUCK_SECONDS = float(os.environ["STUCK_SECONDS"])
    HashingEmbedder.encode = encode  # type: ignore[method-assign]
    main()
