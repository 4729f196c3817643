"""Debugging: what `debug=True` and `backpassdebug=True` do.

They mark a layer's scope as watched. Every run then also traces, and what the trace holds for the layer, and for the
cells inside it, is logged under the article's names. The cells know nothing of it.

    logging.basicConfig(level=logging.INFO)

shows it. A record carries the same as data: `quantity`, `t`, `path` and `value`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from graphengine import Scope, Trace
from graphengine.scope import Watcher
from graphengine.spec import Array
from layers import readings
from layers.place import Place, inside

LOGGER = logging.getLogger("layers.debug")


def watchers(debug: bool, backpassdebug: bool) -> tuple[Watcher, ...]:
    """Return the watchers of a layer's scope."""
    return (log_values,) * debug + (log_gradients,) * backpassdebug


def log_values(trace: Trace, scope: Scope) -> None:
    """Log parameters, then step by step, from the lowest layer up, what every gate and state was."""
    if LOGGER.isEnabledFor(logging.INFO):
        places = inside(trace, scope)
        _log(places, (None,), readings.values)
        for loop in dict.fromkeys(place.loop for place in places if place.loop is not None):
            _log([place for place in places if place.loop is loop], trace.positions(loop), readings.values)


def log_gradients(trace: Trace, scope: Scope) -> None:
    """Log step by step, from the last one back and from the top layer down, every gradient; then the parameters'."""
    if LOGGER.isEnabledFor(logging.INFO):
        places = inside(trace, scope)[::-1]
        for loop in dict.fromkeys(place.loop for place in places if place.loop is not None):
            members = [place for place in places if place.loop is loop]
            _log(members, reversed(trace.positions(loop)), readings.gradients)
        _log(places, (None,), readings.gradients)


def _log(
    places: Iterable[Place], positions: Iterable[int | None], read: Callable[[Place, int | None], dict[str, Array]]
) -> None:
    for t in positions:
        for place in places:
            for quantity, value in read(place, t).items():
                _record(place.scope, t, quantity, value)


def _record(scope: Scope, t: int | None, quantity: str, value: Array) -> None:
    step = scope.nearest("time") if t is None else None
    position = t if step is None else step.index
    at = "" if position is None else f" t={position}"
    data = {"quantity": quantity, "t": position, "path": scope.path, "value": value}
    LOGGER.info("%s%s %s =\n%s", scope.path, at, quantity, value, extra=data)
