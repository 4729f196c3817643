"""Readings: what the article's names mean in a trace.

The article follows gradients by name, step by step: DHt, DCt, DFt, … Nothing here works them out a second time: each
name is a place in the graph where a trace has a value or a gradient, or the part of a gradient that some edges carry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from graphengine import Scope, Trace, errors
from graphengine.spec import Array
from layers.place import Place


@dataclass(frozen=True)
class Reading:
    """A name, the kind of thing that it is, and the value that it is about, by the name that the cell gives it."""

    name: str
    kind: str
    of: str = ""

    @property
    def meaning(self) -> str:
        """What it is, in words.

        >>> Reading("DFt", "gradient", "f_pre").meaning
        'the gradient of f_pre, from everything that uses it'
        """
        return KINDS[self.kind].format(of=self.of)


KINDS = {
    "value": "{of}",
    "gradient": "the gradient of {of}, from everything that uses it",
    "depth": "the part of the gradient of {of} that comes from above: the loss, the layers after, the layer on top",
    "time": "the part of the gradient of {of} that comes from the next step",
    "pair": "dxt and the gradient of {of}_prev side by side: what the article's one matrix on [x, h] hands back",
    "input": "what the cell hands back to its input, and so to the layer below or to an embedding",
    "before": "the gradient of {of}_prev, which is handed to the step before",
    "parameter": "the gradient of {of}, from all steps",
}
GROUPS = (("value",), ("gradient", "depth", "time"), ("pair",), ("input",), ("before",), ("parameter",))
ARTICLE = (
    Reading("DHt", "gradient", "h"),
    Reading("dht(ext)", "depth", "h"),
    Reading("dht(int)", "time", "h"),
    Reading("DOt", "gradient", "o_pre"),
    Reading("DCt", "gradient", "c"),
    Reading("DCprojt", "gradient", "cproj_pre"),
    Reading("DFt", "gradient", "f_pre"),
    Reading("DIt", "gradient", "i_pre"),
    Reading("DHX", "pair", "h"),
    Reading("dxt", "input"),
    Reading("Dh_next", "before", "h"),
    Reading("DCt_recur", "before", "c"),
)


def readings(trace: Trace, scope: Scope | str, t: int | None = None) -> dict[str, Array]:
    """Return everything that has a name at one place, at one position in time.

    For a cell: its gates and states, and their gradients under the article's names (`ARTICLE`); where a cell has other
    gates or states, names of the same form (a GRU's DRt, DUt, DNt). Without `t`: what lives outside time, which is the
    parameters and their gradients (`kernel`, `Dkernel`), and everything in a layer outside loops.

    Args:
        trace: a trace that kept everything.
        scope: the scope of a cell or another layer, or its path.
        t: the position, counted as the input is.

    Raises:
        UnknownPathError: no layer of the plan stands there, or it has no such position.

    >>> from graphengine import Graph, Plan, ops
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph(dtype="float64").placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(LSTMCell(2), x, over="time")
    >>> found = readings(Plan(ops.sum(outputs)).trace({x: np.ones((1, 4, 3))}), "rnn", 2)
    >>> list(found)[:9]
    ['f', 'i', 'cproj', 'o', 'c', 'h', 'DHt', 'dht(ext)', 'dht(int)']
    >>> bool(np.allclose(found["DHt"], found["dht(ext)"] + found["dht(int)"])), found["DHX"].shape
    (True, (1, 5))
    """
    place = Place(trace, find(trace, scope) if isinstance(scope, str) else scope)
    if t is not None and place.loop is None:
        raise errors.UnknownPathError(
            f"{place.scope.path} lives outside loops, so it has no position {t}{errors.here()}"
        )
    return values(place, t) | gradients(place, t)


def values(place: Place, t: int | None) -> dict[str, Array]:
    """Return what a layer computed, by name: its parameters, or its gates and states at a step."""
    return _read(place, t, ("value",))


def gradients(place: Place, t: int | None) -> dict[str, Array]:
    """Return the gradients of what a layer computed, by the article's names."""
    return _read(place, t, [kind for kind in KINDS if kind != "value"])


def find(trace: Trace, path: str) -> Scope:
    """Return the scope of the layer that stands at a path: the cell, where there is one.

    Raises:
        UnknownPathError: there is none.
    """
    busy = {node.scope for node in trace.plan.nodes}
    found = [scope for scope in trace.graph.scopes if scope.path == path and scope in busy]
    if not found:
        raise errors.UnknownPathError(f"no layer stands at {path!r}{errors.here()}")
    return next((scope for scope in found if scope.role == "cell"), found[-1])


def _read(place: Place, t: int | None, kinds: Collection[str]) -> dict[str, Array]:
    found = {}
    for row in rows(place):
        if row.kind in kinds:
            array = READ[row.kind](place, row.of, t)
            if array is not None:
                found[row.name] = array
    return found


def rows(place: Place) -> list[Reading]:
    """Return what can be read at a place: the article's names where they fit, others made like them."""
    gates = [name.removesuffix("_pre") for name in place.named if name.endswith("_pre")]
    shown = dict.fromkeys([*(gate for gate in gates if gate in place.named), *place.after])
    made = [Reading(name, "value", name) for name in (*place.parameters, *shown)]
    made += ARTICLE if place.before else ()
    for name in reversed(place.after):
        made += [Reading(f"D{_capital(name)}t" if place.before else f"D{name}", "gradient", name)]
    for name in place.said:
        made += [Reading(f"d{name}t({part})", kind, name) for part, kind in (("ext", "depth"), ("int", "time"))]
    for gate in gates:
        made += [Reading(f"D{_capital(gate)}{'_pre' if gate in place.after else 't'}", "gradient", f"{gate}_pre")]
    made += [Reading(f"D{name}_next", "before", name) for name in place.before]
    made += [Reading(f"D{name}", "parameter", name) for name in place.parameters]
    first: dict[tuple[str, str], Reading] = {}
    for row in made:
        first.setdefault((row.kind, row.of), row)
    return [row for group in GROUPS for row in first.values() if row.kind in group]


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _pair(place: Place, of: str, t: int | None) -> Array | None:
    dx, dh = place.handed_to_input(t), place.handed_back(of, t)
    if dx is None or dh is None or dx.shape[:-1] != dh.shape[:-1]:
        return None
    return np.concatenate([dx, dh], axis=-1)


READ: dict[str, Callable[[Place, str, int | None], Array | None]] = {
    "value": lambda place, of, t: place.value(of, t),
    "gradient": lambda place, of, t: place.gradient(of, t),
    "depth": lambda place, of, t: place.share(of, t, 0),
    "time": lambda place, of, t: place.share(of, t, 1),
    "pair": _pair,
    "input": lambda place, of, t: place.handed_to_input(t),
    "before": lambda place, of, t: place.handed_back(of, t),
    "parameter": lambda place, of, t: place.gradient(of, t),
}
