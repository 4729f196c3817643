"""The article's cells with random weights, batches of rows, masks, unlike sizes and both directions, against autograd.

This is what the article's own code cannot do (it crashes, or its gradients are wrong); the reference is PyTorch's.
"""

from pathlib import Path

import numpy as np
import pytest

from graphengine import Graph, Plan, Spec, ops
from graphengine.structure import leaves
from layers import BiRNN, Dense, LSTMCell, LSTMState, MultiRNNCell, dynamic_rnn, softmax_cross_entropy
from layers.readings import readings
from layers.weights import from_deep_breathe, to_deep_breathe

DATA = Path(__file__).parents[1] / "data" / "article" / "oracle_cases.npz"
# sizes of the layers, the directions, and what the output layer reads
CASES = {
    "batch3_last": ([5], ["fw"], "last"),
    "batch3_all": ([5], ["fw"], "all"),
    "batch3_all_masked": ([5], ["fw"], "all"),
    "stack_5_3_4": ([5, 3, 4], ["fw"], "last"),
    "bi_last_h5": ([5], ["fw", "bw"], "last"),
    "bi_final_h5": ([5], ["fw", "bw"], "final"),
    "bi_all_5_3": ([5, 3], ["fw", "bw"], "all"),
}
PER_STEP = {"pf": "f_pre", "pi": "i_pre", "pc": "cproj_pre", "po": "o_pre"} | {
    name: name for name in ("f", "i", "cproj", "o", "c", "h")
}
STEPS = 4

case = pytest.mark.parametrize("name", CASES)
way = pytest.mark.parametrize("way", ["run", "trace"])


class Model:
    """A case in our words, with the weights of the reference."""

    def __init__(self, name):
        sizes, self.directions, reads = CASES[name]
        with np.load(DATA) as stored:
            start = f"{name}/"
            self.wanted = {key.removeprefix(start): stored[key] for key in stored.files if key.startswith(start)}
        g = Graph(name, dtype="float64")
        self.x = g.placeholder("x", ("batch", "time", 6))
        self.cells = {direction: [LSTMCell(size) for size in sizes] for direction in self.directions}
        self.start = tuple(
            g.placeholders_like(LSTMState(*[Spec.of(("batch", size), "float64")] * 2), f"layer{layer}")
            for layer, size in enumerate(sizes)
        )
        outputs, self.states = self.driven()
        both = ops.concat(outputs, axis=-1) if len(outputs) > 1 else outputs[0]
        summary = {
            "last": lambda: both[:, -1],
            "all": lambda: both,
            "final": lambda: ops.concat([stack[-1].h for stack in self.states], axis=-1),
        }[reads]()
        y = g.placeholder("y", summary.shape[:-1], dtype="int64")
        self.dense = Dense(7)
        self.logits = self.dense(summary)
        live = None
        if "lengths" in self.wanted:
            lengths = g.placeholder("lengths", ("batch",), dtype="int64")
            live = ops.sequence_mask(lengths, "time")
        self.loss = softmax_cross_entropy(self.logits, y, weights=live)
        self.outputs = dict(zip(self.directions, outputs, strict=True))
        self.assign()
        kept = (self.logits, outputs, self.states)
        self.plan = Plan(self.loss, also=kept, wrt=[self.x, *leaves(self.start), *g.parameters])
        self.feeds = {self.x: self.wanted["X"], y: self.wanted["y"] if reads == "all" else self.wanted["y"][:, -1]}
        if live is not None:
            self.feeds[lengths] = self.wanted["lengths"]
        for layer, state in enumerate(self.start):
            self.feeds |= {state.c: self.wanted[f"c0_{layer}"], state.h: self.wanted[f"h0_{layer}"]}

    def driven(self):
        """Outputs and final states by direction; the backward one starts from zeros."""
        stacks = [cells[0] if len(cells) == 1 else MultiRNNCell(cells) for cells in self.cells.values()]
        start = self.start if len(self.start) > 1 else self.start[0]
        if len(stacks) == 1:
            outputs, state = dynamic_rnn(stacks[0], self.x, over="time", initial_state=start)
            outputs, states = (outputs,), (state,)
        else:
            outputs, states = BiRNN(*stacks, merge=None)(self.x, over="time", initial_state=(start, None))
        return outputs, tuple((state,) if isinstance(state, LSTMState) else state for state in states)

    def assign(self):
        for name, _, cell in self.named_cells():
            cell.assign(from_deep_breathe(self.wanted[f"W_{name}"]))
        self.dense.assign({"kernel": self.wanted["Wy"], "bias": self.wanted["by"][0]})

    def named_cells(self):
        """Every cell with its name in the reference and its place in our paths."""
        for direction, cells in self.cells.items():
            driver = f"birnn/{direction}" if len(self.cells) > 1 else "rnn"
            for layer, cell in enumerate(cells):
                yield f"{direction}{layer}", f"{driver}/layer{layer}" if len(cells) > 1 else driver, cell


