"""What the first table shows, of the rows that were measured."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.case import Case
from benchmarks.goals import HANDWRITTEN, goal
from benchmarks.report import Table, milliseconds, ratio
from benchmarks.speed import Row

FIRST = ("ours", "hand-written", "products alone", "torch")
TITLES = {"median": "Median time", "minimum": "Shortest time", "processor": "Median processor time"}
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

    def yardstick(self, case: Case) -> str:
        """The peer that stands for torch."""
        if case.kind:
            return "torch"
        return "torchrecurrent" if (case, "torchrecurrent") in self.found else "torch cells"

    def over(self, case: Case, peer: str, other: str, statistic: str = "median") -> float | None:
        """The time of a peer over that of another."""
        times = [row.timing for name in (peer, other) if (row := self.found.get((case, name))) and row.timing]
        return getattr(times[0], statistic) / getattr(times[1], statistic) if len(times) == 2 else None

    def summary(self, statistic: str) -> Table:
        """One row a case: every peer's time over torch's, by "median", "minimum" or "processor"."""
        others = [name for name in self.peers if name != "torch"]
        head = ("case", "dtype", "pass", "torch ms", *others, "ours / hand-written", "goal", "moonshot")
        table = Table(f"{TITLES[statistic]} of one step over torch's (below 1 is faster than torch)", head)
        for case in self.cases:
            torch = self.found.get((case, self.yardstick(case)))
            aims = goal(case)
            table.rows.append((
                *_what(case),
                milliseconds(getattr(torch.timing, statistic)) if torch and torch.timing else "–",
                *(ratio(self.over(case, name, self.yardstick(case), statistic)) for name in others),
                ratio(self.over(case, "ours", "hand-written", statistic)),
                *(("–", "–") if aims is None else map(ratio, aims)),
            ))
        table.notes += [
            "Torch stands for torch.nn.LSTM, GRU and RNN; for other cells for the same cell of torchrecurrent, and "
            "where that has none, for a loop of torch.nn.LSTMCell of the same size.",
            f"The goal for ours / hand-written is {HANDWRITTEN} everywhere.",
            *(f"{row.case.name}, {row.case.dtype}: {row.peer} {row.problem}" for row in self.failed()),
        ]
        return table

    def details(self) -> Table:
        """One row for every peer at every case."""
        table = Table("Time of one step, everything measured", HEAD, long=True)
        for case in self.cases:
            for peer in self.peers:
                row = self.found.get((case, peer))
                if row is None or row.timing is None:
                    continue
                table.rows.append((
                    *_what(case),
                    peer,
                    *map(milliseconds, (row.timing.median, row.timing.minimum, row.timing.processor)),
                    *(ratio(self.over(case, peer, other)) for other in (self.yardstick(case), *FIRST[1:3])),
                    "–" if row.error is None else f"{row.error:.0e}",
                ))
        return table

    def failed(self) -> list[Row]:
        """The rows that have no time."""
        return [row for row in self.found.values() if row.problem]


def _what(case: Case) -> tuple[str, str, str]:
    return case.name, case.dtype, case.direction


def _ordered(names: set[str]) -> list[str]:
    """Names of peers as tables show them."""
    return [*(name for name in FIRST if name in names), *sorted(names.difference(FIRST), key=str.lower)]
