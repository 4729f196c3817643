"""Our layout of weights, and the checks and rearrangements that every source shares."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NoReturn, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from graphengine import errors
from graphengine.spec import Array

Kind: TypeAlias = Literal["rnn", "lstm", "peephole", "gru", "dense", "embedding"]
Reset: TypeAlias = Literal["after", "before"]
Given: TypeAlias = Mapping[str, npt.ArrayLike]
Weights: TypeAlias = dict[str, Array]
Gates: TypeAlias = Mapping[str, tuple[str, ...]]
Entry = TypeVar("Entry")

LSTM = ("f", "i", "cproj", "o")
GATES: Gates = {"rnn": ("h",), "lstm": LSTM, "peephole": LSTM, "gru": ("r", "u", "n")}
PEEPHOLES = ("p_f", "p_i", "p_o")
PLAIN: Mapping[str, tuple[str, ...]] = {"dense": ("kernel", "bias"), "embedding": ("table",)}


def refuse(reason: str) -> NoReturn:
    """Raise a WeightsError that shows the user's line."""
    raise errors.WeightsError(f"{reason}{errors.here()}")


def entry(table: Mapping[str, Entry], kind: str, source: str = "weights") -> Entry:
    """Return what a table holds for a recurrent kind of layer."""
    if kind not in table:
        refuse(f"{source}: no conversion of kind={kind!r}; there are {', '.join((*table, *PLAIN))}")
    return table[kind]


def part(arrays: Given, prefix: str) -> dict[str, npt.ArrayLike]:
    """Return the arrays of one part of a model: those whose names start with a prefix, which is cut off.

    >>> sorted(part({"encoder.rnn.weight_ih_l0": 0, "encoder.rnn.bias_ih_l0": 1, "head.weight": 2}, "encoder.rnn"))
    ['bias_ih_l0', 'weight_ih_l0']

    Raises:
        WeightsError: no name starts like that.
    """
    start = re.compile(re.escape(prefix.rstrip("/.")) + r"[/.]")
    found = {start.sub("", name, count=1): array for name, array in arrays.items() if start.match(name)}
    if not found:
        refuse(f"no name starts with {prefix!r}; there are {_listed(arrays)}")
    return found


def pick(
    arrays: Given, required: Collection[str], optional: Collection[str] = (), lost: Mapping[str, str] | None = None
) -> Weights:
    """Return arrays by the end of their names, whatever leads to it (`decoder/lstm_cell/kernel:0`).

    Args:
        required, optional: the ends of names that are understood; an end may have several parts, `gates/kernel`.
        lost: ends of names of things that we have no place for, and why.

    Raises:
        WeightsError: a name is missing, unknown, or matched twice.
    """
    found: Weights = {}
    reasons = lost or {}
    for full, value in arrays.items():
        if (end := _end(full, reasons)) is not None:
            refuse(f"{full}: {reasons[end]}")
        name = _end(full, (*required, *optional))
        if name is None:
            refuse(f"{full} is none of the names {_listed((*required, *optional))}")
        if name in found:
            refuse(f"two arrays are called {name}; choose one with part(arrays, prefix): {_listed(arrays)}")
        found[name] = _floats(full, value)
    if missing := [name for name in required if name not in found]:
        refuse(f"there is no {_listed(missing)}; there are {_listed(arrays)}")
    return found


def _end(full: str, ends: Iterable[str]) -> str | None:
    """Return the one of some names that a full name ends with, part by part; the longest if several do."""
    parts = re.split(r"[/.]", re.sub(r":\d+$", "", full))
    fits = [end for end in ends if parts[-len(end.split("/")) :] == end.split("/")]
    return max(fits, key=len, default=None)


def _floats(name: str, value: npt.ArrayLike) -> Array:
    array = np.asarray(value)
    if array.dtype not in (np.float32, np.float64):
        refuse(f"{name} holds {array.dtype}; weights are float32 or float64, so convert it first")
    return array


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def matrix(name: str, array: Array) -> tuple[int, int]:
    """Return the sizes of a matrix; refuse anything else."""
    if array.ndim != 2:
        refuse(f"{name} should be a matrix, got {list(array.shape)}")
    rows, columns = array.shape
    return rows, columns


def shape_is(name: str, array: Array, wanted: tuple[int, ...]) -> None:
    """Refuse an array of another shape."""
    if array.shape != wanted:
        refuse(f"{name} should be {list(wanted)}, got {list(array.shape)}")


