"""Highlights of values: what a driver returns, or values by path, as tensors at positions in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, cast

from graphengine import errors
from graphengine.depth import Measure
from graphengine.graph import Tensor
from graphengine.loop import Delay, LastStep, StackSteps, StepSlice
from viz.model.subject import Subject

Place: TypeAlias = str | Tensor | tuple[str | Tensor, int]
Highlight: TypeAlias = Place | Iterable[Place] | Measure | None
Bright: TypeAlias = dict[tuple[Tensor, int | None], None]


def bright(subject: Subject, what: Highlight) -> Bright:
    """Return what to highlight; a tensor without a position is meant at all of them.

    Args:
        what: "outputs": what loops return of every step, which is the top layer's output; "states": what they return
            of the last step, which is every state; or paths or tensors, alone or with a position. A measure's way is
            no value (`viz.model.witness` finds it).
    """
    if what is None or isinstance(what, Measure):
        return {}
    if isinstance(what, str) and what in ("outputs", "states"):
        return _outputs(subject) if what == "outputs" else _states(subject)
    single = isinstance(what, str | Tensor) or (isinstance(what, tuple) and len(what) == 2 and isinstance(what[1], int))
    found: Bright = {}
    several = not single and isinstance(what, Iterable)
    for place in cast("Iterable[Place]", what if several else [what]):
        where, t = place if isinstance(place, tuple) else (place, None)
        tensor = subject.graph[where] if isinstance(where, str) else where
        if not isinstance(tensor, Tensor):
            raise errors.StructureError(
                f'highlight takes "outputs", "states", paths and tensors, or one measure of graphengine.depth alone, '
                f"not a {type(tensor).__name__}{errors.at(errors.user_location())}"
            )
        found.update(_inside(subject, tensor, t))
    return found


def _inside(subject: Subject, tensor: Tensor, t: int | None) -> Bright:
    """A value as it stands in a lattice; what leaves a loop is highlighted where it is made."""
    op = tensor.node.op
    found: Bright = {(tensor, t): None}
    if isinstance(op, StackSteps):
        found[_origin(tensor.node.inputs[0]), t] = None
    if isinstance(op, LastStep):
        source = tensor.node.inputs[0]
        assert source.loop is not None
        found[_origin(source), subject.positions(source.loop)[-1]] = None
    return found


def _outputs(subject: Subject) -> Bright:
    """The values that loops gather for somebody outside, not for another loop."""
    stacks = [node for node in subject.graph.nodes if isinstance(node.op, StackSteps)]
    sliced = {
        tensor for node in subject.graph.nodes if isinstance(node.op, StepSlice) for tensor in _sources(node.inputs[0])
    }
    kept = [node for node in stacks if node.output not in sliced] or stacks
    found: Bright = {}
    for node in kept:
        found.update(_inside(subject, node.output, None))
    readers = {tensor: node.output for node in subject.graph.nodes if node.loop is None for tensor in node.inputs}
    for node in kept:
        merged = readers.get(node.output)
        if merged is not None and merged.node.scope.nearest("driver") is not None:
            found[merged, None] = None
    return found


def _sources(tensor: Tensor) -> list[Tensor]:
    """A sequence and what it is merged from."""
    return [tensor, *tensor.node.inputs]


def _states(subject: Subject) -> Bright:
    """The last values of loops."""
    found: Bright = {}
    for node in subject.graph.nodes:
        if isinstance(node.op, LastStep):
            loop = node.inputs[0].loop
            assert loop is not None
            for t in subject.positions(loop)[-1:]:
                found[_origin(node.inputs[0]), t] = None
    return found


def _origin(tensor: Tensor) -> Tensor:
    """A value behind the delays that hand it on."""
    seen: set[Tensor] = set()
    while isinstance(tensor.node.op, Delay) and tensor.node.feeds is not None and tensor not in seen:
        seen.add(tensor)
        tensor = tensor.node.feeds
    return tensor
