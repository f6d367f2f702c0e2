"""Child processes that end with their parent, however the parent ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# A process of its own sets the signal and becomes the program: no code of ours runs between fork
# and exec of a process that has threads. If the parent is gone already, no signal will come.
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def tied_to_this_process(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` and gets SIGTERM when this process ends.

    `command[0]` is a path. Start it from a thread that lives as long as the child shall: Linux
    takes the end of that thread for the end of the parent. Elsewhere the child is not tied.
    """
    return [sys.executable, "-ISc", _LAUNCHER, str(os.getpid()), *command]
