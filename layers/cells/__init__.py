"""The zoo: one cell per file, found by looking, not by listing."""

from __future__ import annotations

import importlib
import pkgutil

from layers.cell import Cell


def discover() -> dict[str, type[Cell]]:
    """Return every cell of the zoo by its class name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        contents = vars(importlib.import_module(f"{__name__}.{module.name}"))
        for name, value in contents.items():
            if isinstance(value, type) and issubclass(value, Cell) and value.__module__.startswith(__name__):
                found[name] = value
    return dict(sorted(found.items()))
