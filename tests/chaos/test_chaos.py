"""A short run of the chaos suite: every kind of fault, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.__main__ import report
from tests.chaos.picture import draw
from tests.chaos.run import Plan, run
from tests.chaos.schedule import LINK_KINDS, PROCESS_KINDS

PLAN = Plan(seed=7, seconds=10, faults=20, turns=60)


@pytest.mark.timeout(240)
async def test_nothing_is_lost_under_faults_of_every_kind(tmp_path: Path) -> None:
    record = await run(PLAN)
    report(record)
    assert record.broken == []
    assert {each.fault.kind for each in record.struck} == {*PROCESS_KINDS, *LINK_KINDS}
    answered = {call for call, outcomes in record.counts().items() if outcomes["OK"]}
    assert answered >= {"append", "create", "change", "read", "get", "list", "search"}
    draw(tmp_path / "chaos.png", record, "a short run")
    assert (tmp_path / "chaos.png").stat().st_size > 0
