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
from viz.charts.scale import Scale
from viz.charts.scale import spelt as spelt_number
from viz.theme import Theme

_GRID = 7.0  # points; smaller cells touch each other
_NUMBER = 8.0  # the font size in cells
_BAR = (190.0, 9.0)


@dataclass
class Heat:
    """How numbers become shades.

    Numbers above 0 take a shade of the ramp; 0 is the background's colour, so that what is nothing looks like nothing; NaN and
    infinity are crosses; what is not there is hatched.

    Attributes:
        values: all numbers that are shown, for the legend to know what occurs.
        present: which of them are there.
    """

    theme: Theme
    kind: Kind
    scale: Scale | None
    values: Array
    present: Array

    @cached_property
    def _ramp(self) -> Array:
        return ramp(self.theme, self.kind)

    def colours(self, values: Array, present: Array) -> Array:
        """The colour of every cell, `[..., 3]` in bytes."""
        found = np.empty((*values.shape, 3), np.uint8)
        found[:] = bytes_of(self.theme.background)
        shown = present & (values > 0) & np.isfinite(values)
        if self.scale is not None:
            found[shown] = self._ramp[np.rint(self.scale.shade(values[shown]) * 255).astype(int)]
        found[present & ~np.isfinite(values)] = bytes_of(self.theme.boxes["bad"].fill or self.theme.background)
        return found

    def draw(self, drawing: Drawing, left: float, top: float, cell: tuple[float, float], values: Array, present: Array) -> None:
        """Draw a block of cells, and numbers in them where there is room for all."""
        rows, columns = values.shape
        wide, high = cell
        colours = self.colours(values, present)
        drawing.add(Raster(left, top, columns * wide, rows * high, colours))
        drawing.add(*self._absent(left, top, cell, present))
        if min(cell) >= _GRID:
            drawing.add(*self._grid(left, top, cell, rows, columns))
        frame = self.theme.frames["legend"].stroke
        drawing.add(Patch(left, top, columns * wide, rows * high, stroke=frame))
        drawing.add(*self._numbers(left, top, cell, values, present, colours))
        bad = np.argwhere(present & ~np.isfinite(values))
        middles = [(left + (column + 0.5) * wide, top + (row + 0.5) * high) for row, column in bad.tolist()]
        drawing.add(Marks(middles, self.theme.roles["bad"], max(3.5, min(0.45 * min(cell), 8.0)), "cross"))

    def _absent(self, left: float, top: float, cell: tuple[float, float], present: Array) -> Iterator[Patch]:
        wide, high = cell
        for row, line in enumerate(present.tolist()):
            start = 0
            for there, run in groupby(line):
                length = len(list(run))
                if not there:
                    yield Patch(left + start * wide, top + row * high, length * wide, high, hatch=self.theme.frames["legend"].stroke)
                start += length

    def _grid(self, left: float, top: float, cell: tuple[float, float], rows: int, columns: int) -> Iterator[Path]:
        right, bottom = left + columns * cell[0], top + rows * cell[1]
        for k in range(1, columns):
            x = left + k * cell[0]
            yield Path([(x, top), (x, bottom)], stroke=self.theme.background, width=1.0)
        for k in range(1, rows):
            y = top + k * cell[1]
            yield Path([(left, y), (right, y)], stroke=self.theme.background, width=1.0)

    def _numbers(
        self, left: float, top: float, cell: tuple[float, float], values: Array, present: Array, colours: Array
    ) -> Iterator[Label]:
        wide, high = cell
        digits = self._digits(wide, high)
        if digits is None:
            return
        for row, column in np.argwhere(present & np.isfinite(values)).tolist():
            colour = ink(self.theme, spelt(colours[row, column])) if values[row, column] else self.theme.roles["muted"]
            yield Label(
                left + (column + 0.5) * wide, top + (row + 0.5) * high, text.number(values[row, column], digits), colour,
                _NUMBER, "middle",
            )  # fmt: skip

    def _digits(self, wide: float, high: float) -> int | None:
        """How many digits fit into every cell; None if not even two do."""
        if high < 1.4 * _NUMBER or wide < 3 * _NUMBER:
            return None
        numbers = self.values[self.present & np.isfinite(self.values)].tolist()
        for digits in (3, 2):
            if all(text.width(text.number(number, digits), _NUMBER) <= wide - 4 for number in numbers):
                return digits
        return None

    def legend(self, drawing: Drawing, left: float, top: float, caption: str) -> None:
        """Draw the scale, and a sample of everything else that occurs."""
        muted, (wide, high) = self.theme.roles["muted"], _BAR
        drawing.add(Label(left, top, caption, muted, 8))
        top += 10
        if self.scale is not None:
            drawing.add(Raster(left, top, wide, high, self._ramp[None]))
            for share, spelling in self.scale.ticks():
                x = left + share * wide
                drawing.add(Path([(x, top + high), (x, top + high + 3)], stroke=muted))
                drawing.add(Label(x, top + high + 9, spelling, muted, 8, "middle"))
            left += wide + 22
        for words, fill, hatched, crossed in self._samples():
            stroke = self.theme.frames["legend"].stroke
            drawing.add(Patch(left, top, high, high, fill, stroke, stroke if hatched else None))
            if crossed:
                drawing.add(Marks([(left + high / 2, top + high / 2)], self.theme.roles["bad"], 5, "cross"))
            drawing.add(Label(left + high + 5, top + high / 2, words, muted, 8))
            left += high + 5 + text.width(words, 8) + 12

    def _samples(self) -> Iterator[tuple[str, str | None, bool, bool]]:
        """What occurs beside numbers of the scale: in words, its colour, whether it is hatched, whether it is crossed."""
        there, low = self.values[self.present], self.scale.low if self.scale is not None else 0.0
        if np.any((there > 0) & (there < low * (1 - 1e-9))):
            yield f"below {spelt_number(low)}", spelt(self._ramp[0]), False, False
        if np.any(there == 0):
            yield "0", self.theme.background, False, False
        if not np.all(np.isfinite(there)):
            yield "NaN or ∞", self.theme.boxes["bad"].fill, False, True
        if not np.all(self.present):
            yield "none", self.theme.background, True, False


def positions(count: int, wide: float) -> range:
    """Return which of so many positions to spell, so that their numbers stand apart."""
    room = max(text.width(str(count - 1), 8) + 8, 16)
    stride = next(step for step in _STRIDES if step * wide >= room)
    return range(0, count, stride)


_STRIDES = [factor * 10**power for power in range(9) for factor in (1, 2, 5)]
