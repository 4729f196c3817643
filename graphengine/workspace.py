"""Workspaces: the arrays and the calls of a plan for one set of sizes, which one run at a time borrows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from graphengine.crew import Crew
from graphengine.graph import Tensor
from graphengine.memory import Need
from graphengine.program import named, overhead
from graphengine.run import RunContext
from graphengine.segment_sweep import SegmentedBackward
from graphengine.segments import SegmentedForward
from graphengine.spec import Array

if TYPE_CHECKING:
    from graphengine.plan import Plan

Results: TypeAlias = tuple[dict[Tensor, Array], dict[Tensor, Array]]

SIZES = 4
BYTES = 2**30


class Workspaces:
    """The workspaces of a plan that nobody uses now.

    Those of the sizes used last are kept: four, and no more than a gibibyte together but for the very last.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._lock = Lock()
        self.idle: OrderedDict[Any, list[Workspace]] = OrderedDict()

    def release(self) -> None:
        """Let go of the arrays of all sizes."""
        with self._lock:
            gone = [workspace for each in self.idle.values() for workspace in each]
            self.idle.clear()
        for workspace in gone:
            workspace.release()

    def run(self, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> Results:
        """Return the values and the gradients of a run, in arrays of its own."""
        key = (context.sizes.key, None if seeds is None else _lead(seeds))
        with self._lock:
            idle = self.idle.get(key)
            workspace = idle.pop() if idle else None
        if workspace is None:
            workspace = Workspace(self.plan)
        results = workspace.run(context, seeds)
        gone = [workspace]
        if self.plan.repeatable:
            with self._lock:
                self.idle.setdefault(key, []).append(workspace)
                self.idle.move_to_end(key)
                gone = self._surplus()
        for each in gone:
            each.release()
        return results

    def _surplus(self) -> list[Workspace]:
        """Take out those of the sizes used longest ago."""
        gone: list[Workspace] = []
        while len(self.idle) > 1 and (len(self.idle) > SIZES or self._held() > BYTES):
            gone += self.idle.popitem(last=False)[1]
        return gone

    def _held(self) -> int:
        return sum(workspace.held() for each in self.idle.values() for workspace in each)


def _lead(seeds: Mapping[Tensor, Array]) -> tuple[int, ...]:
    """Return the sizes of the axes that seeds carry in front of their targets' own."""
    for tensor, seed in seeds.items():
        return seed.shape[: seed.ndim - tensor.spec.rank]
    return ()


class Workspace:
    """Both passes of a plan for one set of sizes."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.crew = plan.crew if plan.repeatable else Crew(1)
        self.forward: SegmentedForward | None = None
        self.backward: SegmentedBackward | None = None

    def run(self, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> Results:
        """Run both passes; the first time they are worked out."""
        with np.errstate(over="ignore", under="ignore"), self.crew.at_work():
            if self.forward is None:
                self.forward = SegmentedForward(self.plan, context, gradients=seeds is not None)
                named(self.forward.program, "while computing", self.forward.compute)
                self.crew.share(self.forward.program, adds=False)
            else:
                named(self.forward.program, "while computing", self.forward.again, context)
            if seeds is not None and self.backward is None:
                self.backward = SegmentedBackward(self.forward, seeds)
                named(self.backward.program, "in the backward of", self.backward.compute)
                self.crew.share(self.backward.program, adds=True)
            elif seeds is not None and self.backward is not None:
                named(self.backward.program, "in the backward of", self.backward.again, seeds)
        values = {tensor: self.forward.values[tensor].copy() for tensor in (*self.plan.targets, *self.plan.also)}
        if self.backward is None:
            return values, {}
        found = self.backward.gradients.arrays
        return values, {tensor: found[tensor].copy() for tensor in self.plan.differentiated}

    def held(self) -> int:
        """The bytes of its arrays."""
        return sum(each.memory.bytes for each in (self.forward, self.backward) if each is not None)

    def release(self) -> None:
        """Let go of all arrays."""
        for each in (self.forward, self.backward):
            if each is not None:
                each.release()


def need(plan: Plan, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> Need:
    """Return what a run needs, found by working it out without computing anything."""
    forward = SegmentedForward(plan, context, gradients=seeds is not None, dry=True)
    forward.compute()
    backward = None if seeds is None else SegmentedBackward(forward, seeds)
    owned = [forward.values[tensor] for tensor in {*plan.targets, *plan.also}]
    if backward is not None:
        with np.errstate(all="ignore"):
            backward.compute()
        owned += [backward.gradients.arrays[tensor] for tensor in plan.differentiated]
    passes = [each for each in (forward, backward) if each is not None]
    return Need(
        forward.memory.bytes,
        0 if backward is None else backward.memory.bytes,
        overhead(part.program for each in passes for part in each.parts()),
        sum(array.nbytes for array in owned),
    )
