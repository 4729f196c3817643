"""TensorFlow 1: one kernel on [x, h], gates as columns, i, j, f, o and r, u; the forget bias is added at run time."""

from __future__ import annotations

import numpy as np

from graphengine.spec import Array
from layers.weights.layout import (
    GATES,
    Gates,
    Given,
    Kind,
    Weights,
    checked,
    entry,
    matrix,
    pick,
    refuse,
    reorder,
    shape_is,
)

LSTM = ("i", "cproj", "f", "o")
ORDER: Gates = {"rnn": ("h",), "lstm": LSTM, "peephole": LSTM, "gru": ("r", "u", "n")}
PEEPHOLES = {"w_f_diag": "p_f", "w_i_diag": "p_i", "w_o_diag": "p_o"}
PEEPHOLE = 'a peephole has no place in our LSTMCell; load it with kind="peephole" into PeepholeLSTMCell'
PROJECTION = {"projection/kernel": "a projection (num_proj) has no place in our cells"}
GRU = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")


def from_tf(arrays: Given, kind: Kind) -> Weights:
    """Return the weights of a TensorFlow 1 cell as `cell.assign` takes them.

    `forget_bias` is no part of the weights, there as here: give `LSTMCell` the one that the TensorFlow cell had.

    Args:
        arrays: by TensorFlow's names (`kernel`, `bias`; for a GRU `gates/kernel`, …, `candidate/bias`), whatever leads
            to them; one cell of a stack is chosen with `part(arrays, "rnn/multi_rnn_cell/cell_0")`.
        kind: "rnn" (`BasicRNNCell`), "lstm" (`BasicLSTMCell`, `LSTMCell`), "peephole" (`LSTMCell` with
            `use_peepholes`, our `PeepholeLSTMCell`), "gru" (`GRUCell`; to be loaded into a cell that resets before the
            product), "dense".

    Raises:
        WeightsError: a name or a shape is not what the cell has, it has a projection, or peepholes that `kind` does
            not name.

    >>> ours = from_tf({"rnn/basic_rnn_cell/kernel:0": np.ones((5, 2)), "rnn/basic_rnn_cell/bias:0": np.ones(2)}, "rnn")
    >>> {name: array.shape for name, array in ours.items()}
    {'kernel': (3, 2), 'recurrent_kernel': (2, 2), 'bias': (2,)}
    """
    if kind == "dense":
        return {name: np.array(array) for name, array in checked(arrays, kind).items()}
    if kind == "gru":
        return _from_gru(arrays)
    order = entry(ORDER, kind, "TensorFlow")
    peepholes = PEEPHOLES if kind == "peephole" else {}
    lost = PROJECTION if peepholes else PROJECTION | dict.fromkeys(PEEPHOLES, PEEPHOLE)
    found = pick(arrays, ("kernel", "bias", *peepholes), lost=lost)
    of_input, of_state = _parted("kernel", found["kernel"], len(order))
    shape_is("bias", found["bias"], found["kernel"].shape[1:])
    ours = {"kernel": of_input, "recurrent_kernel": of_state, "bias": found["bias"]}
    ours = {name: reorder(array, order, GATES[kind]) for name, array in ours.items()}
    for given, name in peepholes.items():
        shape_is(given, found[given], (len(of_state),))
        ours[name] = found[given].copy()
    return ours


def to_tf(values: Given, kind: Kind) -> Weights:
    """Return weights of ours by TensorFlow's names.

    Args:
        values: kernel, recurrent_kernel, bias …, as `from_tf` returns them.

    Raises:
        WeightsError: a name or a shape is wrong, there is no bias, or a GRU resets after the product.
    """
    ours = checked(values, kind, reset="before")
    if kind == "dense":
        return {name: np.array(array) for name, array in ours.items()}
    order = entry(ORDER, kind, "TensorFlow")
    if "bias" not in ours:
        refuse("TensorFlow's cells have a bias, and these weights have none; give it zeros")
    whole = np.concatenate([ours["kernel"], ours["recurrent_kernel"]])
    if kind == "gru":
        hidden = whole.shape[1] // 3
        (r_u, n), (r_u_bias, n_bias) = (np.split(each, [2 * hidden], axis=-1) for each in (whole, ours["bias"]))
        return {name: array.copy() for name, array in zip(GRU, (r_u, r_u_bias, n, n_bias), strict=True)}
    theirs = {"kernel": whole, "bias": ours["bias"]}
    theirs = {name: reorder(array, GATES[kind], order) for name, array in theirs.items()}
    return theirs | {given: ours[name].copy() for given, name in PEEPHOLES.items() if name in ours}


def _from_gru(arrays: Given) -> Weights:
    found = pick(arrays, GRU)
    gates, candidate = found["gates/kernel"], found["candidate/kernel"]
    rows, hidden = matrix("candidate/kernel", candidate)
    shape_is("gates/kernel", gates, (rows, 2 * hidden))
    shape_is("gates/bias", found["gates/bias"], (2 * hidden,))
    shape_is("candidate/bias", found["candidate/bias"], (hidden,))
    of_input, of_state = _parted("gates/kernel and candidate/kernel", np.concatenate([gates, candidate], axis=1), 3)
    return {
        "kernel": of_input,
        "recurrent_kernel": of_state,
        "bias": np.concatenate([found["gates/bias"], found["candidate/bias"]]),
    }


def _parted(name: str, kernel: Array, gates: int) -> tuple[Array, Array]:
    """Cut a kernel that acts on [x, h] into the parts for x and for h."""
    rows, columns = matrix(name, kernel)
    hidden, rest = divmod(columns, gates)
    if rest or rows < hidden:
        refuse(f"{name} should be [I + H, {gates} H], got {list(kernel.shape)}")
    return kernel[: rows - hidden].copy(), kernel[rows - hidden :].copy()
