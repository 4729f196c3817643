"""Readings, and the log that `debug=True` and `backpassdebug=True` make: the article's numbers under its names."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, Spec, errors, ops
from graphengine.structure import leaves
from layers import Cell, Dense, GRUCell, LSTMCell, MultiRNNCell, RNNCell, dynamic_rnn, softmax_cross_entropy, zero_state
from layers.readings import ARTICLE, Reading, find, readings
from layers.weights import from_deep_breathe

DATA = Path(__file__).parents[1] / "data" / "article" / "LSTMMainmulti.npz"
STEPS = 3
VALUES = ("f", "i", "cproj", "o", "c", "h")
GRADIENTS = {
    "DHt": "dht", "DOt": "dot", "DCt": "dct", "DCprojt": "dcproj", "DFt": "dft", "DIt": "dit",
    "DHX": "dhx", "dxt": "xcomp", "Dh_next": "dh_next", "DCt_recur": "dc_next",
}  # fmt: skip


@pytest.fixture(scope="module")
def golden():
    with np.load(DATA) as stored:
        return dict(stored)


def article_model(golden, **debug):
    """The article's two layers over three words, with its starting weights."""
    g = Graph("multi", dtype="float64")
    x = g.placeholder("x", ("batch", "time", 10))
    y = g.placeholder("y", ("batch",), dtype="int64")
    stack = MultiRNNCell([LSTMCell(5), LSTMCell(5)], **debug)
    _, states = dynamic_rnn(stack, x, over="time")
    dense = Dense(10, **debug)
    loss = softmax_cross_entropy(dense(states[-1].h), y)
    for name, cell in zip(("cell1", "cell2"), stack.cells, strict=True):
        cell.assign(from_deep_breathe(golden[f"w0/{name}"]))
    dense.assign({"kernel": golden["w0/out_l:kernel"], "bias": golden["w0/out_l:bias"][0]})
    return Plan(loss), {x: golden["X"], y: golden["target"][:, 0].astype(int)}


def near(ours, theirs, tolerance=1e-14):
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def by_rows(array):
    """The article keeps most of its values as columns."""
    return array if array.shape[0] == 1 else array.T


@pytest.mark.parametrize("t", range(STEPS))
@pytest.mark.parametrize("layer", [0, 1])
def test_readings_are_the_articles_numbers(golden, layer, t):
    plan, feeds = article_model(golden)
    found = readings(plan.trace(feeds), f"rnn/layer{layer}", t)
    cell = f"cell{layer + 1}/t{t}"
    for name in VALUES:
        near(found[name], by_rows(golden[f"fwd/{cell}/{name}"]))
    for ours, theirs in GRADIENTS.items():
        near(found[ours], by_rows(golden[f"bwd/{cell}/{theirs}"]))


@pytest.mark.parametrize("t", range(STEPS))
def test_w6_depth_and_time_are_kept_apart(golden, t):
    """The article's code adds the upper layer's gradient to the lower layer's recurrent part."""
    plan, feeds = article_model(golden)
    trace = plan.trace(feeds)
    lower, upper = (readings(trace, f"rnn/layer{layer}", t) for layer in range(2))
    near(upper["dht(ext)"], by_rows(golden[f"bwd/cell2/t{t}/dht_ext"]))
    near(upper["dht(int)"], by_rows(golden[f"bwd/cell2/t{t}/dh_next_in"]))
    mixed = by_rows(golden[f"bwd/cell1/t{t}/dh_next_in"])
    near(lower["dht(ext)"], upper["dxt"])
    near(lower["dht(int)"], mixed - golden[f"bwd/cell2/t{t}/xcomp"])
    assert np.abs(lower["dht(int)"] - mixed).max() > 1e-3
    if t == STEPS - 1:
        np.testing.assert_array_equal(lower["dht(int)"], 0.0)
        near(mixed, np.full((1, 5), -0.0403), 1e-4)


def logged(caplog, plan, feeds):
    """The records of a run, at the level that `logging.basicConfig(level=logging.INFO)` sets."""
    with caplog.at_level(logging.INFO):
        plan.run(feeds)
    return caplog.records


