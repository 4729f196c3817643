"""Two graphs compared: what differs, as data and in words."""

from collections import Counter

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, ops
from layers import LSTMCell, RNNCell, dynamic_rnn
from tests.viz import models
from tests.viz.variants import CASES, lstm, model
from viz.compare.changes import Comparison

cases = pytest.mark.parametrize("case", CASES)


def compared(case):
    return Comparison(*(make() for make in CASES[case]))


def names(comparison, status):
    return [change.name for change in comparison.of(status)]


def aspects(comparison):
    """What differs by name of the value, in one respect each."""
    return {
        (change.name, aspect.what): (aspect.before, aspect.after)
        for change in comparison.of("changed")
        for aspect in change.aspects
    }


@cases
def test_every_node_of_either_graph_is_there_once(case):
    found = compared(case)
    for subject, side in ((found.a, "a"), (found.b, "b")):
        nodes = [getattr(change, side) for change in found.changes]
        assert Counter(node for node in nodes if node is not None) == Counter(subject.nodes)
    for change in found.changes:
        assert (change.a is None, change.b is None) == (change.status == "added", change.status == "removed")
        assert bool(change.aspects) == (change.status == "changed")


@cases
def test_the_other_way_round_added_and_removed_change_places(case):
    there, back = compared(case), Comparison(*(make() for make in reversed(CASES[case])))
    assert Counter(names(there, "added")) == Counter(names(back, "removed"))
    assert Counter(names(there, "removed")) == Counter(names(back, "added"))
    assert len(there.of("changed")) == len(back.of("changed"))
    assert there.parameters == back.parameters[::-1]


@pytest.mark.parametrize("name", models.MODELS)
def test_a_model_is_the_same_as_itself(name):
    found = Comparison(*(models.MODELS[name]() for _ in range(2)))
    assert found.identical
    assert all(change.a.path == change.b.path for change in found.changes)
    assert viz.diff(found.a.graph, found.b.graph).summary.endswith("\nnothing differs")


def test_peepholes():
    found = compared("peephole")
    assert {change.name: change.aspects[0].after for change in found.of("changed")} == {
        "f": "c_prev", "i": "c_prev", "o": "c",
    }  # fmt: skip
    assert all(aspect.what == "reads" and not aspect.before for c in found.of("changed") for aspect in c.aspects)
    new = [(f"p_{gate}", f"{gate}_c", f"{gate}_peep") for gate in "fio"]
    assert names(found, "added") == [name for each in new for name in each]
    assert not found.of("removed")
    assert found.parameters == (380, 395)


def test_coupled_gates():
    found = compared("coupled")
    assert aspects(found)["f", "op"] == ("sigmoid(f_shifted)", "subtract(1, i)")
    assert aspects(found)["kernel", "shape"] == ("[10, 20]", "[10, 15]")
    assert aspects(found)["i_pre", "setting"] == ("(5, 5, 5, 5)", "(5, 5, 5)")
    assert names(found, "removed") == ["constant", "f_shifted"]
    assert found.parameters == (380, 300)
    for name in ("i", "cproj", "o", "kept", "written", "c", "h"):
        assert name in names(found, "same")


def test_another_cell():
    found = compared("gru")
    assert aspects(found)["kept", "op"] == ("multiply(f, c_prev)", "multiply(u, h_prev)")
    assert aspects(found)["h", "op"] == ("multiply(o, c_act)", "add(written, kept)")
    assert {"r", "u", "n"} <= set(names(found, "added"))
    assert {"f", "i", "cproj", "o", "c", "c_prev"} <= set(names(found, "removed"))


def test_a_single_direction_is_the_forward_one_and_a_single_layer_the_lowest():
    found = compared("two directions")
    for direction, status in (("fw", "same"), ("bw", "added")):
        nodes = [node for node in found.b.nodes if node.path.startswith(f"birnn/{direction}/")]
        assert {found.change(node).status for node in nodes} == {status}
    assert aspects(found)["Wx", "reads"] == ("rnn/h_last", "summary")
    found = compared("two layers")
    assert {change.place.layer for change in found.of("added")} == {1}
    assert aspects(found)["outputs", "reads"] == ("h", "rnn/layer1/h")


def test_what_is_called_differently_around_cells_is_told_by_what_it_reads():
    """The last sequences of both wirings of a bidirectional stack are one; the second calls another `outputs`."""
    found = compared("between")
    pairs = {change.a.path: change.b.path for change in found.changes if change.a and change.b}
    assert pairs["birnn/outputs"] == "birnn/outputs_1"
    assert pairs["birnn/fw/outputs"] == "birnn/layer1/fw/outputs"
    assert aspects(found)["Wx", "reads"] == ("birnn/bw/layer0/h", "birnn/outputs")


def test_layers_with_other_names_are_paired_in_order():
    found = Comparison(model(LSTMCell(5), head="logits"), model(LSTMCell(5), head="answer"))
    assert found.identical


def test_settings_and_constants():
    assert aspects(compared("forget bias")) == {("constant", "setting"): ("1", "0")}
    assert aspects(compared("activation")) == {
        ("cproj", "op"): ("tanh(cproj_pre)", "relu(cproj_pre)"), ("c_act", "op"): ("tanh(c)", "relu(c)"),
    }  # fmt: skip
    found = Comparison(*(_reversed(reverse) for reverse in (False, True)))
    assert aspects(found)["x_t", "setting"] == ("False", "True")


def _reversed(reverse):
    x = Graph().placeholder("x", ("batch", "time", 2))
    return dynamic_rnn(RNNCell(2), x, over="time", reverse=reverse)[0].graph


