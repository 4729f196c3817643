"""Timing: several things in alternation, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

SAMPLE = 0.002
"""Seconds that a sample should last at least; quicker things are run several times in it."""

FEWEST, MOST = 5, 400


@dataclass(frozen=True)
class Timing:
    """Seconds per run: of every sample by the clock, and of the processor's work in all threads."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median by the clock."""
        return median(self.wall)

    @property
    def minimum(self) -> float:
        """The shortest by the clock."""
        return min(self.wall)

    @property
    def processor(self) -> float:
        """The median of the processor's time: more than the clock's where several threads work."""
        return median(self.cpu)

    def __add__(self, other: Timing) -> Timing:
        return Timing(self.wall + other.wall, self.cpu + other.cpu)


def measure(things: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Timing]:
    """Return the times of things that are run in alternation.

    Args:
        things: functions without arguments, warmed up here.
        seconds: about how long each may be measured; something that takes longer is still run once.
    """
    inner, samples = {}, {}
    for name, thing in things.items():
        estimate = _warm(thing, seconds)
        inner[name] = max(1, round(SAMPLE / estimate))
        fits = int(seconds / (estimate * inner[name]))
        samples[name] = min(max(fits, FEWEST if estimate * FEWEST < 2 * seconds else 1), MOST)
    wall: dict[str, list[float]] = {name: [] for name in things}
    cpu: dict[str, list[float]] = {name: [] for name in things}
    rounds = max(samples.values(), default=0)
    with _no_collections():
        for turn in range(rounds):
            for name, thing in things.items():
                if _takes_part(turn, samples[name], rounds):
                    clock, processor = _sample(thing, inner[name])
                    wall[name].append(clock)
                    cpu[name].append(processor)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name])) for name in things}


def _warm(thing: Callable[[], Any], seconds: float) -> float:
    """Run something until it has settled; returns the shortest time."""
    shortest = float("inf")
    spent = 0.0
    for _ in range(20):
        clock, _ = _sample(thing, 1)
        shortest = min(shortest, clock)
        spent += clock
        if spent > seconds / 5:
            break
    return max(shortest, 1e-7)


def _takes_part(turn: int, samples: int, rounds: int) -> bool:
    """Spread the samples of something slow evenly over all rounds."""
    return (turn + 1) * samples // rounds > turn * samples // rounds


def _sample(thing: Callable[[], Any], count: int) -> tuple[float, float]:
    processor, clock = process_time(), perf_counter()
    for _ in range(count):
        thing()
    clock, processor = perf_counter() - clock, process_time() - processor
    return clock / count, processor / count


@contextmanager
def _no_collections():
    """Keep Python's collector of cycles from running inside a sample."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
