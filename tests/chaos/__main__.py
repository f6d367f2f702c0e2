"""`make chaos`: a long run, with its figures, a picture, and an exit status."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections import Counter
from pathlib import Path

from tests.chaos.picture import draw
from tests.chaos.record import Record
from tests.chaos.run import Plan, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--faults", type=int, default=10_000, help="at most so many")
    parser.add_argument("--out", type=Path, default=Path("build/chaos.png"))
    given = parser.parse_args()
    plan = Plan(given.seed, seconds=given.minutes * 60, faults=given.faults)
    print(f"seed {plan.seed}, {given.minutes:g} minutes", flush=True)
    record = asyncio.run(run(plan))
    report(record)
    title = f"seed {plan.seed}: {len(record.struck)} faults, {len(record.broken)} broken promises"
    draw(given.out, record, title)
    print(f"picture: {given.out}")
    return 1 if record.broken else 0


def report(record: Record) -> None:
    """Print faults, calls and what was broken."""
    struck = Counter(f"{each.fault.kind} {each.fault.target}" for each in record.struck)
    print(f"{len(record.struck)} faults: " + ", ".join(f"{n} {k}" for k, n in struck.most_common()))
    for call, outcomes in sorted(record.counts().items()):
        print(f"  {call:8}" + ", ".join(f"{n} {code}" for code, n in outcomes.most_common()))
    for line in record.broken:
        print(f"BROKEN {line}")
    print(", ".join(f"{what} after {seconds:.0f} s" for what, seconds in record.phases.items()))
    print("nothing lost" if not record.broken else f"{len(record.broken)} broken promises")


if __name__ == "__main__":
    sys.exit(main())
