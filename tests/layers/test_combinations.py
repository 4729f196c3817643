"""Every cell of the zoo in every arrangement, whole or with unequal lengths: one table, the same properties for all."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Plan, check_gradients, ops
from graphengine.structure import leaves, map_structure
from layers import BiRNN, MultiRNNCell, discover, dynamic_rnn

FEATURES, STEPS = 3, 4
LENGTHS = np.array([4, 2, 0])
X = np.random.default_rng(1).standard_normal((3, STEPS, FEATURES))

# A cell of the zoo that has no row here stands in the table with its defaults.
OPTIONS = {
    "RNNCell": [{}, {"activation": "relu"}],
    "GRUCell": [{"reset": "after"}, {"reset": "before"}],
    "LSTMCell": [{}, {"use_bias": False, "forget_bias": 0.0}],
}
CELLS = {
    " ".join([name, *(f"{key}={value}" for key, value in options.items())]): (kind, options)
    for name, kind in discover().items()
    for options in OPTIONS.get(name, [{}])
}
MERGES = {
    "concat": lambda fw, bw: ops.concat([fw, bw], axis=-1),
    "sum": lambda fw, bw: fw + bw,
    "mul": lambda fw, bw: fw * bw,
    "average": lambda fw, bw: (fw + bw) * 0.5,
    None: lambda fw, bw: (fw, bw),
}


@dataclass(frozen=True)
class Form:
    """An arrangement: the sizes of the layers in each direction, and how the directions meet."""

    fw: tuple[int, ...]
    bw: tuple[int, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


FORMS = {
    "single": Form((4,)),
    "stack": Form((4, 3, 5)),
    "both": Form((4,), (3,)),
    "both, summed": Form((4,), (4,), (("merge", "sum"),)),
    "both, multiplied": Form((4,), (4,), (("merge", "mul"),)),
    "both, averaged": Form((4,), (4,), (("merge", "average"),)),
    "both, apart": Form((4,), (3,), (("merge", None),)),
    "stacks of both, independent": Form((4, 3), (2, 5)),
    "stacks of both, concatenated": Form((4, 3), (2, 5), (("between", "concat"),)),
}


class Model:
    """A cell in a form: its stacks, and the graphs that they build."""

    def __init__(self, cell, form):
        kind, options = CELLS[cell]
        self.form = FORMS[form]
        self.options = dict(self.form.options)
        made = [[kind(size, **options) for size in sizes] for sizes in (self.form.fw, self.form.bw) if sizes]
        self.stacks = [cells[0] if len(cells) == 1 else MultiRNNCell(cells) for cells in made]

    def looped(self, lengths=False):
        """The graph of the drivers."""
        g, x = self.start("time")
        rows = g.placeholder("lengths", ("batch",), dtype="int64") if lengths else None
        first = self.first(g, x[:, 0])
        if self.form.bw:
            made = BiRNN(*self.stacks, **self.options)(x, over="time", lengths=rows, initial_state=first)
        else:
            outputs, state = dynamic_rnn(self.stacks[0], x, over="time", lengths=rows, initial_state=first[0])
            made = outputs, (state,)
        return Program(g, x, rows, first, *made)

    def unrolled(self):
        """The same, step by step, without a loop."""
        g, x = self.start(STEPS)
        first = self.first(g, x[:, 0])
        steps = [x[:, t] for t in range(STEPS)]
        if not self.form.bw:
            outputs, state = by_hand(self.stacks[0], steps, first[0])
            return Program(g, x, None, first, stacked(outputs), (state,))
        merge = MERGES[self.options.get("merge", "concat")]
        if self.options.get("between") != "concat":
            outputs, states = in_both(self.stacks, steps, first)
            return Program(g, x, None, first, merge(*map(stacked, outputs)), states)
        after = []
        pairs = zip(*(stack.cells for stack in self.stacks), strict=True)
        for cells, start in zip(pairs, zip(*first, strict=True), strict=True):
            outputs, states = in_both(cells, steps, start)
            steps = [MERGES["concat"](*pair) for pair in zip(*outputs, strict=True)]
            after.append(states)
        return Program(g, x, None, first, stacked(steps), tuple(zip(*after, strict=True)))

    def start(self, time):
        g = Graph(dtype="float64", seed=2)
        return g, g.placeholder("x", ("batch", time, FEATURES))

    def first(self, g, x):
        return g.placeholders_like(tuple(stack.state(x.spec) for stack in self.stacks), "first")


def by_hand(cell, steps, state):
    outputs = []
    for x in steps:
        output, state = cell(x, state)
        outputs.append(output)
    return outputs, state


def in_both(cells, steps, first):
    (fw, fw_state), (bw, bw_state) = by_hand(cells[0], steps, first[0]), by_hand(cells[1], steps[::-1], first[1])
    return (fw, bw[::-1]), (fw_state, bw_state)


def stacked(outputs):
    return ops.stack(outputs, axis=1)


class Program:
    """A graph with a loss that reads every entry of the outputs and of the final states, a row at a time."""

    def __init__(self, g, x, lengths, first, outputs, states):
        self.x, self.lengths, self.first = x, lengths, first
        self.results = (outputs, states)
        weigh = np.random.default_rng(3).standard_normal
        terms = [ops.sum((each * each + each) * weigh(each.shape[-1])) for each in leaves(self.results)]
        self.loss = sum(terms[1:], start=terms[0])
        self.parameters = g.parameters
        self.plan = Plan(self.loss, also=self.results, wrt=[x, *leaves(first), *g.parameters])

    def feeds(self, rows=slice(None), steps=STEPS, x=X):
        rng = np.random.default_rng(5)
        fed = {self.x: x[rows, :steps]}
        for each in leaves(self.first):
            fed[each] = rng.standard_normal((len(X), each.shape[-1]))[rows] * 0.5
        if self.lengths is not None:
            fed[self.lengths] = LENGTHS[rows]
        return fed

    def found(self, way="run", **feeds):
        """Results and gradients as plain arrays."""
        done = getattr(self.plan, way)(self.feeds(**feeds))
        value = done.value if way == "trace" else done.__getitem__
        results = map_structure(value, self.results)
        gradients = [done.grad(each) for each in (*self.parameters, *leaves(self.first), self.x)]
        return [value(self.loss), *leaves(results)], gradients


def near(ours, theirs, tolerance=1e-12):
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


every = pytest.mark.parametrize(("cell", "form"), list(product(CELLS, FORMS)))
lengths = pytest.mark.parametrize("lengths", [False, True], ids=["whole", "lengths"])


@lengths
@every
def test_gradients_are_those_of_finite_differences(cell, form, lengths):
    program = Model(cell, form).looped(lengths)
    found = check_gradients(program.plan, program.feeds())
    assert len(found) == len(program.parameters) + len(leaves(program.first)) + 1


@lengths
@every
def test_a_plan_gives_what_the_graph_says(cell, form, lengths):
    program = Model(cell, form).looped(lengths)
    for ours, theirs in zip(program.found("run"), program.found("trace"), strict=True):
        near(ours, theirs)


@every
def test_a_loop_is_its_steps(cell, form):
    model = Model(cell, form)
    loop, steps = model.looped(), model.unrolled()
    assert set(loop.parameters) == set(steps.parameters)
    loop.parameters = steps.parameters
    for ours, theirs in zip(loop.found(), steps.found(), strict=True):
        near(ours, theirs)


@every
def test_each_row_is_as_if_it_were_alone(cell, form):
    model = Model(cell, form)
    together, alone = model.looped(lengths=True), model.looped()
    assert together.parameters == alone.parameters
    count, directions = len(alone.parameters), len(leaves((together.results[0],)))
    (_, *results), gradients = together.found()
    outputs, states, inner = results[:directions], results[directions:], gradients[count:]
    total = [np.zeros_like(each) for each in gradients[:count]]
    for row, length in enumerate(LENGTHS):
        mine = slice(row, row + 1)
        for each in outputs:
            np.testing.assert_array_equal(each[row, length:], 0.0)
        np.testing.assert_array_equal(inner[-1][row, length:], 0.0)
        if length == 0:
            for first, last in zip(leaves(together.first), states, strict=True):
                np.testing.assert_array_equal(last[row], together.feeds()[first][row])
            continue
        (_, *wanted), wanted_gradients = alone.found(rows=mine, steps=length)
        near([each[mine, :length] for each in outputs], wanted[:directions])
        near([each[mine] for each in states], wanted[directions:])
        near([each[mine] for each in inner[:-1]], wanted_gradients[count:-1])
        near([inner[-1][mine, :length]], wanted_gradients[-1:])
        total = [a + b for a, b in zip(total, wanted_gradients[:count], strict=True)]
    near(gradients[:count], total)


@every
def test_padding_may_hold_anything(cell, form):
    program = Model(cell, form).looped(lengths=True)
    padded = X.copy()
    padded[1, 2], padded[1, 3], padded[2] = np.nan, np.inf, -np.inf
    wanted = program.found()
    for way in ("run", "trace"):
        for ours, theirs in zip(program.found(way, x=padded), wanted, strict=True):
            near(ours, theirs)


@pytest.mark.parametrize("form", ["single", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_mask_may_have_holes(cell, form):
    """A step that is not real is as if it were not there, wherever it stands and however the axes of the mask stand."""
    model = Model(cell, form)
    mask = np.array([[True, False, True, True], [False, False, True, False], [False] * 4])
    g, x = model.start("time")
    live = g.placeholder("live", ("time", "batch"), dtype="bool")
    if model.form.bw:
        outputs, states = BiRNN(*model.stacks)(x, over="time", mask=live)
    else:
        outputs, states = dynamic_rnn(model.stacks[0], x, over="time", mask=live)
    run = Plan(outputs, also=states, wrt=[]).run({x: X, live: mask.T})
    g, whole = model.start("time")
    if model.form.bw:
        wanted, finals = BiRNN(*model.stacks)(whole, over="time")
    else:
        wanted, finals = dynamic_rnn(model.stacks[0], whole, over="time")
    plan = Plan(wanted, also=finals, wrt=[])
    for row in range(2):
        alone = plan.run({whole: X[row : row + 1, mask[row]]})
        near([run[outputs][row, mask[row]]], [alone[wanted][0]])
        near([each[row] for each in leaves(run[states])], [each[0] for each in leaves(alone[finals])])
    np.testing.assert_array_equal(run[outputs][~mask], 0.0)
    for each in leaves(run[states]):
        np.testing.assert_array_equal(each[2], 0.0)


def test_the_table_holds_every_cell_of_the_zoo():
    assert {kind for kind, _ in CELLS.values()} == set(discover().values())
    assert set(OPTIONS) <= set(discover())
