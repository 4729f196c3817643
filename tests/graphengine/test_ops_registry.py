"""The table of ops is complete."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass

from graphengine import ops
from graphengine.op import Op, Source
from tests.graphengine.ops_table import ROWS


def subclasses(cls: type[Op]) -> Iterator[type[Op]]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_op_has_a_row() -> None:
    for module in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
        importlib.import_module(module.name)
    found = {
        cls
        for cls in subclasses(Op)
        if cls.__module__.startswith(f"{ops.__name__}.")
        and not issubclass(cls, Source)
        and (("__dataclass_fields__" in vars(cls) and cls.forward is not Op.forward) or not cls.__subclasses__())
    }
    assert {row.op for row in ROWS} == found
    assert len(ROWS) == len(found), "an op has two rows"
    assert all(is_dataclass(cls) for cls in found), "an op is a frozen dataclass"
