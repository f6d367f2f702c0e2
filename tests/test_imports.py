"""Who may import whom: the architecture, held by the imports that are written in the files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sources import modules

LONGEST_MODULE = 400

MAY_IMPORT_REDIS = {
    "memory_service.store": "is the only code that talks to Redis",
    "memory_service.app": "closes the client, pings it for health",
    "memory_service.embedded": "waits until the server that it started answers",
    "memory_service.backlog_metrics": "hands the client to the store's reader of the backlog",
    "memory_service.model_guard": "hands the client to the store's record of the model",
    "memory_service.reembedding": "hands the client to the store's parts",
}
"""Modules of memory_service that may, and why."""

MAY_IMPORT_GRPC = {
    "memory_service.app": "wires the servicer and the channel",
    "memory_service.servicer": "is the contract's server",
    "memory_service.rpcs": "serves the contract, group by group",
    "memory_service.translate": "turns the contract's messages into the domain's",
    "memory_service.tools": "makes what the contract takes of a model's arguments",
    "memory_service.rpc_errors": "turns the domain's errors into the contract's",
    "memory_service.embedding": "is a client of the extractor",
    "memory_service.model_guard": "reads the extractor's description of its model",
    "memory_service.reembed": "wires the channel, asks the extractor for its model",
    "memory_service.extractor": "is a client of the extractor",
    "memory_service.extractor_channel": "opens the channel to the extractor",
    "memory_service.extractor_stream": "is a client of the extractor",
    "memory_service.extractor_streams": "is a client of the extractor",
    "memory_service.summaries": "is a client of the extractor",
    "memory_service.reconciler": "is a client of the extractor",
    "memory_service.reranking": "is a client of the extractor",
}
"""Modules of memory_service that may name the wire, and why."""

WIRE = ("grpc", "google", "agentmemory")
MODELS = ("torch", "sentence_transformers", "transformers", "spacy", "numpy")


@dataclass(frozen=True)
class Import:
    """That `module` imports `target`, both as dotted names."""

    module: str
    target: str

    def is_from(self, *packages: str) -> bool:
        return any(within(self.module, package) for package in packages)

    def is_of(self, *packages: str) -> bool:
        return any(within(self.target, package) for package in packages)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Yield what is imported anywhere in the file, within functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                yield Import(module, f"{node.module}.{alias.name}")


IMPORTS = [each for name, path in modules().items() for each in imports_of(name, path)]


def forbidden(importing: str, *imported: str, but: tuple[str, ...] = ()) -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.is_from(importing) and each.is_of(*imported) and not each.is_of(*but)
    ]


def users(importing: str, *imported: str) -> set[str]:
    """Return the modules, or packages right below, that import any of these."""
    return {
        ".".join(each.module.split(".")[:2])
        for each in IMPORTS
        if each.is_from(importing) and each.is_of(*imported)
    }


def test_the_kit_knows_neither_service_nor_the_contract() -> None:
    assert forbidden("service_kit", "memory_service", "extractor_service", "agentmemory") == []


def test_the_services_never_import_each_other() -> None:
    assert forbidden("memory_service", "extractor_service") == []
    assert forbidden("extractor_service", "memory_service") == []


def test_nothing_imports_examples_or_tests() -> None:
    assert [each for each in IMPORTS if each.is_of("examples", "tests")] == []


def test_the_domain_knows_itself_alone() -> None:
    domain = "memory_service.domain"
    found = forbidden(domain, *WIRE, "redis", "service_kit")
    # Names of time zones are part of what a memory says; they are a table, and pure.
    assert [each for each in found if not each.is_of("service_kit.time_zones")] == []
    assert forbidden(domain, "memory_service", but=(domain,)) == []
    assert forbidden("extractor_service.domain", *WIRE, "service_kit", "extractor_service") == []


def test_the_store_knows_the_domain_and_redis_but_not_the_wire() -> None:
    store = "memory_service.store"
    # A round trip is timed; the stopwatch, and these two, know nothing but the event loop.
    loop = ("memory_service.cancellation", "memory_service.off_the_loop")
    found = forbidden(store, *WIRE, "service_kit")
    assert [each for each in found if not each.is_of("service_kit.stopwatch")] == []
    assert forbidden(store, "memory_service", but=(store, "memory_service.domain", *loop)) == []


def test_redis_is_imported_only_where_there_is_a_reason() -> None:
    assert users("memory_service", "redis") == set(MAY_IMPORT_REDIS)
    assert users("extractor_service", "redis") | users("service_kit", "redis") == set()


def test_the_wire_is_named_only_where_there_is_a_reason() -> None:
    assert users("memory_service", *WIRE) == set(MAY_IMPORT_GRPC)


def test_the_rules_know_no_wire_no_model_and_nothing_of_the_server() -> None:
    rules = "extractor_service.rules"
    assert forbidden(rules, *WIRE, "service_kit", "torch", "sentence_transformers") == []
    values = ("extractor_service.domain", "extractor_service.reading")
    assert forbidden(rules, "extractor_service", but=(rules, *values)) == []


def test_the_language_models_client_alone_knows_http_and_nothing_there_knows_the_wire() -> None:
    assert {each.module for each in IMPORTS if each.is_of("httpx2")} == {
        "extractor_service.llm.client"
    }
    assert forbidden("extractor_service.llm", *WIRE, *MODELS) == []


def test_only_the_composition_root_knows_the_servicer() -> None:
    for service in ("memory_service", "extractor_service"):
        servicer = f"{service}.servicer"
        assert {each.module for each in IMPORTS if each.is_of(servicer)} == {f"{service}.app"}
        roots = {each.module for each in IMPORTS if each.is_of(f"{service}.app")}
        assert roots == {f"{service}.__main__"}


def test_the_memory_service_imports_no_model() -> None:
    assert forbidden("memory_service", *MODELS) == []
    assert forbidden("service_kit", *MODELS) == []


@pytest.mark.parametrize("module", ["memory_service.app", "memory_service.__main__"])
def test_importing_the_memory_service_loads_no_model_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({MODELS!r}) & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("name", ["utils", "util", "helpers", "common", "misc"])
def test_no_module_is_called_after_nothing(name: str) -> None:
    assert [module for module in modules() if name in module.split(".")] == []


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}
