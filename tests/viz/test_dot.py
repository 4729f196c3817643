"""DOT has every position in it, says the scene's words and no more, and the real engine draws what was meant."""

import re
import sys
from collections import Counter
from xml.etree import ElementTree

import pytest

from tests.viz.demonstration import demonstration
from tests.viz.names import wearing
from viz import render
from viz.curves import straight
from viz.dot import to_dot
from viz.scene import Box, Edge, Line, Scene, Text
from viz.theme import LIGHT, THEMES

NAMESPACE = "{http://www.w3.org/2000/svg}"
STRING = r'"(?:[^"\\]|\\.)*"'
STATEMENT = re.compile(rf"(\w+)(?: -> (\w+))? \[((?:\w+=(?:{STRING}|[\w.-]+) ?)*)\];\Z")
FRAME = re.compile(rf"subgraph cluster_\d+ {{ graph \[((?:\w+=(?:{STRING}|[\w.-]+) ?)*)\]; }}\Z")
ATTRIBUTES = {
    "pos", "bb", "width", "height", "shape", "style", "fillcolor", "color", "penwidth", "fixedsize", "label", "tooltip",
    "fontname", "fontsize", "fontcolor", "arrowhead", "arrowsize", "dir", "bgcolor", "outputorder", "pad", "margin",
    "splines", "notranslate",
}  # fmt: skip


def statements(dot):
    """Every statement as (name, other end or None, attributes); each stands on a line of its own."""
    head, opening, *lines, closing = dot.splitlines()
    assert (head[:2], opening, closing) == ("//", "digraph {", "}")
    for line in lines:
        found = FRAME.match(line)
        name, end, written = ("cluster", None, found[1]) if found else STATEMENT.match(line).groups()
        pairs = re.findall(rf"(\w+)=({STRING}|[\w.-]+)", written)
        assert {key for key, _ in pairs} <= ATTRIBUTES
        yield name, end, {key: value.strip('"') for key, value in pairs}


def drawn_by_engine(scene, theme=LIGHT):
    """What the Graphviz in the wheel makes of it, as SVG, which can be read back."""
    pytest.importorskip("pygraphviz")
    command = [sys.executable, "-P", str(render._WORKER), "pygraphviz", "svg"]
    return ElementTree.fromstring(render._run(command, to_dot(scene, theme), 60))


def words(root):
    return Counter(squeezed(each.text or "") for each in root.iter(f"{NAMESPACE}text"))


def squeezed(content):
    """White space as SVG shows it."""
    return " ".join(content.replace("\xa0", " ").split())


@pytest.mark.renderer
def test_nothing_at_all_to_write_does_not_crash_the_engine():
    """Graphviz 14 crashes in most runs, not in all, on a label that is an empty line."""
    for _ in range(8):
        assert not words(drawn_by_engine(wearing(["", "\u202e"] * 6)))


@pytest.mark.renderer
@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_the_engine_draws_what_the_scene_holds(theme):
    scene = demonstration()
    root = drawn_by_engine(scene, theme)
    drawn = [box for box in scene.boxes if box.kind != "anchor"]
    contents = [line.content for box in drawn for line in box.lines] + [label.content for label in scene.labels()]
    contents += [frame.title for frame in scene.frames if frame.title]
    assert words(root) == Counter(contents)
    kinds = Counter(each.get("class") for each in root.iter(f"{NAMESPACE}g"))
    assert kinds["edge"] == len(scene.edges)
    assert kinds["cluster"] == len(scene.frames)
    assert root.get("width") == f"{scene.width:g}pt"
    assert root.get("height") == f"{scene.height:g}pt"
    painted = (each.get("class") for each in root.iter(f"{NAMESPACE}g"))
    classes = [kind for kind in painted if kind in ("cluster", "edge", "node")]
    order = [kind for i, kind in enumerate(classes) if i == 0 or classes[i - 1] != kind]
    assert order == ["cluster", "edge", "node"]


@pytest.mark.renderer
def test_the_engine_puts_text_where_the_scene_has_it():
    labels = [Text(200, 20 + 30 * i, anchor, anchor, 12) for i, anchor in enumerate(("start", "middle", "end"))]
    root = drawn_by_engine(Scene(400, 120, "texts", texts=labels))
    for label in labels:
        found = next(each for each in root.iter(f"{NAMESPACE}text") if each.text == label.content)
        assert found.get("text-anchor") == label.anchor
        assert float(found.get("x")) == pytest.approx(label.x, abs=0.5)
        assert float(found.get("y")) + 120 == pytest.approx(label.y + 0.36 * label.size, abs=1.0)


