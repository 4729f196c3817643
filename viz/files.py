"""Files: a picture is put where it was asked to go, as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from viz.errors import SaveError


def put(path: str | os.PathLike[str], write: Callable[[], bytes]) -> Path:
    """Write what a function returns to a file, which is replaced at once or not at all; return the path.

    Raises:
        SaveError: the folder does not exist, or the path is a folder.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise SaveError(f"{path}: the folder {target.parent} does not exist; make it first")
    if target.is_dir():
        raise SaveError(f"{path}: this is a folder; a picture needs a name, such as {Path(path).name}/graph.svg")
    _replace(target, write())
    return Path(path)


def _replace(target: Path, content: bytes) -> None:
    """Put a file in place as a whole, so that a reader or a crash never meets half a picture."""
    draft = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
