"""A small model to misuse, and what the tests of errors expect of every refusal."""

import inspect

import numpy as np

from graphengine import Graph, Plan, ops
from graphengine.errors import GraphError
from layers import Dense, GRUCell, LSTMCell, dynamic_rnn, softmax_cross_entropy


class refused:
    """Expect an error with these fragments, in this order, that ends with the line of this file at fault.

    The line is that of the statement inside, or `at` when a run stumbles over what was built earlier.
    """

    def __init__(self, kind, *fragments, at=None):
        self.kind, self.fragments, self.at = kind, fragments, at

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        assert problem is not None, f"no {self.kind.__name__}"
        if not isinstance(problem, self.kind):
            return False
        text, place = str(problem), 0
        assert isinstance(problem, GraphError)
        for fragment in self.fragments:
            assert fragment in text[place:], f"{fragment!r} is not in {text[place:]!r}"
            place = text.index(fragment, place) + len(fragment)
        where = f'\n  File "{trace.tb_frame.f_code.co_filename}", line {self.at or trace.tb_lineno}'
        assert text.endswith(where), f"{text!r} does not end with {where!r}"
        assert text.count("\n  File ") == 1
        self.text = text
        return True


def here():
    """The line this is called from."""
    return inspect.currentframe().f_back.f_lineno


class World:
    """A small model with a sequence, labels and a trained-ready plan."""

    def __init__(self, dtype="float64"):
        self.g = Graph("world", dtype=dtype, seed=1)
        self.x = self.g.placeholder("x", ("batch", "time", 3))
        self.y = self.g.placeholder("y", ("batch",), dtype="int64")
        self.cell = LSTMCell(4)
        self.outputs, self.state = dynamic_rnn(self.cell, self.x, over="time")
        self.loss = softmax_cross_entropy(Dense(5)(self.state.h), self.y)
        self.plan = Plan(self.loss)
        self.feeds = {self.x: np.ones((2, 6, 3), dtype), self.y: [1, 2]}
        self.before = self.numbers()

    def numbers(self):
        run = self.plan.run(self.feeds)
        return [run[self.loss], *run.gradients.values()]

    def still_works(self):
        """The old plan gives what it gave, and new nodes go into the graph, inside and outside loops."""
        assert all(map(np.array_equal, self.numbers(), self.before))
        outputs, _ = dynamic_rnn(GRUCell(2), self.x, over="time")
        loss = ops.mean(outputs) + self.loss
        run = Plan(loss).run(self.feeds)
        assert np.isfinite(run[loss])
        assert self.g.current_scope is self.g.root
