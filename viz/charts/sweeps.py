"""Sweeps: the gradient of a state, split by the steps at which the loss sends it in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphengine import Plan, Tensor, Trace, errors
from graphengine.op import Source
from graphengine.passes.active import active
from graphengine.passes.split import needed
from graphengine.run import RunContext
from graphengine.spec import Array, Dim, show
from viz.charts.rows import Row, steps_of

_SHARE = 8  # of the budget, what the gradients of one sweep may take


def to_split(plan: Plan, loss: Tensor | str | None) -> Tensor:
    """Return what is split by steps: what a user names, or the only target."""
    if loss is not None:
        return plan.graph[loss] if isinstance(loss, str) else loss
    if len(plan.targets) != 1 or not plan.targets[0].shape:
        targets = ", ".join(f"{target.path} {target.spec}" for target in plan.targets)
        raise errors.ShapeError(
            f"{targets} has no steps to split; name what it is made of, the losses of single steps or the outputs: "
            f"loss=..., a tensor with a time axis{errors.here()}"
        )
    return plan.targets[0]


def time_axis(losses: Tensor, row: Row, over: Dim | None) -> int:
    """Return which axis of the losses is time."""
    assert row.tensor.loop is not None
    wanted = row.tensor.loop.over if over is None else over
    axes = [axis for axis, size in enumerate(losses.shape) if size == wanted]
    if len(axes) != 1:
        found = "no axis" if not axes else "several axes"
        raise errors.ShapeError(
            f"{losses.path} {show(losses.shape)} has {found} {wanted!r} to split; name another dimension (over=...) "
            f"or another tensor (loss=...){errors.here()}"
        )
    return axes[0]


def weighed(
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


def sweep(trace: Trace, losses: Tensor, weights: Array, axis: int, rows: list[Row], budget: int) -> list[Array]:
    """Sweep back from every step that weighs something; return norms `[steps of the loss, steps of the state]`."""
    context = trace.context
    plan = Plan(losses, wrt=dict.fromkeys(_source(row.tensor, losses, context) for row in rows))
    feeds = {tensor: context.feeds[node] for tensor, node in plan.placeholders.items()}
    sizes = {name: size for name, size in context.sizes.items() if name in plan.names}
    by_step = np.moveaxis(weights, axis, 0)
    arrays = [np.zeros((len(by_step), steps_of(trace, [row]))) for row in rows]
    for steps in _together(by_step, plan, context, rows, budget):
        seeds = np.zeros((len(steps), *weights.shape), losses.dtype)
        np.moveaxis(seeds, axis + 1, 1)[range(len(steps)), steps] = by_step[steps]
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
    """Return the smallest tensor that a state depends on.

    A plan differentiates nothing inside a loop; but on its way to what a state is made of, the gradient passes through
    every use of the state.
    """
    above = needed([state.node])
    sources = [node.output for node in above if isinstance(node.op, Source) and node.loop is None]
    sources = sorted(
        (tensor for tensor in sources if tensor.spec.floating),
        key=lambda tensor: math.prod(context.shape(tensor.spec)),
    )
    source = next((each for each in sources if active(above, [state], [each])), None)
    if source is None or state not in active(needed([losses.node]), [losses], [source]):
        raise errors.GradientError(f"no gradient flows from {losses.path} to {state.path}{errors.here()}")
    return source


def _together(by_step: Array, plan: Plan, context: RunContext, rows: list[Row], budget: int) -> Iterator[Array]:
    """Part the steps of the loss that weigh anything into those that are swept at once."""
    many = max(1, budget // _SHARE // _bytes(plan, context, rows))
    steps = np.flatnonzero((by_step.reshape(len(by_step), -1) != 0).any(axis=1))
    for start in range(0, len(steps), many):
        yield steps[start : start + many]


def _bytes(plan: Plan, context: RunContext, rows: list[Row]) -> int:
    """Estimate what the gradients of one sweep hold at once: all steps of what is kept or waits for another unit."""
    home = {node: unit for unit in plan.units for node in unit.nodes}
    waiting = {row.tensor for row in rows}
    waiting |= {tensor for node in plan.nodes for tensor in node.sources if home[node] is not home[tensor.node]}
    total = 0
    for tensor in plan.active:
        steps = context.steps(tensor.loop) if tensor.loop is not None and tensor in waiting else 1
        total += steps * math.prod(context.shape(tensor.spec)) * tensor.dtype.itemsize
    return max(total, 1)
