"""PyTorch's own LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import threads
from benchmarks.case import Case
from benchmarks.peer import Peer, Results, Step, Stopwatch
from benchmarks.problem import Problem
from graphengine.spec import Array
from layers import weights


class Torch(Peer):
    """`torch.nn.LSTM` and its sisters, compiled C++ over MKL and oneDNN."""

    name = "torch"
    needs = ("torch",)

    def build(self, problem: Problem) -> Step:
        import torch

        torch.set_num_threads(threads.pinned())
        watch = Stopwatch()
        case = problem.case
        module_type = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[case.kind]
        module = module_type(
            case.inputs, case.hidden, case.layers, bidirectional=case.bidirectional, dtype=getattr(torch, case.dtype)
        )
        watch.lap("module")
        load(module, problem)
        return torch_step(problem, module, lambda x: module(x)[0], watch.stages, gradients_by_our_names)


def load(module: Any, problem: Problem) -> None:
    """Give a module the weights of a problem, by PyTorch's names."""
    import torch

    state = {}
    for place in problem.case.places:
        state |= weights.to_torch(
            problem.of(place.prefix), problem.case.kind, layer=place.layer, reverse=place.reverse, **_unshifted(problem)
        )
    module.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})


def gradients_by_our_names(case: Case, found: Mapping[str, Array]) -> dict[str, Array]:
    """Turn gradients by PyTorch's names into ours.

    Its two biases add up, so each has the gradient of the sum; a converter of weights would add these. Only a GRU's
    b_hn is a parameter of its own.
    """
    found = {name: value.copy() for name, value in found.items()}
    for name, value in found.items():
        if name.startswith("bias_hh"):
            value[: 2 * case.hidden if case.kind == "gru" else None] = 0
    ours = {}
    for place in case.places:
        own = weights.from_torch(
            found, case.kind, layer=place.layer, reverse=place.reverse, **_unshifted(case)
        )
        ours |= {place.prefix + name: value for name, value in own.items()}
    return ours


def torch_step(
    problem: Problem,
    module: Any,
    network: Callable[[Any], Any],
    stages: Mapping[str, float],
    rename: Callable[[Case, Mapping[str, Array]], dict[str, Array]] | None,
) -> Step:
    """Return the step of a function of PyTorch's over a module's parameters."""
    import torch

    case = problem.case
    x = torch.from_numpy(problem.x).requires_grad_(case.training)
    dy = torch.from_numpy(problem.dy)
    names, parameters = zip(*module.named_parameters(), strict=True)

    def train() -> Any:
        y = network(x)
        return y, torch.autograd.grad(y, (x, *parameters), dy)

    def infer() -> Any:
        with torch.inference_mode():
            return network(x), ()

    def read(results: Any) -> Results:
        y, gradients = results
        found = {"y": y.detach().numpy()}
        if gradients and rename is not None:
            dx, *rest = (each.numpy() for each in gradients)
            found |= {"dx": dx} | rename(case, dict(zip(names, rest, strict=True)))
        return found

    return Step(train if case.training else infer, read if rename is not None else None, stages)


def _unshifted(case: Case | Problem) -> dict[str, float]:
    """What the converters of weights are told of an LSTM: that no forget bias is added."""
    kind = case.case.kind if isinstance(case, Problem) else case.kind
    return {"forget_bias": 0.0} if kind == "lstm" else {}
