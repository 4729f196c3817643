"""The third table: how time and memory grow with length, batch, width and depth."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peer import Peer
from benchmarks.problem import problem
from benchmarks.report import Table
from benchmarks.timing import measure

MEGABYTE = 2**20


@dataclass(frozen=True)
class Axis:
    """One size that is varied, the others being those of the base."""

    symbol: str
    fields: tuple[str, ...]
    values: tuple[int, ...]

    def cases(self, base: Case) -> list[Case]:
        """The base at every value."""
        return [replace(base, **dict.fromkeys(self.fields, value)) for value in self.values]


BASE = Case("LSTMCell", steps=100, batch=32, inputs=128, hidden=128)
AXES = (
    Axis("T", ("steps",), (50, 100, 200, 400, 800)),
    Axis("B", ("batch",), (8, 16, 32, 64, 128)),
    Axis("H = I", ("hidden", "inputs"), (32, 64, 128, 256, 512)),
    Axis("layers", ("layers",), (1, 2, 3, 4)),
)
NUMPY_ONLY = ("ours", "hand-written")
"""The peers whose memory Python can see."""


@dataclass(frozen=True)
class Growth:
    """One peer along one axis: processor seconds per run, and peak bytes of making it ready and running it twice."""

    peer: str
    axis: Axis
    seconds: tuple[float, ...]
    peaks: tuple[int, ...] | None

    def as_dict(self) -> dict[str, Any]:
        """Everything, for a file."""
        return {
            "peer": self.peer,
            "axis": self.axis.symbol,
            "values": self.axis.values,
            "seconds": self.seconds,
            "time exponent": exponent(self.axis.values, self.seconds),
            "bytes": self.peaks,
            "memory exponent": self.peaks and exponent(self.axis.values, self.peaks),
        }


def exponent(sizes: Sequence[float], amounts: Sequence[float]) -> float:
    """Fit p in amount = a · size^p, by least squares on logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    slope, _ = np.polyfit(np.log(sizes), np.log(amounts), 1)
    return float(slope)


def grow(axis: Axis, peers: Mapping[str, Peer], seconds: float, base: Case = BASE) -> list[Growth]:
    """Measure peers along an axis, in alternation at each value."""
    able = {name: peer for name, peer in peers.items() if all(peer.supports(case) for case in axis.cases(base))}
    times: dict[str, list[float]] = {name: [] for name in able}
    peaks: dict[str, list[int]] = {name: [] for name in able if name in NUMPY_ONLY}
    for case in axis.cases(base):
        numbers = problem(case)
        for name in peaks:
            peaks[name].append(_peak(able[name], numbers))
        runs = {name: peer.build(numbers).run for name, peer in able.items()}
        for name, timing in measure(runs, seconds).items():
            times[name].append(timing.processor)
    return [Growth(name, axis, tuple(times[name]), tuple(peaks[name]) if name in peaks else None) for name in able]


def _peak(peer: Peer, numbers: Any) -> int:
    tracemalloc.start()
    try:
        step = peer.build(numbers)
        for _ in range(2):
            step.run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def table(rows: Sequence[Growth], base: Case = BASE) -> Table:
    """Show the rows."""
    found = Table(
        f"How a training step grows from LSTM T = {base.steps}, B = {base.batch}, H = I = {base.hidden}, {base.dtype}",
        ("varied", "values", "peer", "time exponent", "processor ms", "memory exponent", "peak, MB"),
    )
    for row in rows:
        values = row.axis.values
        found.rows.append((
            row.axis.symbol,
            _listed(values, "d"),
            row.peer,
            f"{exponent(values, row.seconds):.2f}",
            _listed([each * 1e3 for each in row.seconds], ".3g"),
            "–" if row.peaks is None else f"{exponent(values, row.peaks):.2f}",
            "–" if row.peaks is None else _listed([each / MEGABYTE for each in row.peaks], ".3g"),
        ))
    found.notes.append(
        "Exponents are fitted by least squares on logarithms; memory is what Python can see, without the numbers fed."
    )
    return found


def _listed(values: Sequence[float], form: str) -> str:
    return " ".join(format(value, form) for value in values)
