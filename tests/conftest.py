"""Tests that take more than a few seconds run only when asked for: `pytest -m slow`."""

import pytest


def pytest_collection_modifyitems(config, items):
    if "slow" in config.getoption("markexpr"):
        return
    skipped = pytest.mark.skip(reason="takes long; run with -m slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skipped)
