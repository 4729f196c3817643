"""The best step that one can write by hand in NumPy: what a plan should come near to.

Everything is bound once, so that a step is a list of calls on arrays that stay where they are. Features stand before
the batch, so that gates are contiguous blocks; `[x; 1; h]` stand side by side, so that one product makes all gates with
their biases; the gradients of the weights are formed for some 500 columns at once.
"""

from benchmarks.handwritten.gru import GRU
from benchmarks.handwritten.layer import Layer
from benchmarks.handwritten.lstm import LSTM, CoupledLSTM
from benchmarks.handwritten.network import Network
from benchmarks.handwritten.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "CoupledLSTM", "Layer", "Network"]
