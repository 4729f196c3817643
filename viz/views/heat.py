"""Heat: which box of a picture takes which share of a run's time, as its colour, in its words and in the legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from graphengine import errors
from graphengine.graph import Graph
from graphengine.profile import Cost, Profile
from viz import text
from viz.scene import HEATS, Box, BoxKind, Frame, Heat, Line, Text
from viz.views import content
from viz.views.sketch import Sketch

Claims: TypeAlias = Mapping[str, object]  # by a node's path, or a scope's with a slash behind it: what shows the calls

BOUNDS = (0.02, 0.05, 0.1, 0.2, 0.5)  # the shares at which the next level begins
_SWATCH = (50.0, 16.0)
_SHARE, _SECONDS = 0.001, 1e-6  # what is less is not spelt
_NAMED = 3  # so many nodes that no box shows are named


class Heating:
    """The shares of a profile's time that the boxes of a picture stand for.

    A call counts at what shows its node, else at what shows the innermost scope around it.

    Args:
        claims: what shows which nodes and scopes.
        rest: more of them, for what nothing in `claims` shows.

    Attributes:
        costs: by what is shown; what makes no calls is not in it.
        homeless: by path, the nodes that nothing shows.

    Raises:
        StructureError: this is no profile.
        GraphMismatchError: the profile is of another graph.
    """

    def __init__(self, profile: Profile, graph: Graph, claims: Claims, rest: Claims) -> None:
        _check(profile, graph)
        self.profile = profile
        self.costs: dict[object, Cost] = {}
        self.homeless: dict[str, Cost] = {}
        for path, cost in profile.nodes.items():
            owner = _owner(path, claims) or _owner(path, rest)
            if owner is None:
                self.homeless[path] = cost
            else:
                self.costs[owner] = self.costs.get(owner, Cost()) + cost

    def share(self, seconds: float) -> float:
        """The share of the whole run, from 0 to 1."""
        return seconds / self.profile.seconds if self.profile.seconds else 0.0

    def kind(self, thing: object, otherwise: BoxKind) -> BoxKind:
        """The kind of a box: how much of the time it takes, or another if it makes no calls."""
        return level(self.share(self.costs[thing].seconds)) if thing in self.costs else otherwise

    def lines(self, thing: object, lines: tuple[Line, ...], *, passes: bool = True) -> tuple[Line, ...]:
        """What is written in a box, with its share and its time; below the time of both `passes`, if both take any."""
        cost = self.costs.get(thing)
        if cost is None:
            return lines
        title, *others = content.unmuted(lines)
        said = [Line(self._amount(cost.seconds), min(title.size, 10.5), bold=title.size > 10)]
        if passes and min(cost.forward, cost.backward) >= _SECONDS:
            said.append(Line(f"forward {_ms(cost.forward)} · backward {_ms(cost.backward)} ms", 8.5))
        return (title, *said, *others)

    def tooltip(self, thing: object, tooltip: str) -> str:
        """A box's tooltip, with its time in a last line of its own."""
        cost = self.costs.get(thing)
        if cost is None:
            return tooltip
        parts = f"forward {_ms(cost.forward)}, backward {_ms(cost.backward)} ms"
        calls = f"{cost.calls:,} call{'s' if cost.calls != 1 else ''}"
        return f"{tooltip}\n{self._amount(cost.seconds)} of a run: {parts}, in {calls}"

    def subtitle(self) -> str:
        """How long a run takes, and how that was measured."""
        passes = "" if self.profile.scopes[""].backward else ", forward only"
        repeats = self.profile.repeats
        measured = f"medians of {repeats:,} repeats" if repeats > 1 else "measured once"
        return f"{_ms(self.profile.seconds, digits=3)} ms a run{passes} ({measured})"

    def legend(self, sketch: Sketch) -> None:
        """Add what the colours mean, and what is in no box, below all that is drawn so far."""
        left, _, _, bottom = sketch.extent()
        x, y = left + 12, bottom + 32
        notes = list(self._notes(any(box.kind == "op" for box in sketch.boxes.values())))
        wide, high = _SWATCH
        reach = max(wide * len(HEATS), *(text.width(note, 9) for note in notes))
        sketch.frames.append(Frame(left, y - 14, reach + 24, 16 + high + 15 * len(notes), "", "legend"))
        sketch.texts.append(Text(x, y, notes[0], "start", 9))
        y += 9 + high / 2
        for k, kind in enumerate(HEATS):
            said = (Line(_spelt_level(k), 8),)
            sketch.box(Box("", x + wide * (k + 0.5), y, wide, high, "rect", kind, said))
        for k, note in enumerate(notes[1:]):
            sketch.texts.append(Text(x, y + high / 2 + 11 + 15 * k, note, "start", 9))

    def _notes(self, silent: bool) -> Iterator[str]:
        yield "share of a run’s time" + (" (no number: no calls of its own, as in a fused op)" if silent else "")
        if self.homeless:
            order = sorted(self.homeless, key=lambda path: (-self.homeless[path].seconds, path))
            names = [content.short(path, 40) for path in order[:_NAMED]]
            names += [f"{len(order) - _NAMED} more"] if len(order) > _NAMED else []
            amount = self._amount(sum(cost.seconds for cost in self.homeless.values()))
            yield f"{amount} in no box: {', '.join(names)}"
        yield f"{self._amount(self.profile.outside)} outside the calls: checking feeds, copying results"

    def _amount(self, seconds: float) -> str:
        share = self.share(seconds)
        if seconds < _SECONDS and share < _SHARE:
            return _percent(share)
        return f"{_percent(share)} · {_ms(seconds)} ms"


