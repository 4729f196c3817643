"""PyTensor: the equations under `scan`, differentiated symbolically and compiled in its default mode."""

from __future__ import annotations

from typing import Any

from benchmarks.case import Case
from benchmarks.equations import Framework, StepFunction, network
from benchmarks.peer import Peer, Results, Step, Stopwatch
from benchmarks.problem import Problem


class PyTensor(Peer):
    """Weights are shared variables."""

    name = "PyTensor"
    needs = ("pytensor",)
    costly = True

    def build(self, problem: Problem) -> Step:
        import pytensor
        import pytensor.tensor as pt

        case = problem.case
        watch = Stopwatch()
        x, dy = (
            pt.tensor(name, dtype=case.dtype, shape=array.shape) for name, array in (("x", problem.x), ("dy", problem.dy))
        )
        weights = {name: pytensor.shared(value, name) for name, value in problem.weights.items()}
        y = network(_framework(case), case, x, weights)
        names = ["dx", *weights]
        gradients = pytensor.grad((y * dy).sum(), [x, *weights.values()]) if case.training else []
        watch.lap("graph")
        function = pytensor.function([x, dy] if case.training else [x], [y, *gradients])
        watch.lap("compile")
        feeds = (problem.x, problem.dy) if case.training else (problem.x,)

        def read(results: Any) -> Results:
            y, *gradients = results
            return {"y": y} | dict(zip(names, gradients, strict=False))

        return Step(lambda: function(*feeds), read, watch.stages)


def _framework(case: Case) -> Framework:
    import pytensor
    import pytensor.tensor as pt

    def scan(step: StepFunction, wx: Any, states: int, reverse: bool) -> Any:
        zeros = [pt.zeros((case.batch, case.hidden), dtype=case.dtype)] * states
        found = pytensor.scan(
            lambda wx_t, *state: list(step(wx_t, state)),
            sequences=[wx],
            outputs_info=zeros,
            go_backwards=reverse,
            return_updates=False,
        )
        outputs = found[0] if states > 1 else found
        return outputs[::-1] if reverse else outputs

    return Framework(pt.tanh, pt.sigmoid, scan, lambda sides: pt.concatenate(sides, axis=-1))