def test_inputs_that_change_places():
    def graph(turn):
        g = Graph()
        x, y = g.placeholder("x", (3,)), g.placeholder("y", (3,))
        ops.subtract(*((y, x) if turn else (x, y)), name="difference")
        ops.add(*((y, x) if turn else (x, y)), name="total")
        return g

    assert aspects(Comparison(graph(False), graph(True))) == {
        ("difference", "op"): ("subtract(x, y)", "subtract(y, x)")
    }


def test_nameless_ops_are_told_by_what_they_read():
    def graph(extra):
        g = Graph()
        x = g.placeholder("x", (3,))
        h = x + 1.0
        h = ops.exp(h + 2.0 if extra else h)
        ops.sum(h * 3.0, name="loss")
        return g

    found = Comparison(graph(False), graph(True))
    (added,) = (change.b for change in found.of("added") if change.b.inputs)
    assert [float(tensor.node.op.array) for tensor in added.inputs if not tensor.node.inputs] == [2.0]
    assert not found.of("removed")
    assert not found.of("changed")


def test_another_float_type_is_one_difference():
    found = Comparison(lstm(), model(LSTMCell(5), dtype="float64"))
    assert {change.status for change in found.changes} == {"same"}
    assert not found.identical
    assert viz.diff(found.a.graph, found.b.graph).summary.splitlines()[2:] == [
        "parameters 380 in both", "~ computes in float32 → float64",
    ]  # fmt: skip


def test_a_plan_is_what_it_needs_and_a_trace_is_its_plan():
    g = lstm()
    plan = Plan(g["rnn/h_last"], wrt=[])
    found = Comparison(g, plan)
    assert {"outputs", "y", "dense", "softmax_cross_entropy"} & set(names(found, "removed"))
    trace = plan.trace({g["x"]: np.ones((1, 2, 10), "float32")}, gradients=False)
    assert Comparison(plan, trace).identical


def test_large_graphs_take_little_time():
    def chain(every):
        g = Graph()
        x = h = g.placeholder("x", (2,))
        for k in range(4000):
            h = h + x
            h = ops.tanh(h) if k % every == 0 else h
        return g

    found = Comparison(chain(7), chain(7))  # seconds, were it not linear
    assert found.identical
    assert len(Comparison(chain(7), chain(5)).changes) < 6000


def test_the_summary_of_peepholes():
    found = viz.diff(*(make() for make in CASES["peephole"]))
    assert found.summary.splitlines() == [
        "a: model, 34 nodes, 380 parameters",
        "b: model, 43 nodes, 395 parameters",
        "parameters 380 → 395 (+15)",
        "~ LSTM → PeepholeLSTM, parameters 320 → 335 (+15)  (rnn)",
        "~ f, i read c_prev  (rnn)",
        "~ o reads c  (rnn)",
        "+ parameters p_f, p_i, p_o [5]  (rnn)",
        "+ f_c = multiply(p_f, c_prev)  (rnn)",
        "+ f_peep = add(f_shifted, f_c)  (rnn)",
        "+ i_c = multiply(p_i, c_prev)  (rnn)",
        "+ i_peep = add(i_pre, i_c)  (rnn)",
        "+ o_c = multiply(p_o, c)  (rnn)",
        "+ o_peep = add(o_pre, o_c)  (rnn)",
    ]
    assert "~ o no longer reads c  (rnn)" in viz.diff(*(make() for make in reversed(CASES["peephole"]))).summary


def test_the_summary_of_coupled_gates():
    lines = viz.diff(*(make() for make in CASES["coupled"])).summary.splitlines()
    assert lines[2:] == [
        "parameters 380 → 300 (−80)",
        "~ LSTM → CoupledLSTM, parameters 320 → 240 (−80)  (rnn)",
        "~ i_pre, cproj_pre, o_pre = split(pre): sizes (5, 5, 5, 5) → (5, 5, 5)  (rnn)",
        "~ f: sigmoid(f_shifted) → subtract(1, i)  (rnn)",
        "~ parameter kernel [10, 20] → [10, 15]  (rnn)",
        "~ parameter recurrent_kernel [5, 20] → [5, 15]  (rnn)",
        "~ Wx, Wx_b, Uh, pre [batch, 20] → [batch, 15]  (rnn)",
        "~ parameter bias [20] → [15]  (rnn)",
        "− f_shifted = add(f_pre, 1)  (rnn)",
    ]


def test_a_whole_layer_takes_one_line():
    assert viz.diff(*(make() for make in CASES["two layers"])).summary.splitlines()[2:] == [
        "parameters 380 → 600 (+220)",
        "+ LSTM, 220 parameters, 25 nodes  (layer 1)",
        "~ outputs reads rnn/layer1/h instead of h  (layer 0)",
        "~ Wx reads rnn/layer1/h_last instead of rnn/h_last  (dense)",
    ]
    lines = viz.diff(*(make() for make in CASES["two directions"])).summary.splitlines()
    assert "+ LSTM, 320 parameters, 27 nodes  (backward)" in lines
    assert "+ outputs = concat(fw/outputs, bw/outputs)  (rnn)" in lines
    assert "~ o reads c  (layer 1)" in viz.diff(*(make() for make in CASES["upper layer"])).summary.splitlines()
    forget = viz.diff(*(make() for make in CASES["forget bias"])).summary
    assert forget.splitlines()[-1] == "~ f_shifted: add(f_pre, 1) → add(f_pre, 0)  (rnn)"


def test_the_summary_names_all_that_differs():
    for case in CASES:
        found = viz.diff(*(make() for make in CASES[case]))
        before, after = found.comparison.parameters
        assert ("→" in found.summary.splitlines()[2]) == (before != after)
        assert ("nothing differs" in found.summary) == (case == "nothing")
