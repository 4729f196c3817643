"""Profiles: where the time of a run goes, by pass, by place in the graph, by kind of op and by node.

A profile repeats the calls of a plan one after the other, whatever the plan's number of threads, and reads a clock
between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeAlias

from graphengine import errors
from graphengine.graph import Graph, Node, Tensor
from graphengine.program import Call, Program
from graphengine.run import RunContext
from graphengine.spec import Array
from graphengine.workspace import Workspace

if TYPE_CHECKING:
    from graphengine.plan import Plan

Bound: TypeAlias = "tuple[RunContext, Mapping[Tensor, Array] | None]"

OUTSIDE = "outside calls"
_COLUMNS = ("", "ms", "share", "forward ms", "backward ms", "calls")


@dataclass(frozen=True)
class Cost:
    """What something costs in one run.

    Attributes:
        forward, backward: seconds in either pass; what a backward pass computes again counts as forward.
        calls: how many calls it takes in both.
    """

    forward: float = 0.0
    backward: float = 0.0
    calls: int = 0

    @property
    def seconds(self) -> float:
        """Seconds in both passes."""
        return self.forward + self.backward

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forward + other.forward, self.backward + other.backward, self.calls + other.calls)


@dataclass(frozen=True, repr=False)
class Profile:
    """The time of one run, and what it is spent on; `print` shows it as tables, the longest first.

    All times are seconds. Everything is a `Cost` (`forward`, `backward`, their sum `seconds`, and `calls`), by a name.
    An op that stands for several nodes (a fused block of gates, a merged product) counts where those stood.

    Attributes:
        passes: by "forward" and "backward".
        scopes: by path, each with all that lies in it; the path of the whole graph is empty.
        kinds: by kind of op.
        nodes: by path.
        outside: seconds that no call takes: checking the feeds, copying the results, and where a loop may end early,
            so that every run works its calls out anew, that too.
        repeats: of how many runs the times are medians.
        graph: what was run; a profile that is pickled or copied leaves it, and with it all weights, behind.

    >>> from graphengine import Graph, Plan, ops
    >>> g = Graph()
    >>> x = g.placeholder("x", ("n", "n"))
    >>> with g.scope("net"), g.scope("deep"):
    ...     y = ops.tanh(x @ x)
    >>> profile = Plan(ops.sum(y), wrt=[x]).profile({x: [[0.5, 1.0], [2.0, 0.0]]})
    >>> sorted(profile.scopes)
    ['', 'net', 'net/deep']
    >>> profile.scopes["net"] == profile.scopes["net/deep"]
    True
    >>> profile.kinds["tanh"].calls                    # one forward, one backward
    2
    >>> parts = [cost.seconds for cost in profile.passes.values()] + [profile.outside]
    >>> abs(sum(parts) / profile.seconds - 1) < 1e-9
    True
    >>> print(profile.table(by="pass"))                # doctest: +ELLIPSIS +NORMALIZE_WHITESPACE
    pass ms share forward ms backward ms calls
    ...
    outside calls  ...
    """

    passes: Mapping[str, Cost]
    scopes: Mapping[str, Cost]
    kinds: Mapping[str, Cost]
    nodes: Mapping[str, Cost]
    outside: float
    repeats: int = 1
    graph: Graph | None = field(default=None, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "graph": None}

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return self.scopes[""].seconds + self.outside

    def table(self, by: str = "scope", rows: int | None = None) -> str:
        """Return an aligned table.

        Args:
            by: "pass", "scope", "kind" or "node".
            rows: how many to show; what is left out is added up in one row (not so scopes, which lie in each other).

        Raises:
            SettingError: there is no such table.
        """
        tables = {"pass": self.passes, "scope": self.scopes, "kind": self.kinds, "node": self.nodes}
        if by not in tables:
            raise errors.SettingError(f"by is one of {', '.join(tables)}, not {by!r}{errors.here()}")
        costs = tables[by]
        order = sorted(costs, key=lambda name: _place(name, costs) if by == "scope" else [_rank(name, costs)])
        shown = [(name or "the whole graph", costs[name]) for name in order[:rows]]
        if left := order[len(shown) :] if by != "scope" else []:
            shown.append((f"{len(left)} more", sum((costs[name] for name in left), Cost())))
        cells = [(by, *_COLUMNS[1:]), *(self._row(*each) for each in shown), self._outside()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(_line(row, widths) for row in cells)

    def _row(self, name: str, cost: Cost) -> tuple[str, ...]:
        both = (_ms(cost.forward), _ms(cost.backward))
        return name, _ms(cost.seconds), f"{cost.seconds / self.seconds:.1%}", *both, str(cost.calls)

    def _outside(self) -> tuple[str, ...]:
        return OUTSIDE, _ms(self.outside), f"{self.outside / self.seconds:.1%}", "", "", ""

    def __str__(self) -> str:
        tables = [self.table("pass"), self.table("scope"), self.table("kind"), self.table("node", rows=10)]
        return "\n\n".join([self._heading(), *tables])

    def __repr__(self) -> str:
        return f"<profile: {self._heading()}>"

    def _heading(self) -> str:
        return f"{_ms(self.seconds)} ms a run, {self.scopes[''].calls} calls"


class Clock:
    """Charges time to the call that runs, by slots; slot 0 is outside all calls.

    A call that runs a program with a clock in it is charged for the rest only.

    Attributes:
        spent: nanoseconds of every slot.
        made: how often the call of every slot was made.
    """

    def __init__(self) -> None:
        self.spent = [0]
        self.made = [0]
        self._running = [0]
        self._since = perf_counter_ns()

    def watch(self, program: Program) -> range:
        """Read the clock before and after every call of a program; returns their slots."""
        if not program.calls:
            return range(0)
        slots = range(len(self.spent), len(self.spent) + len(program.calls))
        self.spent += [0] * len(slots)
        self.made += [0] * len(slots)
        readings: list[Call] = [(self._turn, (slot,)) for slot in slots]
        readings[0] = (self._enter, (slots[0],))
        program.calls = [each for pair in zip(readings, program.calls, strict=True) for each in pair]
        program.nodes = [node for node in program.nodes for _ in range(2)]
        program.keep(program.nodes[-1], self._leave)
        program.together = None
        return slots

    def start(self) -> None:
        """Start anew."""
        self.spent = [0] * len(self.spent)
        self.made = [0] * len(self.spent)
        self._since = perf_counter_ns()

    def stop(self) -> list[int]:
        """Return the nanoseconds of every slot."""
        self._turn(0)
        return self.spent

    def _enter(self, slot: int) -> None:
        self._running.append(self._running[-1])
        self._turn(slot)

    def _leave(self) -> None:
        self._turn(0)
        self._running.pop()

    def _turn(self, slot: int) -> None:
        """Charge the time since the last reading; what the reading itself takes is charged to nobody."""
        now = perf_counter_ns()
        self.spent[self._running[-1]] += now - self._since
        self._running[-1] = slot
        self.made[slot] += 1
        self._since = perf_counter_ns()


def measure(plan: Plan, bind: Callable[[], Bound], repeats: int) -> Profile:
    """Measure a plan; `bind` takes and checks what a run is given, the same in every repeat."""
    clock = Clock()
    workspace = Workspace(plan)
    workspace.run(*bind())
    watched = {"forward": workspace.forward, "backward": workspace.backward}
    programs = [(name, part.program) for name, each in watched.items() if each is not None for part in each.parts()]
    nodes = [list(program.nodes) for _, program in programs]
    slots = [clock.watch(program) for _, program in programs]
    found = [_repeat(clock, workspace, bind) for _ in range(repeats)]
    lag = _lag()
    typical = [max(median(times) - lag, 0.0) * 1e-9 for times in zip(*found, strict=True)]
    outside = typical[0]
    if not plan.repeatable:
        outside = max(median(_whole(plan, bind) for _ in range(repeats)) * 1e-9 - sum(typical[1:]), 0.0)
    calls = [
        (name, node, Cost(**{name: typical[slot]}, calls=clock.made[slot]))
        for (name, _), own, places in zip(programs, nodes, slots, strict=True)
        for node, slot in zip(own, places, strict=True)
    ]
    return Profile(
        passes=_summed((name, cost) for name, _, cost in calls),
        scopes={"": Cost()} | _summed((path, cost) for _, node, cost in calls for path in _paths(node)),
        kinds=_summed((node.op.kind, cost) for _, node, cost in calls),
        nodes=_summed((node.path, cost) for _, node, cost in calls),
        outside=outside,
        repeats=repeats,
        graph=plan.graph,
    )


def _repeat(clock: Clock, workspace: Workspace, bind: Callable[[], Bound]) -> list[int]:
    """Take the times of one run in a workspace that has its calls."""
    clock.start()
    workspace.run(*bind())
    return clock.stop()


def _whole(plan: Plan, bind: Callable[[], Bound]) -> int:
    """Take the time of a run that works its calls out."""
    start = perf_counter_ns()
    Workspace(plan).run(*bind())
    return perf_counter_ns() - start


def _lag(count: int = 2000) -> float:
    """Return the nanoseconds that a call seems to take because a clock is read beside it."""
    clock, program = Clock(), Program()
    program.calls = [(clock._turn, (0,))] * count
    clock.start()
    program.repeat()
    return clock.stop()[0] / count


def _paths(node: Node) -> set[str]:
    """Return the paths of the scopes that a node stands in."""
    return {scope.path for scope in node.scope.ancestry()} | {""}


def _summed(costs: Iterable[tuple[str, Cost]]) -> dict[str, Cost]:
    found: dict[str, Cost] = {}
    for name, cost in costs:
        found[name] = found.get(name, Cost()) + cost
    return found


def _rank(name: str, costs: Mapping[str, Cost]) -> tuple[float, str]:
    return -costs[name].seconds, name


def _place(path: str, costs: Mapping[str, Cost]) -> list[tuple[float, str]]:
    """Order scopes as a tree: what lies in a scope follows it, the longest first."""
    parts = path.split("/")
    above = ["", *("/".join(parts[: k + 1]) for k in range(len(parts) if path else 0))]
    return [_rank(each, costs) for each in above if each in costs]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    name, *numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([name.lstrip().ljust(len(name)), *numbers]).rstrip()
