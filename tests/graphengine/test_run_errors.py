"""Runs and traces refuse what does not fit what they were built for."""

import numpy as np
import pytest

from graphengine import SGD, Adam, Plan, ops
from graphengine.errors import (
    BudgetError,
    DtypeError,
    FeedError,
    GradientError,
    SettingError,
    ShapeError,
    StructureError,
    UnknownPathError,
)
from layers import Dense, Embedding, LSTMCell, dynamic_rnn
from tests.graphengine.world import World, here, refused


def test_a_missing_feed(w):
    for run in (w.plan.run, w.plan.trace):
        with refused(FeedError, "missing feed: y int64[batch]"):
            run({w.x: np.ones((2, 6, 3))})


def test_a_surplus_feed(w):
    other = w.g.placeholder("other", (2,))
    with refused(FeedError, "surplus feed: other is not a placeholder that this plan needs; it takes x, y"):
        w.plan.run({**w.feeds, other: [1, 2]})
    with refused(FeedError, "surplus feed: rnn/outputs is not a placeholder"):
        w.plan.run({**w.feeds, w.outputs: [1, 2]})
    with refused(FeedError, "feeds are keyed by placeholders, not by 'x'"):
        w.plan.run({"x": np.ones((2, 6, 3)), w.y: [1, 2]})


def test_a_feed_of_another_graphs_node(w):
    other = World()
    with refused(FeedError, "x belongs to graph 'world', this plan to 'world'"):
        w.plan.run({other.x: np.ones((2, 6, 3)), w.y: [1, 2]})


def test_a_feed_of_the_wrong_dtype_names_both_cures():
    narrow = World("float32")
    with refused(DtypeError, "x is float32 and was fed float64", 'array.astype("float32")', 'dtype="float64"'):
        narrow.plan.run({narrow.x: np.ones((2, 6, 3)), narrow.y: [1, 2]})
    narrow.still_works()


def test_a_feed_of_the_wrong_shape(w):
    with refused(FeedError, "x float64[batch, time, 3] was fed [2, 6, 4]: axis 2 is 3, not 4"):
        w.plan.run({w.x: np.ones((2, 6, 4)), w.y: [1, 2]})
    with refused(FeedError, "x float64[batch, time, 3] was fed 2 axes: [6, 3]"):
        w.plan.run({w.x: np.ones((6, 3)), w.y: [1, 2]})


def test_a_contradictory_dimension(w):
    with refused(FeedError, "y int64[batch] was fed [3]: batch is 2 by x [2, 6, 3], not 3"):
        w.plan.run({w.x: np.ones((2, 6, 3)), w.y: [1, 2, 3]})


def test_an_unbound_dimension(w):
    long = ops.broadcast_to(ops.expand_dims(w.state.h, 1), ("batch", "target", 4))
    with refused(FeedError, "nothing binds the dimension 'target'; pass sizes={'target': ...}"):
        Plan(long, wrt=[]).run({w.x: w.feeds[w.x]})


def test_an_index_out_of_range(w):
    line = here() + 2
    ids = w.g.placeholder("ids", ("batch", "time"), "int64")
    vectors = Embedding(5, 2)(ids)
    plan = Plan(vectors, wrt=[])
    for run in (plan.run, plan.trace):
        for wrong in (5, -1):
            with refused(
                FeedError,
                "embedding/y: Gather(table float64[5, 2], ids int64[batch, time])",
                f"index {wrong} at [1, 0] is out of range: it lies between 0 and 4",
                at=line,
            ):
                run({ids: [[0, 4], [wrong, 2]]})
    assert plan.run({ids: [[0, 4]]})[vectors].shape == (1, 2, 2)


def test_a_label_out_of_range(w):
    with pytest.raises(
        FeedError, match=r"softmax_cross_entropy.*y int64\[batch\].*the index 7 at \[1\] is out of range"
    ):
        w.plan.run({w.x: np.ones((2, 6, 3)), w.y: [1, 7]})


@pytest.mark.parametrize("length", [7, -1])
def test_a_length_that_no_row_can_have(w, length):
    lengths = w.g.placeholder("lengths", ("batch",), "int64")
    line = here() + 1
    outputs, _ = dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=lengths, name="padded")
    plan = Plan(outputs, wrt=[])
    for run in (plan.run, plan.trace):
        with refused(
            FeedError,
            "padded/live: SequenceMask(lengths int64[batch]",
            f"the length of row [1] is {length}; lengths lie between 0 and 6",
            at=line,
        ):
            run({w.x: np.ones((2, 6, 3)), lengths: [6, length]})
    assert not plan.run({w.x: np.ones((2, 6, 3)), lengths: [0, 0]})[outputs].any()


