"""Spelling: numbers and arrays as short text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from graphengine.spec import Array

ENTRIES = 3


def number(value: Any) -> str:
    """Spell a number with three significant digits and a true minus sign.

    >>> [number(x) for x in (1 / 6, -0.40312, 1.234e-5, 12, True, float("-inf"))]
    ['0.167', '−0.403', '1.23e−5', '12', 'True', '−inf']
    """
    text = f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
    return re.sub(r"e([+-])0*", lambda found: f"e{found[1].strip('+')}", text).replace("-", "−")


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
    """Return the Euclidean norm of all entries."""
    return float(np.linalg.norm(array.astype(np.float64).reshape(-1)))
