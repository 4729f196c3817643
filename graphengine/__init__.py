"""A define-then-run computation graph in NumPy, where every op carries its own hand-written backward.

Define a `Graph` once, compile a `Plan` once, run it many times, and look inside with a `Trace`.
"""

from graphengine import initializers, ops
from graphengine.errors import GraphError
from graphengine.gradcheck import check_gradients
from graphengine.graph import Graph, Node, Tensor
from graphengine.loop import Loop
from graphengine.op import Elementwise, Op
from graphengine.optim import SGD, Adam, AdamW, RMSProp, clip_by_global_norm, clip_by_value
from graphengine.parameter import Parameter
from graphengine.plan import Plan
from graphengine.profile import Profile
from graphengine.run import Run
from graphengine.scope import Scope
from graphengine.spec import Spec, dim
from graphengine.trace import Trace

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Elementwise",
    "Graph",
    "GraphError",
    "Loop",
    "Node",
    "Op",
    "Parameter",
    "Plan",
    "Profile",
    "RMSProp",
    "Run",
    "Scope",
    "Spec",
    "Tensor",
    "Trace",
    "check_gradients",
    "clip_by_global_norm",
    "clip_by_value",
    "dim",
    "initializers",
    "ops",
]
