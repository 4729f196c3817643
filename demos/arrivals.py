"""How a gradient arrives: what each use of a value sends back to it."""

from __future__ import annotations

from graphengine import Tensor, Trace
from graphengine.loop import Delay
from graphengine.spec import Array


def arrivals(trace: Trace, tensor: Tensor, t: int) -> dict[str, Array]:
    """Return the parts that a value's gradient at position `t` is the sum of, by the path of what sends each of them.

    A delay sends back from the step after; what stands outside the loop (`last`, `outputs`) sends to the step itself.
    """
    assert tensor.loop is not None
    positions = trace.positions(tensor.loop)
    place = positions.index(t)
    found: dict[str, Array] = {}
    for node in trace.plan.nodes:
        for i, source in enumerate(node.sources):
            if source is not tensor or not trace.edge_carries(node, i):
                continue
            later = isinstance(node.op, Delay) and i == len(node.inputs)
            if later and place + 1 == len(positions):
                continue
            part = trace.contribution(node, i, positions[place + 1] if later else t)
            found[node.path] = found[node.path] + part if node.path in found else part
    return found
