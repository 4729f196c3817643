"""Softmax and layer normalisation against PyTorch's numbers, and at their extremes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, GraphError, Parameter, Plan, check_gradients, ops
from graphengine.errors import DtypeError, SettingError, ShapeError

DATA = Path(__file__).parents[1] / "data" / "zoo"


def golden(file: str) -> dict[str, np.ndarray]:
    archive = np.load(DATA / file)
    return {name.partition("/")[2]: archive[name] for name in archive.files}


def test_torch_softmax() -> None:
    """The file's loss takes the softmax and its logarithm together."""
    wanted = golden("torch_softmax.npz")
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 5))
    y, ylog = ops.softmax(x), ops.log_softmax(x)
    run = Plan([y, ylog], wrt=[x]).run({x: wanted["x"]}, seeds={y: wanted["R.y"], ylog: wanted["R.ylog"]})
    for tensor, name in ((y, "y"), (ylog, "ylog")):
        np.testing.assert_allclose(run[tensor], wanted[name], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.grad(x), wanted["g.x"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_as_large_as_they_get(dtype: str) -> None:
    g = Graph(dtype=dtype)
    x = g.placeholder("x", ("n", 3))
    y, ylog = ops.softmax(x), ops.log_softmax(x)
    given = np.array([[1e4, -1e4, 0], [-1e4] * 3, [1e30, 0, 0], [-np.inf, 0, 0], [-np.inf] * 3], dtype)
    ones = np.ones((5, 3), dtype)
    run = Plan([y, ylog], wrt=[x]).run({x: given}, seeds={y: ones, ylog: ones * 0})
    np.testing.assert_allclose(run[y], [[1, 0, 0], [1 / 3] * 3, [1, 0, 0], [0, 0.5, 0.5], [0] * 3], rtol=1e-6)
    third, half = -np.log(3), -np.log(2)
    logs = [[0, -2e4, -1e4], [third] * 3, [0, -1e30, -1e30], [-np.inf, half, half], [-np.inf] * 3]
    np.testing.assert_allclose(run[ylog], logs, rtol=1e-6)
    np.testing.assert_allclose(run.grad(x), 0, atol=1e-6)


@pytest.mark.parametrize("logarithm", [False, True])
def test_a_mask_equals_leaving_out(logarithm: bool) -> None:
    """What is masked takes no part, whatever it holds; a row of which nothing takes part is 0, and its logarithm -∞."""
    rng = np.random.default_rng(0)
    op = ops.log_softmax if logarithm else ops.softmax
    g = Graph(dtype="float64")
    x, mask = g.placeholder("x", ("n", 4)), g.placeholder("mask", ("n", 4), "bool")
    y = op(x, mask=mask)
    plan = Plan(y, wrt=[x])
    given, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    given[0, 1], given[1, 2], given[2, 0] = 1e6, np.nan, np.inf
    live = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]], bool)
    run = plan.run({x: given, mask: live}, seeds={y: dy})
    nothing = -np.inf if logarithm else 0.0
    small = Graph(dtype="float64")
    z = small.placeholder("z", ("k",))
    alone = op(z)
    for row in range(2):
        kept = live[row]
        part = Plan(alone, wrt=[z]).run({z: given[row, kept]}, seeds={alone: dy[row, kept]})
        np.testing.assert_allclose(run[y][row, kept], part[alone], rtol=1e-14)
        np.testing.assert_allclose(run.grad(x)[row, kept], part.grad(z), rtol=1e-12, atol=1e-15)
    assert (run[y][~live] == nothing).all()
    assert not run.grad(x)[~live].any()


def test_a_mask_over_other_axes_than_the_last() -> None:
    rng = np.random.default_rng(1)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "source", 2))
    mask = g.placeholder("mask", ("batch", "source", 1), "bool")
    y = ops.softmax(x, axis="source", mask=mask)
    live = np.array([[1, 1, 0], [0, 0, 0]], bool)[..., None]
    feeds = {x: rng.normal(size=(2, 3, 2)), mask: live}
    plan = Plan(y, wrt=[x])
    value = plan.run(feeds, gradients=False)[y]
    np.testing.assert_allclose(value.sum(1), [[1, 1], [0, 0]])
    check_gradients(plan, feeds, seeds={y: rng.normal(size=(2, 3, 2))})


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda x: ops.softmax(x, mask=np.ones(3)), DtypeError, "a mask holds booleans, not float64"),
        (lambda x: ops.softmax(x, mask=[True, False]), ShapeError, "shapes do not fit: 3 and 2"),
        (lambda x: ops.softmax(x, axis="time"), ShapeError, "no axis time"),
        (lambda x: ops.softmax(ops.argmax(x)), DtypeError, "needs floats, got int64"),
        (lambda x: ops.softmax(x[:, :1], mask=[True, False]), ShapeError, "the mask does not fit from axis -1 on"),
        (lambda x: ops.layer_norm(x, [1.0, 1.0, 1.0], [1.0, 1.0]), ShapeError, "inner sizes differ: 3 and 2"),
        (lambda x: ops.layer_norm(x, [1.0], [1.0], axis=0), ShapeError, "normalises over the last axes"),
        (lambda x: ops.layer_norm(x, [1.0] * 3, [1.0] * 3, epsilon=-1.0), SettingError, "a number from 0 up"),
    ],
)
def test_refused_when_built(build: Any, error: type[GraphError], text: str) -> None:
    with pytest.raises(error, match=rf"(?s){text}.*test_softmax.py"):
        build(Graph(dtype="float64").placeholder("x", ("batch", 3)))


def test_torch_layer_norm() -> None:
    wanted = golden("torch_layernorm.npz")
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 5))
    learnt = [Parameter(name, wanted[f"w.{name}"]) for name in ("weight", "bias")]
    y = ops.layer_norm(x, *learnt, epsilon=1e-5)
    run = Plan(y, wrt=[x, *learnt]).run({x: wanted["x"]}, seeds={y: wanted["R.y"]})
    np.testing.assert_allclose(run[y], wanted["y"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.grad(x), wanted["g.x"], rtol=0, atol=1e-10)
    for parameter in learnt:
        np.testing.assert_allclose(run.grad(parameter), wanted[f"g.w.{parameter.name}"], rtol=0, atol=1e-10)


def test_layer_norm_of_one_entry_is_the_shift() -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 1))
    gain, shift = Parameter("gain", [3.0]), Parameter("shift", [0.7])
    y = ops.layer_norm(x, gain, shift)
    run = Plan(y, wrt=[x, gain, shift]).run({x: [[5.0], [-1e6]]}, seeds={y: [[1.0], [2.0]]})
    assert run[y].tolist() == [[0.7], [0.7]]
    assert run.grad(x).tolist() == [[0.0], [0.0]]
    assert run.grad(gain).tolist() == [0.0]
    assert run.grad(shift).tolist() == [3.0]


def test_layer_norm_of_several_axes() -> None:
    rng = np.random.default_rng(2)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 2, 3))
    gain, shift = (Parameter(name, rng.normal(size=(2, 3))) for name in ("gain", "shift"))
    y = ops.layer_norm(x, gain, shift, axis=(1, 2))
    given = rng.normal(size=(4, 2, 3))
    plan = Plan(ops.sum(y * y), also=[y])
    flat = given.reshape(4, 6)
    normal = (flat - flat.mean(1, keepdims=True)) / np.sqrt(flat.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(plan.run({x: given})[y], normal.reshape(4, 2, 3) * gain.value + shift.value, rtol=1e-12)
    check_gradients(plan, {x: given})
