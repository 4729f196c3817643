"""Depth: how many layers, or ops, lie between things in a recurrent graph, measured on the graph with its loops.

A loop makes cycles in the graph, and its delays are the steps of time that a cycle takes, so the measures hold for any
number of steps. The definitions are those of Zhang et al. (2016), Architectural complexity measures of recurrent neural
networks (arXiv 1602.08210): a node is a layer (an LSTM counts as one), and lengths are counted in edges.

At the level "layer" a node is a cell, a scope of the role "layer", or another layer such as `Dense`; what carries
itself from step to step outside all of these is a layer of its own; other ops only connect. At the level "op" every op
is a node, except those that bring values into a loop, hand them on, and take them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import get_args

from graphengine import errors
from graphengine.border import Delay
from graphengine.cycles import Edge, excess, greatest_ratio, length, longest, steps, total, way_to
from graphengine.graph import Graph
from graphengine.loop import Loop
from graphengine.node import Node, Tensor
from graphengine.op import Source
from graphengine.sources import ParameterValue, Placeholder
from graphengine.stages import Level, Network

SHOWN = 6  # names in a sentence


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of a graph, and the cycle or path that attains it.

    Attributes:
        name: which measure.
        level: "layer" or "op": what counts as one.
        value: exact; 0 where nothing recurs, or no input reaches an output.
        edges: the length of the cycle or path.
        steps: how many steps of time it takes.
        path: every tensor along it, op by op, in the direction of the flow; of a cycle the last one leads to the first.
        places: the layers (or ops) that it enters, by path; several times where it comes back.
        meaning: the number and the definition, in words.
        formula: how the value comes about: "2 layers / 1 step of time".
        closed: whether it is a cycle.
    """

    name: str
    level: Level
    value: int | Fraction
    edges: int = 0
    steps: int = 0
    path: tuple[Tensor, ...] = ()
    places: tuple[str, ...] = ()
    meaning: str = ""
    formula: str = ""
    closed: bool = False

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes along it."""
        return tuple(tensor.node for tensor in self.path)

    @property
    def title(self) -> str:
        """The measure with its value, and how that comes about."""
        return f"{self.name} {self.value}{f' = {self.formula}' if self.path else f': {self.meaning}'}"

    @property
    def hops(self) -> tuple[tuple[Tensor, Node], ...]:
        """Every tensor along it with the node that reads it next; of a cycle the last hop leads back to the first."""
        onward = (*self.nodes[1:], *self.nodes[:1]) if self.closed else self.nodes[1:]
        return tuple(zip(self.path, onward, strict=False))

    def __str__(self) -> str:
        return f"{self.name} {self.value} ({self.level}s): {self.meaning}"


def recurrent(graph: Graph, loop: Loop | None = None, level: Level = "layer") -> Measure:
    """Measure the recurrent depth: how much longer the longest path grows with every step of time.

        d_r = max over cycles of (edges / steps)

    1 for any stack of ordinary layers, 3 where the top of three layers feeds the lowest one of the next step.

    Args:
        graph: what to measure.
        loop: one loop alone; by default all of them.
        level: what counts as one, "layer" or "op".

    Raises:
        SettingError: there is no such level.
        GraphMismatchError: the loop belongs to another graph.

    Source: Zhang et al. (2016).

    >>> from graphengine import ops
    >>> g = Graph()
    >>> x = g.placeholder("x", ("batch", "time", 4))
    >>> with Loop("time") as loop:
    ...     top = loop.delay(g.fill(("batch", 4)), name="top")
    ...     h = loop.slice(x) + top
    ...     for k in range(3):
    ...         with g.scope(f"layer{k}", "layer", k):
    ...             h = ops.tanh(h, name="h")
    ...     loop.feed(top, h)
    >>> found = recurrent(g)
    >>> found.value, found.places
    (3, ('layer0', 'layer1', 'layer2'))
    """
    network = _network(graph, loop, level)
    value, cycle = greatest_ratio(network.components, network.edges, gain=length, cost=steps)
    meaning = "every step of time makes the longest path longer by {value}: {way} (most edges per step of any cycle"
    return _of_cycle("recurrent depth", network, level, value, cycle, meaning, "{edges} / {steps} of time")


def skip(graph: Graph, loop: Loop | None = None, level: Level = "layer") -> Measure:
    """Measure the recurrent skip coefficient: how many steps of time the shortest path takes with every edge.

        s = max over cycles of (steps / edges)

    1 for ordinary recurrences, k where a connection skips k steps. Arguments and errors are those of `recurrent`.

    Source: Zhang et al. (2016).
    """
    network = _network(graph, loop, level)
    value, cycle = greatest_ratio(network.components, network.edges, gain=steps, cost=length)
    meaning = "the shortest path takes {value} steps of time with every edge: {way} (most steps per edge of any cycle"
    return _of_cycle("recurrent skip coefficient", network, level, value, cycle, meaning, "{steps} of time / {edges}")


def feedforward(graph: Graph, loop: Loop | None = None, level: Level = "layer") -> Measure:
    """Measure the feed-forward depth: the longest path from an input to an output, beyond what recurrence accounts for.

        d_f = max over paths from an input to an output of (edges - steps · d_r)

    A path begins at a placeholder, or, where one loop is measured, with what the loop reads. It ends at a layer outside
    loops that no other follows, the output layer, or else with the value that leaves. In a stack of L layers it has
    L + 1 edges: L hidden layers lie between input and output. Arguments and errors are those of `recurrent`.

    Source: Zhang et al. (2016).
    """
    network = _network(graph, loop, level)
    depth, _ = greatest_ratio(network.components, network.edges, gain=length, cost=steps)
    starts, ends = _starts(graph, loop, network), _ends(graph, loop, network)
    begun = {node: far * depth.denominator for node, far in starts.items()}
    labels, parents = longest(network.components, _up_to_outputs(network), excess(depth, length, steps), begun)
    reached = {node: labels[node] + far * depth.denominator for node, far in ends.items() if node in labels}
    if not reached:
        return Measure("feed-forward depth", level, 0, meaning="no input reaches an output")
    last = max(reached, key=lambda node: (reached[node], node.index))
    way = way_to(last, parents)
    first = way[0].source if way else last
    edges, taken = starts[first] + total(length, way) + ends[last], total(steps, way)
    places = _entered(network, way, first if starts[first] else None)
    between = places[: edges - 1]
    meaning = (
        f"the longest path from an input to an output has {_count(edges, 'edge')}"
        + (f" and takes {_count(taken, 'step')} of time, less {taken} × {depth} for those" if taken else "")
        + f"; between input and output {_count(len(between), level)}{': ' if between else ''}{_row(between)} "
        "(edges count, in Zhang et al. 2016)"
    )
    value = _plain(Fraction(reached[last], depth.denominator))
    path = (*(edge.tensor for edge in way), last.output)
    formula = _count(edges, "edge") + (f" − {_count(taken, 'step')} × {depth}" if taken else " from input to output")
    return Measure("feed-forward depth", level, value, edges, taken, path, places, meaning, formula)


def _network(graph: Graph, loop: Loop | None, level: Level) -> Network:
    if level not in get_args(Level):
        raise errors.SettingError(f'the level is "layer" or "op", not {level!r}{errors.here()}')
    if loop is not None and loop.graph is not graph:
        raise errors.GraphMismatchError(f"{loop} does not belong to graph {graph.name!r}{errors.here()}")
    return Network([node for node in graph.nodes if loop is None or node.loop is loop], level)


def _of_cycle(
    name: str, network: Network, level: Level, value: Fraction, cycle: Sequence[Edge], meaning: str, formula: str
) -> Measure:
    """Say what a cycle measures."""
    if not cycle:
        return Measure(name, level, 0, meaning="nothing recurs")
    cycle = _from_a_delay(cycle)
    edges, taken, places = total(length, cycle), total(steps, cycle), _entered(network, cycle)
    way = f"{_row(places)} and round again is {_count(edges, 'edge')} in {_count(taken, 'step')}"
    said = f"{meaning.format(value=_plain(value), way=way)}, Zhang et al. 2016)"
    ratio = formula.format(edges=_count(edges, level), steps=_count(taken, "step"))
    path = tuple(edge.tensor for edge in cycle)
    return Measure(name, level, _plain(value), edges, taken, path, places, said, ratio, closed=True)


def _from_a_delay(cycle: Sequence[Edge]) -> Sequence[Edge]:
    """Turn a cycle so that it begins with what its earliest delay hands on."""
    first = min(range(len(cycle)), key=lambda k: (not isinstance(cycle[k].source.op, Delay), cycle[k].source.index))
    return [*cycle[first:], *cycle[:first]]


def _starts(graph: Graph, loop: Loop | None, network: Network) -> dict[Node, int]:
    """Return where paths begin, and how long they are there already.

    The state that a loop starts from is no input of the loop, unless it has no other.
    """
    given = [node for node in graph.nodes if isinstance(node.op, Placeholder)] or [
        node for node in graph.nodes if isinstance(node.op, Source) and not isinstance(node.op, ParameterValue)
    ]
    if loop is None:
        return dict.fromkeys(given, 0)
    fed = _reached(graph.nodes, given)
    delays = [node for node in network.nodes if isinstance(node.op, Delay)]
    reading = [
        node for node in network.nodes if any(tensor.loop is not loop and tensor.node in fed for tensor in node.inputs)
    ]
    first = [node for node in reading if not isinstance(node.op, Delay)] or delays
    return {node: int(node in network.stages) for node in first}


def _ends(graph: Graph, loop: Loop | None, network: Network) -> dict[Node, int]:
    """Return where paths may end, and how much longer the value that leaves there makes them."""
    read = {tensor.node for node in graph.nodes if loop is None or node.loop is not loop for tensor in node.sources}
    leaving = [node for node in network.nodes if node.loop is loop and (node in read) == (loop is not None)]
    return dict.fromkeys(leaving, 1) | dict.fromkeys(network.output_layers, 0)


def _up_to_outputs(network: Network) -> dict[Node, list[Edge]]:
    """Return the edges without those that lead on from an output layer."""
    last = network.output_layers
    return {
        node: [edge for edge in edges if edge.source not in last or node in last]
        for node, edges in network.edges.items()
    }


def _reached(nodes: Iterable[Node], firsts: Iterable[Node]) -> set[Node]:
    """Return the nodes to which some nodes lead, themselves included."""
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for tensor in node.sources:
            readers.setdefault(tensor.node, []).append(node)
    found = set(firsts)
    pending = list(found)
    while pending:
        for node in readers.get(pending.pop(), ()):
            if node not in found:
                found.add(node)
                pending.append(node)
    return found


def _entered(network: Network, way: Sequence[Edge], first: Node | None = None) -> tuple[str, ...]:
    """Return the layers that a way enters, by path; `first` is what it begins in."""
    nodes = [*([first] if first is not None else []), *(edge.target for edge in way if edge.length)]
    return tuple(network.stages[node].path for node in nodes)


def _plain(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _row(places: Sequence[str]) -> str:
    """Spell a way; the middle of a long one is left out."""
    if len(places) > SHOWN:
        half = SHOWN // 2
        places = [*places[:half], f"… ({len(places) - 2 * half} more) …", *places[-half:]]
    return " → ".join(places)
