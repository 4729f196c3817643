"""Dimensions that are numbers, names, or computed from them; specs; and how they broadcast."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphengine import Graph, Plan, Spec, dim, ops
from graphengine.errors import DtypeError, GraphError, ShapeError
from graphengine.spec import broadcast, evaluate, names_in, show, simplest

time, batch = dim("time"), dim("batch")
SIZES = {"time": 7, "batch": 3, "n": 11}


@st.composite
def dims(draw, depth=3):
    """A dimension together with a function that computes it in plain integers."""
    if depth == 0 or draw(st.booleans()):
        leaf = draw(st.sampled_from([0, 1, 2, 5, "time", "batch", "n"]))
        return dim(leaf), (lambda sizes, leaf=leaf: sizes[leaf] if isinstance(leaf, str) else leaf)
    a, plain_a = draw(dims(depth - 1))
    kind = draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))
    if kind == "divide":
        divisor = draw(st.integers(1, 4))
        return a // divisor, lambda sizes: plain_a(sizes) // divisor
    b, plain_b = draw(dims(depth - 1))
    if kind == "add":
        return a + b, lambda sizes: plain_a(sizes) + plain_b(sizes)
    if kind == "subtract":
        return a - b, lambda sizes: plain_a(sizes) - plain_b(sizes)
    return a * b, lambda sizes: plain_a(sizes) * plain_b(sizes)


@given(dims())
def test_a_derived_dimension_evaluates_to_what_integers_say(pair):
    derived, plain = pair
    for sizes in (SIZES, {"time": 0, "batch": 1, "n": 2}, {"time": 100, "batch": 64, "n": 5}):
        assert evaluate(derived, sizes) == plain(sizes)


@given(dims(depth=2), dims(depth=2), dims(depth=2))
def test_dimensions_built_alike_are_equal_whatever_the_order(one, two, three):
    a, b, c = one[0], two[0], three[0]
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == dim(0)
    assert hash(a + b) == hash(b + a)


def test_derived_dimensions_are_as_simple_as_they_can_be():
    assert simplest(time - 1 + 1) == "time"
    assert simplest(2 * time - time) == "time"
    assert simplest(time - time) == 0
    assert simplest(dim(3) * 4) == 12
    assert simplest((2 * time) // 2) == "time"
    assert isinstance(simplest(np.int64(3)), int)
    assert 5 - time == -1 * time + 5
    assert str(time - 1) == "time - 1"
    assert str(2 * time * batch + 3) == "2 * batch * time + 3"
    assert str((time + 1) // 2) == "(time + 1) // 2"
    assert str(dim(0)) == "0"
    assert names_in((time + batch) // 2 - 1) == {"time", "batch"}


def test_a_name_equals_only_itself():
    assert Spec.of(("batch", 3), "float32") == Spec.of(("batch", 3), "float32")
    assert Spec.of(("batch", 3), "float32") != Spec.of(("rows", 3), "float32")
    assert Spec.of(("batch",), "float32") != Spec.of((3,), "float32")
    assert Spec.of((time - 1 + 1,), "float32") == Spec.of(("time",), "float32")
    assert Spec.of((time - 1,), "float32") != Spec.of(("time",), "float32")
    assert Spec.of((3,), "float32") != Spec.of((3,), "float64")


def test_a_spec_is_spelt_for_people():
    spec = Spec.of(("batch", time - 1, 10), "float32")
    assert str(spec) == repr(spec) == "float32[batch, time - 1, 10]"
    assert spec.rank == 3
    assert spec.floating
    assert not Spec.of((), "int64").floating
    assert spec.sized(SIZES) == (3, 6, 10)
    assert show(()) == "[]"


@pytest.mark.parametrize("wrong", [3.0, True, None, b"batch", (1,)], ids=repr)
def test_what_is_no_dimension_is_refused(wrong):
    with pytest.raises(ShapeError, match="a number, a name or derived"):
        Spec.of((wrong,), "float32")


def test_negative_sizes_are_refused():
    with pytest.raises(ShapeError, match="cannot be negative: -1"):
        Spec.of((-1,), "float32")


@pytest.mark.parametrize("dtype", ["complex64", "datetime64[s]", "U3", "O"])
def test_tensors_hold_numbers_only(dtype):
    with pytest.raises(DtypeError, match="floats, integers or booleans"):
        Spec.of((1,), dtype)


def test_shapes_broadcast_from_the_right_and_only_a_literal_1_stretches():
    assert broadcast([("batch", 1), (5,)]) == ("batch", 5)
    assert broadcast([(), ("time", "batch")]) == ("time", "batch")
    assert broadcast([(1, 1, 4), ("batch", 1)]) == (1, "batch", 4)
    assert broadcast([]) == ()
    for shapes in (
        [("batch", 5), ("batch",)],
        [("batch",), (3,)],
        [(2,), (3,)],
        [("a",), ("b",)],
        [(time - 1,), ("time",)],
    ):
        with pytest.raises(ShapeError, match="shapes do not fit"):
            broadcast(shapes)


numbers = st.lists(st.integers(1, 4), max_size=4).map(tuple)


@given(st.lists(numbers, min_size=1, max_size=3))
def test_shapes_of_numbers_broadcast_as_in_numpy(shapes):
    try:
        wanted = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast(shapes)
    else:
        assert broadcast(shapes) == wanted


def test_names_that_happen_to_be_equal_at_run_time_change_nothing():
    """`[batch, H]` and `[batch]` do not fit even if batch will be H."""
    g = Graph()
    x, row = g.placeholder("x", ("batch", 3)), g.placeholder("row", ("batch",))
    with pytest.raises(ShapeError, match=r"\[batch, 3\].*\[batch\].*3 and batch"):
        x + row
    assert (x + ops.expand_dims(row, -1)).shape == ("batch", 3)


def test_a_placeholder_of_derived_size_is_checked_against_the_names():
    g = Graph(dtype="float64")
    x, shorter = g.placeholder("x", ("time",)), g.placeholder("shorter", (time - 1,))
    y = x[1:] + shorter
    plan = Plan(y, wrt=[])
    assert plan.run({x: [1, 2, 3], shorter: [10, 20]})[y].tolist() == [12, 23]
    with pytest.raises(GraphError, match=r"axis 0 is time - 1 = 2, not 3"):
        plan.run({x: [1, 2, 3], shorter: [10, 20, 30]})


def test_numpy_integers_are_numbers():
    spec = Spec.of((np.int64(4), np.uint8(2)), np.float32)
    assert spec.shape == (4, 2)
    assert all(type(size) is int for size in spec.shape)
