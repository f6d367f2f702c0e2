"""The modules of the project's packages as files, wherever the packages are imported from."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("memory_service", "extractor_service", "service_kit")


def folder(package: str) -> Path:
    """Where the package lies that `import package` gives: beside the tests, or installed."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def files(*packages: str) -> list[Path]:
    """The modules of these packages, of all by default; there are some of each."""
    found = [sorted(folder(package).rglob("*.py")) for package in packages or PACKAGES]
    assert all(found)
    return [path for paths in found for path in paths]


def modules() -> dict[str, Path]:
    """All modules by name."""
    return {
        path.relative_to(folder(package).parent).with_suffix("").as_posix().replace("/", "."): path
        for package in PACKAGES
        for path in files(package)
    }
