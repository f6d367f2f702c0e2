"""Recall against the time that a search computes: up and to the left is better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .measuring import MAKES, Result

_COLOURS = dict(zip(map(str, MAKES), ("#1b6ca8", "#7fb2d6", "#c4561c", "#e9a97c"), strict=True))
_MARKERS = "osD"


def draw(path: Path, results: Sequence[Result]) -> None:
    """Write a PNG: a panel for each size, and bars of memory and load rate beside them."""
    sizes = list(dict.fromkeys(result.size for result in results))
    panels = len(sizes) + 1
    figure = Figure(figsize=(5 * panels, 4.2), layout="constrained")
    axes: Sequence[Axes] = figure.subplots(1, panels)
    for panel, size in zip(axes, sizes, strict=False):
        _recall(panel, [result for result in results if result.size == size])
        panel.set_title(f"{size.memories:,} memories")
    axes[0].set_ylabel("recall@10")
    _memory(axes[-1], [result for result in results if result.size == sizes[-1]])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _recall(axes: Axes, results: Sequence[Result]) -> None:
    for result in results:
        colour = _COLOURS[str(result.make)]
        kinds = list(dict.fromkeys(search.among for search in result.searches))
        for marker, among in zip(_MARKERS, kinds, strict=True):
            points = [search for search in result.searches if search.among == among]
            times = [search.cpu * 1000 for search in points]
            recalls = [search.recall for search in points]
            label = f"{result.make}, {among}"
            axes.plot(times, recalls, f"-{marker}", color=colour, label=label, markersize=5)
    axes.set(xscale="log", xlabel="CPU of a search, ms")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6)


def _memory(axes: Axes, results: Sequence[Result]) -> None:
    names = [str(result.make).replace(" ", "\n") for result in results]
    megabytes = [result.loaded.server_bytes / 2**20 for result in results]
    colours = [_COLOURS[str(result.make)] for result in results]
    bars = axes.bar(names, megabytes, color=colours)
    rates = [f"{result.cpu_load_rate:,.0f}/s" for result in results]
    axes.bar_label(bars, labels=rates, fontsize=8)
    axes.set_title(f"memory of {results[0].size.memories:,}, written a CPU second")
    axes.set_ylabel("MiB")
