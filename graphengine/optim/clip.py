"""Clipping: bound gradients before a step, without touching the arrays of the run."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np

from graphengine.errors import GradientError, SettingError, here
from graphengine.spec import Array

Key = TypeVar("Key", bound=Hashable)


def clip_by_value(gradients: Mapping[Key, Array], limit: float) -> dict[Key, Array]:
    """Return gradients whose entries lie in [-limit, limit]; what is given is left alone.

    Raises:
        GradientError: a gradient is not finite, which clipping would hide.
        SettingError: the limit is not above 0.

    >>> clip_by_value({"w": np.array([-3.0, 0.5])}, 1.0)["w"].tolist()
    [-1.0, 0.5]
    """
    refuse_non_finite(gradients)
    limit = positive("limit", limit)
    return {key: np.asarray(np.clip(gradient, -limit, limit)) for key, gradient in gradients.items()}


def clip_by_global_norm(gradients: Mapping[Key, Array], limit: float) -> tuple[dict[Key, Array], float]:
    """Scale gradients together so that their global norm is at most `limit`; return them and the norm before.

        norm = sqrt(sum of all g²),   g · limit / max(norm, limit)

    What is given is left alone. Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural
    networks", 2013.

    Raises:
        GradientError: a gradient is not finite, which clipping would hide.
        SettingError: the limit is not above 0.

    >>> clipped, norm = clip_by_global_norm({"w": np.array([3.0, 4.0])}, 1.0)
    >>> norm, clipped["w"].round(12).tolist()
    (5.0, [0.6, 0.8])
    """
    refuse_non_finite(gradients)
    limit = positive("limit", limit)
    norm = math.hypot(*(_norm(gradient) for gradient in gradients.values()))
    scale = limit / max(norm, limit)
    return {key: np.asarray(gradient * scale) for key, gradient in gradients.items()}, norm


def refuse_non_finite(gradients: Mapping[Any, Array]) -> None:
    """Refuse gradients with an infinity or a NaN, by name."""
    broken = [getattr(key, "path", str(key)) for key, gradient in gradients.items() if not finite(gradient)]
    if broken:
        names, where = ", ".join(broken), here()
        raise GradientError(f"the gradient of {names} is not finite; plan.trace shows where that begins{where}")


def finite(array: Array) -> bool:
    """Tell whether all entries are finite; a finite sum says so at once, else every entry is looked at."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.sum(array)) or np.isfinite(array).all())


def positive(name: str, value: Any) -> float:
    """Return a setting that must lie above 0."""
    if not 0 < value < math.inf:
        raise SettingError(f"{name} is a number above 0, not {value}{here()}")
    return float(value)


def _norm(array: Array) -> float:
    """The Euclidean norm, in float64 and scaled, so that squares neither overflow nor vanish."""
    peak = float(np.abs(array).max(initial=0.0))
    return peak * float(np.linalg.norm(np.divide(array, peak, dtype=np.float64))) if peak else 0.0
