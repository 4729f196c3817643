"""Scenes of the article's figures as they should be; `python -m tests.viz.golden --overwrite` writes them anew.

Look at the pictures (`python -m demos figures`) before overwriting anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

from demos.figures import FIGURES

FOLDER = Path(__file__).parents[1] / "data" / "scenes"


def main(argv: list[str]) -> int:
    if argv != ["--overwrite"]:
        print(__doc__)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, figure in FIGURES.items():
        (FOLDER / f"{name}.json").write_text(figure().to_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
