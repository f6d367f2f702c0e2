"""Latency by percentile, each operation a curve: the tail is what averages hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .measure import Sample
from .plan import CROWD, Case

_TICKS = {1.0: "0", 0.5: "50", 0.1: "90", 0.01: "99", 0.001: "99.9"}

_Colours = Mapping[str, tuple[float, float, float, float]]


def draw(path: Path, results: Mapping[Case, Sequence[Sample]]) -> None:
    """Write a PNG with a panel for a single caller and one for CROWD. Batches are left out."""
    single = {case: rounds for case, rounds in results.items() if rounds[0].units == 1}
    names = list(dict.fromkeys(case.name for case in single))
    figure = Figure(figsize=(16, 6), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
    for axes, concurrency in zip(panels, (1, CROWD), strict=True):
        shown = {case: r for case, r in single.items() if case.concurrency == concurrency}
        _panel(axes, shown, {name: colormaps["tab20"](i) for i, name in enumerate(names)})
        axes.set_title("1 caller" if concurrency == 1 else f"{concurrency} callers")
    panels[0].set_ylabel("latency, ms")
    figure.suptitle("Latency by percentile (dashed: baselines)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, results: Mapping[Case, Sequence[Sample]], colours: _Colours) -> None:
    curves = {
        case: curve([latency for sample in rounds for latency in sample.latencies])
        for case, rounds in results.items()
    }
    # The slowest first, so that the legend stands in the order of the curves.
    for case in sorted(curves, key=lambda case: median(curves[case][1]), reverse=True):
        style = "--" if case.is_baseline else "-"
        axes.plot(*curves[case], style, color=colours[case.name], label=case.name)
    axes.set(xscale="log", yscale="log", xlabel="percentile of calls")
    axes.invert_xaxis()
    axes.set_xticks(list(_TICKS), list(_TICKS.values()), minor=False)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def curve(latencies: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the share of calls that took longer or as long, and how many ms that is, in order.

    A logarithmic axis of that share gives each further nine of the percentile the same room.
    """
    ordered = sorted(latencies)
    shares = [1 - rank / len(ordered) for rank in range(len(ordered))]
    return shares, [latency * 1000 for latency in ordered]
