"""Sequences: the tensors that enter a loop step by step, and those in which the values of all steps are gathered."""

from __future__ import annotations

from graphengine.graph import Node, Tensor
from graphengine.loop import Loop, StackSteps, StepSlice
from graphengine.spec import Array
from viz.model.subject import Subject, Use, plain_time, time_axis


class Sequences:
    """Every sequence that meets a loop, and what it is gathered from.

    A driver that merges its directions (concat, sum, …) does so at every position alike, so the merged tensor is
    drawn as the one sequence, and the two that it is made of are not.

    Attributes:
        over: by sequence, the dimension that is time.
        stacks: by sequence, the nodes that gather its steps; empty for one that comes from outside.
        merged: nodes that are part of a sequence, and so are not drawn on their own.
    """

    def __init__(self, subject: Subject, uses: dict[Tensor, list[Use]]) -> None:
        self.over: dict[Tensor, object] = {}
        self.stacks: dict[Tensor, list[Node]] = {}
        self.merged: set[Node] = set()
        for node in subject.nodes:
            if isinstance(node.op, StackSteps):
                self._add(node.output, node.op.over, [node])
            elif self._merges(node, subject, uses):
                parts = [tensor for tensor in node.inputs if tensor in self.stacks]
                stacks = [stack for tensor in parts for stack in self.stacks[tensor]]
                over = self.over[parts[0]]
                for tensor in parts:
                    del self.over[tensor], self.stacks[tensor]
                self.merged.add(node)
                self._add(node.output, over, stacks)
            elif isinstance(node.op, StepSlice):
                assert node.loop is not None
                self._add(node.inputs[0], node.loop.over, self.stacks.get(node.inputs[0], []))

    def _add(self, tensor: Tensor, over: object, stacks: list[Node]) -> None:
        self.over[tensor] = over
        self.stacks[tensor] = stacks

    def _merges(self, node: Node, subject: Subject, uses: dict[Tensor, list[Use]]) -> bool:
        """Whether a driver's node makes one sequence of several, position by position, and nothing else reads them."""
        if node.loop is not None or node.scope.nearest("driver") is None or node in subject.static:
            return False
        parts = [tensor for tensor in node.inputs if tensor.node not in subject.static]
        alone = all(self.stacks.get(t) and {reader for reader, _ in uses.get(t, ())} == {node} for t in parts)
        return bool(parts) and alone and plain_time(node, self.over[parts[0]])

    def __contains__(self, tensor: Tensor) -> bool:
        return tensor in self.over

    def at(self, subject: Subject, tensor: Tensor, t: int) -> Array | None:
        """A sequence's value at a position."""
        return _position(subject.value(tensor), tensor, self.over[tensor], t)

    def gradient_at(self, subject: Subject, tensor: Tensor, t: int) -> Array | None:
        """A sequence's gradient at a position."""
        return _position(subject.gradient(tensor), tensor, self.over[tensor], t)

    def shape(self, subject: Subject, tensor: Tensor) -> tuple[object, ...]:
        """The shape of one position."""
        shape = list(subject.shape(tensor))
        del shape[time_axis(tensor, self.over[tensor])]
        return tuple(shape)


def loops_of(subject: Subject, over: object) -> list[Loop]:
    """The loops that run along a dimension."""
    return [loop for loop in subject.loops if loop.over == over]


def _position(array: Array | None, tensor: Tensor, over: object, t: int) -> Array | None:
    if array is None or array.ndim < len(tensor.shape):  # norms only
        return None
    axis = time_axis(tensor, over) - len(tensor.shape)
    part: Array = array.take(t, axis=axis)
    return part
