"""Taps: where a state that several parts of a cell read, or that goes several ways, branches inside the cell."""

from __future__ import annotations

from graphengine.graph import Tensor
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link, Part

Where = tuple[Block, str]


def add_taps(lattice: Lattice) -> None:
    """Give every state that branches inside a cell a point of its own, where the gradients of the branches add up."""
    coming: dict[Where, dict[int | None, list[Link]]] = {}
    going: dict[Where, dict[int | None, list[Link]]] = {}
    for link in lattice.links:
        source, target = link.source, link.target
        if target.role == "part" and link.lane and target.block is not None:
            coming.setdefault((target.block, link.lane), {}).setdefault(target.t, []).append(link)
        elif source.role == "part" and source.block is not None and link.tensor in lattice.states[source.block]:
            going.setdefault((source.block, lattice.names[link.tensor]), {}).setdefault(source.t, []).append(link)
    replaced: dict[int, list[Link]] = {}
    for (block, lane), columns in coming.items():
        if any(len(links) > 1 for links in columns.values()):
            part = Part(block, f"{lane}_prev", [])
            lattice.parts[block].append(part)
            for t, links in columns.items():
                _branch_in(lattice, Item("part", block, part, t=t), links, replaced)
    for (block, name), columns in going.items():
        if any(len(links) > 1 for links in columns.values()):
            part = Part(block, f"{name}_out", [])
            lattice.parts[block].append(part)
            for t, links in columns.items():
                _branch_out(lattice, Item("part", block, part, t=t), links, replaced)
    lattice.links = [new for link in lattice.links for new in replaced.get(id(link), [link])]


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
