"""Rows: the values of a trace that a chart shows, their names, their order, and which of their entries count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from graphengine import Graph, Tensor, Trace, errors
from graphengine.graph import tensors_in
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepSlice
from graphengine.node import Node
from graphengine.ops.logic import Hold
from graphengine.scope import Scope
from graphengine.spec import Array


@dataclass(frozen=True)
class Row:
    """One value inside a loop, and where it stands.

    Attributes:
        tensor: the value.
        name: what it is called in its cell: `c`.
        driver: the path of what runs the loop: `birnn`.
        layer: counted from the lowest; None where nobody speaks of layers.
        direction: "fw" or "bw", "reverse" for a loop that runs back alone, or "".
        group: the names of its place that tell it from the others: "layer 1 bw".
    """

    tensor: Tensor
    name: str
    driver: str = ""
    layer: int | None = None
    direction: str = ""
    group: str = ""

    @property
    def path(self) -> str:
        """The path of the value."""
        return self.tensor.path

    @property
    def label(self) -> str:
        """Its place and its name."""
        return f"{self.group} {self.name}".strip()


def states(trace: Trace, *, held: bool = False) -> list[Row]:
    """Return what the loops of a trace hand on from step to step, in the order in which charts show it.

    Args:
        held: take the state that rows of unequal length hold after their end; by default what the step computed.
    """
    found: dict[Tensor, Row] = {}
    for node in trace.plan.nodes:
        tensor = node.feeds
        if tensor is None or tensor.loop is None or not tensor.spec.floating:
            continue
        if not isinstance(tensor.node.op, Delay | StepSlice):
            tensor = tensor if held else computed(tensor)
            found.setdefault(tensor, _row(tensor, node.output.name.replace("_prev", "", 1), node.scope))
    return in_order(found.values())


def chosen(graph: Graph, what: Iterable[str | Tensor]) -> list[Row]:
    """Return rows for values that a user names; a last value or a stack of all steps stands for the steps' own.

    Raises:
        UnknownPathError: nothing has this path, or it is no value of a loop.
    """
    found = {}
    for tensor in tensors_in([graph[each] if isinstance(each, str) else each for each in what]):
        op = tensor.node.op
        inner = tensor.node.inputs[0] if isinstance(op, LastStep | StackSteps) else tensor
        inner = computed(inner) if isinstance(op, LastStep) else inner
        if inner.loop is None:
            raise errors.UnknownPathError(
                f"{tensor.path} {tensor.spec} lives outside loops, so it has no steps{errors.here()}"
            )
        found[inner] = _row(inner, inner.name, inner.node.scope)
    return in_order(found.values())


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Sort rows as the diagrams stand, later drivers and upper layers on top, and name their groups."""
    given = list(rows)
    drivers = list(dict.fromkeys(row.driver for row in given))
    given.sort(key=lambda row: (-drivers.index(row.driver), -(row.layer or 0), row.direction not in ("", "fw")))
    return [
        Row(row.tensor, row.name, row.driver, row.layer, row.direction, _group(row, several=len(drivers) > 1))
        for row in given
    ]


def computed(tensor: Tensor) -> Tensor:
    """Return what a step made of a state, where rows that have ended hold it."""
    while isinstance(tensor.node.op, Hold):
        tensor = tensor.node.inputs[1]
    return tensor


def _row(tensor: Tensor, name: str, scope: Scope) -> Row:
    driver, layer, direction = (scope.nearest(role) for role in ("driver", "layer", "direction"))
    assert tensor.loop is not None
    return Row(
        tensor,
        name,
        driver.path if driver is not None else "",
        layer.index if layer is not None else None,
        direction.name if direction is not None else "reverse" if tensor.loop.reverse else "",
    )


def _group(row: Row, *, several: bool) -> str:
    parts = ["" if row.layer is None else f"layer {row.layer}", row.direction]
    if several or not any(parts):
        parts.insert(0, row.driver)
    return " ".join(filter(None, parts))


def steps_of(trace: Trace, rows: Iterable[Row]) -> int:
    """How many positions in time a chart of these rows needs."""
    return max(trace.context.steps(loop) for loop in _loops(rows))


def _loops(rows: Iterable[Row]) -> list[Loop]:
    return [row.tensor.loop for row in rows if row.tensor.loop is not None]


def axis_name(rows: Iterable[Row]) -> str:
    """What the loops of these rows run along, if that is one thing."""
    names = {str(loop.over) for loop in _loops(rows)}
    return names.pop() if len(names) == 1 else "step"


def kept(read: Callable[[Tensor, int], Array], tensor: Tensor, t: int) -> Array | None:
    """Read a trace, or return None where it was told not to keep anything."""
    try:
        return read(tensor, t)
    except errors.UnknownPathError:
        return None


def norm(array: Array) -> float:
    """The Euclidean norm of all entries."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.linalg.norm(np.asarray(array, np.float64).ravel()))


def holds(trace: Trace, tensor: Tensor) -> list[Node]:
    """Return the nodes that decide whether a value counts, where rows of unequal length end before others.

    What a hold throws away does not count, and every state of a row that has ended is held: these are the first holds
    on the ways from the value to what its step hands on. There are none if it is handed on without one.
    """
    body = [node for node in trace.plan.nodes if node.loop is tensor.loop]
    readers: dict[Tensor, list[tuple[Node, int]]] = {}
    for node in body:
        for i, source in enumerate(node.inputs):
            readers.setdefault(source, []).append((node, i))
    found: dict[Node, None] = {}
    reached = {tensor: None}
    for each in (pending := [tensor]):
        for node, i in readers.get(each, ()):
            if isinstance(node.op, Hold) and i == 1:
                found[node] = None
            else:
                pending += [output for output in node.outputs if output not in reached]
                reached.update(dict.fromkeys(node.outputs))
    return [] if any(node.feeds in reached for node in body) else list(found)


def live(trace: Trace, tensor: Tensor, masks: Iterable[Node], t: int) -> Array:
    """Return which entries of a value count at a position: those that any of its holds lets pass, or all."""
    total = np.zeros(trace.shape(tensor), np.bool_)
    known = False
    for hold in masks:
        mask = hold.inputs[0]
        rank = len(mask.shape) - next((k for k, size in enumerate(reversed(mask.shape)) if size != 1), len(mask.shape))
        if mask.shape[:rank] == tensor.shape[:rank]:
            value = trace.value(mask, t)
            total |= value.reshape(value.shape[:rank] + (1,) * (total.ndim - rank))
            known = True
    return total if known else ~total
