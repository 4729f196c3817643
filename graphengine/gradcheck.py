"""Gradient checks: compare hand-written backwards with finite differences.

A check proves that a backward matches its forward, not that the forward is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.op import Op, one_or_all, sum_to
from graphengine.parameter import Parameter
from graphengine.plan import Plan
from graphengine.spec import Array, Spec

_EVEN_STEP = 6e-6


def check_gradients(
    what: Op | Plan, given: Any, *, tolerance: float = 1e-6, seed: int = 0, **run: Any
) -> dict[str, float]:
    """Check an op entry by entry, or a plan along one random direction per parameter.

        (f(p + s v) - f(p - s v)) / 2 s  against  <df/dp, v>

    A plan needs two runs per parameter and direction, whatever its size; noise is the same in all of them.

    Args:
        what: an op, whose inputs are `given` as arrays; or a plan, whose feeds are `given`.
        tolerance: the relative error beyond which a gradient is wrong.
        seed: of the directions, of random output gradients, and of the runs.
        run: passed to `plan.run` (`seeds=`, `sizes=`, `training=`).

    Returns:
        The relative error of every input (`x0`) or parameter (its path).

    Raises:
        GradientError: a gradient is wrong; the message names it and shows both numbers.
        DtypeError: something is not in float64, where finite differences mean nothing.

    >>> from graphengine import Graph, ops
    >>> g = Graph(dtype="float64")
    >>> x = g.placeholder("x", ("n",))
    >>> plan = Plan(ops.sum(ops.tanh(x)), wrt=[x])
    >>> check_gradients(plan, {x: [0.1, 0.2]})["x"] < 1e-8
    True
    """
    if isinstance(what, Plan):
        return _check_plan(what, given, tolerance, seed, run)
    return _check_op(what, given, tolerance, seed)


def _check_op(op: Op, given: Sequence[Any], tolerance: float, seed: int) -> dict[str, float]:
    xs = tuple(np.array(x) for x in given)
    for i, x in enumerate(xs):
        _refuse_single(f"x{i}", x)
    rng = np.random.default_rng(seed)
    outs = _outputs(op, xs)
    dys = [rng.standard_normal(out.shape) if out.dtype.kind == "f" else np.zeros(out.shape) for out in outs[0]]
    found = {}
    for i, x in enumerate(xs):
        if x.dtype.kind != "f" or not op.carries(i):
            continue
        dy = one_or_all(dys)
        if op.together:
            (analytic,) = op.backward_all((i,), dy, xs, one_or_all([*outs[0], *outs[1]]))
        else:
            analytic = op.backward(i, dy, xs, one_or_all([*outs[0], *outs[1]]))
        numeric = _differences(op, xs, i, dys)
        found[f"x{i}"] = _compare(f"{op} x{i}", sum_to(np.asarray(analytic), x.shape), numeric, tolerance)
    return found


def _outputs(op: Op, xs: tuple[Array, ...]) -> tuple[list[Array], list[Array]]:
    """Run an op; return its outputs and its hidden arrays."""
    specs = [Spec.of(x.shape, x.dtype) for x in xs]
    inferred = op.infer(*specs)
    visible = inferred if isinstance(inferred, tuple) else (inferred,)
    outs = [np.empty(spec.sized({}), spec.dtype) for spec in visible]
    hidden = [np.empty(spec.sized({}), spec.dtype) for spec in (*op.saves(*specs), *op.scratch(*specs))]
    with np.errstate(over="ignore", under="ignore"):
        op.forward(one_or_all(outs + hidden), *xs)
    return outs, hidden


def _differences(op: Op, xs: tuple[Array, ...], i: int, dys: list[Array]) -> Array:
    """The gradient of <dy, y> by central differences, one entry at a time."""
    numeric = np.empty(xs[i].shape)
    x = xs[i]
    for place in np.ndindex(x.shape):
        before = x[place].copy()
        step = _EVEN_STEP * max(1.0, abs(float(before)))
        sides = []
        for sign in (1.0, -1.0):
            x[place] = before + sign * step
            sides.append(sum(float((dy * y).sum()) for dy, y in zip(dys, _outputs(op, xs)[0], strict=True)))
        x[place] = before
        numeric[place] = (sides[0] - sides[1]) / (2 * step)
    return numeric


def _check_plan(
    plan: Plan, feeds: Mapping[Any, Any], tolerance: float, seed: int, run: Mapping[str, Any]
) -> dict[str, float]:
    given = {"seed": seed, "training": True, **run}
    exact = plan.run(feeds, **given)
    rng = np.random.default_rng(seed)
    places = {tensor: parameter for parameter, tensor in plan.parameter_tensors.items()}
    seeds = {tensor: np.asarray(value) for tensor, value in (given.get("seeds") or {}).items()}
    found = {}
    for tensor in plan.differentiated:
        analytic = exact.grad(tensor)
        _refuse_single(tensor.path, analytic)
        direction = rng.standard_normal(analytic.shape)
        parameter, change = places.get(tensor), _EVEN_STEP * direction
        sides = [_moved(plan, parameter, tensor, feeds, sign * change, given, seeds) for sign in (1.0, -1.0)]
        numeric = np.asarray((sides[0] - sides[1]) / (2 * _EVEN_STEP))
        found[tensor.path] = _compare(tensor.path, np.asarray((analytic * direction).sum()), numeric, tolerance)
    return found


def _moved(
    plan: Plan,
    parameter: Parameter | None,
    tensor: Any,
    feeds: Mapping[Any, Any],
    change: Array,
    given: Mapping[str, Any],
    seeds: Mapping[Any, Array],
) -> float:
    """The scalar that is differentiated, after moving one parameter or feed."""
    if parameter is None:
        if tensor not in feeds:
            raise errors.GradientError(f"{tensor.path} is neither a parameter nor fed by itself, so it cannot be moved")
        run = plan.run({**feeds, tensor: np.asarray(feeds[tensor]) + change}, gradients=False, **given)
    else:
        before = parameter.value.copy()
        try:
            parameter.assign(before + change)
            run = plan.run(feeds, gradients=False, **given)
        finally:
            parameter.assign(before)
    return sum(float((run[t] * seeds.get(t, np.ones(()))).sum()) for t in plan.targets if t in plan.active)


def _refuse_single(name: str, array: Array) -> None:
    if array.dtype.kind == "f" and array.dtype != np.float64:
        raise errors.DtypeError(f"{name} is {array.dtype}; finite differences need float64")


def _compare(name: str, analytic: Array, numeric: Array, tolerance: float) -> float:
    """Return the relative error, measured against the larger of the two gradients."""
    if not analytic.size:
        return 0.0
    scale = max(float(np.abs(analytic).max()), float(np.abs(numeric).max()), 1e-3)
    error = float(np.abs(analytic - numeric).max()) / scale
    if not error <= tolerance:
        raise errors.GradientError(
            f"{name}: the backward gives {analytic.reshape(-1)[:4]}, finite differences {numeric.reshape(-1)[:4]}; "
            f"relative error {error:.2g}, allowed {tolerance:.2g}"
        )
    return error
