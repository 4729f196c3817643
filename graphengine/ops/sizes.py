"""Sizes of shapes as polynomials: whether two shapes hold equally many entries, whatever the names stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphengine.errors import ShapeError
from graphengine.spec import Atom, Derived, Dim, dim, simplest


def product(shape: Iterable[Dim]) -> Derived:
    """Return the number of entries of a shape."""
    total = dim(1)
    for size in shape:
        total = total * size
    return total


def quotient(whole: Iterable[Dim], parts: Iterable[Dim]) -> Dim:
    """Return how many times one shape fits into another.

    >>> quotient(("batch", "time", 12), ("batch", 3))
    Derived('4 * time')

    Raises:
        ShapeError: it is not provably a whole number of times.
    """
    above, below = Counter(map(simplest, whole)), Counter(map(simplest, parts))
    common = above & below
    numerator, denominator = product((above - common).elements()), product((below - common).elements())
    if len(denominator.terms) == 1:
        ((monomial, coefficient),) = denominator.terms
        divided = _divided(numerator, Counter(monomial), coefficient)
        if divided is not None:
            return simplest(divided)
    raise ShapeError(f"-1 has no size: {numerator} is not divisible by {denominator}, whatever the names stand for")


def _divided(whole: Derived, monomial: Counter[Atom], coefficient: int) -> Derived | None:
    terms = []
    for factors, count in whole.terms:
        left = Counter(factors)
        if count % coefficient or monomial - left:
            return None
        terms.append((tuple(sorted((left - monomial).elements(), key=str)), count // coefficient))
    return Derived(tuple(sorted(terms, key=str)))
