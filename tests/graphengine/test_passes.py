"""Every pass on and off: what a plan makes of a graph computes what was written."""

from itertools import combinations

import numpy as np
import pytest

from graphengine import Graph, Loop, Parameter, Plan, errors, ops
from graphengine.ops.fused_lstm import LSTMGates
from graphengine.ops.matmul import MatMul
from layers import LSTMCell, dynamic_rnn
from tests.graphengine.models import MODELS
from tests.graphengine.recurrences import recurrence

PASSES = ("fuse", "merge", "defer")
LEFT_OUT = [some for count in range(len(PASSES) + 1) for some in combinations(PASSES, count)]


def fused_ops(plan):
    return [node.op for node in plan.lowered.nodes if isinstance(node.op, LSTMGates)]


@pytest.mark.parametrize("without", LEFT_OUT, ids="-".join)
@pytest.mark.parametrize("name", MODELS)
def test_a_plan_agrees_with_the_trace(name, without):
    model = MODELS[name]()
    plan = Plan(model.plan.targets, also=model.plan.also, wrt=model.plan.differentiated, without=without)
    trace = plan.trace(model.feeds, **{"seed": 3, **model.given})
    for _ in range(2):  # worked out, and repeated
        run = plan.run(model.feeds, **{"seed": 3, **model.given})
        for tensor in (*plan.targets, *plan.also):
            np.testing.assert_allclose(run[tensor], trace.value(tensor), rtol=1e-12, atol=1e-12)
        for tensor in plan.differentiated:
            np.testing.assert_allclose(run.grad(tensor), trace.grad(tensor), rtol=1e-11, atol=1e-12)


def unrolled(**options):
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, state = dynamic_rnn(LSTMCell(2, **options), x, over="time")
    return g, x, outputs, state


def test_gates_are_fused_unless_something_inside_is_asked_for():
    g, _, outputs, _ = unrolled()
    assert len(fused_ops(Plan(ops.sum(outputs)))) == 1
    assert not fused_ops(Plan(ops.sum(outputs), without=["fuse"]))
    x = g.placeholder("z", ("batch", 3))
    cell = LSTMCell(2)
    with g.scope("by_hand"):
        h, _ = cell(x, type(cell.state(x.spec))(*(g.fill(("batch", 2), name=name) for name in "ch")))
    assert len(fused_ops(Plan(ops.sum(h)))) == 1
    assert not fused_ops(Plan(ops.sum(h), also=[g["by_hand/f"]]))
    assert not fused_ops(Plan(ops.sum(h) + ops.sum(g["by_hand/i"])))


def products(plan):
    return [node for node in plan.lowered.nodes if isinstance(node.op, MatMul)]


def test_products_that_are_added_up_become_one():
    """[x, 1, h] [A; b; B]: and the state is written where the product reads it, so nothing is copied in a step."""
    _, x, outputs, _ = unrolled()
    plan = Plan(ops.sum(outputs), wrt=[x])
    assert len(products(plan)) == 1
    assert len(products(Plan(ops.sum(outputs), without=["merge"]))) == 2
    plan.run({x: np.ones((2, 5, 3))})
    ((workspace,),) = plan.workspaces.idle.values()
    paths = [node.path for node in workspace.forward.program.nodes]
    assert paths.count("rnn/pre") == paths.count("rnn/c") == 5
    assert paths.count("rnn/operand") == 2


