"""Bad input: an error of the family that names the place, what was wanted, what came, and the user's own line.

After every error the graph builds and runs as if nothing had happened.
"""

import inspect
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from graphengine import SGD, Adam, Graph, Loop, Parameter, Plan, errors, ops
from graphengine.errors import (
    BudgetError,
    DtypeError,
    FeedError,
    GradientError,
    GraphError,
    GraphMismatchError,
    LoopError,
    NotBuiltError,
    SettingError,
    SharedCellError,
    ShapeError,
    StructureError,
    UnknownPathError,
)
from layers import (
    BiRNN,
    Dense,
    Embedding,
    GRUCell,
    GRUState,
    LSTMCell,
    LSTMState,
    MultiRNNCell,
    dynamic_rnn,
    softmax_cross_entropy,
)

Pair = namedtuple("Pair", "a b")


class refused:  # noqa: N801 - reads as a statement: `with refused(ShapeError, ...)`
    """Expect an error with these fragments, in this order, that ends with the line of this file at fault.

    The line is that of the statement inside, or `at` when a run stumbles over what was built earlier.
    """

    def __init__(self, kind, *fragments, at=None):
        self.kind, self.fragments, self.at = kind, fragments, at

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        assert problem is not None, f"no {self.kind.__name__}"
        if not isinstance(problem, self.kind):
            return False
        text, place = str(problem), 0
        assert isinstance(problem, GraphError)
        for fragment in self.fragments:
            assert fragment in text[place:], f"{fragment!r} is not in {text[place:]!r}"
            place = text.index(fragment, place) + len(fragment)
        where = f'\n  File "{__file__}", line {self.at or trace.tb_lineno}'
        assert text.endswith(where), f"{text!r} does not end with {where!r}"
        assert text.count("\n  File ") == 1
        self.text = text
        return True


def here():
    """The line this is called from."""
    return inspect.currentframe().f_back.f_lineno


class World:
    """A small model with a sequence, labels and a trained-ready plan."""

    def __init__(self, dtype="float64"):
        self.g = Graph("world", dtype=dtype, seed=1)
        self.x = self.g.placeholder("x", ("batch", "time", 3))
        self.y = self.g.placeholder("y", ("batch",), dtype="int64")
        self.cell = LSTMCell(4)
        self.outputs, self.state = dynamic_rnn(self.cell, self.x, over="time")
        self.loss = softmax_cross_entropy(Dense(5)(self.state.h), self.y)
        self.plan = Plan(self.loss)
        self.feeds = {self.x: np.ones((2, 6, 3), dtype), self.y: [1, 2]}
        self.before = self.numbers()

    def numbers(self):
        run = self.plan.run(self.feeds)
        return [run[self.loss], *run.gradients.values()]

    def still_works(self):
        """The old plan gives what it gave, and new nodes go into the graph, inside and outside loops."""
        assert all(map(np.array_equal, self.numbers(), self.before))
        outputs, _ = dynamic_rnn(GRUCell(2), self.x, over="time")
        loss = ops.mean(outputs) + self.loss
        run = Plan(loss).run(self.feeds)
        assert np.isfinite(run[loss])
        assert self.g.current_scope is self.g.root


@pytest.fixture
def w():
    world = World()
    yield world
    world.still_works()


# What does not fit is refused when it is built.


def test_wrong_feature_size(w):
    kernel = w.g.constant(np.zeros((4, 20)), name="kernel")
    with w.g.scope("encoder"), refused(ShapeError, "encoder/matmul: MatMul(x_0 float64[batch, 3], kernel float64[4, 20])", "inner sizes differ: 3 and 4"):
        ops.matmul(w.g.placeholder("x_0", ("batch", 3)), kernel)


def test_a_row_does_not_become_a_column(w):
    row = w.g.placeholder("row", ("batch",))
    with refused(ShapeError, "add: Add(h_last float64[batch, 4], row float64[batch])", "shapes do not fit", "4 and batch"):
        w.state.h + row


def test_a_layer_called_with_another_feature_size(w):
    with refused(ShapeError, "rnn/kernel", "LSTMCell(4)", "[3, 16]", "[7, 16]"):
        dynamic_rnn(w.cell, w.g.placeholder("wide", ("batch", "time", 7)), over="time")
    dense = Dense(2)
    dense(w.state.h)
    with refused(ShapeError, "dense_1/kernel", "Dense(2)", "[4, 2]", "[3, 2]"):
        dense(w.x)


