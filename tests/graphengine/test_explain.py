"""Explanations: the text, and that what it lists adds up to the gradient that it explains."""

import dataclasses
import re

import numpy as np
import pytest

from graphengine import Graph, Loop, Parameter, Plan, equations, ops
from graphengine.errors import UnknownPathError
from graphengine.graph import apply
from graphengine.ops import fused
from layers import LSTMCell, dynamic_rnn
from tests.graphengine.agreement import near
from tests.graphengine.models import MODELS, B, T, birnn, single
from tests.graphengine.op_rows import Draw, Row
from tests.graphengine.ops_table import ROWS

STATE = """\
rnn/layer0/c at t = 1, float64[batch, 5]

  c = kept + written
    c        0.21 ×5     1×5  ‖·‖ 0.469
    kept     0.084 ×5    1×5  ‖·‖ 0.188
    written  0.126 ×5    1×5  ‖·‖ 0.281

  gradient, the sum of 2 parts
    dc       −0.0376 ×5  1×5  ‖·‖ 0.0841
  from rnn/layer0/c_prev at t = 2, the next step: d(rnn/layer0/c)_t = dc_prev_{t+1}
             −0.0162 ×5  1×5  ‖·‖ 0.0361
  from rnn/layer0/c_act at t = 1: dc = dc_act ⊙ (1 - c_act²)
             −0.0215 ×5  1×5  ‖·‖ 0.048"""

KERNEL = """\
rnn/layer1/recurrent_kernel, float64[5, 20]

  a parameter
    recurrent_kernel   0.1 ×100                        5×20  ‖·‖ 1

  gradient
    drecurrent_kernel  [−5.56e−4 −7.91e−4 −6.79e−4 …]  5×20  ‖·‖ 0.0684
  from rnn/layer1/Uh at t = 0 … 2: drecurrent_kernel = h_prevᵀ dUh
                       [−5.56e−4 −7.91e−4 −6.79e−4 …]  5×20  ‖·‖ 0.0684
    ‖·‖ at t = 0: 0, 1: 0.0185, 2: 0.0502"""


def traced(name, **given):
    model = MODELS[name]()
    return model.plan.trace(model.feeds, seed=7, **model.given, **given)


def test_a_state_of_the_article():
    trace = traced("words multi")
    found = trace.explain("rnn/layer0/c", 1)
    assert str(found) == repr(found) == found.text == STATE
    assert not hasattr(found, "_repr_html_")
    assert trace.explain("rnn/layer0/c", -2).text == STATE
    assert trace.explain(trace.graph["rnn/layer0/c"], 1).text == STATE


def test_the_short_form_is_its_beginning():
    found = traced("words multi").explain("rnn/layer0/c", 1)
    assert found.short.split("\n") == [*STATE.split("\n")[:9], "…"]
    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    many = ops.concat([ops.tanh(x) for _ in range(30)], name="many")
    trace = Plan(ops.sum(many), wrt=[x]).trace({x: np.ones(2)})
    text = trace.explain("many").text.split("\n")
    assert len(text) > 30
    assert trace.explain("many").short.split("\n") == [*text[:12], "…"]
    whole = dataclasses.replace(trace.explain("x"), contributions=())
    assert whole.short == whole.text


def test_a_parameter_tells_its_steps():
    trace = traced("words multi")
    place = trace.graph["rnn/layer1/recurrent_kernel"]
    found = trace.explain(place.node.op.parameter)
    assert found.text == trace.explain(place.path).text
    (use,) = found.contributions
    assert use.positions == (0, 1, 2)
    near(use.norms, [np.linalg.norm(trace.contribution(use.node, 1, t)) for t in range(3)])
    near(found.gradient, trace.grad(place))
    assert found.text == KERNEL


@pytest.mark.parametrize("name", MODELS)
def test_contributions_add_up_to_every_gradient(name):
    trace = traced(name)
    compared = 0
    for node in trace.plan.nodes:
        for tensor in node.outputs:
            for t in [None] if tensor.loop is None else trace.positions(tensor.loop)[:3]:
                found = trace.explain(tensor, t)
                near(found.value, trace.value(tensor, t))
                assert (found.gradient is not None) == trace.carries(tensor) == (not found.missing)
                if found.gradient is not None:
                    near(found.gradient, trace.grad(tensor, t))
                    total = sum((each.gradient for each in found.contributions), start=np.zeros_like(found.gradient))
                    near(total, found.gradient, what=f"{tensor.path} at {t}")
                    compared += 1
                for each in found.inputs:
                    near(each.value, trace.value(each.tensor, each.t))
                lines = found.text.splitlines()
                assert lines[0].startswith(tensor.path)
                assert len(lines) >= 6
    assert compared > 20


