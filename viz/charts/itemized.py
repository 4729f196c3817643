"""The itemized gradient: how the loss of every step reaches a state at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphengine import Plan, Tensor, Trace, errors
from graphengine.graph import tensors_in
from graphengine.op import Source
from graphengine.passes.active import active
from graphengine.passes.split import needed
from graphengine.run import RunContext
from graphengine.spec import Array, Dim, show
from viz import text
from viz.charts import rows as reading
from viz.charts.chart import Chart, one_of
from viz.charts.drawing import MARGIN, Drawing, Label
from viz.charts.heat import Heat, positions
from viz.charts.rows import Row
from viz.charts.scale import Scale
from viz.theme import Theme

_SIDES = {1: 400.0, 2: 290.0, 3: 220.0}  # of a panel, by how many there are
_ACROSS = 4
_SHARE = 8  # of the budget, what the gradients of one sweep may take


def itemized(
    subject: Plan | Trace,
    feeds: Mapping[Any, Any] | None = None,
    *,
    state: Any,
    loss: Tensor | str | None = None,
    over: Dim | None = None,
    budget: int = 2**31,
    scale: str = "log",
    limits: tuple[float, float] | None = None,
    theme: str | Theme = "light",
    **run: Any,
) -> Itemized:
    """Show how the loss of every step s reaches a state at every step t: the gradient of a run, item by item.

        array[s, t] = ‖∂L_s/∂h_t‖ over batch and features,   L_s = Σ w[.., s] ℓ[.., s],   Σ_s ∂L_s/∂h_t = ∂L/∂h_t

    It is exact: one backward sweep per step of the loss, many of them side by side. The weights w are what a step's loss ℓ_s
    weighs in the target of the plan, so that the items add up to the gradient of its run; all are 1 where ℓ is
    the target itself.

    Args:
        subject: a plan with its `feeds`, or a trace, which brings them.
        state: a path or tensor inside a loop (`"rnn/h"`), or several in any structure.
        loss: the losses of single steps, a tensor with a time axis (`reduction="none"`), or anything with one that the
            target is made of, such as the outputs; by default the plan's only target.
        over: the dimension of `loss` that is split, by default the one that the state's loop runs along.
        budget: bytes beyond which it is refused, as in `plan.trace`; an eighth of them is for sweeps side by side.
        scale, limits, theme: as for `timeline`.
        run: `sizes=`, `seed=` and `training=` of the run, for a plan.

    Raises:
        ShapeError: `loss` has no such axis.
        GradientError: the targets do not depend on `loss`, or `loss` not on a state.
        UnknownPathError: there is no such value, or a state lives outside loops.

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
    losses = _losses(plan, loss)
    named = state if isinstance(state, tuple | list) else [state]
    rows = reading.chosen(tensors_in([plan.graph[each] if isinstance(each, str) else each for each in named]))
    axis = _axis(losses, rows, over)
    trace, weights = _weighed(subject, feeds, losses, run)
    arrays = _measure(trace, losses, np.moveaxis(weights, axis, 0), axis, rows, budget)
    return Itemized(plan.graph.name, losses.path, tuple(rows), arrays, scale == "log", limits, theme)


def _losses(plan: Plan, loss: Tensor | str | None) -> Tensor:
    """Return what is split by steps."""
    if loss is not None:
        return plan.graph[loss] if isinstance(loss, str) else loss
    if len(plan.targets) != 1 or not plan.targets[0].shape:
        raise errors.ShapeError(
            f"{', '.join(f'{target.path} {target.spec}' for target in plan.targets)} has no steps to split; name the losses "
            f'of single steps that it is made of, or the outputs that it reads: loss=..., a tensor with a time axis{errors.here()}'
        )
    return plan.targets[0]


def _axis(losses: Tensor, rows: list[Row], over: Dim | None) -> int:
    """Return which axis of the losses is time."""
    loop = rows[0].tensor.loop
    assert loop is not None
    wanted = loop.over if over is None else over
    axes = [axis for axis, size in enumerate(losses.shape) if size == wanted]
    if len(axes) != 1:
        raise errors.ShapeError(
            f"{losses.path} {show(losses.shape)} has {'no axis' if not axes else 'several axes'} {wanted!r} to split; name "
            f"another one (over=...), or split another tensor (loss=...){errors.here()}"
        )
    return axes[0]


def _weighed(
    subject: Plan | Trace, feeds: Mapping[Any, Any] | None, losses: Tensor, run: dict[str, Any]
) -> tuple[Trace, Array]:
    """Return a trace, and what every entry of the losses weighs in its target."""
    if isinstance(subject, Trace):
        if feeds is not None or run:
            raise errors.SettingError(f"a trace brings its feeds, sizes and seed; give none{errors.here()}")
        trace = subject
    elif losses in subject.targets:
        run = {"training": bool(subject.differentiated), **run}
        trace = subject.trace(feeds, gradients=False, keep=[losses.path], **run)
        return trace, np.ones(trace.shape(losses), losses.dtype)
    else:
        trace = subject.trace(feeds, keep=[losses.path], **run)
    weights = trace.grad(losses)
    if weights.shape != trace.shape(losses):
        raise errors.SettingError(
            f"this trace keeps norms only, or many gradients side by side; itemized needs a plain one{errors.here()}"
        )
    return trace, weights


