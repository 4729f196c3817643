"""Every case of the reference zoo: outputs, final states and all gradients, through the converters of weights."""

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from graphengine import Graph, Op, Plan, Spec, Trace, ops
from graphengine.graph import apply
from graphengine.structure import leaves
from layers import BiRNN, Dense, Embedding, GRUCell, LSTMCell, MultiRNNCell, RNNCell, dynamic_rnn
from layers.weights import from_keras, from_tf, from_torch, load_torch, part, to_keras, to_tf, to_torch

DATA = Path(__file__).parents[1] / "data" / "zoo"
CELLS = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


class Place(NamedTuple):
    """Where a cell stands: which layer, which direction, which cell."""

    layer: int
    reverse: bool
    cell: Any


class Case:
    """One reference computation: its arrays by the names of its source."""

    def __init__(self, file, name):
        with np.load(DATA / f"{file}.npz") as stored:
            start = f"{name}/"
            self.arrays = {key.removeprefix(start): stored[key] for key in stored.files if key.startswith(start)}
        self.weights = {key.removeprefix("w."): array for key, array in self.arrays.items() if key.startswith("w.")}
        self.lengths = self.arrays.get("lengths")

    def __getitem__(self, name):
        return self.arrays[name]

    def __contains__(self, name):
        return name in self.arrays


@dataclass
class Torch:
    """Time first; the states of all layers and directions in one array."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    axes = ("time", "batch")

    def sizes(self, case):
        layers = 1 + max(int(re.search(r"_l(\d+)", name)[1]) for name in case.weights)
        return [case.weights["weight_hh_l0"].shape[1]] * layers, any("reverse" in name for name in case.weights)

    def driver(self, name):
        return {"between": "concat"}

    def load(self, case, model, places):
        load_torch(model, case.weights)

    def gradients(self, values, place, case):
        names = {"layer": place.layer, "reverse": place.reverse}
        found = to_torch(values, self.kind, forget_bias=0.0 if self.kind == "lstm" else None, **names)
        of_input, of_state = (name for name in found if name.startswith("bias"))
        free = slice(None) if self.kind != "gru" else slice(2 * len(found[of_state]) // 3)
        found[of_state][free] = found[of_input][free]  # where one bias of ours serves, both of theirs have its gradient
        return found

    def state(self, case, name, place, directions):
        index = place.layer * directions + place.reverse
        return {leaf: f"{name}.{leaf}" for leaf in place.cell.state(STEP)._fields if f"{name}.{leaf}" in case}, index

    def outputs(self, case, outputs, states):
        return {"y": outputs}


@dataclass
class Keras(Torch):
    """Batch first; one layer, or one in each direction."""

    axes = ("batch", "time")

    def sizes(self, case):
        recurrent = next(array for name, array in case.weights.items() if name.endswith("recurrent_kernel"))
        return [len(recurrent)], any(name.startswith("backward") for name in case.weights)

    def driver(self, name):
        return {"merge": "mul" if name == "mul" else "concat"}

    def prefix(self, case, place):
        wanted = "backward" if place.reverse else "forward"
        return next((name.split(".")[0] for name in case.weights if name.startswith(wanted)), "")

    def load(self, case, model, places):
        for place in places:
            prefix = self.prefix(case, place)
            arrays = part(case.weights, prefix) if prefix else case.weights
            place.cell.assign(from_keras(arrays, self.kind, **self.convention(place.cell)))

    def convention(self, cell, **instead):
        known = {"lstm": ("forget_bias",), "gru": ("reset",), "rnn": ()}[self.kind]
        return {name: instead.get(name, getattr(cell, name)) for name in known}

    def gradients(self, values, place, case):
        found = to_keras(values, self.kind, **self.convention(place.cell, forget_bias=0.0))
        if found["bias"].ndim == 2:
            found["bias"][1, : -place.cell.hidden] = found["bias"][0, : -place.cell.hidden]
        full = {name.rpartition(".")[2]: name for name in case.weights if name.startswith(self.prefix(case, place))}
        return {full[name]: array for name, array in found.items()}

    def state(self, case, name, place, directions):
        return super().state(case, name, place, directions)[0], ()

    def outputs(self, case, outputs, states):
        if case["y"].ndim == 3:
            return {"y": outputs}
        return {"y": ops.concat([state.h for state in states], axis=-1)}


@dataclass
class TF(Torch):
    """Batch first; stacks are independent, and each part of each state has a name."""

    axes = ("batch", "time")

    def sizes(self, case):
        kernels = [name for name in case.weights if re.search(r"(cell(_\d+)?|candidate)\.kernel$", name)]
        widths = [case.weights[name].shape[1] for name in kernels if ".bw." not in name]
        return [width // (4 if self.kind == "lstm" else 1) for width in widths], len(kernels) > len(widths)

    def driver(self, name):
        return {"merge": None}

    def names(self, case, place):
        """The names of a cell's weights by what comes last in them."""
        of_layer = [name for name in case.weights if f"cell_{place.layer}." in name or "multi" not in name]
        parts = 2 if self.kind == "gru" else 1
        return {".".join(name.split(".")[-parts:]): name for name in of_layer if (".bw." in name) == place.reverse}

    def load(self, case, model, places):
        for place in places:
            arrays = {short: case.weights[name] for short, name in self.names(case, place).items()}
            place.cell.assign(from_tf(arrays, self.kind))

    def gradients(self, values, place, case):
        names = self.names(case, place)
        return {names[name.replace("/", ".")]: array for name, array in to_tf(values, self.kind).items()}

    def state(self, case, name, place, directions):
        direction = f".{'bw' if place.reverse else 'fw'}" if directions == 2 else ""
        number = place.layer if f"{name}{direction}.h" not in case else ""
        return {leaf: f"{name}{direction}.{leaf}{number}" for leaf in place.cell.state(STEP)._fields}, ()

    def outputs(self, case, outputs, states):
        return {"y": outputs} if "y" in case else {"y.fw": outputs[0], "y.bw": outputs[1]}


