"""JSON holds the whole scene, legibly."""

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from tests.viz.demonstration import demonstration
from tests.viz.names import NAMES, wearing
from viz import scene as model
from viz.json_writer import to_json
from viz.scene import Scene

ITEMS = {"frames": model.Frame, "boxes": model.Box, "edges": model.Edge, "texts": model.Text}


def rebuilt(document):
    """The scene again, from what was written."""
    def item(kind, values):
        known = {field.name for field in fields(kind)}
        assert set(values) <= known
        if "lines" in values:
            values["lines"] = tuple(item(model.Line, line) for line in values["lines"])
        if "points" in values:
            values["points"] = tuple(map(tuple, values["points"]))
        if values.get("label"):
            values["label"] = item(model.Text, values["label"])
        return kind(**values)

    parts = {name: tuple(item(kind, each) for each in document.get(name, ())) for name, kind in ITEMS.items()}
    return Scene(**{**document, **parts})


def test_a_scene_comes_back_from_json():
    written = to_json(demonstration())
    document = json.loads(written)
    assert (document.pop("format"), document.pop("version")) == ("graphengine scene", 1)
    assert to_json(rebuilt(document)) == written
    again = rebuilt(json.loads(written) | {}) if False else rebuilt(document)
    assert again.boxes == demonstration().boxes


def test_an_item_a_line():
    written = to_json(demonstration()).splitlines()
    assert sum(line.startswith(' {"id"') for line in written) == len(demonstration().boxes)


@given(st.lists(NAMES, max_size=3))
def test_any_names_make_good_json(names):
    document = json.loads(to_json(wearing(names)).encode().decode())
    assert len(document.get("boxes", ())) == 2 * len(names)
