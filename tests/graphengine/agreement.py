"""What the tests of plans, traces and loops share: a plan and a trace of it must say the same."""

import numpy as np

TOLERANCE = 1e-12


def near(ours, theirs, tolerance=TOLERANCE, what=""):
    """Two arrays agree, measured against the larger of them."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} and {theirs.shape}"
    if not ours.size:
        return
    scale = max(1.0, float(np.abs(theirs).max()))
    worst = float(np.abs(ours.astype(float) - theirs.astype(float)).max())
    assert worst <= tolerance * scale, f"{what}: differ by {worst:.3g} at scale {scale:.3g}"


def same(plan, feeds, **given):
    """Run and trace a plan, and check that values and gradients agree; returns both."""
    given.setdefault("seed", 7)
    run, trace = plan.run(feeds, **given), plan.trace(feeds, **given)
    for tensor in (*plan.targets, *plan.also):
        near(run[tensor], trace.value(tensor), what=tensor.path)
    if given.get("gradients", True):
        for tensor in plan.differentiated:
            near(run.grad(tensor), trace.grad(tensor), what=f"gradient of {tensor.path}")
    return run, trace


def edges(plan, tensor):
    """Return every (node, input) of a plan through which a tensor is used; a delay's feed comes after its input."""
    return [(node, i) for node in plan.nodes for i, source in enumerate(node.sources) if source is tensor]


def check_contributions(plan, trace, seeds=()):
    """The contributions on the edges out of every tensor add up to its gradient, at every step.

    Returns how many (tensor, step) pairs were compared.
    """
    compared = 0
    for tensor in plan.active:
        if tensor in plan.targets:
            continue
        steps = [None] if tensor.loop is None else list(trace.positions(tensor.loop))
        for order, t in enumerate(steps):
            total = np.zeros_like(trace.grad(tensor, t))
            for node, i in edges(plan, tensor):
                if not trace.edge_carries(node, i):
                    continue
                for place in _places(trace, node, i, tensor, steps, order):
                    total = total + trace.contribution(node, i, place)
            near(total, trace.grad(tensor, t), what=f"{tensor.path} at {t}")
            compared += 1
    return compared


def _places(trace, node, i, tensor, steps, order):
    """The positions at which an edge carries a gradient to a tensor at one of its steps."""
    if tensor.loop is None:
        return [None] if node.loop is None else list(trace.positions(node.loop))
    if node.feeds is tensor and i == len(node.inputs):
        return steps[order + 1 : order + 2]
    return [steps[order]]
