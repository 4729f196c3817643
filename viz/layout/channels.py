"""Channels: at which x the vertical lines of a column run, to reach their ends and pass what stands between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Interval: TypeAlias = tuple[float, float]

_CLEAR = 14.0  # from a line to a box that it passes; its gradient runs in there
_APART = 24.0  # from one line to another


@dataclass(frozen=True)
class Vertical:
    """A line to be drawn from a row to a row above it.

    Attributes:
        lower: the number of its row, counted from below; so is `upper`.
        leaves: where along x it may start; `arrives`: where it may end.
        wish: where it would run best.
    """

    lower: int
    upper: int
    leaves: Interval
    arrives: Interval
    wish: float


@dataclass(frozen=True)
class Course:
    """How a line runs: it starts at `leave`, passes others at `run`, ends at `arrive`; mostly all the same x."""

    leave: float
    run: float
    arrive: float

    @property
    def straight(self) -> bool:
        """Whether it needs no bend."""
        return self.leave == self.run == self.arrive


def channels(rows: Sequence[Sequence[Interval]], lines: Sequence[Vertical]) -> list[Course]:
    """Return how every line runs.

    Args:
        rows: for every row, from below, what its boxes cover along x.

    >>> channels([[(0, 50)], [(0, 40)], [(0, 80)]], [Vertical(0, 2, (0, 70), (0, 80), 20)])
    [Course(leave=54.0, run=54.0, arrive=54.0)]
    """
    placed: dict[int, Course] = {}
    by_span = sorted(range(len(lines)), key=lambda k: (lines[k].upper - lines[k].lower, lines[k].lower, k))
    for k in by_span:
        line = lines[k]
        blocked = [(left - _CLEAR, right + _CLEAR) for row in rows[line.lower + 1 : line.upper] for left, right in row]
        for other, course in placed.items():
            if lines[other].lower < line.upper and line.lower < lines[other].upper:
                blocked.append((course.run - _APART, course.run + _APART))
        low, high = max(line.leaves[0], line.arrives[0]), min(line.leaves[1], line.arrives[1])
        x = _nearest(line.wish, low, high, blocked)
        if x is None:
            x = _nearest(line.wish, -1e6, 1e6, blocked)
            assert x is not None
        placed[k] = Course(_clamp(x, line.leaves), x, _clamp(x, line.arrives))
    return [placed[k] for k in range(len(lines))]


def _clamp(x: float, interval: Interval) -> float:
    return min(max(x, interval[0]), interval[1])


def _nearest(wish: float, low: float, high: float, blocked: Sequence[Interval]) -> float | None:
    """The place nearest to a wish between two ends and outside of intervals."""
    candidates = [min(max(wish, low), high), low, high]
    candidates += [end for interval in blocked for end in interval]
    free = [x for x in candidates if low <= x <= high and not any(left < x < right for left, right in blocked)]
    return min(free, key=lambda x: (abs(x - wish), x)) if free else None
