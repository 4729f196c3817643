"""What the first table shows, of the rows that were measured."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.case import Case
from benchmarks.goals import goal
from benchmarks.report import Table, milliseconds, ratio
from benchmarks.speed import Row

FIRST = ("ours", "hand-written", "products alone", "torch")
HEAD = (
    "case", "dtype", "pass", "peer", "median ms", "minimum ms", "CPU ms", "/ torch", "/ hand-written", "/ products",
    "off by",
)  # fmt: skip


class SpeedTables:
    """Rows of many cases, and the tables they make."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.found = {(row.case, row.peer): row for row in rows}
        self.cases = list(dict.fromkeys(row.case for row in rows))
        self.peers = _ordered({row.peer for row in rows})

    def over(self, case: Case, peer: str, other: str) -> float | None:
        """The median of a peer over that of another."""
        times = [row.timing for name in (peer, other) if (row := self.found.get((case, name))) and row.timing]
        return times[0].median / times[1].median if len(times) == 2 else None

    def summary(self) -> Table:
        """One row a case: every peer's time over torch's."""
        others = [name for name in self.peers if name != "torch"]
        head = ("case", "dtype", "pass", "torch ms", *others, "ours / hand-written", "goal", "moonshot")
        table = Table("Time of one step over torch's (medians; below 1 is faster than torch)", head)
        for case in self.cases:
            torch = self.found.get((case, _yardstick(case)))
            aims = goal(case)
            table.rows.append((
                *_what(case),
                milliseconds(torch.timing.median) if torch and torch.timing else "–",
                *(ratio(self.over(case, name, _yardstick(case))) for name in others),
                ratio(self.over(case, "ours", "hand-written")),
                *(("–", "–") if aims is None else map(ratio, aims)),
            ))
        table.notes += [
            "torch: torch.nn.LSTM, GRU or RNN; for other cells the same cell of torchrecurrent, where it has one.",
            *(f"{row.case.name}, {row.case.dtype}: {row.peer} {row.problem}" for row in self.failed()),
        ]
        return table

    def details(self) -> Table:
        """One row for every peer at every case."""
        table = Table("Time of one step, everything measured", HEAD)
        for case in self.cases:
            for peer in self.peers:
                row = self.found.get((case, peer))
                if row is None or row.timing is None:
                    continue
                table.rows.append((
                    *_what(case),
                    peer,
                    *map(milliseconds, (row.timing.median, row.timing.minimum, row.timing.processor)),
                    *(ratio(self.over(case, peer, other)) for other in (_yardstick(case), *FIRST[1:3])),
                    "–" if row.error is None else f"{row.error:.0e}",
                ))
        return table

    def failed(self) -> list[Row]:
        """The rows that have no time."""
        return [row for row in self.found.values() if row.problem]


def _what(case: Case) -> tuple[str, str, str]:
    return case.name, case.dtype, case.direction


def _yardstick(case: Case) -> str:
    return "torch" if case.kind else "torchrecurrent"


def _ordered(names: set[str]) -> list[str]:
    """Names of peers as tables show them."""
    return [*(name for name in FIRST if name in names), *sorted(names.difference(FIRST), key=str.lower)]
