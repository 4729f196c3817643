"""Large graphs and long sequences: nothing recurses, and time does not grow the graph."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, ops
from layers import BiRNN, Dense, LSTMCell, MultiRNNCell, RNNCell, dynamic_rnn, softmax_cross_entropy

ROOT = Path(__file__).parents[2]

CHAIN = """
import gc, sys, weakref
import numpy as np
from graphengine import Graph, Plan, ops

count = int(sys.argv[1])
np.zeros(1).sum()
sys.setrecursionlimit(200)

g = Graph(dtype="float64")
x = g.placeholder("x", ())
y = x
for _ in range(count):
    y = ops.negate(y)
assert len(g.nodes) == count + 1
plan = Plan(y, wrt=[x])
run = plan.run({x: 0.3})
assert run[y] == 0.3 * (-1) ** count, run[y]
assert run.grad(x) == (-1) ** count
if count <= 100_000:
    trace = plan.trace({x: 0.3})
    assert trace.grad(x) == (-1) ** count
    assert trace.value(g.nodes[count // 2].path) == 0.3 * (-1) ** (count // 2)
    del trace
alive = [weakref.ref(each) for each in (g, g.nodes[0], g.nodes[count // 2], g.nodes[-1], plan)]
del g, x, y, plan, run
gc.collect()
assert all(each() is None for each in alive), alive
"""

CIRCLE = """
import gc, sys, weakref
import numpy as np
from graphengine import Graph, Loop, Plan, ops

count = int(sys.argv[1])
np.zeros(1).sum()
sys.setrecursionlimit(200)

g = Graph(dtype="float64")
x = g.placeholder("x", ("time",))
with Loop("time") as loop:
    h = loop.delay(g.fill(()))
    after = h + loop.slice(x)
    for _ in range(count):
        after = ops.negate(after)
    loop.feed(h, after)
plan = Plan(loop.last(after), wrt=[x])
assert sum(len(unit.nodes) for unit in plan.units if unit.stepwise) == count + 2
run = plan.run({x: [1.0, 2.0, 4.0]})
assert run.grad(x).tolist() == ([1.0, 1.0, 1.0] if count % 2 == 0 else [-1.0, 1.0, -1.0])
alive = [weakref.ref(each) for each in (g, g.nodes[-1], loop)]
del g, x, loop, h, after, plan, run
gc.collect()
assert all(each() is None for each in alive)
"""


def passes(program, count):
    done = subprocess.run(
        [sys.executable, "-c", program, str(count)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_chain_of_a_hundred_thousand_nodes_builds_runs_differentiates_and_is_freed():
    passes(CHAIN, 100_000)


@pytest.mark.slow
def test_a_chain_of_a_million_nodes_builds_runs_differentiates_and_is_freed():
    """`pytest -m slow tests/graphengine/test_scale.py`; less than a minute."""
    passes(CHAIN, 1_000_000)


def test_a_loop_with_ten_thousand_nodes_in_its_circle():
    passes(CIRCLE, 10_001)


def model(time):
    g = Graph(dtype="float64")
    x, y = g.placeholder("x", ("batch", time, 3)), g.placeholder("y", ("batch",), dtype="int64")
    lower, _ = BiRNN(LSTMCell(2), LSTMCell(2))(x, over=time)
    _, states = dynamic_rnn(MultiRNNCell([LSTMCell(2), LSTMCell(2)]), lower, over=time)
    return g, Plan(softmax_cross_entropy(Dense(4)(states[-1].h), y))


def test_the_number_of_nodes_does_not_depend_on_the_number_of_steps():
    short, long, open_ = (model(time) for time in (7, 10_000, "time"))
    assert len(short[0].nodes) == len(long[0].nodes) == len(open_[0].nodes)
    assert len(short[1].nodes) == len(long[1].nodes) == len(open_[1].nodes)
    assert [node.path for node in short[1].nodes] == [node.path for node in long[1].nodes]


def test_one_plan_runs_three_steps_and_ten_thousand():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    outputs, state = dynamic_rnn(RNNCell(3), x, over="time")
    plan = Plan(ops.mean(outputs * outputs) + ops.sum(state.h))
    nodes = len(g.nodes)
    rng = np.random.default_rng(0)
    long = rng.standard_normal((2, 10_000, 2))
    for steps in (3, 10_000, 3):
        run = plan.run({x: long[:, :steps]})
        assert all(np.isfinite(run.grad(parameter)).all() for parameter in plan.parameters)
    assert len(g.nodes) == nodes


def test_many_loops_build_and_compile_in_reasonable_time():
    """A graph of a hundred loops in a row; the checks at every feed look at what stands before it."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    outputs = x
    for _ in range(100):
        with Loop("time") as loop:
            h = loop.delay(g.fill(("batch", 2)))
            after = ops.tanh(loop.slice(outputs) + h)
            loop.feed(h, after)
        outputs = loop.stack(after)
    plan = Plan(outputs, wrt=[x])
    assert sum(unit.stepwise for unit in plan.units) == 100
    run = plan.run({x: np.ones((1, 2, 2))}, seeds={outputs: np.ones((1, 2, 2))})
    assert run.grad(x).any()
