"""The article's next-word model: its sentence, its starting weights, and the five forms of its network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine import Graph, Tensor, initializers, ops
from graphengine.spec import Array
from layers import BiRNN, Dense, LSTMCell, LSTMState, MultiRNNCell, dynamic_rnn, softmax_cross_entropy

SENTENCE = "long ago the mice had a general council to consider the"
WORDS = tuple(SENTENCE.split())
VOCABULARY = tuple(sorted(set(WORDS)))
WINDOW = 3
HIDDEN = 5


def encode(words: tuple[str, ...]) -> Array:
    """Return words as one-hot rows, `[words, vocabulary]`."""
    return np.eye(len(VOCABULARY))[[VOCABULARY.index(word) for word in words]]


def windows(seed: int = 42) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield three words and the one that follows, in the article's order: every fourth position, then a new start."""
    draw = np.random.RandomState(seed)
    offset = 2
    while True:
        if offset > len(WORDS) - WINDOW - 1:
            offset = int(draw.randint(0, WINDOW + 1))
        yield WORDS[offset : offset + WINDOW], WORDS[offset + WINDOW]
        offset += WINDOW + 1


def every_window() -> list[tuple[tuple[str, ...], str]]:
    """Return every three words of the sentence and the one that follows, in order."""
    return [(WORDS[start : start + WINDOW], WORDS[start + WINDOW]) for start in range(len(WORDS) - WINDOW)]


def batch(words: tuple[str, ...], following: str) -> tuple[Array, Array]:
    """Return a window as a batch of one: `[1, 3, 10]` and `[1]`."""
    return encode(words)[None], np.array([VOCABULARY.index(following)])


@dataclass
class Model:
    """One form of the network: its graph and the places that one asks it for."""

    graph: Graph
    x: Tensor
    y: Tensor
    cells: dict[str, LSTMCell]
    outputs: Any
    states: Any
    dense: Dense
    logits: Tensor
    loss: Tensor


def cell() -> LSTMCell:
    """An LSTM as the article starts it: every weight and every bias 0.1."""
    same = initializers.Constant(0.1)
    return LSTMCell(HIDDEN, kernel_initializer=same, recurrent_initializer=same, bias_initializer=same)


def _finish(g: Graph, x: Tensor, cells: dict[str, LSTMCell], outputs: Any, states: Any, summary: Tensor) -> Model:
    y = g.placeholder("y", ("batch",), dtype="int64")
    rows = summary.shape[-1]
    dense = Dense(len(VOCABULARY), kernel_initializer=OUTPUT_KERNEL[:rows], bias_initializer=OUTPUT_BIAS)
    logits = dense(summary)
    return Model(g, x, y, cells, outputs, states, dense, logits, softmax_cross_entropy(logits, y))


def _start(name: str) -> tuple[Graph, Tensor]:
    g = Graph(name, dtype="float64", seed=42)
    return g, g.placeholder("x", ("batch", "time", len(VOCABULARY)))


def lstm() -> Model:
    """One LSTM."""
    g, x = _start("LSTM")
    one = cell()
    outputs, state = dynamic_rnn(one, x, over="time")
    return _finish(g, x, {"cell": one}, outputs, state, state.h)


def initstate() -> Model:
    """One LSTM that starts from a state of ones."""
    g, x = _start("LSTM with an initial state")
    one = cell()
    start = LSTMState(*(g.fill(("batch", HIDDEN), 1.0, name=name) for name in ("c_0", "h_0")))
    outputs, state = dynamic_rnn(one, x, over="time", initial_state=start)
    return _finish(g, x, {"cell": one}, outputs, state, state.h)


def multi() -> Model:
    """Two LSTMs on top of each other."""
    g, x = _start("two layers")
    cells = {"cell1": cell(), "cell2": cell()}
    outputs, states = dynamic_rnn(MultiRNNCell(cells.values()), x, over="time")
    return _finish(g, x, cells, outputs, states, states[-1].h)


def bi() -> Model:
    """One LSTM in each direction."""
    g, x = _start("bidirectional")
    cells = {"fw_cell": cell(), "bw_cell": cell()}
    outputs, states = BiRNN(*cells.values())(x, over="time")
    return _finish(g, x, cells, outputs, states, last_outputs(outputs))


def bimulti() -> Model:
    """Two independent stacks of two, one in each direction."""
    g, x = _start("bidirectional, two layers")
    cells = {name: cell() for name in ("fw_cell1", "fw_cell2", "bw_cell1", "bw_cell2")}
    fw1, fw2, bw1, bw2 = cells.values()
    outputs, states = BiRNN(MultiRNNCell([fw1, fw2]), MultiRNNCell([bw1, bw2]))(x, over="time")
    return _finish(g, x, cells, outputs, states, last_outputs(outputs))


def last_outputs(outputs: Tensor) -> Tensor:
    """Return the outputs at the last position, as the article does.

    In the backward direction that is the *first* step, which has read one word only: the summary of both directions is
    the pair of final states, which this keeps out on purpose, to reproduce the article's numbers.
    """
    return ops.take_slice(outputs, (slice(None), -1), name="last_outputs")


FORMS: dict[str, Callable[[], Model]] = {
    "lstm": lstm,
    "initstate": initstate,
    "multi": multi,
    "bi": bi,
    "bimulti": bimulti,
}

# The article's starting weights of the output layer; a model with fewer features takes the first rows.
# All cells have the same five rows, of which the last two are alike.
_FOUR_ROWS = np.array(
    [
        [
            -0.09588283, -2.2044923, -0.74828255, 0.14180686, -0.32083616,
            -0.9444244, 0.06826905, -0.9728962, -0.18506959, 1.0618515,
        ],
        [
            1.156649, 3.2738173, -1.2556943, -0.9079511, -0.82127047,
            -1.1448543, -0.60807484, -0.5885713, 1.0378786, -0.7088431,
        ],
        [
            1.006477, 0.28033388, -0.1804534, 0.8093307, -0.36991575,
            0.29115433, -0.01028167, -0.7357091, 0.92254084, -0.10753923,
        ],
        [
            0.19266959, 0.6108299, 2.2495654, 1.5288974, 1.0172302,
            1.1311738, 0.2666629, -0.30611828, -0.01412263, 0.44799015,
        ],
    ]
)
OUTPUT_KERNEL = np.tile(_FOUR_ROWS[[0, 1, 2, 3, 3]], (2, 1))
OUTPUT_BIAS = np.array(
    [
        0.1458478, -0.3660951, -2.1647317, -1.9633691, -0.24532059,
        0.14005205, -1.0961286, -0.43737876, 0.7028531, -1.8481724,
    ]
)
