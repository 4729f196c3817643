"""Optimizers: how parameters change, given their gradients."""

from graphengine.optim.base import Optimizer
from graphengine.optim.clip import clip_by_global_norm, clip_by_value
from graphengine.optim.methods import SGD, Adam, AdamW, RMSProp

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_by_global_norm", "clip_by_value"]
