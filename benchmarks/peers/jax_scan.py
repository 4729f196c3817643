"""JAX: the equations under `lax.scan`, compiled by `jit`."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.equations import Framework, State, StepFunction, network
from benchmarks.peer import Peer, Results, Step, Stopwatch
from benchmarks.problem import Problem


class Jax(Peer):
    """Arrays stay on the device; only what `run` returns is waited for."""

    name = "JAX jit"
    needs = ("jax",)

    def build(self, problem: Problem) -> Step:
        import jax

        jax.config.update("jax_enable_x64", True)
        case = problem.case
        watch = Stopwatch()
        framework = _framework(case.batch, case.hidden)
        x, dy, weights = jax.device_put((problem.x, problem.dy, dict(problem.weights)))

        def infer(x: Any, weights: Any, dy: Any) -> Any:
            return network(framework, case, x, weights), ()

        def train(x: Any, weights: Any, dy: Any) -> Any:
            y, pull = jax.vjp(lambda x, weights: network(framework, case, x, weights), x, weights)
            return y, pull(dy)

        lowered = jax.jit(train if case.training else infer).lower(x, weights, dy)
        watch.lap("trace")
        compiled = lowered.compile()
        watch.lap("compile")

        def read(results: Any) -> Results:
            y, gradients = results
            found = {"y": y}
            if gradients:
                found |= {"dx": gradients[0]} | gradients[1]
            return {name: np.asarray(value) for name, value in found.items()}

        return Step(lambda: jax.block_until_ready(compiled(x, weights, dy)), read, watch.stages)


def _framework(batch: int, hidden: int) -> Framework:
    import jax
    import jax.numpy as jnp

    def scan(step: StepFunction, wx: Any, states: int, reverse: bool) -> Any:
        def body(state: State, wx_t: Any) -> tuple[State, Any]:
            after = step(wx_t, state)
            return after, after[0]

        zeros = (jnp.zeros((batch, hidden), wx.dtype),) * states
        return jax.lax.scan(body, zeros, wx, reverse=reverse)[1]

    return Framework(jnp.tanh, jax.nn.sigmoid, scan, lambda sides: jnp.concatenate(sides, -1))
