"""Networks of every form that the views must draw, small and with numbers in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demos import words
from graphengine import Graph, Loop, Plan, Spec, Trace, ops
from graphengine.structure import leaves
from layers import (
    BiRNN,
    Dense,
    Embedding,
    GRUCell,
    LearnedState,
    LSTMCell,
    MultiRNNCell,
    RNNCell,
    RNNState,
    dynamic_rnn,
    mean_squared_error,
    softmax_cross_entropy,
)  # fmt: skip


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape)


def article(name: str) -> Trace:
    """A form of the article's model on its first window."""
    model = words.FORMS[name]()
    x, y = words.batch(*next(words.windows()))
    return Plan(model.loss, also=[model.logits]).trace({model.x: x, model.y: y})


def _data(features: int = 4) -> tuple[Graph, object]:
    g = Graph("net", dtype="float64", seed=3)
    return g, g.placeholder("x", ("batch", "time", features))


def recurrent(cell, steps: int = 3, batch: int = 1, **options) -> Trace:
    """A cell, its last h through a Dense, and a loss."""
    g, x = _data()
    _, state = dynamic_rnn(cell, x, over="time", **options)
    y = g.placeholder("y", ("batch", 2))
    last = state[-1] if isinstance(state, tuple) and not hasattr(state, "_fields") else state
    loss = mean_squared_error(Dense(2)(last.h), y)
    return Plan(loss).trace({x: draw(batch, steps, 4), y: draw(batch, 2)})


def both(between: str, layers: int = 2, steps: int = 3) -> Trace:
    """Two directions, their outputs read at every step."""
    g, x = _data()
    cells = [MultiRNNCell([LSTMCell(3) for _ in range(layers)]) if layers > 1 else LSTMCell(3) for _ in range(2)]
    outputs, _ = BiRNN(*cells, between=between)(x, over="time")
    y = g.placeholder("y", ("batch", "time", 2))
    return Plan(mean_squared_error(Dense(2)(outputs), y)).trace({x: draw(1, steps, 4), y: draw(1, steps, 2)})


def bi_states() -> Trace:
    """Two directions of unlike cells, summed up by their final states."""
    g, x = _data()
    _, (fw, bw) = BiRNN(GRUCell(3), RNNCell(2))(x, over="time")
    y = g.placeholder("y", ("batch", 2))
    loss = mean_squared_error(Dense(2)(ops.concat([fw.h, bw.h], name="summary")), y)
    return Plan(loss).trace({x: draw(2, 4, 4), y: draw(2, 2)})


def free_loop() -> Trace:
    """A loop of the user's own, no cell of the zoo: two states and an output at every step."""
    g, x = _data()
    W, V = (g.constant(draw(4, 4) / 2, name=name) for name in "WV")
    with Loop(over="time") as loop:
        fast, slow = (loop.delay(g.fill(("batch", 4)), name=name) for name in ("fast", "slow"))
        new = ops.tanh(loop.slice(x) @ W + fast @ V)
        mean = 0.9 * slow + 0.1 * new
        loop.feed(fast, new)
        loop.feed(slow, mean)
        y = new - mean
    outputs = loop.stack(y, name="outputs")
    return Plan(ops.sum(outputs * outputs), wrt=[x]).trace({x: draw(1, 3, 4)})


def late() -> Trace:
    """A state that is read two steps later, beside one that is read at once."""
    g, x = _data(3)
    with Loop(over="time") as loop:
        zero = g.fill(("batch", 3))
        one = loop.delay(zero, name="h_prev")
        two = loop.delay(zero, name="h_before")
        h = ops.tanh(loop.slice(x) + 0.5 * one - 0.3 * two, name="h")
        loop.feed(one, h)
        loop.feed(two, one)
    return Plan(ops.sum(loop.last(h)), wrt=[x]).trace({x: draw(1, 4, 3)})


def embedded() -> Trace:
    """Words that are looked up, rows of unlike length, a loss at every step."""
    g = Graph("tagger", dtype="float64", seed=1)
    ids = g.placeholder("ids", ("batch", "time"), dtype="int64")
    lengths = g.placeholder("lengths", ("batch",), dtype="int64")
    outputs, _ = dynamic_rnn(
        LSTMCell(3), Embedding(6, 4)(ids), over="time", lengths=lengths, initial_state=LearnedState(0.1)
    )
    loss = softmax_cross_entropy(Dense(2)(outputs), g.placeholder("tags", ("batch", "time"), dtype="int64"))
    return Plan(loss).trace({ids: [[1, 2, 3], [4, 5, 0]], lengths: [3, 2], g["tags"]: [[0, 1, 0], [1, 1, 0]]})


def encoder_decoder() -> Trace:
    """One loop that starts where another ended, and reads a summary of it in every step."""
    g = Graph("encoder and decoder", dtype="float64", seed=5)
    source = g.placeholder("source", ("batch", "source", 3))
    target = g.placeholder("target", ("batch", "target", 2))
    _, state = dynamic_rnn(GRUCell(4), source, over="source", name="encoder")
    outputs, _ = dynamic_rnn(GRUCell(4), target, over="target", initial_state=state, name="decoder")
    loss = mean_squared_error(Dense(2)(outputs), target)
    return Plan(loss).trace({source: draw(1, 3, 3), target: draw(1, 2, 2)})


