"""Every property that an op must have, on every row of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, check_gradients, ops
from graphengine.forward import one_or_all
from graphengine.graph import apply
from graphengine.op import Op, placeholder_array, sum_to
from graphengine.spec import Spec
from tests.graphengine.op_rows import Case, Draw, Row
from tests.graphengine.ops_table import ROWS

DRAWS = 16
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

pytestmark = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.op.__name__)


def drawn(row: Row) -> Iterator[tuple[Case, Draw]]:
    """Many instances of an op: all sorts of sizes, and all sizes equal."""
    for seed in range(DRAWS):
        for equal in (None, 3) if seed % 2 else (None,):
            draw = Draw(seed, equal)
            yield row.draw(draw), draw


def specs_of(xs: Sequence[np.ndarray]) -> list[Spec]:
    return [Spec.of(x.shape, x.dtype) for x in xs]


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def forward(op: Op, xs: Sequence[np.ndarray]) -> tuple[tuple[np.ndarray, ...], Any]:
    """Run an op; return its outputs, and all arrays as its backward takes them."""
    specs = specs_of(xs)
    outputs = as_tuple(op.infer(*specs))
    arrays = [np.empty(spec.sized({}), spec.dtype) for spec in (*outputs, *op.saves(*specs), *op.scratch(*specs))]
    with np.errstate(over="ignore", under="ignore"):
        op.forward(one_or_all(arrays), *xs)
    return tuple(arrays[: len(outputs)]), one_or_all(arrays)


def differentiated(op: Op, xs: Sequence[np.ndarray]) -> list[int]:
    """The inputs that have a gradient."""
    outputs = as_tuple(op.infer(*specs_of(xs)))
    if not any(spec.floating for spec in outputs):
        return []
    return [i for i, x in enumerate(xs) if x.dtype.kind == "f" and op.carries(i)]


def backward(op: Op, i: int, dy: Any, xs: Sequence[np.ndarray], y: Any, extra: int = 0) -> np.ndarray:
    """The gradient of one input, as an engine forms it."""
    with np.errstate(over="ignore", under="ignore"):
        found = op.backward_all((i,), dy, tuple(xs), y)[0] if op.together else op.backward(i, dy, tuple(xs), y)
        return sum_to(np.asarray(found), xs[i].shape, extra)


def seeds_for(outputs: Sequence[np.ndarray], draw: Draw, lead: tuple[int, ...] = ()) -> Any:
    return one_or_all([np.asarray(draw.floats(lead + y.shape)).astype(y.dtype, copy=False) for y in outputs])


def test_forward_matches_the_reference(row: Row) -> None:
    for (op, xs), _ in drawn(row):
        outputs, _ = forward(op, xs)
        expected = row.expected(op, xs)
        assert len(outputs) == len(expected)
        for found, wanted in zip(outputs, expected, strict=True):
            assert found.shape == np.shape(wanted), op
            np.testing.assert_allclose(found, wanted, **CLOSE, err_msg=str(op))


def test_spec_holds_with_numbers_and_with_names(row: Row) -> None:
    for (op, xs), _ in drawn(row):
        inferred = as_tuple(op.infer(*specs_of(xs)))
        for spec, wanted in zip(inferred, row.expected(op, xs), strict=True):
            assert spec.shape == np.shape(wanted), op
            assert spec.dtype == np.asarray(wanted).dtype or not np.size(wanted), op
        if row.named:
            sizes = {f"d{size}": size for size in (0, 2, 3, 4)}
            renamed = [
                Spec(tuple(size if size == 1 else f"d{size}" for size in x.shape), x.dtype)
                for x in xs
                if all(size < 5 for size in x.shape)
            ]
            if len(renamed) == len(xs):
                assert [spec.sized(sizes) for spec in as_tuple(op.infer(*renamed))] == [spec.shape for spec in inferred]


def test_gradients_match_finite_differences(row: Row) -> None:
    for (op, xs), _ in drawn(row):
        assert set(check_gradients(op, xs)) >= {f"x{i}" for i in differentiated(op, xs)}


def test_single_precision_stays_single(row: Row) -> None:
    for (op, xs), draw in drawn(row):
        halved = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in xs]
        double, single = forward(op, xs), forward(op, halved)
        converts = getattr(op, "dtype", None) == np.float64
        for wide, narrow in zip(double[0], single[0], strict=True):
            assert narrow.dtype == (np.float32 if wide.dtype.kind == "f" and not converts else wide.dtype), op
            np.testing.assert_allclose(narrow, wide, rtol=2e-4, atol=2e-5, err_msg=str(op))
        dy = seeds_for(double[0], draw)
        narrow_dy = one_or_all([d.astype(y.dtype) for d, y in zip(as_tuple(dy), single[0], strict=True)])
        for i in differentiated(op, xs):
            narrow = backward(op, i, narrow_dy, halved, single[1])
            assert narrow.dtype == np.float32, op
            wide = backward(op, i, dy, xs, double[1])
            np.testing.assert_allclose(narrow, wide, rtol=2e-3, atol=2e-4, err_msg=str(op))


def test_nothing_given_is_written(row: Row) -> None:
    """Inputs, outputs and incoming gradients belong to others; and a result never is an input's memory."""
    for (op, xs), draw in drawn(row):
        for x in xs:
            x.flags.writeable = False
        outputs, y = forward(op, xs)
        dy = seeds_for(outputs, draw)
        saved = len(op.saves(*specs_of(xs)))
        for array in (*as_tuple(y)[: len(outputs) + saved], *as_tuple(dy)):
            array.flags.writeable = False
        for i in differentiated(op, xs):
            gradient = backward(op, i, dy, xs, y)
            assert not any(np.shares_memory(gradient, each) for each in (*xs, *as_tuple(y))), op


