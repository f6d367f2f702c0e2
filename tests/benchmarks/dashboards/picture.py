"""Panels as Grafana draws them: dark, a title, a unit, a legend below."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from .panels import Panel, Series

COLUMNS = 4

_PAGE, _CARD, _TEXT, _GRID = "#111217", "#181b1f", "#ccccdc", "#2c3235"
_PALETTE = (
    *("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9"),
    *("#8ab8ff", "#f2495c", "#ffee52", "#96d98d", "#ca95e5", "#ffb357", "#3274d9"),
)
_MOST_NAMED = 8
"""Series in a legend; so many are told apart, the rest is drawn without a name."""

_DOTS, _COLOURS = 80, 96
_MIB = 2**20


def _seconds(value: float, _: int = 0) -> str:
    if value == 0:
        return "0"
    if value < 0.001:
        return f"{value * 1e6:.3g} µs"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def _short(value: float, _: int = 0) -> str:
    return f"{value / 1000:g} K" if abs(value) >= 1000 else f"{value:g}"


_UNITS: Mapping[str, Callable[[float, int], str]] = {
    "s": _seconds,
    "short": _short,
    "reqps": lambda value, _: f"{_short(value)} req/s",
    "ops": lambda value, _: f"{_short(value)} ops/s",
    "percentunit": lambda value, _: f"{value * 100:g} %",
    "bytes": lambda value, _: f"{value / _MIB:.0f} MiB",
}


def draw(path: Path, drawn: Mapping[Panel, Sequence[Series]], start: float, end: float) -> None:
    """Write a PNG of all these panels, dashboard by dashboard, from `start` to `end`."""
    boards = [(name, list(group)) for name, group in itertools.groupby(drawn, _dashboard)]
    rows = [-(-len(group) // COLUMNS) for _, group in boards]
    figure = Figure(figsize=(4.4 * COLUMNS, 2.9 * sum(rows)), facecolor=_PAGE, layout="constrained")
    parts = figure.subfigures(len(boards), 1, height_ratios=rows, squeeze=False)[:, 0]
    for part, (name, group), count in zip(parts, boards, rows, strict=True):
        part.set_facecolor(_PAGE)
        part.suptitle(name, color=_TEXT, fontsize=14, x=0.01, ha="left")
        places = part.subplots(count, COLUMNS, squeeze=False).flatten()
        for axes, panel in itertools.zip_longest(places, group):
            if panel is None:
                axes.set_axis_off()
            else:
                _panel(axes, panel, drawn[panel], start, end)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write it with few colours, of which it has no more: a third of the bytes."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=_DOTS, facecolor=_PAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(_COLOURS).save(path, optimize=True)


def _dashboard(panel: Panel) -> str:
    return panel.dashboard


def _panel(axes: Axes, panel: Panel, series: Sequence[Series], start: float, end: float) -> None:
    colours = itertools.cycle(_PALETTE)
    for number, (curve, colour) in enumerate(zip(_largest_first(series), colours, strict=False)):
        label = curve.name if number < _MOST_NAMED else None
        times = [when - start for when in curve.times]
        marker = "." if len(times) == 1 else ""
        # What is always 0 lies on the axis, and is to be seen.
        style = {"color": colour, "linewidth": 1.2, "marker": marker, "clip_on": False}
        axes.plot(times, curve.values, label=label, **style)  # type: ignore[arg-type]
        axes.fill_between(times, curve.values, color=colour, alpha=0.08, linewidth=0)
    axes.set_title(panel.title, color=_TEXT, fontsize=10, loc="left", fontweight="bold")
    axes.set_xlim(0, end - start)
    _look(axes, panel.unit)
    if not series:
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, color=_TEXT, ha="center")
    elif any(curve.name for curve in series):
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.13),
            ncols=2,
            frameon=False,
            fontsize=7,
            labelcolor=_TEXT,
            handlelength=1.2,
        )


def _largest_first(series: Sequence[Series]) -> list[Series]:
    return sorted(series, key=lambda curve: max(filter(math.isfinite, curve.values)), reverse=True)


def _look(axes: Axes, unit: str) -> None:
    axes.set_facecolor(_CARD)
    axes.set_ylim(0, None if axes.dataLim.y1 > 0 else 1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(_UNITS[unit]))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(_clock))
    axes.grid(color=_GRID, linewidth=0.8)
    axes.tick_params(colors=_TEXT, labelsize=7, length=0)
    for spine in axes.spines.values():
        spine.set_color(_GRID)


def _clock(seconds: float, _: int = 0) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