def near(ours, theirs, what=""):
    assert ours.shape == theirs.shape, what
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10, err_msg=what)


def lower(path):
    """The path of the layer below, or of the lowest itself."""
    stem, _, layer = path.rpartition("layer")
    return f"{stem}layer{max(int(layer) - 1, 0)}" if stem else path


@way
@case
def test_values(name, way):
    model = Model(name)
    found = getattr(model.plan, way)(model.feeds)
    value = found.__getitem__ if way == "run" else found.value
    near(value(model.loss), model.wanted["loss"])
    near(value(model.logits), model.wanted["logits"])
    for direction, outputs in model.outputs.items():
        near(value(outputs), model.wanted[f"outputs_{direction}"])
    for direction, stack in zip(model.directions, model.states, strict=True):
        for layer, state in enumerate(stack):
            near(value(state.c), model.wanted[f"c_{direction}{layer}"])
            near(value(state.h), model.wanted[f"h_{direction}{layer}"])


@way
@case
def test_gradients(name, way):
    model = Model(name)
    found = getattr(model.plan, way)(model.feeds)
    near(found.grad(model.x), model.wanted["dX"])
    near(found.grad(model.dense.kernel), model.wanted["dWy"])
    near(found.grad(model.dense.bias)[None], model.wanted["dby"])
    for cell_name, _, cell in model.named_cells():
        gradients = {each.name: found.grad(each) for each in cell.parameters}
        near(to_deep_breathe(gradients), model.wanted[f"dW_{cell_name}"], cell_name)
    for layer, state in enumerate(model.start):
        near(found.grad(state.c), model.wanted[f"dc0_{layer}"])
        near(found.grad(state.h), model.wanted[f"dh0_{layer}"])


@case
def test_every_step(name):
    model = Model(name)
    trace = model.plan.trace(model.feeds)
    for cell_name, path, _ in model.named_cells():
        for step in range(STEPS):
            t = step if cell_name.startswith("fw") else STEPS - 1 - step
            here = f"step/{cell_name}/s{step}"
            found, below = readings(trace, path, t), readings(trace, lower(path), t)
            near(found["dht(ext)"] + found["dht(int)"], model.wanted[f"{here}/d_h"], f"{here}/d_h")
            if "layer" not in path or path.endswith("layer0"):
                value, gradient = model.feeds[model.x][:, t], found["dxt"]
            else:  # an upper layer's input is the lower layer's h, whose gradient there is from all sides
                value, gradient = below["h"], below["DHt"]
                near(found["dxt"], below["dht(ext)"], f"{here}/dxt")
            near(value, model.wanted[f"{here}/x"], f"{here}/x")
            near(gradient, model.wanted[f"{here}/d_x"], f"{here}/d_x")
            for theirs, ours in PER_STEP.items():
                near(trace.value(f"{path}/{ours}", t), model.wanted[f"{here}/{theirs}"], f"{here}/{theirs}")
                near(trace.grad(f"{path}/{ours}", t), model.wanted[f"{here}/d_{theirs}"], f"{here}/d_{theirs}")