def test_the_log_has_the_articles_numbers_in_the_articles_order(golden, caplog):
    plan, feeds = article_model(golden, debug=True, backpassdebug=True)
    records = logged(caplog, plan, feeds)
    of_cells = [each for each in records if each.path.startswith("rnn") and each.t is not None]
    forward = [each for each in of_cells if each.quantity in VALUES]
    backward = [each for each in of_cells if each.quantity not in VALUES]
    steps = [(t, layer) for t in range(STEPS) for layer in range(2)]
    assert [(each.t, each.path, each.quantity) for each in forward] == [
        (t, f"rnn/layer{layer}", name) for t, layer in steps for name in VALUES
    ]
    assert [(each.t, each.path, each.quantity) for each in backward] == [
        (t, f"rnn/layer{layer}", row.name) for t, layer in reversed(steps) for row in ARTICLE
    ]
    assert records.index(forward[-1]) < records.index(backward[0])
    for each in of_cells:
        cell = f"cell{each.path[-1:]}".replace("1", "2").replace("0", "1")
        if each in forward:
            near(each.value, by_rows(golden[f"fwd/{cell}/t{each.t}/{each.quantity}"]))
        elif each.quantity in GRADIENTS:
            near(each.value, by_rows(golden[f"bwd/{cell}/t{each.t}/{GRADIENTS[each.quantity]}"]))


def test_the_log_has_the_weights_and_their_gradients(golden, caplog):
    plan, feeds = article_model(golden, debug=True, backpassdebug=True)
    records = {(each.path, each.quantity): each.value for each in logged(caplog, plan, feeds) if each.t is None}
    cells = {"kernel", "recurrent_kernel", "bias", "Dkernel", "Drecurrent_kernel", "Dbias"}
    assert {quantity for path, quantity in records if path == "rnn/layer1"} == cells
    dense = {"kernel", "bias", "y", "Dy", "Dkernel", "Dbias"}
    assert {quantity for path, quantity in records if path == "dense"} == dense
    near(records["dense", "y"], golden["logits"][:, 0])
    near(records["dense", "Dy"], golden["grad/RNN/Y/0/dBy"])
    near(records["dense", "Dkernel"], golden["grad/RNN/Y/0/dWy"])
    gradient = [golden[f"grad/RNN/fw_cell/0/d{part}"] for part in ("bf", "bi", "bc", "bo")]
    near(records["rnn/layer1", "Dbias"], np.concatenate(gradient)[:, 0])


def test_a_message_reads_well(golden, caplog):
    plan, feeds = article_model(golden, debug=True)
    logged(caplog, plan, feeds)
    assert "rnn/layer0 t=2 f =\n[[0.77861183 0.77861183" in caplog.text
    assert "dense kernel =" in caplog.text
    assert "DHt" not in caplog.text
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_below_its_level_nothing_is_logged(golden, caplog):
    plan, feeds = article_model(golden, debug=True, backpassdebug=True)
    with caplog.at_level(logging.WARNING):
        plan.run(feeds)
    assert caplog.records == []


def test_without_debug_nothing_is_logged(golden, caplog):
    plan, feeds = article_model(golden)
    assert logged(caplog, plan, feeds) == []


def test_a_run_traces_once_for_all_that_is_watched(golden, monkeypatch):
    from graphengine import plan as module

    made = []

    class Counted(module.Trace):
        def __init__(self, *args, **kwargs):
            made.append(self)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(module, "Trace", Counted)
    plan, feeds = article_model(golden, debug=True, backpassdebug=True)
    plan.run(feeds)
    assert len(made) == 1


def test_a_watched_run_gives_what_an_unwatched_one_does(golden):
    plain, feeds = article_model(golden)
    watched, feeds_again = article_model(golden, debug=True, backpassdebug=True)
    a, b = plain.run(feeds), watched.run(feeds_again)
    np.testing.assert_array_equal(a[plain.targets[0]], b[watched.targets[0]])
    for one, other in zip(plain.parameters, watched.parameters, strict=True):
        np.testing.assert_array_equal(a.grad(one), b.grad(other))