def memory() -> Trace:
    """A loop whose every step reads the same value from outside."""
    g, x = _data(3)
    context = Dense(3)(g.placeholder("picture", ("batch", 5)))
    with Loop(over="time") as loop:
        h = loop.delay(g.fill(("batch", 3)), name="h_prev")
        new = ops.tanh(loop.slice(x) + h * context, name="h")
        loop.feed(h, new)
    return Plan(ops.sum(loop.last(new))).trace({x: draw(1, 3, 3), g["picture"]: draw(1, 5)})


def driver_on_driver() -> Trace:
    """A loop over what another loop put out, with a layer between that has no time."""
    _, x = _data(3)
    below, _ = dynamic_rnn(RNNCell(4), x, over="time", name="below")
    outputs, _ = dynamic_rnn(GRUCell(2), Dense(3, activation="tanh")(below), over="time", name="above")
    return Plan(ops.sum(outputs * outputs)).trace({x: draw(1, 3, 3)})


def masked_both() -> Trace:
    """Two directions over rows of unlike length."""
    g, x = _data(2)
    lengths = g.placeholder("lengths", ("batch",), dtype="int64")
    outputs, _ = BiRNN(LSTMCell(3), LSTMCell(3))(x, over="time", lengths=lengths)
    return Plan(ops.sum(outputs)).trace({x: draw(2, 3, 2), lengths: [3, 1]})


def unmerged() -> Trace:
    """Two directions whose outputs stay a pair; time in front, a first state that is computed."""
    g = Graph("pair", dtype="float64", seed=2)
    x = g.placeholder("x", ("time", "batch", 2))
    first = RNNState(Dense(3)(g.placeholder("picture", ("batch", 5))))
    (fw, bw), _ = BiRNN(RNNCell(3), RNNCell(3), merge=None)(x, over="time", initial_state=(first, None))
    return Plan(ops.sum(fw * bw)).trace({x: draw(3, 1, 2), g["picture"]: draw(1, 5)})


def seeded() -> Trace:
    """Two gradients at once, of a target that is no scalar; a layer before the loop."""
    _, x = _data(2)
    outputs, _ = dynamic_rnn(LSTMCell(3), Dense(4)(x), over="time")
    return Plan(outputs).trace({x: draw(1, 3, 2)}, seeds={outputs: draw(2, 1, 3, 3)})


def states_given() -> Trace:
    """A stack whose first states are fed, and of which several final states and all outputs are used."""
    g, x = _data(2)
    cell = MultiRNNCell([RNNCell(3), LSTMCell(2)])
    start = g.placeholders_like(cell.state(Spec.of(("batch", 2), "float64")), "start")
    outputs, (low, high) = dynamic_rnn(cell, x, over="time", initial_state=start)
    targets = [ops.sum(Dense(2)(outputs)), ops.sum(low.h * low.h), ops.sum(high.c)]
    feeds = {leaf: draw(1, leaf.shape[-1]) for leaf in leaves(start)}
    return Plan(targets, wrt=[x, *feeds]).trace({x: draw(1, 3, 2), **feeds})


def named_at_length() -> Trace:
    """Names that are far too long, and full of signs that mean something to somebody."""
    g = Graph("a graph <&> \"named\" " + "at length " * 40, dtype="float64")
    x = g.placeholder("an_input_with_a_name_that_goes_on_and_on", ("batch", "time", 2))
    _, state = dynamic_rnn(LSTMCell(3, name="<cell> & \\ 'so' on " * 3), x, over="time", name="driver " * 20)
    return Plan(ops.sum(state.h)).trace({x: draw(1, 3, 2)})


MODELS: dict[str, Callable[[], Trace]] = {
    **{name: (lambda name=name: article(name)) for name in words.FORMS},
    "gru": lambda: recurrent(GRUCell(3), batch=2),
    "gru_before": lambda: recurrent(GRUCell(3, reset="before")),
    "rnn": lambda: recurrent(RNNCell(3)),
    "mixed": lambda: recurrent(MultiRNNCell([RNNCell(5), GRUCell(3), LSTMCell(4)])),
    "reverse": lambda: recurrent(LSTMCell(3), reverse=True),
    "one_step": lambda: recurrent(LSTMCell(3), steps=1),
    "long": lambda: recurrent(MultiRNNCell([LSTMCell(3), LSTMCell(3)]), steps=200),
    "long_bi": lambda: both("independent", 1, 40),
    "bi_concat": lambda: both("concat"),
    "bi_states": bi_states,
    "free": free_loop,
    "late": late,
    "embedded": embedded,
    "encoder_decoder": encoder_decoder,
    "memory": memory,
    "driver_on_driver": driver_on_driver,
    "masked_both": masked_both,
    "unmerged": unmerged,
    "seeded": seeded,
    "states_given": states_given,
    "named_at_length": named_at_length,
}
