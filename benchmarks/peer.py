"""Peers: whatever computes a case. Each stands in a file of `benchmarks/peers` and is found by looking there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import perf_counter
from typing import Any, ClassVar, TypeAlias

from benchmarks.case import Case
from benchmarks.problem import Problem
from graphengine.spec import Array

Results: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Step:
    """One step of a case, ready to run.

    Attributes:
        run: computes it, everything that stays the same done before.
        read: turns what `run` returned into arrays by name: `y`, and for training `dx` and the gradients by the names
            of the weights. It is not timed. None where there is nothing to compare.
        stages: seconds that each part of making it ready took.
    """

    run: Callable[[], Any]
    read: Callable[[Any], Results] | None
    stages: Mapping[str, float] = field(default_factory=dict)


class Peer:
    """Something that computes cases.

    Declarations:
        name: what stands in tables.
        needs: the modules that must be installed.
        kinds: the kinds of cells that it has; None stands for cells that only we have.
        stacks: it runs several layers and both directions.
        trains: it computes gradients.
        dtypes: what it computes in.
        not_compared: why its results are not compared with the reference; empty if they are.
        costly: it compiles for so long that it runs only when asked for.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[str | None, ...]] = ("lstm", "gru", "rnn")
    stacks: ClassVar[bool] = True
    trains: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")
    not_compared: ClassVar[str] = ""
    costly: ClassVar[bool] = False

    def missing(self) -> list[str]:
        """The modules it needs that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]

    def supports(self, case: Case) -> bool:
        """Tell whether it can compute a case."""
        return (
            case.kind in self.kinds
            and case.dtype in self.dtypes
            and (self.stacks or case.form == "one")
            and (self.trains or not case.training)
        )

    def build(self, problem: Problem) -> Step:
        """Make a step ready to run."""
        raise NotImplementedError


class Stopwatch:
    """Takes the time of the stages of making a step ready.

    >>> watch = Stopwatch()
    >>> watch.lap("graph")
    >>> list(watch.stages)
    ['graph']
    """

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage."""
        now = perf_counter()
        self.stages[stage] = now - self._since
        self._since = now


def discover() -> dict[str, Peer]:
    """Return every peer by its name, whether installed or not."""
    from benchmarks import peers

    names = [f"{peers.__name__}.{each.name}" for each in pkgutil.iter_modules(peers.__path__)]
    modules = [importlib.import_module(name) for name in names]
    classes = {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Peer) and thing.__module__ == module.__name__
    }
    return {peer.name: peer() for peer in sorted(classes, key=lambda each: each.__module__)}
