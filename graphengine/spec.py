"""Specs: the shape and dtype that every tensor has from the moment it is built.

A dimension is a number, a name (`"batch"`), or derived from them (`dim("time") - 1`). Names are bound to numbers
when a plan runs, never before; a name equals only itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from graphengine.errors import DtypeError, ShapeError

Array: TypeAlias = npt.NDArray[Any]
Dim: TypeAlias = Union[int, str, "Derived"]
Atom: TypeAlias = Union[str, "Quotient"]
Terms: TypeAlias = dict[tuple[Atom, ...], int]


@dataclass(frozen=True, slots=True)
class Quotient:
    """A dimension divided by a number, rounded down: what a slice with a step needs."""

    numerator: Derived
    divisor: int

    def __str__(self) -> str:
        return f"({self.numerator}) // {self.divisor}"


@dataclass(frozen=True, slots=True)
class Derived:
    """A dimension computed from others: a polynomial with whole coefficients, equal if built alike.

    >>> time = dim("time")
    >>> time - 1
    Derived('time - 1')
    >>> (time - 1) + 1 == time, 2 * time - time == time
    (True, True)
    """

    terms: tuple[tuple[tuple[Atom, ...], int], ...]

    def __add__(self, other: Dim) -> Derived:
        total = dict(self.terms)
        for monomial, coefficient in dim(other).terms:
            total[monomial] = total.get(monomial, 0) + coefficient
        return _derived(total)

    def __mul__(self, other: Dim) -> Derived:
        total: Terms = {}
        for left, a in self.terms:
            for right, b in dim(other).terms:
                monomial = tuple(sorted(left + right, key=str))
                total[monomial] = total.get(monomial, 0) + a * b
        return _derived(total)

    def __sub__(self, other: Dim) -> Derived:
        return self + dim(other) * -1

    def __rsub__(self, other: Dim) -> Derived:
        return dim(other) - self

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Derived:
        if divisor == 1:
            return self
        if all(not monomial for monomial, _ in self.terms):
            return dim(sum(coefficient for _, coefficient in self.terms) // divisor)
        if all(coefficient % divisor == 0 for _, coefficient in self.terms):
            return _derived({monomial: c // divisor for monomial, c in self.terms})
        return _derived({(Quotient(self, divisor),): 1})

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in sorted(self.terms, key=lambda term: (not term[0], str(term[0]))):
            factors = [str(atom) for atom in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {' * '.join(factors)}" if text else ("-" if sign == "-" else "") + " * ".join(factors)
        return text or "0"

    def __repr__(self) -> str:
        return f"Derived({str(self)!r})"


def _derived(terms: Terms) -> Derived:
    kept = [(monomial, coefficient) for monomial, coefficient in terms.items() if coefficient]
    return Derived(tuple(sorted(kept, key=str)))


def dim(value: Dim) -> Derived:
    """Turn a number or a name into a dimension that one can compute with.

    >>> dim("time") - 1, 2 * dim("hidden")
    (Derived('time - 1'), Derived('2 * hidden'))
    """
    if isinstance(value, Derived):
        return value
    return _derived({(value,): 1} if isinstance(value, str) else {(): int(value)})


def simplest(value: Dim) -> Dim:
    """Return a derived dimension as the number or name it is, when it is one."""
    if not isinstance(value, Derived):
        return value if isinstance(value, str) else int(value)
    if not value.terms:
        return 0
    monomial, coefficient = value.terms[0]
    if len(value.terms) == 1 and not monomial:
        return coefficient
    if len(value.terms) == 1 and coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], str):
        return monomial[0]
    return value


def names_in(value: Dim) -> set[str]:
    """Return the names that a dimension is computed from."""
    if isinstance(value, int):
        return set()
    if isinstance(value, str):
        return {value}
    found: set[str] = set()
    for monomial, _ in value.terms:
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else names_in(atom.numerator)
    return found


def evaluate(value: Dim, sizes: Mapping[str, int]) -> int:
    """Return the number that a dimension stands for, given the sizes of the names.

    >>> evaluate(2 * dim("time") - 1, {"time": 10})
    19
    """
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return sizes[value]
    total = 0
    for monomial, coefficient in value.terms:
        product = coefficient
        for atom in monomial:
            product *= sizes[atom] if isinstance(atom, str) else evaluate(atom.numerator, sizes) // atom.divisor
        total += product
    return total


@dataclass(frozen=True)
class Spec:
    """The shape and dtype of a tensor, before there is any value.

    >>> Spec.of(("batch", "time", 10), "float32")
    float32[batch, time, 10]
    """

    shape: tuple[Dim, ...]
    dtype: np.dtype[Any]

    @staticmethod
    def of(shape: Iterable[Dim], dtype: npt.DTypeLike) -> Spec:
        """Make a spec from what a user writes; refuses dimensions that are neither number, name nor derived."""
        dims = tuple(shape)
        for each in dims:
            if isinstance(each, bool) or not isinstance(each, int | str | Derived | np.integer):
                raise ShapeError(f"a dimension is a number, a name or derived from them, not {each!r}")
            if isinstance(each, int) and each < 0:
                raise ShapeError(f"a dimension cannot be negative: {each}; name it (\"batch\") to leave it open")
        kind = np.dtype(dtype)
        if kind.kind not in "fiub":
            raise DtypeError(f"tensors hold floats, integers or booleans, not {kind}")
        return Spec(tuple(simplest(each) for each in dims), kind)

    @cached_property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @cached_property
    def floating(self) -> bool:
        """Whether a tensor of this spec can carry a gradient."""
        return self.dtype.kind == "f"

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape in numbers, given the sizes of the names."""
        return tuple(evaluate(each, sizes) for each in self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}{show(self.shape)}"

    __repr__ = __str__


def show(shape: Iterable[Dim]) -> str:
    """Spell a shape: `[batch, 3]`."""
    return "[" + ", ".join(str(each) for each in shape) + "]"


def broadcast(shapes: Iterable[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """Return the shape that several shapes stretch to: axes align from the right, only a literal 1 stretches.

    A name never equals a number, whatever will be fed: `[batch, 5]` and `[batch]` do not fit.

    >>> broadcast([("batch", 1), (5,)])
    ('batch', 5)
    """
    result: list[Dim] = []
    for shape in shapes:
        result[:0] = [1] * (len(shape) - len(result))
        offset = len(result) - len(shape)
        for axis, each in enumerate(shape, offset):
            if result[axis] == 1:
                result[axis] = each
            elif each not in (1, result[axis]):
                raise ShapeError(f"shapes do not fit: {result[axis]} and {each} on axis {axis - len(result)}")
    return tuple(result)
