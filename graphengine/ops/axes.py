"""Axes as users name them: a position from either end, or the dimension found there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from graphengine.errors import GraphError, ShapeError, here
from graphengine.graph import Node, Tensor, apply, as_tensor, graph_of
from graphengine.op import Op
from graphengine.spec import Derived, Dim, show, simplest

Axis: TypeAlias = int | str | Derived
Axes: TypeAlias = Axis | Iterable[Axis] | None


def axis_from_end(axis: Axis, shape: tuple[Dim, ...]) -> int:
    """Return an axis as a negative number, so that it stays true when axes are put in front.

    >>> axis_from_end("time", ("batch", "time", 3)), axis_from_end(0, ("batch", "time", 3))
    (-2, -3)

    Raises:
        ShapeError: there is no such axis, or more than one.
    """
    if isinstance(axis, str | Derived):
        found = [position for position, size in enumerate(shape) if size == simplest(axis)]
        if len(found) != 1:
            count = "several axes" if found else "no axis"
            raise ShapeError(f"{count} {axis} in {show(shape)}; name the axis by its position")
        return found[0] - len(shape)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"no axis {axis} in {show(shape)}")
    return int(axis) if axis < 0 else int(axis) - len(shape)


def axes_from_end(axes: Axes, shape: tuple[Dim, ...]) -> tuple[int, ...]:
    """Return several axes as ascending negative numbers; None is all of them."""
    if axes is None:
        return tuple(range(-len(shape), 0))
    several = [axes] if isinstance(axes, int | str | Derived) else list(axes)
    found = sorted(axis_from_end(axis, shape) for axis in several)
    if len(set(found)) != len(found):
        raise ShapeError(f"an axis is named twice: {tuple(several)}")
    return tuple(found)


def apply_for(
    make: Callable[..., Op],
    inputs: Sequence[Any],
    *settings: Any,
    name: str | None = None,
    names: tuple[str, ...] | None = None,
) -> Node:
    """Apply an op whose settings depend on the spec of its first input.

    `make` is a class method of the op. It gets that spec and the settings as the user wrote them, and returns the op or
    raises an error that says what does not fit.
    """
    cls: type[Op] = make.__self__  # type: ignore[attr-defined]
    graph = graph_of(inputs, cls.__name__)
    like = next(each.dtype for each in inputs if isinstance(each, Tensor))
    tensors = [as_tensor(graph, each, like) for each in inputs]
    try:
        op = make(tensors[0].spec, *settings)
    except GraphError as problem:
        place = "/".join(filter(None, (graph.current_scope.path, name or cls.kind)))
        shown = ", ".join(f"{each.name} {each.spec}" for each in tensors)
        raise type(problem)(f"{place}: {cls.__name__}({shown}): {problem}{here()}") from None
    return apply(op, *tensors, name=name, names=names)


def axis_names(prefix: str, count: int) -> tuple[str, ...]:
    """Make names of core axes."""
    return tuple(f"{prefix}{i}" for i in range(count))
