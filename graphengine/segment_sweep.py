"""Segments backward: a sweep over a loop that goes over its last segment first.

Each segment but the last is computed once more from the state that it started from. The gradients of what it handed on
arrive from the segment behind it; those of what all steps read add up.
"""

from __future__ import annotations

import numpy as np

from graphengine.backward import Backward
from graphengine.border import LastStep, StackSteps, StepSlice, time_first
from graphengine.gradients import step_of
from graphengine.node import Node, Tensor
from graphengine.passes.segment import Section
from graphengine.program import Program, named
from graphengine.segments import SegmentedForward, SegmentForward, Segments
from graphengine.spec import Array


class SegmentedBackward(Backward):
    """The backward pass over what a segmented forward pass leaves behind."""

    def sweep(self) -> None:
        """Go over everything, last things first."""
        self.sweeps: list[SegmentSweep] = []
        assert isinstance(self.forward, SegmentedForward)
        for item in reversed(self.forward.items):
            segments = self.forward.segments.get(item) if isinstance(item, Section) else None
            if segments is not None:
                found = {node: self.gradients.get(node.output) for node in segments.section.leaving}
                incoming = {node: dy for node, dy in found.items() if dy is not None}
                if incoming:
                    self.program.begin(item.nodes)
                    self.sweeps.append(SegmentSweep(self, segments, incoming))
                self.forget(segments.section.nodes)
            elif isinstance(item, Section):
                for unit in reversed(item.units):
                    self.unit(unit)
            else:
                self.unit(item)

    def parts(self) -> list[Backward]:
        """Itself and the sweeps over segments."""
        return [self, *(each for sweep in self.sweeps for each in sweep.made.values())]

    def release(self) -> None:
        """Let go of all arrays."""
        super().release()
        self.sweeps.clear()


class SegmentSweep:
    """The sweep over the segments of a loop.

    Attributes:
        incoming: the gradients of what leaves the loop, by the nodes that take it out.
        arriving: for every delay, the gradient of what the segment at hand hands on.
        leaving: the same of what it started from.
        sums: the gradients of what all steps read.
    """

    def __init__(self, outer: Backward, segments: Segments, incoming: dict[Node, Array]) -> None:
        self.outer = outer
        self.segments = segments
        section, active = segments.section, outer.schedule.active
        gradients = outer.gradients
        self.incoming = incoming
        delays = [node for node in section.delays if node.output in active]
        self.arriving = {node: self._state(node) for node in delays if node.feeds in active}
        self.leaving = {node: self._state(node) for node in delays}
        self.sums: dict[Tensor, Array] = {}
        slices = [node for node in section.entering if node.output in active and isinstance(node.op, StepSlice)]
        self.slices = {node: self._ordered(node, gradients.whole(node, node.inputs[0])) for node in slices}
        self.made = {count: SegmentBackward(self, inside) for count, inside in reversed(segments.made.items())}
        node = section.nodes[0]
        if outer.program.dry:
            for segment in self.made.values():
                segment.compute()
                for tensor in segment.invariants():
                    self._sum(tensor)
        else:
            outer.program.do(node, self._run)
        for tensor, array in self.sums.items():
            gradients.add(node, tensor, array, fresh=True)
        for delay, array in self.leaving.items():
            if delay.inputs[0] in active and any(delay in segment.left for segment in self.made.values()):
                gradients.add(delay, delay.inputs[0], array, fresh=False)

    def inside(self) -> list[Program]:
        """The programs that a sweep over all segments repeats."""
        return [segment.program for segment in self.made.values()]

    def _state(self, delay: Node) -> Array:
        """Make an array for the gradient of a delay's value at one step."""
        outer = self.outer
        return outer.memory.by_feature(outer.lead, outer.forward.run.shape(delay.output.spec), delay.output.dtype)

    def _sum(self, tensor: Tensor) -> Array:
        if tensor not in self.sums:
            self.sums[tensor] = self.outer.room(tensor)
        return self.sums[tensor]

    def _ordered(self, node: Node, gradient: Array) -> Array:
        """View the gradient of a sequence with its steps behind the axes of the seeds, in the order of processing."""
        op = node.op
        assert isinstance(op, (StepSlice, StackSteps))
        return time_first(gradient, op.axis, op.reverse, len(self.outer.lead))

    def _run(self) -> None:
        bounds = self.segments.bounds
        begun: set[Tensor] = set()
        for array in self.arriving.values():
            array.fill(0)
        for place in reversed(range(len(bounds))):
            first, end = bounds[place]
            if end < self.segments.steps:
                self.segments.again(place)
            segment = self.made[end - first]
            self._enter(segment, first, end)
            segment.run_or_repeat()
            for tensor, gradient in segment.invariants().items():
                if tensor in begun:
                    np.add(self._sum(tensor), gradient, self._sum(tensor))
                else:
                    np.copyto(self._sum(tensor), gradient)
                    begun.add(tensor)
            for node, gradient in segment.sliced.items():
                part = self._steps(self.slices[node], first, end)
                np.add(part, gradient, part)
            for node in segment.left & self.arriving.keys():
                np.copyto(self.arriving[node], self.leaving[node])

    def _enter(self, segment: SegmentBackward, first: int, end: int) -> None:
        """Put the gradients from outside the loop in their places."""
        for seed in segment.entered.values():
            seed.fill(0)
        for node, dy in self.incoming.items():
            seed = segment.entered[node.inputs[0]]
            if isinstance(node.op, StackSteps):
                np.add(seed, self._steps(self._ordered(node, dy), first, end), seed)
            elif isinstance(node.op, LastStep) and end == self.segments.steps:
                last = step_of(seed, len(self.outer.lead), -1)
                np.add(last, dy, last)

    def _steps(self, ordered: Array, first: int, end: int) -> Array:
        return step_of(ordered, len(self.outer.lead), slice(first, end))


