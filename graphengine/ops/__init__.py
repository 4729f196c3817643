"""The ops, one family per file, and the functions that apply them to tensors."""

from graphengine.ops.activation import erf, hard_sigmoid, identity, relu, sigmoid, softplus, tanh
from graphengine.ops.elementwise import (
    add,
    divide,
    maximum,
    minimum,
    mod,
    multiply,
    power,
    subtract,
)
from graphengine.ops.index import gather, one_hot, take_along_axis
from graphengine.ops.join import concat, split, stack
from graphengine.ops.logic import (
    cast,
    equal,
    greater,
    greater_equal,
    hold,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    stop_gradient,
    where,
)
from graphengine.ops.loss import mean_squared_error, softmax_cross_entropy
from graphengine.ops.matmul import matmul
from graphengine.ops.norm import layer_norm
from graphengine.ops.order import argmax, argsort, top_k
from graphengine.ops.random import bernoulli, dropout, normal, uniform
from graphengine.ops.reduce import max, mean, min, prod, sum
from graphengine.ops.scan import cumprod, cumsum
from graphengine.ops.sequence import sequence_mask
from graphengine.ops.shape import arange, broadcast_to, expand_dims, reshape, squeeze, transpose
from graphengine.ops.slicing import take_slice
from graphengine.ops.softmax import log_softmax, softmax
from graphengine.ops.unary import absolute, clip, exp, floor, log, negate, sign, sqrt

__all__ = [
    "absolute",
    "add",
    "arange",
    "argmax",
    "argsort",
    "bernoulli",
    "broadcast_to",
    "cast",
    "clip",
    "concat",
    "cumprod",
    "cumsum",
    "divide",
    "dropout",
    "equal",
    "erf",
    "exp",
    "expand_dims",
    "floor",
    "gather",
    "greater",
    "greater_equal",
    "hard_sigmoid",
    "hold",
    "identity",
    "layer_norm",
    "less",
    "less_equal",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "matmul",
    "max",
    "maximum",
    "mean",
    "mean_squared_error",
    "min",
    "minimum",
    "mod",
    "multiply",
    "negate",
    "normal",
    "not_equal",
    "one_hot",
    "power",
    "prod",
    "relu",
    "reshape",
    "sequence_mask",
    "sigmoid",
    "sign",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "split",
    "sqrt",
    "squeeze",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "take_along_axis",
    "take_slice",
    "tanh",
    "top_k",
    "transpose",
    "uniform",
    "where",
]
