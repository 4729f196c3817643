"""Panels: a small picture for every gate, its bands along time or its units, in rows of layers and columns of names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from graphengine.spec import Array
from viz import text
from viz.charts.drawing import MARGIN, Drawing, Item, Label, Marks, Patch, Path, Points, fitted
from viz.charts.gates import Gate
from viz.charts.heat import positions
from viz.charts.rows import axis_name
from viz.theme import Theme, mix

_WIDE, _HIGH, _SQUARE = 600.0, 60.0, 96.0
_APART = (22.0, 40.0)


def draw(drawing: Drawing, gates: Sequence[Gate], by: str, top: float) -> Drawing:
    """Draw a panel per gate: a row of them for every layer and direction, a column for every name."""
    theme = drawing.theme
    names = list(dict.fromkeys(gate.row.name for gate in gates))
    groups = {gate.row.group: fitted(gate.row.group, 9, bold=True) for gate in gates}
    size = (max(180.0, min(_WIDE / len(names), 420.0)), _HIGH) if by == "step" else (_SQUARE, _SQUARE)
    left = MARGIN + max(text.width(group, 9, bold=True) for group in groups.values()) + (34 if by == "unit" else 14)
    panel = bands if by == "step" else units
    for group, members in groupby(gates, key=lambda gate: gate.row.group):
        drawing.add(Label(MARGIN, top + 18 + size[1] / 2, groups[group], theme.roles["text"], 9, bold=True))
        for gate in members:
            x = left + names.index(gate.row.name) * (size[0] + _APART[0])
            drawing.add(*_head(theme, gate, x, top + 6, size[0], numbers=by == "step"))
            drawing.add(*panel(theme, gate, (x, top + 18), size))
        top += size[1] + _APART[1]
    if by == "step":
        along = axis_name(gate.row for gate in gates)
        for column in range(len(names)):
            x = left + column * (size[0] + _APART[0]) + size[0] / 2
            drawing.add(Label(x, top - 1, fitted(along, 9), theme.roles["muted"], 9, "middle"))
        top += 12
    _legend(drawing, gates, left, top + 4, by)
    return drawing.close()


def _head(theme: Theme, gate: Gate, left: float, middle: float, wide: float, *, numbers: bool) -> Iterator[Label]:
    name = fitted(gate.row.name, 10, 60, bold=True)
    yield Label(left, middle, name, theme.roles["text"], 10, bold=True)
    if numbers:
        closed, opened = (_percent(part.sum() / max(gate.seen.sum(), 1)) for part in (gate.closed, gate.opened))
        words = f"open {opened} · closed {closed}"
        yield Label(left + wide, middle, words, theme.roles["muted"], 8, "end")


def _percent(share: float) -> str:
    return f"{text.number(100 * share, 2)} %"


def bands(theme: Theme, gate: Gate, corner: tuple[float, float], size: tuple[float, float]) -> Iterator[Item]:
    """What is open stands up from the bottom, what is closed hangs down from the top, step by step."""
    (left, top), (wide, high) = corner, size
    closed, opened = gate.shares(axis=1)
    step = wide / max(len(closed), 1)
    open_colour, closed_colour = _colours(theme)
    yield Path(_stairs(left, top + high, step, -high * np.nan_to_num(opened)), fill=open_colour)
    yield Path(_stairs(left, top, step, high * np.nan_to_num(closed)), fill=closed_colour)
    yield Path([(left, top + high / 2), (left + wide, top + high / 2)], stroke=_frame(theme), width=0.6, dashed=True)
    seen = gate.seen.sum(axis=1) > 0
    for t in np.flatnonzero(~seen).tolist():
        yield Patch(left + t * step, top, step, high, hatch=_frame(theme))
    bad = np.flatnonzero(seen & np.isnan(opened)).tolist()
    yield _crosses(theme, [(left + (t + 0.5) * step, top + high / 2) for t in bad])
    yield Patch(left, top, wide, high, stroke=_frame(theme))
    for t in positions(len(closed), step):
        yield Label(left + (t + 0.5) * step, top + high + 8, str(t), theme.roles["muted"], 8, "middle")


def _stairs(left: float, base: float, step: float, heights: Array) -> list[tuple[float, float]]:
    """The outline of bars side by side, from their base and back to it."""
    points = [(left, base)]
    for t, height in enumerate(heights.tolist()):
        points += [(left + t * step, base + height), (left + (t + 1) * step, base + height)]
    return [*points, (left + len(heights) * step, base)]


def units(theme: Theme, gate: Gate, corner: tuple[float, float], size: tuple[float, float]) -> Iterator[Item]:
    """A circle for every unit: to the right the part of the time that it is closed, upwards that it is open."""
    (left, top), (wide, high) = corner, size
    muted = theme.roles["muted"]
    closed, opened = gate.shares(axis=0)
    yield Patch(left, top, wide, high, stroke=_frame(theme))
    yield Path([(left, top), (left + wide, top + high)], stroke=_frame(theme), dashed=True)
    points = [
        (left + x * wide, top + (1 - y) * high) for x, y in zip(closed, opened, strict=True) if np.isfinite(x + y)
    ]
    yield _circles(theme, points)
    yield Label(left, top + high + 8, "0", muted, 8, "middle")
    yield Label(left + wide, top + high + 8, "1", muted, 8, "middle")
    yield Label(left - 5, top + high, "0", muted, 8, "end")
    yield Label(left - 5, top, "1", muted, 8, "end")
    yield Label(left + wide / 2, top + high + 8, "closed", muted, 8, "middle")
    yield Label(left - 12, top + high / 2, "open", muted, 8, "middle", turned=True)


def _legend(drawing: Drawing, gates: Sequence[Gate], left: float, top: float, by: str) -> None:
    for words, fill, hatch, mark in _samples(drawing.theme, gates, by):
        if mark is None:
            drawing.add(Patch(left, top, 9, 9, fill, _frame(drawing.theme), hatch))
        else:
            drawing.add(replace(mark, points=[(left + 4.5, top + 4.5)]))
        drawing.add(Label(left + 14, top + 4.5, words, drawing.theme.roles["muted"], 8))
        left += 14 + text.width(words, 8) + 14


def _samples(
    theme: Theme, gates: Sequence[Gate], by: str
) -> Iterator[tuple[str, str | None, str | None, Marks | None]]:
    """What occurs: in words, its fill, its hatching, or its sign."""
    if by == "unit":
        yield "a unit", None, None, _circles(theme, ())
        return
    opened, closed = _colours(theme)
    yield "open", opened, None, None
    yield "closed", closed, None, None
    yield "in between", theme.background, None, None
    if any((gate.seen.sum(axis=1) == 0).any() for gate in gates):
        yield "none", theme.background, _frame(theme), None
    if any(gate.bad.any() for gate in gates):
        yield "NaN", None, None, _crosses(theme, ())


def _circles(theme: Theme, points: Points) -> Marks:
    return Marks(points, _colours(theme)[0], 7, "circle")


def _crosses(theme: Theme, points: Points) -> Marks:
    return Marks(points, theme.roles["bad"], 6, "cross")


def _colours(theme: Theme) -> tuple[str, str]:
    """Of what is open and what is closed."""
    return theme.edges["state"].stroke, mix(theme.background, theme.edges["weights"].stroke, 0.55)


def _frame(theme: Theme) -> str | None:
    return theme.frames["legend"].stroke
