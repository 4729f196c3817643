"""Shapes with names: what ops infer before any run, what they refuse and how they say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, Spec, dim, ops
from graphengine.errors import DtypeError, ShapeError, StructureError

time, batch = dim("time"), dim("batch")


@pytest.fixture
def g() -> Graph:
    return Graph(dtype="float64")


@pytest.fixture
def x(g: Graph) -> Any:
    return g.placeholder("x", ("batch", "time", 12))


X = np.arange(2 * 5 * 12.0).reshape(2, 5, 12)


def value(tensor: Any, x: Any, fed: Any = X) -> np.ndarray:
    return Plan(tensor, wrt=[]).run({x: fed})[tensor]


# --- splitting and joining


def test_split_gives_names_to_its_parts(g: Graph) -> None:
    z = g.placeholder("z", ("batch", 20))
    f, i, c, o = ops.split(z, 4, names=("f", "i", "cproj", "o"))
    assert [t.path for t in (f, i, c, o)] == ["f", "i", "cproj", "o"]
    assert {t.spec for t in (f, i, c, o)} == {Spec.of(("batch", 5), "float64")}
    assert len({t.node for t in (f, i, c, o)}) == 1


def test_split_of_dimensions_with_names(g: Graph) -> None:
    z = g.placeholder("z", (4 * dim("hidden"), "batch"))
    assert ops.split(z, 4, axis=0)[3].spec == Spec.of(("hidden", "batch"), "float64")
    first, rest = ops.split(z, ["hidden", 3 * dim("hidden")], axis=0)
    assert rest.shape == (3 * dim("hidden"), "batch")
    run = Plan(rest, also=first, wrt=[]).run({z: np.arange(8.0).reshape(8, 1)}, sizes={"hidden": 2})
    assert run[first].ravel().tolist() == [0, 1]
    assert run[rest].ravel().tolist() == [2, 3, 4, 5, 6, 7]


def test_split_refuses_what_does_not_add_up(x: Any) -> None:
    with pytest.raises(ShapeError, match=r"12 on axis -1 does not split into 5 equal parts"):
        ops.split(x, 5)
    with pytest.raises(ShapeError, match=r"time on axis -2 does not split into 2 equal parts; give their sizes"):
        ops.split(x, 2, axis="time")
    with pytest.raises(ShapeError, match=r"the parts \[3, 4\] do not add up to 12"):
        ops.split(x, [3, 4])
    with pytest.raises(ShapeError, match="2 names for 3 parts: a, b"):
        ops.split(x, 3, names=("a", "b"))


def test_a_single_part_is_a_tuple_too(x: Any) -> None:
    (whole,) = ops.split(x, 1)
    assert whole.spec == x.spec
    np.testing.assert_array_equal(value(whole, x), X)


def test_concat_adds_sizes_up(g: Graph, x: Any) -> None:
    assert ops.concat([x, x], axis="time").shape == ("batch", 2 * time, 12)
    assert ops.concat([x, x[..., :3]]).shape == ("batch", "time", 15)
    assert ops.concat([x]).spec == x.spec


def test_concat_broadcasts_nothing(g: Graph, x: Any) -> None:
    with pytest.raises(ShapeError, match="differ beside axis -1; nothing is broadcast here"):
        ops.concat([x, g.placeholder("b", (1, "time", 3))])
    with pytest.raises(ShapeError, match="differ beside axis -1; nothing is broadcast here"):
        ops.concat([x, g.placeholder("c", (12,))])
    with pytest.raises(DtypeError, match="dtypes differ"):
        ops.concat([x, g.placeholder("d", ("batch", "time", 3), "float32")])
    with pytest.raises(StructureError, match="none of the inputs is a tensor"):
        ops.concat([])


def test_parts_of_a_concat_may_live_inside_it() -> None:
    from graphengine.ops.join import Concat, Stack

    out = np.zeros((2, 5))
    for part, number in zip(Concat(-1).regions(out, [(2, 2), (2, 3)]), (1, 2), strict=True):
        part[...] = number
    assert out.tolist() == [[1, 1, 2, 2, 2]] * 2
    for part, number in zip(Stack(-2).regions(out, [(5,), (5,)]), (3, 4), strict=True):
        part[...] = number
    assert out.tolist() == [[3] * 5, [4] * 5]


@pytest.mark.parametrize(("axis", "shape"), [(0, (2, "batch", 3)), (1, ("batch", 2, 3)), (-1, ("batch", 3, 2))])
def test_stack_makes_an_axis(g: Graph, axis: int, shape: Any) -> None:
    a, b = g.placeholder("a", ("batch", 3)), g.placeholder("b", ("batch", 3))
    y = ops.stack([a, b], axis=axis)
    assert y.shape == shape
    one, two = np.ones((4, 3)), np.zeros((4, 3))
    np.testing.assert_array_equal(Plan(y, wrt=[]).run({a: one, b: two})[y], np.stack([one, two], axis))
    with pytest.raises(ShapeError, match="differ; nothing is broadcast"):
        ops.stack([a, b[0]])


# --- other shapes


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((-1, 12), (batch * time, 12)),
        (("batch", -1), ("batch", 12 * time)),
        (("batch", "time", 3, -1), ("batch", "time", 3, 4)),
        ((-1,), (12 * batch * time,)),
        ((2 * time, -1), (2 * time, 6 * batch)),
        (("time", "batch", 12), ("time", "batch", 12)),
        ((batch * time, 12), (batch * time, 12)),
    ],
    ids=str,
)
def test_reshape_derives_sizes(x: Any, shape: Any, expected: Any) -> None:
    y = ops.reshape(x, shape)
    assert y.spec == Spec.of(expected, "float64")
    np.testing.assert_array_equal(value(y, x).ravel(), X.ravel())


def test_reshape_divides_polynomials(x: Any) -> None:
    assert ops.reshape(x[:, 1:], (-1, 4)).shape == (3 * batch * time - 3 * batch, 4)
    assert ops.reshape(x[:, 1:], (time - 1, -1)).shape == (time - 1, 12 * batch)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (("batch", 12), r"holds 12 \* batch \* time entries, \[batch, 12\] 12 \* batch"),
        ((-1, 5), r"12 \* batch \* time is not divisible by 5"),
        ((-1, "other"), "not divisible by other"),
        ((-1, -1), "only one size can be left over"),
        ((2, 5, 12), "holds"),
    ],
    ids=str,
)
def test_reshape_refuses_what_is_not_provably_equal(x: Any, shape: Any, reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        ops.reshape(x, shape)


def test_reshape_of_nothing(g: Graph) -> None:
    x = g.placeholder("x", (0, 3))
    assert ops.reshape(x, (0, -1)).shape == (0, 3)
    assert ops.reshape(x, (-1, 3)).shape == (0, 3)


def test_transpose_by_names_and_positions(x: Any) -> None:
    y = ops.transpose(x, ("time", 0, -1))
    assert y.shape == ("time", "batch", 12)
    np.testing.assert_array_equal(value(y, x), X.transpose(1, 0, 2))
    with pytest.raises(ShapeError, match="does not name each of the 3 axes"):
        ops.transpose(x, (0, 1))
    with pytest.raises(ShapeError, match="does not name each of the 3 axes"):
        ops.transpose(x, (0, 0, 1))


def test_axes_of_size_one_come_and_go(x: Any) -> None:
    y = ops.expand_dims(x, (0, -1))
    assert y.shape == (1, "batch", "time", 12, 1)
    assert ops.squeeze(y).spec == x.spec
    assert ops.squeeze(y, -1).shape == (1, "batch", "time", 12)
    assert y.path == "expand_dims"
    with pytest.raises(ShapeError, match="axis -3 has size batch; only a literal 1 can be taken away"):
        ops.squeeze(x, 0)
    with pytest.raises(ShapeError, match="no axis 4"):
        ops.expand_dims(x, 4)


def test_broadcast_to_names(g: Graph) -> None:
    h = g.placeholder("h", (1, 3))
    y = ops.broadcast_to(h, ("batch", 3))
    assert y.shape == ("batch", 3)
    assert Plan(y, wrt=[]).run({h: [[1, 2, 3]]}, sizes={"batch": 2})[y].tolist() == [[1, 2, 3]] * 2
    with pytest.raises(ShapeError, match=r"\[1, 3\] does not stretch to \[3, 1\]"):
        ops.broadcast_to(h, (3, 1))
    with pytest.raises(ShapeError):
        ops.broadcast_to(h, ("batch", "other"))


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (None, ()),
        ("time", ("batch", 12)),
        (("batch", -1), ("time",)),
        (0, ("time", 12)),
        (-3, ("time", 12)),
        ((), ("batch", "time", 12)),
    ],
    ids=str,
)
def test_reductions_name_axes(x: Any, axis: Any, expected: Any) -> None:
    y = ops.sum(x, axis)
    assert y.shape == expected
    numbers = {"time": 1, ("batch", -1): (0, 2)}.get(axis, axis)
    np.testing.assert_allclose(value(y, x), X.sum(numbers))


def test_reductions_keep_axes(x: Any) -> None:
    assert ops.mean(x, "time", keepdims=True).shape == ("batch", 1, 12)


def test_axes_that_are_not_there(x: Any) -> None:
    with pytest.raises(ShapeError, match=r"sum: Sum\(x .*\): no axis hidden in \[batch, time, 12\]"):
        ops.sum(x, "hidden")
    with pytest.raises(ShapeError, match="no axis 3"):
        ops.sum(x, 3)
    with pytest.raises(ShapeError, match="an axis is named twice"):
        ops.sum(x, (0, "batch"))
    with pytest.raises(ShapeError, match="several axes batch"):
        ops.sum(x.graph.placeholder("square", ("batch", "batch")), "batch")
    with pytest.raises(ShapeError, match="no axis -4"):
        ops.cumsum(x, -4)


def test_no_extreme_of_nothing(g: Graph) -> None:
    with pytest.raises(ShapeError, match="there is no max of nothing"):
        ops.max(g.placeholder("x", (3, 0)), 1)


# --- products


def test_vectors_are_refused_in_products(g: Graph, x: Any) -> None:
    v = g.placeholder("v", (12,))
    with pytest.raises(ShapeError, match=r"matmul: MatMul\(x .*\): needs matrices, got float64\[12\]; .*expand_dims"):
        x @ v
    with pytest.raises(ShapeError, match="inner sizes differ: 12 and time"):
        x @ x
    assert (x @ ops.transpose(x, (0, 2, 1))).shape == ("batch", "time", "time")


def test_products_broadcast_only_batch(g: Graph, x: Any) -> None:
    assert (x @ g.placeholder("w", (12, 4))).shape == ("batch", "time", 4)
    assert (g.placeholder("u", (7, 1, "time", 4)) @ x[:, :4]).shape == (7, "batch", "time", 12)
    with pytest.raises(ShapeError, match="shapes do not fit: batch and 7"):
        x @ g.placeholder("v", (7, 12, 4))


# --- dtypes


@pytest.mark.parametrize(
    "op", [ops.exp, ops.log, ops.sqrt, ops.sigmoid, ops.tanh, ops.softplus, ops.hard_sigmoid, ops.erf, ops.mean]
)
def test_what_needs_floats_says_cast(g: Graph, op: Any) -> None:
    with pytest.raises(DtypeError, match=r"needs floats, got int64; use cast\(\)"):
        op(g.placeholder("n", (3,), "int64"))


def test_integers_are_not_divided(g: Graph) -> None:
    n = g.placeholder("n", (3,), "int64")
    with pytest.raises(DtypeError, match=r"integers rarely divide evenly; cast\(\) them to floats"):
        n / 2


@pytest.mark.parametrize("op", [ops.add, ops.subtract, ops.multiply, ops.maximum, ops.mod])
def test_truths_are_not_numbers(g: Graph, op: Any) -> None:
    b = g.placeholder("b", (3,), "bool")
    with pytest.raises(DtypeError, match="needs numbers, got bool; use cast"):
        op(b, b)


@pytest.mark.parametrize("op", [ops.sum, ops.max, ops.prod, ops.cumsum, ops.cumprod])
def test_truths_are_not_summed(g: Graph, op: Any) -> None:
    with pytest.raises(DtypeError, match=r"needs numbers, got bool; use cast\(\)"):
        op(g.placeholder("b", (3,), "bool"))


def test_conditions_are_booleans(g: Graph, x: Any) -> None:
    with pytest.raises(DtypeError, match="the condition is a boolean, not float64; compare first"):
        ops.where(x, x, x)
    with pytest.raises(DtypeError, match="needs booleans, got float64; compare first"):
        ops.logical_and(x, x > 0)
    with pytest.raises(DtypeError, match=r"the bounds of integers are integers, not 0\.5"):
        ops.clip(g.placeholder("n", (3,), "int64"), 0.5)


def test_arange_counts_along_a_named_dimension(g: Graph) -> None:
    places = ops.arange(g, "time")
    assert places.spec == Spec.of(("time",), "int64")
    assert Plan(places, wrt=[]).run(sizes={"time": 4})[places].tolist() == [0, 1, 2, 3]


# --- names


def test_every_function_takes_a_name(g: Graph, x: Any) -> None:
    made = [
        ops.tanh(x, name="a"),
        ops.concat([x, x], name="b"),
        ops.sum(x, name="c"),
        ops.reshape(x, (-1,), name="d"),
        ops.where(x > 0, x, x, name="e"),
        ops.take_slice(x, 0, name="f"),
        ops.expand_dims(x, 0, name="h"),
        ops.matmul(x, np.ones((12, 2)), name="i"),
    ]
    assert [t.path for t in made] == list("abcdefhi")
    assert ops.tanh(x, name="a").path == "a_1"


def test_constants_of_other_rank_in_a_loop_with_all_sizes_equal() -> None:
    """The case that NumPy alone gets wrong: [T] * [T, B, H] has the right shape when T = H, and wrong numbers."""
    g = Graph(dtype="float64")
    seq, scale = g.placeholder("seq", ("batch", "time", 3)), g.placeholder("scale", ("time",))
    with Loop(over="time") as loop:
        y = loop.slice(seq) * loop.slice(scale)
    out = loop.stack(y)
    rng = np.random.default_rng(0)
    x, s = rng.normal(size=(3, 3, 3)), rng.normal(size=3)
    run = Plan(ops.sum(out * out), also=[out], wrt=[scale]).run({seq: x, scale: s})
    np.testing.assert_allclose(run[out], x * s[None, :, None])
    np.testing.assert_allclose(run.grad(scale), (2 * x**2 * s[None, :, None]).sum((0, 2)))
