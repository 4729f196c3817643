"""The view of two graphs: what one has and the other has not, in one picture and in words."""

from __future__ import annotations

from typing import Any, Literal

from graphengine import errors
from viz.compare import inside, pen
from viz.compare.changes import Comparison
from viz.compare.regions import Region, regions
from viz.compare.summary import region_lines, summary
from viz.model.blocks import Block, body_blocks
from viz.model.subject import Subject, Subjectlike
from viz.scene import Scene
from viz.theme import Theme
from viz.view import View

Detail = Literal["auto", "cell", "op"]


class Diff(View):
    """What differs between two graphs: a picture, its summary in words, and the comparison itself as plain data."""

    def __init__(self, scene: Scene, comparison: Comparison, theme: str | Theme = "light") -> None:
        super().__init__(scene, theme)
        self.comparison = comparison

    def themed(self, theme: str | Theme) -> Diff:
        """Return the same picture in another theme."""
        return Diff(self._scene, self.comparison, theme)

    @property
    def summary(self) -> str:
        """What differs, line by line: all of it, whatever the picture shows."""
        return summary(self.comparison)


def diff(
    a: Subjectlike, b: Subjectlike, *, detail: Detail = "auto", layer: int | None = None,
    direction: Literal["fw", "bw"] = "fw", theme: str | Theme = "light", title: str | None = None,
) -> Diff:
    comparison = Comparison(a, b)
    blocks = tuple(_cell(s, layer or 0, direction) for s in (comparison.a, comparison.b))
    sketch = inside.draw(comparison, blocks)
    region = [r for r in regions(comparison) if any(b is not None and b.nodes[-1] in (c.a,c.b) for b in blocks for c in r.changes)][0]
    told = list(region_lines(comparison, region))
    return Diff(pen.scene(sketch, title or inside.title_of(blocks), region.sizes, region.changes, told), comparison, theme)


def _cell(subject, layer, direction):
    for loop in subject.loops:
        for block in dict.fromkeys(body_blocks(subject, loop).values()):
            if (block.layer or 0) == layer and block.direction == {"fw":0,"bw":1}[direction]:
                return block
    return None


def wd(a, b, title=None):
    from viz.compare.whole import whole
    from viz.compare.summary import summary
    c = Comparison(a, b)
    return Diff(pen.scene(whole(c), title or "x", c.parameters, c.changes, summary(c).splitlines()[2:]), c)
