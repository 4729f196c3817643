"""The timeline: how large gradients or values are, at every layer and every step."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Literal

import numpy as np

from graphengine import Tensor, Trace, errors
from viz import text
from viz.charts import rows as reading
from viz.charts.chart import Chart, one_of
from viz.charts.drawing import MARGIN, Drawing, Label
from viz.charts.heat import Heat, positions
from viz.charts.rows import Row
from viz.charts.scale import Scale
from viz.theme import Theme

_WIDE, _HIGH, _GAP = 640.0, 21.0, 7.0
_TITLES = {"gradient": "Gradient norms", "value": "State norms"}


def timeline(
    trace: Trace,
    what: Literal["gradient", "value"] = "gradient",
    *,
    of: Iterable[str | Tensor] | None = None,
    scale: Literal["log", "linear"] = "log",
    limits: tuple[float, float] | None = None,
    theme: str | Theme = "light",
) -> Timeline:
    """Show how large the gradient of every state is at every step, as a heat map of layers and time.

        array[r, t] = ‖∂L/∂s_t‖ for the state s of row r, over batch and features

    Positions are those of the input, in both directions. In rows of unequal length a gradient is that of what the step
    computed, and a value is what is held after the end.

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
    gradients = what == "gradient"
    shown = reading.states(trace, held=not gradients) if of is None else reading.chosen(map(trace.find, of))
    if not shown:
        raise errors.UnknownPathError(
            f"{trace.graph.name}: no loop of this trace hands numbers on from step to step; name values with of=[...]"
            f"{errors.here()}"
        )
    if gradients and not any(trace.carries(row.tensor) for row in shown):
        trace.grad(shown[0].tensor)
    array = np.full((len(shown), reading.steps_of(trace, shown)), np.nan)
    present = np.zeros(array.shape, np.bool_)
    for r, row in enumerate(shown):
        if row.tensor.loop is None or (gradients and not trace.carries(row.tensor)):
            continue
        for t in trace.positions(row.tensor.loop):
            found = reading.kept(trace.grad if gradients else trace.value, row.tensor, t)
            if found is not None:
                array[r, t], present[r, t] = reading.norm(found), True
    return Timeline(trace.graph.name, what, tuple(shown), array, present, scale == "log", limits, theme)


class Timeline(Chart):
    """Norms by row and step, and their picture.

    Attributes:
        rows: what the rows are, upper layers first; each has a `path` and a `label`.
        steps: the positions in time.
        array: the norms, `[rows, steps]`; NaN where there is nothing.
        present: where there is something, `[rows, steps]`.
    """

    def __init__(
        self, name: str, what: Literal["gradient", "value"], rows: tuple[Row, ...], array: reading.Array,
        present: reading.Array, log: bool, limits: tuple[float, float] | None, theme: str | Theme,
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
        theme = self.theme
        drawing = Drawing(_TITLES[self.what], repr(self), theme)
        y = drawing.head(f"{_SYMBOLS[self.what]}, over batch and features · {text.fit(text.clean(self.name), 9, 300)}")
        heat = Heat(theme, self.what, self._scale, self.array, self.present)
        groups, names = ([text.fit(text.clean(each), 9, 150) for each in found] for found in self._words())
        left = MARGIN + max(text.width(group, 9, bold=True) for group in groups)
        left += 10 + max(text.width(name, 9) for name in names) + 8
        cell = (min(max(_WIDE / max(len(self.steps), 1), 0.25), 60.0), _HIGH)
        for _, block in groupby(range(len(self.rows)), key=lambda r: self.rows[r].group):
            members = list(block)
            heat.draw(drawing, left, y, cell, self.array[members], self.present[members])
            middle = y + len(members) * _HIGH / 2
            drawing.add(Label(MARGIN, middle, groups[members[0]], theme.roles["text"], 9, bold=True))
            for k, r in enumerate(members):
                colour = theme.roles.get(names[r], theme.roles["text"])  # type: ignore[call-overload]
                drawing.add(Label(left - 8, y + (k + 0.5) * _HIGH, names[r], colour, 9, "end"))
            y += len(members) * _HIGH + _GAP
        muted = theme.roles["muted"]
        for t in positions(len(self.steps), cell[0]):
            drawing.add(Label(left + (t + 0.5) * cell[0], y + 2, str(t), muted, 8, "middle"))
        drawing.add(Label(left + len(self.steps) * cell[0] / 2, y + 16, reading.axis_name(self.rows), muted, 9, "middle"))
        heat.legend(drawing, left, y + 36, _SYMBOLS[self.what])
        return drawing.close()

    def _words(self) -> tuple[list[str], list[str]]:
        return [row.group for row in self.rows], [row.name for row in self.rows]

    def __repr__(self) -> str:
        kind = "gradient norms" if self.what == "gradient" else "norms of values"
        return f"<timeline of {kind}: {len(self.rows)} rows, {len(self.steps)} steps>"


_SYMBOLS = {"gradient": "‖∂L/∂state‖", "value": "‖state‖"}
