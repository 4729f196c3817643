"""How a row of the table of ops draws what its op is tried on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphengine.op import Elementwise, Op

Array = np.ndarray
Case = tuple[Op, list[Array]]


class Draw:
    """Draws sizes, shapes and values; with `equal`, all sizes are that one (or 1)."""

    def __init__(self, seed: int, equal: int | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.equal = equal

    def size(self) -> int:
        """Small, now and then 1 or 0."""
        if self.equal is not None:
            return self.equal
        return int(self.rng.choice([0, 1, 2, 3, 4], p=[0.05, 0.15, 0.3, 0.3, 0.2]))

    def full(self) -> int:
        """A size that is not 0."""
        return max(self.size(), 1)

    def shape(self, at_least: int = 0, at_most: int = 3) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.rng.integers(at_least, at_most + 1)))

    def shapes(self, count: int, at_most: int = 3) -> list[tuple[int, ...]]:
        """Shapes that broadcast: axes are missing in front, or have size 1."""
        whole = self.shape(at_most=at_most)

        def narrowed() -> tuple[int, ...]:
            ends = whole[self.rng.integers(0, len(whole) + 1) :] if self.chance(0.5) else whole
            return tuple(1 if self.chance(0.25) else size for size in ends)

        return [narrowed() for _ in range(count)]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def axis(self, rank: int) -> int:
        """An axis, counted from the end."""
        return -int(self.rng.integers(1, rank + 1))

    def axes(self, rank: int) -> tuple[int, ...]:
        """Some axes, none or all of them, counted from the end."""
        return tuple(axis for axis in range(-rank, 0) if self.chance(0.5))

    def floats(self, shape: Sequence[int]) -> Array:
        return self.rng.normal(size=shape)

    def integers(self, shape: Sequence[int], low: int = -4, high: int = 5) -> Array:
        return self.rng.integers(low, high, size=shape)

    def booleans(self, shape: Sequence[int]) -> Array:
        return self.rng.random(shape) < 0.5


Values = Callable[[Draw, Sequence[int]], Array]


def floats(draw: Draw, shape: Sequence[int]) -> Array:
    return draw.floats(shape)


def positive(draw: Draw, shape: Sequence[int]) -> Array:
    return draw.rng.uniform(0.1, 3.0, size=shape)


def away_from_zero(draw: Draw, shape: Sequence[int]) -> Array:
    return positive(draw, shape) * np.where(draw.booleans(shape), 1, -1)


def wide(draw: Draw, shape: Sequence[int]) -> Array:
    return draw.floats(shape) * 4


def coarse(draw: Draw, shape: Sequence[int]) -> Array:
    """Floats among which some are equal."""
    return draw.integers(shape, -2, 3) * 0.5


def booleans(draw: Draw, shape: Sequence[int]) -> Array:
    return draw.booleans(shape)


def entrywise(function: Callable[..., Any]) -> Callable[..., Array]:
    """Make a reference of a function on Python numbers."""

    def reference(*xs: Array, **settings: Any) -> Array:
        stretched = np.broadcast_arrays(*xs)
        entries = [function(*each, **settings) for each in zip(*(x.ravel().tolist() for x in stretched), strict=True)]
        dtype = np.asarray(entries).dtype if entries else None
        return np.array(entries, dtype).reshape(stretched[0].shape)

    return reference


@dataclass(frozen=True)
class Row:
    """What one op computes, and what it is tried on.

    Attributes:
        reference: `reference(*inputs, **settings)` returns the output, or a tuple of them.
        values: for elementwise ops, how the values of each input are drawn.
        settings: for elementwise ops that have some.
        case: for all other ops, draws an instance and its inputs.
        named: whether the shapes may be names as well; not where settings hold sizes.
    """

    op: type[Op]
    reference: Callable[..., Any]
    values: Sequence[Values] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    case: Callable[[Draw], Case] | None = None
    named: bool = True

    def draw(self, draw: Draw) -> Case:
        """Draw an instance and its inputs."""
        op, xs = self._draw(draw)
        return op, [np.asarray(x) for x in xs]

    def _draw(self, draw: Draw) -> Case:
        if self.case is not None:
            return self.case(draw)
        assert issubclass(self.op, Elementwise), f"{self.op.__name__} is not elementwise; its row needs a case"
        count = len(inspect.signature(self.op.forward).parameters) - 2
        values = [*self.values] or [floats] * count
        return self.op(**self.settings), [
            each(draw, shape) for each, shape in zip(values, draw.shapes(count), strict=True)
        ]

    def expected(self, op: Op, xs: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs by the reference."""
        settings = {name: getattr(op, name) for name in op.__dataclass_fields__}
        found = self.reference(*xs, **settings)
        return found if isinstance(found, tuple) else (found,)
