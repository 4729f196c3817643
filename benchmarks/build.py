"""The second table: what stands before the first result, building, compiling and the first run of a size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.case import SIZES, Case
from benchmarks.peer import Peer
from benchmarks.problem import problem
from benchmarks.report import Table, milliseconds

LATER = 5
"""How many runs after the first one tell what a run costs once everything is ready."""


@dataclass(frozen=True)
class Build:
    """One peer at one case, in seconds."""

    case: Case
    peer: str
    stages: Mapping[str, float]
    first: float
    later: float

    @property
    def before(self) -> float:
        """What a user waits for beyond a run: making it ready, and what only the first run does."""
        return sum(self.stages.values()) + max(0.0, self.first - self.later)

    def as_dict(self) -> dict[str, Any]:
        """Everything, for a file."""
        return {
            **self.case.as_dict(),
            "peer": self.peer,
            "stages": dict(self.stages),
            "first run": self.first,
            "later run": self.later,
        }


def cases(cells: Sequence[str]) -> list[Case]:
    """Every length at one size, a thousand narrow steps, a stack in both directions, and every other cell."""
    _, *sizes = SIZES["long"]
    lengths = [Case("LSTMCell", steps, *sizes) for steps in (10, 100, 1000)]
    narrow = Case("LSTMCell", 1000, *SIZES["tiny"][1:])
    stacked = replace(lengths[-1], layers=2, bidirectional=True)
    others = [Case(cell, 1000, *sizes) for cell in cells if cell != "LSTMCell"]
    return [case for case in (*lengths, narrow, stacked) if "LSTMCell" in cells] + others


def prepare(case: Case, peer: Peer) -> Build:
    """Take the times of a peer that has done something small before, so that no import is counted."""
    small = problem(replace(case, steps=2))
    peer.build(small).run()
    numbers = problem(case)
    start = perf_counter()
    step = peer.build(numbers)
    whole = perf_counter() - start
    times = []
    for _ in range(LATER + 1):
        start = perf_counter()
        step.run()
        times.append(perf_counter() - start)
    return Build(case, peer.name, step.stages or {"make": whole}, times[0], median(times[1:]))


def table(rows: Sequence[Build]) -> Table:
    """Show the rows."""
    found = Table(
        "From nothing to the first result (training, one process, imports not counted)",
        ("case", "peer", "made ready, ms", "first run ms", "a later run ms", "first - later ms", "all before ms"),
    )
    for row in rows:
        found.rows.append((
            row.case.name,
            row.peer,
            ", ".join(f"{stage} {milliseconds(seconds)}" for stage, seconds in row.stages.items()),
            milliseconds(row.first),
            milliseconds(row.later),
            milliseconds(max(0.0, row.first - row.later)),
            milliseconds(row.before),
        ))
    found.notes.append(
        "Our goals: graph and plan together at most 20 ms at any length, and the first run of a new size at most 60 ms "
        "longer than a later one at 1000 steps."
    )
    return found
