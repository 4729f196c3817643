"""One peer at one case in a process of its own: reads an order as JSON, prints an answer as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peer import discover
from benchmarks.problem import problem
from benchmarks.speed import ready
from benchmarks.timing import measure


def work(order: dict[str, Any]) -> dict[str, Any]:
    """Check and time what is ordered."""
    numbers = problem(Case(**order["case"]))
    with np.load(order["reference"]) as wanted:
        row, step = ready(numbers, discover()[order["peer"]], dict(wanted))
    timing = measure({row.peer: step.run}, order["seconds"])[row.peer] if step else None
    return {
        "error": row.error,
        "problem": row.problem,
        "wrong": row.wrong,
        "wall": timing and timing.wall,
        "cpu": timing and timing.cpu,
    }


if __name__ == "__main__":
    print(json.dumps(work(json.load(sys.stdin))))