@pytest.mark.parametrize("join", [lambda x, h: ops.concat([x, h, h]), lambda x, h: ops.sum(ops.stack([h, x, h]), 0)])
def test_a_value_that_is_joined_twice_stands_in_both_places(join):
    """It can live inside the joined array once only."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2), 0.5))
        joined = ops.tanh(join(loop.slice(x), h))
        loop.feed(h, joined[:, :2] * 0.9 + 0.1 * joined[:, -2:])
    agrees(Plan(ops.sum(loop.stack(h) * loop.stack(joined)[:, :, :2]), wrt=[x]), x)


def test_products_of_one_state_with_two_matrices():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    A, B = (Parameter(name, np.random.default_rng(k).standard_normal((2, 2))) for k, name in enumerate("AB"))
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2), 0.5))
        loop.feed(h, ops.tanh(h @ g.tensor(A) + h @ g.tensor(B) + loop.slice(x) @ g.tensor(B)))
    agrees(Plan(ops.sum(loop.stack(h)), wrt=[x, A, B]), x)


@pytest.mark.parametrize("seed", range(60))
def test_random_recurrences_of_joins_and_sums_of_products(seed):
    x, target, outputs = recurrence(seed)
    agrees(Plan(target, also=outputs), x)


def agrees(plan, x):
    X = np.random.default_rng(1).standard_normal((3, 4, 2))
    trace = plan.trace({x: X})
    for _ in range(2):
        run = plan.run({x: X})
        for tensor in (*plan.targets, *plan.also):
            np.testing.assert_allclose(run[tensor], trace.value(tensor), rtol=1e-11, atol=1e-13)
        for tensor in plan.differentiated:
            np.testing.assert_allclose(run.grad(tensor), trace.grad(tensor), rtol=1e-11, atol=1e-13)


def test_a_product_that_somebody_else_reads_is_left_alone():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    A, B = (Parameter(name, np.ones((3, 3)) / 7) for name in "AB")
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 3)))
        Ax, Bh = loop.slice(x) @ g.tensor(A), h @ g.tensor(B)
        loop.feed(h, ops.tanh(Ax + Bh))
    last = ops.sum(loop.last(Bh))
    assert len(products(Plan(last))) == 2
    assert len(products(Plan(ops.sum(loop.stack(h))))) == 1


def test_other_activations_are_not_fused():
    assert not fused_ops(Plan(ops.sum(unrolled(activation="relu")[2])))
    assert not fused_ops(Plan(ops.sum(unrolled(recurrent_activation="hard_sigmoid")[2])))


def test_an_op_must_make_what_it_stands_for():
    g = Graph(dtype="float64")
    z, c, wrong = g.placeholder("z", ("batch", 8)), g.placeholder("c", ("batch", 2)), g.placeholder("w", ("batch", 3))
    with pytest.raises(errors.ShapeError, match=r"LSTMGates.* does not make .*w float64\[batch, 3\]"):
        g.fuse(LSTMGates(), (z, c), (c, wrong))


def test_an_unknown_pass_is_an_error():
    with pytest.raises(errors.SettingError, match="no pass speed; there are defer, fuse, merge"):
        Plan(ops.sum(unrolled()[2]), without=["speed"])


def test_many_seeds_through_the_fused_op():
    _, x, outputs, _ = unrolled()
    plan = Plan(outputs, wrt=[x])
    rng = np.random.default_rng(0)
    X, seeds = rng.standard_normal((2, 4, 3)), rng.standard_normal((5, 2, 4, 2))
    together = plan.run({x: X}, seeds={outputs: seeds}).grad(x)
    for each, seed in zip(together, seeds, strict=True):
        np.testing.assert_allclose(each, plan.run({x: X}, seeds={outputs: seed}).grad(x), rtol=1e-12)


def test_a_repeated_run_allocates_little():
    import tracemalloc

    _, x, outputs, _ = unrolled()
    plan = Plan(ops.sum(outputs))
    feeds = {x: np.ones((8, 50, 3))}
    plan.run(feeds)
    tracemalloc.start()
    run = plan.run(feeds)
    current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    owned = sum(run.grad(tensor).nbytes for tensor in plan.differentiated)
    assert peak < owned + 60_000
    assert current < owned + 30_000


@pytest.mark.parametrize("twice", [False, True])
def test_a_join_inside_a_join(twice):
    """The outer one makes room for the inner one, unless somebody else has it."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2), 0.5))
        inner = ops.concat([loop.slice(x), h])
        outer = ops.concat([ops.tanh(h), inner, *([inner] if twice else [])])
        loop.feed(h, ops.tanh(outer[:, :2] + 0.5 * outer[:, 4:6] * inner[:, :2] - outer[:, -2:]))
    agrees(Plan(ops.sum(loop.stack(h)), also=[loop.stack(outer), loop.stack(inner)], wrt=[x]), x)
