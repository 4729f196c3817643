"""Readings: what the article's names mean in a trace.

The article follows gradients by name, step by step: DHt, DCt, DFt, … Nothing here works them out a second time: each name
is a place in the graph where a trace has a value or a gradient, or the part of a gradient that some edges carry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphengine import Node, Scope, Tensor, Trace, errors
from graphengine.loop import Delay, Loop
from graphengine.ops.logic import Hold
from graphengine.sources import ParameterValue
from graphengine.spec import Array
from graphengine.structure import leaves, walk


@dataclass(frozen=True)
class Reading:
    """A name, the kind of thing that it is, and the value that it is about, by the name that the cell gives it."""

    name: str
    kind: str
    of: str = ""

    @property
    def meaning(self) -> str:
        """What it is, in words.

        >>> Reading("DFt", "gradient", "f_pre").meaning
        'the gradient of f_pre, from everything that uses it'
        """
        return KINDS[self.kind].format(of=self.of)


# In this order they are found and shown.
KINDS = {
    "value": "{of}",
    "gradient": "the gradient of {of}, from everything that uses it",
    "depth": "the part of the gradient of {of} that comes from above: the loss, later layers, the layer on top",
    "time": "the part of the gradient of {of} that comes from the next step",
    "pair": "dxt and the gradient of {of}_prev side by side, as the article's one matrix on [x, h] makes them",
    "input": "what the cell hands to its input, and so to the layer below or to an embedding",
    "before": "the gradient of {of}_prev, which is handed to the step before",
    "parameter": "the gradient of {of}, from all steps",
}
ARTICLE = (
    Reading("DHt", "gradient", "h"),
    Reading("dht(ext)", "depth", "h"),
    Reading("dht(int)", "time", "h"),
    Reading("DOt", "gradient", "o_pre"),
    Reading("DCt", "gradient", "c"),
    Reading("DCprojt", "gradient", "cproj_pre"),
    Reading("DFt", "gradient", "f_pre"),
    Reading("DIt", "gradient", "i_pre"),
    Reading("DHX", "pair", "h"),
    Reading("dxt", "input"),
    Reading("Dh_next", "before", "h"),
    Reading("DCt_recur", "before", "c"),
)


def readings(trace: Trace, scope: Scope | str, t: int | None = None) -> dict[str, Array]:
    """Return everything that has a name at one place, at one position in time.

    For a cell: its gates and states, and their gradients under the article's names (`ARTICLE`); a cell with other gates or
    states than the article's gets names of the same form (GRU: DRt, DUt, DNt). Without `t`: what lives outside time, which
    is the parameters and their gradients (`kernel`, `Dkernel`), and all of a layer outside loops.

    Args:
        trace: a trace that kept everything.
        scope: a cell's or another layer's scope, or its path.
        t: the position, counted as the input is.

    Raises:
        UnknownPathError: no layer of the plan stands there, or `t` is no position of its loop.

    >>> from graphengine import Graph, Plan, ops
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph(dtype="float64").placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(LSTMCell(2), x, over="time")
    >>> trace = Plan(ops.sum(outputs)).trace({x: np.ones((1, 4, 3))})
    >>> found = readings(trace, "rnn", 2)
    >>> list(found)[:9]
    ['f', 'i', 'cproj', 'o', 'c', 'h', 'DHt', 'dht(ext)', 'dht(int)']
    >>> bool(np.allclose(found["DHt"], found["dht(ext)"] + found["dht(int)"])), found["DHX"].shape
    (True, (1, 5))
    """
    place = Place(trace, _found(trace, scope) if isinstance(scope, str) else scope)
    return place.values(t) | place.gradients(t)


def places(trace: Trace, scope: Scope) -> list[Place]:
    """Return the place of a scope and of every cell inside it, without those that only hold others."""
    busy = {node.scope for node in trace.plan.nodes}
    inside = [each for each in trace.graph.scopes if each in busy and scope in each.ancestry()]
    return [Place(trace, each) for each in inside if each is scope or each.role == "cell"]


class Place:
    """A layer's scope in a trace."""

    def __init__(self, trace: Trace, scope: Scope) -> None:
        self.trace = trace
        self.scope = scope
        self.nodes = [node for node in trace.plan.nodes if scope in node.scope.ancestry()]

    @cached_property
    def named(self) -> dict[str, Tensor]:
        """The values that have names here; a hand-unrolled graph numbers them from the second step on."""
        found: dict[str, Tensor] = {}
        for node in self.nodes:
            if not any(each.role == "cell" and each is not self.scope for each in _up_to(node.scope, self.scope)):
                for tensor in node.outputs:
                    found.setdefault(re.sub(r"_\d+$", "", tensor.name), tensor)
        return found | self.after

    @cached_property
    def before(self) -> dict[str, Tensor]:
        """The state before the step, part by part."""
        return {"/".join(path): tensor for path, tensor in walk(self.scope.ports.get("state", ()))}

    @cached_property
    def after(self) -> dict[str, Tensor]:
        """The state after it; of a layer without one, what others read of it."""
        if "after" in self.scope.ports:
            return {"/".join(path): tensor for path, tensor in walk(self.scope.ports["after"])}
        kept = {*self.trace.plan.targets, *self.trace.plan.also}
        inner = set(self.nodes)
        return {
            tensor.name: tensor
            for node in self.nodes
            for tensor in node.outputs
            if not isinstance(node.op, ParameterValue)
            and (tensor in kept or any(reader not in inner for reader, _ in self.readers.get(tensor, ())))
        }

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """The places of the parameters that it reads."""
        used = (tensor for node in self.nodes for tensor in node.inputs)
        return {each.node.op.parameter.name: each for each in used if isinstance(each.node.op, ParameterValue)}

    @cached_property
    def readers(self) -> dict[Tensor, list[tuple[Node, int]]]:
        """Every edge of the plan by the tensor that it leaves."""
        found: dict[Tensor, list[tuple[Node, int]]] = {}
        for node in self.trace.plan.nodes:
            for i, tensor in enumerate(node.sources):
                found.setdefault(tensor, []).append((node, i))
        return found

    @property
    def loop(self) -> Loop | None:
        """The loop that it stands in."""
        return next((tensor.loop for tensor in self.after.values()), None)

    @property
    def rows(self) -> list[Reading]:
        """What can be read here: the article's names where they fit, names made like them elsewhere."""
        gates = [name.removesuffix("_pre") for name in self.named if name.endswith("_pre")]
        values = dict.fromkeys((*(gate for gate in gates if gate in self.named), *self.after))
        made = [Reading(name, "value", name) for name in (*self.parameters, *values)]
        made += ARTICLE if self.before else ()
        made += [Reading(f"D{_capital(name)}t" if self.before else f"D{name}", "gradient", name) for name in self.after]
        made += [Reading(f"D{_capital(gate)}{'_pre' if gate in self.after else 't'}", "gradient", f"{gate}_pre") for gate in gates]
        for name in self.before:
            made += [Reading(f"d{name}t({part})", kind, name) for part, kind in (("ext", "depth"), ("int", "time"))]
            made += [Reading(f"D{name}_next", "before", name)]
        made += [Reading(f"D{name}", "parameter", name) for name in self.parameters]
        order = list(KINDS)
        known = {(row.kind, row.of): row for row in reversed(made)}
        return sorted(
            (row for row in dict.fromkeys(known[row.kind, row.of] for row in made)),
            key=lambda row: RANK[row.kind],
        )