class SegmentBackward(Backward):
    """The backward pass over the segments of one length.

    Attributes:
        entered: the gradients from outside the loop, of the steps of a segment.
        sliced: the gradients of what its steps read of sequences.
        left: the delays whose gradient reaches the first step.
    """

    def __init__(self, around: SegmentSweep, inside: SegmentForward) -> None:
        super().__init__(inside, {})
        self.memory = around.outer.memory
        self.lead = around.outer.lead
        self.section, self.windows = inside.section, inside.windows
        self.arriving, self.leaving = around.arriving, around.leaving
        self.entered = {tensor: self.room(tensor) for tensor in {node.inputs[0]: None for node in around.incoming}}
        self.sliced: dict[Node, Array] = {}
        self.left: set[Node] = set()

    def sweep(self) -> None:
        """Go over the loop's own units."""
        for tensor, gradient in self.entered.items():
            self.gradients.add(tensor.node, tensor, gradient, fresh=False)
        for unit in reversed(self.section.inside):
            self.unit(unit)

    def run_or_repeat(self) -> None:
        """Run on what has entered and arrived now."""
        named(self.program, "in the backward of", self.program.repeat if self.program.calls else self.compute)

    def invariants(self) -> dict[Tensor, Array]:
        """The gradients of what all steps read."""
        return {tensor: array for tensor, array in self.gradients.arrays.items() if tensor.loop is None}

    def once(self, node: Node) -> None:
        """As everywhere, but what belongs to a sequence goes to its part of it."""
        gradient = self.gradients.get(node.output)
        if node.output not in self.windows:
            super().once(node)
        elif gradient is not None:
            self.sliced[node] = gradient

    def begin(self, delay: Node, gradient: Array) -> None:
        """Keep the gradient for the segment before."""
        self.program.do(delay, np.copyto, self.leaving[delay], gradient)
        self.left.add(delay)

    def arrival(self, delay: Node) -> Array | None:
        """The gradient from the segment behind."""
        return self.arriving.get(delay)
