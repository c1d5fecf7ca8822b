"""A city that is served over HTTP, and the people who look after its connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ... import factories
from ...kernel import clock, outbox
from .. import jobs, query, run
from ..model import LIVE, Job
from ..remote import parse
from . import hostile
from .hostile import catalogue


class Region(factories.World):
    """The region with the league-city of Ordos, whose platform is served on this machine."""

    def __init__(self, server: hostile.Server) -> None:
        self.server = server

    @cached_property
    def ordos(self) -> dict[str, Any]:
        """Return the organisation that owns what no publisher is found for."""
        return factories.organisation("鄂尔多斯市人民政府", name="ordos", region_code="150600")

    @cached_property
    def city_official(self) -> factories.Person:
        """Return the reviewer of the city's own authority."""
        office = factories.organisation(
            "鄂尔多斯市数据局", name="ordos-data", role="authority", region_code="150600"
        )
        return factories.join(factories.person("cityofficial"), office, "reviewer")

    def stated(self, **values: Any) -> dict[str, Any]:
        """Return what connects the city."""
        _org = self.ordos
        return {"region_code": "150600", "address": f"{self.server.host}/catalog.ttl", **values}

    def connected(self, **values: Any) -> dict[str, Any]:
        """Return the city's source, made by the operator, who alone may name this machine's network."""
        networks = {"private_networks": ["127.0.0.0/24"]}
        return factories.call("nmgdata_source_create", self.sysadmin, **self.stated(**networks, **values))

    def serve(
        self, *numbers: int, extra: str = "", following: str | None = None, path: str = "/catalog.ttl"
    ) -> None:
        """Serve a page of the catalogue with these datasets."""
        self.server.page(path, catalogue(numbers, following) + extra)


@pytest.fixture(scope="module")
def served() -> Iterator[hostile.Server]:
    """Return the city's server."""
    made = hostile.Server()
    yield made
    made.close()
    parse.close()


@pytest.fixture
def region(clean_search: None, served: hostile.Server) -> Region:
    """Return the region; the city serves three datasets."""
    served.routes.clear()
    served.asked.clear()
    made = Region(served)
    made.serve(1, 2, 3)
    return made


@pytest.fixture
def work(wsgi: Any) -> Callable[[str], Job]:
    """Return a worker: it does the harvest of a source that was asked for, or asks itself; each a bit later."""

    turns: list[str] = []

    def harvest(source_id: str) -> Job:
        with clock.fixed(clock.now() + timedelta(minutes=len(turns))):
            turns.append(source_id)
            return one(source_id)

    def one(source_id: str) -> Job:
        live = sa.select(Job.id).where(Job.source_id == source_id, Job.state.in_(LIVE))
        job_id = model.Session.scalar(live) or jobs.ask(source_id)
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            run.Worker(only=[job_id]).run()
            outbox.deliver(["index"])
        done = query.job(job_id)
        assert done is not None
        return done

    return harvest
