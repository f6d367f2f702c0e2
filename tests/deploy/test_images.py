"""The images' steps, run by their own scripts in a clean directory, and what the files promise."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor_service.model import BUNDLED_SHA256, ModelChoice, locate
from extractor_service.settings import ExtractorSettings
from memory_service.embedded import EmbeddedRedis
from memory_service.settings import MemorySettings
from service_kit.addresses import split_address
from tests.deploy import sandbox
from tests.support.client import Caller, connected
from tests.support.programs import ended_well, free_address, started, until_it_serves

ROOT = Path(__file__).parents[2]
STEPS = ROOT / "deploy" / "docker"
DOCKERFILES = sorted(STEPS.glob("*.Dockerfile"))
TOOLS = Path(sys.executable).parent
CHECK = runpy.run_path(str(STEPS / "check.py"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"

SOURCES = pytest.mark.source_tree("builds the images from the sources")
WHOLE = "TEST_EXTRACTOR_IMAGE"
"""Set it to install the extractor's image too, which takes minutes: `make test-images` does."""


def step(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STEPS / name), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A clean directory that users without rights may read."""
    with tempfile.TemporaryDirectory(prefix="am-image-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def wheels(place: Path) -> Path:
    built = step("build.sh", str(place / "wheels"))
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("the build backend cannot be downloaded")
    assert built.returncode == 0, built.stderr
    return place / "wheels"


@pytest.fixture(scope="module")
def memory_image(place: Path, wheels: Path) -> Path:
    return installed(place / "memory", wheels, "none")


def installed(environment: Path, wheels: Path, torch: str, extras: str = "") -> Path:
    done = step(
        *("install.sh", str(environment), str(wheels), "requirements.txt", torch), EXTRAS=extras
    )
    assert done.returncode == 0, done.stderr
    return environment


def contained(program: Path) -> list[str]:
    """The command line that runs the program in a container as far as this machine can make one."""
    return [str(program)] if sandbox.missing() else sandbox.confined([str(program)])


@SOURCES
async def test_the_memory_image_serves_without_rights_and_drains(
    place: Path, memory_image: Path
) -> None:
    address = free_address()
    async with EmbeddedRedis(place / "redis") as redis:
        _let_everybody_reach(place / "redis")
        settings = {
            "MEMORY_BIND": address,
            "MEMORY_METRICS_PORT": "0",
            "MEMORY_EXTRACTOR": "127.0.0.1:1",
            "REDIS_URL": redis.url,
        }
        async with started(contained(memory_image / "bin" / "agent-memory"), settings) as process:
            await until_it_serves(address, process)
            async with connected(address) as stub:
                caller = Caller(stub, user="alice")
                await caller.create("Alice keeps bees.")
                assert await caller.texts() == {"Alice keeps bees."}
            assert "stopped" in await ended_well(process)


def _let_everybody_reach(directory: Path) -> None:
    directory.chmod(0o755)
    (directory / "redis.sock").chmod(0o777)


@pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing())
def test_what_is_confined_can_write_nowhere_but_to_its_temporary_folder(place: Path) -> None:
    places = [sandbox.TEMPORARY, "/", "/tmp", "/usr", str(place)]
    code = "import os, sys; print(os.getuid(), *(os.access(p, os.W_OK) for p in sys.argv[1:]))"
    command = sandbox.confined([sys.executable, "-c", code, *places])
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(sandbox.NOBODY), "True", *["False"] * 4]


@SOURCES
def test_the_memory_image_has_neither_torch_nor_pip_nor_a_cache(memory_image: Path) -> None:
    (packages,) = memory_image.glob("lib/python*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert {"memory_service", "redis"} <= names
    assert {"torch", "spacy", "transformers", "numpy", "pip", "opentelemetry"} & names == set()
    assert not list(memory_image.glob("bin/pip*"))
    megabytes = sum(f.stat().st_size for f in memory_image.rglob("*") if f.is_file()) / 2**20
    assert megabytes < 200


@SOURCES
def test_an_image_can_be_built_with_tracing(place: Path, wheels: Path) -> None:
    python = installed(place / "traced", wheels, "none", "tracing") / "bin" / "python"
    code = "import service_kit.tracing.otel, memory_service.app"
    subprocess.run([str(python), "-I", "-c", code], cwd="/", check=True)
    for dockerfile in DOCKERFILES:
        build = dockerfile.read_text().split("FROM ${PYTHON}")[1]
        assert 'ARG EXTRAS=""' in build


@SOURCES
@pytest.mark.skipif(not os.environ.get(WHOLE), reason=f"takes minutes; {WHOLE}=1 runs it")
@pytest.mark.timeout(900)
async def test_the_extractor_image_serves_its_model_without_rights_and_drains(
    place: Path, wheels: Path
) -> None:
    environment = installed(place / "extractor", wheels, "cpu")
    baked = step("bake-model.sh", str(environment), HF_HOME=str(place / "models"))
    assert baked.returncode == 0, baked.stderr
    assert BUNDLED_SHA256 in baked.stdout
    address = free_address()
    settings = {
        "EXTRACTOR_BIND": address,
        "EXTRACTOR_METRICS_PORT": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(place / "models"),
    }
    program = environment / "bin" / "agent-memory-extractor"
    async with started(contained(program), settings) as process:
        await until_it_serves(address, process)
        assert "stopped" in await ended_well(process)


@pytest.fixture(scope="module")
def hub(place: Path) -> Path:
    """A cache as the hub's client leaves it after fetching acme/small at a commit."""
    folder = place / "hub-home" / "hub" / "models--acme--small" / "snapshots" / COMMIT
    shutil.copytree(locate(ModelChoice()).folder, folder, symlinks=False)
    return place / "hub-home"


