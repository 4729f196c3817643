"""What a plan says that it needs, against what is measured."""

import gc
import tracemalloc

import numpy as np
import pytest

from graphengine import Graph, Plan, errors, ops, workspace
from layers import BiRNN, Dense, GRUCell, LSTMCell, MultiRNNCell, PeepholeLSTMCell, dynamic_rnn


def measured(plan, feeds, **given):
    """The peak of the first run of a size, feeds apart."""
    gc.collect()  # what Python keeps for the next tuples of a size would not be measured
    tracemalloc.start()
    run = plan.run(feeds, **given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del run
    return peak


def stack(x):
    return dynamic_rnn(MultiRNNCell([LSTMCell(48), LSTMCell(48)]), x, over="time")[0]


def both_ways(x):
    return BiRNN(GRUCell(48), GRUCell(48))(x, over="time")[0]


def written_out(x):
    return dynamic_rnn(PeepholeLSTMCell(48), x, over="time")[0]


@pytest.mark.parametrize("segment", [None, 16, "sqrt"])
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("build", [stack, both_ways, written_out])
def test_the_measured_peak_is_what_was_said(build, gradients, segment):
    g = Graph()
    x = g.placeholder("x", ("batch", "time", 8))
    plan = Plan(ops.mean(Dense(16)(build(x))), segment=segment)
    feeds = {x: np.random.default_rng(0).standard_normal((32, 300, 8)).astype("float32")}
    said = plan.memory(batch=32, time=300, gradients=gradients).peak
    assert said == pytest.approx(measured(plan, feeds, gradients=gradients), rel=0.1)


def test_ten_thousand_steps_train_in_the_memory_of_two_hundred():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 1))
    _, state = dynamic_rnn(LSTMCell(8), x, over="time")
    target = ops.sum(state.h * state.h)
    whole, rooted = Plan(target), Plan(target, segment="sqrt")
    need = rooted.memory(batch=4, time=10_000)
    sequence = 8 * 4 * 10_000
    assert need.workspace - sequence < whole.memory(batch=4, time=2 * 100).workspace
    X = np.random.default_rng(0).standard_normal((4, 10_000, 1))
    assert measured(rooted, {x: X}) == pytest.approx(need.peak, rel=0.1)
    expected, run = whole.run({x: X}), rooted.run({x: X})
    for parameter in whole.parameters:
        np.testing.assert_allclose(run.grad(parameter), expected.grad(parameter), rtol=1e-9, atol=1e-15)


def test_nothing_is_computed_to_tell():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 2))
    plan = Plan(ops.sum(ops.gather(x, g.fill(("batch",), 10**6, "int64"))), wrt=[x])
    assert plan.memory(batch=3).peak > 0  # the lookup would fail
    with pytest.raises(errors.GraphError):
        plan.run({x: np.zeros((3, 2))})


def test_release_lets_go():
    """At once, not when Python next looks for circles of references."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 1000))
    plan = Plan(ops.sum(ops.tanh(x)), wrt=[x])
    gc.collect()
    gc.disable()
    tracemalloc.start()
    plan.run({x: np.ones((100, 1000))})
    held = tracemalloc.get_traced_memory()[0]
    plan.release()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.enable()
    assert held - left > 0.9 * plan.memory(batch=100).workspace
    assert plan.run({x: np.zeros((1, 1000))})[plan.targets[0]] == 0


def test_sizes_are_checked():
    g = Graph()
    plan = Plan(ops.sum(g.placeholder("x", ("batch", "time"))), wrt=[])
    with pytest.raises(errors.FeedError, match="nothing binds the dimension 'time'; pass time=\\.\\.\\."):
        plan.memory(batch=3)
    with pytest.raises(errors.FeedError, match="no dimension 'length' in this plan"):
        plan.memory(batch=3, length=4)
    with pytest.raises(errors.FeedError, match="batch is a whole number"):
        plan.memory(batch=-3, time=1)


def test_a_need_reads_well():
    g = Graph(dtype="float64")
    plan = Plan(ops.sum(g.placeholder("x", ("batch", 128))), wrt=[])
    assert str(plan.memory(batch=1024)).startswith("1 MiB: forward 1 MiB, backward 0 B, calls ")


@pytest.mark.parametrize("segment", [None, 3])
def test_sizes_that_are_pushed_out_leave_no_memory_behind(segment):
    """A workspace is kept for the sizes used last; those before are gone at once."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 4))
    outputs, _ = dynamic_rnn(LSTMCell(64), x, over="time")
    plan = Plan(ops.sum(outputs), segment=segment)
    for batch in range(20, 26):
        plan.run({x: np.ones((batch, 8, 4))})
    gc.collect()
    gc.disable()
    tracemalloc.start()
    for batch in range(26, 46):
        plan.run({x: np.ones((batch, 8, 4))})
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.enable()
    assert held < 5 * plan.memory(batch=46, time=8).workspace


def test_what_is_kept_is_bounded_in_bytes(monkeypatch):
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 1000))
    plan = Plan(ops.sum(ops.tanh(x)), wrt=[x])
    monkeypatch.setattr(workspace, "BYTES", 3 * plan.memory(batch=100).workspace)
    for batch in (100, 99, 98, 97, 300):
        plan.run({x: np.ones((batch, 1000))})
        kept = [dict(sizes)["batch"] for sizes, _ in plan.workspaces.idle]
        assert kept == {100: [100], 99: [100, 99], 98: [100, 99, 98], 97: [99, 98, 97], 300: [300]}[batch]
