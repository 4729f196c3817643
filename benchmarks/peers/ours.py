"""Ours: a graph, compiled once into a plan."""

from __future__ import annotations

from benchmarks.model import Model
from benchmarks.peer import Peer, Results, Step, Stopwatch
from benchmarks.problem import Problem
from benchmarks.threads import pinned
from graphengine import Plan
from graphengine.run import Run


class Ours(Peer):
    """`plan.run` as a user calls it: feeds are checked, results are arrays of the run's own.

    Where several threads are allowed, both directions run side by side; one direction leaves them to the BLAS.
    """

    name = "ours"
    kinds = ("lstm", "gru", "rnn", None)

    def build(self, problem: Problem) -> Step:
        case = problem.case
        watch = Stopwatch()
        model = Model(case)
        watch.lap("graph")
        wrt = [*model.parameters.values(), model.x] if case.training else []
        plan = Plan(model.outputs, wrt=wrt, threads=pinned() if case.bidirectional else 1)
        watch.lap("plan")
        for name, value in problem.weights.items():
            model.parameters[name].assign(value)
        feeds = {model.x: problem.x}
        seeds = {model.outputs: problem.dy}

        def run() -> Run:
            return plan.run(feeds, seeds=seeds) if case.training else plan.run(feeds, gradients=False)

        def read(run: Run) -> Results:
            found = {"y": run[model.outputs]}
            if case.training:
                found["dx"] = run.grad(model.x)
                found |= {name: run.grad(parameter) for name, parameter in model.parameters.items()}
            return found

        return Step(run, read, watch.stages)
