"""Traces: a run as written, every value and every gradient, and what each edge contributes."""

import numpy as np
import pytest

from graphengine import Graph, Loop, Plan, check_gradients, ops
from graphengine.errors import UnknownPathError
from layers import LSTMCell, MultiRNNCell, discover, dynamic_rnn
from tests.graphengine.agreement import check_contributions, edges, near, same
from tests.graphengine.models import MODELS, T, birnn, single

every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_a_plan_and_a_trace_agree(name):
    model = MODELS[name]()
    same(model.plan, model.feeds, **model.given)


@every_model
def test_a_plan_without_gradients_agrees_too(name):
    model = MODELS[name]()
    same(model.plan, model.feeds, gradients=False, **model.given)


@every_model
def test_gradients_agree_with_finite_differences(name):
    model = MODELS[name]()
    assert max(check_gradients(model.plan, model.feeds, **model.given).values()) < 1e-6


@pytest.mark.parametrize("cell", discover().values(), ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("between", ["independent", "concat"])
def test_every_cell_agrees_in_bidirectional_stacks(cell, between):
    model = birnn(between, lengths=[T, 1, 2], cell=cell)
    same(model.plan, model.feeds, **model.given)


@pytest.mark.parametrize("between", ["independent", "concat"])
@pytest.mark.parametrize("lengths", [None, [T, 0, 2]], ids=["whole", "padded"])
def test_contributions_add_up_to_the_gradient_of_every_tensor_of_a_two_layer_birnn(between, lengths):
    model = birnn(between, lengths=lengths)
    trace = model.plan.trace(model.feeds)
    inner = [tensor for tensor in model.plan.active if tensor.loop is not None]
    outer = [tensor for tensor in model.plan.active if tensor.loop is None and tensor not in model.plan.targets]
    assert len({tensor.loop for tensor in inner}) == (2 if between == "independent" else 4)
    assert check_contributions(model.plan, trace) == len(inner) * T + len(outer)


@every_model
def test_contributions_add_up(name):
    model = MODELS[name]()
    assert check_contributions(model.plan, model.plan.trace(model.feeds, seed=7, **model.given)) > 10


def test_contributions_add_up_for_many_seeds_at_once():
    model = birnn("concat")
    outputs = model.plan.also[0]
    plan = Plan(outputs, wrt=Plan(outputs).parameters)
    x = next(iter(plan.placeholders))
    trace = plan.trace({x: model.feeds[x]}, seeds={outputs: np.random.default_rng(0).standard_normal((2, 3, T, 4))})
    assert trace.grad("birnn/layer1/fw/h", 1).shape == (2, 3, 2)
    check_contributions(plan, trace)


def test_the_articles_gradient_names_are_readings_of_a_trace():
    """Time parts and depth parts of a gradient stand on edges of their own (article: dht(int), dht(ext), dxt)."""
    model = MODELS["words multi"]()
    plan, trace = model.plan, model.plan.trace(model.feeds)
    g = plan.graph
    h, lower = g["rnn/layer1/h"], g["rnn/layer0/h"]
    uses = {node.path: (node, i) for node, i in edges(plan, h) if trace.edge_carries(node, i)}
    assert set(uses) == {"rnn/layer1/h_prev", "rnn/layer1/h_last"}
    delay, last = uses["rnn/layer1/h_prev"], uses["rnn/layer1/h_last"]
    for t in range(3):
        into_the_next_step = trace.contribution(*delay, t + 1) if t < 2 else 0.0
        near(trace.grad(h, t), into_the_next_step + trace.contribution(*last, t))
    assert not trace.contribution(*last, 0).any()
    near(trace.contribution(*delay, 2), trace.grad("rnn/layer1/h_prev", 2))
    near(trace.contribution(*last, 2), trace.grad("rnn/layer1/h", 2))
    depth = [(node, i) for node, i in edges(plan, lower) if node.path.startswith("rnn/layer1/")]
    ((product, i),) = depth
    near(
        trace.contribution(product, i, 1),
        np.hstack([trace.grad(f"rnn/layer1/{name}_pre", 1) for name in ("f", "i", "cproj", "o")])
        @ trace.value("rnn/layer1/kernel").T,
    )


def test_positions_are_those_of_the_input_in_both_directions():
    model = birnn("independent")
    plan, trace = model.plan, model.plan.trace(model.feeds)
    (x,) = [tensor for tensor in plan.placeholders if tensor.name == "x"]
    for direction in ("fw", "bw"):
        for t in range(T):
            near(trace.value(f"birnn/{direction}/x_t", t), model.feeds[x][:, t])
            near(trace.value(f"birnn/{direction}/x_t", t - T), model.feeds[x][:, t])
        near(trace.value(f"birnn/{direction}/x_t"), np.moveaxis(model.feeds[x], 1, 0))
        stacked = trace.grad(f"birnn/{direction}/layer0/h")
        near(stacked, np.stack([trace.grad(f"birnn/{direction}/layer0/h", t) for t in range(T)]))
    fw, bw = (plan.graph[f"birnn/{direction}/x_t"].loop for direction in ("fw", "bw"))
    assert list(trace.positions(fw)) == [0, 1, 2, 3]
    assert list(trace.positions(bw)) == [3, 2, 1, 0]
    near(trace.value("birnn/bw/layer0/h_prev", 1), trace.value("birnn/bw/layer0/h", 2))
    assert not trace.value("birnn/bw/layer0/h_prev", 3).any()


def test_a_trace_hands_out_copies():
    model = single()
    trace = model.plan.trace(model.feeds)
    for ask in (trace.value, trace.grad):
        for where in (("rnn/h", 1), ("rnn/h",), ("rnn/kernel",)):
            before = ask(*where)
            kept = before.copy()
            before[...] = 9
            assert np.array_equal(ask(*where), kept)
    node = model.plan.graph["rnn/h"].node
    before = trace.contribution(node, 0, 1)
    kept = before.copy()
    before[...] = 9
    assert np.array_equal(trace.contribution(node, 0, 1), kept)


def test_a_trace_shows_parameters_as_they_were():
    model = single()
    parameter = model.plan.parameters[0]
    trace = model.plan.trace(model.feeds)
    before = parameter.value.copy()
    parameter.assign(before * 0)
    assert np.array_equal(trace.value("rnn/kernel"), before)
    near(trace.grad(parameter), trace.grad("rnn/kernel"))


def test_keep_and_steps_narrow_a_trace_and_change_no_number():
    model = birnn("independent")
    whole = model.plan.trace(model.feeds)
    trace = model.plan.trace(model.feeds, keep=["birnn/fw/layer1", "birnn/bw/layer0/f"], steps=[0, 2])
    for path in ("birnn/fw/layer1/f", "birnn/fw/layer1/c_prev", "birnn/bw/layer0/f"):
        for t in (0, 2):
            near(trace.value(path, t), whole.value(path, t), 0)
            near(trace.grad(path, t), whole.grad(path, t), 0)
        with pytest.raises(UnknownPathError, match=r"told not to keep it \(keep=, steps=\)"):
            trace.value(path, 1)
        with pytest.raises(UnknownPathError, match="told not to keep it"):
            trace.value(path)
    for path in ("birnn/bw/layer0/f_pre", "birnn/fw/layer0/f"):
        with pytest.raises(UnknownPathError, match="told not to keep it"):
            trace.value(path, 0)
    with pytest.raises(UnknownPathError, match="keeps only some"):
        trace.contribution(model.plan.graph["birnn/fw/layer1/h"].node, 0, 2)


def test_norms_only_keeps_norms():
    model = birnn("concat", lengths=[T, 1, 3])
    whole, trace = model.plan.trace(model.feeds), model.plan.trace(model.feeds, norms_only=True)
    for tensor in model.plan.active:
        if tensor.loop is None:
            near(trace.grad(tensor), np.linalg.norm(whole.grad(tensor)))
            near(trace.value(tensor), np.linalg.norm(whole.value(tensor)))
        else:
            near(trace.grad(tensor), [np.linalg.norm(whole.grad(tensor, t)) for t in range(T)])
            near(trace.value(tensor, 1), np.linalg.norm(whole.value(tensor, 1)))


def test_a_trace_estimates_its_bytes():
    model = birnn("independent")
    trace = model.plan.trace(model.feeds)
    tensors = [tensor for node in model.plan.nodes for tensor in node.outputs]
    values = sum(trace.value(tensor).nbytes for tensor in tensors)
    gradients = sum(trace.grad(tensor).nbytes for tensor in tensors if trace.carries(tensor))
    gate = trace.grad("birnn/fw/layer0/f").nbytes
    for needed, given in (
        (values + gradients, {}),
        (values, {"gradients": False}),
        (values + gate, {"keep": ["birnn/fw/layer0/f"]}),
        (values + gate // T * 2, {"keep": ["birnn/fw/layer0/f"], "steps": [0, 3]}),
    ):
        model.plan.trace(model.feeds, budget=needed, **given)
        with pytest.raises(MemoryError, match=f"would hold {needed:,} bytes, beyond the budget of {needed - 1:,}"):
            model.plan.trace(model.feeds, budget=needed - 1, **given)


def test_values_only():
    model = single()
    trace = model.plan.trace(model.feeds, gradients=False)
    assert trace.value("rnn/h", 2).shape == (3, 3)
    assert not trace.carries("rnn/h")
    assert trace.shape("rnn/h") == (3, 3)


def test_noise_of_a_trace_costs_one_draw():
    """Not one draw of all steps per step: that would make long traces slow."""
    from graphengine.sources import Noise

    draws = []

    class Counted(Noise):
        def value(self, node, run):
            draws.append(node)
            return super().value(node, run)

    g = Graph(dtype="float64")
    x = g.placeholder("x", ("time",))
    with Loop("time") as loop:
        step = loop.slice(x)
        noise = g.add(Counted(step.spec), (), loop=loop).output
        y = step + noise
    plan = Plan(loop.stack(y), wrt=[])
    plan.trace({x: np.zeros(50)})
    assert len(draws) == 1


def test_a_long_trace_of_a_stack():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    _, states = dynamic_rnn(MultiRNNCell([LSTMCell(3), LSTMCell(3)]), x, over="time")
    plan = Plan(ops.sum(states[-1].h))
    _run, trace = same(plan, {x: np.random.default_rng(0).standard_normal((2, 60, 2))})
    norms = [np.linalg.norm(trace.grad("rnn/layer1/h", t)) for t in range(60)]
    assert norms[0] < norms[-1]
