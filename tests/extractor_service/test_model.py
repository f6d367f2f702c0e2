from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from extractor_service.hashing import HashingEmbedder
from extractor_service.model import (
    BUNDLED_SHA256,
    ModelChoice,
    ModelError,
    load_embedder,
    locate,
    weights_sha256,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def test_the_bundled_model_is_found_and_is_the_one_meant():
    files = locate(ModelChoice())

    assert files.sha256 == BUNDLED_SHA256
    assert files.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert (files.folder / "modules.json").is_file()


def test_weights_with_another_hash_are_refused_before_they_are_loaded(folder: Path):
    with pytest.raises(ModelError, match=r"have SHA-256 .* expected 0000"):
        load_embedder(ModelChoice(name=str(folder), sha256="0" * 64))


def test_bundled_weights_that_were_changed_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("extractor_service.model._bundled_folder", lambda: folder)

    with pytest.raises(ModelError, match=f"expected {BUNDLED_SHA256}"):
        locate(ModelChoice())


def test_a_hash_is_compared_without_regard_to_case(folder: Path):
    digest = hashlib.sha256(b"weights").hexdigest()

    assert locate(ModelChoice(name=str(folder), sha256=digest.upper())).sha256 == digest


def test_a_model_without_a_known_hash_is_named_after_its_folder(folder: Path):
    assert locate(ModelChoice(name=str(folder))).name == folder.name


def test_shards_are_hashed_one_after_the_other(tmp_path: Path):
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"hts")
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"weig")

    assert weights_sha256(tmp_path) == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere"])
def test_a_folder_that_is_not_there_is_not_looked_up_on_the_hub(name: str):
    with pytest.raises(ModelError, match="no model folder"):
        locate(ModelChoice(name=name))


def test_weights_in_a_format_that_can_run_code_are_refused(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")

    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        locate(ModelChoice(name=str(tmp_path)))


def test_a_folder_that_is_no_model_gives_one_clear_error(folder: Path):
    with pytest.raises(ModelError, match=f"cannot load the model {folder.name}"):
        load_embedder(ModelChoice(name=str(folder), device="cpu", threads=1))


def test_a_name_that_no_hub_can_have_gives_one_clear_error():
    with pytest.raises(ModelError, match="cannot fetch the model"):
        locate(ModelChoice(name="no such/model/name"))


def test_the_hashing_embedder_needs_no_model_library():
    code = (
        "import sys; from extractor_service.model import ModelChoice, load_embedder;"
        "load_embedder(ModelChoice(name='hash'));"
        "sys.exit(bool({'torch', 'transformers', 'huggingface_hub'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert isinstance(load_embedder(ModelChoice(name="hash")), HashingEmbedder)


def test_the_hashing_embedder_may_have_shorter_vectors():
    assert load_embedder(ModelChoice(name="hash:64")).info.dimension == 64


@pytest.mark.parametrize("name", ["hash:63", "hash:many"])
def test_a_length_that_cannot_be_hashed_is_said_in_one_line(name: str):
    with pytest.raises(ModelError, match=f"no model {name}") as raised:
        load_embedder(ModelChoice(name=name))
    assert "\n" not in str(raised.value)


FETCHING = """
import os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

asked = []

class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from extractor_service.model import ModelChoice, ModelError, fetch, locate

of_the_hub = ModelChoice(name="some/reranker")
for step in (lambda: fetch([ModelChoice(), of_the_hub]), lambda: locate(of_the_hub)):
    try:
        step()
    except ModelError as error:
        print(error, bool(asked))
    locate(ModelChoice())  # From here on the hub's library would stay offline.
    asked.clear()
"""


def test_a_model_of_the_hub_is_asked_for_though_another_one_is_on_this_disk(tmp_path: Path):
    environment = {**os.environ, "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_OFFLINE", None)
    run = [sys.executable, "-c", FETCHING]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert [line.rsplit(" ", 1)[1] for line in done.stdout.splitlines()] == ["True", "True"]
    assert done.stdout.startswith("cannot fetch the model some/reranker")
