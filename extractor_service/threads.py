"""How many CPUs this process may really use: what a container's quota leaves of the machine.

A library that starts one thread per core of a 64-core node inside a 2-CPU container spends its
quota in the first milliseconds of every period and then stands still until the next.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cpus() -> int:
    """The CPUs that the affinity mask and the cgroup's quota leave to this process, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    membership = MEMBERSHIP.read_text() if MEMBERSHIP.exists() else ""
    return whole_cpus(cores, cgroup_quota(CGROUP_ROOT, membership))


def whole_cpus(cores: int, quota: float) -> int:
    """`quota` CPUs out of `cores` as a number of threads.

    Rounded down: two threads in step with each other on 1.5 CPUs are throttled together.
    """
    return max(1, cores if quota >= cores else math.floor(quota))


def cgroup_quota(root: Path, membership: str) -> float:
    """The least CPU quota, in CPUs, of this process's cgroup and those around it; inf without one.

    `root` is where cgroups are mounted and `membership` the text of /proc/self/cgroup. Versions 1
    and 2 are read (kernel documentation: admin-guide/cgroup-v2, "cpu.max"; scheduler/sched-bwc).
    """
    return min(_quotas(root, membership), default=math.inf)


def _quotas(root: Path, membership: str) -> Iterator[float]:
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for folder in _upwards(root, path):
                yield _quota_v2(folder)
        elif "cpu" in controllers.split(","):
            for folder in _upwards(root / controllers, path):
                yield _quota_v1(folder)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The cgroup's folder and those around it; in a container mostly the mount alone."""
    relative = Path(path.lstrip("/"))
    for part in (relative, *relative.parents):
        yield mount / part


def _quota_v2(folder: Path) -> float:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() else math.inf


def _quota_v1(folder: Path) -> float:
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period else math.inf


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:  # not there, or not ours to read: no limit that we could know of
        return ""