def test_norms_of_steps_belong_to_their_positions_in_both_directions():
    trace = traced("concat")
    for direction in ("fw", "bw"):
        kernel = trace.graph[f"birnn/layer1/{direction}/kernel"]
        (use,) = trace.explain(kernel).contributions
        assert sorted(use.positions) == list(range(T))
        for t, size in zip(use.positions, use.norms, strict=True):
            near(size, np.linalg.norm(trace.contribution(use.node, use.input, t)))
    text = trace.explain("birnn/layer1/bw/kernel").text
    wanted = [f"{np.linalg.norm(trace.contribution(use.node, use.input, t)):.2g}" for t in range(T)]
    shown = re.search(r"‖·‖ at t = (.*)", text)[1].split(", ")
    assert [f"{float(each.split(': ')[1].replace('−', '-')):.2g}" for each in shown] == wanted
    assert [int(each.split(":")[0]) for each in shown] == list(range(T))


def test_many_steps_are_shortened():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    _, state = dynamic_rnn(LSTMCell(2), x, over="time")
    trace = Plan(ops.sum(state.h)).trace({x: np.ones((1, 40, 2))})
    line = trace.explain("rnn/kernel").text.splitlines()[-1]
    assert re.fullmatch(r"    ‖·‖ at t = 0: \S+, 1: .*, 3: \S+, … \(32 more\) …, 36: .*, 39: \S+", line)


def test_delays_say_which_step_they_come_from():
    trace = traced("words bi")
    for direction, first, second in (("fw", 0, 1), ("bw", 2, 1)):
        path = f"birnn/{direction}"
        (given,) = trace.explain(f"{path}/h_prev", second).inputs
        assert (given.tensor.path, given.t) == (f"{path}/h", first)
        assert f"h at t = {first}" in trace.explain(f"{path}/h_prev", second).text
        (given,) = trace.explain(f"{path}/h_prev", first).inputs
        assert (given.tensor.name, given.tensor.loop, given.t) == ("h", None, None)
        assert f"{path}/h_prev at t = {second}, the next step" in trace.explain(f"{path}/h", first).text


def test_a_learned_state_is_explained_by_the_first_step():
    trace = traced("learned")
    found = trace.explain("rnn/layer1/h")
    (use,) = found.contributions
    assert (use.node.path, use.positions) == ("rnn/layer1/h_prev", (0,))
    assert "from rnn/layer1/h_prev at t = 0, the first step: d" in found.text
    near(use.gradient, trace.grad("rnn/layer1/h_prev", 0))


def test_a_target_has_a_part_from_outside():
    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    y = ops.multiply(x, -2.0, name="y")
    plan = Plan([y, ops.sum(y * y)], wrt=[x])
    found = plan.trace({x: [1.0, 2.0]}, seeds={y: [10.0, 20.0]}).explain("y")
    outside, *uses = found.contributions
    assert outside.node is None
    assert outside.gradient.tolist() == [10, 20]
    near(found.gradient, [10 - 4, 20 - 8])
    assert [each.input for each in uses] == [0, 1]
    near(sum(each.gradient for each in uses), [-4, -8])
    assert "from outside, because it is a target" in found.text
    assert "y = x ⊙ (−2)" in found.text
    assert [line.split()[0] for line in found.text.splitlines()[3:5]] == ["y", "x"]  # the number has no row of its own


def test_many_seeds_at_once():
    model = birnn("concat")
    outputs = model.plan.also[0]
    plan = Plan(outputs, wrt=Plan(outputs).parameters)
    x = next(iter(plan.placeholders))
    trace = plan.trace({x: model.feeds[x]}, seeds={outputs: np.random.default_rng(0).standard_normal((2, B, T, 4))})
    found = trace.explain("birnn/layer0/bw/c", 1)
    assert found.gradient.shape == (2, B, 3)
    near(sum(each.gradient for each in found.contributions), found.gradient)


def test_all_steps_at_once_and_the_last_one():
    trace = traced("single")
    found = trace.explain("rnn/outputs")
    assert "outputs[t] = h_t" in found.text
    assert "h at all t" in found.text
    assert "it leads to no target" in found.missing
    (given,) = trace.explain("rnn/h_last").inputs
    assert given.t == T - 1
    assert [each.node.path for each in trace.explain("rnn/h", T - 1).contributions] == ["rnn/h_last"]
    assert [each.node.path for each in trace.explain("rnn/h", 0).contributions] == ["rnn/h_prev"]


def test_what_has_no_gradient_says_why():
    model = single()
    trace = model.plan.trace(model.feeds)
    assert "only floats have one, and this is int64" in trace.explain("y").text
    frozen = Plan(model.plan.targets, wrt=[model.plan.parameters[-1]])
    assert "nothing that the plan differentiates leads here" in frozen.trace(model.feeds).explain("rnn/h", 0).text
    values = model.plan.trace(model.feeds, gradients=False)
    assert "no gradient: the trace was made without any" in values.explain("rnn/h", 0).text


