"""What tests read off an interactive page: its elements, its style and scripts, and what it tells."""

import json
from html.parser import HTMLParser

import viz

VIEWS = {
    "unrolled": lambda trace: viz.unrolled(trace, gradient=True),
    "open": lambda trace: viz.unrolled(trace, detail="op"),
    "folded": viz.folded,
    "cell": lambda trace: viz.cell(trace, show="both"),
    "graph": viz.graph,
}


def unpack(packed):
    """What was packed, read by the rules that stand in viz/packing.py."""
    known = []

    def whole(value):
        if not isinstance(value, list):
            return value
        form, *rest = value
        if form < 0:
            return known[-form - 1]
        found = [whole(each) for each in rest]
        return dict(zip(packed["forms"][form - 1], found, strict=True)) if form else found

    for part in packed["parts"]:
        known += [whole(part)]
    return whole(packed["data"])


class Reader(HTMLParser):
    """Every element of a page with its attributes, and the content of its scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.contents, self.inside = [], {"style": [], "script": []}, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = self.contents.get(tag)
        if self.inside is not None:
            self.inside.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, content):
        if self.inside is not None:
            self.inside[-1] += content

    @property
    def style(self):
        (style,) = self.contents["style"]
        return style

    @property
    def script(self):
        _, script = self.contents["script"]
        return script

    @property
    def data(self):
        return unpack(json.loads(self.contents["script"][0]))

    @property
    def policy(self):
        return next(attributes["content"] for _, attributes in self.elements if "http-equiv" in attributes)

    @property
    def cards(self):
        pictures = self.data["pictures"].values()
        return [item["card"] for each in pictures for item in (*each["boxes"], *each["edges"]) if "card" in item]
