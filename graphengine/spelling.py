"""Spelling: numbers and arrays as short text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphengine.spec import Array

ENTRIES = 3


def number(value: Any, digits: int = 3) -> str:
    """Spell a number shortly: three significant digits, a true minus sign, powers of ten where they are shorter.

    >>> [number(x) for x in (1 / 6, -0.40312, 1.234e-5, 12, 123456.7, True, float("nan"), float("-inf"))]
    ['0.167', '−0.403', '1.23e−5', '12', '1.23e5', 'True', 'NaN', '−∞']
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer) and abs(int(value)) < 10**6:
        return str(int(value)).replace("-", "−")
    x = float(value)
    if x != x:
        return "NaN"
    if x in (float("inf"), float("-inf")):
        return "∞" if x > 0 else "−∞"
    if 1e-3 <= abs(x) < 1000 and "e" not in (spelt := f"{x:.{digits}g}"):
        return spelt.replace("-", "−")
    spelt = f"{x:.{digits - 1}e}"
    mantissa, power = spelt.split("e")
    exponent = int(power)
    if float(mantissa) == 0:
        return "0"
    if -4 < exponent < 5:
        spelt = f"{float(spelt):.{max(digits - 1 - exponent, 0)}f}"
        spelt = spelt.rstrip("0").rstrip(".") if "." in spelt else spelt
    else:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        spelt = f"{mantissa}e{exponent}"
    return spelt.replace("-", "−")


def numbers(array: Array) -> str:
    """Spell an array by its first entries, or by the one that repeats.

    >>> numbers(np.full(5, 1 / 6)), numbers(np.arange(4.0)), numbers(np.asarray(2.0))
    ('0.167 ×5', '[0 1 2 …]', '2')
    """
    flat = array.reshape(-1)
    if flat.size and (flat == flat[0]).all():
        return number(flat[0]) + (f" ×{flat.size}" if flat.size > 1 else "")
    entries = [number(entry) for entry in flat[:ENTRIES]]
    return f"[{' '.join(entries)}{' …' if flat.size > ENTRIES else ''}]"


def norm(array: Array) -> float:
    """Return the Euclidean norm of all entries, in double precision."""
    flat = np.asarray(array, np.float64).ravel(order="K")
    return math.sqrt(flat.dot(flat))
