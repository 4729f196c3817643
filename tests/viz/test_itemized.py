"""The itemized gradient is exact: against single sweeps, against finite differences, and where it must be nothing."""

import tracemalloc

import numpy as np
import pytest

import viz
from graphengine import Graph, Loop, Plan, errors, ops
from layers import BiRNN, Dense, GRUCell, LSTMCell, MultiRNNCell, dynamic_rnn, softmax_cross_entropy
from tests.viz import models
from viz.charts import sweeps

STEPS = 6


def tagger(between="independent", *, lengths=False, weights=False):
    """Two layers in both directions and a loss at every step; its plan, feeds and losses."""
    g = Graph("tagger", dtype="float64", seed=3)
    x, y = g.placeholder("x", ("batch", "time", 3)), g.placeholder("y", ("batch", "time"), "int64")
    rng = np.random.default_rng(2)
    feeds = {x: rng.normal(size=(3, STEPS, 3)), y: rng.integers(0, 4, (3, STEPS))}
    options = {}
    if lengths:
        options["lengths"] = g.placeholder("lengths", ("batch",), "int64")
        feeds[options["lengths"]] = [STEPS, 4, 0]
    cells = [MultiRNNCell([LSTMCell(4), GRUCell(3)]) for _ in range(2)]
    outputs, _ = BiRNN(*cells, between=between)(x, over="time", **options)
    losses = softmax_cross_entropy(Dense(4)(outputs), y, reduction="none", name="losses")
    if weights:
        weight = g.placeholder("weight", ("time",))
        feeds[weight] = np.eye(STEPS)[2]
        return Plan(ops.sum(losses * weight)), feeds, losses
    return Plan(ops.mean(losses)), feeds, losses


STATES = [f"birnn/{way}/layer{k}/{name}" for way in ("fw", "bw") for k, name in ((0, "c"), (0, "h"), (1, "h"))]


def norms(array):
    return np.linalg.norm(array.reshape(len(array), -1), axis=1)


@pytest.mark.parametrize("lengths", [False, True])
def test_it_is_what_single_sweeps_find(lengths):
    plan, feeds, losses = tagger(lengths=lengths)
    found = viz.itemized(plan, feeds, state=STATES, loss=losses)
    assert len(found.rows) == len(STATES)
    single = Plan(losses)
    for s in range(STEPS):
        seed = np.zeros((3, STEPS))
        seed[:, s] = 1 / (3 * STEPS)
        trace = single.trace(feeds, seeds={losses: seed})
        for row, array in zip(found.rows, found.arrays, strict=True):
            np.testing.assert_allclose(array[s], norms(trace.grad(row.path)), rtol=1e-12, atol=0)


def test_it_is_what_finite_differences_find():
    """A bump on h at step t moves the loss at step s by the product of bump and gradient."""
    g = Graph(dtype="float64", seed=1)
    x, bump = g.placeholder("x", (1, "time", 2)), g.placeholder("bump", (1, "time", 2))
    U = g.constant(np.random.default_rng(4).normal(size=(2, 2)))
    with Loop(over="time") as loop:
        before = loop.delay(g.fill((1, 2), 0.3), name="h_prev")
        h = ops.add(ops.tanh(loop.slice(x) + before @ U), loop.slice(bump), name="h")
        loop.feed(before, h)
    losses = ops.sum(loop.stack(h, axis=1) ** 3, axis=-1, name="losses")
    inputs, none = models.draw(1, 4, 2), np.zeros((1, 4, 2))
    found = viz.itemized(Plan(losses), {x: inputs, bump: none}, state="h").array
    plan, small = Plan(losses, wrt=[]), 1e-6
    expected = np.zeros((4, 4, 2))
    for t in range(4):
        for k in range(2):
            sides = []
            for sign in (1, -1):
                bumped = none.copy()
                bumped[0, t, k] = sign * small
                sides.append(plan.run({x: inputs, bump: bumped})[losses][0])
            expected[:, t, k] = (sides[0] - sides[1]) / (2 * small)
    np.testing.assert_allclose(found, np.linalg.norm(expected, axis=-1), rtol=1e-6, atol=1e-9)
    assert found[3, 0] > 1e-6


def test_a_loss_reaches_no_later_state_and_in_the_backward_direction_no_earlier_one():
    plan, feeds, losses = tagger()
    found = viz.itemized(plan, feeds, state=STATES, loss=losses)
    assert {row.direction for row in found.rows} == {"fw", "bw"}
    for row, array in zip(found.rows, found.arrays, strict=True):
        forward = array if row.direction == "fw" else array.T
        assert np.all(np.triu(forward, 1) == 0)
        assert np.all(np.tril(forward) + np.triu(np.ones_like(forward), 1) > 0)


def test_merged_after_every_layer_everything_below_reaches_everything():
    plan, feeds, losses = tagger("concat")
    found = viz.itemized(plan, feeds, state=["birnn/layer0/fw/h", "birnn/layer1/fw/h"], loss=losses)
    assert [row.label for row in found.rows] == ["layer 1 fw h", "layer 0 fw h"]
    assert np.all(found.arrays[0][np.triu_indices(STEPS, 1)] == 0)
    assert np.all(found.arrays[1] > 0)


def test_the_items_are_those_of_the_run():
    """Where one step alone weighs anything, its items are the gradient of the run, and the others are nothing."""
    plan, feeds, losses = tagger(weights=True)
    trace = plan.trace(feeds)
    found = viz.itemized(trace, state="birnn/fw/layer0/h", loss=losses).array
    np.testing.assert_allclose(found[2], norms(trace.grad("birnn/fw/layer0/h")), rtol=1e-12)
    assert np.all(found[[0, 1, 3, 4, 5]] == 0)


