"""JSON: the scene itself, for tests, for other programs and for pages that draw it their own way."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from viz import text
from viz.scene import Scene

FORMAT = "graphengine scene"
VERSION = 1


def to_json(scene: Scene) -> str:
    """Return the scene as JSON: one key per field, defaults left out, coordinates to two decimals."""
    return json.dumps({"format": FORMAT, "version": VERSION, **_plain(scene)}, ensure_ascii=False, indent=1) + "\n"


def _plain(item: Any) -> Any:
    """Dataclasses become mappings without what says nothing, texts what may be drawn of them."""
    if isinstance(item, str):
        return text.clean(item, text.TOOLTIP, lines=True)
    if isinstance(item, float):
        return round(item, 2) + 0.0
    if isinstance(item, tuple):
        return [_plain(each) for each in item]
    if not hasattr(item, "__dataclass_fields__"):
        return item
    return {
        field.name: _plain(value)
        for field in fields(item)
        if not field.name.startswith("_") and (value := getattr(item, field.name)) != field.default
    }
