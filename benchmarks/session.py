"""A session: the tables that are asked for, measured, printed and written."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Collection, Iterable
from typing import Any

from benchmarks import build, grid, scaling
from benchmarks.isolated import compare_isolated
from benchmarks.machine import describe
from benchmarks.peer import Peer, discover
from benchmarks.report import Table, machine_text, write_markdown
from benchmarks.speed import Row, compare
from benchmarks.speed_tables import SpeedTables


class UnknownNameError(ValueError):
    """The command line names something that does not exist."""


class Session:
    """What one call of the command does."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        _known("tables", options.tables, ("speed", "build", "scaling"))
        for axis, names in grid.known().items():
            _known(axis, getattr(options, axis), names)
        self.cells = options.cells or grid.cells()
        _known("cells", self.cells, grid.cells())
        self.peers = self._peers()
        self.machine = describe(name for peer in discover().values() for name in peer.needs)
        self.tables: list[Table] = []
        self.found: dict[str, list[dict[str, Any]]] = {}
        self.wrong: list[Row] = []

    def _peers(self) -> dict[str, Peer]:
        """The peers that are installed and wanted."""
        known = discover()
        named = self.options.peers
        _known("peers", named or (), known)
        found = {}
        for name, peer in known.items():
            if name not in named if named else peer.costly and not self.options.all:
                continue
            if missing := peer.missing():
                _say(f"{name}: not here, needs {', '.join(missing)}")
                continue
            found[name] = peer
        return found

    def run(self) -> None:
        """Measure what is asked for."""
        for name in self.options.tables:
            getattr(self, f"_{name}")()

    def _speed(self) -> None:
        options = self.options
        cases = grid.grid(
            self.cells,
            sizes=options.sizes,
            dtypes=options.dtypes,
            forms=options.forms,
            passes=options.passes,
            everything=options.all,
        )
        one_case = compare_isolated if options.isolated else compare
        rows: list[Row] = []
        for number, case in enumerate(cases, 1):
            _say(f"speed {number} of {len(cases)}: {case.name}, {case.dtype}, {case.direction}")
            rows += one_case(case, self.peers, options.seconds)
        tables = SpeedTables(rows)
        self.tables += [tables.summary(), tables.details()]
        self.wrong += [row for row in rows if row.wrong]
        self.found["speed"] = [row.as_dict() for row in rows]

    def _build(self) -> None:
        rows = []
        for case in build.cases(self.cells):
            for name, peer in self.peers.items():
                if peer.supports(case) and name != "products alone" and (case.cell == "LSTMCell" or name == "ours"):
                    _say(f"build: {case.name}, {name}")
                    rows.append(build.prepare(case, peer))
        self.tables.append(build.table(rows))
        self.found["build"] = [row.as_dict() for row in rows]

    def _scaling(self) -> None:
        peers = {name: self.peers[name] for name in ("ours", "hand-written", "torch") if name in self.peers}
        rows = []
        for axis in scaling.AXES:
            _say(f"scaling: {axis.symbol}")
            rows += scaling.grow(axis, peers, self.options.seconds)
        self.tables.append(scaling.table(rows))
        self.found["scaling"] = [row.as_dict() for row in rows]

    def show(self) -> None:
        """Print the tables, and write the files that are asked for."""
        print(machine_text(self.machine), *(table.text() for table in self.tables), sep="\n\n")
        for row in self.wrong:
            print(f"WRONG: {row.case.name}, {row.case.dtype}, {row.peer} {row.problem}")
        if self.options.markdown:
            write_markdown(self.options.markdown, self.machine, self.tables)
        if self.options.json:
            content = {"machine": self.machine, **self.found}
            self.options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _known(what: str, named: Iterable[str], there: Collection[str]) -> None:
    if unknown := [name for name in named if name not in there]:
        raise UnknownNameError(f"no {what} called {', '.join(unknown)}; there are {', '.join(there)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
