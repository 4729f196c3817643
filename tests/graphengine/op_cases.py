"""References and cases of the ops that are not elementwise, family by family."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from graphengine.op import Op
from graphengine.ops import (
    fused_gru,
    fused_lstm,
    index,
    join,
    loss,
    norm,
    reduce,
    scan,
    sequence,
    shape,
    slicing,
)
from graphengine.ops.matmul import MatMul
from graphengine.ops.softmax import OverAxis
from tests.graphengine.op_rows import Array, Case, Draw, Values, floats, positive


def draw_matmul(draw: Draw) -> Case:
    m, k, n = draw.size(), draw.size(), draw.size()
    a, b = draw.shapes(2, at_most=2)
    return MatMul(), [draw.floats((*a, m, k)), draw.floats((*b, k, n))]


def draw_reduce(op: type[reduce.Reduce]) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = tuple(draw.full() for _ in draw.shape())
        return op(draw.axes(len(x)), draw.chance(0.5)), [draw.floats(x)]

    return case


def reduce_reference(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda x, axes, keepdims: function(x, axes, keepdims=keepdims)


def draw_scan(op: type[scan.Scan]) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = draw.shape(at_least=1)
        return op(draw.axis(len(x)), draw.chance(0.5)), [draw.floats(x)]

    return case


def scan_reference(accumulate: Callable[..., Any]) -> Callable[..., Array]:
    def reference(x: Array, axis: int, reverse: bool) -> Array:
        flip = (lambda a: np.flip(a, axis)) if reverse else (lambda a: a)
        return flip(accumulate(flip(x), axis=axis))

    return reference


def draw_concat(draw: Draw) -> Case:
    base = draw.shape(at_least=1)
    axis = draw.axis(len(base))
    xs = []
    for _ in range(draw.rng.integers(1, 4)):
        x = list(base)
        x[axis] = draw.size()
        xs.append(draw.floats(x))
    return join.Concat(axis), xs


def draw_stack(draw: Draw) -> Case:
    x = draw.shape()
    return join.Stack(draw.axis(len(x) + 1)), [draw.floats(x) for _ in range(draw.rng.integers(1, 4))]


def draw_split(draw: Draw) -> Case:
    x = list(draw.shape(at_least=1))
    axis = draw.axis(len(x))
    sizes = tuple(draw.size() for _ in range(draw.rng.integers(1, 4)))
    x[axis] = sum(sizes)
    return join.Split(axis, sizes), [draw.floats(x)]


def split_reference(x: Array, axis: int, sizes: tuple[int, ...]) -> tuple[Array, ...]:
    return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))


def draw_reshape(draw: Draw) -> Case:
    factors = draw.shape(at_least=1, at_most=4)

    def grouped() -> tuple[int, ...]:
        cuts = sorted(draw.rng.integers(0, len(factors) + 1, size=draw.rng.integers(0, 3)))
        ends = [0, *cuts, len(factors)]
        return tuple(math.prod(factors[a:b]) for a, b in pairwise(ends))

    before = grouped()
    return shape.Reshape(before, grouped()), [draw.floats(before)]


def draw_transpose(draw: Draw) -> Case:
    x = draw.shape()
    return shape.Transpose(tuple(int(axis) - len(x) for axis in draw.rng.permutation(len(x)))), [draw.floats(x)]


def draw_broadcast(draw: Draw) -> Case:
    whole = draw.shape()
    start = draw.rng.integers(0, len(whole) + 1)
    x = tuple(1 if draw.chance(0.4) else size for size in whole[start:])
    return shape.BroadcastTo(len(x), whole), [draw.floats(x)]


def draw_slice(draw: Draw) -> Case:
    x = tuple(draw.full() for _ in draw.shape())
    key: list[slicing.Part] = []
    for size in x:
        if draw.chance(0.2):
            key.append(None)
        if draw.chance(0.3):
            key.append(int(draw.rng.integers(-size, size)))
        else:
            start, stop = (None if draw.chance(0.4) else int(draw.rng.integers(-size, size + 1)) for _ in range(2))
            key.append(slicing.Cut(start, stop, int(draw.rng.choice([1, 1, 2, -1, -2]))))
    return slicing.TakeSlice(tuple(key)), [draw.floats(x)]


def slice_reference(x: Array, key: tuple[slicing.Part, ...]) -> Array:
    return np.array(x[tuple(slice(*part) if isinstance(part, slicing.Cut) else part for part in key)])


def draw_gather(draw: Draw) -> Case:
    rows, under = draw.full(), draw.shape(at_most=2)
    batch, places = draw.shapes(2, at_most=2)
    return index.Gather(-1 - len(under)), [draw.floats((*batch, rows, *under)), draw.integers(places, 0, rows)]


def gather_reference(x: Array, indices: Array, axis: int) -> Array:
    batch = np.broadcast_shapes(x.shape[:axis], indices.shape)
    tables, places = np.broadcast_to(x, batch + x.shape[axis:]), np.broadcast_to(indices, batch)
    found = np.empty(batch + x.shape[x.ndim + axis + 1 :])
    for place in np.ndindex(batch):
        found[place] = tables[place][places[place]]
    return found


def draw_take_along(draw: Draw) -> Case:
    rows, under = draw.full(), draw.shape(at_most=2)
    a, b = draw.shapes(2, at_most=2)
    indices = draw.integers((*b, draw.size(), *under), 0, rows)
    return index.TakeAlongAxis(-1 - len(under)), [draw.floats((*a, rows, *under)), indices]


def take_along_reference(x: Array, indices: Array, axis: int) -> Array:
    batch = np.broadcast_shapes(x.shape[:axis], indices.shape[:axis])
    return np.take_along_axis(
        np.broadcast_to(x, batch + x.shape[axis:]), np.broadcast_to(indices, batch + indices.shape[axis:]), axis
    )


def draw_one_hot(draw: Draw) -> Case:
    depth = draw.full()
    return index.OneHot(depth, np.dtype(np.float64)), [draw.integers(draw.shape(), 0, depth)]


def draw_along(make: Callable[[Draw, int, int], Op], values: Values = floats) -> Callable[[Draw], Case]:
    """A case for an op along an axis, made of a draw, the axis and its size."""

    def case(draw: Draw) -> Case:
        x = list(draw.shape(at_least=1))
        axis = draw.axis(len(x))
        x[axis] = max(x[axis], 1)
        return make(draw, axis, x[axis]), [values(draw, x)]

    return case


def argsort_reference(x: Array, axis: int, descending: bool) -> Array:
    def sort(row: Array) -> list[int]:
        return sorted(range(len(row)), key=lambda k: -row[k] if descending else row[k])

    return np.apply_along_axis(sort, axis, x).astype(np.int64) if x.size else np.zeros(x.shape, np.int64)


def top_k_reference(x: Array, k: int, axis: int) -> tuple[Array, Array]:
    places = argsort_reference(x, axis, descending=True).take(range(k), axis)
    return np.take_along_axis(x, places, axis), places


def draw_softmax(op: type[OverAxis], masked: float) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        core = draw.shape(at_least=1, at_most=2)
        a, b = draw.shapes(2, at_most=2)
        stretched = (core[0], *(1 if draw.chance(0.3) else size for size in core[1:]))
        mask = [draw.booleans((*b, *stretched))] if draw.chance(masked) else []
        return op(-len(core)), [draw.floats((*a, *core)) * 3, *mask]

    return case


def softmax_reference(x: Array, *mask: Array, axis: int) -> Array:
    powers = np.exp(x) * (mask[0] if mask else 1)
    total = powers.sum(axis, keepdims=True)
    return np.where(total == 0, 0, powers / np.where(total == 0, 1, total))


def draw_cross_entropy(draw: Draw) -> Case:
    entries, classes = draw.shape(at_most=2), draw.full()
    reduction = str(draw.rng.choice(["mean", "sum", "none"]))
    class_weights = [positive(draw, (classes,))] if draw.chance(0.5) else []
    weights = [draw.rng.choice([draw.booleans, lambda e: positive(draw, e)])(entries)] if draw.chance(0.6) else []
    op = loss.SoftmaxCrossEntropy(
        reduction, 0 if reduction == "none" else len(entries), bool(weights), bool(class_weights),
        0.3 if draw.chance(0.5) else 0.0, 0 if draw.chance(0.5) else None,
    )
    return op, [draw.floats((*entries, classes)), draw.integers(entries, 0, classes), *class_weights, *weights]


def cross_entropy_reference(
    logits: Array,
    targets: Array,
    *optional: Array,
    reduction: str,
    rank: int,
    weighted: bool,
    class_weighted: bool,
    label_smoothing: float,
    ignore_index: int | None,
) -> Array:
    """Entry by entry, as written in the docstring."""
    classes = logits.shape[-1]
    of_class = optional[0] if class_weighted else np.ones(classes)
    losses, counted = np.zeros(targets.shape), np.zeros(targets.shape)
    for n in np.ndindex(targets.shape):
        p = np.exp(logits[n]) / np.exp(logits[n]).sum()
        q = label_smoothing / classes * of_class
        q[targets[n]] += (1 - label_smoothing) * of_class[targets[n]]
        e = 0.0 if targets[n] == ignore_index else float(optional[-1][n]) if weighted else 1.0
        losses[n] = -e * (q * np.log(p)).sum()
        counted[n] = e * of_class[targets[n]]
    if reduction == "none":
        return losses
    return losses.sum() / (1 if reduction == "sum" or counted.sum() == 0 else counted.sum())


def draw_squared_error(draw: Draw) -> Case:
    x = draw.shape()
    reduction = str(draw.rng.choice(["mean", "sum", "none"]))
    narrow = tuple(1 if draw.chance(0.3) else size for size in x)
    weights = [draw.rng.choice([draw.booleans, lambda e: positive(draw, e)])(narrow)] if draw.chance(0.6) else []
    op = loss.MeanSquaredError(reduction, 0 if reduction == "none" else len(x), bool(weights))
    return op, [draw.floats(x), draw.floats(x), *weights]


def squared_error_reference(x: Array, t: Array, *weights: Array, reduction: str, rank: int, weighted: bool) -> Array:
    e = np.broadcast_to(weights[0] if weights else 1.0, x.shape)
    losses = e * (x - t) ** 2
    if reduction == "none":
        return losses
    return losses.sum() / (1 if reduction == "sum" or e.sum() == 0 else e.sum())


def draw_layer_norm(draw: Draw) -> Case:
    row = tuple(draw.full() for _ in range(draw.rng.integers(1, 3)))
    x = (*draw.shape(at_most=2), *row)
    return norm.LayerNorm(len(row), 0.05), [draw.floats(x), draw.floats(row), draw.floats(row)]


def layer_norm_reference(x: Array, gain: Array, shift: Array, rank: int, epsilon: float) -> Array:
    axes = tuple(range(-rank, 0))
    return gain * (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon) + shift


def draw_lstm_gates(op: fused_lstm.Gates) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        hidden = draw.full()
        batch = draw.shape(at_most=2)
        weights = [draw.floats((hidden,)) for _ in op.weights]
        return op, [draw.floats((*batch, op.count * hidden)), draw.floats((*batch, hidden)), *weights]

    return case


def lstm_gates_reference(
    z: Array, c_prev: Array, p_f: Any = 0.0, p_i: Any = 0.0, p_o: Any = 0.0, *, forget_bias: float
) -> tuple[Array, Array]:
    f, i, cproj, o = np.split(z, 4, axis=-1)
    c = c_prev / (1 + np.exp(-f - forget_bias - p_f * c_prev)) + np.tanh(cproj) / (1 + np.exp(-i - p_i * c_prev))
    return c, np.tanh(c) / (1 + np.exp(-o - p_o * c))


def coupled_lstm_gates_reference(
    z: Array, c_prev: Array, p_i: Any = 0.0, p_o: Any = 0.0
) -> tuple[Array, Array]:
    i, cproj, o = np.split(z, 3, axis=-1)
    i = 1 / (1 + np.exp(-i - p_i * c_prev))
    c = (1 - i) * c_prev + i * np.tanh(cproj)
    return c, np.tanh(c) / (1 + np.exp(-o - p_o * c))


def draw_gru_gates(draw: Draw) -> Case:
    hidden = draw.full()
    batch = draw.shape(at_most=2)
    wide = (*batch, 3 * hidden)
    return fused_gru.GRUGates(), [draw.floats(shape) for shape in (wide, wide, (hidden,), (*batch, hidden))]


def gru_gates_reference(x: Array, h: Array, d: Array, h_prev: Array) -> Array:
    (x_r, x_u, x_n), (h_r, h_u, h_n) = (np.split(each, 3, axis=-1) for each in (x, h))
    r, u = 1 / (1 + np.exp(-x_r - h_r)), 1 / (1 + np.exp(-x_u - h_u))
    n = np.tanh(x_n + r * (h_n + d))
    return (1 - u) * n + u * h_prev


def draw_reset_gates(draw: Draw) -> Case:
    hidden = draw.full()
    batch = draw.shape(at_most=2)
    return fused_gru.ResetGates(), [draw.floats((*batch, size)) for size in (hidden, hidden, 2 * hidden, hidden)]


def reset_gates_reference(x_r: Array, x_u: Array, h: Array, h_prev: Array) -> tuple[Array, Array]:
    h_r, h_u = np.split(h, 2, axis=-1)
    return 1 / (1 + np.exp(-x_u - h_u)), h_prev / (1 + np.exp(-x_r - h_r))


def draw_update_state(draw: Draw) -> Case:
    x = draw.shape(at_least=1)
    return fused_gru.UpdateState(), [draw.floats(x) for _ in range(3)]


def update_state_reference(u: Array, z: Array, h_prev: Array) -> Array:
    return (1 - u) * np.tanh(z) + u * h_prev


def draw_sequence_mask(draw: Draw) -> Case:
    steps = draw.size()
    return sequence.SequenceMask(), [draw.integers(draw.shape(), 0, steps + 1), np.arange(steps)]
