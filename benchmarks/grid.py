"""The grid: which cases stand in the first table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from benchmarks.case import FORMS, KINDS, SIZES, Case
from layers import discover

PASSES = {"training": True, "forward": False}
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Axes:
    """What is varied."""

    sizes: Sequence[str]
    dtypes: Sequence[str]
    forms: Sequence[str]
    passes: Sequence[str]


QUICK = ("tiny", "small", "medium")
LSTM = Axes(QUICK, DTYPES, ("one", "two", "both"), tuple(PASSES))
COMMON = Axes(QUICK, DTYPES, ("one",), tuple(PASSES))
OTHERS = Axes(("small",), ("float32",), ("one",), ("training",))


def cells() -> list[str]:
    """Every cell that exists, those that every framework has first."""
    return [*KINDS, *(name for name in discover() if name not in KINDS)]


def grid(
    names: Iterable[str],
    *,
    sizes: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    forms: Sequence[str] = (),
    passes: Sequence[str] = (),
    everything: bool = False,
) -> list[Case]:
    """Return the cases of some cells; an axis that is not given is varied as much as the cell deserves.

    >>> [case.name for case in grid(["LSTMCell"], sizes=["tiny"], dtypes=["float32"], passes=["training"])]
    ['LSTM tiny', 'LSTM tiny, 2 layers', 'LSTM tiny, bidirectional']
    """
    found = []
    for cell in names:
        axes = {"LSTMCell": LSTM}.get(cell, COMMON if cell in KINDS else OTHERS)
        usual = tuple(SIZES) if everything and cell in KINDS else axes.sizes
        found += [
            Case.of(cell, size, form, dtype=dtype, training=PASSES[direction])
            for direction, dtype, form, size in product(
                passes or axes.passes, dtypes or axes.dtypes, forms or axes.forms, sizes or usual
            )
        ]
    return found


def known() -> dict[str, tuple[str, ...]]:
    """What may be asked for on every axis."""
    return {"sizes": tuple(SIZES), "dtypes": DTYPES, "forms": tuple(FORMS), "passes": tuple(PASSES)}