@pytest.mark.renderer
def test_the_engine_paints_the_tip_where_the_scene_has_it():
    for kind, width in (("h", 1.0), ("gradient", 2.5), ("c", 1.2)):
        boxes = Box("a", 10, 10, 20, 10), Box("b", 190, 10, 20, 10)
        edge = Edge("a", "b", straight((20, 10), (180, 10)), kind, width)
        root = drawn_by_engine(Scene(200, 20, "one edge", boxes=boxes, edges=[edge]))
        (group,) = (each for each in root.iter(f"{NAMESPACE}g") if each.get("class") == "edge")
        line, head = group.find(f".//{NAMESPACE}path"), group.find(f".//{NAMESPACE}polygon")
        stroke = LIGHT.line(edge)[1]
        corners = [float(pair.split(",")[0]) for pair in head.get("points").split()]
        end = float(re.split("[, ]", line.get("d"))[-2])
        assert max(corners) + 1.514 * stroke == pytest.approx(180, abs=0.3)
        if kind == "gradient":  # hollow: a line that reached inside would be seen
            assert min(corners) == pytest.approx(end, abs=0.3)
        assert min(corners) - 0.3 <= end < max(corners)


def test_every_end_is_a_node_with_a_position():
    made = list(statements(to_dot(demonstration(), LIGHT)))
    placed = {name for name, end, attributes in made if end is None and "pos" in attributes}
    edges = [(name, end, attributes) for name, end, attributes in made if end]
    assert len(edges) == len(demonstration().edges)
    assert {end for name, target, _ in edges for end in (name, target)} <= placed


def test_positions_point_up_and_tips_stand_apart():
    boxes = Box("a", 10, 20, 20, 10), Box("b", 90, 60, 20, 10)
    line = straight((20, 20), (80, 60))
    edges = [Edge("a", "b", line, "h"), Edge("a", "b", line, head=False)]
    made = list(statements(to_dot(Scene(100, 100, "up", boxes=boxes, edges=edges), LIGHT)))
    nodes = {name: attributes for name, end, attributes in made if end is None}
    assert (nodes["n0"]["pos"], nodes["n1"]["pos"]) == ("10,80", "90,40")
    assert (nodes["n0"]["width"], nodes["n0"]["height"]) == ("0.2778", "0.1389")
    with_head, without = (attributes for _, end, attributes in made if end)
    tip, *points = with_head["pos"].split()
    assert tip == "e,80,40"
    assert points[0] == "20,80"
    assert points[-1] != "80,40"
    assert without["pos"].split() == ["20,80", "40,66.67", "60,53.33", "80,40"]
    assert without["arrowhead"] == "none"


def test_frames_are_clusters_with_bounds():
    made = [attributes for name, _, attributes in statements(to_dot(demonstration(), LIGHT)) if name == "cluster"]
    assert made[0]["bb"] == "20,150,1010,400"
    assert [attributes["label"] for attributes in made] == [""] * len(demonstration().frames)


def test_dots_per_inch_only_where_asked():
    scene = Scene(10, 10, "x", boxes=[Box("a", 5, 5, 5, 5, lines=(Line("x"),))])
    assert "dpi" not in to_dot(scene, LIGHT)
    assert " dpi=144]" in to_dot(scene, LIGHT, 144)


@pytest.mark.renderer
@pytest.mark.parametrize(("anchor", "end"), [("start", 0), ("end", -1)])
def test_lines_that_begin_or_end_together_are_painted_so(anchor, end, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    contents = ["HH", "H and gradients · values and gradients · values and gradientH"]
    texts = [Text(350, y, content, anchor, 9.5) for y, content in zip((20, 60), contents, strict=True)]
    (tmp_path / "lines.png").write_bytes(render.render(Scene(700, 80, "lines", texts=texts), LIGHT, "png"))
    grey = image.imread(tmp_path / "lines.png")[..., :3].mean(axis=-1)
    halves = grey[: len(grey) // 2], grey[len(grey) // 2 :]
    first, second = ((half < 0.6).any(axis=0).nonzero()[0][end] for half in halves)
    assert abs(first - second) <= 1  # pixel, half a point
