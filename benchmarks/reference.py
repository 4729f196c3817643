"""The reference: what a case's results are, in float64."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.model import Model
from benchmarks.peer import Results
from benchmarks.peers.torch_nn import Torch
from benchmarks.problem import Problem
from graphengine import Plan


def reference(problem: Problem) -> tuple[Results, str]:
    """Return the results and where they come from: PyTorch where it has the cell, else our trace, run as written."""
    wide = problem.in_float64()
    torch = Torch()
    if torch.supports(wide.case) and not torch.missing():
        step = torch.build(wide)
        assert step.read is not None
        return step.read(step.run()), "torch float64"
    return traced(wide), "our trace in float64"


def traced(problem: Problem) -> Results:
    """Return the results of the graph as written."""
    case = problem.case
    model = Model(replace(case, dtype="float64"))
    for name, value in problem.weights.items():
        model.parameters[name].assign(value)
    plan = Plan(model.outputs, wrt=[*model.parameters.values(), model.x] if case.training else [])
    seeds = {model.outputs: problem.dy} if case.training else None
    trace = plan.trace({model.x: problem.x}, seeds=seeds, gradients=case.training, budget=2**33)
    found = {"y": trace.value(model.outputs)}
    if case.training:
        found["dx"] = trace.grad(model.x)
        found |= {name: trace.grad(parameter) for name, parameter in model.parameters.items()}
    return found
