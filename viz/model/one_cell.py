"""One cell at one step: what is left of a lattice when everything but a cell and its neighbours is taken away."""

from __future__ import annotations

from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link, Station


def narrowed(lattice: Lattice, block: Block, t: int) -> Lattice:
    """Return the lattice of one cell at a position: its parts, the states around it, its input, its output."""
    assert block.loop is not None
    found = Lattice(lattice.subject, lattice.sequences, names=lattice.names)
    found.stations = {block.loop: [Station(t, t, 1, False)]}
    found.parts = {block: lattice.parts[block]}
    found.states = {block: lattice.states[block]}
    found.incoming = {block: lattice.incoming[block]}
    for item in lattice.items:
        if _inside(item, block, t):
            found.items[item] = None
    for link in lattice.links:
        if _inside(link.source, block, t) or _inside(link.target, block, t):
            _add(found, _near(link, block, t))
    return found


def _inside(item: Item, block: Block, t: int) -> bool:
    return item.role == "part" and item.block is block and item.t == t


def _near(link: Link, block: Block, t: int) -> Link:
    """The line with its far end as a neighbour of the cell."""
    source, target = link.source, link.target
    if source.role in ("state", "start"):
        source = source._replace(block=block)
    elif source.role == "part" and source.block is not block:
        source = _value(link, block, t)
    if target.role == "part" and target.block is not block:
        target = _value(link, block, t)
    return link._replace(source=source, target=target)


def _value(link: Link, block: Block, t: int) -> Item:
    """What another cell hands over, as a value above or below."""
    assert block.loop is not None
    return Item("entry", tensor=link.tensor, t=t, over=block.loop.over)


def _add(lattice: Lattice, link: Link) -> None:
    if link.lane:
        lattice.lane_of[link.source] = link.lane
    same = [each for each in lattice.links if (each.source, each.target) == (link.source, link.target)]
    for each in same:  # what several layers read is one value beside the cell
        lattice.links.remove(each)
    flow = tuple(part for each in [*same, link] for part in each.flow)
    lattice.link(link.source, link.target, link.tensor, flow, link.lane)
    for item in (link.source, link.target):
        if item.role == "entry":
            lattice.items[Item("whole", tensor=item.tensor, over=item.over)] = None
