"""Scenes side by side, as one scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from viz import Edge, Scene, Text

GAP = 28.0
PARTS = ("frames", "boxes", "edges", "texts")


def beside(scenes: Sequence[Scene], title: str) -> Scene:
    """Return one scene of several, left to right, their lower edges on one line."""
    height = max(scene.height for scene in scenes)
    left = 0.0
    parts = []
    for index, scene in enumerate(scenes):
        parts.append(_moved(scene, left, height - scene.height, f"s{index}_"))
        left += scene.width + GAP
    return Scene(
        left - GAP, height, title, " ".join(scene.description for scene in scenes if scene.description),
        **{name: tuple(each for part in parts for each in getattr(part, name)) for name in PARTS},
    )  # fmt: skip


def _moved(scene: Scene, dx: float, dy: float, prefix: str) -> Scene:
    """A scene in another place, its ids made its own."""
    return replace(
        scene,
        frames=tuple(replace(frame, left=frame.left + dx, top=frame.top + dy) for frame in scene.frames),
        boxes=tuple(replace(box, id=prefix + box.id, x=box.x + dx, y=box.y + dy) for box in scene.boxes),
        edges=tuple(_moved_edge(edge, dx, dy, prefix) for edge in scene.edges),
        texts=tuple(_moved_text(text, dx, dy) for text in scene.texts),
    )


def _moved_edge(edge: Edge, dx: float, dy: float, prefix: str) -> Edge:
    return replace(
        edge,
        source=prefix + edge.source,
        target=prefix + edge.target,
        points=tuple((x + dx, y + dy) for x, y in edge.points),
        label=edge.label and _moved_text(edge.label, dx, dy),
    )


def _moved_text(text: Text, dx: float, dy: float) -> Text:
    return replace(text, x=text.x + dx, y=text.y + dy)
