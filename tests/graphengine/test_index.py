"""Choosing by position: embeddings against PyTorch's numbers, batched tables, loops, positions out of range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, GraphError, Loop, Parameter, Plan, check_gradients, ops
from graphengine.errors import DtypeError, FeedError, ShapeError

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "zoo" / "torch_embedding.npz")


def test_torch_embedding() -> None:
    golden = {name.partition("/")[2]: GOLDEN[name] for name in GOLDEN.files}
    g = Graph(dtype="float64")
    table = Parameter("weight", golden["w.weight"])
    ids = g.placeholder("ids", ("batch", "time"), "int64")
    y = ops.gather(table, ids)
    run = Plan(y).run({ids: golden["ids"]}, seeds={y: golden["R.y"]})
    np.testing.assert_allclose(run[y], golden["y"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.grad(table), golden["g.w.weight"], rtol=0, atol=1e-10)


def test_repeated_positions_add_up_exactly() -> None:
    rng = np.random.default_rng(0)
    g = Graph(dtype="float64")
    x, i = g.placeholder("x", (7, 3)), g.placeholder("i", ("n",), "int64")
    y = ops.gather(x, i)
    plan = Plan(y, wrt=[x])
    for size in (0, 1, 5, 400):
        indices, dy = rng.integers(0, 7, size), rng.normal(size=(2, size, 3))
        wanted = np.zeros((2, 7, 3))
        for k in range(2):
            np.add.at(wanted[k], indices, dy[k])
        run = plan.run({x: np.zeros((7, 3)), i: indices}, seeds={y: dy})
        np.testing.assert_allclose(run.grad(x), wanted, rtol=1e-12, atol=1e-13)


def test_a_position_per_row_of_a_batch_of_tables() -> None:
    """What a pointer network does with its inputs."""
    rng = np.random.default_rng(1)
    g = Graph(dtype="float64")
    memory = g.placeholder("memory", ("batch", "source", 4))
    chosen = g.placeholder("chosen", ("batch",), "int64")
    y = ops.gather(memory, chosen, axis="source")
    assert str(y.spec) == "float64[batch, 4]"
    plan = Plan(y, wrt=[memory])
    x, i, dy = rng.normal(size=(3, 5, 4)), np.array([4, 0, 4]), rng.normal(size=(3, 4))
    run = plan.run({memory: x, chosen: i}, seeds={y: dy})
    np.testing.assert_array_equal(run[y], x[np.arange(3), i])
    wanted = np.zeros_like(x)
    wanted[np.arange(3), i] = dy
    np.testing.assert_array_equal(run.grad(memory), wanted)


def test_an_index_that_is_fed_back_through_a_loop() -> None:
    """A decoder that looks up what it said at the step before."""
    g = Graph(dtype="float64", seed=0)
    rng = np.random.default_rng(3)
    table, out = Parameter("table", rng.normal(size=(5, 4))), Parameter("out", rng.normal(size=(4, 5)))
    start = g.placeholder("start", ("batch",), "int64")
    with Loop(over="time") as loop:
        token = loop.delay(start, name="token")
        logits = ops.gather(table, token) @ g.tensor(out)
        loop.feed(token, ops.argmax(logits))
    every = loop.stack(logits)
    loss = ops.sum(every * every)
    plan = Plan(loss)
    feeds, sizes = {start: [0, 3, 4]}, {"time": 6}
    check_gradients(plan, feeds, sizes=sizes)
    run, trace = plan.run(feeds, sizes=sizes), plan.trace(feeds, sizes=sizes)
    for parameter in plan.parameters:
        np.testing.assert_allclose(trace.grad(parameter), run.grad(parameter), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("wrong", [-1, 5])
@pytest.mark.parametrize(
    "apply",
    [
        lambda x, i: ops.gather(x, i),
        lambda x, i: ops.take_along_axis(x, i, axis=0),
        lambda x, i: ops.one_hot(i, 5),
    ],
    ids=["gather", "take_along_axis", "one_hot"],
)
def test_a_position_out_of_range(apply: Any, wrong: int) -> None:
    g = Graph()
    x, i = g.placeholder("x", (5, 2)), g.placeholder("i", ("n", 2), "int64")
    y = apply(x, i)
    plan = Plan(y, wrt=[])
    feeds = {tensor: value for tensor, value in ((x, np.zeros((5, 2), np.float32)),) if tensor in plan.placeholders}
    with pytest.raises(FeedError) as caught:
        plan.run({**feeds, i: [[0, 4], [1, 2], [3, wrong]]})
    assert f"the index {wrong} at [2, 1] is out of range: it lies between 0 and 4" in str(caught.value)
    assert str(caught.value).startswith(f"{y.path}: ")
    assert "test_index.py" in str(caught.value)
    plan.run({**feeds, i: [[0, 4], [1, 2], [3, 4]]})


def test_a_position_in_an_empty_table() -> None:
    g = Graph()
    x, i = g.placeholder("x", ("rows", 2)), g.placeholder("i", ("n",), "int64")
    y = ops.gather(x, i)
    plan = Plan(y, wrt=[])
    with pytest.raises(FeedError, match=r"the index 0 at \[0\] is out of range: the axis is empty"):
        plan.run({x: np.zeros((0, 2), np.float32), i: [0]})
    assert plan.run({x: np.zeros((0, 2), np.float32), i: []})[y].shape == (0, 2)


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda g: ops.gather(g.placeholder("x", (5,)), [0.5]), DtypeError, "positions are integers, not float64"),
        (lambda g: ops.one_hot(g.placeholder("x", (5,)), 3), DtypeError, "positions are integers, not float32"),
        (lambda g: ops.gather(g.placeholder("x", (5,)), 0, axis="time"), ShapeError, "no axis time"),
        (
            lambda g: ops.take_along_axis(g.placeholder("x", ("b", 5)), g.placeholder("i", ("c", 2), "int64")),
            ShapeError,
            "shapes do not fit: b and c",
        ),
    ],
)
def test_refused_when_built(build: Any, error: type[GraphError], text: str) -> None:
    with pytest.raises(error, match=rf"(?s){text}.*test_index.py"):
        build(Graph())


def test_a_number_is_a_position_too() -> None:
    g = Graph()
    x = g.placeholder("x", (3, 2))
    y = ops.gather(x, 2)
    assert Plan(y, wrt=[]).run({x: [[0, 1], [2, 3], [4, 5]]})[y].tolist() == [4, 5]


def test_one_hot_of_a_named_depth_and_another_dtype() -> None:
    g = Graph()
    i = g.placeholder("i", (2,), "int32")
    y = ops.one_hot(i, "classes", dtype="int64")
    assert Plan(y, wrt=[]).run({i: [1, 0]}, sizes={"classes": 2})[y].tolist() == [[0, 1], [1, 0]]


def test_top_k_gives_gradients_to_where_values_came_from() -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 4))
    values, positions = ops.top_k(x, 2)
    plan = Plan(values, also=[positions], wrt=[x])
    run = plan.run({x: [[3, 1, 2, 3], [0, 5, 4, 1]]}, seeds={values: [[10, 20], [30, 40]]})
    assert run[values].tolist() == [[3, 3], [5, 4]]
    assert run[positions].tolist() == [[0, 3], [1, 2]]
    assert run.grad(x).tolist() == [[10, 0, 0, 20], [0, 30, 40, 0]]


def test_fewer_than_k() -> None:
    g = Graph()
    with pytest.raises(ShapeError, match="there are no 3 largest of 2"):
        ops.top_k(g.placeholder("x", (2,)), 3)
    x = g.placeholder("y", ("n",))
    values, _ = ops.top_k(x, 3)
    with pytest.raises(FeedError, match="there are no 3 largest of 2"):
        Plan(values, wrt=[]).run({x: [1.0, 2.0]})
    with pytest.raises(GraphError, match="k is a number from 1 up, not 0"):
        ops.top_k(x, 0)
