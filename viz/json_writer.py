"""JSON: the scene itself, for tests, for other programs and for pages that draw it their own way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from viz import text
from viz.scene import Scene

FORMAT = "graphengine scene"
VERSION = 1


def to_json(scene: Scene) -> str:
    """Return the scene as JSON: an item a line, defaults left out, coordinates to two decimals."""
    return "".join(_lines({"format": FORMAT, "version": VERSION, **plain(scene)}))


def _lines(document: dict[str, Any]) -> Iterator[str]:
    separator = "{"
    for key, value in document.items():
        items = ",\n ".join(_dumps(item) for item in value) if isinstance(value, list) else ""
        yield f"{separator}\n{_dumps(key)}: " + (f"[\n {items}\n]" if items else _dumps(value))
        separator = ","
    yield "\n}\n"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def plain(item: Any) -> Any:
    """Return a scene or a part of it as lists and mappings: no defaults, and of texts what may be drawn."""
    if isinstance(item, str):
        return text.clean(item, text.TOOLTIP, lines=True)
    if isinstance(item, float):
        return round(item, 2) + 0.0
    if isinstance(item, Sequence):
        return [plain(each) for each in item]
    if not hasattr(item, "__dataclass_fields__"):
        return item
    return {
        field.name: plain(value)
        for field in fields(item)
        if field.compare and (value := getattr(item, field.name)) != field.default
    }
