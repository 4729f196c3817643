"""`torch.compile` of a Python loop of PyTorch's cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case
from benchmarks.peers.torch_cells import TorchCells


class TorchCompile(TorchCells):
    """The loop is unrolled while it is compiled, so a thousand steps are beyond it."""

    name = "torch.compile"
    costly = True
    longest = 100

    def supports(self, case: Case) -> bool:
        return super().supports(case) and case.steps <= self.longest

    def compiled(self, network: Callable[[Any], Any]) -> Callable[[Any], Any]:
        import torch

        return torch.compile(network)
