"""Make, list and revoke API keys: ``python -m service_kit.keys new --file keys.json …``.

Servers take up the change within a second. To replace a key, make a second one for the same tenant
and subject, hand it out, and revoke the first. A key is shown once, when it is made.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service_kit.auth.api_keys import ApiKey, KeyFile, new_secret, parse_keys
from service_kit.auth.grants import ROLES
from service_kit.auth.identity import ALL


def mint(arguments: argparse.Namespace) -> str:
    """Add a key to the file, and return it. ValueError if it would not be a good entry."""
    key, id_, sha256 = new_secret()
    now = datetime.now(UTC).replace(microsecond=0)
    entry = ApiKey(
        id=id_,
        sha256=sha256,
        tenant=arguments.tenant,
        subject=arguments.subject,
        role=arguments.role,
        namespaces=arguments.namespace or [ALL],
        created=now,
        expires=now + timedelta(days=arguments.days) if arguments.days else None,
    )
    keys = read(arguments.file) if arguments.file.exists() else []
    write(arguments.file, [*keys, entry])
    return key


def revoke(arguments: argparse.Namespace) -> str:
    """Take a key out of the file, and say so. ValueError if it is not there."""
    keys = read(arguments.file)
    left = [key for key in keys if key.id != arguments.id]
    if len(left) == len(keys):
        raise ValueError(f"there is no key {arguments.id}")
    write(arguments.file, left)
    return f"{arguments.id} is revoked"


def listing(arguments: argparse.Namespace) -> str:
    """Return a line for each key; none of the secrets is known here."""
    return "\n".join(
        f"{key.id}  {key.tenant}  {key.subject}  {key.role}  {','.join(key.namespaces)}  "
        f"created {key.created:%Y-%m-%d}"
        + (f"  expires {key.expires:%Y-%m-%d}" if key.expires else "")
        for key in read(arguments.file)
    )


def read(path: Path) -> list[ApiKey]:
    """Return the keys of a file. Raises OSError, ValueError."""
    return list(parse_keys(path.read_bytes()).values())


def write(path: Path, keys: Sequence[ApiKey]) -> None:
    """Replace the file in one step, for its owner alone to read."""
    document = KeyFile(keys=list(keys)).model_dump(mode="json", exclude_none=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    Path(name).replace(path)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    whole = argparse.ArgumentParser(prog="python -m service_kit.keys", description=__doc__)
    commands = whole.add_subparsers(required=True)
    new = commands.add_parser("new", help="make a key, print it, and keep its hash in the file")
    new.add_argument("--tenant", required=True)
    new.add_argument("--subject", default="service", help="who uses it, within the tenant")
    new.add_argument("--role", choices=ROLES, default="write")
    new.add_argument(
        "--namespace", action="append", help="allow this one; may be repeated. Default: all"
    )
    new.add_argument("--days", type=int, help="how long it is good for. Default: until revoked")
    new.set_defaults(run=mint)
    gone = commands.add_parser("revoke", help="take a key out of the file")
    gone.add_argument("id", help="the part of the key between the underscores")
    gone.set_defaults(run=revoke)
    shown = commands.add_parser("list", help="show what is in the file")
    shown.set_defaults(run=listing)
    for command in (new, gone, shown):
        command.add_argument("--file", type=Path, required=True, help="the file of keys")
    return whole


def main(argv: Sequence[str] | None = None) -> None:
    """Do it; one line on stderr and a code other than 0 if that cannot be."""
    arguments = parser().parse_args(argv)
    try:
        print(arguments.run(arguments))  # noqa: T201
    except OSError as error:
        sys.exit(f"keys: {arguments.file}: {(error.strerror or 'cannot be used').lower()}")
    except ValueError as error:
        sys.exit(f"keys: {error}")


if __name__ == "__main__":
    main()
