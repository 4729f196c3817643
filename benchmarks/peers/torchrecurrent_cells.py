"""torchrecurrent's cells of the same names, step by step in Python, which is how it runs them."""

from __future__ import annotations

from benchmarks import threads
from benchmarks.case import Case
from benchmarks.peer import Peer, Step, Stopwatch
from benchmarks.peers.torch_cells import looped
from benchmarks.peers.torch_nn import torch_step
from benchmarks.problem import Problem


class TorchRecurrent(Peer):
    """Its weights are its own: it is timed, and what it computes is compared in the tests of the zoo."""

    name = "torchrecurrent"
    needs = ("torch", "torchrecurrent")
    kinds = (None,)
    stacks = False
    not_compared = "it has weights of its own"

    def supports(self, case: Case) -> bool:
        return super().supports(case) and not self.missing() and self._cell(case) is not None

    def _cell(self, case: Case):
        import torchrecurrent

        return getattr(torchrecurrent, case.cell, None)

    def build(self, problem: Problem) -> Step:
        import torch

        torch.set_num_threads(threads.pinned())
        case = problem.case
        watch = Stopwatch()
        cell = self._cell(case)(case.inputs, case.hidden, dtype=getattr(torch, case.dtype))
        watch.lap("module")
        return torch_step(problem, cell, lambda x: torch.stack(looped(cell, x.unbind(0))), watch.stages, None)