def test_values_only(golden, caplog):
    plan, feeds = article_model(golden, debug=True, backpassdebug=True)
    with caplog.at_level(logging.INFO):
        plan.run(feeds, gradients=False)
    assert {each.quantity for each in caplog.records} == {*VALUES, "kernel", "recurrent_kernel", "bias", "y"}


X = np.random.default_rng(0).standard_normal((2, 4, 3))


def looped(cell, lengths=None, **driver):
    """A trace of a cell over four steps of two rows; the loss reads all outputs and the final state."""
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 3))
    feeds = {x: X}
    if lengths is not None:
        driver["lengths"] = g.placeholder("lengths", ("batch",), dtype="int64")
        feeds[driver["lengths"]] = lengths
    outputs, state = dynamic_rnn(cell, x, over="time", **driver)
    return Plan(loss_of(outputs, state)).trace(feeds)


def loss_of(outputs, state):
    top = leaves(state)[-1]
    return ops.sum(outputs * outputs) + ops.sum(ops.tanh(top)) * 2.0


OPTIONS = {"lstm": LSTMCell, "gru": GRUCell, "gru_before": lambda size: GRUCell(size, reset="before"), "rnn": RNNCell}
every_cell = pytest.mark.parametrize("make", OPTIONS.values(), ids=OPTIONS)


@every_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_the_parts_add_up(make, reverse):
    trace = looped(make(5), reverse=reverse)
    first, last = (3, 0) if reverse else (0, 3)
    for t in range(4):
        found = readings(trace, "rnn", t)
        near(found["dht(ext)"] + found["dht(int)"], found["DHt"])
        near(found["DHX"], np.concatenate([found["dxt"], found["Dh_next"]], axis=-1))
        assert np.abs(found["dht(ext)"]).max() > 1e-3
        if t != last:
            following = readings(trace, "rnn", t - 1 if reverse else t + 1)
            near(found["dht(int)"], following["Dh_next"])
    assert np.abs(readings(trace, "rnn", first)["dht(int)"]).max() > 1e-3
    np.testing.assert_array_equal(readings(trace, "rnn", last)["dht(int)"], 0.0)


@every_cell
def test_what_is_handed_to_the_input_is_its_gradient(make):
    """`dxt` is read from the edges, so that the plan need not differentiate the input; where it does, they agree."""
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, state = dynamic_rnn(MultiRNNCell([make(5), make(4)]), x, over="time")
    plan = Plan(loss_of(outputs, state), wrt=[x, *g.parameters])
    trace = plan.trace({x: X})
    for t in range(4):
        near(readings(trace, "rnn/layer0", t)["dxt"], trace.grad(x)[:, t])
        near(readings(trace, "rnn/layer1", t)["dxt"], readings(trace, "rnn/layer0", t)["dht(ext)"])


@every_cell
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [(4, 2), (3, 4)])
def test_a_row_that_ends_early_reads_as_if_it_were_alone(make, reverse, lengths):
    """Its own last step gets the loss on the final state from above, however many steps it was held."""
    together = looped(make(5), lengths=lengths, reverse=reverse)
    for row, length in enumerate(lengths):
        g = Graph(dtype="float64", seed=3)
        x = g.placeholder("x", ("batch", "time", 3))
        outputs, state = dynamic_rnn(make(5), x, over="time", reverse=reverse)
        alone = Plan(loss_of(outputs, state)).trace({x: X[row : row + 1, :length]})
        for t in range(length):
            padded, wanted = readings(together, "rnn", t), readings(alone, "rnn", t)
            assert list(padded) == list(wanted)
            for name, array in wanted.items():
                near(padded[name][row : row + 1], array)
        for t in range(length, 4):
            for name in ("DHt", "dht(ext)", "dht(int)", "dxt"):
                np.testing.assert_array_equal(readings(together, "rnn", t)[name][row], 0.0)


