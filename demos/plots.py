"""Plots in the colours of the diagrams; the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from viz.theme import LIGHT

COLOURS = {
    "c": LIGHT.edges["c"].stroke,
    "h": LIGHT.edges["h"].stroke,
    "gradient": LIGHT.edges["gradient"].stroke,
    "state": LIGHT.edges["state"].stroke,
    "weights": LIGHT.edges["weights"].stroke,
    "muted": LIGHT.roles["muted"],
}
SERIES = [
    {"color": COLOURS[name], "linestyle": dashes}
    for name, dashes in (
        ("gradient", "-"), ("state", (0, (5, 1.5))), ("h", (0, (7, 1.5, 1.5, 1.5))), ("weights", (0, (2, 1))),
        ("c", "-"),
    )
]  # fmt: skip
STYLE: dict[str, Any] = {
    "figure.facecolor": LIGHT.background,
    "axes.facecolor": LIGHT.background,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": LIGHT.roles["text"],
    "axes.titlecolor": LIGHT.roles["text"],
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E6E9",
    "grid.linewidth": 0.8,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "text.color": LIGHT.roles["text"],
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "graphengine",
}


@contextmanager
def panels(titles: Sequence[str], *, width: float = 4.2, height: float = 4.0) -> Iterator[tuple[Figure, Any]]:
    """Give a figure with one pair of axes per title, side by side, to plot into. Agg paints it: no display is needed.

    One legend for all of them, of the first lines of every name, goes below when the block ends.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * len(titles), height), layout="constrained")
        axes = figure.subplots(1, len(titles), squeeze=False)[0]
        for each, title in zip(axes, titles, strict=True):
            each.set_title(title)
        yield figure, axes
        pairs = [pair for each in axes for pair in zip(*each.get_legend_handles_labels(), strict=True)]
        first = {label: line for line, label in reversed(pairs)}
        figure.legend(list(first.values())[::-1], list(first)[::-1], loc="outside lower center", ncols=len(first))


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as SVG and PNG, without dates, and return the files."""
    written = []
    with mpl.rc_context(STYLE):
        for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            path = stem.with_name(stem.name + suffix)
            figure.savefig(path, dpi=144, metadata=metadata)
            written.append(path)
    return written
