"""What tests read off a scene: boxes by path, forward lines, the gradients against them."""

from __future__ import annotations

from collections import Counter

from viz.scene import Box, Edge, Scene

GRADIENTS = {"gradient", "zero", "bad"}


def at(scene: Scene, path: str) -> Box:
    """The box of a value or cell, by path and position: `rnn/h@2`."""
    found = [box for box in scene.boxes if box.path == path]
    if len(found) > 1:  # in an open cell the op that makes a state bears its name too
        found = [box for box in found if box.kind in ("c", "h", "state")]
    (box,) = found
    return box


def words(box: Box) -> list[str]:
    return [line.content for line in box.lines]


def drawn(scene: Scene) -> list[Edge]:
    """The lines of the picture, without the samples in its legend."""
    keys = [frame for frame in scene.frames if frame.kind == "legend"]
    top = min((frame.top for frame in keys), default=scene.height)
    return [edge for edge in scene.edges if edge.points[0][1] < top]


def forward(scene: Scene) -> list[Edge]:
    return [edge for edge in drawn(scene) if edge.kind not in GRADIENTS]


def gradients(scene: Scene) -> list[Edge]:
    return [edge for edge in drawn(scene) if edge.kind in GRADIENTS]


def ends(edges: list[Edge]) -> Counter[tuple[str, str]]:
    return Counter((edge.source, edge.target) for edge in edges)


def between(scene: Scene, source: str, target: str) -> list[Edge]:
    """The lines from one path to another."""
    wanted = (source, target)
    return [edge for edge in drawn(scene) if (scene.box(edge.source).path, scene.box(edge.target).path) == wanted]
