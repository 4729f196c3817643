"""Workspaces: the arrays and the calls of a plan for one set of sizes, which one run at a time borrows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from graphengine import errors
from graphengine.backward import Backward
from graphengine.crew import Crew
from graphengine.forward import Forward
from graphengine.graph import Tensor
from graphengine.program import Program, explained
from graphengine.run import RunContext
from graphengine.spec import Array

if TYPE_CHECKING:
    from graphengine.plan import Plan

Results: TypeAlias = tuple[dict[Tensor, Array], dict[Tensor, Array]]

_KEPT = 4


class Workspaces:
    """The workspaces of a plan that nobody uses now; those of the sizes used last are kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._lock = Lock()
        self.idle: OrderedDict[Any, list[Workspace]] = OrderedDict()

    def run(self, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> Results:
        """Return the values and the gradients of a run, in arrays of its own."""
        lead = next((seed.shape[: seed.ndim - len(tensor.shape)] for tensor, seed in (seeds or {}).items()), ())
        key = (tuple(sorted(context.sizes.items())), None if seeds is None else frozenset(seeds), lead)
        with self._lock:
            idle = self.idle.get(key)
            workspace = idle.pop() if idle else None
        if workspace is None:
            workspace = Workspace(self.plan)
        results = workspace.run(context, seeds)
        if self.plan.repeatable:
            with self._lock:
                self.idle.setdefault(key, []).append(workspace)
                self.idle.move_to_end(key)
                while len(self.idle) > _KEPT:
                    self.idle.popitem(last=False)
        return results


class Workspace:
    """Both passes of a plan for one set of sizes."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.crew = plan.crew if plan.repeatable else Crew(1)
        self.forward: Forward | None = None
        self.backward: Backward | None = None

    def run(self, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> Results:
        """Run both passes; the first time they are worked out."""
        with np.errstate(over="ignore", under="ignore"), self.crew.at_work():
            if self.forward is None:
                self.forward = Forward(self.plan, context, gradients=seeds is not None)
                named(self.forward.program, "while computing", self.forward.compute)
                self.crew.share(self.forward.program, adds=False)
            else:
                named(self.forward.program, "while computing", self.forward.again, context)
            if seeds is not None and self.backward is None:
                self.backward = Backward(self.forward, seeds)
                named(self.backward.program, "in the backward of", self.backward.compute)
                self.crew.share(self.backward.program, adds=True)
            elif seeds is not None and self.backward is not None:
                named(self.backward.program, "in the backward of", self.backward.again, seeds)
        values = {tensor: self.forward.values[tensor].copy() for tensor in (*self.plan.targets, *self.plan.also)}
        if self.backward is None:
            return values, {}
        found = self.backward.gradients.arrays
        return values, {tensor: found[tensor].copy() for tensor in self.plan.differentiated}


def named(program: Program, doing: str, act: Callable[..., None], *args: Any) -> None:
    """Act; errors name the node at fault."""
    try:
        act(*args)
    except errors.GraphError as problem:
        assert program.node is not None
        raise explained(problem, program.node) from None
    except Exception as problem:
        if program.node is not None:
            problem.add_note(f"{doing} {program.node.path}: {program.node.op}{errors.at(program.node.location)}")
        raise
