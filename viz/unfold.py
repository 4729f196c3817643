"""Unfolding: the pictures of what stands inside the boxes of another picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from graphengine.errors import UnknownPathError
from viz import html
from viz.cards import Cards
from viz.model.blocks import Block
from viz.model.groups import Group
from viz.model.lattice import Item
from viz.model.subject import Subject
from viz.scene import Box, Scene
from viz.view import View
from viz.views.cell import cell
from viz.views.graph import inside

MOST_INSIDES = 60  # so many insides go with a picture
MOST_OPEN = 40  # so many cells are drawn open all at once
MOST_NODES = 120  # so many nodes make an inside


def pictures(
    scene: Scene, subject: Subject | None, other: Callable[[], View] | None
) -> tuple[dict[str, dict[str, Any]], bool]:
    """Return the pictures of a page by name, and whether the main one shows its cells open."""
    if subject is None:
        return {"main": html.picture(scene)}, False
    scenes, names = insides(scene, subject)
    cards = Cards(subject)
    found = {"main": html.picture(scene, cards, names)}
    closed = closed_cells(scene)
    if other is not None and (0 < closed <= MOST_OPEN or (not closed and open_cells(scene))):
        again = other().to_scene()
        more, others = insides(again, subject)
        found["other"] = html.picture(again, cards, {box: f"other-{name}" for box, name in others.items()})
        found |= {f"other-{name}": html.picture(each, cards) for name, each in more.items()}
    return found | {name: html.picture(each, cards) for name, each in scenes.items()}, not closed


def insides(scene: Scene, subject: Subject) -> tuple[dict[str, Scene], dict[str, str]]:
    """Return the insides of boxes by name, and by box the name of its own.

    Cells with a position in time come first and last of all steps first, so that what does not fit is in the middle.
    """
    wanted: dict[Hashable, list[Box]] = {}
    for box in scene.boxes:
        key = _key(box.about, subject)
        if key is not None:
            wanted.setdefault(key, []).append(box)
    keys = list(wanted)
    chosen = keys if len(keys) <= MOST_INSIDES else [*keys[: MOST_INSIDES // 2], *keys[-MOST_INSIDES // 2 :]]
    scenes: dict[str, Scene] = {}
    names: dict[str, str] = {}
    for number, key in enumerate(chosen):
        drawn = _draw(wanted[key][0].about, subject)
        if drawn is not None:
            scenes[f"inside{number}"] = drawn
            names.update((box.id, f"inside{number}") for box in wanted[key])
    return scenes, names


def closed_cells(scene: Scene) -> int:
    """How many cells of a picture show nothing of their inside."""
    return sum(1 for box in scene.boxes if _is_closed_cell(box.about))


def open_cells(scene: Scene) -> int:
    """How many cells of a picture show their inside."""
    items = (box.about for box in scene.boxes)
    return len({
        (item.block, item.t) for item in items
        if isinstance(item, Item) and item.role == "part" and not _is_closed_cell(item)
    })  # fmt: skip


def _is_closed_cell(about: object) -> bool:
    if not isinstance(about, Item) or about.role != "part" or about.part is None or about.block is None:
        return False
    return about.part.nodes == about.block.nodes


def _key(about: object, subject: Subject) -> Hashable | None:
    """What boxes with the same inside have in common; None for a box that has none."""
    if _is_closed_cell(about):
        assert isinstance(about, Item)
        return about.block, about.t if subject.trace is not None else None
    if isinstance(about, Item) and about.role == "block" and about.block is not None and not about.block.single:
        return about.block if len(about.block.nodes) <= MOST_NODES else None
    if isinstance(about, Group) and 1 < about.count <= MOST_NODES:
        return id(about)
    return None


def _draw(about: object, subject: Subject) -> Scene | None:
    """The inside of a box; None where a trace did not keep what it takes to draw it."""
    try:
        return _inside(about, subject)
    except UnknownPathError:
        return None


def _inside(about: object, subject: Subject) -> Scene:
    if isinstance(about, Group):
        return inside(subject, about.nodes, about.path or about.kind).to_scene()
    assert isinstance(about, Item)
    block = about.block
    assert block is not None
    if about.role == "block":
        return inside(subject, block.nodes, block.path).to_scene()
    return _cell(subject, block, about.t)


def _cell(subject: Subject, block: Block, t: int | None) -> Scene:
    trace = subject.trace
    if trace is None:
        return cell(subject.what, path=block.path).to_scene()
    if trace.seeded:
        try:
            return cell(trace, t, path=block.path, show="both").to_scene()
        except UnknownPathError:
            pass  # the trace did not keep what gradients are formed from
    return cell(trace, t, path=block.path).to_scene()
