"""Values and gradients at the places where ops usually go wrong: far out, at zeros, at ties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Plan, ops


def evaluate(build: Any, *arrays: Any, seed: Any = None, dtype: str = "float64") -> tuple[np.ndarray, list[np.ndarray]]:
    """Build an op on placeholders for some arrays; return its value and the gradients of the floats among them."""
    g = Graph(dtype=dtype)
    arrays = tuple(np.asarray(a) for a in arrays)
    places = [g.placeholder(f"x{i}", a.shape, a.dtype) for i, a in enumerate(arrays)]
    y = build(*places)
    wrt = [p for p in places if p.spec.floating and y.spec.floating and y.node.op.differentiable]
    plan = Plan(y, wrt=wrt)
    ones = np.ones(plan.targets[0].shape, y.dtype) if seed is None else seed
    run = plan.run(dict(zip(places, arrays, strict=True)), seeds={y: ones} if wrt else {})
    return run[y], [run.grad(p) for p in wrt]


FAR = np.array([-1000.0, -745.0, -40.0, -1.0, 0.0, 1.0, 40.0, 745.0, 1000.0])


def test_sigmoid_keeps_its_small_tail() -> None:
    y, (dx,) = evaluate(ops.sigmoid, FAR)
    exact = [1 / (1 + math.exp(-x)) if x > -700 else 0.0 for x in FAR]
    np.testing.assert_allclose(y, exact, rtol=1e-15, atol=0)
    assert y[2] == pytest.approx(4.248354255291589e-18, rel=1e-15)
    assert np.isfinite(dx).all()


def test_sigmoid_of_single_precision_is_single_all_the_way() -> None:
    y, (dx,) = evaluate(ops.sigmoid, FAR.astype(np.float32), dtype="float32")
    assert y.dtype == dx.dtype == np.float32
    assert y[-1] == 1
    assert y[0] == 0


def test_softplus_is_linear_above_and_small_below() -> None:
    y, (dx,) = evaluate(ops.softplus, FAR)
    middle = [math.log1p(math.exp(-1)), math.log(2), math.log1p(math.e)]
    np.testing.assert_allclose(y, [0, 0, math.exp(-40), *middle, 40, 745, 1000], rtol=1e-15, atol=1e-300)
    slope = [0, 0, math.exp(-40), *(1 / (1 + math.exp(-x)) for x in FAR[3:])]
    np.testing.assert_allclose(dx, slope, rtol=1e-14, atol=1e-300)


def test_tanh_far_out() -> None:
    y, (dx,) = evaluate(ops.tanh, FAR)
    np.testing.assert_array_equal(y, np.tanh(FAR))
    assert dx[0] == dx[-1] == 0


def test_erf_to_the_last_bits() -> None:
    rng = np.random.default_rng(0)
    tiny = 10.0 ** rng.uniform(-300, 1, 2_000)
    x = np.concatenate([rng.uniform(-7, 7, 20_000), rng.normal(size=20_000), tiny, [0.46875, 4, 6]])
    y, (dx,) = evaluate(ops.erf, x)
    exact = np.array([math.erf(each) for each in x])
    units = np.abs(y - exact) / np.spacing(np.abs(exact))
    assert units.max() <= 4
    assert np.quantile(units, 0.999) <= 2
    np.testing.assert_allclose(dx, 2 / math.sqrt(math.pi) * np.exp(-(x**2)), rtol=1e-13)


def test_erf_at_the_ends() -> None:
    y, _ = evaluate(ops.erf, [np.inf, -np.inf, np.nan, -0.0, 1e308])
    np.testing.assert_array_equal(y, [1, -1, np.nan, -0.0, 1])
    assert math.copysign(1, y[3]) == -1


@pytest.mark.parametrize(
    ("base", "exponent", "value", "d_base", "d_exponent"),
    [
        (0.0, 2.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0, 0.0, 0.0),
        (2.0, 0.0, 1.0, 0.0, math.log(2)),
        (2.0, -1.0, 0.5, -0.25, 0.5 * math.log(2)),
        (2.0, 0.5, math.sqrt(2), 0.5 / math.sqrt(2), math.sqrt(2) * math.log(2)),
    ],
)
def test_power_and_its_gradients(base: float, exponent: float, value: float, d_base: float, d_exponent: float) -> None:
    y, (da, db) = evaluate(ops.power, [base], [exponent])
    np.testing.assert_allclose([y[0], da[0], db[0]], [value, d_base, d_exponent], rtol=1e-14)


def test_power_has_no_finite_gradient_where_it_is_infinite() -> None:
    with np.errstate(divide="ignore"):
        y, (da, db) = evaluate(ops.power, [0.0], [-1.0])
    assert (y[0], da[0], db[0]) == (np.inf, -np.inf, -np.inf)


def test_power_of_a_negative_base_with_a_whole_exponent() -> None:
    y, (dx,) = evaluate(lambda x: x**3, [-2.0, -0.5, 0.0])
    np.testing.assert_allclose(y, [-8, -0.125, 0])
    np.testing.assert_allclose(dx, [12, 0.75, 0])


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_ties_share_the_gradient(op: Any) -> None:
    _, (da, db) = evaluate(op, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    np.testing.assert_array_equal(da + db, 1)
    assert da[0] == db[0] == 0.5
    assert set(da[1:]) == {0.0, 1.0}


def test_extremes_share_the_gradient_among_ties() -> None:
    _, (dx,) = evaluate(lambda x: ops.max(x, 1), [[1.0, 3.0, 3.0, 3.0], [5.0, 1.0, 1.0, 1.0]])
    np.testing.assert_allclose(dx, [[0, 1 / 3, 1 / 3, 1 / 3], [1, 0, 0, 0]])
    _, (dx,) = evaluate(ops.min, [[2.0, 2.0], [2.0, 7.0]])
    np.testing.assert_allclose(dx, [[1 / 3, 1 / 3], [1 / 3, 0]])


def test_product_where_factors_are_zero() -> None:
    _, (dx,) = evaluate(lambda x: ops.prod(x, 1), [[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 0.0, 4.0]])
    np.testing.assert_array_equal(dx, [[12, 8, 6], [0, 8, 0], [0, 0, 0]])


def test_product_over_two_axes_apart() -> None:
    x = np.arange(1.0, 13).reshape(2, 3, 2)
    _, (dx,) = evaluate(lambda t: ops.prod(t, (0, 2)), x)
    np.testing.assert_allclose(dx, x.prod((0, 2), keepdims=True) / x)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (3,)])
def test_running_product_where_factors_are_zero(zeros: tuple[int, ...], reverse: bool) -> None:
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0
    seed = np.array([1.0, 2.0, -1.0, 0.5])
    _, (dx,) = evaluate(lambda t: ops.cumprod(t, reverse=reverse), x, seed=seed)
    order = range(3, -1, -1) if reverse else range(4)
    expected = np.zeros(4)
    for j in range(4):
        for k in range(4):
            run = [i for i in order if (i >= k if reverse else i <= k)]
            if j in run:
                expected[j] += seed[k] * math.prod(x[i] for i in run if i != j)
    np.testing.assert_allclose(dx, expected)


def test_corners_pass_no_gradient() -> None:
    assert evaluate(ops.relu, [-1.0, 0.0, 2.0])[1][0].tolist() == [0, 0, 1]
    assert evaluate(ops.absolute, [-1.0, 0.0, 2.0])[1][0].tolist() == [-1, 0, 1]
    np.testing.assert_allclose(evaluate(ops.hard_sigmoid, [-3.0, 0.0, 3.0])[1][0], [0, 1 / 6, 0])


def test_clip_takes_one_bound_or_two_and_passes_the_gradient_at_them() -> None:
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    y, (dx,) = evaluate(lambda t: ops.clip(t, -1, 1), x)
    assert y.tolist() == [-1, -1, 0, 1, 1]
    assert dx.tolist() == [0, 1, 1, 1, 0]
    assert evaluate(lambda t: ops.clip(t, low=0), x)[0].tolist() == [0, 0, 0, 1, 2]
    assert evaluate(lambda t: ops.clip(t, high=0), x)[1][0].tolist() == [1, 1, 1, 0, 0]


def test_what_was_not_chosen_cannot_spoil_the_gradient() -> None:
    """The usual trap: an infinite gradient times the 0 of the branch that was not taken."""
    condition = np.array([True, False])
    y, (da, db) = evaluate(ops.where, condition, [1.0, np.nan], [np.inf, 2.0], seed=np.array([3.0, np.inf]))
    assert y.tolist() == [1, 2]
    assert da.tolist() == [3, 0]
    assert db.tolist() == [0, np.inf]


def test_where_gives_numbers_the_dtype_of_the_other_choice() -> None:
    g = Graph()
    x = g.placeholder("x", ("batch", 3))
    assert ops.where(x > 0, x, 0.5).spec == x.spec
    assert ops.where(x > 0, 1.0, 0.0).dtype == np.float32
    assert ops.where(x > 0, 1, g.placeholder("n", (3,), "int64")).dtype == np.int64


def test_hold_is_a_where_of_its_own_kind() -> None:
    y, (new, previous) = evaluate(ops.hold, np.array([[True], [False]]), np.ones((2, 3)), np.zeros((2, 3)))
    assert y.tolist() == [[1] * 3, [0] * 3]
    assert new.tolist() == y.tolist()
    assert previous.tolist() == (1 - y).tolist()
    g = Graph()
    x = g.placeholder("x", (3,))
    assert ops.hold(x > 0, x, x).path == "hold"


def test_gradient_passes_casts_between_floats_and_stops_at_integers() -> None:
    y, (dx,) = evaluate(lambda x: ops.cast(x, "float32"), [1.5, -2.5])
    assert (y.dtype, dx.dtype) == (np.float32, np.float64)
    y, _ = evaluate(lambda x: ops.cast(x, "int32"), [1.9, -1.9])
    assert (y.dtype, y.tolist()) == (np.int32, [1, -1])
    assert evaluate(lambda x: ops.cast(x, bool), [0.0, 0.5])[0].tolist() == [False, True]


@pytest.mark.parametrize("op", [ops.sign, ops.floor, ops.stop_gradient])
def test_no_gradient_passes_a_step_function(op: Any) -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", (3,))
    assert Plan(ops.sum(op(x) * x), wrt=[x]).run({x: [0.5, -1.5, 2.0]}).grad(x).tolist() == {
        ops.sign: [1, -1, 1],
        ops.floor: [0, -2, 2],
        ops.stop_gradient: [0.5, -1.5, 2.0],
    }[op]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (ops.add, [5, -2, 3]),
        (ops.subtract, [-1, -12, -3]),
        (ops.multiply, [6, -35, 0]),
        (ops.mod, [2, 3, 0]),
        (ops.maximum, [3, 5, 3]),
        (ops.minimum, [2, -7, 0]),
    ],
)
def test_integers_stay_integers(op: Any, expected: list[int]) -> None:
    y, _ = evaluate(op, [2, -7, 0], [3, 5, 3])
    assert (y.dtype.kind, y.tolist()) == ("i", expected)


def test_reductions_and_scans_keep_small_integers_small() -> None:
    x = np.array([[1, 2], [3, 4]], np.int32)
    for op, expected in [(ops.sum, 10), (ops.prod, 24), (ops.max, 4), (ops.min, 1)]:
        y, _ = evaluate(op, x)
        assert (y.dtype, y.item()) == (np.int32, expected)
    y, _ = evaluate(ops.cumsum, x)
    assert (y.dtype, y.tolist()) == (np.int32, [[1, 3], [3, 7]])


def test_remainder_has_the_sign_of_the_divisor() -> None:
    y, (da, db) = evaluate(ops.mod, [5.5, -5.5, 5.5], [2.0, 2.0, -2.0])
    np.testing.assert_allclose(y, [1.5, 0.5, -0.5])
    np.testing.assert_allclose(da, 1)
    np.testing.assert_allclose(db, [-2, 3, 3])


def test_matrix_product_of_steps_forms_no_gradient_per_step() -> None:
    """The weights' gradient is one product: nothing of the size [time, I, H] is made on the way."""
    import tracemalloc

    from graphengine.ops.matmul import MatMul

    time, batch, size = 64, 2, 96
    x, w = np.ones((time, batch, size)), np.ones((size, size))
    y = np.empty((time, batch, size))
    op = MatMul()
    op.forward(y, x, w)
    tracemalloc.start()
    op.backward(1, y, (x, w), y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size * size * 8
