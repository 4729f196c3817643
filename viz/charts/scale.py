"""Scales: where numbers stand between the palest and the darkest shade, and which of them a legend spells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphengine import errors
from graphengine.spec import Array
from viz import text

DECADES = 12  # below the largest number; what is smaller than that shares the palest shade
_LEAST = 2  # between the ends of a logarithmic scale, so that what is nearly the same looks so
_TICKS = 6
_NEAR = 1 + 1e-9
_TINY = 1e-290  # where nothing is larger, so that twelve decades below it are a number still


@dataclass(frozen=True)
class Scale:
    """A range of positive numbers, linear from 0 or logarithmic.

    >>> scale = Scale.of([1e-4, 1.0, 0.0], log=True)
    >>> scale.shade(np.array([1e-4, 1e-2, 1.0])).tolist(), [label for _, label in scale.ticks()]
    ([0.0, 0.5, 1.0], ['10⁻⁴', '10⁻³', '10⁻²', '10⁻¹', '1'])

    Attributes:
        low, high: the numbers at both ends; those beyond take the shade of the end.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: object, *, log: bool, limits: tuple[float, float] | None = None) -> Scale | None:
        """Return the scale that shows some numbers, or None if none of them is finite and above 0.

        Raises:
            SettingError: `limits` are no pair of numbers that such a scale can run between.
        """
        if limits is not None:
            low, high = map(float, limits)
            if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 if log else low >= 0)):
                kind = "two numbers above 0" if log else "two numbers from 0 up"
                raise errors.SettingError(f"limits are {kind}, the smaller one first, not {limits!r}{errors.here()}")
            return cls(low, high, log)
        array = np.asarray(values, np.float64)
        shown = array[np.isfinite(array) & (array > 0)]
        if not shown.size:
            return None
        high = max(float(shown.max()), _TINY)
        floor = 10.0 ** (math.ceil(math.log10(high)) - DECADES)
        return cls(min(max(float(shown.min()), floor), high / _LEAST) if log else 0.0, high, log)

    def shade(self, values: Array) -> Array:
        """Return where numbers stand, from 0 to 1."""
        inside = np.clip(np.nan_to_num(values, nan=self.low, posinf=self.high), self.low, self.high)
        shares = (self._place(inside) - self._place(self.low)) / (self._place(self.high) - self._place(self.low))
        return np.asarray(shares)

    def _place(self, values: Array | float) -> Array:
        return np.asarray(np.log10(values) if self.log else values, np.float64)

    def ticks(self) -> list[tuple[float, str]]:
        """Return round numbers along the scale: where they stand, and how they are spelt."""
        wishes = (self._powers(1), self._powers(1, 2, 5)) if self.log else ()
        numbers = next((wish for wish in wishes if len(wish) > 1), None) or self._round()
        powers = self.log and all(math.isclose(number, 10.0 ** round(math.log10(number))) for number in numbers)
        places = {number(each, power=powers): float(self.shade(np.array(each))) for each in numbers}
        return [(place, spelling) for spelling, place in places.items()]

    def _powers(self, *factors: int) -> list[float]:
        """Powers of ten, all or every so many, times some factors."""
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high) + 1e-9)
        stride = -(-(last - first) // _TICKS) or 1
        numbers = [factor * 10.0**power for power in range(last, first - 1, -stride) for factor in factors]
        return sorted(number for number in numbers if self.low / _NEAR <= number <= self.high * _NEAR)

    def _round(self) -> list[float]:
        """Numbers that are 1, 2 or 5 times a power of ten apart."""
        raw = (self.high - self.low) / (_TICKS - 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * k for k in range(first, last + 1)]


def number(value: float, *, power: bool = True) -> str:
    """Spell a number, a power of ten as one if that is asked for.

    >>> number(1e-5), number(1e-5, power=False), number(1.0), number(0.02)
    ('10⁻⁵', '1e−5', '1', '0.02')
    """
    exponent = round(math.log10(value)) if value > 0 else 0
    if power and exponent and math.isclose(value, 10.0**exponent):
        return text.indexed("10", "", exponent)
    return text.number(value)
