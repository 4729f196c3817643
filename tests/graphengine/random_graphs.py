"""Random computations with loops: what no one thought of writing down as a case.

A step draws ops over a pool of values of every rank, feeds delays with whatever fits, and stacks or keeps the last of
some; a second loop may read the first. Sizes may all be equal, where operands of unlike rank are easiest to confuse.
"""

import numpy as np

from graphengine import Graph, Loop, Parameter, ops

H = 3
SHAPES = [(), ("batch",), (H,), ("batch", H), ("batch", H, H), (1, H), ("batch", 1)]


class RandomGraph:
    """One graph drawn from a seed: `targets` to differentiate, `feeds` for given sizes."""

    def __init__(self, seed, size=14):
        self.rng = np.random.default_rng(seed)
        self.g = Graph("random", dtype="float64")
        self.placeholders = []
        self.targets = []
        outer = [self.given(shape) for shape in self.some(SHAPES, 3)]
        outer += [self.g.tensor(self.parameter((H,))), self.g.tensor(self.parameter((H, H)))]
        self.grow(outer, 3)
        for over in self.some(["time", "time", "steps"], self.rng.integers(1, 3)):
            outer += self.loop(over, outer, size)
        self.grow(outer, 3)
        self.targets = outer[-6:]
        self.sizes = {"time": 0, "steps": 0}

    def some(self, options, count):
        return [options[self.rng.integers(len(options))] for _ in range(count)]

    def one(self, options):
        return options[self.rng.integers(len(options))]

    def given(self, shape):
        tensor = self.g.placeholder(f"x{len(self.placeholders)}", shape)
        self.placeholders.append(tensor)
        return tensor

    def parameter(self, shape):
        return Parameter("w", self.rng.standard_normal(shape) * 0.5)

    def loop(self, over, outer, size):
        sequences = [
            self.given((over, *shape) if self.rng.random() < 0.5 else (*shape, over)) for shape in self.some(SHAPES, 2)
        ]
        sequences += [tensor for tensor in outer if tensor.shape.count(over) == 1][:2]
        flat = [tensor for tensor in outer if over not in tensor.shape]
        with Loop(over, reverse=bool(self.rng.random() < 0.4)) as loop:
            pool = [loop.slice(tensor) for tensor in sequences]
            delays = [loop.delay(self.one(flat)) for _ in range(3)]
            pool += delays + [loop.delay(self.given(shape)) for shape in self.some(SHAPES, 2)]
            delays = pool[len(sequences) :]
            inner = list(pool)
            for _ in range(size):
                found = self.apply(inner, flat)
                inner += [tensor for tensor in found if tensor.loop is loop]
            for delay in delays:
                fitting = [tensor for tensor in inner[len(sequences) :] if tensor.spec == delay.spec]
                loop.feed(delay, self.one(fitting[-3:]))
            if self.rng.random() < 0.3:
                loop.until(ops.sum(ops.tanh(self.one(inner))) > 0.4)
        found = []
        for tensor in self.some(inner[len(sequences) :], 4):
            found.append(loop.last(tensor) if self.rng.random() < 0.3 else loop.stack(tensor, axis=0))
        return found

    def grow(self, pool, count):
        for _ in range(count):
            pool += self.apply(pool, pool)

    def apply(self, pool, others):
        """Apply a random op to a value of the pool and others, and keep the results within bounds."""
        a = self.one(pool)
        b = self.one(others) if self.rng.random() < 0.25 else self.one(pool)
        rank = len(a.shape)
        kind = self.rng.integers(12)
        if kind == 0 and rank:
            return [ops.sum(a, -1) * 0.3]
        if kind == 1 and rank:
            return [ops.mean(a, 0, keepdims=True)]
        if kind == 2 and rank and a.shape[-1] == H:
            return list(ops.split(a, (1, H - 1)))[:1]
        if kind == 3 and rank and a.shape[-1] == H:
            return [ops.concat([a[..., 1:], a[..., :1] * 0.5])]
        if kind == 4 and rank >= 2:
            return [ops.transpose(a, (*range(rank - 2), rank - 1, rank - 2))]
        if kind == 5 and rank and rank < 3:
            return [ops.expand_dims(a, -1)]
        if kind == 6 and rank and a.shape[-1] == 1:
            return [ops.squeeze(a, -1)]
        if kind == 7 and rank and a.shape[-1] == H:
            w = self.g.tensor(self.parameter((H, H)))
            product = ops.expand_dims(a, -2) @ w if rank == 1 else a @ w
            return [ops.tanh(ops.squeeze(product, -2) if rank == 1 else product)]
        if kind == 8 and rank and rank == len(b.shape) and rank >= 2 and a.shape[-1] == b.shape[-2]:
            try:
                return [ops.tanh(a @ b)]
            except ValueError:
                return [ops.tanh(a)]
        if kind == 9:
            return [ops.where(a > 0.1, a, ops.tanh(a) * 0.2)]
        try:
            return [self.one([ops.add, ops.multiply, ops.subtract, ops.maximum])(ops.tanh(a), ops.sigmoid(b))]
        except ValueError:
            return [ops.tanh(a)]

    def feeds(self, sizes, seed=0):
        rng = np.random.default_rng(seed)
        return {tensor: rng.standard_normal(tensor.spec.sized(sizes)) for tensor in self.placeholders}

    def seeds(self, targets, sizes, lead=(), seed=1):
        rng = np.random.default_rng(seed)
        return {tensor: rng.standard_normal((*lead, *tensor.spec.sized(sizes))) for tensor in targets}