def test_backward_may_use_an_array_it_is_given(row: Row) -> None:
    for (op, xs), draw in drawn(row):
        outputs, y = forward(op, xs)
        dy = seeds_for(outputs, draw)
        for i in differentiated(op, xs):
            if not op.together:
                fresh = np.asarray(op.backward(i, dy, tuple(xs), y))
                given = op.backward(i, dy, tuple(xs), y, np.full(fresh.shape, np.nan))
                np.testing.assert_array_equal(given, fresh, err_msg=str(op))


def test_backward_reads_only_what_it_declares(row: Row) -> None:
    """Arrays that are not declared are NaN; stale or missing memory in their place cannot matter then."""
    for (op, xs), draw in drawn(row):
        outputs, y = forward(op, xs)
        dy = seeds_for(outputs, draw)
        for i in differentiated(op, xs):
            declared = (op.reads_together((i,)) if op.together else op.reads_of(i)).split()
            if "*" in declared:
                continue
            shown = [x if f"x{k}" in declared else placeholder_array(x.shape, x.dtype) for k, x in enumerate(xs)]
            ys = y if "y" in declared else one_or_all([placeholder_array(a.shape, a.dtype) for a in as_tuple(y)])
            np.testing.assert_array_equal(backward(op, i, dy, shown, ys), backward(op, i, dy, xs, y), err_msg=str(op))


@pytest.mark.parametrize("lead", [(2,), (3, 1), (0,)], ids=str)
def test_many_seeds_at_once_equal_one_at_a_time(row: Row, lead: tuple[int, ...]) -> None:
    for (op, xs), draw in drawn(row):
        outputs, y = forward(op, xs)
        dy = seeds_for(outputs, draw, lead)
        for i in differentiated(op, xs):
            found = backward(op, i, dy, xs, y, len(lead))
            assert found.shape == lead + xs[i].shape, op
            for place in np.ndindex(lead):
                one = one_or_all([each[place] for each in as_tuple(dy)])
                np.testing.assert_allclose(found[place], backward(op, i, one, xs, y), **CLOSE, err_msg=str(op))


class Unrolled:
    """An op in the body of a loop, on some inputs that differ from step to step and some that do not."""

    def __init__(self, op: Op, xs: Sequence[np.ndarray], draw: Draw, steps: int) -> None:
        self.op = op
        self.steps = steps
        self.sliced = [draw.chance(0.6) for _ in xs]
        self.sliced[draw.rng.integers(len(xs))] = True
        self.axes = [int(draw.rng.integers(x.ndim + 1)) for x in xs]
        self.xs = [
            np.stack([draw.rng.permutation(x.ravel()).reshape(x.shape) for _ in range(steps)] or [x], axis)[
                (slice(None),) * axis + (slice(steps),)
            ]
            if sliced
            else x
            for x, axis, sliced in zip(xs, self.axes, self.sliced, strict=True)
        ]
        self.graph = Graph(dtype="float64")
        self.places = [
            self.graph.placeholder(
                f"x{i}",
                [*x.shape[:axis], "time", *x.shape[axis + 1 :]] if sliced else x.shape,
                x.dtype,
            )
            for i, (x, axis, sliced) in enumerate(zip(self.xs, self.axes, self.sliced, strict=True))
        ]
        self.feeds = dict(zip(self.places, self.xs, strict=True))
        self.loop = Loop(over="time", reverse=draw.chance(0.3))

    def at(self, t: int) -> list[np.ndarray]:
        """The inputs of a step."""
        return [
            x.take(t, axis) if sliced else x for x, axis, sliced in zip(self.xs, self.axes, self.sliced, strict=True)
        ]

    def inputs(self) -> list[Any]:
        return [self.loop.slice(p) if sliced else p for p, sliced in zip(self.places, self.sliced, strict=True)]

    def plan(self, outputs: Sequence[Any], wanted: Sequence[int]) -> Plan:
        """A plan for all outputs; those that can be differentiated are targets."""
        whole = self.loop.stack(tuple(outputs), axis=0)
        self.whole = whole
        targets = [tensor for tensor in whole if tensor.spec.floating] or list(whole)
        return Plan(targets, also=whole, wrt=[self.places[i] for i in wanted])


