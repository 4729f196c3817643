"""The zoo: one cell per file, found by looking, not by listing."""

from __future__ import annotations

import importlib
import pkgutil

from layers.cell import Cell


def discover() -> dict[str, type[Cell]]:
    """Return every cell of the zoo by its class name."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    found = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Cell) and value.__module__.startswith(__name__)
    }
    return dict(sorted(found.items()))