def test_a_trace_and_a_plan_say_the_same_with_noise_too():
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, state = dynamic_rnn(LSTMCell(4), ops.dropout(x, 0.5), over="time")
    loss = ops.mean(ops.dropout(outputs, 0.5) ** 2)
    plan, feeds = Plan(loss), {x: models.draw(2, 5, 3)}
    one = viz.itemized(plan, feeds, state=state, loss=outputs, seed=7)
    other = viz.itemized(plan.trace(feeds, seed=7), state="rnn/h", loss="rnn/outputs")
    assert [row.path for row in one.rows] == ["rnn/c", "rnn/h"]
    np.testing.assert_array_equal(one.arrays[1], other.array)
    third = viz.itemized(plan, feeds, state="rnn/h", loss=outputs, seed=8)
    assert not np.allclose(third.array, other.array)


def test_outputs_alone_count_once_each():
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(LSTMCell(4), x, over="time")
    found = viz.itemized(Plan(outputs), {x: models.draw(2, 5, 3)}, state="rnn/h").array
    np.testing.assert_allclose(np.diag(found), np.sqrt(2 * 4))


def test_memory_is_bounded(monkeypatch):
    plan, feeds, losses = tagger()
    whole = viz.itemized(plan, feeds, state=STATES, loss=losses)
    swept, trace = [], Plan.trace

    def watched(self, *args, seeds=None, **options):
        swept.extend(len(seed) for seed in (seeds or {}).values())
        return trace(self, *args, seeds=seeds, **options)

    monkeypatch.setattr(Plan, "trace", watched)
    monkeypatch.setattr(sweeps, "_SHARE", 10**12)
    parts = viz.itemized(plan, feeds, state=STATES, loss=losses)
    assert swept == [1] * STEPS
    for one, other in zip(whole.arrays, parts.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(errors.BudgetError, match="raise budget="):
        viz.itemized(plan, feeds, state=STATES, loss=losses, budget=1000)


def test_a_sweep_lets_go_of_what_it_has_passed(monkeypatch):
    """Beside the values, a sweep holds about what it was allowed, not the gradients of every node at every step."""
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 8))
    outputs, _ = dynamic_rnn(LSTMCell(16), x, over="time")
    plan, feeds = Plan(outputs), {x: models.draw(4, 60, 8)}
    allowed = 2**21
    monkeypatch.setattr(sweeps, "_SHARE", 2**31 // allowed)

    def peak(act):
        tracemalloc.start()
        act()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    values = peak(lambda: plan.trace(feeds, gradients=False))
    assert peak(lambda: viz.itemized(plan, feeds, state="rnn/h")) - values < 2.5 * allowed


def test_the_axis_of_the_loss_may_be_another_one():
    trace = models.encoder_decoder()
    outputs = trace.graph["decoder/outputs"]
    found = viz.itemized(trace, state="encoder/h", loss=outputs, over="target").array
    assert found.shape == (2, 3)
    assert np.all(found > 0)
    np.testing.assert_allclose(
        viz.itemized(trace, state="decoder/h", loss=outputs).array[1, 1],
        np.linalg.norm(trace.grad("decoder/h", 1)),
    )


def test_float32_and_rows_that_end():
    g = Graph(seed=1)
    x, lengths = g.placeholder("x", ("batch", "time", 3)), g.placeholder("lengths", ("batch",), "int64")
    outputs, _ = dynamic_rnn(LSTMCell(4), x, over="time", lengths=lengths)
    found = viz.itemized(Plan(outputs), {x: models.draw(2, 5, 3).astype("f4"), lengths: [2, 3]}, state="rnn/h").array
    assert np.all(found[3:] == 0)
    assert np.all(found[:, 3:] == 0)
    assert np.all(found[np.tril_indices(3)] > 0)


def broken(**changes):
    plan, feeds, losses = tagger()
    given = {"subject": plan, "feeds": feeds, "state": "birnn/fw/layer0/h", "loss": losses}
    return viz.itemized(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"loss": None}, errors.ShapeError, "mean float64.* has no steps to split; name what it is made of"),
        ({"over": "target"}, errors.ShapeError, "losses .* has no axis 'target' to split"),
        ({"state": "birnn/fw/layer0/kernel"}, errors.UnknownPathError, "lives outside loops, so it has no steps"),
        ({"state": "nowhere"}, errors.UnknownPathError, "no tensor at 'nowhere'"),
        ({"loss": "birnn/bw/outputs"}, errors.GradientError, "no gradient flows from birnn/bw/outputs to birnn/fw"),
        ({"scale": "square"}, errors.SettingError, 'scale is "log" or "linear", not'),
        ({"limits": (0, 1)}, errors.SettingError, "limits are two numbers above 0"),
    ],
)
def test_what_means_nothing_is_told(changes, error, message):
    with pytest.raises(error, match=message):
        broken(**changes)


def test_a_trace_needs_no_feeds_and_whole_gradients():
    plan, feeds, losses = tagger()
    with pytest.raises(errors.SettingError, match="a trace brings its feeds"):
        viz.itemized(plan.trace(feeds), feeds, state="birnn/fw/layer0/h", loss=losses)
    with pytest.raises(errors.SettingError, match="keeps norms only"):
        viz.itemized(plan.trace(feeds, norms_only=True), state="birnn/fw/layer0/h", loss=losses)
    with pytest.raises(errors.SettingError, match=r"read \.arrays"):
        broken(state=STATES).array
