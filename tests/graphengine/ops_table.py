"""The table of ops: one row per op, and every test of `test_ops.py` runs on it.

    Row(Exp, entrywise(math.exp))
    Row(Log, entrywise(math.log), values=[positive])
    Row(Softmax, softmax_reference, case=draw_softmax)

A row says what the op computes (`reference`, independent of the op: plain NumPy or `math`, called with the inputs and
the op's settings as keywords) and what it is tried on. An elementwise op is tried on shapes that broadcast, with one
entry of `values` per input (floats by default). Any other op needs a `case`: it draws an instance and its inputs.
References and cases of more than a line stand in `op_cases.py`.
All draws are in float64; the tests cast. An op of `graphengine.ops` without a row fails `test_every_op_has_a_row`.
"""

from __future__ import annotations

import math

import numpy as np

from graphengine.ops import (
    activation,
    elementwise,
    fused_gru,
    fused_lstm,
    index,
    join,
    logic,
    loss,
    norm,
    order,
    reduce,
    scan,
    sequence,
    shape,
    slicing,
    unary,
)
from graphengine.ops.matmul import MatMul
from graphengine.ops.softmax import LogSoftmax, Softmax
from tests.graphengine import op_cases as cases
from tests.graphengine.op_rows import Row, away_from_zero, booleans, coarse, entrywise, floats, positive, wide

