"""A scene made by hand that has everything a scene can have: two LSTM cells, one closed and one open."""

from viz.curves import Curve, beside, reverse, rounded, straight
from viz.outline import meet
from viz.scene import Box, Edge, Frame, Line, Scene, Text
from viz.text import indexed

C, H = 150.0, 262.0  # the lanes of c and h


def demonstration() -> Scene:
    """Two steps of an LSTM with the gradient on the forward edges, and a legend."""
    boxes = {box.id: box for box in _boxes()}
    forward = list(_forward(boxes))
    edges = [*forward, *_gradient(boxes, forward)]
    key_edges, key_boxes, key_texts = _legend()
    frames = (
        Frame(20, 84, 990, 250, "layer 1 · forward", "layer", 10),
        Frame(436, 108, 360, 216, "LSTM, t = 1", "cell", 10),
        Frame(20, 420, 990, 44, "", "legend"),
    )
    texts = (
        Text(20, 26, "Two steps of an LSTM", "start", 16, bold=True),
        Text(20, 48, "values solid, gradients dashed against them; width and shade by the norm", "start", 10, "muted"),
        Text(190, 72, "t = 0", role="muted"),
        Text(616, 72, "t = 1", role="muted"),
        Text(640, 388, "DHX → dxₜ and ∂E∕∂hₜ₋₁", "start", 10, "gradient", italic=True),
    )
    return Scene(
        1030, 484, "Two steps of an LSTM", "One cell closed, one open; the loss's gradient runs from right to left.",
        frames, (*boxes.values(), *key_boxes), (*edges, *key_edges), (*texts, *key_texts),
    )


def _boxes():
    about = (Line("LSTM", 13, bold=True), Line("t = 0, layer 1", 9, "muted"), Line("5 units", 9, "muted"))
    yield Box("cell0", 190, 206, 112, 160, "round", "cell", about)
    for step, x in enumerate((52, 330, 850)):
        yield _pill(f"c{step}", x, C, "c", indexed("c", step - 1, "(1)"))
        yield _pill(f"h{step}", x, H, "h", indexed("h", step - 1, "(1)"))
    for step, x in enumerate((190, 470)):
        tooltip = f"x, step {step}\nshape 1×10"
        yield Box(f"x{step}", x, 388, 62, 24, "round", "input", (Line(indexed("x", step)),), tooltip)
    balls = (("forget", 500, C, "⊙"), ("add", 620, C, "+"), ("write", 620, 205, "⊙"), ("read", 720, H, "⊙"))
    for name, x, y, symbol in balls:
        yield Box(name, x, y, 22, 22, "circle", "op", (Line(symbol, 13),))
    gates = (("f", 500, 250, "σ"), ("i", 560, 250, "σ"), ("cproj", 620, 250, "tanh"), ("o", 680, 297, "σ"))
    for name, x, y, symbol in gates:
        yield Box(name, x, y, 44, 34, "rect", "gate", (Line(symbol, 12), Line(name, 8, "muted")))
    yield Box("squash", 720, 205, 40, 22, "round", "op", (Line("tanh"),))
    yield Box("join", 470, 330, 8, 8, "circle", "op")
    yield Box("weights", 570, 388, 74, 28, "rect", "weights", (Line("W 15×20", 10),))
    yield Box("loss", 940, H, 58, 58, "diamond", "loss", (Line("loss", 11, bold=True), Line("1.61", 9)))
    yield Box("nan", 940, 388, 24, 24, "circle", "bad", (Line("✕", 12, bold=True),))
    yield Box("y", 850, 388, 62, 24, "round", "output", (Line("y", 11, italic=True),))
    yield Box("dots", 945, C, 80, 20, "none", "ellipsis", (Line("⋯ (7 steps)", 10),))
    yield Box("z", 330, 206, 34, 20, "round", "delay", (Line("z⁻¹", 10),))
    yield Box("DFt", 560, 121, 62, 18, "round", "gradient", (Line("DFt 0.012", 9),))


def _pill(name: str, x: float, y: float, kind, symbol: str) -> Box:
    shape = "rect" if kind == "c" else "pill"
    line = Line(symbol, 11, bold=True)
    return Box(name, x, y, 46, 22, shape, kind, (line,), f"{symbol}\nshape 1×5", f"rnn/layer0/{kind}")