@every_cell
def test_a_graph_unrolled_by_hand_reads_the_same(make):
    cell = make(5)
    trace = looped(cell)
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", 4, 3))
    state, outputs = zero_state(cell, x[:, 0]), []
    for t in range(4):
        with g.scope(f"t{t}", "time", t):
            output, state = cell(x[:, t], state)
        outputs.append(output)
    plan = Plan(loss_of(ops.stack(outputs, axis=1), state))
    unrolled = plan.trace({x: X})
    for t in range(4):
        found, wanted = readings(unrolled, f"t{t}"), readings(trace, "rnn", t)
        assert {name for name in wanted if name not in found} == set()
        for name, array in wanted.items():
            near(found[name], array)


def test_the_log_of_a_graph_unrolled_by_hand_knows_its_steps(caplog):
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", 2, 3))
    cell = LSTMCell(5, debug=True, backpassdebug=True)
    state = zero_state(cell, x[:, 0])
    for t in range(2):
        with g.scope(f"t{t}", "time", t):
            output, state = cell(x[:, t], state)
    records = logged(caplog, Plan(ops.sum(output)), {x: X[:, :2]})
    assert [(each.t, each.path) for each in records if each.quantity in ("f", "DFt")] == [
        (0, "t0"), (0, "t0"), (1, "t1"), (1, "t1")
    ]


def test_a_grus_gates_have_names_of_the_same_form():
    trace = looped(GRUCell(5))
    found = readings(trace, "rnn", 1)
    assert list(found) == [
        "r", "u", "n", "h", "DHt", "dht(ext)", "dht(int)", "DRt", "DUt", "DNt", "DHX", "dxt", "Dh_next"
    ]
    for name, path in (("DRt", "r_pre"), ("DUt", "u_pre"), ("DNt", "n_pre")):
        near(found[name], trace.grad(f"rnn/{path}", 1))
    outside = readings(trace, "rnn")
    parameters = ["kernel", "recurrent_kernel", "bias", "recurrent_bias"]
    assert sorted(outside) == sorted([*parameters, *(f"D{name}" for name in parameters)])


def test_an_rnns_state_and_its_pre_activation_are_told_apart():
    trace = looped(RNNCell(5))
    found = readings(trace, "rnn", 1)
    assert list(found) == ["h", "DHt", "dht(ext)", "dht(int)", "DH_pre", "DHX", "dxt", "Dh_next"]
    near(found["DH_pre"], found["DHt"] * (1 - found["h"] ** 2))


