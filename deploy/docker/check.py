"""What an image's environment must be: `python -I check.py REQUIREMENTS none|cpu|cuda`.

Everything in it has the version that REQUIREMENTS pins; neither pip nor a compiler's output is in
it; torch is not there, or is the one without or with CUDA. Exits with a line for each fault.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

OWN = "agent-memory-grpc"
NOT_WANTED = ("pip", "wheel")

# What torch for CUDA brings, at versions that torch itself pins.
OF_CUDA = re.compile(r"nvidia-|cuda-|triton$")


def canonical(name: str) -> str:
    """The one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(requirements: str) -> dict[str, str]:
    """What a requirements file pins exactly, by canonical name."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", requirements, re.MULTILINE)
    return {canonical(name): version for name, version in found}


def faults(installed: dict[str, str], pinned: dict[str, str], torch: str) -> Iterator[str]:
    """Yield what is wrong with these distributions, a line each."""
    for name, version in sorted(installed.items()):
        if name in NOT_WANTED:
            yield f"{name} is installed"
        if name == OWN or (torch == "cuda" and OF_CUDA.match(name)):
            continue
        # A local version, as in 2.13.0+cpu, is a build of the version that is pinned.
        if version.partition("+")[0] != pinned.get(name):
            yield f"{name} {version} is not pinned by the requirements"
    if torch == "none" and "torch" in installed:
        yield "torch is installed, which MemoryService does without"
    with_cuda = any(name.startswith("nvidia-") for name in installed)
    if torch == "cpu" and with_cuda:
        yield "torch is the one for CUDA; name an index of wheels without it by TORCH_INDEX"
    if torch == "cuda" and not with_cuda:
        yield "torch is the one without CUDA"


def main() -> int:
    """Check the environment that runs this."""
    requirements, torch = sys.argv[1:]
    installed = {canonical(d.name): d.version for d in distributions()}
    found = list(faults(installed, pins(Path(requirements).read_text()), torch))
    for fault in found:
        sys.stderr.write(f"check.py: {fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