def _measure(
    trace: Trace, losses: Tensor, weights: Array, axis: int, rows: list[Row], budget: int
) -> list[Array]:
    """Sweep back from every step that weighs something, as many at once as the budget allows."""
    context = trace.context
    plan = Plan(losses, wrt=dict.fromkeys(_source(row.tensor, losses, context) for row in rows))
    feeds = {tensor: context.feeds[node] for tensor, node in plan.placeholders.items()}
    sizes = {name: size for name, size in context.sizes.items() if name in plan.names}
    arrays = [np.zeros((len(weights), reading.steps_of(trace, [row]))) for row in rows]
    for steps in _together(np.flatnonzero(np.any(weights.reshape(len(weights), -1) != 0, axis=1)), plan, context, budget):
        seeds = np.zeros((len(steps), *trace.shape(losses)), losses.dtype)
        np.moveaxis(seeds, axis + 1, 1)[range(len(steps)), steps] = weights[steps]
        found = plan.trace(
            feeds, seeds={losses: seeds}, sizes=sizes, seed=context.seed, training=context.training,
            keep=[row.path for row in rows], budget=budget,
        )  # fmt: skip
        for row, array in zip(rows, arrays, strict=True):
            assert row.tensor.loop is not None
            for t in found.positions(row.tensor.loop):
                gradients = found.grad(row.tensor, t).astype(np.float64)
                array[steps, t] = np.linalg.norm(gradients.reshape(len(steps), -1), axis=1)
    return arrays


def _source(state: Tensor, losses: Tensor, context: RunContext) -> Tensor:
    """Return the smallest tensor that a state depends on, for a plan to differentiate: every use of the state then lies on its way.

    A plan differentiates nothing inside a loop, but the gradient of what a state is made of passes through the state.
    """
    above = needed([state.node])
    sources = [
        node.output for node in above if isinstance(node.op, Source) and node.loop is None and node.output.spec.floating
    ]
    sources.sort(key=lambda tensor: math.prod(context.shape(tensor.spec)))
    source = next((each for each in sources if active(above, [state], [each])), None)
    if source is None or state not in active(needed([losses.node]), [losses], [source]):
        raise errors.GradientError(f"no gradient flows from {losses.path} to {state.path}{errors.here()}")
    return source


def _together(steps: Array, plan: Plan, context: RunContext, budget: int) -> Iterator[Array]:
    """Part the steps of the loss into those that are swept at once."""
    each = 0
    for tensor in plan.active:
        times = 1 if tensor.loop is None else context.steps(tensor.loop)
        each += times * math.prod(context.shape(tensor.spec)) * tensor.dtype.itemsize
    many = max(1, budget // _SHARE // max(each, 1))
    for start in range(0, len(steps), many):
        yield steps[start : start + many]


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
        self._scale = Scale.of(np.concatenate([array.ravel() for array in arrays]), log=log, limits=limits)

    @property
    def array(self) -> Array:
        """The norms of the only state.

        Raises:
            SettingError: there are several.
        """
        if len(self.arrays) > 1:
            raise errors.SettingError(
                f"there are {len(self.arrays)} states, {', '.join(row.path for row in self.rows)}; read .arrays"
                f"{errors.here()}"
            )
        return self.arrays[0]

    def to_drawing(self) -> Drawing:
        """Return the picture as plain data: a panel per state, the steps of the loss from top to bottom."""
        drawing = Drawing("The gradient, itemized", repr(self), self.theme)
        name = text.fit(text.clean(self.name), 9, 300)
        top = drawing.head(f"how the loss at step s reaches the state at step t · {name}")
        everything = np.concatenate([array.ravel() for array in self.arrays])
        heat = Heat(self.theme, "gradient", self._scale, everything, np.ones(everything.shape, np.bool_))
        across = min(len(self.arrays), _ACROSS if len(self.arrays) > 2 else 2)
        left = start = MARGIN + 34
        for k, (row, array) in enumerate(zip(self.rows, self.arrays, strict=True)):
            right, bottom = self._panel(drawing, heat, left, top, row, array)
            left = right + 46
            if (k + 1) % across == 0 and k + 1 < len(self.arrays):
                left, top = start, bottom + 20
        heat.legend(drawing, start, bottom + 12, "‖∂L[s]/∂state[t]‖")
        return drawing.close()

    def _panel(
        self, drawing: Drawing, heat: Heat, left: float, top: float, row: Row, array: Array
    ) -> tuple[float, float]:
        """Draw one matrix; return where it ends."""
        losses, steps = array.shape
        side = min(_SIDES[min(len(self.arrays), 3)] / max(losses, steps, 1), 56.0)
        cell = (side, min(side, 28.0))
        wide, high = steps * cell[0], losses * cell[1]
        muted = self.theme.roles["muted"]
        colour = self.theme.roles.get(row.name, self.theme.roles["text"])  # type: ignore[call-overload]
        drawing.add(Label(left, top + 4, text.fit(text.clean(row.label), 10, max(wide, 80.0), bold=True), colour, 10, bold=True))
        top += 16
        heat.draw(drawing, left, top, cell, array, np.ones(array.shape, np.bool_))
        for t in positions(steps, cell[0]):
            drawing.add(Label(left + (t + 0.5) * cell[0], top + high + 8, str(t), muted, 8, "middle"))
        for s in positions(losses, cell[1]):
            drawing.add(Label(left - 5, top + (s + 0.5) * cell[1], str(s), muted, 8, "end"))
        drawing.add(
            Label(left + wide / 2, top + high + 21, self._at(row.name, "t"), muted, 9, "middle"),
            Label(left - 28, top + high / 2, self._at(self.loss.rpartition("/")[2], "s"), muted, 9, "middle", turned=True),
        )
        return left + wide, top + high + 28

    def _at(self, name: str, step: str) -> str:
        return f"{text.fit(text.clean(name), 9, 70)} at {step}"

    def __repr__(self) -> str:
        shapes = " and ".join(dict.fromkeys(f"{array.shape[0]} × {array.shape[1]}" for array in self.arrays))
        return f"<{self.loss} itemized: {shapes} steps, {', '.join(row.path for row in self.rows)}>"
