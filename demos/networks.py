"""Networks to look at: every form that the views draw, small, and run once with its gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from demos import figures
from demos.words import VOCABULARY, WORDS, encode, windows
from graphengine import Adam, Graph, Loop, Plan, Tensor, Trace, ops
from graphengine.spec import Array
from layers import (
    BiRNN,
    Cell,
    Dense,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
    RNNCell,
    dynamic_rnn,
    mean_squared_error,
    softmax_cross_entropy,
)  # fmt: skip

UPPER = {"layer": 1}
BACKWARD = {"direction": "bw"}
WINDOW, _ = next(windows())


@dataclass(frozen=True)
class Network:
    """A network, and what there is to see in it.

    Attributes:
        about: what it is, in one sentence.
        build: runs it and returns the trace.
        cells: which of its cells to look into, as arguments of `viz.cell`.
        returned: whether a driver of the library runs it, and returns states.
        states, losses: where there is a loss at every step, the states that it is traced back to, by their paths.
        gates: whether it has gates that went far enough to look at.
        words: what it reads, word by word.
    """

    title: str
    about: str
    build: Callable[[], Trace]
    cells: Sequence[dict[str, Any]] = field(default=({},))
    returned: bool = True
    states: Sequence[str] = ()
    losses: str = ""
    gates: bool = False
    words: Sequence[str] | None = None


def draw(*shape: int) -> Array:
    """Return numbers that are the same every time."""
    return np.random.default_rng(7).normal(size=shape)


def start(name: str, features: int = 4) -> tuple[Graph, Tensor]:
    """Begin a network that reads sequences."""
    g = Graph(name, dtype="float64", seed=3)
    return g, g.placeholder("x", ("batch", "time", features))


def recurrent(name: str, cell: Cell, steps: int = 3) -> Trace:
    """Run a cell, and say two numbers of its last h."""
    g, x = start(name)
    _, state = dynamic_rnn(cell, x, over="time")
    y = g.placeholder("y", ("batch", 2))
    last = state[-1] if isinstance(cell, MultiRNNCell) else state
    loss = mean_squared_error(Dense(2)(last.h), y)
    return Plan(loss).trace({x: draw(1, steps, 4), y: draw(1, 2)})


def both_ways(name: str, between: Any) -> Trace:
    """Run two layers in both directions, and say two numbers at every step."""
    g, x = start(name)
    stacks = [MultiRNNCell([LSTMCell(3), LSTMCell(3)]) for _ in range(2)]
    outputs, _ = BiRNN(*stacks, between=between)(x, over="time")
    y = g.placeholder("y", ("batch", "time", 2))
    return Plan(mean_squared_error(Dense(2)(outputs), y)).trace({x: draw(1, 3, 4), y: draw(1, 3, 2)})


def free_loop() -> Trace:
    """Run a loop that no cell wrote: two states, a quick one and its slow mean."""
    g, x = start("a loop of one's own")
    W, V = (g.constant(draw(4, 4) / 2, name=name) for name in "WV")
    with Loop(over="time") as loop:
        quick, slow = (loop.delay(g.fill(("batch", 4)), name=f"{name}_prev") for name in ("quick", "slow"))
        new = ops.tanh(loop.slice(x) @ W + quick @ V, name="quick")
        mean = ops.add(0.9 * slow, 0.1 * new, name="slow")
        loop.feed(quick, new)
        loop.feed(slow, mean)
        change = ops.subtract(new, mean, name="change")
    outputs = loop.stack(change, name="outputs")
    return Plan(ops.sum(outputs * outputs, name="loss"), wrt=[x]).trace({x: draw(1, 3, 4)})


def encoder_decoder() -> Trace:
    """Run a loop that starts where another one ended."""
    g = Graph("encoder and decoder", dtype="float64", seed=5)
    source = g.placeholder("source", ("batch", "source", 3))
    target = g.placeholder("target", ("batch", "target", 2))
    _, state = dynamic_rnn(GRUCell(4), source, over="source", name="encoder")
    outputs, _ = dynamic_rnn(GRUCell(4), target, over="target", initial_state=state, name="decoder")
    loss = mean_squared_error(Dense(2)(outputs), target)
    return Plan(loss).trace({source: draw(1, 3, 3), target: draw(1, 2, 2)})


def trained(hidden: int = 12, iterations: int = 150) -> Trace:
    """Teach an LSTM to say after every word of the sentence the next one, and run it once more."""
    g, x = start("the whole sentence, learnt", len(VOCABULARY))
    y = g.placeholder("y", ("batch", "time"), dtype="int64")
    outputs, _ = dynamic_rnn(LSTMCell(hidden), x, over="time")
    losses = softmax_cross_entropy(Dense(len(VOCABULARY))(outputs), y, reduction="none", name="losses")
    plan = Plan(ops.mean(losses, name="loss"))
    feeds = {x: encode(WORDS[:-1])[None], y: np.array([[VOCABULARY.index(word) for word in WORDS[1:]]])}
    optimizer = Adam(plan.parameters, 0.05)
    for _ in range(iterations):
        optimizer.step(plan.run(feeds))
    return plan.trace(feeds)


NETWORKS: dict[str, Network] = {
    "lstm": Network(
        "LSTM", "The article's model: an LSTM reads three words and says the next.",
        lambda: figures.trace("lstm"), words=WINDOW,
    ),
    "initstate": Network(
        "LSTM with a first state", "The same, starting from a state that is fed.",
        lambda: figures.trace("initstate"), words=WINDOW,
    ),
    "multi": Network(
        "Two layers", "The same with two LSTMs, the upper one reading the lower one's h.",
        lambda: figures.trace("multi"), ({}, UPPER), words=WINDOW,
    ),
    "bi": Network(
        "Both directions", "The same read forwards and backwards; the article asks for the outputs at the last word.",
        lambda: figures.trace("bi"), ({}, BACKWARD), words=WINDOW,
    ),
    "bimulti": Network(
        "Both directions, two layers", "The article's last form: a stack of two in each direction.",
        lambda: figures.trace("bimulti"), ({}, UPPER | BACKWARD), words=WINDOW,
    ),
    "gru": Network("GRU", "A gated recurrent unit: one state, two gates.", lambda: recurrent("GRU", GRUCell(3))),
    "rnn": Network("Plain RNN", "One state, no gate.", lambda: recurrent("RNN", RNNCell(3))),
    "independent": Network(
        "Two layers both ways, apart", "Two stacks that meet at the top only (TensorFlow's wiring).",
        lambda: both_ways("independent stacks", "independent"),
    ),
    "concat": Network(
        "Two layers both ways, joined", "After every layer both directions are joined, and the next layer reads both "
        "(PyTorch's and Keras' wiring).",
        lambda: both_ways("joined after every layer", "concat"), ({}, UPPER | BACKWARD),
    ),
    "long": Network(
        "Two hundred steps", "Two LSTMs over 200 steps; pictures show the first and the last three.",
        lambda: recurrent("two layers, 200 steps", MultiRNNCell([LSTMCell(3), LSTMCell(3)]), 200), gates=True,
    ),
    "free": Network(
        "A loop of one's own", "No cell of the zoo: a quick state, its slow mean, and what is between them.", free_loop,
        returned=False, states=("quick", "slow"), losses="outputs",
    ),
    "encoder_decoder": Network(
        "Encoder and decoder", "A GRU that starts where another one ended.", encoder_decoder,
        ({"path": "encoder"}, {"path": "decoder"}),
    ),
    "sentence": Network(
        "The whole sentence", "An LSTM that has learnt to say the next word after every word.", trained,
        states=("rnn/c", "rnn/h"), losses="losses", gates=True, words=WORDS[:-1],
    ),
}  # fmt: skip
