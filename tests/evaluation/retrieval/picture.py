"""The service beside the two baselines in each category, and beside published retrievers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .metrics import Figures
from .report import MACRO, MEANING, SERVICE, WORDS, Published

_COLOURS = {SERVICE: "#1b6ca8", WORDS: "#e08e45", MEANING: "#7a9e7e"}
_LABELS = {SERVICE: "agent-memory", WORDS: "BM25 alone", MEANING: "dense alone"}
_METRIC = "ndcg@10"
_NAMED = 11
"""The first published retriever is named, and each eleventh after it."""
_NAME_LENGTH = 24


def draw(
    path: Path, found: Mapping[str, Mapping[str, Figures]], published: Sequence[Published]
) -> None:
    """Write a PNG: bars for each category, and if there are any published figures, ours in them."""
    figure = Figure(figsize=(14 if published else 8, 5), layout="constrained")
    panels = figure.subplots(1, 2 if published else 1, squeeze=False)[0]
    _by_category(panels[0], found)
    if published:
        _among_published(panels[1], found[MACRO], published)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _by_category(axes: Axes, found: Mapping[str, Mapping[str, Figures]]) -> None:
    ways = list(found[MACRO])
    for place, way in enumerate(ways):
        values = [100 * each[way][_METRIC] for each in found.values()]
        xs = [x + 0.27 * (place - (len(ways) - 1) / 2) for x in range(len(found))]
        bars = axes.bar(xs, values, width=0.25, color=_COLOURS[way], label=_LABELS[way])
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    axes.set_xticks(range(len(found)), list(found))
    axes.set_ylabel("nDCG@10, %")
    axes.set_title("by category of question")
    axes.margins(y=0.15)
    axes.legend(fontsize=8, loc="upper center", ncols=len(ways))


def _among_published(
    axes: Axes, ours: Mapping[str, Figures], published: Sequence[Published]
) -> None:
    ordered = sorted(published, key=lambda each: -each.ndcg)
    axes.bar(range(1, len(ordered) + 1), [each.ndcg for each in ordered], color="#c9c9c9")
    for rank, each in list(enumerate(ordered, start=1))[::_NAMED]:
        axes.annotate(_name(each), (rank, 0.5), rotation=90, fontsize=7, ha="center", va="bottom")
    for way, each in ours.items():
        value = 100 * each[_METRIC]
        axes.axhline(value, color=_COLOURS[way], linestyle="-" if way == SERVICE else "--")
        axes.annotate(
            f"{_LABELS[way]} {value:.1f}",
            (len(ordered), value),
            ha="right",
            va="bottom",
            fontsize=9,
            color=_COLOURS[way],
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
    axes.set(
        xlim=(0, len(ordered) + 1),
        xlabel="published retrievers, the best first",
        ylabel="nDCG@10, %, macro",
    )
    axes.set_title(f"among {len(ordered)} published retrievers")


def _name(published: Published) -> str:
    """Return a name that is short enough for a bar."""
    name = published.model.rpartition("__")[2]
    short = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
    return f"{short} {published.ndcg:.1f}"
