"""Taps: where a state or a mask that several parts of a cell read, or that goes several ways, branches inside it."""

from __future__ import annotations

from graphengine.graph import Tensor
from graphengine.ops.logic import Hold
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link, Part

Where = tuple[Block, str]

MASK = "live"  # what the point is called where a mask branches


def add_taps(lattice: Lattice) -> None:
    """Give every state that branches inside a cell a point of its own, where the gradients of the branches add up.

    So does the new value of a state that is held where rows have ended, and a mask that comes from outside.
    """
    coming: dict[Where, dict[int | None, list[Link]]] = {}
    going: dict[Where, dict[int | None, list[Link]]] = {}
    branching = _branching(lattice)
    for link in lattice.links:
        source, target = link.source, link.target
        if target.role == "part" and link.lane and target.block is not None:
            coming.setdefault((target.block, link.lane), {}).setdefault(target.t, []).append(link)
        elif target.role == "part" and target.block not in (None, source.block) and link.tensor.dtype.kind == "b":
            coming.setdefault((target.block, MASK), {}).setdefault(target.t, []).append(link)
        elif source.role == "part" and source.block is not None and link.tensor in branching:
            going.setdefault((source.block, branching[link.tensor]), {}).setdefault(source.t, []).append(link)
    replaced: dict[int, list[Link]] = {}
    for (block, lane), columns in coming.items():
        if any(len(links) > 1 for links in columns.values()):
            first = next(iter(columns.values()))[0]
            part = Part(block, lane if lane == MASK else f"{lane}_prev", [], _read(first))
            lattice.parts[block].append(part)
            for t, links in columns.items():
                _branch_in(lattice, Item("part", block, part, t=t), links, replaced)
    for (block, name), columns in going.items():
        if any(len(links) > 1 for links in columns.values()):
            part = Part(block, f"{name}_out", [], next(iter(columns.values()))[0].tensor)
            lattice.parts[block].append(part)
            for t, links in columns.items():
                _branch_out(lattice, Item("part", block, part, t=t), links, replaced)
    lattice.links = [new for link in lattice.links for new in replaced.get(id(link), [link])]


def _branching(lattice: Lattice) -> dict[Tensor, str]:
    """The values that may go several ways, with their names: states, and for one that is held what would become it."""
    found: dict[Tensor, str] = {}
    for states in lattice.states.values():
        for tensor in states:
            name = lattice.names[tensor]
            if isinstance(tensor.node.op, Hold):
                new = tensor.node.inputs[1]
                lattice.names.setdefault(new, name)
                found[new] = name
                name = f"{name}_held"
            found.setdefault(tensor, name)
    return found


def _read(link: Link) -> Tensor:
    """What a line brings, as its reader sees it: behind the delay."""
    node, i = link.flow[0][0][0]
    return node.inputs[i]


def _branch_in(lattice: Lattice, tap: Item, links: list[Link], replaced: dict[int, list[Link]]) -> None:
    """One line to the tap, from there one to every reader."""
    first = links[0]
    lattice.items[tap] = None
    flow = tuple(part for link in links for part in link.flow)
    trunk = Link(first.source, tap, first.tensor, flow, first.lane)
    for link in links:
        branch = Link(tap, link.target, link.tensor, link.flow)
        replaced[id(link)] = [trunk, branch] if link is first else [branch]


def _branch_out(lattice: Lattice, tap: Item, links: list[Link], replaced: dict[int, list[Link]]) -> None:
    first = links[0]
    tensor: Tensor = first.tensor
    lattice.items[tap] = None
    trunk = Link(first.source, tap, tensor, tuple(part for link in links for part in link.flow))
    for link in links:
        branch = Link(tap, link.target, tensor, link.flow, link.lane)
        replaced[id(link)] = [trunk, branch] if link is first else [branch]
