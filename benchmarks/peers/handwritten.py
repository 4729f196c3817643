"""The hand-written NumPy step: the same equations, nothing general."""

from __future__ import annotations

from time import perf_counter

from benchmarks.case import Case
from benchmarks.handwritten import Network
from benchmarks.handwritten.network import CELLS
from benchmarks.peer import Peer, Step, Stopwatch
from benchmarks.problem import Problem


class Handwritten(Peer):
    """The quicker of its two routes on this machine, as whoever writes by hand would keep."""

    name = "hand-written"
    kinds = ("lstm", "gru", "rnn", None)

    def supports(self, case: Case) -> bool:
        return super().supports(case) and case.cell in CELLS

    def build(self, problem: Problem) -> Step:
        route = min(("exp", "tanh"), key=lambda each: _seconds(Network(problem, each)))
        watch = Stopwatch()
        network = Network(problem, route)
        watch.lap("bind")
        return Step(network.run, lambda _: network.results(), watch.stages)


def _seconds(network: Network) -> float:
    """The shortest of some runs."""
    network.run()
    found = []
    for _ in range(5):
        start = perf_counter()
        network.run()
        found.append(perf_counter() - start)
    return min(found)
