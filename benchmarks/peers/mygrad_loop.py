"""MyGrad: the equations in a Python loop, recorded and differentiated by its tape in every run."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from benchmarks.equations import Framework, StepFunction, network
from benchmarks.peer import Peer, Results, Step
from benchmarks.problem import Problem


class MyGrad(Peer):
    """NumPy with an autograd."""

    name = "MyGrad"
    needs = ("mygrad",)

    def build(self, problem: Problem) -> Step:
        import mygrad

        case = problem.case
        framework = _framework(case.batch, case.hidden)
        x = mygrad.tensor(problem.x)
        weights = {name: mygrad.tensor(value) for name, value in problem.weights.items()}

        def run() -> Any:
            with nullcontext() if case.training else mygrad.no_autodiff:
                y = network(framework, case, x, weights)
                if case.training:
                    y.backward(problem.dy)
                return y

        def read(y: Any) -> Results:
            found = {"y": y.data}
            if case.training:
                found |= {"dx": x.grad} | {name: value.grad for name, value in weights.items()}
            return found

        return Step(run, read)


def _framework(batch: int, hidden: int) -> Framework:
    import mygrad
    from mygrad.nnet.activations import sigmoid

    def scan(step: StepFunction, wx: Any, states: int, reverse: bool) -> Any:
        state = tuple(mygrad.tensor(np.zeros((batch, hidden), wx.dtype)) for _ in range(states))
        outputs = []
        for t in range(len(wx))[:: -1 if reverse else 1]:
            state = step(wx[t], state)
            outputs.append(state[0])
        return mygrad.stack(outputs[::-1] if reverse else outputs)

    return Framework(mygrad.tanh, sigmoid, scan, lambda sides: mygrad.concatenate(sides, axis=-1))
