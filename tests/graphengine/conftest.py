"""The small model that the tests of errors misuse."""

import pytest

from tests.graphengine.world import World


@pytest.fixture
def w():
    """After every error the graph builds and runs as if nothing had happened."""
    world = World()
    yield world
    world.still_works()
