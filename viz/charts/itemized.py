"""The itemized gradient: how the loss of every step reaches a state at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from graphengine import Plan, Tensor, Trace, errors
from graphengine.spec import Array, Dim
from graphengine.structure import leaves
from viz.charts.chart import Chart, one_of
from viz.charts.colours import named
from viz.charts.drawing import MARGIN, Drawing, Label, fitted
from viz.charts.heat import Block, Heat, positions
from viz.charts.rows import Row, chosen
from viz.charts.scale import Scale
from viz.charts.sweeps import sweep, time_axis, to_split, weighed
from viz.theme import Theme

_SIDES = {1: 400.0, 2: 290.0, 3: 220.0}  # of a panel, by how many there are
_ACROSS = 4


def itemized(
    subject: Plan | Trace,
    feeds: Mapping[Any, Any] | None = None,
    *,
    state: Any,
    loss: Tensor | str | None = None,
    over: Dim | None = None,
    budget: int = 2**31,
    scale: Literal["log", "linear"] = "log",
    limits: tuple[float, float] | None = None,
    theme: str | Theme = "light",
    **run: Any,
) -> Itemized:
    """Show how the loss at every step s reaches a state at every step t: the gradient of a run, item by item.

        array[s, t] = ‖∂L_s/∂h_t‖ over batch and features,   L_s = Σ w[.., s] ℓ[.., s],   Σ_s ∂L_s/∂h_t = ∂L/∂h_t

    It is exact: one backward sweep for every step of the loss, many of them side by side. The weights w are what the
    losses ℓ of single steps weigh in the target of the plan, so that the items add up to the gradient that its run
    finds; where ℓ is the target itself they are 1.

    Args:
        subject: a plan with its `feeds`, or a trace, which brings them.
        state: a path or tensor inside a loop (`"rnn/h"`), or several in any structure; a final state will do.
        loss: the losses of single steps (`reduction="none"`), or anything else with a time axis through which the
            target depends on the state, such as the outputs; by default the plan's only target.
        over: the dimension of `loss` that is split, by default the one that the state's loop runs along.
        budget: bytes beyond which it is refused, as in `plan.trace`; an eighth of them is for sweeps side by side.
        scale, limits, theme: as for `timeline`.
        run: `sizes=`, `seed=` and `training=` of the run, for a plan.

    Raises:
        ShapeError: `loss` has no such axis.
        GradientError: the targets do not depend on `loss`, or `loss` does not depend on a state.
        UnknownPathError: there is no such value, or a state lives outside loops.
        SettingError: a setting means nothing, or the trace keeps norms only.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph(dtype="float64").placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(LSTMCell(2), x, over="time")
    >>> found = itemized(Plan(outputs), {x: np.ones((1, 4, 3))}, state="rnn/h")
    >>> (found.array > 0).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    """
    one_of("scale", scale, ("log", "linear"))
    plan = subject.plan if isinstance(subject, Trace) else subject
    losses = to_split(plan, loss)
    rows = chosen(plan.graph, leaves(state))
    axis = time_axis(losses, rows[0], over)
    trace, weights = weighed(subject, feeds, losses, run)
    arrays = sweep(trace, losses, weights, axis, rows, budget)
    return Itemized(plan.graph.name, losses.path, tuple(rows), arrays, scale == "log", limits, theme)


class Itemized(Chart):
    """Norms by step of the loss and step of the state, and their picture.

    Attributes:
        rows: the states, upper layers first; each has a `path` and a `label`.
        arrays: for each of them the norms, `[steps of the loss, steps of the state]`.
        loss: the path of what was split.
    """

    def __init__(
        self, name: str, loss: str, rows: tuple[Row, ...], arrays: list[Array], log: bool,
        limits: tuple[float, float] | None, theme: str | Theme,
    ) -> None:  # fmt: skip
        super().__init__(theme)
        self.name = name
        self.loss = loss
        self.rows = rows
        self.arrays = arrays
        self._scale = Scale.of(self._everything, log=log, limits=limits)

    @property
    def array(self) -> Array:
        """The norms of the only state.

        Raises:
            SettingError: there are several.
        """
        if len(self.arrays) > 1:
            paths = ", ".join(row.path for row in self.rows)
            raise errors.SettingError(
                f"there is an array for each of {len(self.arrays)} states, {paths}; read .arrays{errors.here()}"
            )
        return self.arrays[0]

    @property
    def _everything(self) -> Array:
        return np.concatenate([array.ravel() for array in self.arrays])

    def to_drawing(self) -> Drawing:
        """Return the picture as plain data: a panel per state, the steps of the loss from top to bottom."""
        description = f"From {self.loss} at every step to {', '.join(row.label for row in self.rows)} at every step"
        drawing = Drawing("The gradient, itemized", description, self.theme)
        top = drawing.head(f"how the loss at step s reaches the state at step t · {fitted(self.name, 9, 300)}")
        numbers = self._everything
        heat = Heat(self.theme, "gradient", self._scale, numbers, np.ones(numbers.shape, np.bool_))
        left = start = MARGIN + 34
        bottom = top
        for k, (row, array) in enumerate(zip(self.rows, self.arrays, strict=True)):
            if k and k % _ACROSS == 0:
                left, top = start, bottom + 20
            right, bottom = self._panel(drawing, heat, left, top, row, array)
            left = right + 46
        heat.legend(drawing, start, bottom + 14, "‖∂L[s]/∂state[t]‖")
        return drawing.close()

    def _panel(
        self, drawing: Drawing, heat: Heat, left: float, top: float, row: Row, array: Array
    ) -> tuple[float, float]:
        """Draw one matrix; return where it ends."""
        losses, steps = array.shape
        side = min(_SIDES[min(len(self.arrays), 3)] / max(losses, steps, 1), 56.0)
        block = Block(left, top + 16, side, min(side, 28.0), array, np.ones(array.shape, np.bool_))
        muted = self.theme.roles["muted"]
        title = fitted(row.label, 10, max(block.right - left, 80.0), bold=True)
        drawing.add(Label(left, top + 4, title, named(self.theme, row.name), 10, bold=True))
        heat.draw(drawing, block)
        for t in positions(steps, block.wide):
            drawing.add(Label(block.middle(0, t)[0], block.bottom + 8, str(t), muted, 8, "middle"))
        for s in positions(losses, block.high):
            drawing.add(Label(left - 5, block.middle(s, 0)[1], str(s), muted, 8, "end"))
        across, down = _at(row.name, "t"), _at(self.loss.rpartition("/")[2], "s")
        drawing.add(
            Label((left + block.right) / 2, block.bottom + 21, across, muted, 9, "middle"),
            Label(left - 28, (block.top + block.bottom) / 2, down, muted, 9, "middle", turned=True),
        )
        return block.right, block.bottom + 28

    def __repr__(self) -> str:
        shapes = " and ".join(dict.fromkeys(f"{array.shape[0]} × {array.shape[1]}" for array in self.arrays))
        return f"<{self.loss} itemized: {shapes} steps, {', '.join(row.path for row in self.rows)}>"


def _at(name: str, step: str) -> str:
    return f"{fitted(name, 9, 60)} at {step}"
