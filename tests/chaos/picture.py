"""A run on a line of time: what was struck, what was answered, and what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.chaos.record import Record
from tests.chaos.schedule import LINK_KINDS, LINKS, PROCESS_KINDS, PROCESSES

_MIB = 1024 * 1024
_COLOURS = {kind: colormaps["tab10"](i) for i, kind in enumerate((*PROCESS_KINDS, *LINK_KINDS))}


def draw(path: Path, record: Record, title: str) -> None:
    """Write a PNG of faults by target, calls a second, failures a second, and sizes."""
    figure = Figure(figsize=(16, 11), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2, 2, 2]}
    )
    _faults(panels[0], record)
    answered = [(t, call) for t, call, outcome in record.outcomes if outcome == "OK"]
    failed = [(t, outcome) for t, _, outcome in record.outcomes if outcome != "OK"]
    _rates(panels[1], answered, "answered a second")
    _rates(panels[2], failed, "failed a second")
    _sizes(panels[3], record)
    panels[3].set_xlabel("seconds")
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _faults(axes: Axes, record: Record) -> None:
    targets = [*PROCESSES, *LINKS]
    for kind, colour in _COLOURS.items():
        struck = [each for each in record.struck if each.fault.kind == kind]
        axes.barh(
            [targets.index(each.fault.target) for each in struck],
            # A cut takes no time, but is to be seen.
            [max(each.ended - each.began, 0.3) for each in struck],
            left=[each.began for each in struck],
            color=colour,
            label=f"{kind} ({len(struck)})",
        )
    axes.set_yticks(range(len(targets)), targets)
    axes.invert_yaxis()
    axes.set_title("faults")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _rates(axes: Axes, events: Sequence[tuple[float, str]], title: str) -> None:
    counts = Counter((int(t), name) for t, name in events)
    last = max((second for second, _ in counts), default=0)
    for name in sorted({name for _, name in counts}):
        axes.plot([counts[second, name] for second in range(last + 1)], label=name)
    axes.set_title(title)
    if counts:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _sizes(axes: Axes, record: Record) -> None:
    for number, name in enumerate(sorted({size.name for size in record.sizes})):
        sizes = [size for size in record.sizes if size.name == name]
        axes.plot(
            [size.seconds for size in sizes],
            [size.bytes / _MIB for size in sizes],
            ".",
            markersize=2,
            color=colormaps["tab10"](number),
            label=name,
        )
    axes.set(title="MiB resident", yscale="log")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
