"""Loops that run some steps at a time: the same numbers, in less memory."""

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, errors, ops, parallel
from graphengine.errors import GradientError
from graphengine.passes.segment import Section, segment_size
from layers import LSTMCell, MultiRNNCell, dynamic_rnn
from tests.graphengine.agreement import near, same
from tests.graphengine.models import MODELS
from tests.graphengine.random_graphs import RandomGraph
from tests.graphengine.recurrences import recurrence


def sections(plan):
    return [item for item in plan.lowered.sections if isinstance(item, Section)]


@pytest.mark.parametrize("segment", [1, 2, 3, "sqrt", 99])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_agrees_with_its_trace(name, segment):
    model = MODELS[name]()
    plan = Plan(model.plan.targets, also=model.plan.also, wrt=model.plan.differentiated, segment=segment)
    assert sections(plan)
    for _ in range(2):  # worked out, and repeated
        same(plan, model.feeds, **model.given)
    same(plan, model.feeds, gradients=False, **model.given)


@pytest.mark.parametrize("seed", range(30))
def test_random_recurrences(seed):
    x, target, outputs = recurrence(seed)
    X = np.random.default_rng(1).standard_normal((3, 5, 2))
    for segment in (1, 2, 4):
        plan = Plan(target, also=outputs, segment=segment)
        for _ in range(2):
            same(plan, {x: X})


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed):
    """Loops that read each other, delays of delays, early ends, values of every rank, many seeds at once."""
    drawn = RandomGraph(seed)
    targets = list(dict.fromkeys(drawn.targets))
    wrt = [*Plan(targets).parameters]
    for tensor in Plan(targets, wrt=[]).placeholders:
        try:
            Plan(targets, wrt=[tensor])
        except GradientError:
            continue
        wrt.append(tensor)
    plan = Plan(targets, wrt=wrt, segment=1 + seed % 3)
    for sizes in ({"batch": 2, "time": 7, "steps": 5}, {"batch": 3, "time": 3, "steps": 3}):
        feeds = {tensor: value for tensor, value in drawn.feeds(sizes).items() if tensor in plan.placeholders}
        given = {"sizes": {name: size for name, size in sizes.items() if name in plan.names}}
        same(plan, feeds, seeds=drawn.seeds(targets, sizes), **given)
        same(plan, feeds, seeds=drawn.seeds(targets, sizes, lead=(2,)), **given)


def two_layers(**options):
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, states = dynamic_rnn(MultiRNNCell([LSTMCell(4), LSTMCell(4)]), x, over="time")
    return x, Plan(ops.sum(states[-1].h * states[-1].c) + ops.mean(outputs), **options)


@pytest.mark.parametrize("time", [0, 1, 2, 5, 6, 7])
def test_lengths_around_a_segment(time):
    x, plan = two_layers(segment=3, also=())
    X = np.random.default_rng(0).standard_normal((2, time, 3))
    if time:
        same(plan, {x: X})
    else:
        with pytest.raises(errors.FeedError, match="no steps"):
            plan.run({x: X})


def test_one_plan_runs_many_lengths():
    x, plan = two_layers(segment=4)
    rng = np.random.default_rng(0)
    for time in (9, 4, 17, 9, 5):
        same(plan, {x: rng.standard_normal((2, time, 3))})


def test_a_segment_is_bound_once_and_repeated():
    """The number of calls does not depend on the number of steps."""
    x, plan = two_layers(segment=5)
    counts = []
    for time in (10, 40):
        plan.release()
        plan.run({x: np.zeros((2, time, 3))})
        ((workspace,),) = plan.workspaces.idle.values()
        parts = [*workspace.forward.parts(), *workspace.backward.parts()]
        counts.append(sum(len(part.program.calls) for part in parts))
    assert counts[0] == counts[1]


def test_sqrt_leaves_a_short_rest():
    for steps in (1, 2, 3, 10, 99, 100, 101, 997, 1000, 9973, 10000):
        size = segment_size("sqrt", steps, gradients=True)
        assert 1 <= size <= 1.25 * steps**0.5 + 1
        assert size + steps % size <= 1.5 * steps**0.5 + 2


