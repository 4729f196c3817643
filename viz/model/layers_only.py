"""Some layers only: a lattice without the others. What they hand over becomes a value from outside."""

from __future__ import annotations

from collections.abc import Collection

from viz.model.lattice import Item, Lattice, Link


def layers_only(lattice: Lattice, layers: Collection[int]) -> None:
    """Take all other layers out of a lattice."""
    hidden = {block for block in lattice.parts if (block.layer or 0) not in layers}
    links: list[Link] = []
    for link in lattice.links:
        source = _handed(link) if _is_hidden(link.source, hidden) and link.target.role == "part" else link.source
        if not _is_hidden(source, hidden) and not _is_hidden(link.target, hidden):
            links.append(Link(source, link.target, link.tensor, link.flow, link.lane))
    kept = _connected(links, [item for item in lattice.items if item.role == "part" and item.block not in hidden])
    lattice.links = [link for link in links if link.source in kept]
    lattice.parts = {block: parts for block, parts in lattice.parts.items() if block not in hidden}
    lattice.items = {item: None for item in lattice.items if item in kept and not _is_hidden(item, hidden)}
    for link in lattice.links:
        for item in (link.source, link.target):
            lattice.items[item] = None
            if item.role == "entry":
                lattice.items[Item("whole", tensor=item.tensor, over=item.over)] = None


def _is_hidden(item: Item, hidden: Collection[object]) -> bool:
    return item.block in hidden


def _handed(link: Link) -> Item:
    """What a hidden cell hands up, as a value at that step; what it hands to later steps stays hidden."""
    source = link.source
    if source.role != "part" or source.block is None or source.block.loop is None:
        return source
    return Item("entry", tensor=link.tensor, t=source.t, over=source.block.loop.over)


def _connected(links: list[Link], start: list[Item]) -> dict[Item, None]:
    """Everything that hangs together with some items; an entry hangs together with its sequence."""
    near: dict[Item, list[Item]] = {}
    for link in links:
        near.setdefault(link.source, []).append(link.target)
        near.setdefault(link.target, []).append(link.source)
        for item in (link.source, link.target):
            if item.role == "entry":
                whole = Item("whole", tensor=item.tensor, over=item.over)
                near.setdefault(item, []).append(whole)
                near.setdefault(whole, []).append(item)
    found = dict.fromkeys(start)
    pending = list(start)
    for item in pending:
        for other in near.get(item, ()):
            if other not in found:
                found[other] = None
                pending.append(other)
    return found
