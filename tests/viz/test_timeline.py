"""The timeline shows the norms of a trace, in the order of the diagrams."""

import numpy as np
import pytest

import viz
from graphengine import Graph, Loop, Plan, errors, ops
from graphengine.loop import Delay
from layers import LSTMCell, dynamic_rnn
from tests.viz import models

ROWS = {
    "lstm": ["rnn c", "rnn h"],
    "multi": ["layer 1 c", "layer 1 h", "layer 0 c", "layer 0 h"],
    "bimulti": [f"layer {k} {way} {name}" for k in (1, 0) for way in ("fw", "bw") for name in "ch"],
    "bi_concat": [f"layer {k} {way} {name}" for k in (1, 0) for way in ("fw", "bw") for name in "ch"],
    "bi_states": ["fw h", "bw h"],
    "mixed": ["layer 2 c", "layer 2 h", "layer 1 h", "layer 0 h"],
    "reverse": ["reverse c", "reverse h"],
    "encoder_decoder": ["decoder h", "encoder h"],
    "free": ["fast", "slow"],
    "late": ["h"],
    "embedded": ["rnn c", "rnn h"],
}


@pytest.mark.parametrize("name", models.MODELS)
def test_it_shows_every_state_as_the_trace_has_it(name):
    trace = models.MODELS[name]()
    found = viz.timeline(trace)
    assert ROWS.get(name) in (None, [row.label for row in found.rows])
    assert any(isinstance(node.op, Delay) for node in trace.plan.nodes)
    for row, line, there in zip(found.rows, found.array, found.present, strict=True):
        gradients = trace.grad(row.path)
        np.testing.assert_array_equal(line[there], [np.linalg.norm(each) for each in gradients])
        assert there.sum() == len(gradients)
    assert found.array.shape == (len(found.rows), len(found.steps))


def test_where_rows_end_gradients_are_of_what_was_computed_and_values_are_held():
    trace = models.embedded()
    assert [row.path for row in viz.timeline(trace).rows] == ["rnn/c_1", "rnn/h_1"]
    found = viz.timeline(trace, "value")
    assert [row.path for row in found.rows] == ["rnn/c_1_held", "rnn/h_1_held"]
    np.testing.assert_allclose(found.array[1], [np.linalg.norm(each) for each in trace.value("rnn/h_1_held")])


def test_loops_of_unequal_length_share_an_axis():
    found = viz.timeline(models.encoder_decoder())
    assert found.present.tolist() == [[True, True, False], [True, True, True]]
    assert np.isnan(found.array[0, 2])
    assert "step" in [label.content for label in found.to_drawing().labels]


def test_any_value_of_a_loop_may_be_shown():
    trace = models.MODELS["multi"]()
    found = viz.timeline(trace, of=["rnn/layer0/f_pre", trace.graph["rnn/outputs"]])
    assert [row.path for row in found.rows] == ["rnn/layer1/h", "rnn/layer0/f_pre"]
    assert found.array[1, 2] == np.linalg.norm(trace.grad("rnn/layer0/f_pre", 2))


def test_a_trace_of_parts_is_shown_in_parts():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    plan = Plan(ops.sum(dynamic_rnn(LSTMCell(2), x, over="time")[0]))
    feeds = {x: models.draw(2, 5, 3)}
    whole = viz.timeline(plan.trace(feeds))
    norms = viz.timeline(plan.trace(feeds, norms_only=True))
    np.testing.assert_allclose(norms.array, whole.array)
    steps = viz.timeline(plan.trace(feeds, steps=[1, 3]))
    assert steps.present.tolist() == [[False, True, False, True, False]] * 2
    np.testing.assert_array_equal(steps.array[:, [1, 3]], whole.array[:, [1, 3]])
    kept = viz.timeline(plan.trace(feeds, keep=["rnn/h"]))
    assert kept.present.tolist() == [[False] * 5, [True] * 5]


def test_a_loop_that_ends_early_leaves_the_rest_empty():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("time",))
    with Loop(over="time") as loop:
        total = loop.delay(g.fill(()), name="total")
        new = ops.add(total, loop.slice(x), name="sum")
        loop.feed(total, new)
        loop.until(new > 2.5)
    trace = Plan(loop.last(new), wrt=[x]).trace({x: [1.0, 1.0, 1.0, 1.0]})
    found = viz.timeline(trace, scale="linear")
    assert found.present.tolist() == [[True, True, True, False]]
    assert viz.timeline(trace, "value").array[0, :3].tolist() == [1, 2, 3]


def test_what_means_nothing_is_told():
    trace = models.MODELS["lstm"]()
    with pytest.raises(errors.SettingError, match='what is "gradient" or "value", not \'grad\''):
        viz.timeline(trace, "grad")
    with pytest.raises(errors.SettingError, match="limits are two numbers above 0"):
        viz.timeline(trace, limits=(1, 1))
    with pytest.raises(errors.UnknownPathError, match="lives outside loops, so it has no steps"):
        viz.timeline(trace, of=["rnn/kernel"])
    with pytest.raises(errors.UnknownPathError, match="no tensor at 'rnn/x'"):
        viz.timeline(trace, of=["rnn/x"])
    with pytest.raises(errors.GradientError, match="this trace has none"):
        viz.timeline(trace.plan.trace({n.output: v for n, v in trace.context.feeds.items()}, gradients=False))


def test_a_graph_without_loops_has_no_timeline():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("n",))
    with pytest.raises(errors.UnknownPathError, match="no loop of this trace hands numbers on"):
        viz.timeline(Plan(ops.sum(x * x), wrt=[x]).trace({x: [1.0]}))


@pytest.mark.parametrize("what", ["gradient", "value"])
def test_what_a_plan_does_not_compute_is_no_empty_row(what):
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(LSTMCell(2), x, over="time")
    dynamic_rnn(LSTMCell(2), x, over="time")
    trace = Plan(ops.sum(outputs)).trace({x: models.draw(1, 3, 3)})
    with pytest.raises(errors.UnknownPathError, match="rnn_1/h is no part of this plan"):
        viz.timeline(trace, what, of=["rnn/h", "rnn_1/h"])
