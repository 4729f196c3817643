"""The machine that numbers come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from benchmarks import threads

PACKAGES = {"numpy_ml": "numpy-ml"}


def describe(modules: Iterable[str]) -> dict[str, str]:
    """Return what the machine is, what NumPy multiplies with, and the versions of some modules."""
    config = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    simd = config["SIMD Extensions"]
    return {
        "processor": f"{_processor()}, {os.cpu_count()} visible",
        "load when started": " ".join(f"{each:.1f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else "?",
        "threads": str(threads.pinned()),
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        "NumPy": f"{np.__version__}, {blas['name']} {blas['version']}, SIMD {' '.join(simd.get('found', ()))}",
        **{name: found for name in modules if (found := _version(name))},
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(module: str) -> str:
    try:
        return version(PACKAGES.get(module, module))
    except PackageNotFoundError:
        return ""
