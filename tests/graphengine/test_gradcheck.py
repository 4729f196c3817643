"""The gradient check finds wrong backwards, and only those."""

from dataclasses import dataclass

import numpy as np
import pytest

from graphengine import Elementwise, Graph, Loop, Op, Plan, check_gradients, ops
from graphengine.errors import DtypeError, GradientError
from graphengine.graph import apply
from layers import LSTMCell, dynamic_rnn


@dataclass(frozen=True)
class Cube(Elementwise):
    """y = x³, whose slope may be taken from a wrong `factor`."""

    reads = ("x0",)
    factor: float = 3.0

    def forward(self, out, x):
        np.power(x, 3, out)

    def backward(self, i, dy, xs, y, out=None):
        return dy * self.factor * xs[0] ** 2


@dataclass(frozen=True)
class Swap(Op):
    """Two outputs, whose gradients may come back to the wrong input."""

    signature = "(),()->(),()"
    reads = ("", "")
    wrong: bool = False

    def forward(self, out, a, b):
        np.multiply(a, 2, out[0])
        np.multiply(b, 3, out[1])

    def backward(self, i, dy, xs, y, out=None):
        return dy[1 - i if self.wrong else i] * (2.0, 3.0)[i]


def model(op):
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(LSTMCell(2), apply(op, x).output, over="time")
    return x, Plan(ops.sum(outputs * outputs), wrt=[*Plan(ops.sum(outputs)).parameters, x])


def test_a_right_op_passes_entry_by_entry():
    errors = check_gradients(Cube(), [np.array([[0.5, -2.0], [3.0, 0.0]])])
    assert set(errors) == {"x0"}
    assert errors["x0"] < 1e-8
    assert max(check_gradients(Swap(), [np.ones(3), np.ones(3)]).values()) < 1e-8


def test_a_wrong_op_is_found_entry_by_entry():
    with pytest.raises(GradientError, match=r"Cube x0: the backward gives .*finite differences .*relative error 0\.03"):
        check_gradients(Cube(3.1), [np.array([1.0, 2.0])])
    with pytest.raises(GradientError, match="Swap x0"):
        check_gradients(Swap(wrong=True), [np.ones(3), np.ones(3)])


def test_one_wrong_entry_among_many_is_found():
    class OneOff(Cube):
        def backward(self, i, dy, xs, y, out=None):
            dx = super().backward(i, dy, xs, y)
            dx[-1] *= 1.001
            return dx

    with pytest.raises(GradientError):
        check_gradients(OneOff(), [np.linspace(0.5, 1.0, 200)])


def test_a_wrong_backward_anywhere_in_a_plan_is_found_where_its_gradient_arrives():
    rng = np.random.default_rng(0)
    feeds = rng.standard_normal((2, 3, 3))
    x, right = model(Cube())
    assert max(check_gradients(right, {x: feeds}).values()) < 1e-7
    x, wrong = model(Cube(3.001))
    with pytest.raises(GradientError, match="x: the backward gives"):
        check_gradients(wrong, {x: feeds})


def test_a_wrong_backward_inside_a_loop_is_found():
    for factor, right in ((3.0, True), (3.01, False)):
        g = Graph(dtype="float64")
        x = g.placeholder("x", ("batch", "time"))
        with Loop("time") as loop:
            h = loop.delay(g.fill(("batch",), 0.5))
            after = apply(Cube(factor), ops.tanh(h + loop.slice(x))).output
            loop.feed(h, after)
        plan = Plan(ops.sum(loop.last(after)), wrt=[x])
        feeds = {x: np.random.default_rng(0).standard_normal((2, 4))}
        if right:
            assert check_gradients(plan, feeds)["x"] < 1e-7
        else:
            with pytest.raises(GradientError):
                check_gradients(plan, feeds)


def test_a_plan_is_checked_with_seeds_and_sizes():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch",))
    y = ops.broadcast_to(ops.expand_dims(x * x, 1), ("batch", "n"))
    plan = Plan(y, wrt=[x])
    seeds = {y: np.random.default_rng(0).standard_normal((2, 3))}
    assert check_gradients(plan, {x: [1.0, 2.0]}, seeds=seeds, sizes={"n": 3})["x"] < 1e-8


def test_the_check_leaves_parameters_as_they_were():
    x, plan = model(Cube())
    before = [parameter.value.copy() for parameter in plan.parameters]
    check_gradients(plan, {x: np.ones((1, 2, 3))})
    assert all(np.array_equal(p.value, b) for p, b in zip(plan.parameters, before, strict=True))
    with pytest.raises(GradientError, match="cube is neither a parameter nor fed by itself"):
        check_gradients(Plan(ops.sum(plan.graph["cube"]), wrt=[plan.graph["cube"]]), {x: np.ones((1, 2, 3))})


def test_single_precision_is_refused():
    g = Graph()
    x = g.placeholder("x", ("n",))
    with pytest.raises(DtypeError, match="x is float32; finite differences need float64"):
        check_gradients(Plan(ops.sum(x * x), wrt=[x]), {x: [1.0]})
    with pytest.raises(DtypeError, match="x0 is float32"):
        check_gradients(Cube(), [np.ones(2, np.float32)])


def test_noise_is_the_same_in_every_run_of_a_check():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("n",))
    y = ops.dropout(ops.tanh(x), 0.5) * ops.normal(x)
    plan = Plan(ops.sum(y * y), wrt=[x])
    assert check_gradients(plan, {x: np.linspace(-1, 1, 20)}, seed=3)["x"] < 1e-7


def test_the_tolerance_is_the_callers():
    assert check_gradients(Cube(3.1), [np.ones(2)], tolerance=0.1)["x0"] == pytest.approx(0.1 / 3.1, rel=1e-3)
