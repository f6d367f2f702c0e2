from __future__ import annotations

import math
from pathlib import Path

import pytest

from extractor_service.threads import cgroup_quota, usable_cpus, whole_cpus


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("", {}, math.inf),
        ("0::/\n", {}, math.inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        # the path of the host, inside a container that sees its own cgroup as the root
        ("0::/kubepods/pod1\n", {"cpu.max": "200000 100000\n"}, 2),
        # the group around ours has less
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "50000 100000"}, 0.5),
        ("0::/a\n", {"a/cpu.max": "max 100000", "b/cpu.max": "50000 100000"}, math.inf),
        (
            "3:cpu,cpuacct:/docker/1\n1:memory:/docker/1\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "300000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("1:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1"}, math.inf),
        (
            "1:cpu:/\n0::/\n",
            {
                "cpu/cpu.cfs_quota_us": "200000",
                "cpu/cpu.cfs_period_us": "50000",
                "cpu.max": "100000 50000",
            },
            2,
        ),
    ],
)
def test_the_quota_is_the_least_of_the_cgroups_around_the_process(
    tmp_path: Path, membership: str, files: dict[str, str], quota: float
):
    write(tmp_path, files)

    assert cgroup_quota(tmp_path, membership) == quota


@pytest.mark.parametrize(
    ("cores", "quota", "threads"),
    [(8, math.inf, 8), (8, 8, 8), (8, 2, 2), (8, 1.5, 1), (8, 0.25, 1), (2, 16, 2), (1, 1, 1)],
)
def test_a_quota_is_rounded_down_to_whole_cpus_but_never_to_none(
    cores: int, quota: float, threads: int
):
    assert whole_cpus(cores, quota) == threads


def test_this_process_has_a_cpu():
    assert usable_cpus() >= 1
