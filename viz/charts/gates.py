"""Gates: where a graph has them, and how often they are closed and open in a trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphengine import Trace
from graphengine.ops.activation import HardSigmoid, Sigmoid
from graphengine.spec import Array
from viz.charts import rows as reading
from viz.charts.rows import Row

SIGMOIDS = (Sigmoid, HardSigmoid)


@dataclass(frozen=True)
class Gate:
    """How often a gate was closed and open, by step and unit, `[steps, units]`.

    Attributes:
        closed, opened: how many values, one for every row of the batch, stood near 0 and near 1.
        seen: how many were there.
        bad: how many were no number.
    """

    row: Row
    closed: Array
    opened: Array
    seen: Array
    bad: Array

    def shares(self, axis: int) -> tuple[Array, Array]:
        """The parts that were closed and open, over units (axis 1) or over steps (axis 0); NaN where there are none."""
        seen, bad = self.seen.sum(axis), self.bad.sum(axis)
        whole = np.where((seen > 0) & (bad == 0), seen, np.nan)
        return self.closed.sum(axis) / whole, self.opened.sum(axis) / whole


def gates(trace: Trace) -> list[Row]:
    """Return the gates of the zoo's cells and of anybody's: every sigmoid in a loop."""
    nodes = [node for node in trace.plan.nodes if isinstance(node.op, SIGMOIDS) and node.loop is not None]
    return reading.chosen(trace.graph, (node.output for node in nodes))


def count(trace: Trace, row: Row, low: float, high: float) -> Gate:
    """Count how often a gate is below one number and above another."""
    tensor = row.tensor
    assert tensor.loop is not None
    units = trace.shape(tensor)[-1] if tensor.shape else 1
    counts = np.zeros((4, trace.context.steps(tensor.loop), units), np.int64)
    masks = reading.holds(trace, tensor)
    for t in trace.positions(tensor.loop):
        value = reading.kept(trace.value, tensor, t)
        if value is not None:
            found = np.stack([value < low, value > high, np.ones_like(value, np.bool_), np.isnan(value)])
            found &= reading.live(trace, tensor, masks, t)
            counts[:, t] = found.reshape(4, -1, units).sum(axis=1)
    return Gate(row, *counts)
