"""Generate the Python stubs beside their protos: `python protos/generate.py`, or `make protos`.

With `--check` nothing is written: exit status 1, and the names of the stubs that are not current.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent
PROTOS = sorted(str(path) for path in (ROOT / "agentmemory").rglob("*.proto"))
# Named by path: the environment need not be activated.
_PLUGINS = [
    f"--plugin=protoc-gen-{name}={Path(sys.executable).with_name(f'protoc-gen-{name}')}"
    for name in ("mypy", "mypy_grpc")
]
SERVICES = [path for path in PROTOS if path.endswith("_service.proto")]


def generate(directory: Path) -> int:
    """Write messages, services and the types of both (by mypy-protobuf); return protoc's status."""
    return _protoc(["python", "mypy"], PROTOS, directory) or _protoc(
        ["grpc_python", "mypy_grpc"], SERVICES, directory
    )


def _protoc(plugins: Sequence[str], protos: Sequence[str], directory: Path) -> int:
    includes = [f"-I{ROOT}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    outputs = [
        f"--{plugin}_out={'quiet:' if 'mypy' in plugin else ''}{directory}" for plugin in plugins
    ]
    return int(protoc.main(["protoc", *_PLUGINS, *includes, *outputs, *protos]))


def check() -> int:
    """Generate elsewhere and compare; name on stderr what differs, is missing or is too much."""
    with tempfile.TemporaryDirectory() as directory:
        if status := generate(Path(directory)):
            return status
        fresh, here = _stubs(Path(directory)), _stubs(ROOT)
    stale = sorted(name for name in fresh | here if fresh.get(name) != here.get(name))
    for name in stale:
        sys.stderr.write(f"{ROOT.name}/{name} is not current: run make protos\n")
    return 1 if stale else 0


def _stubs(directory: Path) -> dict[str, bytes]:
    paths = (*directory.rglob("*_pb2*.py"), *directory.rglob("*_pb2*.pyi"))
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def main(arguments: Sequence[str]) -> int:
    """Generate, or check."""
    return check() if "--check" in arguments else generate(ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
