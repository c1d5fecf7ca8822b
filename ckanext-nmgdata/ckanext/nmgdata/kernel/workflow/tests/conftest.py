"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.workflow import engine

from . import toy


@pytest.fixture
def toys(clean):
    """Let the engine know the toy machine."""
    toy.install()
    yield toy
    toy.uninstall()


@pytest.fixture
def filed(toys, world):
    """Return a maker of toy cases that wait for the department."""
    world.authority, world.reviewer, world.official

    def file(filer=None):
        user = filer or world.applicant
        filing = engine.Filing(world.department["id"], "150000", "some-dataset", user.id)
        return engine.start(toy.KIND, filing, Actor.person(user), {})

    return file
