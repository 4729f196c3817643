"""ONNX Runtime: forward only, weights packed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks import threads
from benchmarks.case import Case
from benchmarks.peer import Peer, Step, Stopwatch
from benchmarks.problem import Problem
from graphengine.spec import Array

OPS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
GATES: Mapping[str, tuple[int, ...]] = {"lstm": (1, 3, 0, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""Its gates, i o f c and z r h, by their places among ours."""


class OnnxRuntime(Peer):
    """Its own LSTM, GRU and RNN, one node per layer."""

    name = "onnxruntime"
    needs = ("onnx", "onnxruntime")
    trains = False
    dtypes = ("float32",)

    def build(self, problem: Problem) -> Step:
        import onnxruntime

        watch = Stopwatch()
        model = _model(problem)
        watch.lap("model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads.pinned()
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        watch.lap("session")
        feeds = {"x": problem.x}
        return Step(lambda: session.run(None, feeds)[0], lambda y: {"y": y}, watch.stages)


def _model(problem: Problem) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    case = problem.case
    nodes, constants = [], [numpy_helper.from_array(np.array([0, 0, -1]), "joined")]
    source = "x"
    for layer in range(case.layers):
        names = [f"{name}{layer}" for name in "WRB"]
        arrays = [np.stack(each) for each in zip(*_weights(problem, layer), strict=True)]
        constants += [numpy_helper.from_array(array, name) for array, name in zip(arrays, names, strict=True)]
        settings: dict[str, Any] = {"hidden_size": case.hidden}
        settings["direction"] = "bidirectional" if case.bidirectional else "forward"
        if case.kind == "gru":
            settings["linear_before_reset"] = 1
        nodes += [
            helper.make_node(OPS[str(case.kind)], [source, *names], [f"sides{layer}"], **settings),
            helper.make_node("Transpose", [f"sides{layer}"], [f"turned{layer}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"turned{layer}", "joined"], [f"y{layer}"]),
        ]
        source = f"y{layer}"
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(problem.x.shape))],
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, list(problem.dy.shape))],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    return model.SerializeToString()


def _weights(problem: Problem, layer: int) -> list[tuple[Array, Array, Array]]:
    """W, R and B of every direction of a layer."""
    case = problem.case
    found = []
    for place in case.places:
        if place.layer != layer:
            continue
        ours = problem.of(place.prefix)
        wide = {name: _ordered(case, array) for name, array in ours.items() if name != "recurrent_bias"}
        recurrent = np.zeros_like(wide["bias"])
        if "recurrent_bias" in ours:
            recurrent[-case.hidden :] = ours["recurrent_bias"]
        found.append((wide["kernel"].T, wide["recurrent_kernel"].T, np.concatenate([wide["bias"], recurrent])))
    return found


def _ordered(case: Case, array: Array) -> Array:
    order = GATES[str(case.kind)]
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[k] for k in order], axis=-1)