def test_a_gradient_of_nothing():
    """The state c of a step after which the loop ends is used for h only, and h of the last step by nobody else."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("time", 2))
    with Loop("time") as loop:
        h = loop.delay(g.fill((2,)))
        after = ops.tanh(loop.slice(x) + h, name="after")
        loop.feed(h, after)
    trace = Plan(ops.sum(loop.stack(h)), wrt=[x]).trace({x: np.ones((3, 2))})
    found = trace.explain("after", 2)
    assert not found.gradient.any()
    assert not found.contributions
    assert "gradient, 0 because nothing that counts uses it" in found.text
    assert trace.explain("after", 1).gradient.all()


def test_refusals():
    model = single()
    trace = model.plan.trace(model.feeds)
    with pytest.raises(UnknownPathError, match="rnn/h: say at which position t"):
        trace.explain("rnn/h")
    with pytest.raises(UnknownPathError, match="has 4 steps, none at 4"):
        trace.explain("rnn/h", 4)
    with pytest.raises(UnknownPathError, match="lives outside loops, so it has no position 0"):
        trace.explain("rnn/kernel", 0)
    with pytest.raises(UnknownPathError, match="did you mean rnn/h"):
        trace.explain("rnn/hh", 0)
    with pytest.raises(UnknownPathError, match="w is no parameter of this graph"):
        trace.explain(Parameter("w", np.ones(2)))
    with pytest.raises(UnknownPathError, match="keeps only norms"):
        model.plan.trace(model.feeds, norms_only=True).explain("rnn/h", 0)


def node_of(row: Row):
    op, xs = row.draw(Draw(3, equal=2))
    g = Graph(dtype="float64")
    inputs = [g.placeholder(f"first{'x' * k}", x.shape, x.dtype) for k, x in enumerate(xs)]
    return apply(op, *inputs)


# Fused ops stand in no graph as it was written.
WRITTEN = [row for row in ROWS if not issubclass(row.op, fused.Fused)]


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.op.__name__)
def test_equations_of_every_op_name_what_they_are_about(row):
    node = node_of(row)
    said = equations.equation(node)
    assert not re.search(r"(?<![A-Za-z])y(?![A-Za-z])", said), f"{said}: y is not named"
    for i, tensor in enumerate(node.inputs):
        if node.op.carries(i) and tensor.spec.floating:
            text = equations.gradient(node, i)
            assert re.search(rf"d\(?{tensor.name}(?!x)", text), f"{text}: which is not about {tensor.name}"
            assert not re.search(r"d ?(x|a|b|y|new|previous)(?![A-Za-z\u0302])", text), text


def test_names_are_as_short_as_they_can_be_and_differ():
    g = Graph()
    x = g.placeholder("x", (2,))
    with g.scope("below"):
        inner = ops.identity(x, name="x")
    y = ops.concat([x, inner, inner * 2.0], name="y")
    assert list(equations.names(y.node).values()) == ["y", "x", "below/x", "multiply"]
    assert equations.equation(y.node) == "y = [x; below/x; multiply]"
    assert equations.gradient(y.node, 1) == "dx, d(below/x), dmultiply = the parts of dy"
    parts = ops.split(y, 3, names=("a", "b", "c"))
    assert equations.equation(parts[0].node) == "a, b, c = the parts of y"
    assert equations.gradient(parts[0].node, 0) == "dy = [da; db; dc]"


def test_broadcasting_is_mentioned():
    g = Graph()
    x, bias = g.placeholder("x", ("batch", 2)), g.placeholder("bias", (2,))
    node = ops.add(x, bias, name="y").node
    assert equations.gradient(node, 0) == "dx = dy"
    assert equations.gradient(node, 1) == "dbias = dy, summed over the axes along which it is repeated"


def test_the_border_of_a_loop_in_words():
    g = Graph()
    sentence, start = g.placeholder("sentence", ("time", 2)), g.placeholder("start", (2,))
    with Loop("time") as loop:
        word, before = loop.slice(sentence, name="word"), loop.delay(start, name="before")
        after = ops.add(word, before, name="after")
        loop.feed(before, after)
    every, last = loop.stack(after, name="every"), loop.last(after, name="last")
    said = {
        word: ("word = sentence[t]", "dsentence[t] = dword"),
        before: ("before_t = after_{t-1}, before_0 = start", "dstart = dbefore_0", "dafter_t = dbefore_{t+1}"),
        every: ("every[t] = after_t", "dafter_t = devery[t]"),
        last: ("last = after_T", "dafter_T = dlast"),
    }
    for tensor, (equation, *gradients) in said.items():
        assert equations.equation(tensor.node) == equation
        assert [equations.gradient(tensor.node, i) for i in range(len(gradients))] == gradients