def test_an_open_feature_size(w):
    with refused(ShapeError, "dense_1/kernel [features, 2]", "the size features is open"):
        Dense(2)(w.g.placeholder("open", ("batch", "features")))


def test_unlike_dtypes(w):
    with refused(DtypeError, "Multiply(x float64[batch, time, 3], half float32[3])", "float64 and float32", "cast()"):
        w.x * w.g.placeholder("half", (3,), "float32")


def test_a_name_taken_twice(w):
    with refused(ShapeError, "world: there is a 'x' already"):
        w.g.placeholder("x", (1,))


def test_a_dimension_that_is_none(w):
    with refused(ShapeError, "z: a dimension is a number, a name", "2.5"):
        w.g.placeholder("z", (2.5,))
    with refused(DtypeError, "z: tensors hold floats, integers or booleans, not complex128"):
        w.g.placeholder("z", (2,), "complex128")
    with refused(ShapeError, "fill: a dimension cannot be negative: -1"):
        w.g.fill((-1,))
    with refused(ShapeError, "a name is not empty and has no '/': 'a/b'"):
        w.g.placeholder("a/b", (1,))


def test_a_state_of_the_wrong_structure(w):
    h = w.g.fill(("batch", 4), name="h_0")
    with refused(StructureError, "the state of LSTMCell(4) must have the form LSTMState(c=float64[batch, 4], h=float64[batch, 4])", "got GRUState(h=float64[batch, 4])"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=GRUState(h))
    with refused(StructureError, "must have the form LSTMState", "got float64[batch, 4]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=h)
    with refused(StructureError, "must have the form (LSTMState(", "got LSTMState("):
        dynamic_rnn(MultiRNNCell([LSTMCell(4), LSTMCell(4)]), w.x, over="time", initial_state=LSTMState(h, h))


def test_a_state_of_the_wrong_size(w):
    c, h = w.g.fill(("batch", 4), name="c_0"), w.g.fill(("batch", 5), name="h_0")
    with refused(ShapeError, "the state of LSTMCell(4): h must be float64[batch, 4]", "h_0 [batch, 5]", "float64[batch, 3]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(c, h))


def test_a_state_is_not_broadcast_over_the_batch(w):
    row = w.g.fill((4,), name="row")
    with refused(ShapeError, "c must be float64[batch, 4]", "row [4]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(row, row))


def test_a_transposed_state_is_refused_even_when_batch_equals_hidden(w):
    turned = w.g.placeholder("turned", (4, "batch"))
    with refused(ShapeError, "c must be float64[batch, 4]", "turned [4, batch]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(turned, turned))
    fixed = w.g.placeholder("fixed", (4, 4))
    with refused(ShapeError, "c must be float64[batch, 4]", "fixed [4, 4]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(fixed, fixed))


def test_a_state_of_another_dtype(w):
    c, h = w.g.fill(("batch", 4), dtype="float32", name="c_0"), w.g.fill(("batch", 4), name="h_0")
    with refused(DtypeError, "the state of LSTMCell(4): c must be float64, got float32"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(c, h))


def test_a_state_of_arrays(w):
    zeros = np.zeros((2, 4))
    with refused(StructureError, "expected tensors, got a ndarray"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=LSTMState(zeros, zeros))


def test_one_cell_twice_in_a_stack(w):
    cell = LSTMCell(4)
    with refused(SharedCellError, "LSTMCell(4) stands in two layers of one stack", "make one cell for each place"):
        MultiRNNCell([cell, cell])
    with refused(SharedCellError, "LSTMCell(4) stands in two layers of one stack"):
        MultiRNNCell([MultiRNNCell([cell, GRUCell(2)]), cell])


def test_one_cell_in_both_directions(w):
    cell = LSTMCell(4)
    with refused(SharedCellError, "LSTMCell(4) stands in both directions"):
        BiRNN(cell, cell)
    with refused(SharedCellError, "LSTMCell(4) stands in both directions"):
        BiRNN(MultiRNNCell([cell]), MultiRNNCell([cell]))


def test_no_axis_to_run_along(w):
    with refused(LoopError, "x float64[batch, time, 3] has no axis of the name 'steps'"):
        dynamic_rnn(LSTMCell(4), w.x, over="steps")
    with Loop("steps") as loop, refused(LoopError, "x float64[batch, time, 3] has no axis 'steps'", "the loop over steps"):
        loop.slice(w.x)
    square = w.g.placeholder("square", ("time", "time"))
    with Loop("time") as loop, refused(LoopError, "square float64[time, time] has 2 axes 'time'"):
        loop.slice(square)


def test_a_parameter_before_the_first_call(w):
    cell = LSTMCell(4)
    with refused(NotBuiltError, "LSTMCell.kernel exists once the layer was called"):
        cell.kernel
    assert not hasattr(cell, "kernel")
    with pytest.raises(AttributeError, match="LSTMCell has no attribute 'kernle'"):
        cell.kernle


def test_two_graphs_mixed(w):
    other = World()
    with refused(GraphMismatchError, "Add", "x belongs to graph 'world' and", "to 'elsewhere'", "as feeds"):
        w.x + Graph("elsewhere", dtype="float64").placeholder("z", (3,))
    with refused(GraphMismatchError, "'world'"):
        w.cell(other.x[:, 0], w.state)
    with refused(GraphMismatchError, "plan"):
        Plan([w.loss, other.loss])
    with refused(GraphMismatchError, "wrt"):
        Plan(w.loss, wrt=[other.x])
    other.still_works()


def test_a_parameter_of_another_dtype(w):
    with refused(DtypeError, "world: parameter rnn/kernel is float32, the graph float64", "the one switch"):
        w.g.tensor(World("float32").cell.kernel)


# Loops


def body(w):
    """An open loop over time with a state."""
    loop = Loop("time")
    loop.__enter__()
    return loop, loop.slice(w.x), loop.delay(w.g.fill(("batch", 3)), name="h_prev")


def test_a_value_of_a_body_used_outside(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    loop.feed(h, value)
    loop.__exit__(None, None, None)
    with refused(LoopError, f"sum: Sum({value.name} float64[batch, 3])", "a value per step of the loop over time, which is closed", "loop.stack (all steps) or loop.last"):
        ops.sum(value)
    with refused(LoopError, "tanh has a value per step", "loop.stack", "loop.last"):
        Plan(value)
    with refused(LoopError, "tanh has a value per step"):
        Plan(w.loss, also=[value])
    with refused(LoopError, "the loop over time is closed; write its body inside the with block"):
        loop.slice(w.x)
    with refused(LoopError, "is closed"):
        loop.delay(w.g.fill(("batch", 3)))


def test_values_of_two_loops_do_not_meet(w):
    _, x, _ = body(w)
    with Loop("time", reverse=True) as other:
        z = other.slice(w.x)
        with refused(LoopError, "Add(x_t float64[batch, 3], x_t_1 float64[batch, 3])", "two loops (the loop over time and the reverse loop over time)"):
            x + z


def test_a_loop_inside_a_loop(w):
    _, x, h = body(w)
    with Loop(3) as inner:
        with refused(LoopError, "has a value per step of the loop over time: a loop inside a loop"):
            inner.slice(x)
        with refused(LoopError, "h_prev [batch, 3] has a value per step of the loop over time"):
            inner.delay(h)


def test_a_loop_that_waits_for_its_own_stack(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    total = ops.sum(loop.stack(value), "time")
    with refused(LoopError, "h_prev would wait for tanh_all, which is ready only after the loop over time has run", "h_prev → tanh → tanh_all → sum → h_prev"):
        loop.feed(h, total)
    with refused(LoopError, "h_prev would wait for tanh_last"):
        loop.feed(h, x + loop.last(value))
    loop.feed(h, value)


def test_a_loop_that_waits_for_its_own_stack_through_another_delay(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    other = loop.delay(w.g.fill(("batch", 3)), name="other")
    loop.feed(other, ops.sum(loop.stack(value), "time"))
    with refused(LoopError, "h_prev would wait for tanh_all"):
        loop.feed(h, value + other)
    loop.feed(h, value)
    outputs = loop.stack(value + other)
    assert Plan(outputs, wrt=[]).run({w.x: w.feeds[w.x]})[outputs].shape == (2, 6, 3)


def test_a_loop_that_waits_for_its_own_end(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    with refused(LoopError, "the loop over time would wait for tanh_all, which is ready only after it has run"):
        loop.until(loop.slice(loop.stack(value)) > 0.5)
    other = loop.delay(w.g.fill(("batch", 3)), name="other")
    loop.until(other > 0.5)
    with refused(LoopError, "other would wait for tanh_all_1"):
        loop.feed(other, ops.sum(loop.stack(value), "time"))
    loop.feed((h, other), (value, value))


def test_a_delay_is_fed_once_and_alike(w):
    loop, x, h = body(w)
    with refused(ShapeError, "h_prev: the initial value is float64[batch, 3] and the value fed is float64[batch, 1, 3]"):
        loop.feed(h, ops.expand_dims(x, 1))
    with refused(StructureError, "the value fed to a delay must have the form float64[batch, 3], got Pair("):
        loop.feed(h, Pair(x, x))
    with refused(LoopError, "x_t is not a delay of the loop over time"):
        loop.feed(x, h)
    loop.feed(h, x)
    with refused(LoopError, "h_prev is fed already, by x_t"):
        loop.feed(h, x)


def test_a_delay_that_nothing_was_fed_to(w):
    line = here() + 2
    loop = Loop("time").__enter__()
    h = loop.delay(w.g.fill(("batch", 3)), name="h_prev")
    with refused(LoopError, "h_prev is a delay that nothing was fed to; close the circle with loop.feed", at=line):
        Plan(loop.last(h))


def test_a_loop_ends_on_a_boolean_of_its_own(w):
    loop, x, h = body(w)
    loop.feed(h, x)
    with refused(LoopError, "the loop over time can end on a boolean of its own, not on x_t float64[batch, 3]"):
        loop.until(x)
    with refused(LoopError, "can end on a boolean of its own"):
        loop.until(w.y > 1)
    loop.until(x > 1)
    with refused(LoopError, "the loop over time ends on greater_1 already"):
        loop.until(x > 2)


def test_stacking_on_an_axis_that_is_not_there(w):
    loop, x, h = body(w)
    loop.feed(h, x)
    for axis in (3, -4):
        with refused(ShapeError, "x_t float64[batch, 3] of all steps has 3 axes, none of them"):
            loop.stack(x, axis=axis)


def test_the_last_state_of_no_steps(w):
    line = here() + 1
    outputs, state = dynamic_rnn(GRUCell(2), w.x, over="time", name="short")
    plan = Plan([state.h], wrt=[])
    for run in (plan.run, plan.trace):
        with refused(FeedError, "short/h_last: LastStep(h float64[batch, 2])", "the loop over time has no steps", at=line):
            run({w.x: np.zeros((2, 0, 3))})


# Runs


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
            with refused(FeedError, "embedding/y: Gather(table float64[5, 2], ids int64[batch, time])", f"index {wrong} at [1, 0] is out of range: it lies between 0 and 4", at=line):
                run({ids: [[0, 4], [wrong, 2]]})
    assert plan.run({ids: [[0, 4]]})[vectors].shape == (1, 2, 2)


def test_a_label_out_of_range(w):
    with pytest.raises(FeedError, match=r"softmax_cross_entropy.*y int64\[batch\].*the index 7 at \[1\] is out of range"):
        w.plan.run({w.x: np.ones((2, 6, 3)), w.y: [1, 7]})


@pytest.mark.parametrize("length", [7, -1])
def test_a_length_that_no_row_can_have(w, length):
    lengths = w.g.placeholder("lengths", ("batch",), "int64")
    line = here() + 1
    outputs, _ = dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=lengths, name="padded")
    plan = Plan(outputs, wrt=[])
    for run in (plan.run, plan.trace):
        with refused(FeedError, "padded/live: SequenceMask(lengths int64[batch]", f"the length of row [1] is {length}; lengths lie between 0 and 6", at=line):
            run({w.x: np.ones((2, 6, 3)), lengths: [6, length]})
    assert not plan.run({w.x: np.ones((2, 6, 3)), lengths: [0, 0]})[outputs].any()


def test_lengths_of_the_wrong_kind(w):
    with refused(ShapeError, "rows: lengths are integers, one for each row [batch], got int64[rows]"):
        dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=w.g.placeholder("rows", ("rows",), "int64"))
    with refused(ShapeError, "floats: lengths are integers", "got float64[batch]"):
        dynamic_rnn(LSTMCell(2), w.x, over="time", lengths=w.g.placeholder("floats", ("batch",)))


def test_the_gradient_of_something_that_is_no_scalar(w):
    for run in (Plan(w.outputs).run, Plan(w.outputs).trace):
        with refused(GradientError, "rnn/outputs float64[batch, time, 4] is no scalar, so its gradient needs a seed", "gradients=False"):
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


# Traces


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
    with refused(BudgetError, "the trace would hold", "beyond the budget of 1,000", "keep=[paths]", "steps=[positions]", "norms_only=True"):
        w.plan.trace(w.feeds, budget=1000)
    assert issubclass(BudgetError, MemoryError)


# The user's own line


def test_a_failing_ufunc_keeps_its_type_and_gains_the_place(w):
    line = here() + 1
    y = ops.log(w.x)
    for run in (Plan(y, wrt=[]).run, Plan(y, wrt=[]).trace):
        with pytest.raises(RuntimeWarning) as caught:
            run({w.x: np.zeros((1, 1, 3))})
        assert any(f'log: Log\n  File "{__file__}", line {line}' in note for note in caught.value.__notes__)


def test_nodes_remember_the_users_line_through_layers_and_operators(w):
    line = here() + 1
    outputs, _ = BiRNN(LSTMCell(2), GRUCell(2))(w.x, over="time")
    made = [node for node in w.g.nodes if node.path.startswith("birnn/")]
    assert len(made) > 40
    assert {node.location for node in made} == {(__file__, line)}
    line = here() + 1
    y = -(outputs @ np.ones((4, 1))[:, :1] + 1.0)[:, 0]
    assert y.node.location == y.node.inputs[0].node.location == (__file__, line)


class Leaky(LSTMCell):
    """A user's own cell."""

    def step(self, x, state):
        h, after = super().step(x, state)
        return h * 0.5, after


def test_a_cell_of_the_users_own_shows_its_own_line(w):
    dynamic_rnn(Leaky(2), w.x, over="time", name="leaky")
    lines, first = inspect.getsourcelines(Leaky.step)
    assert w.g["leaky/multiply"].node.location == (__file__, first + len(lines) - 1)
    assert w.g["leaky/h"].node.location == (__file__, first + 1)


def test_exec_shows_its_own_line():
    space = {}
    program = "from graphengine import Graph, ops\ng = Graph()\nx = g.placeholder('x', (2,))\n\ny = ops.tanh(x)\n"
    exec(program, space)
    assert space["y"].node.location == ("<string>", 5)
    exec(compile("\nz = -y", "notebook cell 3", "exec"), space)
    assert space["z"].node.location == ("notebook cell 3", 2)


def test_a_doctest_shows_its_own_line():
    """An example in a docstring of the library itself runs in the library's namespace."""
    import doctest

    import graphengine.loop

    example = ">>> from graphengine import Graph\n>>> x = Graph().placeholder('x', (2,))\n>>> x.node.location\n"
    space = {"__name__": "graphengine.loop"}
    parsed = doctest.DocTestParser().get_doctest(example, space, "graphengine.loop.Loop", None, 0)
    doctest.DocTestRunner(verbose=False).run(parsed, out=lambda text: None, clear_globs=False)
    assert parsed.globs["x"].node.location == ("<doctest graphengine.loop.Loop[1]>", 1)
    assert graphengine.loop


def test_a_program_shows_its_own_line_when_it_is_run(tmp_path):
    program = tmp_path / "mine.py"
    program.write_text(
        "import numpy as np\nfrom graphengine import Graph\nfrom layers import LSTMCell, dynamic_rnn\n"
        "x = Graph().placeholder('x', ('batch', 'time', 3))\n"
        "def build(cell):\n"
        "    return dynamic_rnn(cell, x, over='tiem')\n"
        "build(LSTMCell(2))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, program], env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f'File "{program}", line 6' in done.stderr.splitlines()[-1]
    assert "x float32[batch, time, 3] has no axis of the name 'tiem'" in done.stderr


def test_every_error_is_of_the_family_and_of_a_built_in_kind():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GraphError)]
    assert len(kinds) > 10
    for kind in kinds:
        if kind is not GraphError:
            assert issubclass(kind, ValueError | TypeError | LookupError | AttributeError | MemoryError), kind
            assert str(kind("said so")) == "said so"
            assert kind.__doc__


def test_a_structure_with_something_else_than_tensors(w):
    with refused(StructureError, "Tanh: none of the inputs is a tensor"):
        ops.tanh(3.0)
    with refused(StructureError, "none of the inputs is a tensor", "graph.tensor(parameter)"):
        ops.tanh(Parameter("w", np.zeros(2)))
    with refused(StructureError, "expected tensors, got a ndarray"):
        Plan(np.zeros(2))
