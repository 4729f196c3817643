"""Delays: how one is marked, and what the mark says."""

from __future__ import annotations

from viz import text


def mark(lag: int, later: bool) -> str:
    """Return z⁻¹ for what comes from the step before, z⁺¹ where that is the next position, with more steps z⁻³."""
    return text.indexed("z", above=f"{'+' if later else '-'}{lag}")


def spelt(lag: int, later: bool) -> str:
    """Say what a mark means."""
    count = "one step" if lag == 1 else f"{lag} steps"
    return f"{count} later, read backwards" if later else f"{count} ago"
