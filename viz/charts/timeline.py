"""The timeline: how large gradients or values are, at every layer and every step."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Literal

import numpy as np

from graphengine import Tensor, Trace, errors
from graphengine.spec import Array
from viz import text
from viz.charts.chart import Chart, one_of
from viz.charts.colours import Kind, named
from viz.charts.drawing import MARGIN, Drawing, Label, fitted
from viz.charts.heat import Block, Heat, positions
from viz.charts.rows import Row, axis_name, chosen, kept, norm, states, steps_of
from viz.charts.scale import Scale
from viz.theme import Theme

_WIDE, _WIDEST, _HIGH, _GAP = 640.0, 60.0, 21.0, 7.0
_TITLES = {"gradient": "Gradient norms", "value": "Norms of values"}
_SYMBOLS = {"gradient": "‖∂L/∂value‖", "value": "‖value‖"}


def timeline(
    trace: Trace,
    what: Kind = "gradient",
    *,
    of: Iterable[str | Tensor] | None = None,
    scale: Literal["log", "linear"] = "log",
    limits: tuple[float, float] | None = None,
    theme: str | Theme = "light",
) -> Timeline:
    """Show how large the gradient of every state is at every step, as a heat map of layers and time.

        array[r, t] = ‖∂L/∂s_t‖ for the state s of row r, over batch and features

    Positions are those of the input, in both directions. Where rows of a batch have unequal lengths, a gradient is
    that of what the step computed, and a value is what is held after the end.

    Args:
        trace: of any graph with a loop; what it did not keep stays empty.
        what: "gradient", or "value" for the norms of the values themselves.
        of: paths or tensors to show that have a value per step (`["rnn/f", "rnn/i"]`); by default everything that a
            delay hands on.
        scale: "log", or "linear" from 0.
        limits: the ends of the scale; by default those of the numbers, twelve decades apart at most.
        theme: "light", "dark", "print", or a `Theme`.

    Raises:
        GradientError: no gradient flows to any of the rows.
        UnknownPathError: there is no loop, or something in `of` is not there.
        SettingError: a setting is none of these.

    >>> from graphengine import Graph, Plan, ops
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph(dtype="float64").placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(LSTMCell(2), x, over="time")
    >>> found = timeline(Plan(ops.sum(state.h)).trace({x: np.ones((1, 4, 3))}))
    >>> [row.path for row in found.rows], found.array.shape, found.array[1].argmax()
    (['rnn/c', 'rnn/h'], (2, 4), 3)
    """
    one_of("what", what, ("gradient", "value"))
    one_of("scale", scale, ("log", "linear"))
    rows = states(trace, held=what == "value") if of is None else chosen(trace.graph, of)
    if not rows:
        raise errors.UnknownPathError(
            f"{trace.graph.name}: no loop of this trace hands numbers on from step to step; name values with of=[...]"
            f"{errors.here()}"
        )
    if what == "gradient" and not any(trace.carries(row.tensor) for row in rows):
        trace.grad(rows[0].tensor)  # raises, and says why there is none
    array = np.full((len(rows), steps_of(trace, rows)), np.nan)
    present = np.zeros(array.shape, np.bool_)
    for r, row in enumerate(rows):
        trace.find(row.tensor)  # raises, if this plan does not compute it
        for t, found in _norms(trace, row, what):
            array[r, t], present[r, t] = found, True
    return Timeline(trace.graph.name, what, tuple(rows), array, present, scale == "log", limits, theme)


def _norms(trace: Trace, row: Row, what: Kind) -> Iterable[tuple[int, float]]:
    """Yield the positions where there is something, and how large it is."""
    if what == "gradient" and not trace.carries(row.tensor):
        return
    assert row.tensor.loop is not None
    for t in trace.positions(row.tensor.loop):
        found = kept(trace.grad if what == "gradient" else trace.value, row.tensor, t)
        if found is not None:
            yield t, norm(found)


class Timeline(Chart):
    """Norms by row and step, and their picture.

    Attributes:
        rows: what the rows are, upper layers first; each has a `path` and a `label`.
        steps: the positions in time.
        array: the norms, `[rows, steps]`; NaN where there is nothing.
        present: where there is something, `[rows, steps]`.
    """

    def __init__(
        self, name: str, what: Kind, rows: tuple[Row, ...], array: Array, present: Array, log: bool,
        limits: tuple[float, float] | None, theme: str | Theme,
    ) -> None:  # fmt: skip
        super().__init__(theme)
        self.name = name
        self.what = what
        self.rows = rows
        self.array = array
        self.present = present
        self.steps = np.arange(array.shape[1])
        self._scale = Scale.of(array[present], log=log, limits=limits)

    def to_drawing(self) -> Drawing:
        """Return the picture as plain data: a row per state, a block per layer and direction."""
        description = f"{', '.join(row.label for row in self.rows)}, at {len(self.steps)} steps"
        drawing = Drawing(_TITLES[self.what], description, self.theme)
        top = drawing.head(f"{_SYMBOLS[self.what]} over batch and features · {fitted(self.name, 9, 300)}")
        heat = Heat(self.theme, self.what, self._scale, self.array, self.present)
        left = MARGIN + self._room()
        wide = min(_WIDE / max(len(self.steps), 1), _WIDEST)
        for _, members in groupby(range(len(self.rows)), key=lambda r: self.rows[r].group):
            chosen = list(members)
            block = Block(left, top, wide, _HIGH, self.array[chosen], self.present[chosen])
            heat.draw(drawing, block)
            self._name(drawing, block, [self.rows[r] for r in chosen])
            top = block.bottom + _GAP
        muted = self.theme.roles["muted"]
        for t in positions(len(self.steps), wide):
            drawing.add(Label(block.middle(0, t)[0], top + 2, str(t), muted, 8, "middle"))
        drawing.add(Label((left + block.right) / 2, top + 16, fitted(axis_name(self.rows), 9), muted, 9, "middle"))
        heat.legend(drawing, left, top + 36, _SYMBOLS[self.what])
        return drawing.close()

    def _room(self) -> float:
        """How much room the names of the rows need."""
        groups = max(text.width(fitted(row.group, 9, bold=True), 9, bold=True) for row in self.rows)
        return groups + 10 + max(text.width(fitted(row.name, 9), 9) for row in self.rows) + 8

    def _name(self, drawing: Drawing, block: Block, rows: list[Row]) -> None:
        middle = (block.top + block.bottom) / 2
        drawing.add(Label(MARGIN, middle, fitted(rows[0].group, 9, bold=True), self.theme.roles["text"], 9, bold=True))
        for k, row in enumerate(rows):
            y = block.middle(k, 0)[1]
            drawing.add(Label(block.left - 8, y, fitted(row.name, 9), named(self.theme, row.name), 9, "end"))

    def __repr__(self) -> str:
        return f"<timeline of {self.what} norms: {len(self.rows)} rows, {len(self.steps)} steps>"