STEP = Spec.of(("batch", 1), "float64")
WANTED = {
    "torch_rnn_tanh": Torch("rnn"),
    "torch_rnn_relu": Torch("rnn", {"activation": "relu"}),
    "torch_rnn_multi": Torch("rnn"),
    "torch_rnn_bi": Torch("rnn"),
    "torch_rnn_packed": Torch("rnn"),
    "torch_lstm": Torch("lstm"),
    "torch_lstm_multi": Torch("lstm"),
    "torch_lstm_bi": Torch("lstm"),
    "torch_lstm_packed": Torch("lstm", {"forget_bias": 0.0}),
    "torch_gru": Torch("gru"),
    "torch_gru_multi": Torch("gru"),
    "torch_gru_bi": Torch("gru"),
    "torch_gru_packed": Torch("gru"),
    "keras_lstm": Keras("lstm"),
    "keras_gru_reset_after": Keras("gru"),
    "keras_gru_reset_before": Keras("gru", {"reset": "before"}),
    "keras_bidirectional_simplernn": Keras("rnn"),
    "keras_bidirectional_lstm": Keras("lstm"),
    "keras_bidirectional_gru": Keras("gru"),
    "tf_basicrnn": TF("rnn"),
    "tf_basiclstm": TF("lstm"),
    "tf_gru": TF("gru", {"reset": "before"}),
    "tf_multirnncell": TF("lstm"),
    "tf_bidirectional": TF("lstm"),
}
BY_CASE = {"forget_bias2.5": {"forget_bias": 2.5}}
COUNTS = {
    "torch_rnn": 3 + 3 + 1 + 2 + 2, "torch_lstm": 5 + 1 + 2 + 2, "torch_gru": 3 + 1 + 2 + 2,
    "keras_lstm": 5, "keras_gru": 3 + 3, "keras_bidirectional": 9,
    "tf_basicrnn": 3, "tf_basiclstm": 4, "tf_gru": 3, "tf_multirnncell": 2, "tf_bidirectional": 3,
}  # fmt: skip