@pytest.mark.parametrize("lead", [(), (2,)], ids=str)
def test_all_steps_at_once_equal_one_at_a_time(row: Row, lead: tuple[int, ...]) -> None:
    across = (slice(None),) * len(lead)
    for number, ((op, xs), draw) in enumerate(drawn(row)):
        steps = draw.equal or number % 4
        body = Unrolled(op, xs, draw, steps)
        wanted = differentiated(op, xs)
        with body.loop:
            node = apply(op, *body.inputs())
        plan = body.plan(node.outputs, wanted)
        assert not any(unit.stepwise for unit in plan.units)
        outputs = [forward(op, body.at(t)) for t in range(steps)]
        dys = [draw.floats((*lead, steps, *y.spec.shape)) if y.spec.floating else None for y in node.outputs]
        seeds = {t: dy for t, dy in zip(body.whole, dys, strict=True) if dy is not None} if wanted else {}
        run, trace = plan.run(body.feeds, seeds=seeds), plan.trace(body.feeds, seeds=seeds)
        for position, tensor in enumerate(body.whole):
            hand = np.array([found[position] for found, _ in outputs]).reshape(run[tensor].shape)
            np.testing.assert_allclose(run[tensor], hand, **CLOSE, err_msg=str(op))
            np.testing.assert_allclose(trace.value(tensor), hand, **CLOSE, err_msg=str(op))
        for i in wanted:
            hand = np.zeros(lead + body.xs[i].shape)
            for t, (ys, y) in enumerate(outputs):
                dy = [np.zeros(lead + y.shape) if d is None else d[(*across, t)] for d, y in zip(dys, ys, strict=True)]
                part = backward(op, i, one_or_all(dy), body.at(t), y, len(lead))
                if body.sliced[i]:
                    hand[(*across, *(slice(None),) * body.axes[i], t)] += part
                else:
                    hand += part
            np.testing.assert_allclose(run.grad(body.places[i]), hand, **CLOSE, err_msg=str(op))
            np.testing.assert_allclose(trace.grad(body.places[i]), hand, **CLOSE, err_msg=str(op))


@pytest.mark.parametrize("lead", [(), (2,)], ids=str)
def test_step_by_step_equals_the_trace(row: Row, lead: tuple[int, ...]) -> None:
    """The op stands in a circle: its input depends on its output at the step before."""
    for number, ((op, xs), draw) in enumerate(drawn(row)):
        floating = [i for i, x in enumerate(xs) if x.dtype.kind == "f"]
        if not floating or not any(spec.floating for spec in as_tuple(op.infer(*specs_of(xs)))):
            continue
        body = Unrolled(op, xs, draw, draw.equal or number % 4)
        with body.loop as loop:
            inputs = body.inputs()
            state = loop.delay(body.graph.fill(()), name="state")
            inputs[floating[0]] = inputs[floating[0]] * (1 + 0.1 * state)
            node = apply(op, *inputs)
            first = next(tensor for tensor in node.outputs if tensor.spec.floating)
            loop.feed(state, ops.tanh(ops.sum(first) + 0.3))
        plan = body.plan(node.outputs, differentiated(op, xs))
        assert any(unit.stepwise and node in unit.nodes for unit in plan.units)
        seeds = {t: draw.floats((*lead, body.steps, *t.shape[1:])) for t in plan.targets} if plan.differentiated else {}
        run, trace = plan.run(body.feeds, seeds=seeds), plan.trace(body.feeds, seeds=seeds)
        for tensor in body.whole:
            np.testing.assert_allclose(run[tensor], trace.value(tensor), **CLOSE, err_msg=str(op))
        for tensor in plan.differentiated:
            np.testing.assert_allclose(run.grad(tensor), trace.grad(tensor), **CLOSE, err_msg=str(op))


def test_mathematics_is_written_down(row: Row) -> None:
    op, xs = row.draw(Draw(1))
    assert row.op.equation
    assert row.op.__doc__
    wanted = differentiated(op, xs)
    if wanted and not str(op.signature).endswith("...") and len(row.op.gradient) != 1:
        assert len(row.op.gradient) >= len(xs), "one gradient per input"
    assert bool(row.op.gradient) or not wanted


def test_settings_make_ops_equal(row: Row) -> None:
    """Ops are values: two with the same settings are the same, and can be keys."""
    one, other = row.draw(Draw(5))[0], row.draw(Draw(5))[0]
    assert one == other
    assert hash(one) == hash(other)
