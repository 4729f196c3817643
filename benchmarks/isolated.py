"""Each peer in fresh processes of its own, in alternation: for several threads, whose spinning pools disturb others."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.case import Case
from benchmarks.peer import Peer
from benchmarks.problem import problem
from benchmarks.reference import reference
from benchmarks.speed import Row
from benchmarks.timing import Timing

TURNS = 3


def compare_isolated(case: Case, peers: Mapping[str, Peer], seconds: float, turns: int = TURNS) -> list[Row]:
    """Check and time every peer that supports a case in processes of its own, several times round."""
    wanted, _ = reference(problem(case))
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "reference.npz"
        np.savez(place, **wanted)
        for _ in range(turns):
            for name, peer in peers.items():
                if peer.supports(case) and not (name in rows and rows[name].problem):
                    found = _in_process(case, name, seconds / turns, place)
                    rows[name] = _together(rows[name], found) if name in rows else found
    return list(rows.values())


def _in_process(case: Case, name: str, seconds: float, place: Path) -> Row:
    order = {"case": case.as_dict(), "peer": name, "seconds": seconds, "reference": str(place)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker"],
        input=json.dumps(order), capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    if done.returncode:
        return Row(case, name, problem=f"cannot run: {done.stderr.strip().splitlines()[-1]}", wrong=name == "ours")
    answer = json.loads(done.stdout.splitlines()[-1])
    timing = answer["wall"] and Timing(tuple(answer["wall"]), tuple(answer["cpu"]))
    return Row(case, name, timing or None, answer["error"], answer["problem"], answer["wrong"])


def _together(one: Row, other: Row) -> Row:
    if one.timing is None or other.timing is None:
        return other if other.problem else one
    return replace(one, timing=one.timing + other.timing)
