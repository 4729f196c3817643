"""Pairs of graphs that differ in one respect, in many, or in none."""

from graphengine import Graph, ops
from layers import (
    BiRNN,
    CoupledLSTMCell,
    Dense,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
    PeepholeLSTMCell,
    RNNCell,
    dynamic_rnn,
    softmax_cross_entropy,
)
from tests.viz import models


def model(cell, name="model", dtype="float32", head=None):
    """A cell over time, and a Dense that reads its last h."""
    g = Graph(name, dtype=dtype)
    x = g.placeholder("x", ("batch", "time", 10))
    y = g.placeholder("y", ("batch",), dtype="int64")
    _, state = dynamic_rnn(cell, x, over="time")
    last = state if hasattr(state, "h") else state[-1]
    softmax_cross_entropy(Dense(10, name=head)(last.h), y)
    return g


def both(fw, bw, **options):
    g = Graph("model")
    x = g.placeholder("x", ("batch", "time", 10))
    y = g.placeholder("y", ("batch",), dtype="int64")
    _, states = BiRNN(fw, bw, **options)(x, over="time")
    last = [state if hasattr(state, "h") else state[-1] for state in states]
    softmax_cross_entropy(Dense(10)(ops.concat([each.h for each in last], name="summary")), y)
    return g


def stack(*kinds):
    return MultiRNNCell([kind(5) for kind in kinds or (LSTMCell, LSTMCell)])


def lstm(**options):
    return model(LSTMCell(5, **options))


def steps(count):
    """A cell unrolled by hand."""
    g = Graph("steps")
    x = g.placeholder("x", ("batch", count, 4))
    cell = RNNCell(3)
    state = type(cell.state(x[:, 0].spec))(g.fill(("batch", 3), name="h_0"))
    for t in range(count):
        _, state = cell(x[:, t], state)
    return g


def plain(layers=2, name="plain"):
    """No loop, and few names."""
    g = Graph(name)
    h = g.placeholder("x", ("batch", 4))
    for _ in range(layers):
        h = ops.relu(Dense(8)(h))
    ops.sum(h, name="loss")
    return g


def other():
    g = Graph("other")
    a = g.placeholder("a", (3,))
    ops.sum(ops.exp(a * 0.5) - ops.tanh(a), name="total")
    return g


CASES = {
    "nothing": (lstm, lstm),
    "peephole": (lstm, lambda: model(PeepholeLSTMCell(5))),
    "coupled": (lstm, lambda: model(CoupledLSTMCell(5))),
    "coupled with peepholes": (lstm, lambda: model(CoupledLSTMCell(5, peepholes=True))),
    "gru": (lstm, lambda: model(GRUCell(5))),
    "rnn": (lstm, lambda: model(RNNCell(5))),
    "reset": (lambda: model(GRUCell(5)), lambda: model(GRUCell(5, reset="before"))),
    "activation": (lstm, lambda: lstm(activation="relu")),
    "forget bias": (lstm, lambda: lstm(forget_bias=0.0)),
    "no bias": (lstm, lambda: lstm(use_bias=False)),
    "size": (lstm, lambda: model(LSTMCell(6))),
    "two directions": (lstm, lambda: both(LSTMCell(5), LSTMCell(5))),
    "two layers": (lstm, lambda: model(stack())),
    "upper layer": (lambda: model(stack()), lambda: model(stack(LSTMCell, PeepholeLSTMCell))),
    "between": (lambda: both(stack(), stack()), lambda: both(stack(), stack(), between="concat")),
    "steps": (lambda: steps(2), lambda: steps(3)),
    "plain": (plain, lambda: plain(3)),
    "unrelated": (plain, other),
    "unrelated loops": (lstm, lambda: models.late().plan.graph),
    "unrelated networks": (lstm, lambda: models.encoder_decoder().plan.graph),
}

# The cells of a layer and direction, instead of the whole.
INSIDES = {
    **{name: (*CASES[name], {}) for name in list(CASES)[:11]},
    "only the second has it": (lstm, lambda: model(stack()), {"layer": 1}),
    "only the first has it": (lambda: model(stack()), lstm, {"layer": 1}),
    "below another layer": (lstm, lambda: model(stack()), {}),
    "backward": (
        lambda: both(LSTMCell(5), LSTMCell(5)), lambda: both(LSTMCell(5), PeepholeLSTMCell(5)), {"direction": "bw"}
    ),
    "backward gru": (
        lambda: both(LSTMCell(5), LSTMCell(5)), lambda: both(LSTMCell(5), GRUCell(5)), {"direction": "bw"}
    ),
    "of one's own": (lambda: models.free_loop().plan.graph, lambda: models.late().plan.graph, {}),
    "unlike": (lstm, lambda: models.free_loop().plan.graph, {}),
    "masked": (lstm, lambda: models.embedded().plan.graph, {}),
}  # fmt: skip
