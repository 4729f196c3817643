"""Agreement: results against the reference, before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.peer import Results

TOLERANCE: Mapping[str, float] = {"float32": 3e-6, "float64": 1e-13}
"""The largest difference that passes, relative to the largest entry."""


class DisagreementError(Exception):
    """A peer computes something else."""


def worst(found: Results, wanted: Results) -> tuple[float, str]:
    """Return the largest relative difference and what has it.

    Raises:
        DisagreementError: something is missing, surplus, of another shape, or no number.
    """
    if set(found) != set(wanted):
        raise DisagreementError(f"has {sorted(found)}, not {sorted(wanted)}")
    errors = [(_error(name, np.asarray(found[name]), wanted[name]), name) for name in wanted]
    return max(errors)


def _error(name: str, found: np.ndarray, wanted: np.ndarray) -> float:
    if found.shape != wanted.shape:
        raise DisagreementError(f"{name} is {list(found.shape)}, not {list(wanted.shape)}")
    error = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    if not np.isfinite(error):
        raise DisagreementError(f"{name} holds something that is no number")
    return error


def check(found: Results, wanted: Results, dtype: str) -> float:
    """Return the largest relative difference.

    Raises:
        DisagreementError: it is more than the dtype allows.
    """
    error, name = worst(found, wanted)
    if error > TOLERANCE[dtype]:
        raise DisagreementError(f"{name} is off by {error:.1e}, more than {TOLERANCE[dtype]:.0e}")
    return error
