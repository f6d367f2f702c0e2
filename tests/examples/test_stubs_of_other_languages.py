"""docs/clients.md: the stubs that it tells how to make are made, and its programs run on them.

Go and Java have no plugins on PyPI or npm: they are made where these are installed.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.node import PACKAGES, needs_node, run

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGE = (ROOT / "docs/clients.md").read_text()
MEMORY = "127.0.0.1:50051"
"""The address that the page is written for."""
COMPILE = "--strict --target es2022 --module nodenext --skipLibCheck --outDir . client.ts".split()


def program(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


async def generate(language: str, folder: Path) -> None:
    template = f"deploy/client/buf.gen.{language}.yaml"
    await run(str(BIN / "buf"), "generate", "--template", template, "-o", str(folder), cwd=ROOT)


async def test_the_python_stubs_are_made_as_the_page_says(tmp_path: Path) -> None:
    commands = re.sub(r"^pip install .*\n", "", program("sh python"))
    commands = f"set -e\n{commands.replace('gen/python', f'{tmp_path}/python')}"
    await run("bash", "-c", commands, cwd=ROOT, path=BIN)
    made = {path.name for path in (tmp_path / "python/agentmemory/v1").iterdir()}
    assert {"memory_service_pb2.py", "memory_service_pb2.pyi"} <= made
    assert "memory_service_pb2_grpc.py" in made


@needs_node
@pytest.mark.usefixtures("node_packages")
async def test_the_typescript_of_the_page_compiles_and_finds_a_memory(
    memory_address: str, tmp_path: Path
) -> None:
    await generate("typescript", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    code = program("ts").replace(MEMORY, memory_address).replace('"alice"', '"typescript"')
    (tmp_path / "client.ts").write_text(code)
    await run("tsc", *COMPILE, cwd=tmp_path)
    await run("node", "remember.js", memory_address, "typescript")
    assert "Alice is allergic to nuts." in await run("node", "client.js", cwd=tmp_path)


@pytest.mark.skipif(not shutil.which("protoc-gen-go-grpc"), reason="Go's plugins are not installed")
async def test_the_go_stubs_are_importable_by_the_path_that_the_template_names(
    tmp_path: Path,
) -> None:
    await generate("go", tmp_path)
    made = (tmp_path / "gen/go/agentmemory/v1/memory_service.pb.go").read_text()
    assert "package agentmemoryv1" in made
    assert '"google.golang.org/protobuf/types/known/timestamppb"' in made
    described = (tmp_path / "gen/go/agentmemory/v1/extractor_service.pb.go").read_text()
    assert '"google.golang.org/genproto/googleapis/rpc/status"' in described


@pytest.mark.skipif(
    not shutil.which("protoc-gen-grpc-java"), reason="Java's plugins are not installed"
)
async def test_the_java_stubs_are_in_their_package(tmp_path: Path) -> None:
    await generate("java", tmp_path)
    made = tmp_path / "gen/java/dev/agentmemory/v1"
    assert (made / "MemoryServiceGrpc.java").exists()
    assert "package dev.agentmemory.v1;" in (made / "SearchHit.java").read_text()
