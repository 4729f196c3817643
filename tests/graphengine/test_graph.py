"""Graphs: what is in them, what it is called, and what belongs to whom."""

import gc
import weakref
from collections import namedtuple

import numpy as np
import pytest

from graphengine import Graph, Loop, Parameter, Plan, Spec, ops
from graphengine.errors import DtypeError, GraphMismatchError, ShapeError, StructureError, UnknownPathError
from graphengine.structure import form, leaves, map_structure, rebuild, same_form, walk
from layers import Dense, LSTMCell, MultiRNNCell, dynamic_rnn

State = namedtuple("State", "c h")


def test_nodes_stand_in_the_order_they_were_made_in():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    y = ops.tanh(x) * 2.0
    assert [node.index for node in g.nodes] == list(range(len(g.nodes)))
    assert [str(node.op) for node in g.nodes] == ["Placeholder", "Tanh", "Constant", "Multiply"]
    assert all(source.node.index < node.index for node in g.nodes for source in node.inputs)
    assert y.node.inputs[0].node is g.nodes[1]
    assert y.graph is g
    assert y.node.output is y
    assert repr(y) == "<multiply float64[batch, 3]>"
    assert repr(y.node) == "<node 3 multiply: Multiply>"


def test_names_are_made_unique_and_paths_find_their_tensors():
    g = Graph()
    x = g.placeholder("x", ("batch",))
    first, second, third = ops.tanh(x), ops.tanh(x), ops.tanh(x, name="tanh_1")
    assert [tensor.path for tensor in (first, second, third)] == ["tanh", "tanh_1", "tanh_1_1"]
    with g.scope("rnn", "driver"):
        inner = ops.tanh(x, name="h")
    with g.scope("rnn", "driver"):
        other = ops.tanh(x, name="h")
    assert (inner.path, other.path) == ("rnn/h", "rnn_1/h")
    assert all(g[tensor.path] is tensor for node in g.nodes for tensor in node.outputs)
    assert "rnn/h" in g
    assert "rnn/c" not in g


def test_a_scope_with_an_index_is_the_same_place_when_opened_again():
    g = Graph()
    x = g.placeholder("x", ("batch",))
    for step in range(2):
        with g.scope("stack"), g.scope("layer0", "layer", 0) as first:
            ops.tanh(x, name=f"h{step}")
    with g.scope("top"):
        for _ in range(2):
            with g.scope("layer0", "layer", 0) as place:
                y = ops.tanh(x, name="y")
    assert first.path == "stack_1/layer0"
    assert place.path == "top/layer0"
    assert y.path == "top/layer0/y_1"
    assert y.node.scope is place
    assert place.nearest("layer") is place
    assert [scope.role for scope in place.ancestry()] == ["layer", "group", "root"]


def test_an_exception_inside_a_scope_leaves_it():
    g = Graph()
    with pytest.raises(RuntimeError), g.scope("broken"):
        raise RuntimeError
    assert g.current_scope is g.root


def test_an_unknown_path_suggests_what_was_meant():
    g = Graph("words")
    x = g.placeholder("x", ("batch", "time", 3))
    dynamic_rnn(MultiRNNCell([LSTMCell(2), LSTMCell(2)]), x, over="time")
    with pytest.raises(
        UnknownPathError, match=r"words: no tensor at 'rnn/layer0/cprojj'; did you mean .*rnn/layer0/cproj"
    ):
        g["rnn/layer0/cprojj"]
    assert isinstance(UnknownPathError("x"), LookupError)


def test_a_failed_build_leaves_the_graph_usable():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    before = len(g.nodes)
    with pytest.raises(ShapeError):
        x @ g.placeholder("w", (4, 2))
    assert len(g.nodes) == before + 1
    y = ops.sum(x @ np.ones((3, 2)))
    assert Plan(y, wrt=[]).run({x: np.ones((2, 3))})[y] == 12


def test_two_graphs_in_one_process_share_nothing():
    """Same names, same seed, different data: each has its own numbers, before and after the other trains."""
    from graphengine import SGD

    def build(seed):
        g = Graph("twin", dtype="float64", seed=seed)
        x = g.placeholder("x", ("batch", "time", 3))
        _outputs, state = dynamic_rnn(LSTMCell(2), x, over="time")
        loss = ops.sum(Dense(1)(state.h))
        return g, x, Plan(loss)

    one, other, third = build(1), build(1), build(2)
    X = np.random.default_rng(0).standard_normal((2, 4, 3))
    before = [plan.run({x: X})[plan.targets[0]] for _, x, plan in (one, other, third)]
    assert before[0] == before[1] != before[2]
    assert [p.path for p in one[2].parameters] == [p.path for p in other[2].parameters]
    assert not set(one[2].parameters) & set(other[2].parameters)
    optimizer = SGD(one[2].parameters, learning_rate=0.5)
    optimizer.step(one[2].run({one[1]: X}))
    after = [plan.run({x: X})[plan.targets[0]] for _, x, plan in (one, other, third)]
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_adding_a_layer_leaves_the_others_numbers_as_they_were():
    def kernels(*sizes):
        g = Graph(seed=3)
        x = g.placeholder("x", ("batch", 4))
        made = []
        for name, size in sizes:
            layer = Dense(size, name=name)
            layer(x)
            made.append(layer.kernel.value)
        return made

    alone = kernels(("a", 3), ("b", 5))
    more = kernels(("a", 3), ("between", 7), ("b", 5))
    assert np.array_equal(alone[0], more[0])
    assert np.array_equal(alone[1], more[2])
    assert not np.array_equal(alone[0][:, 0], alone[1][:, 0])