def cases_of(file):
    with np.load(DATA / f"{file}.npz") as stored:
        return list(dict.fromkeys(name.partition("/")[0] for name in stored.files))


CASES = [(file, name) for file in WANTED for name in cases_of(file)]


# Keras' torch backend formed the products of these in single precision, which the test below proves.
SINGLE = {"keras_gru_reset_before": 1e-6, "keras_bidirectional_simplernn": 1e-6}


def close(ours, theirs, what, tolerance=1e-10):
    assert ours.shape == theirs.shape, what
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=what)


class Model:
    """Our form of a case, with the weights of its source in it."""

    def __init__(self, file, name):
        self.source, self.case = WANTED[file], Case(file, name)
        hidden, both = self.source.sizes(self.case)
        options = {**self.source.options, **BY_CASE.get(name, {})}
        stacks = [[CELLS[self.source.kind](size, **options) for size in hidden] for _ in range(1 + both)]
        self.places = [
            Place(layer, reverse == 1, cell) for reverse, stack in enumerate(stacks) for layer, cell in enumerate(stack)
        ]
        whole = [stack[0] if len(stack) == 1 else MultiRNNCell(stack) for stack in stacks]
        g = Graph(name, dtype="float64")
        x = self.case["x"]
        self.x = g.placeholder("x", (*self.source.axes, x.shape[-1]))
        self.feeds = {self.x: x}
        self.start = None
        if any(key.startswith("s0") for key in self.case.arrays):
            step = Spec.of(("batch", x.shape[-1]), "float64")
            self.start = g.placeholders_like(tuple(cell.state(step) for cell in whole), "start")
        lengths = None
        if self.case.lengths is not None:
            lengths = g.placeholder("lengths", ("batch",), dtype="int64")
            self.feeds[lengths] = self.case.lengths
        if both:
            driver = BiRNN(*whole, **self.source.driver(name))
            outputs, self.states = driver(self.x, over="time", initial_state=self.start, lengths=lengths)
        else:
            driver = whole[0]
            first = None if self.start is None else self.start[0]
            outputs, state = dynamic_rnn(driver, self.x, over="time", initial_state=first, lengths=lengths)
            self.states = (state,)
        self.source.load(self.case, driver, self.places)
        self.outputs = self.source.outputs(self.case, outputs, self.states)
        self.seeds = {tensor: self.case[f"R.{key}"] for key, tensor in self.outputs.items()}
        self.initial = dict(self.parts(self.start, "s0"))
        self.final = dict(self.parts(self.states, "sT"))
        self.feeds |= {tensor: self.case[key][index] for tensor, (key, index) in self.initial.items()}
        self.seeds |= {tensor: self.case[f"R.{key}"][index] for tensor, (key, index) in self.final.items()}
        parameters = [each for place in self.places for each in place.cell.parameters]
        self.plan = Plan(list(self.seeds), wrt=[self.x, *self.initial, *parameters])

    def compared(self, found):
        """Yield every output and final state with its reference."""
        value = found.value if isinstance(found, Trace) else found.__getitem__
        for key, tensor in self.outputs.items():
            yield key, value(tensor), self.case[key]
        for tensor, (key, index) in self.final.items():
            yield key, value(tensor), self.case[key][index]

    def parts(self, states, name):
        """Pair every part of a state with the array that holds its reference, and its place in there."""
        if states is None or not any(key.startswith(name) for key in self.case.arrays):
            return
        for place in self.places:
            state = states[place.reverse]
            state = state if hasattr(state, "_fields") else state[place.layer]
            keys, index = self.source.state(self.case, name, place, len(states))
            for leaf, key in keys.items():
                yield getattr(state, leaf), (key, index)


