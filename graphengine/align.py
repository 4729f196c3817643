"""Align: let ops that were written for one step work on the values of all steps at once.

A stacked value is `[time, ...]`. Where the inputs of an op have unlike batch ranks, the signature tells where the batch
axes end, and 1-axes go in between time and the step's own axes. Without that, `[T] * [T, B, H]` with T = H has the
right shape and wrong numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphengine.graph import Node
from graphengine.spec import Array


@dataclass(frozen=True)
class Alignment:
    """How many 1-axes each input of a node needs behind the time axis; None for inputs without one."""

    gaps: tuple[int | None, ...]

    @staticmethod
    def of(node: Node) -> Alignment:
        """Read the ranks off the signature."""
        cores, _ = node.op.core(len(node.inputs))
        ranks = [tensor.spec.rank - len(core) for tensor, core in zip(node.inputs, cores, strict=True)]
        widest = max(ranks, default=0)
        return Alignment(
            tuple(
                None if tensor.loop is None else widest - rank
                for tensor, rank in zip(node.inputs, ranks, strict=True)
            )
        )

    def widen(self, i: int, x: Array, extra: int = 0) -> Array:
        """Put the 1-axes of input `i` in; its gradient carries `extra` axes in front."""
        gap = self.gaps[i]
        return x[(*(slice(None),) * (extra + 1), *(None,) * gap)] if gap else x

    def narrow(self, i: int, gradient: Array, extra: int) -> Array:
        """Take the 1-axes of input `i` out of its gradient, which carries `extra` axes in front."""
        gap = self.gaps[i]
        if not gap:
            return gradient
        shape = gradient.shape
        return gradient.reshape(shape[: extra + 1] + shape[extra + 1 + gap :])