def test_a_parameter_serves_several_graphs_and_stands_once_in_each():
    shared = Parameter("w", np.ones((3, 2)))
    places = []
    for _ in range(2):
        g = Graph(dtype="float64")
        x = g.placeholder("x", ("batch", 3))
        y = ops.sum(x @ shared) + ops.sum(x @ shared)
        assert g.tensor(shared) is g.tensor(shared)
        assert g.parameters == [shared]
        run = Plan(y).run({x: np.ones((1, 3))})
        assert run.grad(shared).tolist() == [[2.0, 2.0]] * 3
        places.append(g.tensor(shared))
    assert places[0].graph is not places[1].graph


def test_mixing_two_graphs_names_both():
    a, b = Graph("first"), Graph("second")
    x, y = a.placeholder("x", (2,)), b.placeholder("y", (2,))
    with pytest.raises(
        GraphMismatchError, match=r"x belongs to graph 'first' and y to 'second'; values pass .* as feeds"
    ):
        x + y
    with pytest.raises(GraphMismatchError, match=r"'first'.*'second'"):
        Plan([x, y])
    assert (x * 2.0).graph is a


def test_numbers_take_the_dtype_of_the_tensor_when_nothing_is_lost():
    g = Graph()
    x, n = g.placeholder("x", (2,)), g.placeholder("n", (2,), "int64")
    assert (x * 2).dtype == (2 * x).dtype == (x + 0.1).dtype == np.float32
    assert (n * 2).dtype == np.int64
    with pytest.raises(DtypeError, match=r"0\.5 is not a int64"):
        n * 0.5
    with pytest.raises(DtypeError, match=r"dtypes differ: float32 and float64; use cast"):
        x * np.ones(2)
    with pytest.raises(DtypeError, match=r"float32.*int64"):
        x + n
    with pytest.raises(StructureError, match="a str cannot stand in a graph"):
        x + "1"


def test_a_constant_is_copied():
    array = np.ones(2)
    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    y = x + array
    array[:] = 100
    assert Plan(y, wrt=[]).run({x: [0, 0]})[y].tolist() == [1, 1]


def test_a_tensor_has_no_value_to_iterate_over_or_to_test():
    x = Graph().placeholder("x", (2,))
    with pytest.raises(TypeError, match="no values before a run"):
        list(x)
    with pytest.raises(TypeError, match=r"use where\(\)"):
        bool(x > 1)
    assert x == x
    assert x != Graph().placeholder("x", (2,))


def test_arrays_leave_arithmetic_to_the_tensor():
    g = Graph(dtype="float64")
    x = g.placeholder("x", (3,))
    y = np.float64(2.0) - np.ones(3) * x
    z = np.eye(3) @ ops.expand_dims(x, -1)
    run = Plan([y, z], wrt=[]).run({x: [1, 2, 3]})
    assert run[y].tolist() == [1, 0, -1]
    assert run[z].tolist() == [[1], [2], [3]]


def test_a_graph_computes_in_floats_of_one_kind():
    with pytest.raises(DtypeError, match="computes in floats, not int64"):
        Graph(dtype="int64")
    with pytest.raises(DtypeError, match="the one switch"):
        Graph(dtype="float32").tensor(Parameter("w", np.zeros(2)))
    assert Graph().dtype == np.float32


def test_a_dropped_graph_is_freed():
    g = Graph()
    x = g.placeholder("x", ("batch", "time", 3))
    cell = LSTMCell(2)
    plan = Plan(ops.sum(dynamic_rnn(cell, x, over="time")[0]))
    plan.run({x: np.zeros((1, 2, 3), np.float32)})
    alive = [weakref.ref(each) for each in (g, plan, g.nodes[-1])]
    kernel = cell.kernel
    del g, x, plan, cell
    gc.collect()
    assert [each() for each in alive] == [None] * 3
    assert kernel.value.shape == (3, 8)


def test_nothing_counts_as_part_of_the_loop_before_it_is_joined():
    g = Graph()
    with Loop("time") as loop:
        pass
    assert g.loops == []
    assert loop.graph is None


# Structures


def test_structures_are_walked_and_rebuilt():
    value = (State(1, 2), [3, (State(4, 5),)])
    assert leaves(value) == [1, 2, 3, 4, 5]
    assert ["/".join(path) for path, _ in walk(value)] == [
        "layer0/c",
        "layer0/h",
        "layer1/layer0",
        "layer1/layer1/layer0/c",
        "layer1/layer1/layer0/h",
    ]
    assert rebuild(value, list("abcde")) == (State("a", "b"), ["c", (State("d", "e"),)])
    assert map_structure(lambda leaf: leaf * 10, value) == (State(10, 20), [30, (State(40, 50),)])
    assert leaves(7) == [7]
    assert leaves(()) == []


def test_forms_that_differ_are_shown():
    same_form((State(1, 2), 3), (State(4, 5), 6), "it")
    spec = Spec.of(("batch", 2), "float32")
    for other in (State(spec, spec), (spec,), (State(spec, spec), spec, spec), spec):
        with pytest.raises(StructureError, match=r"the state must have the form \(State\(c=float32\[batch, 2\]"):
            same_form((State(spec, spec), spec), other, "the state")
    assert form(State(1, np.zeros(2))) == "State(c=int, h=ndarray)"


def test_steps_written_out_under_one_name_are_places_of_their_own():
    g = Graph()
    x = g.placeholder("x", ("batch",))
    for t in (0, 1, 0):
        with g.scope("step", "time", t):
            x = x + 1
    scopes = [scope for scope in g.scopes if scope.role == "time"]
    assert [scope.index for scope in scopes] == [0, 1]
    assert [node.scope.index for node in g.nodes if node.op.kind == "add"] == [0, 1, 0]
