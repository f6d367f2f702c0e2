"""Generate what is made from the protos: `python protos/generate.py`.

The Python stubs, REFERENCE.md, and agentmemory.protoset: the contract, health and error details as
a FileDescriptorSet, for grpcurl and other tools where server reflection is off.

With `--check` nothing is written: exit status 1, and the names of what is not current.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_health.v1 import health_pb2
from grpc_tools import protoc

sys.path.insert(0, str(Path(__file__).parent))
from reference import reference

ROOT = Path(__file__).parent
PROTOS = sorted(str(path) for path in (ROOT / "agentmemory").rglob("*.proto"))
# Named by path: the environment need not be activated.
_PLUGINS = [
    f"--plugin=protoc-gen-{name}={Path(sys.executable).with_name(f'protoc-gen-{name}')}"
    for name in ("mypy", "mypy_grpc")
]
PAGE = "REFERENCE.md"
PROTOSET = "agentmemory.protoset"
SERVICES = [path for path in PROTOS if path.endswith("_service.proto")]
_DETAILS = str(ROOT / "google/rpc/error_details.proto")


def generate(directory: Path) -> int:
    """Write messages, services, their types, the page and the set; return protoc's status."""
    return (
        _stubs_of(["python", "mypy"], PROTOS, directory)
        or _stubs_of(["grpc_python", "mypy_grpc"], SERVICES, directory)
        or _page(directory)
        or _protoset(directory)
    )


def _stubs_of(plugins: Sequence[str], protos: Sequence[str], directory: Path) -> int:
    outputs = [
        f"--{plugin}_out={'quiet:' if 'mypy' in plugin else ''}{directory}" for plugin in plugins
    ]
    return _protoc(*_PLUGINS, *outputs, *protos)


def _page(directory: Path) -> int:
    status, files = _described("--include_source_info", *PROTOS)
    (directory / PAGE).write_text(reference(files))
    return status


def _protoset(directory: Path) -> int:
    status, files = _described("--include_imports", *PROTOS, _DETAILS)
    health_pb2.DESCRIPTOR.CopyToProto(files.file.add())
    (directory / PROTOSET).write_bytes(files.SerializeToString(deterministic=True))
    return status


def _described(*arguments: str) -> tuple[int, FileDescriptorSet]:
    with tempfile.NamedTemporaryFile() as described:
        status = _protoc(f"--descriptor_set_out={described.name}", *arguments)
        return status, FileDescriptorSet.FromString(described.read())


def _protoc(*arguments: str) -> int:
    includes = [f"-I{ROOT}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    return int(protoc.main(["protoc", *includes, *arguments]))


def check() -> int:
    """Generate elsewhere and compare; name on stderr what differs, is missing or is too much."""
    with tempfile.TemporaryDirectory() as directory:
        if status := generate(Path(directory)):
            return status
        fresh, here = _made(Path(directory)), _made(ROOT)
    stale = sorted(name for name in fresh | here if fresh.get(name) != here.get(name))
    for name in stale:
        sys.stderr.write(f"{ROOT.name}/{name} is not current: run make protos\n")
    return 1 if stale else 0


def _made(directory: Path) -> dict[str, bytes]:
    names = ("*_pb2*.py", "*_pb2*.pyi", PAGE, PROTOSET)
    paths = [path for name in names for path in directory.rglob(name)]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def main(arguments: Sequence[str]) -> int:
    """Generate, or check."""
    return check() if "--check" in arguments else generate(ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