def reorder(array: Array, have: Sequence[str], want: Sequence[str]) -> Array:
    """Return a new array whose blocks along the last axis stand in another order.

    >>> reorder(np.array([1.0, 2.0, 3.0]), ("r", "z", "n"), ("z", "r", "n")).tolist()
    [2.0, 1.0, 3.0]
    """
    blocks = np.split(array, len(have), axis=-1)
    return np.concatenate([blocks[have.index(gate)] for gate in want], axis=-1)


def checked(values: Given, kind: Kind, reset: Reset = "after") -> Weights:
    """Return weights in our layout as arrays, their names and shapes checked against each other.

    Raises:
        WeightsError: they are not the weights of such a layer.
    """
    if kind in PLAIN:
        return _checked_plain(values, kind)
    gates = len(entry(GATES, kind))
    peepholes = PEEPHOLES if kind == "peephole" else ()
    optional = ("bias", "recurrent_bias") if kind == "gru" else ("bias",)
    found = pick(values, ("kernel", "recurrent_kernel", *peepholes), optional)
    hidden, _ = matrix("recurrent_kernel", found["recurrent_kernel"])
    shapes = {
        "kernel": (matrix("kernel", found["kernel"])[0], gates * hidden),
        "recurrent_kernel": (hidden, gates * hidden),
        "bias": (gates * hidden,),
        "recurrent_bias": (hidden,),
        **dict.fromkeys(peepholes, (hidden,)),
    }
    for name, array in found.items():
        shape_is(name, array, shapes[name])
    if kind == "gru":
        _check_reset(found, reset)
    return found


def _check_reset(found: Weights, reset: Reset) -> None:
    """A GRU has a second bias exactly if it resets after the product and has biases at all."""
    if reset not in ("after", "before"):
        refuse(f'reset is "after" or "before" the product, not {reset!r}')
    if "recurrent_bias" in found and reset == "before":
        refuse(
            "these are weights of a GRU that resets after the product: its recurrent_bias is multiplied by the reset "
            "gate, so it cannot be merged into the one bias of a GRU that resets before it"
        )
    if ("recurrent_bias" in found) != ("bias" in found) and reset == "after":
        refuse(
            "a GRU that resets after the product has both bias and recurrent_bias, or neither; one that resets before "
            "it has another equation, which no weights make equal"
        )


def _checked_plain(values: Given, kind: Kind) -> Weights:
    first, *rest = PLAIN[kind]
    found = pick(values, (first,), rest)
    _, outputs = matrix(first, found[first])
    for name in rest:
        if name in found:
            shape_is(name, found[name], (outputs,))
    return found


def merge_biases(kind: Kind, of_input: Array, of_state: Array) -> Weights:
    """Return the biases of a source that adds one to the input's product and one to the state's.

    They add up, but for the candidate of a GRU: there the state's bias is multiplied by the reset gate.
    """
    bias = of_input + of_state
    if kind != "gru":
        return {"bias": bias}
    hidden = len(bias) // 3
    bias[-hidden:] = of_input[-hidden:]
    return {"bias": bias, "recurrent_bias": of_state[-hidden:].copy()}


def part_biases(values: Weights) -> tuple[Array, Array]:
    """Return a bias of the input's product and one of the state's that do what ours do: all in the first, if it can."""
    of_input = values["bias"].copy()
    of_state = np.zeros_like(of_input)
    if "recurrent_bias" in values:
        of_state[-len(values["recurrent_bias"]) :] = values["recurrent_bias"]
    return of_input, of_state


def forget_bias_of(kind: Kind, given: float | None, source: str) -> float:
    """Return what our cell adds to the forget gate at run time, and a source that adds nothing keeps in its bias."""
    if kind != "lstm":
        if given is not None:
            refuse(f"only an LSTM has a forget_bias, not kind={kind!r}")
        return 0.0
    if given is None:
        refuse(
            f"say forget_bias=, what the cell adds at run time (an LSTMCell 1.0 unless told otherwise): {source} adds "
            "nothing, so the bias must hold it"
        )
    return given


def shift_forget(values: Weights, amount: float) -> Weights:
    """Return weights with the forget gate's part of the bias moved."""
    if not amount:
        return values
    if "bias" not in values:
        refuse(f"there is no bias to take forget_bias={abs(amount)}; only 0.0 can be converted without one")
    bias = values["bias"].copy()
    bias[: len(bias) // 4] += bias.dtype.type(amount)
    return {**values, "bias": bias}
