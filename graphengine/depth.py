"""Depth: how many layers, or ops, lie between things in a recurrent graph, measured on the graph with its loops.

A loop makes cycles in the graph, and its delays are the steps of time that a cycle takes, so the measures hold for any
number of steps. The definitions are those of Zhang et al. (2016), Architectural complexity measures of recurrent neural
networks (arXiv 1602.08210): a node is a layer (an LSTM counts as one), lengths are counted in edges.

At the level "layer" a node is a cell, a scope of the role "layer", or another layer such as `Dense`; what carries
itself from step to step outside all of these is a layer of its own; other ops only connect. At the level "op" every op
is a node, except those that bring values into a loop, hand them on, and take them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from graphengine import errors
from graphengine.border import Delay
from graphengine.cycles import Edge, excess, greatest_ratio, length, longest, steps, total, way_to
from graphengine.graph import Graph
from graphengine.loop import Loop
from graphengine.node import Node, Tensor
from graphengine.op import Source
from graphengine.sources import ParameterValue, Placeholder
from graphengine.stages import Level, Network

LEVELS: dict[Level, str] = {"layer": "layer", "op": "op"}
SHOWN = 6  # names in a sentence


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of a graph, and the cycle or path that attains it.

    Attributes:
        name: which measure.
        level: "layer" or "op": what counts as one.
        value: exact.
        edges: the length of the cycle or path.
        steps: how many steps of time it takes.
        path: every tensor along it, op by op, in the direction of the flow; of a cycle the last one leads to the first.
        places: the layers (or ops) that it enters, by path; several times where it comes back.
        sentence: what the number means, and by which definition.
    """

    name: str
    level: Level
    value: int | Fraction
    edges: int
    steps: int
    path: tuple[Tensor, ...]
    places: tuple[str, ...]
    sentence: str

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes along it."""
        return tuple(tensor.node for tensor in self.path)

    def __str__(self) -> str:
        return self.sentence


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
    ...     h, top = loop.slice(x), loop.delay(g.fill(("batch", 4)), name="top")
    ...     h = h + top
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
    return _of_cycle("recurrent depth", network, level, value, cycle)


def skip(graph: Graph, loop: Loop | None = None, level: Level = "layer") -> Measure:
    """Measure the recurrent skip coefficient: how many steps of time the shortest path takes with every edge.

        s = max over cycles of (steps / edges)

    1 for ordinary recurrences, k where a connection skips k steps. Arguments and errors are those of `recurrent`.

    Source: Zhang et al. (2016).
    """
    network = _network(graph, loop, level)
    value, cycle = greatest_ratio(network.components, network.edges, gain=steps, cost=length)
    return _of_cycle("recurrent skip coefficient", network, level, value, cycle)


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
    weight = excess(depth, length, steps)
    starts, ends = _starts(graph, loop, network), _ends(graph, loop, network)
    begun = {node: far * depth.denominator for node, far in starts.items()}
    labels, parents = longest(network.components, _up_to_outputs(network), weight, begun)
    reached = {node: labels[node] + far * depth.denominator for node, far in ends.items() if node in labels}
    if not reached:
        return Measure("feed-forward depth", level, 0, 0, 0, (), (), "feed-forward depth 0: no input reaches an output")
    last = max(reached, key=lambda node: (reached[node], node.index))
    way = way_to(last, parents)
    first = way[0].source if way else last
    entered = [network.stages[first].path] if starts[first] else []
    entered += _entered(network, way)
    edges, taken = starts[first] + total(length, way) + ends[last], total(steps, way)
    value = _plain(Fraction(reached[last], depth.denominator))
    between = entered[: edges - 1]
    less = f" less {_count(taken, 'step')} of recurrent depth {depth}" if taken else ""
    sentence = (
        f"feed-forward depth {value}: {_count(edges, 'edge')}{less} from input to output, with "
        f"{_count(len(between), LEVELS[level])} between{': ' if between else ''}{_row(between)} "
        f"(edges are counted, by Zhang et al. 2016)"
    )
    path = (*(edge.tensor for edge in way), last.output)
    return Measure("feed-forward depth", level, value, edges, taken, path, tuple(entered), sentence)


def _network(graph: Graph, loop: Loop | None, level: Level) -> Network:
    if level not in LEVELS:
        raise errors.SettingError(f"depth: the level is one of {', '.join(LEVELS)}, not {level!r}{errors.here()}")
    if loop is not None and loop.graph is not graph:
        raise errors.GraphMismatchError(f"depth: {loop} does not belong to graph {graph.name!r}{errors.here()}")
    return Network([node for node in graph.nodes if loop is None or node.loop is loop], level)


def _of_cycle(name: str, network: Network, level: Level, value: Fraction, cycle: Sequence[Edge]) -> Measure:
    """Say what a cycle measures."""
    cycle = _from_a_delay(cycle)
    edges, taken, entered = total(length, cycle), total(steps, cycle), _entered(network, cycle)
    meaning = (
        f"{MEANING[name].format(_plain(value))}. {_row(entered)} and round again is {_count(edges, 'edge')} between "
        f"{LEVELS[level]}s in {_count(taken, 'step')}"
        if cycle
        else "nothing recurs"
    )
    sentence = f"{name} {_plain(value)}: {meaning}"
    path = tuple(edge.tensor for edge in cycle)
    return Measure(name, level, _plain(value), edges, taken, path, tuple(entered), sentence)


def _from_a_delay(cycle: Sequence[Edge]) -> Sequence[Edge]:
    """Return a cycle so that it begins with what a delay hands on, the earliest one."""
    begins = [k for k, edge in enumerate(cycle) if isinstance(edge.source.op, Delay)]
    first = min(begins, key=lambda k: cycle[k].source.index, default=0)
    return [*cycle[first:], *cycle[:first]]


def _starts(graph: Graph, loop: Loop | None, network: Network) -> dict[Node, int]:
    """Return where paths begin, and how long they are there already.

    The state that a loop starts from is no input, unless the loop reads nothing else.
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
    first = [node for node in reading if node not in delays] or delays
    return {node: int(node in network.stages) for node in first}


def _ends(graph: Graph, loop: Loop | None, network: Network) -> dict[Node, int]:
    """Return where paths may end, and how much longer the value that leaves there makes them."""
    outside = (tensor.node for node in graph.nodes if node.loop is not loop for tensor in node.inputs)
    leaving = {node for node in outside if node.loop is loop} if loop is not None else set()
    read = {tensor.node for node in graph.nodes for tensor in node.sources}
    ends = dict.fromkeys(leaving or [node for node in network.nodes if node not in read], 1)
    return ends | dict.fromkeys(network.output_layers, 0)


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


def _entered(network: Network, way: Sequence[Edge]) -> list[str]:
    return [network.stages[edge.target].path for edge in way if edge.length]


def _plain(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _row(places: Sequence[str]) -> str:
    """Spell a way; the middle of a long one is left out."""
    if len(places) <= SHOWN:
        return " → ".join(places)
    half = SHOWN // 2
    left = f"… ({len(places) - 2 * half} more) …"
    return " → ".join((*places[:half], left, *places[-half:]))
