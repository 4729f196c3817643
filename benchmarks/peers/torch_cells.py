"""A Python loop of PyTorch's cells: what a cell costs there that has no compiled layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import threads
from benchmarks.case import Case
from benchmarks.peer import Peer, Step, Stopwatch
from benchmarks.peers.torch_nn import gradients_by_our_names, load, torch_step
from benchmarks.problem import Problem


class TorchCells(Peer):
    """`torch.nn.LSTMCell` and its sisters, step by step."""

    name = "torch cells"
    needs = ("torch",)

    def build(self, problem: Problem) -> Step:
        import torch

        torch.set_num_threads(threads.pinned())
        watch = Stopwatch()
        case = problem.case
        cells = torch.nn.ModuleList(cell_of(case, place.inputs) for place in case.places)
        # The same parameters by the names of torch.nn.LSTM, so that its weights and gradients are read alike.
        named = torch.nn.Module()
        for place, cell in zip(case.places, cells, strict=True):
            for name, parameter in cell.named_parameters():
                named.register_parameter(f"{name}_l{place.layer}{'_reverse' if place.reverse else ''}", parameter)
        load(named, problem)
        watch.lap("module")
        network = self.compiled(lambda x: stacked(case, cells, x))
        return torch_step(problem, named, network, watch.stages, gradients_by_our_names)

    def compiled(self, network: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the function that is run."""
        return network


def cell_of(case: Case, inputs: int) -> Any:
    """Return one cell."""
    import torch

    kinds = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}
    return kinds[case.kind](inputs, case.hidden, dtype=getattr(torch, case.dtype))


def stacked(case: Case, cells: Any, x: Any) -> Any:
    """Run the cells of a case over time, layer by layer."""
    import torch

    for layer in range(case.layers):
        sides = []
        for direction in range(case.directions):
            cell = cells[layer * case.directions + direction]
            steps = x.unbind(0)
            outputs = looped(cell, steps[::-1] if direction else steps)
            sides.append(torch.stack(outputs[::-1] if direction else outputs))
        x = torch.cat(sides, -1) if len(sides) > 1 else sides[0]
    return x


def looped(cell: Any, steps: Any) -> list[Any]:
    """Run one cell over steps; returns its outputs. A cell returns its state, the output first."""
    state = None
    found = []
    for x in steps:
        state = cell(x, state)
        found.append(state[0] if isinstance(state, tuple) else state)
    return found