ROWS: list[Row] = [
    # arithmetic
    Row(elementwise.Add, entrywise(lambda a, b: a + b)),
    Row(elementwise.Subtract, entrywise(lambda a, b: a - b)),
    Row(elementwise.Multiply, entrywise(lambda a, b: a * b)),
    Row(elementwise.Divide, entrywise(lambda a, b: a / b), values=[floats, away_from_zero]),
    Row(elementwise.Mod, entrywise(lambda a, b: a - b * math.floor(a / b)), values=[floats, away_from_zero]),
    Row(elementwise.Power, entrywise(lambda a, b: a**b), values=[positive, floats]),
    Row(elementwise.Maximum, entrywise(max)),
    Row(elementwise.Minimum, entrywise(min)),
    Row(unary.Negate, entrywise(lambda x: -x)),
    Row(unary.Absolute, entrywise(abs)),
    Row(unary.Sign, entrywise(lambda x: 0.0 if x == 0 else math.copysign(1, x)), values=[coarse]),
    Row(unary.Floor, entrywise(lambda x: float(math.floor(x))), values=[coarse]),
    Row(unary.Exp, entrywise(math.exp)),
    Row(unary.Log, entrywise(math.log), values=[positive]),
    Row(unary.Sqrt, entrywise(math.sqrt), values=[positive]),
    Row(
        unary.Clip,
        entrywise(lambda x, low, high: min(max(x, low), high)),
        settings={"low": -0.5, "high": 0.8},
    ),
    # activations
    Row(activation.Identity, entrywise(lambda x: x)),
    Row(activation.Sigmoid, entrywise(lambda x: 1 / (1 + math.exp(-x))), values=[wide]),
    Row(activation.Tanh, entrywise(math.tanh)),
    Row(activation.Relu, entrywise(lambda x: max(x, 0.0))),
    Row(activation.Softplus, entrywise(lambda x: math.log1p(math.exp(x))), values=[wide]),
    Row(activation.HardSigmoid, entrywise(lambda x: min(max(x + 3, 0.0), 6.0) / 6), values=[wide]),
    Row(activation.Erf, entrywise(math.erf)),
    # comparing, choosing, converting
    Row(logic.Less, entrywise(lambda a, b: a < b), values=[coarse, coarse]),
    Row(logic.LessEqual, entrywise(lambda a, b: a <= b), values=[coarse, coarse]),
    Row(logic.Greater, entrywise(lambda a, b: a > b), values=[coarse, coarse]),
    Row(logic.GreaterEqual, entrywise(lambda a, b: a >= b), values=[coarse, coarse]),
    Row(logic.Equal, entrywise(lambda a, b: a == b), values=[coarse, coarse]),
    Row(logic.NotEqual, entrywise(lambda a, b: a != b), values=[coarse, coarse]),
    Row(logic.LogicalAnd, entrywise(lambda a, b: a and b), values=[booleans, booleans]),
    Row(logic.LogicalOr, entrywise(lambda a, b: a or b), values=[booleans, booleans]),
    Row(logic.LogicalNot, entrywise(lambda x: not x), values=[booleans]),
    Row(logic.Where, entrywise(lambda condition, a, b: a if condition else b), values=[booleans, floats, floats]),
    Row(logic.Hold, entrywise(lambda live, new, held: new if live else held), values=[booleans, floats, floats]),
    Row(logic.Cast, entrywise(lambda x, dtype: x), settings={"dtype": np.dtype(np.float64)}),
    Row(logic.StopGradient, entrywise(lambda x: x)),
    # products, reductions, scans
    Row(MatMul, lambda a, b: np.einsum("...mk,...kn->...mn", a, b), case=cases.draw_matmul),
    Row(reduce.Sum, cases.reduce_reference(np.sum), case=cases.draw_reduce(reduce.Sum)),
    Row(reduce.Mean, cases.reduce_reference(np.mean), case=cases.draw_reduce(reduce.Mean)),
    Row(reduce.Max, cases.reduce_reference(np.max), case=cases.draw_reduce(reduce.Max)),
    Row(reduce.Min, cases.reduce_reference(np.min), case=cases.draw_reduce(reduce.Min)),
    Row(reduce.Prod, cases.reduce_reference(np.prod), case=cases.draw_reduce(reduce.Prod)),
    Row(scan.CumSum, cases.scan_reference(np.cumsum), case=cases.draw_scan(scan.CumSum)),
    Row(scan.CumProd, cases.scan_reference(np.cumprod), case=cases.draw_scan(scan.CumProd)),
    # shapes
    Row(join.Concat, lambda *xs, axis: np.concatenate(xs, axis), case=cases.draw_concat),
    Row(join.Stack, lambda *xs, axis: np.stack(xs, axis), case=cases.draw_stack),
    Row(join.Split, cases.split_reference, case=cases.draw_split, named=False),
    Row(shape.Reshape, lambda x, before, shape: np.array(x.reshape(shape)), case=cases.draw_reshape, named=False),
    Row(shape.Transpose, lambda x, axes: np.transpose(x, axes), case=cases.draw_transpose),
    Row(shape.BroadcastTo, lambda x, rank, shape: np.broadcast_to(x, shape), case=cases.draw_broadcast, named=False),
    Row(slicing.TakeSlice, cases.slice_reference, case=cases.draw_slice, named=False),
    # choosing by position, ranking
    Row(sequence.SequenceMask, lambda lengths, places: places < lengths[..., None], case=cases.draw_sequence_mask),
    Row(index.Gather, cases.gather_reference, case=cases.draw_gather),
    Row(index.TakeAlongAxis, cases.take_along_reference, case=cases.draw_take_along),
    Row(index.OneHot, lambda i, depth, dtype: np.eye(depth)[i], case=cases.draw_one_hot, named=False),
    Row(order.ArgMax, np.argmax, case=cases.draw_along(lambda draw, axis, size: order.ArgMax(axis), coarse)),
    Row(
        order.ArgSort,
        cases.argsort_reference,
        case=cases.draw_along(lambda draw, axis, size: order.ArgSort(axis, draw.chance(0.5)), coarse),
    ),
    Row(
        order.TopK,
        cases.top_k_reference,
        case=cases.draw_along(lambda draw, axis, size: order.TopK(int(draw.rng.integers(1, size + 1)), axis)),
        named=False,
    ),
    # softmax, losses, normalisation
    Row(Softmax, cases.softmax_reference, case=cases.draw_softmax(Softmax, masked=0.6)),
    Row(
        LogSoftmax,
        lambda x, axis: np.log(cases.softmax_reference(x, axis=axis)),
        case=cases.draw_softmax(LogSoftmax, masked=0.0),  # -∞ has no finite differences
    ),
    Row(loss.SoftmaxCrossEntropy, cases.cross_entropy_reference, case=cases.draw_cross_entropy),
    Row(loss.MeanSquaredError, cases.squared_error_reference, case=cases.draw_squared_error),
    Row(norm.LayerNorm, cases.layer_norm_reference, case=cases.draw_layer_norm),
    # blocks of cells
    Row(fused_gru.GRUGates, cases.gru_gates_reference, case=cases.draw_gru_gates, named=False),
    Row(fused_gru.ResetGates, cases.reset_gates_reference, case=cases.draw_reset_gates, named=False),
    Row(fused_gru.UpdateState, cases.update_state_reference, case=cases.draw_update_state),
    Row(
        fused_lstm.LSTMGates,
        cases.lstm_gates_reference,
        case=cases.draw_lstm_gates(fused_lstm.LSTMGates(0.5)),
        named=False,
    ),
    Row(
        fused_lstm.PeepholeLSTMGates,
        cases.lstm_gates_reference,
        case=cases.draw_lstm_gates(fused_lstm.PeepholeLSTMGates(0.5)),
        named=False,
    ),
    Row(
        fused_lstm.CoupledLSTMGates,
        cases.coupled_lstm_gates_reference,
        case=cases.draw_lstm_gates(fused_lstm.CoupledLSTMGates()),
        named=False,
    ),
    Row(
        fused_lstm.CoupledPeepholeLSTMGates,
        cases.coupled_lstm_gates_reference,
        case=cases.draw_lstm_gates(fused_lstm.CoupledPeepholeLSTMGates()),
        named=False,
    ),
]
