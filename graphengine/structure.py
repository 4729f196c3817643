"""Structures: any nesting of tuples, named tuples and lists around leaves, as the states of cells are.

Nothing here knows what a leaf is. A leaf's path is spelled with the field names of named tuples; positions in a plain
tuple are layers (`layer0/c`), which is what a plain tuple of states means in this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from graphengine.errors import StructureError, here


def is_branch(value: Any) -> bool:
    """Tell whether a value is a level of structure rather than a leaf."""
    return isinstance(value, tuple | list)


def leaves(structure: Any) -> list[Any]:
    """Return the leaves from left to right.

    >>> leaves((1, (2, 3)))
    [1, 2, 3]
    """
    found = []
    pending = [structure]
    while pending:
        value = pending.pop()
        if is_branch(value):
            pending.extend(reversed(value))
        else:
            found.append(value)
    return found


def walk(structure: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every leaf with the names that lead to it."""
    pending = [(path, structure)]
    while pending:
        here, value = pending.pop()
        if not is_branch(value):
            yield here, value
            continue
        names = getattr(value, "_fields", None) or tuple(f"layer{i}" for i in range(len(value)))
        pending.extend(((*here, name), part) for name, part in reversed(list(zip(names, value, strict=True))))


def rebuild(structure: Any, new_leaves: list[Any]) -> Any:
    """Return the same nesting around other leaves.

    >>> rebuild((1, (2, 3)), list("abc"))
    ('a', ('b', 'c'))
    """
    supply = iter(new_leaves)

    def build(value: Any) -> Any:
        if not is_branch(value):
            return next(supply)
        parts = [build(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    return build(structure)


def same_form(wanted: Any, given: Any, what: str) -> None:
    """Check that two structures nest alike, or say where they differ.

    Raises:
        StructureError: they do not; the message shows both forms.
    """
    pending = [(wanted, given)]
    while pending:
        a, b = pending.pop()
        if is_branch(a) != is_branch(b) or (is_branch(a) and len(a) != len(b)):
            raise StructureError(f"{what} must have the form {form(wanted)}, got {form(given)}{here()}")
        if is_branch(a):
            pending.extend(zip(a, b, strict=True))


def form(structure: Any) -> str:
    """Spell the nesting of a structure, leaves by their spec where they have one: `(LSTMState(c=…, h=…),)`."""
    if not is_branch(structure):
        leaf = getattr(structure, "spec", structure)
        return str(leaf) if hasattr(leaf, "shape") and not hasattr(leaf, "ctypes") else type(leaf).__name__
    fields = getattr(structure, "_fields", None)
    if fields:
        inner = ", ".join(f"{name}={form(part)}" for name, part in zip(fields, structure, strict=True))
        return f"{type(structure).__name__}({inner})"
    return "(" + ", ".join(form(part) for part in structure) + ("," if len(structure) == 1 else "") + ")"


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every leaf and keep the nesting."""
    return rebuild(structure, [function(leaf) for leaf in leaves(structure)])
