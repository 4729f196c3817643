"""Names that users might give, and a scene that wears them everywhere a name can be."""

from hypothesis import strategies as st

from viz.curves import straight
from viz.scene import Box, Edge, Frame, Line, Scene, Text

EVIL = (
    "\"><script>alert(1)</script>", "' onload='alert(1)", "javascript:alert(1)", "]]><!--", "&lt;&amp;&#x3c;", '"',
    "\\N\\G\\E\\l", "\\", "a\\", "%0a\\n", "<b>bold</b>", "\x00\x07\x1b[31m", "\ud800 alone", "\u202egnirts",
    "\ufeff\u200b", "n0 -> n1; }", 'x" URL="javascript:alert(1)', "猫 ∂E∕∂h₁⁽²⁾", "\ufffe\uffff", "y" * 20_000, "", " ",
    "two\nlines\ttabbed\r\n", "${x} {{x}}",
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(EVIL), st.text(max_size=40), st.text("\"'<>&\\;[]{}=/#%\n\0\u202eNGEl", max_size=12),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "L", "P"]), max_size=12),
)  # fmt: skip


def wearing(names: list[str]) -> Scene:
    """Two boxes a name, an edge between them with the name on it, frames, texts and tooltips of the name."""
    frames, boxes, edges, texts = [], [], [], []
    for i, name in enumerate(names):
        y = 40 + 60 * i
        frames.append(Frame(5, y - 25, 490, 50, name, tooltip=name, path=name))
        boxes.append(Box(f"a{i}", 100, y, 100, 24, "round", "h", (Line(name), Line(name, 8)), name, name))
        boxes.append(Box(f"b{i}", 300, y, 100, 24, "none", "plain", (Line(name, bold=True),), name, name))
        label = Text(200, y - 8, name, tooltip=name)
        edges.append(Edge(f"a{i}", f"b{i}", straight((150, y), (250, y)), "h", label=label, tooltip=name))
        texts.append(Text(400, y, name, "start", italic=True, tooltip=name))
    title = names[0] if names else ""
    return Scene(500, 60 * len(names) + 30, title, title, frames, boxes, edges, texts)