def _forward(boxes):
    lanes = (
        ("c0", "cell0", "c", C), ("cell0", "c1", "c", C), ("c1", "forget", "c", C), ("forget", "add", "c", C),
        ("add", "c2", "c", C), ("c2", "dots", "c", C), ("h0", "cell0", "h", H), ("cell0", "h1", "h", H),
        ("read", "h2", "h", H), ("h2", "loss", "h", H),
    )  # fmt: skip
    for source, target, kind, y in lanes:
        yield Edge(source, target, straight((boxes[source].right, y), (boxes[target].left, y)), kind)
    wires: tuple[tuple[str, str, str, Curve], ...] = (
        ("x0", "cell0", "input", straight((190, 376), (190, 286))),
        ("x1", "join", "input", straight((470, 376), (470, 334))),
        ("h1", "join", "h", rounded([(353, H), (410, H), (410, 330), (466, 330)], 10)),
        ("f", "forget", "forward", straight((500, 233), (500, 161))),
        ("i", "write", "forward", rounded([(560, 233), (560, 205), (609, 205)])),
        ("cproj", "write", "forward", straight((620, 233), (620, 216))),
        ("write", "add", "forward", straight((620, 194), (620, 161))),
        ("squash", "read", "forward", straight((720, 216), (720, 251))),
        ("o", "read", "forward", rounded([(702, 297), (720, 297), (720, 273)])),
        ("join", "f", "forward", rounded([(474, 330), (500, 330), (500, 267)])),
        ("join", "i", "forward", rounded([(474, 330), (560, 330), (560, 267)])),
        ("join", "cproj", "forward", rounded([(474, 330), (620, 330), (620, 267)])),
        ("join", "o", "forward", rounded([(474, 330), (680, 330), (680, 314)])),
        ("weights", "join", "weights", rounded([(570, 374), (570, 345), (487, 345), (473, 333)], 4)),
    )
    for source, target, kind, curve in wires:
        yield Edge(source, target, curve, kind)
    yield Edge("add", "squash", rounded([(631, C), (720, C), (720, 194)]), "c", emphasis="faded")
    yield Edge("h2", "y", straight((850, 273), (850, 376)), emphasis="highlight")


def _gradient(boxes, forward):
    flows = (
        ("h2", "loss", 1.0, 2.8, "0.403", 890), ("read", "h2", 0.8, 2.2, "0.212", 770),
        ("add", "c2", 0.5, 1.6, "0.0113", 675), ("forget", "add", 0.4, 1.3, "6.1e−3", 560),
        ("c1", "forget", 0.3, 1.1, "1.2e−3", 395), ("cell0", "c1", 0.0, 0.8, "1.1e−4", 276),
    )  # fmt: skip
    along = {(edge.source, edge.target): edge for edge in forward}
    for source, target, strength, width, norm, x in flows:
        edge = along[source, target]
        curve = meet(reverse(beside(edge.points, -8)), boxes[target], boxes[source])
        label = Text(x, edge.points[0][1] + 21, norm, size=9, role="gradient")
        yield Edge(target, source, curve, "gradient", width, strength, label=label, tooltip="norm of its contribution")
    curve = meet(straight((307, H + 8), (246, H + 8)), boxes["h1"], boxes["cell0"])
    yield Edge("h1", "cell0", curve, "zero", label=Text(276, H + 21, "0", role="muted", size=9))
    yield Edge("y", "nan", straight((881, 388), (928, 388)), "bad")
    yield Edge("z", "z", ((347, 201), (384, 190), (384, 222), (347, 211)), "delay")


def _legend():
    entries = (
        ("c", "cell state c"), ("h", "hidden state h"), ("input", "input"), ("gradient", "gradient, 1e−4 … 3"),
        ("zero", "exactly 0"), ("bad", "NaN or Inf"),
    )  # fmt: skip
    edges, boxes, texts = [], [], []
    for i, (kind, name) in enumerate(entries):
        left, right = 40 + 162 * i, 80 + 162 * i
        boxes += [Box(f"key{i}{end}", x, 442, 0, 0, "none", "anchor") for end, x in (("a", left), ("b", right))]
        edges.append(Edge(f"key{i}a", f"key{i}b", straight((left, 442), (right, 442)), kind, 1.5))
        texts.append(Text(right + 8, 442, name, "start", 9))
    return edges, boxes, texts