def level(share: float) -> Heat:
    """The kind of a box that takes a share of the time, as it is spelt.

    >>> level(0.0), level(0.194), level(0.198), level(0.62)
    ('heat0', 'heat3', 'heat4', 'heat5')
    """
    spelt = float(f"{share:.2g}")
    return HEATS[sum(spelt >= bound for bound in BOUNDS)]


def _spelt_level(k: int) -> str:
    low, high = (f"{bound:.0%}".removesuffix("%") for bound in (BOUNDS[max(k - 1, 0)], BOUNDS[min(k, len(BOUNDS) - 1)]))
    return f"< {high} %" if k == 0 else f"≥ {low} %" if k == len(BOUNDS) else f"{low}–{high} %"


def _owner(path: str, claims: Claims) -> object:
    """What shows a node itself, or the innermost scope around it."""
    key = path
    while key not in claims:
        scope = key.rstrip("/").rpartition("/")[0]
        if not scope:
            return None
        key = f"{scope}/"
    return claims[key]


def _percent(share: float) -> str:
    return f"< {100 * _SHARE:.1f} %" if share < _SHARE else f"{text.number(round(100 * share, 1), 2)} %"


def _ms(seconds: float, digits: int = 2) -> str:
    """Milliseconds, with so many digits, but no more than three decimals."""
    if seconds < _SECONDS:
        return f"< {1e3 * _SECONDS:.3f}"
    ms = 1e3 * seconds
    decimals = digits - 1 - math.floor(math.log10(ms))
    return f"{ms:,.{min(max(decimals, 0), 3)}f}"


def _check(profile: Profile, graph: Graph) -> None:
    where = errors.at(errors.user_location())
    if not isinstance(profile, Profile):
        kind = type(profile).__name__
        raise errors.StructureError(f"a profile is what plan.profile(feeds) returns, not a {kind}{where}")
    if profile.graph is not None and profile.graph is not graph:
        raise errors.GraphMismatchError(
            f"the profile is of a plan of graph {profile.graph.name!r}, the picture of another graph {graph.name!r}; "
            f"profile a plan of the graph that is drawn{where}"
        )
    strange = sorted(profile.scopes.keys() - {scope.path for scope in graph.scopes})
    if strange:
        raise errors.GraphMismatchError(
            f"the profile is of another graph: {graph.name!r} has no scope {strange[0]!r}; profile a plan of the graph "
            f"that is drawn{where}"
        )
