"""The driver that runs a cell over time."""

from __future__ import annotations

from functools import cache
from typing import Any

from graphengine import Loop, Tensor, errors, ops
from graphengine.spec import Dim, Spec, show
from graphengine.structure import leaves, rebuild
from layers.cell import Cell
from layers.states import first_state


def dynamic_rnn(
    cell: Cell,
    x: Tensor,
    *,
    over: Dim,
    initial_state: Any = None,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    reverse: bool = False,
    name: str = "rnn",
) -> tuple[Tensor, Any]:
    """Run a cell over a named axis of its input.

    The axes may stand in any order; the last one holds the features. Past the end of a row (`lengths`), and wherever
    `mask` is false, the state is held and the output is zero. A reverse run reads from the last position to the first,
    holds until the row's own last step, and returns outputs in the order of the input.

    Args:
        cell: what a step does.
        x: the input, `[batch, time, features]` or any order of the axes in front.
        over: the name of the axis to run along.
        initial_state: tensors of the cell's state, a `LearnedState`, or None for zeros.
        lengths: integers, `[batch]`: how many steps of each row are real; 0 leaves the state as it was.
        mask: booleans, `[batch, time]` in any order: which steps are real; instead of `lengths`.
        reverse: run backwards.

    Returns:
        The outputs, `x` with the cell's output in place of the features, and the final state, of the cell's own form.

    Raises:
        LoopError: the input has no axis of that name.
        StructureError, ShapeError: the initial state, the lengths or the mask do not fit.
        FeedError: (at run) a length is negative or beyond the axis.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell
    >>> x = Graph().placeholder("x", ("time", "batch", 10))
    >>> outputs, state = dynamic_rnn(LSTMCell(5), x, over="time")
    >>> outputs.spec
    float32[time, batch, 5]
    """
    with x.graph.scope(name, "driver", kind="dynamic_rnn"):
        live = step_mask(x, over, lengths, mask)
        return run_over(cell, x, over, initial_state=initial_state, live=live, reverse=reverse)


def run_over(
    cell: Cell, x: Tensor, over: Dim, *, initial_state: Any, live: Tensor | None, reverse: bool
) -> tuple[Tensor, Any]:
    """Build the loop of a driver in the current scope; `live` is the mask of real steps, if some are not."""
    axis = time_axis(x, over)
    step = Spec((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype)
    first = first_state(cell, step, x.graph, initial_state)
    with Loop(over, reverse=reverse) as loop:
        x_t = loop.slice(x, name="x_t")
        before = loop.delay(first)
        if live is None:
            output, after = cell(x_t, before)
        else:
            output, after = _masked(cell, x_t, before, loop.slice(live, name="live_t"))
        loop.feed(before, after)
    outputs = loop.stack(output, axis=axis - len(x.shape), name="outputs")
    return outputs, loop.last(after)


def time_axis(x: Tensor, over: Dim) -> int:
    """Return the position of the axis to run along."""
    found = [axis for axis, size in enumerate(x.shape) if size == over]
    if len(found) != 1 or found[0] == len(x.shape) - 1:
        what = "no axis" if not found else "only its last axis, the features," if len(found) == 1 else "several axes"
        raise errors.LoopError(
            f"{x.path} {x.spec} has {what} of the name {over!r} to run along{errors.here()}"
        )
    return found[0]


def step_mask(x: Tensor, over: Dim, lengths: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Return which steps are real, the rows in the order of the input's axes; None where all are."""
    where = errors.here()
    axis = time_axis(x, over)
    axes = x.shape[:-1]
    if lengths is not None and mask is not None:
        raise errors.StructureError(f"give lengths or mask, not both{where}")
    if lengths is not None:
        rows = (*axes[:axis], *axes[axis + 1 :])
        if lengths.shape != rows or lengths.dtype.kind not in "iu":
            raise errors.ShapeError(
                f"{lengths.path}: lengths are integers, one for each row {show(rows)}, got {lengths.spec}{where}"
            )
        return ops.sequence_mask(lengths, over, name="live")
    if mask is None:
        return None
    if mask.dtype.kind != "b" or sorted(map(str, mask.shape)) != sorted(map(str, axes)) or len(set(axes)) != len(axes):
        raise errors.ShapeError(f"{mask.path}: a mask is booleans over {show(axes)}, got {mask.spec}{where}")
    order = tuple(mask.shape.index(size) for size in axes)
    return mask if mask.shape == axes else ops.transpose(mask, order, name="live")


def _masked(cell: Cell, x: Tensor, before: Any, live: Tensor) -> tuple[Tensor, Any]:
    """One step of rows of which some are over: their state is held, their output is zero.

    The input is masked too, because padding may hold anything, and infinity times a zero gradient is no number.
    """

    @cache
    def beside(rank: int) -> Tensor:
        """The mask with the rank of a value, so that it covers all features of a row."""
        missing = (1,) * (rank - len(live.shape))
        return ops.reshape(live, (*live.shape, *missing), name="live_row") if missing else live

    output, after = cell(ops.where(beside(len(x.shape)), x, 0.0, name="x_live"), before)
    rows = [beside(len(new.shape)) for new in leaves(after)]
    held = []
    for old, new, row in zip(leaves(before), leaves(after), rows, strict=True):
        with new.graph.inside(old.node.scope):
            held.append(ops.hold(row, new, old, name=f"{new.name}_held"))
    return ops.where(beside(len(output.shape)), output, 0.0, name="output"), rebuild(after, held)