@pytest.mark.parametrize("way", ["run", "trace"])
@pytest.mark.parametrize(("file", "name"), CASES)
def test_a_case_of_the_zoo(file, name, way):
    model = Model(file, name)
    case, near = model.case, partial(close, tolerance=SINGLE.get(file, 1e-10))
    found = getattr(model.plan, way)(model.feeds, seeds=model.seeds)
    for key, ours, theirs in model.compared(found):
        near(ours, theirs, key)
    value = found.value if way == "trace" else found.__getitem__
    near(np.asarray(sum((value(tensor) * seed).sum() for tensor, seed in model.seeds.items())), case["loss"], "loss")
    near(found.grad(model.x), case["g.x"], "g.x")
    for tensor, (key, index) in model.initial.items():
        near(found.grad(tensor), case[f"g.{key}"][index], f"g.{key}")
    compared = set()
    for place in model.places:
        values = {each.name: found.grad(each) for each in place.cell.parameters}
        for key, gradient in model.source.gradients(values, place, case).items():
            near(gradient, case[f"g.w.{key}"], f"g.w.{key}")
            compared.add(key)
    assert compared == set(case.weights)
    states = {key for key in case.arrays if key.startswith(("s0", "sT"))}
    assert states == {key for key, _ in (*model.initial.values(), *model.final.values())}
    assert len(leaves(model.states)) * bool(states) == len(model.final)


@dataclass(frozen=True)
class SingleMatMul(Op):
    """A product in single precision whose terms are added up one by one (four of them in pairs), as they were there."""

    signature = "(m,k),(k,n)->(m,n)"

    def forward(self, out, a, b):
        a, b = a.astype("float32"), b.astype("float32")
        terms = [a[..., k, None] * b[..., k, None, :] for k in range(a.shape[-1])]
        out[...] = (terms[0] + terms[2]) + (terms[1] + terms[3]) if len(terms) == 4 else sum(terms)


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in SINGLE for name in cases_of(file)])
def test_where_a_reference_is_less_exact_its_single_precision_products_are_why(file, name, monkeypatch):
    monkeypatch.setattr(ops, "matmul", lambda a, b, name=None: apply(SingleMatMul(), a, b, name=name).output)
    model = Model(file, name)
    compared = list(model.compared(model.plan.run(model.feeds, gradients=False)))
    assert compared
    for key, ours, theirs in compared:
        close(ours, theirs, key, tolerance=1e-10)


def test_every_wanted_case_is_there():
    counts = {start: sum(file.startswith(start) for file, _ in CASES) for start in COUNTS}
    assert counts == COUNTS
    for file, name in CASES:
        case = Case(file, name)
        gradients = {key.removeprefix("g.") for key in case.arrays if key.startswith("g.")}
        assert gradients == {key for key in case.arrays if key == "x" or key.startswith(("w.", "s0"))}


@pytest.mark.parametrize("way", ["run", "trace"])
def test_torch_linear(way):
    case = Case("torch_linear", "B3_I4_O5")
    x = Graph(dtype="float64").placeholder("x", ("batch", 4))
    dense = Dense(5)
    y = dense(x)
    dense.assign(from_torch(case.weights, "dense"))
    found = getattr(Plan(y, wrt=[x, dense.kernel, dense.bias]), way)({x: case["x"]}, seeds={y: case["R.y"]})
    close(found[y] if way == "run" else found.value(y), case["y"], "y")
    close(found.grad(x), case["g.x"], "g.x")
    for name, gradient in to_torch({each.name: found.grad(each) for each in dense.parameters}, "dense").items():
        close(gradient, case[f"g.w.{name}"], name)


@pytest.mark.parametrize("way", ["run", "trace"])
def test_torch_embedding(way):
    case = Case("torch_embedding", "V6_D3")
    ids = Graph(dtype="float64").placeholder("ids", ("batch", "time"), dtype="int64")
    embedding = Embedding(6, 3)
    y = embedding(ids)
    load_torch(embedding, case.weights)
    found = getattr(Plan(y), way)({ids: case["ids"]}, seeds={y: case["R.y"]})
    close(found[y] if way == "run" else found.value(y), case["y"], "y")
    close(to_torch({"table": found.grad(embedding.table)}, "embedding")["weight"], case["g.w.weight"], "g.w.weight")
