"""Saturation: how much of every gate stands near 0 or near 1, step by step and unit by unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from graphengine import Trace, errors
from graphengine.ops.activation import HardSigmoid, Sigmoid
from graphengine.spec import Array
from viz import text
from viz.charts import rows as reading
from viz.charts.chart import Chart, one_of
from viz.charts.drawing import MARGIN, Drawing, Label, Marks, Patch, Path
from viz.charts.heat import positions
from viz.charts.rows import Row
from viz.theme import Theme, mix

GATES = (Sigmoid, HardSigmoid)
_BAND, _SQUARE, _GAP = (176.0, 62.0), 104.0, 16.0


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
    gates = [count(trace, row, low, high) for row in gates_of(trace)]
    gates = [gate for gate in gates if gate.seen.any()]
    if not gates:
        raise errors.UnknownPathError(
            f"{trace.graph.name}: this trace kept no gate, which is a sigmoid inside a loop{errors.here()}"
        )
    return Saturation(trace.graph.name, gates, low, high, by, theme)
