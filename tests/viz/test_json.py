"""JSON holds the whole scene, legibly."""

import json
from dataclasses import fields

from tests.viz.demonstration import demonstration
from viz import scene as model
from viz.json_writer import to_json
from viz.scene import Scene

ITEMS = {"frames": model.Frame, "boxes": model.Box, "edges": model.Edge, "texts": model.Text}


def rebuilt(kind, values):
    """An item again, from what was written of it."""
    parts = {"lines": model.Line, "label": model.Text, **ITEMS}
    values = {
        name: tuple(rebuilt(parts[name], each) for each in value) if name in parts and isinstance(value, list)
        else rebuilt(parts[name], value) if name in parts
        else tuple(map(tuple, value)) if name == "points"
        else value
        for name, value in values.items()
    }  # fmt: skip
    assert set(values) <= {field.name for field in fields(kind)}
    return kind(**values)


def test_a_scene_comes_back_from_json():
    written = to_json(demonstration())
    document = json.loads(written)
    assert (document.pop("format"), document.pop("version")) == ("graphengine scene", 1)
    again = rebuilt(Scene, document)
    assert to_json(again) == written
    assert again.boxes == demonstration().boxes
    assert again.frames == demonstration().frames
    assert again.texts == demonstration().texts


def test_an_item_a_line():
    written = to_json(demonstration()).splitlines()
    assert sum(line.startswith(' {"id"') for line in written) == len(demonstration().boxes)
