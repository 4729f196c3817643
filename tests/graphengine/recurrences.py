"""Random recurrences of joins and sums of products: what merging and living inside a joined array have to get right."""

import numpy as np

from graphengine import Graph, Loop, Parameter, ops


def recurrence(seed):
    """Draw a loop in which values are used twice and in every order; returns its input, a target and what it stacks."""
    rng = np.random.default_rng(seed)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    weights = [Parameter(f"W{k}", rng.standard_normal((2, 2)) / 2) for k in range(3)]
    bias = Parameter("b", rng.standard_normal(2))
    with Loop("time", reverse=bool(rng.integers(2))) as loop:
        delays = [loop.delay(g.fill(("batch", 2), 0.3), name=f"d{k}") for k in range(rng.integers(1, 4))]
        pool = [loop.slice(x), *delays]

        def one():
            return pool[rng.integers(len(pool))]

        def product():
            return one() @ g.tensor(weights[rng.integers(3)])

        makers = [
            lambda: ops.tanh(product() + product() + g.tensor(bias)),
            lambda: product() + one(),
            lambda: ops.concat([one(), one()])[:, 1:3],
            lambda: ops.sigmoid(ops.concat([one(), one(), one()]))[:, ::3],
            lambda: ops.split(ops.concat([one(), one()]), 2)[rng.integers(2)] * 0.9,
            lambda: ops.sum(ops.stack([one(), one()]), 0) * 0.5,
            lambda: ops.tanh(one() - one()) * one(),
            lambda: ops.concat([one(), ops.concat([one(), one()]), ops.tanh(one())])[:, 2:8:3],
        ]
        enough = len(pool) + rng.integers(3, 12)
        while len(pool) < enough:
            pool.append(makers[rng.integers(len(makers))]())
        for delay in delays:
            loop.feed(delay, one() if rng.random() < 0.3 else ops.tanh(pool[-1]))
    outputs = [loop.stack(one()), loop.stack(one()), loop.last(one())]
    return x, ops.sum(x) + sum(ops.sum(each * each) for each in outputs), outputs
