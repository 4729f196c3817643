"""The temporal order task: which of two signals came first, long ago."""

from __future__ import annotations

import numpy as np

from graphengine.spec import Array

SYMBOLS = ("a", "b", "c", "d", "X", "Y", "E", "B")
CLASSES = ("XX", "XY", "YX", "YY")
CHANCE = 1 / len(CLASSES)


def sequences(rng: np.random.Generator, count: int, length: int) -> tuple[Array, Array]:
    """Draw sequences as one-hot rows, `[count, length, 8]` in float32, and their classes, `[count]`.

    A sequence begins with E and ends with B. Between them stand distractors (a, b, c, d), but for an X or a Y at a
    random position in the second tenth and another one in the tenth after the middle. The class is which two they are,
    in order.

    The original's lengths of 100 to 110 are one fixed length here, with the signals at the same parts of it.

    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, experiment 6a.
    """
    if length < 10:
        raise ValueError(f"a sequence has room for its signals from a length of 10, not {length}")
    tenth = length // 10
    rows = np.arange(count)
    symbols = rng.integers(0, 4, (count, length))
    symbols[:, 0], symbols[:, -1] = SYMBOLS.index("E"), SYMBOLS.index("B")
    signals = rng.integers(0, 2, (2, count))
    for signal, start in zip(signals, (tenth, length // 2), strict=True):
        symbols[rows, rng.integers(start, start + tenth + 1, count)] = SYMBOLS.index("X") + signal
    first, second = signals
    return np.eye(len(SYMBOLS), dtype=np.float32)[symbols], 2 * first + second
