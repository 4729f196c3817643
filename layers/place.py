"""Places: a layer's scope in a trace, and the gradients that cross its border.

A gradient that arrives at a state comes partly from above (the loss, the layer on top) and partly from the next step; a
trace has the sum, and the edges tell the parts.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from graphengine import Node, Scope, Tensor, Trace
from graphengine.loop import Delay, Loop
from graphengine.op import one_or_all
from graphengine.ops.logic import Hold
from graphengine.sources import ParameterValue
from graphengine.spec import Array
from graphengine.structure import leaves, walk

Shares: TypeAlias = tuple[Array, Array]


def inside(trace: Trace, scope: Scope) -> list[Place]:
    """Return the place of a scope and of every cell inside it, without those that only hold others."""
    busy = {node.scope for node in trace.plan.nodes}
    found = [each for each in trace.graph.scopes if each in busy and scope in each.ancestry()]
    return [Place(trace, each) for each in found if each is scope or each.role == "cell"]


class Place:
    """A layer's scope in a trace.

    Attributes:
        nodes: what it computes, cells inside included.
        loop: the loop whose steps it belongs to, if any.
    """

    def __init__(self, trace: Trace, scope: Scope) -> None:
        self.trace = trace
        self.scope = scope
        self.nodes = [node for node in trace.plan.nodes if scope in node.scope.ancestry()]
        self._computed = set(trace.plan.nodes)
        self.loop: Loop | None = next((node.loop for node in self.nodes if node.loop is not None), None)
        self.readers = trace.readers
        self._held: dict[Node, dict[int, Shares]] = {}

    @cached_property
    def before(self) -> dict[str, Tensor]:
        """The state before the step, part by part."""
        return self._parts("state")

    @cached_property
    def after(self) -> dict[str, Tensor]:
        """The state after it; of a layer without one, what others read."""
        if "after" in self.scope.ports:
            return self._parts("after")
        own, kept = set(self.nodes), {*self.trace.plan.targets, *self.trace.plan.also}
        return {
            tensor.name: tensor
            for node in self.nodes
            for tensor in node.outputs
            if node.inputs and (tensor in kept or any(reader not in own for reader, _ in self.readers.get(tensor, ())))
        }

    @property
    def said(self) -> list[str]:
        """The parts of the state that are its output as well, so that a gradient reaches them from two sides."""
        return [name for name, tensor in self.after.items() if tensor is self.scope.ports.get("output")]

    def _parts(self, port: str) -> dict[str, Tensor]:
        """The parts of a state by name, as far as the plan needs them."""
        parts = walk(self.scope.ports.get(port, ()))
        return {"/".join(path): tensor for path, tensor in parts if tensor.node in self._computed}

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """The places of the parameters that it reads."""
        read = (tensor for node in self.nodes for tensor in node.inputs)
        return {each.node.op.parameter.name: each for each in read if isinstance(each.node.op, ParameterValue)}

    @cached_property
    def named(self) -> dict[str, Tensor]:
        """Its own values by name. A graph unrolled by hand numbers them from the second step on, which is dropped."""
        found: dict[str, Tensor] = {}
        for node in self.nodes:
            around = list(node.scope.ancestry())
            if not any(scope.role == "cell" for scope in around[: around.index(self.scope)]):
                for tensor in node.outputs:
                    found.setdefault(re.sub(r"_\d+$", "", tensor.name), tensor)
        return found | self.parameters | self.after

    def value(self, name: str, t: int | None) -> Array | None:
        """Return a value of its own; None if it has none at `t`."""
        tensor = self._at(name, t)
        return None if tensor is None else self.trace.value(tensor, t)

    def gradient(self, name: str, t: int | None) -> Array | None:
        """Return the gradient of a value of its own; None if it has none at `t`."""
        tensor = self._at(name, t)
        return None if tensor is None or not self.trace.carries(tensor) else self.trace.grad(tensor, t)

    def _at(self, name: str, t: int | None) -> Tensor | None:
        tensor = self.named.get(name)
        return tensor if tensor is not None and (tensor.loop is None) == (t is None) else None

    def handed_to_input(self, t: int | None) -> Array | None:
        """Return what it adds to the gradient of its input, whether or not the plan needs that."""
        return self._handed(self.scope.ports.get("x"), t)

    def handed_back(self, name: str, t: int | None) -> Array | None:
        """Return the gradient of a part of the state before: a delay's own, with what rows that have ended hand on."""
        tensor = self.before.get(name)
        if tensor is not None and isinstance(tensor.node.op, Delay) and t is not None and self.trace.carries(tensor):
            return self.trace.grad(tensor, t)
        return self._handed(tensor, t)

    def _handed(self, tensor: Tensor | None, t: int | None) -> Array | None:
        """Add up what its nodes make of the gradients of their outputs for one of their inputs."""
        total: Array | None = None
        for node in self.nodes:
            if tensor not in node.inputs or (node.loop is None) != (t is None):
                continue
            found = {output: self.trace.grad(output, t) for output in node.outputs if self.trace.carries(output)}
            for i, source in enumerate(node.inputs):
                if source is tensor and node.op.carries(i) and found:
                    part = self.trace.vjp(node, i, self._complete(node, found), t)
                    total = part if total is None else total + part
        return total

    def _complete(self, node: Node, found: dict[Tensor, Array]) -> Any:
        """Return the gradients of a node's outputs as its op takes them; zeros for outputs that nobody used."""
        some = next(iter(found))
        lead = found[some].shape[: found[some].ndim - some.spec.rank]
        return one_or_all([
            found[each] if each in found else np.zeros(lead + self.trace.shape(each), each.dtype)
            for each in node.outputs
        ])

    def share(self, name: str, t: int | None, which: int) -> Array | None:
        """Return the part of a state's gradient that comes from above (0) or from the next step (1)."""
        tensor = self._at(name, t) if name in self.after else None
        return None if tensor is None or not self.trace.carries(tensor) else self._shares(tensor, t)[which]

    def _shares(self, tensor: Tensor, t: int | None) -> Shares:
        total = self.trace.grad(tensor, t)
        above, later = np.zeros_like(total), np.zeros_like(total)
        for node, i in self.readers.get(tensor, ()):
            if self.trace.edge_carries(node, i):
                parts = self._along(node, i, tensor, t)
                above += parts[0]
                later += parts[1]
        if tensor in self.trace.plan.targets:
            above = total - later  # what enters at a target comes along no edge
        return above, later

    def _along(self, node: Node, i: int, tensor: Tensor, t: int | None) -> Shares:
        """The parts of what one edge carries to a state; a hold and the delay behind it hand on parts of their own."""
        trace = self.trace
        if isinstance(node.op, Hold) and t is not None:
            above, later = self._held_shares(node, t)
            return trace.vjp(node, i, above, t), trace.vjp(node, i, later, t)
        if isinstance(node.op, Delay) and t is not None:
            return self._through_delay(node, t)
        part = trace.contribution(node, i, t)
        next_step = any(tensor in leaves(scope.ports.get("state", ())) for scope in node.scope.ancestry())
        return (np.zeros_like(part), part) if next_step else (part, np.zeros_like(part))

    def _through_delay(self, delay: Node, t: int) -> Shares:
        """The parts of what a delay hands back to position `t`. A row that has ended hands on what it was handed."""
        above, later = (np.zeros_like(self.trace.grad(delay.output, t)) for _ in range(2))
        assert delay.loop is not None
        after = list(self.trace.positions(delay.loop))
        following = after[after.index(t) + 1 :][:1]
        for position in following:
            for node, i in self.readers[delay.output]:
                if isinstance(node.op, Hold):
                    parts = self._held_shares(node, position)
                    above += self.trace.vjp(node, i, parts[0], position)
                    later += self.trace.vjp(node, i, parts[1], position)
                elif self.trace.edge_carries(node, i):
                    later += self.trace.contribution(node, i, position)
        return above, later

    def _held_shares(self, hold: Node, t: int) -> Shares:
        """The parts of the gradient of a held state, found from the last position down, each from the one after it."""
        known = self._held.setdefault(hold, {})
        assert hold.loop is not None
        for position in reversed(self.trace.positions(hold.loop)):
            if t in known:
                break
            if position not in known:
                known[position] = self._shares(hold.output, position)
        return known[t]