def baked_other(hub: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    chosen = {"EXTRACTOR_MODEL": "acme/small", "HF_HOME": str(hub), "HF_HUB_OFFLINE": "1"}
    return step("bake-model.sh", sys.prefix, **chosen, **environment)


def test_another_model_is_baked_at_a_commit_and_with_a_hash(hub: Path) -> None:
    done = baked_other(hub, EXTRACTOR_MODEL_REVISION=COMMIT, EXTRACTOR_MODEL_SHA256=BUNDLED_SHA256)
    assert done.stdout == f"model acme/small, weights {BUNDLED_SHA256}\n", done.stderr


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "MODEL_REVISION"),
        ({"EXTRACTOR_MODEL_REVISION": "main"}, "MODEL_REVISION"),
        ({"EXTRACTOR_MODEL_REVISION": COMMIT}, "MODEL_SHA256"),
        (
            {"EXTRACTOR_MODEL_REVISION": COMMIT, "EXTRACTOR_MODEL_SHA256": "0" * 64},
            "have SHA-256",
        ),
    ],
)
def test_a_model_that_is_not_pinned_or_not_what_its_hash_says_fails_the_build(
    hub: Path, environment: dict[str, str], why: str
) -> None:
    done = baked_other(hub, **environment)
    assert done.returncode != 0
    assert why in done.stderr


@pytest.mark.parametrize(
    ("found", "torch", "fault"),
    [
        ({"redis": "8.1.0"}, "none", None),
        ({"redis": "8.0.0"}, "none", "redis 8.0.0 is not pinned"),
        ({"unheard-of": "1.0"}, "none", "unheard-of 1.0 is not pinned"),
        ({"torch": "2.13.0"}, "none", "torch is installed"),
        ({"torch": "2.13.0+cpu"}, "cpu", None),
        ({"torch": "2.13.0", "nvidia-cudnn-cu13": "9.1"}, "cuda", None),
        ({"torch": "2.13.0", "nvidia-cudnn-cu13": "9.1"}, "cpu", "torch is the one for CUDA"),
        ({"torch": "2.13.0+cpu"}, "cuda", "torch is the one without CUDA"),
        ({"pip": "25.0"}, "none", "pip is installed"),
    ],
)
def test_an_environment_with_a_fault_fails_the_build(
    found: dict[str, str], torch: str, fault: str | None
) -> None:
    pinned = CHECK["pins"]("redis==8.1.0\ntorch==2.13.0\npip==25.0\n")
    told = list(CHECK["faults"](found, pinned, torch))
    assert (not told) if fault is None else any(fault in line for line in told)


def test_every_step_and_every_dockerfile_passes_its_linter() -> None:
    for linter, files in (("hadolint", DOCKERFILES), ("shellcheck", sorted(STEPS.glob("*.sh")))):
        linted = subprocess.run(
            [str(TOOLS / linter), *map(str, files)], capture_output=True, text=True, check=False
        )
        assert (linted.returncode, linted.stdout) == (0, ""), linted.stdout + linted.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_every_image_is_pinned_runs_without_rights_and_ends_with_what_it_needs(
    dockerfile: Path,
) -> None:
    text = dockerfile.read_text()
    (base,) = re.findall(r"^ARG PYTHON=(.*)$", text, re.MULTILINE)
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    build, final = text.split("FROM ${PYTHON}")[1:]
    assert build.startswith(" AS build\n")
    assert "strip.sh" in final
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == [f"{sandbox.NOBODY}:{sandbox.NOBODY}"]
    assert set(re.findall(r"^COPY (\S+)", final, re.MULTILINE)) == {"--from=build"}


def test_the_images_are_the_three_that_are_promised_and_expose_the_settings_ports() -> None:
    settings = {
        "memory": MemorySettings(),
        "extractor-cpu": ExtractorSettings(),
        "extractor-gpu": ExtractorSettings(),
    }
    assert {path.stem for path in DOCKERFILES} == set(settings)
    for path in DOCKERFILES:
        of = settings[path.stem]
        (exposed,) = re.findall(r"^EXPOSE (.*)$", path.read_text(), re.MULTILINE)
        assert exposed == f"{split_address(of.bind)[1]} {of.metrics_port}"


def test_the_settings_that_the_images_set_are_settings() -> None:
    known = {f"EXTRACTOR_{name.upper()}" for name in ExtractorSettings.model_fields}
    for path in DOCKERFILES:
        assert set(re.findall(r"\b(EXTRACTOR_\w+)=", path.read_text())) <= known
