"""Heat maps: cells shaded by a scale, with what is no number told apart, and the legend that explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from graphengine.spec import Array
from viz import text
from viz.charts.colours import Kind, bytes_of, ink, ramp, spelt
from viz.charts.drawing import Drawing, Label, Marks, Patch, Path, Raster
from viz.charts.scale import Scale, number
from viz.theme import Theme

_GRID = 7.0  # points; smaller cells touch each other
_NUMBER = 8.0  # the font size in cells
_BAR = (190.0, 9.0)


@dataclass(frozen=True)
class Block:
    """Cells of one size side by side.

    Attributes:
        wide, high: of a cell.
        values, present: what is in the cells, and whether anything is, `[rows, columns]`.
    """

    left: float
    top: float
    wide: float
    high: float
    values: Array
    present: Array

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + len(self.values[0]) * self.wide

    @property
    def bottom(self) -> float:
        """Where it ends below."""
        return self.top + len(self.values) * self.high

    def middle(self, row: int, column: int) -> tuple[float, float]:
        """The middle of a cell."""
        return self.left + (column + 0.5) * self.wide, self.top + (row + 0.5) * self.high


@dataclass(frozen=True)
class Heat:
    """How numbers become shades.

    Numbers above 0 take a shade of the ramp. 0 has the colour of the background, so that what is nothing looks like
    nothing; NaN and infinity are crosses; what is not there is hatched.

    Attributes:
        values, present: everything that is shown, for the legend to say what occurs and for numbers to be spelt alike.
    """

    theme: Theme
    kind: Kind
    scale: Scale | None
    values: Array
    present: Array

    def draw(self, drawing: Drawing, block: Block) -> None:
        """Draw cells, and numbers in them where there is room for all."""
        wide, high = block.right - block.left, block.bottom - block.top
        colours = self.colours(block.values, block.present)
        drawing.add(Raster(block.left, block.top, wide, high, colours))
        drawing.add(*self._absent(block), *self._grid(block))
        drawing.add(Patch(block.left, block.top, wide, high, stroke=self._line))
        drawing.add(*self._numbers(block, colours))
        bad = np.argwhere(block.present & ~np.isfinite(block.values)).tolist()
        size = max(3.5, min(0.45 * min(block.wide, block.high), 8.0))
        drawing.add(Marks([block.middle(*cell) for cell in bad], self.theme.roles["bad"], size, "cross"))

    def colours(self, values: Array, present: Array) -> Array:
        """The colour of every cell, `[..., 3]` in bytes."""
        found = np.empty((*values.shape, 3), np.uint8)
        found[:] = bytes_of(self.theme.background)
        shown = present & (values > 0) & np.isfinite(values)
        if self.scale is not None:
            found[shown] = self._ramp[np.rint(self.scale.shade(values[shown]) * 255).astype(int)]
        found[present & ~np.isfinite(values)] = bytes_of(self._bad)
        return found

    @cached_property
    def _ramp(self) -> Array:
        return ramp(self.theme, self.kind)

    @property
    def _line(self) -> str | None:
        return self.theme.frames["legend"].stroke

    @property
    def _bad(self) -> str:
        return self.theme.boxes["bad"].fill or self.theme.background

    def _absent(self, block: Block) -> Iterator[Patch]:
        """Runs of cells without anything, hatched as one."""
        for row, line in enumerate(block.present.tolist()):
            start = 0
            for there, run in groupby(line):
                length = len(list(run))
                if not there:
                    left, top = block.left + start * block.wide, block.top + row * block.high
                    yield Patch(left, top, length * block.wide, block.high, hatch=self._line)
                start += length

    def _grid(self, block: Block) -> Iterator[Path]:
        if min(block.wide, block.high) < _GRID:
            return
        rows, columns = block.values.shape
        for x in (block.left + k * block.wide for k in range(1, columns)):
            yield Path([(x, block.top), (x, block.bottom)], stroke=self.theme.background, width=1.0)
        for y in (block.top + k * block.high for k in range(1, rows)):
            yield Path([(block.left, y), (block.right, y)], stroke=self.theme.background, width=1.0)

    def _numbers(self, block: Block, colours: Array) -> Iterator[Label]:
        digits = self._digits(block.wide, block.high)
        if digits is None:
            return
        for row, column in np.argwhere(block.present & np.isfinite(block.values)).tolist():
            value = block.values[row, column]
            colour = ink(self.theme, spelt(colours[row, column])) if value else self.theme.roles["muted"]
            yield Label(*block.middle(row, column), text.number(value, digits), colour, _NUMBER, "middle")

    def _digits(self, wide: float, high: float) -> int | None:
        """How many digits fit into every cell; None if not even two do."""
        if high < 1.4 * _NUMBER or wide < 3 * _NUMBER:
            return None
        shown = self.values[self.present & np.isfinite(self.values)].tolist()
        for digits in (3, 2):
            if all(text.width(text.number(value, digits), _NUMBER) <= wide - 4 for value in shown):
                return digits
        return None

    def legend(self, drawing: Drawing, left: float, top: float, caption: str) -> None:
        """Draw the scale, and a sample of everything else that occurs."""
        muted, (wide, high) = self.theme.roles["muted"], _BAR
        drawing.add(Label(left, top, caption, muted, 8))
        top += 10
        if self.scale is not None:
            drawing.add(Raster(left, top, wide, high, self._ramp[None]))
            end = -np.inf
            for share, spelling in self.scale.ticks():
                x = left + share * wide
                label = Label(x, top + high + 9, spelling, muted, 8, "middle")
                if label.extent[0] > end:
                    drawing.add(Path([(x, top + high), (x, top + high + 3)], stroke=muted), label)
                    end = label.extent[2] + 3
            left += wide + 22
        for words, fill, hatched, crossed in self._samples():
            drawing.add(Patch(left, top, high, high, fill, self._line, self._line if hatched else None))
            if crossed:
                drawing.add(Marks([(left + high / 2, top + high / 2)], self.theme.roles["bad"], 5, "cross"))
            drawing.add(Label(left + high + 5, top + high / 2, words, muted, 8))
            left += high + 5 + text.width(words, 8) + 12

    def _samples(self) -> Iterator[tuple[str, str, bool, bool]]:
        """What occurs beside numbers of the scale: in words, its colour, whether it is hatched, and crossed."""
        there, low = self.values[self.present], self.scale.low if self.scale is not None else 0.0
        if np.any((there > 0) & (there < low * (1 - 1e-9))):
            yield f"below {number(low)}", spelt(self._ramp[0]), False, False
        if np.any(there == 0):
            yield "0", self.theme.background, False, False
        if not np.all(np.isfinite(there)):
            yield "NaN or ∞", self._bad, False, True
        if not np.all(self.present):
            yield "none", self.theme.background, True, False


def positions(count: int, wide: float) -> range:
    """Return which of so many positions to spell, so that their numbers stand apart.

    >>> positions(20, 30.0), positions(200, 3.2)
    (range(0, 20), range(0, 200, 10))
    """
    room = max(text.width(str(count - 1), 8) + 8, 16.0)
    stride = next(step for power in range(12) for factor in (1, 2, 5) if (step := factor * 10**power) * wide >= room)
    return range(0, count, stride)
