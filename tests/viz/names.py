"""Names that users might give, and a scene that wears them everywhere a name can be."""

from random import Random

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


FRAGMENTS = (
    "<script>", "</script>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<!--", "-->", "<![CDATA[", "]]>", "<?xml", "?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>", "&y;", "&#", "&#0;", "&#x3c;", "&lt;", "&amp",
    "&", "javascript:alert(1)", "data:text/html,x", "url(http://e.example/x)", "@import", "</title>",
    "</style>", "</text>", "</svg>", '"', "'", "`", '" onload="', "' onclick='", '" href="javascript:',
    '" URL="x', '"];', "n0 -> n1;", "}", "{", "\\", "\\\\", '\\"', "\\n", "\\N", "\\G", "\\l", "\\u003c", "%00",
    "%0a", "${x}", "${", "{{x}}", "#{x}", "$(touch x)", "`touch x`", "; touch x", "| touch x", "../../x",
    "C:\\x", "|", ":", "=", "\n", "\r\n", "\r", "\t", "\v", "\f", "\0", "\x07", "\x1b[31m", "\x7f", "\x85",
    "\x9b", "\u2028", "\u2029", "\u00a0", "\u3000", "\u00ad", "\u200b", "\u200d", "\ufeff", "\u202a", "\u202e",
    "\u2066", "\u2069", "\u061c", "\ud800", "\udfff", "\udc00\ud800", "\ufffe", "\uffff", "\U0001fffe",
    "\U0010ffff", "\ufffd", "e\u0301\u0301\u0301", "\u0301" * 40, "\u20e3", "\U0001f600",
    "\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea", "猫", "مرحبا", "שלום", "∂E∕∂h₁⁽²⁾", "ı", "ﬃ", "𝒉", " ",
    "a", "h", "time", "__proto__", "constructor", "toString", "-0", "NaN", "1e999", "null",
)  # fmt: skip


def hostile(count: int, seed: int) -> list[str]:
    """Different names: fragments that mean something to somebody, letters from anywhere; some are very long."""
    draw = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [_letters(draw) if draw.random() < 0.25 else draw.choice(FRAGMENTS) for _ in range(draw.randint(1, 6))]
        name = "".join(parts)
        found[name if len(found) % 400 else (name * 20_000)[:20_000]] = None
    return list(found)


def _letters(draw: Random) -> str:
    """A few letters: of the first planes mostly, surrogates and what is not assigned among them."""
    limit = draw.choice((0x80, 0x250, 0x3000, 0x10000, 0x110000))
    return "".join(chr(draw.randrange(limit)) for _ in range(draw.randint(1, 8)))
