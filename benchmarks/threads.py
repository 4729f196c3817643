"""The number of threads that everything may use, told to every library before it is imported."""

from __future__ import annotations

import os

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")


def pin(count: int) -> None:
    """Tell every pool its size; call it before anything imports NumPy."""
    os.environ.update(dict.fromkeys(POOLS, str(count)))
    if count == 1:
        eigen = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {eigen}".strip()


def pinned() -> int:
    """How many threads a library may use that has to be told by a call."""
    return int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
