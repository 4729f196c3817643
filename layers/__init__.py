"""Layers: recurrent cells, stacks, drivers and what stands around them, as plain subgraphs of ops.

Layers only build. They hold sizes and parameters; values belong to a run, gradients to its backward sweep.
"""

from layers import weights
from layers.bi_rnn import BiRNN
from layers.cell import Cell
from layers.cells import discover
from layers.cells.coupled import CoupledLSTMCell
from layers.cells.gru import GRUCell, GRUState
from layers.cells.lstm import LSTMCell, LSTMState
from layers.cells.peephole import PeepholeLSTMCell
from layers.cells.rnn import RNNCell, RNNState
from layers.dense import Dense
from layers.dynamic_rnn import dynamic_rnn
from layers.embedding import Embedding
from layers.layer import Layer
from layers.losses import mean_squared_error, softmax_cross_entropy
from layers.multi_rnn import MultiRNNCell
from layers.states import LearnedState, zero_state

__all__ = [
    "BiRNN",
    "Cell",
    "CoupledLSTMCell",
    "Dense",
    "Embedding",
    "GRUCell",
    "GRUState",
    "LSTMCell",
    "LSTMState",
    "Layer",
    "LearnedState",
    "MultiRNNCell",
    "PeepholeLSTMCell",
    "RNNCell",
    "RNNState",
    "discover",
    "dynamic_rnn",
    "mean_squared_error",
    "softmax_cross_entropy",
    "weights",
    "zero_state",
]
