"""What does not fit is refused when it is built.

Every error is of the family, names the place, what was wanted, what came, and the user's own line; afterwards the graph
builds and runs as if nothing had happened.
"""

import numpy as np
import pytest

from graphengine import Graph, Loop, Parameter, Plan, errors, ops
from graphengine.errors import (
    DtypeError,
    GraphError,
    GraphMismatchError,
    LoopError,
    NotBuiltError,
    ShapeError,
    SharedCellError,
    StructureError,
)
from layers import BiRNN, Dense, GRUCell, GRUState, LSTMCell, LSTMState, MultiRNNCell, dynamic_rnn
from tests.graphengine.world import World, refused


def test_wrong_feature_size(w):
    kernel = w.g.constant(np.zeros((4, 20)), name="kernel")
    with (
        w.g.scope("encoder"),
        refused(
            ShapeError,
            "encoder/matmul: MatMul(x_0 float64[batch, 3], kernel float64[4, 20])",
            "inner sizes differ: 3 and 4",
        ),
    ):
        ops.matmul(w.g.placeholder("x_0", ("batch", 3)), kernel)


def test_a_row_does_not_become_a_column(w):
    row = w.g.placeholder("row", ("batch",))
    with refused(
        ShapeError, "add: Add(h_last float64[batch, 4], row float64[batch])", "shapes do not fit", "4 and batch"
    ):
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
    with refused(
        StructureError,
        "the state of LSTMCell(4) must have the form LSTMState(c=float64[batch, 4], h=float64[batch, 4])",
        "got GRUState(h=float64[batch, 4])",
    ):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=GRUState(h))
    with refused(StructureError, "must have the form LSTMState", "got float64[batch, 4]"):
        dynamic_rnn(LSTMCell(4), w.x, over="time", initial_state=h)
    with refused(StructureError, "must have the form (LSTMState(", "got LSTMState("):
        dynamic_rnn(MultiRNNCell([LSTMCell(4), LSTMCell(4)]), w.x, over="time", initial_state=LSTMState(h, h))


def test_a_state_of_the_wrong_size(w):
    c, h = w.g.fill(("batch", 4), name="c_0"), w.g.fill(("batch", 5), name="h_0")
    with refused(
        ShapeError, "the state of LSTMCell(4): h must be float64[batch, 4]", "h_0 [batch, 5]", "float64[batch, 3]"
    ):
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
    with (
        Loop("steps") as loop,
        refused(LoopError, "x float64[batch, time, 3] has no axis 'steps'", "the loop over steps"),
    ):
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