def test_lengths_of_the_wrong_kind(w):
    with refused(ShapeError, "rows: lengths are integers, one for each row [batch], got int64[rows]"):
        dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=w.g.placeholder("rows", ("rows",), "int64"))
    with refused(ShapeError, "floats: lengths are integers", "got float64[batch]"):
        dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=w.g.placeholder("floats", ("batch",)))


def test_the_gradient_of_something_that_is_no_scalar(w):
    for run in (Plan(w.outputs).run, Plan(w.outputs).trace):
        with refused(
            GradientError,
            "rnn/outputs float64[batch, time, 4] is no scalar, so its gradient needs a seed",
            "gradients=False",
        ):
            run({w.x: np.ones((2, 6, 3))})


def test_wrt_of_what_has_no_gradient(w):
    with refused(GradientError, "wrt: y is int64[batch]; only floats have gradients"):
        Plan(w.loss, wrt=[w.y])
    apart = w.g.placeholder("apart", (2,))
    with refused(GradientError, "wrt: no gradient flows from softmax_cross_entropy to apart float64[2]"):
        Plan(w.loss, wrt=[apart])
    with refused(GradientError, "wrt: no gradient flows from", "stop_gradient"):
        Plan(ops.stop_gradient(ops.sum(w.x)), wrt=[w.x])
    unused = Dense(2)
    unused(w.x)
    with refused(GradientError, "wrt: the targets do not depend on parameter dense_1/kernel"):
        Plan(w.loss, wrt=[unused.kernel])
    with refused(StructureError, "expected tensors, got a str"):
        Plan(w.loss, wrt=["x"])


def test_what_a_run_was_not_told_to_return(w):
    run = w.plan.run(w.feeds)
    with refused(UnknownPathError, "rnn/outputs is not an output of this plan", "also=[...]", "plan.trace"):
        run[w.outputs]
    with refused(GradientError, "no gradient of x: the plan does not differentiate it", "wrt=[...]"):
        run.grad(w.x)
    with refused(GradientError, "no gradient of loss"):
        run.grad("loss")


def test_an_optimizer_without_parameters(w):
    for optimizer in (SGD, Adam):
        with refused(SettingError, "there are no parameters to optimize"):
            optimizer([], learning_rate=0.1)
    with refused(SettingError, "there are no parameters to optimize"):
        SGD(Plan(w.x[:1] * 2.0, wrt=[]).parameters, learning_rate=0.1)


def test_an_unknown_path_in_a_trace(w):
    trace = w.plan.trace(w.feeds)
    with refused(UnknownPathError, "world: no tensor at 'rnn/cproj_per'; did you mean rnn/cproj_pre"):
        trace.value("rnn/cproj_per", 0)
    with refused(UnknownPathError, "did you mean"):
        trace.grad("rnn/hh", 0)
    with refused(UnknownPathError, "rnn/outputs is no part of this plan"):
        trace.value("rnn/outputs")
    with refused(UnknownPathError, "no tensor at 'rnn/layer0'"):
        w.plan.trace(w.feeds, keep=["rnn/layer0"])


def test_a_position_that_is_not_there(w):
    trace = w.plan.trace(w.feeds)
    for t in (6, -7):
        with refused(UnknownPathError, f"the loop over time has 6 steps, none at {t}"):
            trace.value("rnn/h", t)
    with refused(UnknownPathError, "x lives outside loops, so it has no position 2"):
        trace.value("x", 2)


def test_a_gradient_that_a_trace_does_not_have(w):
    trace = w.plan.trace(w.feeds, gradients=False)
    with refused(GradientError, "no gradient of rnn/h: this trace has none"):
        trace.grad("rnn/h", 0)
    trace = w.plan.trace(w.feeds)
    with refused(GradientError, "no gradient of x: none flows from the targets"):
        trace.grad("x")
    with refused(GradientError, "no gradient flows from softmax_cross_entropy to y"):
        trace.contribution(w.loss.node, 1)
    with refused(UnknownPathError, "say at which position t"):
        trace.contribution(w.g["rnn/h"].node, 0)
    with refused(UnknownPathError, "has no time"):
        trace.contribution(w.loss.node, 0, 3)


def test_a_trace_beyond_its_budget(w):
    with refused(
        BudgetError,
        "the trace would hold",
        "beyond the budget of 1,000",
        "keep=[paths]",
        "steps=[positions]",
        "norms_only=True",
    ):
        w.plan.trace(w.feeds, budget=1000)
    assert issubclass(BudgetError, MemoryError)
