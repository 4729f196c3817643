"""The goals: our time of a training step of an LSTM over torch's, by dtype, form and size, and what may be hoped."""

from __future__ import annotations

from benchmarks.case import Case

GOALS: dict[tuple[str, str], dict[str, tuple[float, float]]] = {
    ("float32", "one"): {
        "tiny": (0.15, 0.08),
        "small": (1.2, 1.0),
        "medium": (1.0, 0.90),
        "long": (1.6, 1.35),
        "large": (1.1, 1.0),
    },
    ("float64", "one"): {"tiny": (0.13, 0.08), "small": (0.50, 0.42), "medium": (0.75, 0.66), "long": (0.60, 0.50)},
    ("float32", "two"): {"tiny": (0.15, 0.10), "small": (1.4, 1.1), "medium": (1.1, 1.0)},
    ("float32", "both"): {"tiny": (0.15, 0.10), "small": (1.3, 1.0), "medium": (1.0, 0.85)},
}

FORWARD = 1.2
"""What to aim at forward only."""

OTHER_CELLS = 0.25
"""Ours over torchrecurrent's, or a loop of torch's cells."""

HANDWRITTEN = 1.25
"""Ours over the hand-written step, at every size, for a cell that has a fused op; where this and a goal disagree by
noise, this decides."""


def goal(case: Case) -> tuple[float, float] | None:
    """Return the goal of a case over torch and the moonshot, if it has one."""
    if case.cell != "LSTMCell":
        return None
    if not case.training:
        return (FORWARD, FORWARD)
    return GOALS.get((case.dtype, case.form), {}).get(case.size)
