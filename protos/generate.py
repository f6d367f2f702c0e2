"""Generate the Python stubs beside their protos: `python protos/generate.py`, or `make protos`."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent
PROTOS = sorted(str(path) for path in (ROOT / "agentmemory").rglob("*.proto"))
SERVICES = [path for path in PROTOS if path.endswith("_service.proto")]


def generate(plugins: list[str], protos: list[str]) -> int:
    """Run protoc with `plugins` over `protos` and return its exit status."""
    includes = [f"-I{ROOT}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    outputs = [f"--{plugin}_out={'quiet:' if 'mypy' in plugin else ''}{ROOT}" for plugin in plugins]
    return int(protoc.main(["protoc", *includes, *outputs, *protos]))


def main() -> int:
    """Generate messages, services, and the types of both (by mypy-protobuf)."""
    return generate(["python", "mypy"], PROTOS) or generate(["grpc_python", "mypy_grpc"], SERVICES)


if __name__ == "__main__":
    sys.exit(main())