def test_a_loop_that_waits_for_something_in_between_is_left_whole():
    """A value that leaves the loop and comes back to it needs all steps at once."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2)))
        after = ops.tanh(h * 0.5 + loop.slice(x))
        loop.feed(h, after)
        weights = ops.softmax(loop.stack(after), axis=1)
        total = loop.delay(g.fill(("batch", 2)))
        loop.feed(total, total * 0.9 + loop.slice(weights))
    plan = Plan(ops.sum(loop.stack(total) * x), wrt=[x], segment=2)
    assert not sections(plan)
    same(plan, {x: np.random.default_rng(0).standard_normal((3, 5, 2))})


def test_a_loop_that_may_end_early_is_left_whole():
    model = MODELS["attention"]()
    plan = Plan(model.plan.targets, segment=2)
    assert [section.loop.over for section in sections(plan)] == ["time"]


def test_values_only_keep_one_segment():
    """Longer than the segment that runs without gradients take by default."""
    x, plan = two_layers()
    X = np.random.default_rng(0).standard_normal((2, 700, 3))
    run, values = plan.run({x: X}), plan.run({x: X}, gradients=False)
    near(values[plan.targets[0]], run[plan.targets[0]])
    short, long = (plan.memory(gradients=False, batch=2, time=time).peak for time in (700, 7000))
    assert long - short < 1.05 * 8 * 2 * (3 + 4) * (7000 - 700), "grew by more than its input and its output"


def test_errors_name_the_node_once():
    g = Graph(dtype="float64")
    ids = g.placeholder("ids", ("batch", "time"), dtype="int64")
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2)))
        looked_up = ops.gather(g.constant(np.eye(2)), loop.slice(ids), name="looked_up")
        loop.feed(h, ops.tanh(h + looked_up))
    plan = Plan(ops.sum(loop.last(h)), segment=2, wrt=[])
    plan.run({ids: np.ones((1, 6), int)})
    for length in (6, 8):  # repeated, and worked out
        with pytest.raises(errors.GraphError) as caught:
            plan.run({ids: np.full((1, length), 7)})
        assert str(caught.value).count("looked_up") == 1


@pytest.mark.parametrize("segment", [0, -1, 2.5, True, "all"])
def test_other_segments_are_errors(segment):
    with pytest.raises(errors.SettingError, match="segment is a number of steps from 1 up"):
        two_layers(segment=segment)


@pytest.mark.parametrize("name", ["independent", "concat", "padded", "bimulti"])
def test_segments_of_both_directions_side_by_side(name, monkeypatch):
    """Loops that do not wait for each other may run in two threads, segment by segment, bit for bit the same."""
    monkeypatch.setattr(parallel, "FINE", 0)
    monkeypatch.setattr(parallel, "SHORT", 0)
    model = next(MODELS[each] for each in MODELS if name in each)()
    plans = [
        Plan(model.plan.targets, also=model.plan.also, wrt=model.plan.differentiated, segment=2, threads=threads)
        for threads in (1, 2)
    ]
    for _ in range(4):
        one, two = (plan.run(model.feeds, seed=1, **model.given) for plan in plans)
        for tensor in (*model.plan.targets, *model.plan.also):
            np.testing.assert_array_equal(one[tensor], two[tensor])
        for tensor in model.plan.differentiated:
            np.testing.assert_array_equal(one.grad(tensor), two.grad(tensor))
    ((workspace,),) = plans[1].workspaces.idle.values()
    assert workspace.forward.program.together is not None


def test_a_profile_looks_into_segments():
    x, plan = two_layers(segment=4)
    feeds = {x: np.zeros((2, 10, 3))}
    profile = plan.profile(feeds, repeats=3)
    (kind,) = {node.op.kind for node in plan.lowered.nodes if "Gates" in str(node.op)}
    assert profile.kinds[kind].calls >= 2 * (10 + 10 + 8), "two layers: forth, back, all but the last segment again"
    parts = sum(cost.seconds for cost in profile.passes.values()) + profile.outside
    assert parts == pytest.approx(profile.seconds)
