"""Segments: the forward pass of a loop that runs some of its steps at a time.

The arrays and the calls of a segment serve all segments of its length. For the backward pass only the state that each
started from is kept; `segment_sweep.py` computes a segment again before it goes over it. So a loop of T steps trains
in the memory of about 2 √T of them.

Source of the idea: Chen, Xu, Zhang and Guestrin (2016), Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphengine.border import LastStep, StackSteps, StepSlice, time_first
from graphengine.forward import Forward
from graphengine.loop import Loop
from graphengine.node import Node
from graphengine.op import Source
from graphengine.passes.segment import Item, Section, segment_size
from graphengine.program import Program, named
from graphengine.spec import Array


class SegmentedForward(Forward):
    """A forward pass whose loops run in segments, those that can and have more steps than one.

    Attributes:
        items: what runs together, in the order of running; where no loop is that long, the units.
        segments: those of every loop that does.
    """

    def compute(self) -> None:
        """Run everything for the first time."""
        self.segments: dict[Section, Segments] = {}
        long = any(self._size(unit.loop) < self.run.steps(unit.loop) for unit in self.schedule.circles if unit.loop)
        self.items: Sequence[Item] = self.schedule.sections if long else self.schedule.units
        for item in self.items:
            if isinstance(item, Section):
                self._section(item)
            else:
                self.unit(item)

    def parts(self) -> list[Forward]:
        """Itself and the segments."""
        return [self, *(each for segments in self.segments.values() for each in segments.made.values())]

    def release(self) -> None:
        """Let go of all arrays."""
        super().release()
        self.segments.clear()

    def _size(self, loop: Loop) -> int:
        """How many steps of a loop run at a time."""
        return segment_size(self.plan.segment, self.run.steps(loop), self.gradients)

    def _section(self, section: Section) -> None:
        size = self._size(section.loop)
        if size < self.run.steps(section.loop):
            self.program.begin(section.nodes)
            self.segments[section] = Segments(self, section, size)
            return
        for unit in section.units:
            self.unit(unit)


class Segments:
    """The segments of a loop.

    Attributes:
        bounds: the first step of each, and the one behind its last.
        carried: for every delay its value at the first step of the segment that runs.
        starts: those values of all segments, where there will be a backward pass.
        made: what computes the segments of a length.
    """

    def __init__(self, outer: Forward, section: Section, size: int) -> None:
        self.outer = outer
        self.section = section
        self.steps = outer.count(section.loop)
        self.bounds = [(first, min(first + size, self.steps)) for first in range(0, self.steps, size)]
        self.carried = {node: outer.empty(node.output.spec) for node in section.delays}
        self.starts: dict[Node, Array] = {}
        if outer.gradients:
            self.starts = {node: outer.empty(node.output.spec, len(self.bounds)) for node in section.delays}
        self.sequences = {node.output: self._sequence(node) for node in section.entering}
        for node in section.leaving:
            outer.values[node.output] = self._result(node)
        counts = dict.fromkeys(end - first for first, end in self.bounds)
        self.made = {count: SegmentForward(self, count) for count in counts}
        if outer.program.dry:
            for segment in self.made.values():
                segment.compute()
        else:
            outer.program.do(section.nodes[0], self._run)

    def _sequence(self, node: Node) -> Array:
        """Return the values of all steps of what brings values in, in the order of processing."""
        op = node.op
        if isinstance(op, StepSlice):
            return time_first(self.outer.values[node.inputs[0]], op.axis, op.reverse)
        assert isinstance(op, Source)
        self.outer.source(node, op)
        return self.outer.values[node.output]

    def _result(self, node: Node) -> Array:
        """Make the array of what is taken out."""
        if isinstance(node.op, (StackSteps, LastStep)):
            return self.outer.empty(node.output.spec)
        return np.asarray(self.steps, np.int64)

    def _run(self) -> None:
        values = self.outer.values
        for node, value in self.carried.items():
            np.copyto(value, values[node.inputs[0]])
        for place, (first, end) in enumerate(self.bounds):
            for node, starts in self.starts.items():
                np.copyto(starts[place, ...], self.carried[node])
            segment = self.compute(first, end)
            for node in self.section.leaving:
                op = node.op
                if isinstance(op, StackSteps):
                    part = time_first(values[node.output], op.axis, op.reverse)[first:end]
                    np.copyto(part, segment.values[node.inputs[0]])
                elif isinstance(op, LastStep) and end == self.steps:
                    np.copyto(values[node.output], segment.values[node.inputs[0]][-1, ...])
            for node, value in self.carried.items():
                np.copyto(value, segment.final(node))

    def inside(self) -> list[Program]:
        """The programs that a run of all segments repeats."""
        return [segment.program for segment in self.made.values()]

    def again(self, place: int) -> SegmentForward:
        """Compute a segment from the state that it started from."""
        for node, value in self.carried.items():
            np.copyto(value, self.starts[node][place, ...])
        return self.compute(*self.bounds[place])

    def compute(self, first: int, end: int) -> SegmentForward:
        """Run the steps of a segment."""
        segment = self.made[end - first]
        for tensor, window in segment.windows.items():
            np.copyto(window, self.sequences[tensor][first:end])
        segment.run_or_repeat()
        return segment


class SegmentForward(Forward):
    """The forward pass over the segments of one length.

    Attributes:
        windows: what the steps of a segment read of sequences.
    """

    def __init__(self, segments: Segments, count: int) -> None:
        outer, section = segments.outer, segments.section
        super().__init__(outer.plan, outer.run, gradients=outer.gradients, dry=outer.program.dry)
        self.memory = outer.memory
        self.section = section
        self.carried = segments.carried
        self.counts[section.loop] = count
        self.windows = {node.output: self.empty(node.output.spec, count) for node in section.entering}
        self.values = {tensor: outer.values[tensor] for tensor in section.invariants} | self.windows

    def compute(self) -> None:
        """Run the loop's own units for the first time."""
        for unit in self.section.inside:
            if unit.stepwise or unit.nodes[0].output not in self.windows:
                self.unit(unit)

    def run_or_repeat(self) -> None:
        """Run on what the windows hold now."""
        named(self.program, "while computing", self.program.repeat if self.program.calls else self.compute)

    def initial(self, delay: Node) -> Array:
        """What the segment before handed on."""
        return self.carried[delay]

    def final(self, delay: Node) -> Array:
        """What this segment hands on."""
        fed = delay.feeds
        assert fed is not None
        if fed.loop is None:
            return self.values[fed]
        for circle in self.circles.values():
            if fed in circle.steps:
                return circle.steps[fed][-1]
        return self.values[fed][-1, ...]
