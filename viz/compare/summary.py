"""Summaries: what differs between two graphs, line by line, for whoever has no picture."""

from __future__ import annotations

from collections.abc import Iterator

from graphengine.graph import Node
from graphengine.sources import Fill, ParameterValue, Placeholder
from viz.compare.changes import SIGNS, Aspect, Change, Comparison, expression
from viz.compare.match import nameless
from viz.compare.regions import Region, regions

_ORDER = ("changed", "removed", "added")
_MANY = 8  # so many names stand in one line


def summary(comparison: Comparison) -> str:
    """Return what differs: whole layers, cells of another kind, parameters and ops, each with its place."""
    graphs = comparison.a, comparison.b
    lines = [
        f"{letter}: {subject.graph.name}, {len(subject.nodes):,} nodes, {size:,} parameters"
        for letter, subject, size in zip("ab", graphs, comparison.parameters, strict=True)
    ]
    if comparison.identical:
        return "\n".join([*lines, "nothing differs"])
    before, after = comparison.parameters
    lines.append(f"parameters {counted(before, after)}{' in both' if before == after else ''}")
    return "\n".join([*lines, *lines_of(comparison)])


def lines_of(comparison: Comparison) -> Iterator[str]:
    """Yield a line for everything that differs, each with its place."""
    if comparison.dtypes is not None:
        yield f"~ computes in {' → '.join(comparison.dtypes)}"
    for region in regions(comparison):
        where = f"  ({region.name})" if region.name else ""
        for line in region_lines(comparison, region):
            yield line + where


def counted(before: int, after: int) -> str:
    """Spell two counts and their difference.

    >>> counted(320, 335), counted(1320, 1240), counted(5, 5)
    ('320 → 335 (+15)', '1,320 → 1,240 (−80)', '5')
    """
    if before == after:
        return f"{before:,}"
    return f"{before:,} → {after:,} ({'+' if after > before else '−'}{abs(after - before):,})"


def region_lines(comparison: Comparison, region: Region, *, whole: bool = True) -> Iterator[str]:
    """Yield a line for everything that differs in a region.

    Args:
        whole: one line is enough for a region that one graph has and the other has not.
    """
    status = region.status
    if whole and status in ("added", "removed") and len(region.changes) > 1 and region.place.around:
        kind, size = region.kinds[status == "added"], region.sizes[status == "added"]
        counts = [f"{size:,} parameters"] if size else []
        yield f"{SIGNS[status]} {', '.join([kind or 'all of it', *counts, f'{len(region.changes):,} nodes'])}"
        return
    before, after = region.kinds
    if before != after and before and after:
        yield f"~ {before} → {after}, parameters {counted(*region.sizes)}"
    for each in _ORDER:
        yield from change_lines(comparison, [change for change in region.changes if change.status == each])


def change_lines(comparison: Comparison, changes: list[Change]) -> Iterator[str]:
    """Yield a line for every change that says something; what differs in the same way shares one."""
    alike: dict[tuple[str, str], list[str]] = {}
    reads: dict[Aspect, list[str]] = {}
    lines = []
    for change in changes:
        node = change.node
        if change.status in ("added", "removed"):
            if isinstance(node.op, ParameterValue | Placeholder):
                shape = f"[{', '.join(map(str, node.output.shape))}]"
                alike.setdefault((f"{SIGNS[change.status]} {_kind(node)}", shape), []).append(node.output.name)
            elif not _understood(node):
                lines.append(f"{SIGNS[change.status]} {told(node)}")
            continue
        for aspect in change.aspects:
            if aspect.what == "shape":
                shapes = f"{aspect.before} → {aspect.after}"
                alike.setdefault((f"~ {_kind(node)}".rstrip(), shapes), []).extend(t.name for t in node.outputs)
            elif aspect.what == "reads":
                reads.setdefault(aspect, []).append(change.name)
            else:
                lines.append(f"~ {_differs(comparison, change, aspect)}")
    shared = [_shared(head, names, rest) for (head, rest), names in alike.items()]
    yield from (_shared("~", names, reading(aspect, len(names))) for aspect, names in reads.items())
    yield from [*lines, *shared] if changes and changes[0].status == "changed" else [*shared, *lines]


def _shared(head: str, names: list[str], rest: str) -> str:
    """One line for several: `+ parameters p_f, p_i [5]`, `~ f, i read c_prev`."""
    if len(names) > 1 and head[-1].isalpha():
        head += "s"
    shown = names if len(names) <= _MANY else [*names[: _MANY - 1], f"and {len(names) - _MANY + 1} more"]
    return f"{head} {', '.join(shown)} {rest}"


def _understood(node: Node) -> bool:
    """Whether a node goes without saying: first values of states, and constants, which the ops that read them show."""
    return isinstance(node.op, Fill) or (nameless(node) and not node.inputs)


def told(node: Node) -> str:
    """Return what a node is, as an equation where it has a name."""
    names = ", ".join(tensor.name for tensor in node.outputs)
    return expression(node) if nameless(node) else f"{names} = {expression(node)}"


def _kind(node: Node) -> str:
    return {ParameterValue: "parameter", Placeholder: "input"}.get(type(node.op), "")


def _differs(comparison: Comparison, change: Change, aspect: Aspect) -> str:
    first, second = change.a, change.b
    assert first is not None
    assert second is not None
    if aspect.what == "op":
        return f"{change.name}: {aspect.before} → {aspect.after}"
    if aspect.what == "reads":
        return f"{change.name} {reading(aspect)}"
    if nameless(second) and not second.inputs:  # a constant: say what is made of it
        before, after = (_reader(subject.nodes, node) for subject, node in
                         ((comparison.a, first), (comparison.b, second)))  # fmt: skip
        if before is not None and after is not None:
            return f"{after.output.name}: {expression(before)} → {expression(after)}"
    return f"{told(second)}: {aspect.name} {aspect.before} → {aspect.after}"


def reading(aspect: Aspect, count: int = 1) -> str:
    """Say what nodes read now, and what no longer.

    >>> reading(Aspect("reads", "", "c")), reading(Aspect("reads", "h", ""), 2)
    ('reads c', 'no longer read h')
    """
    read = "reads" if count == 1 else "read"
    if aspect.before and aspect.after:
        return f"{read} {aspect.after} instead of {aspect.before}"
    return f"{read} {aspect.after}" if aspect.after else f"no longer {read} {aspect.before}"


def _reader(nodes: list[Node], source: Node) -> Node | None:
    return next((node for node in nodes if source.output in node.inputs), None)
