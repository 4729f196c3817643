"""Tensors calculate with tensors, numbers and arrays on either side."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Parameter, Plan
from graphengine.errors import DtypeError, GraphMismatchError, ShapeError, StructureError

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


def evaluate(build: Any) -> np.ndarray:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    y = build(x)
    return Plan(y, wrt=[]).run({x: X})[y]


ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("act", ARITHMETIC + COMPARISONS)
@pytest.mark.parametrize("other", [2, 2.5, np.float64(0.5), np.array([1.0, 2.0, -3.0])], ids=str)
def test_numbers_and_arrays_stand_on_either_side(act: Any, other: Any) -> None:
    np.testing.assert_allclose(evaluate(lambda x: act(x, other)), act(X, other))
    np.testing.assert_allclose(evaluate(lambda x: act(other, x)), act(other, X))


@pytest.mark.parametrize("act", ARITHMETIC + COMPARISONS)
def test_two_tensors(act: Any) -> None:
    np.testing.assert_allclose(evaluate(lambda x: act(x, x * 2 + 1)), act(X, X * 2 + 1))


def test_powers() -> None:
    np.testing.assert_allclose(evaluate(lambda x: x**2), X**2)
    np.testing.assert_allclose(evaluate(lambda x: 2**x), 2**X)
    np.testing.assert_allclose(evaluate(lambda x: abs(x) ** x), np.abs(X) ** X)


def test_signs() -> None:
    np.testing.assert_array_equal(evaluate(operator.neg), -X)
    np.testing.assert_array_equal(evaluate(abs), np.abs(X))


def test_matrix_products() -> None:
    w = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(evaluate(lambda x: x @ w), X @ w)
    np.testing.assert_allclose(evaluate(lambda x: w.T @ (x[:, :, None])), w.T @ X[:, :, None])


def test_logic() -> None:
    np.testing.assert_array_equal(evaluate(lambda x: (x > 0) & (x < 3)), (X > 0) & (X < 3))
    np.testing.assert_array_equal(evaluate(lambda x: (x < 0) | (x > 3)), (X < 0) | (X > 3))
    np.testing.assert_array_equal(evaluate(lambda x: ~(x > 0)), ~(X > 0))
    mask = np.array([True, False, True])
    np.testing.assert_array_equal(evaluate(lambda x: mask & (x > 0)), mask & (X > 0))
    np.testing.assert_array_equal(evaluate(lambda x: True | (x > 0)), True)


def test_parameters_stand_beside_tensors() -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    y = x @ Parameter("w", np.ones((3, 2))) - Parameter("b", np.ones(2))
    np.testing.assert_allclose(Plan(y, wrt=[]).run({x: X})[y], X @ np.ones((3, 2)) - 1)


def test_slices() -> None:
    np.testing.assert_array_equal(evaluate(lambda x: x[0]), X[0])
    np.testing.assert_array_equal(evaluate(lambda x: x[..., -1]), X[..., -1])
    np.testing.assert_array_equal(evaluate(lambda x: x[:, None, ::-1]), X[:, None, ::-1])


def test_equality_is_identity_so_that_tensors_are_keys() -> None:
    g = Graph()
    x, y = g.placeholder("x", (3,)), g.placeholder("y", (3,))
    assert x == x
    assert (x == y) is False
    assert {x: 1, y: 2}[x] == 1


def test_numbers_take_the_dtype_of_the_tensor() -> None:
    x = Graph().placeholder("x", (3,), "float32")
    assert (x + 1).dtype == (2.5 * x).dtype == np.float32
    n = Graph().placeholder("n", (3,), "int64")
    assert (n + 1).dtype == np.int64
    with pytest.raises(DtypeError, match=r"0\.5 is not a int64"):
        n * 0.5


def test_arrays_keep_their_dtype() -> None:
    x = Graph().placeholder("x", (3,), "float32")
    with pytest.raises(DtypeError, match="dtypes differ: float32 and float64; use cast"):
        x + np.ones(3)


def test_a_condition_is_no_truth_before_a_run() -> None:
    x = Graph().placeholder("x", ())
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(x > 0)
    with pytest.raises(TypeError, match="neither true nor false"):
        assert 0 < x < 1


def test_a_tensor_cannot_be_iterated() -> None:
    x = Graph().placeholder("x", (3,))
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(x)
    with pytest.raises(TypeError, match="cannot be iterated"):
        _first, *_rest = x


def test_numpy_does_not_take_over() -> None:
    x = Graph().placeholder("x", (3,), "float64")
    assert (np.ones(3) * x).spec == x.spec
    with pytest.raises(TypeError):
        np.add(np.ones(3), x)


@pytest.mark.parametrize("act", [operator.add, operator.matmul, operator.lt])
def test_other_things_are_refused(act: Any) -> None:
    x = Graph().placeholder("x", (3, 3))
    for other in ("text", None, object()):
        with pytest.raises(StructureError, match="cannot stand in a graph"):
            act(x, other)


def test_two_graphs_do_not_mix() -> None:
    x, y = Graph("one").placeholder("x", (3,)), Graph("two").placeholder("y", (3,))
    with pytest.raises(GraphMismatchError, match=r"'one'.*'two'"):
        x + y


def test_errors_name_the_op_and_the_line() -> None:
    g = Graph()
    x, h = g.placeholder("x", ("batch", 3)), g.placeholder("h", ("batch", 4))
    with pytest.raises(ShapeError) as caught, g.scope("cell"):
        x + h
    assert str(caught.value).startswith(
        "cell/add: Add(x float32[batch, 3], h float32[batch, 4]): shapes do not fit: 3 and 4 on axis -1\n"
    )
    assert "test_operators.py" in str(caught.value)
