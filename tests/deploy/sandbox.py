"""A process as in a container: no rights, no home, one small temporary folder to write to."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NOBODY = 65532
"""The user of the images."""

_UNVEIL = (
    'mount --bind "$base" /mnt && mount -t tmpfs -o mode=755 tmpfs "$veil" && mkdir -p "$base" '
    '&& mount --bind /mnt "$base" && umount /mnt && mount -o remount,ro "$veil" && '
)
"""Lets others than root reach the interpreter where it lies in a private directory, root's home."""

TEMPORARY = "/var/tmp"
"""Where the process may write, as to the volume that the manifests mount at /tmp."""

_READ_ONLY = (
    f"mount -o remount,ro,bind / && mount -t tmpfs -o mode=1777,size=64m tmpfs {TEMPORARY} && "
    f'exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs "$@"'
)


def confined(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` so; it becomes the program, so signals reach it."""
    base = Path(sys.base_prefix)
    private = [path for path in reversed(base.parents) if not path.stat().st_mode & stat.S_IXOTH]
    veiled = f"base={base} veil={private[0]} && {_UNVEIL}" if private else ""
    script = f"mount --make-rprivate / && {veiled}{_READ_ONLY}"
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


def missing() -> str:
    """What is missing here to confine a process, or nothing."""
    if os.geteuid() != 0:
        return "only root may confine a process"
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return "unshare and setpriv are missing"
    tried = subprocess.run(confined(["true"]), capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine lets nobody mount"
