"""Weights of other frameworks: plain arrays in, plain arrays out, no other framework imported.

Each source has a pair of functions. `from_…` returns what `layer.assign` takes, by our names; `to_…` takes that and
returns the source's arrays by its names. `load_torch` and `save_torch` do so for a whole stack or both directions.

A conversion that would lose something is refused with the reason. What each source calls things:

| source        | LSTM gates       | GRU gates | a gate is    | biases                     | forget bias            |
|---------------|------------------|-----------|--------------|----------------------------|------------------------|
| here          | f, i, cproj, o   | r, u, n   | columns      | one; GRU also d_n          | added at run time      |
| PyTorch       | i, f, g, o       | r, z, n   | rows         | two                        | none                   |
| Keras         | i, f, c, o       | z, r, h   | columns      | one; GRU reset-after two   | written into the bias  |
| TensorFlow 1  | i, j, f, o       | r, u; c   | columns      | one                        | added at run time      |
| Deep-Breathe  | f, i, c, o       |           | rows         | column 0 of the one matrix | added at run time      |

States differ too: `(c, h)` here and in TensorFlow 1, `(h, c)` in PyTorch and Keras.
"""

from layers.weights.deep_breathe import from_deep_breathe, to_deep_breathe
from layers.weights.keras import from_keras, to_keras
from layers.weights.layout import part
from layers.weights.modules import load_torch, save_torch
from layers.weights.tf import from_tf, to_tf
from layers.weights.torch import from_torch, to_torch

__all__ = [
    "from_deep_breathe",
    "from_keras",
    "from_tf",
    "from_torch",
    "load_torch",
    "part",
    "save_torch",
    "to_deep_breathe",
    "to_keras",
    "to_tf",
    "to_torch",
]
