"""Tracks: curves that many edges follow, each of them moved to where it runs.

The columns of a lattice are all alike but for where they stand: how a line of theirs runs is found once, and its
copies know no more than how far to the right they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, overload

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Track:
    """A curve that edges follow; two tracks are the same only if they are one."""

    curve: tuple[Point, ...]


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Moved(Sequence[Point]):
    """The points of a track, moved to the right; to all who ask they are a sequence like any other.

    >>> list(Moved(Track(((0, 0), (1, 0), (2, 0), (3, 0))), 10.0))
    [(10.0, 0), (11.0, 0), (12.0, 0), (13.0, 0)]
    """

    track: Track
    x: float = 0.0

    def __len__(self) -> int:
        return len(self.track.curve)

    def __iter__(self) -> Iterator[Point]:
        for x, y in self.track.curve:
            yield x + self.x, y

    @overload
    def __getitem__(self, k: int) -> Point: ...
    @overload
    def __getitem__(self, k: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, k: int | slice) -> Point | tuple[Point, ...]:
        return tuple(self)[k]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def along(points: Sequence[Point]) -> Moved:
    """Return points as those of a track: their own, if they follow none."""
    return points if isinstance(points, Moved) else Moved(Track(tuple(points)))
