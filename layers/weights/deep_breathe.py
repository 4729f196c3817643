"""Deep-Breathe, the article's code: one matrix with gates as rows f, i, c, o; column 0 is the bias, then x, then h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphengine.spec import Array
from layers.weights.layout import Given, Weights, checked, matrix, pick, refuse


def from_deep_breathe(weights: npt.ArrayLike) -> Weights:
    """Return the weights of an LSTM of Deep-Breathe as `LSTMCell.assign` takes them.

    `forget_bias` is no part of the weights, there as here; it is 1.0 in both unless told otherwise.

    Args:
        weights: `[4H, 1 + I + H]`, acting on the column [1; x; h].

    Raises:
        WeightsError: the matrix has another shape.

    >>> {name: array.shape for name, array in from_deep_breathe(np.full((20, 16), 0.1)).items()}
    {'kernel': (10, 20), 'recurrent_kernel': (5, 20), 'bias': (20,)}
    """
    whole = pick({"weights": weights}, ("weights",))["weights"]
    rows, columns = matrix("weights", whole)
    hidden, rest = divmod(rows, 4)
    if rest or columns < 1 + hidden:
        refuse(f"weights should be [4H, 1 + I + H], got {list(whole.shape)}")
    bias, of_input, of_state = np.split(whole.T, [1, columns - hidden])
    return {"kernel": of_input.copy(), "recurrent_kernel": of_state.copy(), "bias": bias[0].copy()}


def to_deep_breathe(values: Given) -> Array:
    """Return weights of an LSTM of ours as Deep-Breathe's one matrix, `[4H, 1 + I + H]`.

    Raises:
        WeightsError: a name or a shape is wrong, or there is no bias.
    """
    ours = checked(values, "lstm")
    if "bias" not in ours:
        refuse("Deep-Breathe's cell has a bias, and these weights have none; give it zeros")
    return np.concatenate([ours["bias"][None], ours["kernel"], ours["recurrent_kernel"]]).T.copy()
