"""What an explanation of a value holds, and how it reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from graphengine import equations
from graphengine.border import LEAVING, Delay, StepSlice
from graphengine.node import Node, Tensor
from graphengine.op import Source
from graphengine.spec import Array
from graphengine.spelling import norm, number, numbers

SHOWN = 8  # norms of single steps in a line
FEW = 12  # lines that are a short explanation at most
WIDE = 40  # letters that names under each other are filled up to at most


@dataclass(frozen=True, eq=False)
class Input:
    """What a value was computed from: a tensor, at which position in time, and its value there.

    A position of None is that of a value outside loops; of one inside, it stands for all positions.
    """

    tensor: Tensor
    t: int | None
    value: Array


@dataclass(frozen=True, eq=False)
class Contribution:
    """What one use of a value adds to its gradient.

    Attributes:
        node: what uses it; None for what enters a target from outside.
        input: which of the node's sources it is.
        positions: where in time the use lies: several for what comes from outside the loop, none outside loops.
        gradient: what it adds, all positions together.
        norms: the Euclidean norms of what it adds, position by position.
    """

    node: Node | None
    input: int
    positions: tuple[int, ...]
    gradient: Array
    norms: tuple[float, ...]

    @property
    def place(self) -> str:
        """Where it comes from, and the equation by which it does."""
        if self.node is None:
            return "from outside, because it is a target"
        equation = equations.gradient(self.node, self.input)
        which = (", the first step", ", the next step")[self.input] if isinstance(self.node.op, Delay) else ""
        return f"from {self.node.path}{_at(self.positions)}{which}{': ' if equation else ''}{equation}"


@dataclass(frozen=True, eq=False)
class Explanation:
    """A value of a trace, what it was computed from, and what its gradient is the sum of.

    Attributes:
        tensor, t: which value, and its position in time.
        value: the value.
        inputs: what it was computed from.
        gradient: its gradient; None if it has none.
        contributions: what add up to the gradient.
        missing: why it has no gradient, if it has none.
    """

    tensor: Tensor
    t: int | None
    value: Array
    inputs: tuple[Input, ...]
    gradient: Array | None
    contributions: tuple[Contribution, ...]
    missing: str = ""

    @property
    def text(self) -> str:
        """All of it, as lines to be read in one width of letters."""
        first, parts = self._lines
        return "\n".join((*first, *parts))

    @property
    def short(self) -> str:
        """Its first lines: all but what the gradient is the sum of, and a few at most."""
        first, parts = self._lines
        return "\n".join((*first[:FEW], "…") if parts or len(first) > FEW else first)

    @cached_property
    def _lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the value and its gradient are, and what the gradient is the sum of."""
        node = self.tensor.node
        names = equations.names(node)
        own = names[self.tensor]
        rows = [(own, self.value)]
        rows += [
            (names[each.tensor] + self._elsewhere(each), each.value)
            for each in self.inputs
            if each.tensor not in equations.constants(node)
        ]
        total = [] if self.gradient is None else [(f"d{own}", self.gradient)]
        parts = [("", each.gradient) for each in self.contributions]
        table = _table([*rows, *total, *parts])
        forward, backward, back = table[: len(rows)], table[len(rows) :][: len(total)], table[len(rows) + len(total) :]
        first = (
            f"{self.tensor.path}{_at(() if self.t is None else (self.t,))}, {self.tensor.spec}",
            "",
            f"  {equations.equation(node)}",
            *_settings(node),
            *forward,
            "",
            f"  {self._balance()}",
            *backward,
        )
        return tuple(map(str.rstrip, first)), tuple(map(str.rstrip, self._parts(back)))

    def _balance(self) -> str:
        """What there is to say of the gradient as a whole."""
        if self.gradient is None:
            return f"no gradient: {self.missing}"
        if not self.contributions:
            return "gradient, 0 because nothing that counts uses it"
        return "gradient" + (f", the sum of {len(self.contributions)} parts" if len(self.contributions) > 1 else "")

    def _parts(self, lines: Sequence[str]) -> Iterator[str]:
        for each, line in zip(self.contributions, lines, strict=True):
            yield f"  {each.place}"
            yield line
            if len(each.norms) > 1:
                yield f"    ‖·‖ at t = {_by_position(each)}"

    def _elsewhere(self, found: Input) -> str:
        """Say at which position an input was read, if that is not the value's own."""
        if found.tensor.loop is None or (found.t == self.t and self.tensor.loop is not None):
            return ""
        return " at all t" if found.t is None else _at((found.t,))

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def _table(rows: Sequence[tuple[str, Array]]) -> list[str]:
    """Spell values under each other: name, entries, shape and norm; a name that is too wide stands out."""
    cells = [(name, numbers(value), "×".join(map(str, value.shape))) for name, value in rows]
    first, second, third = (min(max(len(row[column]) for row in cells), WIDE) for column in range(3))
    return [
        f"    {name:{first}}  {entries:{second}}  {shape:{third}}"
        + (f"  ‖·‖ {number(norm(value))}" if value.size > 1 and value.dtype.kind == "f" else "")
        for (name, entries, shape), (_, value) in zip(cells, rows, strict=True)
    ]


def _at(positions: Sequence[int]) -> str:
    if not positions:
        return ""
    return f" at t = {min(positions)}" + (f" … {max(positions)}" if len(positions) > 1 else "")


def _by_position(found: Contribution) -> str:
    """Spell the norms of a use's parts in the order of time; the middle of many is left out."""
    each = [f"{t}: {number(size)}" for t, size in sorted(zip(found.positions, found.norms, strict=True))]
    if len(each) > SHOWN:
        half = SHOWN // 2
        each = [*each[:half], f"… ({len(each) - 2 * half} more) …", *each[-half:]]
    return ", ".join(each)


def _settings(node: Node) -> Iterator[str]:
    """Spell the settings of an op, which its equation may speak of, as far as they are not the usual ones."""
    if isinstance(node.op, (Source, Delay, StepSlice, *LEAVING)) or not dataclasses.is_dataclass(node.op):
        return
    given = [(field.name, getattr(node.op, field.name), field.default) for field in dataclasses.fields(node.op)]
    unusual = [f"{name} = {value}" for name, value, usual in given if value not in (usual, None, False)]
    if unusual:
        yield f"  with {', '.join(unusual)}"
