"""A profile counts every call once, wherever one looks, and finds what is slow."""

from dataclasses import dataclass
from time import sleep

import numpy as np
import pytest

from graphengine import Elementwise, Graph, Loop, Plan, errors, ops
from graphengine.graph import apply
from graphengine.profile import Clock, Cost
from graphengine.program import Program
from layers import BiRNN, LSTMCell
from tests.graphengine.models import MODELS


def profiled(model, **given):
    return model.plan.profile(model.feeds, **{"repeats": 2, **model.given, **given})


def programs(model, **given):
    """The programs of a plan that has run."""
    model.plan.run(model.feeds, **model.given, **given)
    ((workspace,),) = model.plan.workspaces.idle.values()
    return [each.program for each in (workspace.forward, workspace.backward) if each is not None]


def close(some, other):
    assert some.calls == other.calls
    assert some.forward == pytest.approx(other.forward)
    assert some.backward == pytest.approx(other.backward)


def total(costs):
    return sum(costs.values(), Cost())


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_every_call_is_counted_once_in_every_table(name, gradients):
    model = MODELS[name]()
    profile = profiled(model, gradients=gradients)
    everything = profile.scopes[""]
    for costs in (profile.passes, profile.kinds, profile.nodes):
        close(total(costs), everything)
    shares = [cost.seconds / profile.seconds for cost in profile.kinds.values()] + [profile.outside / profile.seconds]
    assert sum(shares) == pytest.approx(1)
    assert profile.outside > 0
    assert profile.passes.keys() == ({"forward", "backward"} if gradients else {"forward"})
    assert (everything.backward > 0) == gradients
    if model.plan.repeatable:
        assert everything.calls == sum(len(each.calls) for each in programs(model, gradients=gradients))


def test_scopes_nest():
    profile = profiled(MODELS["concat"]())
    inside = ["birnn/layer0", "birnn/layer1"]
    directions = [f"{layer}/{direction}" for layer in inside for direction in ("fw", "bw")]
    assert {*inside, *directions} <= profile.scopes.keys()
    for path, cost in profile.scopes.items():
        above = profile.scopes[path.rpartition("/")[0]]
        assert above.calls >= cost.calls
        assert above.seconds >= cost.seconds * (1 - 1e-9)
    for layer in inside:
        of_layer = [cost.calls for path, cost in profile.scopes.items() if path.rpartition("/")[0] == layer]
        own = [node for node in profile.nodes if node.rpartition("/")[0] == layer]
        assert profile.scopes[layer].calls == sum(of_layer) + sum(profile.nodes[node].calls for node in own)


def test_what_stands_for_several_nodes_counts_where_they_stood():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = BiRNN(LSTMCell(2), LSTMCell(2))(x, over="time")
    profile = Plan(ops.sum(outputs)).profile({x: np.ones((2, 5, 3))}, repeats=1)
    for way in ("fw", "bw"):
        assert profile.nodes[f"birnn/{way}/pre"].calls == 5 + 5 + 1  # in every step and back, and for the weights
        assert "birnn/" + way + "/f" not in profile.nodes
    assert profile.kinds["lstmgates"].calls == sum(profile.nodes[f"birnn/{way}/c"].calls for way in ("fw", "bw"))


@dataclass(frozen=True)
class Slow(Elementwise):
    """Hands its input on after a while."""

    reads = ("",)
    seconds: float = 0.01

    def forward(self, out, x):
        sleep(self.seconds)
        np.copyto(out, x)

    def backward(self, i, dy, xs, y, out=None):
        return dy


def test_what_is_slow_stands_on_top():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("n",))
    with g.scope("quick"):
        y = ops.tanh(x)
    with g.scope("outer"):
        y = ops.sigmoid(y)
        with g.scope("slow"):
            y = apply(Slow(), y, name="lazy").output
    profile = Plan(ops.sum(y), wrt=[x]).profile({x: [1.0, 2.0]}, repeats=2)
    for by, first in {"pass": "forward", "kind": "slow", "node": "outer/slow/lazy"}.items():
        assert [line.split()[0] for line in profile.table(by).splitlines()[:2]] == [by, first]
    lines = profile.table("scope").splitlines()
    assert [line.split("  ")[0] for line in lines[1:5]] == ["the whole graph", "outer", "outer/slow", "quick"]
    slow = profile.scopes["outer/slow"]
    assert slow.forward > 0.01
    assert slow.forward > 10 * slow.backward


def test_a_loop_that_may_end_early_is_profiled_at_the_length_it_has():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch",))
    with Loop("time") as loop:
        before, over = loop.delay((x, g.fill(("batch",))))
        after = ops.tanh(before + over) + 1.0
        end = after > 1.5
        loop.feed((before, over), (after, ops.cast(end, "float64")))
        loop.until(end)
    plan = Plan(ops.sum(loop.last(after)), wrt=[x])
    profile = plan.profile({x: [0.1, -3.0]}, sizes={"time": 50}, repeats=2)
    assert profile.kinds["tanh"].calls == 3 + 3  # three steps, both ways
    assert not plan.workspaces.idle


def test_noise_is_the_same_in_all_repeats():
    profiled(MODELS["noisy"]())
    one = profiled(MODELS["noisy"](), seed=3)
    assert one.kinds["noise"].backward == 0


def test_a_long_table_adds_up_what_it_leaves_out():
    profile = profiled(MODELS["single"]())
    lines = profile.table("node", rows=3).splitlines()
    assert len(lines) == 1 + 3 + 1 + 1
    assert lines[4].startswith(f"{len(profile.nodes) - 3} more")
    calls = [int(line.split()[-1]) for line in lines[1:5]]
    assert sum(calls) == profile.scopes[""].calls
    assert len({len(line) for line in lines[:5]}) == 1  # aligned
    assert str(profile).count("outside calls") == 4


def test_refusals():
    model = MODELS["single"]()
    with pytest.raises(errors.SettingError, match="repeats is a number of runs from 1 up, not 0"):
        profiled(model, repeats=0)
    with pytest.raises(errors.SettingError, match="by is one of pass, scope, kind, node, not 'layer'"):
        profiled(model).table("layer")
    with pytest.raises(errors.FeedError, match="missing feed"):
        model.plan.profile({})


def test_a_call_that_runs_a_program_is_charged_for_the_rest():
    node = MODELS["single"]().plan.nodes[0]
    clock, outer, inner = Clock(), Program(), Program()
    inner.do(node, sleep, 0.01)
    outer.do(node, inner.repeat)
    outer.do(node, sleep, 0.001)
    (inside,), (around, after) = clock.watch(inner), clock.watch(outer)
    clock.start()
    outer.repeat()
    spent = clock.stop()
    assert spent[inside] > 0.01e9 > spent[around]
    assert spent[after] > 0.001e9
