"""Explaining: finding, in a trace, where a value and its gradient come from.

The equations are those that the ops declare, and the numbers those of the trace; nothing is worked out a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graphengine import errors
from graphengine.border import Delay, LastStep
from graphengine.explanation import Contribution, Explanation, Input
from graphengine.node import Node, Tensor
from graphengine.passes.active import active
from graphengine.spec import Array
from graphengine.spelling import norm

if TYPE_CHECKING:
    from graphengine.trace import Trace


def explain(trace: Trace, tensor: Tensor, t: int | None, seed: Array | None) -> Explanation:
    """Explain a value of a trace; `seed` is the gradient that enters it from outside, if it is a target.

    Raises:
        UnknownPathError: there is no such position, or the trace did not keep what this takes.
    """
    if trace.norms_only:
        raise errors.UnknownPathError(
            f"{tensor.path}: explanations are made of whole values, and this trace keeps only norms (norms_only=)"
            f"{errors.here()}"
        )
    if tensor.loop is not None and t is None:
        raise errors.UnknownPathError(f"{tensor.path}: say at which position t{errors.here()}")
    value = trace.value(tensor, t)
    if tensor.loop is not None and t is not None:
        t %= trace.context.steps(tensor.loop)
    inputs = tuple(_inputs(trace, tensor.node, t))
    if not trace.carries(tensor):
        return Explanation(tensor, t, value, inputs, None, (), _why_not(trace, tensor))
    parts = tuple(_contributions(trace, tensor, t))
    entering = () if seed is None else (Contribution(None, 0, (), seed, (norm(seed),)),)
    return Explanation(tensor, t, value, inputs, trace.grad(tensor, t), entering + parts)


def _inputs(trace: Trace, node: Node, t: int | None) -> Iterator[Input]:
    """What a node made its value from; of a delay, the one that it handed on."""
    sources, before = node.sources, t
    if isinstance(node.op, Delay) and node.loop is not None and t is not None:
        steps = trace.positions(node.loop)
        k = steps.index(t)
        sources, before = (node.sources[1:], steps[k - 1]) if k else (node.inputs, None)
    for tensor in dict.fromkeys(sources):
        at = before if tensor.loop is not None else None
        if isinstance(node.op, LastStep) and tensor.loop is not None:
            at = trace.positions(tensor.loop)[-1]
        yield Input(tensor, at, trace.value(tensor, at))


def _contributions(trace: Trace, tensor: Tensor, t: int | None) -> Iterator[Contribution]:
    """What its uses add to the gradient of a value."""
    for node, i in trace.readers.get(tensor, ()):
        positions = _positions(trace, node, i, t) if trace.edge_carries(node, i) else ()
        if not positions:
            continue
        total = trace.contribution(node, i, positions[0])
        norms = [norm(total)]
        for position in positions[1:]:
            part = trace.contribution(node, i, position)
            total += part
            norms.append(norm(part))
        shown = tuple(each for each in positions if each is not None and node.loop is not None)
        yield Contribution(node, i, shown, total, tuple(norms))


def _positions(trace: Trace, node: Node, i: int, t: int | None) -> Sequence[int | None]:
    """The positions at which a node hands a gradient back to what its source `i` is at `t`."""
    loop = node.sources[i].loop
    if node.loop is None:
        early = isinstance(node.op, LastStep) and loop is not None and t != trace.positions(loop)[-1]
        return () if early else (t,)
    steps = trace.positions(node.loop)
    if isinstance(node.op, Delay) and loop is None:
        return steps[1:] if i else steps[:1]
    if isinstance(node.op, Delay) and t is not None:
        return steps[steps.index(t) + 1 :][:1]
    return steps if loop is None else (t,)


def _why_not(trace: Trace, tensor: Tensor) -> str:
    """Say why a value has no gradient."""
    if not tensor.spec.floating:
        return f"only floats have one, and this is {tensor.dtype}"
    if not trace.seeded:
        return "the trace was made without any, or its plan differentiates nothing"
    if tensor in active(trace.plan.nodes, trace.plan.targets, [tensor]):
        return "nothing that the plan differentiates leads here (name what should be in wrt=)"
    return "it leads to no target by ops that hand a gradient on"