class Half(Cell):
    """A cell that looks at one half of its input only."""

    def state(self, x):
        return (Spec.of((*x.shape[:-1], 2), x.dtype),)

    def step(self, x, state):
        seen, _ = ops.split(x, 2)
        new = ops.tanh(ops.add(seen, ops.multiply(state[0], self.parameter(x.graph, "u", (2,), 0.5))), name="h")
        return new, (new,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_an_input_of_which_part_is_unused_and_gradients_of_several_seeds(dtype, lead):
    g = Graph(dtype=dtype)
    x = g.placeholder("x", ("batch", "time", 4))
    outputs, _ = dynamic_rnn(Half(), x, over="time")
    plan = Plan(outputs, wrt=[x, *g.parameters])
    rng = np.random.default_rng(4)
    seeds = rng.standard_normal((*lead, 2, 3, 2)).astype(dtype)
    trace = plan.trace({x: rng.standard_normal((2, 3, 4)).astype(dtype)}, seeds={outputs: seeds})
    for t in range(3):
        found = readings(trace, "rnn", t)
        assert found["dxt"].dtype == dtype
        near(found["dxt"], trace.grad(x)[..., t, :])
        near(found["dlayer0t(ext)"], seeds[..., t, :])
        near(found["dlayer0t(ext)"] + found["dlayer0t(int)"], found["DLayer0t"], 1e-6)


def test_a_vjp_asks_the_op_alone():
    trace = looped(LSTMCell(5))
    node = trace.graph["rnn/c"].node
    for i in range(2):
        near(trace.vjp(node, i, trace.grad(node.output, 2), 2), trace.contribution(node, i, 2))
    near(trace.vjp(node, 0, np.ones((2, 5)), 2), np.ones((2, 5)))
    with pytest.raises(errors.GradientError, match="no op of rnn/h_prev hands a gradient to its input 0"):
        trace.vjp(trace.graph["rnn/h_prev"].node, 0, np.ones((2, 5)), 2)
    with pytest.raises(errors.UnknownPathError, match="rnn/c: say at which position t"):
        trace.vjp(node, 0, np.ones((2, 5)))


class LeakyState(NamedTuple):
    memory: Any
    clock: Any


class Leaky(Cell):
    """A user's cell whose state has a name that no article knows, and which passes part of it on untouched."""

    def __init__(self, hidden, **options):
        super().__init__(**options)
        self.hidden = hidden

    def state(self, x):
        spec = Spec.of((*x.shape[:-1], self.hidden), x.dtype)
        return LeakyState(spec, spec)

    def step(self, x, state):
        memory, clock = state
        kernel = self.parameter(x.graph, "kernel", (x.shape[-1], self.hidden), 0.5)
        gate = ops.sigmoid(ops.matmul(x, kernel, name="gate_pre"), name="gate")
        new = ops.add(ops.multiply(gate, memory), 0.1, name="memory")
        return new, LeakyState(new, clock)


def test_a_users_cell_is_read_and_logged_too(caplog):
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, state = dynamic_rnn(Leaky(5, debug=True, backpassdebug=True), x, over="time")
    records = logged(caplog, Plan(ops.sum(outputs * outputs + ops.expand_dims(state.clock, 1))), {x: X})
    assert [each.quantity for each in records if each.t == 2] == [
        "gate", "memory", "clock", "DMemoryt", "dmemoryt(ext)", "dmemoryt(int)", "DGatet", "dxt", "Dmemory_next"
    ]
    assert {each.quantity for each in records if each.t is None} == {"kernel", "Dkernel"}


def test_every_cell_of_a_stack_is_logged_once(caplog):
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(MultiRNNCell([LSTMCell(5, debug=True), GRUCell(4)]), x, over="time")
    records = logged(caplog, Plan(ops.sum(outputs)), {x: X})
    assert {each.path for each in records} == {"rnn/layer0"}
    assert len([each for each in records if each.quantity == "f"]) == 4


def test_a_dense_layer_inside_a_loop_is_read_step_by_step():
    g = Graph(dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 3))
    with Loop(over="time") as loop:
        total = loop.delay(g.fill(("batch", 2)), name="total")
        loop.feed(total, ops.tanh(Dense(2)(loop.slice(x)) + total))
    trace = Plan(ops.sum(loop.last(total))).trace({x: X})
    found = readings(trace, "dense", 1)
    assert list(found) == ["y", "Dy"]
    near(found["Dy"], trace.grad("dense/y", 1))
    assert sorted(readings(trace, "dense")) == ["Dbias", "Dkernel", "bias", "kernel"]


def test_readings_say_what_they_are():
    meanings = {row.name: row.meaning for row in ARTICLE}
    assert meanings["DOt"] == "the gradient of o_pre, from everything that uses it"
    assert len(set(meanings.values())) == len(ARTICLE)
    assert Reading("DRt", "gradient", "r_pre").meaning == "the gradient of r_pre, from everything that uses it"


def test_readings_of_what_is_not_there_are_refused():
    trace = looped(LSTMCell(5))
    with pytest.raises(errors.UnknownPathError, match="no layer stands at 'rnn/layer7'"):
        readings(trace, "rnn/layer7", 0)
    with pytest.raises(errors.UnknownPathError, match="has 4 steps, none at 9"):
        readings(trace, "rnn", 9)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    plan = Plan(ops.sum(Dense(2)(x)))
    with pytest.raises(errors.UnknownPathError, match="dense lives outside loops, so it has no position 0"):
        readings(plan.trace({x: X[:, 0]}), find(plan.trace({x: X[:, 0]}), "dense"), 0)
