"""`make bench-index` on a thousand memories: that it works, not how fast anything is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.index.__main__ import main
from tests.benchmarks.index.measuring import EFS, MAKES
from tests.benchmarks.index.population import OWNERS, ask, nearest, populate


def test_every_make_is_measured_written_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "index.json"
    assert main(["--quick", "--out", str(out)]) == 0
    results = json.loads(out.read_text())["results"]
    assert [tuple(result["make"].values()) for result in results] == [
        (make.algorithm, make.precision) for make in MAKES
    ]
    for result in results:
        flat = result["make"]["algorithm"] == "FLAT"
        assert len(result["searches"]) == 3 * (1 if flat else len(EFS))
        recalls = [search["recall"] for search in result["searches"]]
        assert min(recalls) > (0.95 if flat else 0.5)
        assert result["load_rate"] > 0
        assert result["loaded"]["server_bytes"] > 0
    full, half = (result["loaded"]["vector_index_bytes"] for result in results[:2])
    assert 0.4 < half / full < 0.6
    assert "| FLAT FLOAT32 |" in capsys.readouterr().out
    assert "| HNSW FLOAT16 | 200 | all |" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_an_owner_has_many_memories_and_the_others_the_rest() -> None:
    population = populate(2_000, 1_000)
    sizes = [len(population.rows(owner)) for owner in range(OWNERS)]
    assert sizes[0] == 1_000
    assert sum(sizes) == population.size == len(list(population.owner_of()))
    assert set(sizes[1:]) <= {4, 5}


def test_vectors_have_unit_length_and_a_question_is_near_its_topic() -> None:
    population = populate(1_000, 500)
    assert np.linalg.norm(population.vectors, axis=1) == pytest.approx(np.ones(1_000), abs=1e-5)
    (question,) = ask(population, range(1), 1)
    cosines = population.vectors @ question.vector
    best = nearest(population.vectors, question.vector, 10)
    assert set(best) == set(np.argsort(-cosines)[:10].tolist())
    assert cosines.max() > cosines.mean() + 0.3
