"""The lattice: columns in time, rows of cells and of sequences, states in the gutters between columns.

x grows to the right and y downward. Time runs to the right whatever the direction; a backward row has its states on
the left of its cells, which is all that is different about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

RowKind: TypeAlias = Literal["cell", "entry", "wide"]

GAP_WIDTH = 62.0  # of a column that stands for steps left out
PAD = 10.0  # from a cell to the border of its frame
TITLE = 20.0  # what the title of a frame needs above its cells


@dataclass(frozen=True)
class Spacing:
    """Room between things.

    Attributes:
        exit: from a cell to the state that leaves it.
        entry: from a state to the cell that reads it.
        between: from row to row.
    """

    exit: float
    entry: float
    between: float


@dataclass
class Row:
    """A row of the lattice.

    Attributes:
        width: of what stands on its crossings; also `height`.
        offset: how far it stands to the right of the others, so that lines can pass it.
        backwards: whether its states run from right to left.
        states: whether states stand in its gutters.
        framed: whether a frame with a title runs around the whole row.
        passing: how far lines that pass it reach, to the left and to the right of the column's middle.
        y: its middle, once placed.
    """

    kind: RowKind
    width: float
    height: float
    offset: float = 0.0
    backwards: bool = False
    states: bool = False
    framed: bool = False
    passing: tuple[float, float] = (0.0, 0.0)
    y: float = 0.0

    def left(self, gap: bool) -> float:
        """How far its crossing reaches to the left of the column's middle, passing lines included."""
        return min(self.offset - self._half(gap), self.passing[0])

    def right(self, gap: bool) -> float:
        """How far it reaches to the right."""
        return max(self.offset + self._half(gap), self.passing[1])

    def _half(self, gap: bool) -> float:
        return (GAP_WIDTH if gap else self.width) / 2


class Grid:
    """Rows and columns with places.

    Args:
        gaps: for every column whether it stands for steps left out.
        rows: from below.
        pill: the width of a state.
    """

    def __init__(self, gaps: Sequence[bool], rows: Sequence[Row], pill: float, spacing: Spacing) -> None:
        self.gaps = list(gaps)
        self.rows = list(rows)
        self.pill = pill
        self.spacing = spacing
        self.columns = self._columns()
        self.height = self._place_rows()

    def _columns(self) -> list[float]:
        """The middles, to two decimals: what stands in alike columns is then equally far apart, and stays so."""
        found = [0.0]
        for gap, after in zip(self.gaps, self.gaps[1:], strict=False):
            found.append(found[-1] + max(self._pitch(row, gap, after) for row in self.rows))
        return [round(x, 2) for x in found[: len(self.gaps)]]

    def _pitch(self, row: Row, gap: bool, after: bool) -> float:
        states = self.pill + self.spacing.exit + self.spacing.entry if row.states else 16.0
        return row.right(gap) + states - row.left(after)

    def _place_rows(self) -> float:
        """Stack the rows from the top, which is the last one; returns the whole height."""
        y = 0.0
        above: Row | None = None
        for row in reversed(self.rows):
            if above is not None:
                y += self.spacing.between + (4.0 if above.framed and row.framed else 0.0)
            y += TITLE if row.framed else 0.0
            row.y = y + row.height / 2
            y += row.height + (PAD if row.framed else 0.0)
            above = row
        return y

    def gutter(self, row: Row, k: int) -> float:
        """The x of the state that stands before column `k` (after the last one for k = number of columns)."""
        before, after = (
            (self.spacing.entry, self.spacing.exit) if row.backwards else (self.spacing.exit, self.spacing.entry)
        )
        left = self.columns[k - 1] + row.right(self.gaps[k - 1]) + before + self.pill / 2 if k else None
        right = self.columns[k] + row.left(self.gaps[k]) - after - self.pill / 2 if k < len(self.columns) else None
        if left is None or right is None:
            return left if left is not None else right if right is not None else 0.0
        return (left + right) / 2

    def start(self, row: Row) -> float:
        """The x of a state before the first step."""
        return self.gutter(row, len(self.columns) if row.backwards else 0)

    def after(self, row: Row, k: int) -> float:
        """The x of the state that leaves column `k`."""
        return self.gutter(row, k if row.backwards else k + 1)

    def span(self, row: Row) -> tuple[float, float]:
        """From where to where a row reaches, states included."""
        if row.states:
            return self.gutter(row, 0) - self.pill / 2, self.gutter(row, len(self.columns)) + self.pill / 2
        return self.columns[0] + row.left(self.gaps[0]), self.columns[-1] + row.right(self.gaps[-1])
