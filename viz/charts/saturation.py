"""Saturation: how much of every gate stands near 0 or near 1, step by step and unit by unit."""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphengine import Trace, errors
from viz import text
from viz.charts.chart import Chart, one_of
from viz.charts.drawing import Drawing, fitted
from viz.charts.gates import Gate, count, gates
from viz.charts.panels import draw
from viz.theme import Theme


def saturation(
    trace: Trace,
    *,
    low: float = 0.05,
    high: float = 0.95,
    by: Literal["step", "unit"] = "step",
    theme: str | Theme = "light",
) -> Saturation:
    """Show how much of every gate is closed (near 0) or open (near 1).

        low[r, t]  = the part of the values of gate r at step t that are < low,   over batch and units
        high[r, t] = the part that is > high

    A gate is a sigmoid inside a loop, whatever it is called. Rows of a batch that have ended do not count.

    Args:
        trace: a trace that kept the gates, and the masks where rows have unequal lengths.
        low, high: what near means.
        by: what the picture shows, bands along time ("step"), or a circle for every unit ("unit"): the part of the
            time that it is closed, and that it is open.
        theme: "light", "dark", "print", or a `Theme`.

    Raises:
        UnknownPathError: the trace kept no gate.
        SettingError: a setting is none of these, or the trace keeps norms only.

    Source: Karpathy, Johnson and Fei-Fei (2015), Visualizing and understanding recurrent networks.

    >>> from graphengine import Graph, Plan, ops
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph(dtype="float64").placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(LSTMCell(2, forget_bias=9.0), x, over="time")
    >>> found = saturation(Plan(ops.sum(state.h)).trace({x: np.zeros((1, 4, 3))}))
    >>> [row.name for row in found.rows], found.high[0].tolist(), found.high[1].tolist()
    (['f', 'i', 'o'], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    """
    one_of("by", by, ("step", "unit"))
    if not 0 <= low < high <= 1:
        raise errors.SettingError(f"0 ≤ low < high ≤ 1, not low={low}, high={high}{errors.here()}")
    if trace.norms_only:
        raise errors.SettingError(f"saturation reads whole gates, and this trace keeps norms only{errors.here()}")
    found = [count(trace, row, low, high) for row in gates(trace)]
    if not any(gate.seen.any() for gate in found):
        raise errors.UnknownPathError(
            f"{trace.graph.name}: this trace kept no gate, which is a sigmoid inside a loop{errors.here()}"
        )
    return Saturation(trace.graph.name, [gate for gate in found if gate.seen.any()], low, high, by, theme)


class Saturation(Chart):
    """The parts of every gate that are closed and open, and their picture.

    Attributes:
        rows: the gates, upper layers first; each has a `path` and a `label`.
        steps: the positions in time.
        low, high: the parts of the values that are near 0 and near 1, `[gates, steps]`; NaN where no row is left, where
            a gate was not kept, and where it holds what is no number.
        unit_low, unit_high: for every gate, the parts of the time that each of its units spends there, `[units]`.
    """

    def __init__(
        self, name: str, gates: list[Gate], low: float, high: float, by: str, theme: str | Theme
    ) -> None:
        super().__init__(theme)
        self.name = name
        self.rows = tuple(gate.row for gate in gates)
        self.steps = np.arange(max(len(gate.seen) for gate in gates))
        self.low, self.high = np.full((2, len(gates), len(self.steps)), np.nan)
        for r, gate in enumerate(gates):
            self.low[r, : len(gate.seen)], self.high[r, : len(gate.seen)] = gate.shares(axis=1)
        self.unit_low, self.unit_high = ([gate.shares(axis=0)[k] for gate in gates] for k in range(2))
        self.by = by
        self._gates = gates
        self._near = (low, high)

    def to_drawing(self) -> Drawing:
        """Return the picture as plain data: a panel per gate, one row of them for every layer and direction."""
        low, high = (text.number(near) for near in self._near)
        what = "values" if self.by == "step" else "time that each unit is"
        description = f"{', '.join(row.label for row in self.rows)}, at {len(self.steps)} steps"
        drawing = Drawing("Gate saturation", description, self.theme)
        top = drawing.head(f"part of the {what} closed (< {low}) or open (> {high}) · {fitted(self.name, 9, 300)}")
        return draw(drawing, self._gates, self.by, top)

    def __repr__(self) -> str:
        return f"<saturation of {len(self.rows)} gates, {len(self.steps)} steps>"
