"""The view of two graphs: what one has and the other has not, in one picture and in words."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from graphengine import errors
from viz.compare import inside, pen
from viz.compare.changes import Comparison
from viz.compare.inside import Blocks
from viz.compare.ops import by_ops
from viz.compare.regions import regions
from viz.compare.summary import lines_of, region_lines, summary
from viz.compare.whole import whole
from viz.model.blocks import Block, body_blocks
from viz.model.subject import Subject, Subjectlike
from viz.scene import Scene
from viz.theme import Theme
from viz.view import View

Detail: TypeAlias = Literal["auto", "cell", "op"]

BUDGET = 400
_SMALL = 40  # graphs without loops of so many nodes are drawn op by op


class Diff(View):
    """What differs between two graphs: a picture, the same in words, and the comparison as plain data.

    Attributes:
        comparison: every node of either graph, added, removed, changed or the same.
    """

    def __init__(self, scene: Scene, comparison: Comparison, theme: str | Theme = "light") -> None:
        super().__init__(scene, theme)
        self.comparison = comparison

    def themed(self, theme: str | Theme) -> Diff:
        """Return the same picture in another theme."""
        return Diff(self._scene, self.comparison, theme)

    @property
    def summary(self) -> str:
        """All that differs, line by line, whatever the picture shows."""
        return summary(self.comparison)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return super()._repr_mimebundle_(include, exclude) | {"text/plain": self.summary}


def diff(
    a: Subjectlike,
    b: Subjectlike,
    *,
    detail: Detail = "auto",
    layer: int | None = None,
    direction: Literal["fw", "bw"] = "fw",
    path: str | None = None,
    theme: str | Theme = "light",
    title: str | None = None,
    budget: int = BUDGET,
) -> Diff:
    r"""Draw two graphs as one: what both have stands there once and grey, what differs in colour.

    Added, only in b: thick, with a "+". Removed, only in a: dashed, with a "−". Changed (another op, shape, setting or
    number of weights, or reading something else): a double outline, with a "~". A single cell is compared with the
    lowest layer of a stack and with the forward direction of two.

    Args:
        a, b: graphs, plans (what they need of their graphs) or traces.
        detail: "cell" draws cells and layers as boxes, "op" every op; "auto" cells, or the ops of a small graph.
        layer: draw the inside of the cells of this layer instead.
        direction: which direction's cells.
        path: where the cell stands in a (`"encoder"`), where layer and direction leave it open.
        theme, title: as for `unrolled`.
        budget: how many boxes a picture may have.

    Raises:
        UnknownPathError: neither has such a cell.
        BudgetError: there are more boxes than the budget.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, PeepholeLSTMCell, dynamic_rnn
    >>> def model(cell):
    ...     x = Graph(type(cell).__name__).placeholder("x", ("batch", "time", 10))
    ...     return dynamic_rnn(cell, x, over="time")[0].graph
    >>> found = diff(model(LSTMCell(5)), model(PeepholeLSTMCell(5)), layer=0)
    >>> print(*found.summary.splitlines()[2:7], sep="\n")
    parameters 320 → 335 (+15)
    ~ LSTM → PeepholeLSTM, parameters 320 → 335 (+15)  (rnn)
    ~ f, i read c_prev  (rnn)
    ~ o reads c  (rnn)
    + parameters p_f, p_i, p_o [5]  (rnn)
    """
    comparison = Comparison(a, b)
    if detail not in ("auto", "cell", "op"):
        raise errors.StructureError(
            f'detail is "auto", "cell" or "op", not {detail!r}{errors.at(errors.user_location())}'
        )
    if layer is not None or path is not None:
        blocks = _cells(comparison, layer or 0, direction, path)
        return Diff(_inside(comparison, blocks, title), comparison, theme)
    plain = not (comparison.a.loops or comparison.b.loops) and len(comparison.changes) <= _SMALL
    ops = detail == "op" or (detail == "auto" and plain)
    sketch = by_ops(comparison, budget) if ops else whole(comparison, budget)
    first, second = comparison.a.graph.name, comparison.b.graph.name
    names = f"{first} → {second}" if first != second else f"{first}: a → b"
    shown = names if title is None else title
    scene = pen.scene(sketch, shown, comparison.parameters, comparison.changes, lines_of(comparison))
    return Diff(scene, comparison, theme)


def _inside(comparison: Comparison, blocks: Blocks, title: str | None) -> Scene:
    nodes = {block.nodes[-1] for block in blocks if block is not None}
    region = next(
        region for region in regions(comparison) if any({each.a, each.b} & nodes for each in region.changes)
    )
    sketch = inside.draw(comparison, blocks)
    shown = inside.title_of(blocks) if title is None else title
    return pen.scene(sketch, shown, region.sizes, region.changes, region_lines(comparison, region, whole=False))


def _cells(comparison: Comparison, layer: int, direction: str, path: str | None) -> Blocks:
    """The cells to look into; the first where a graph has several at that layer and direction."""
    way = {"fw": 0, "bw": 1}.get(direction, -1)
    ours, theirs = (_blocks(subject) for subject in (comparison.a, comparison.b))
    if path is None:
        first, second = (
            next((each for each in blocks if (each.layer or 0) == layer and each.direction == way), None)
            for blocks in (ours, theirs)
        )
    else:
        first = next((each for each in ours if each.path == path), None)
        second = next((each for each in theirs if _beside(comparison, first, each, path)), None)
    if first is None and second is None:
        wanted = f"layer {layer}, direction {direction!r}" if path is None else f"path {path!r}"
        known = ", ".join(dict.fromkeys(each.path for each in (*ours, *theirs)))
        raise errors.UnknownPathError(
            f"{comparison.name}: no cell at {wanted} in either; there are {known or 'none'}"
            f"{errors.at(errors.user_location())}"
        )
    return first, second


def _blocks(subject: Subject) -> list[Block]:
    return list(dict.fromkeys(block for loop in subject.loops for block in body_blocks(subject, loop).values()))


def _beside(comparison: Comparison, first: Block | None, second: Block, path: str) -> bool:
    """Whether a cell of the second graph stands where one of the first does; or at a path that the first has not."""
    if first is None:
        return second.path == path
    return comparison.places[first.nodes[-1]] == comparison.places[second.nodes[-1]]
