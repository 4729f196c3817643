"""Losses, where readers of the article look for them; they are ops."""

from graphengine.ops import mean_squared_error, softmax_cross_entropy

__all__ = ["mean_squared_error", "softmax_cross_entropy"]
