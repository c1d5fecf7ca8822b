"""A city and the region, two portals of this software, over HTTP: what the city does is so here in seconds.

Both are real processes: the city's web, the region's web and tick. The test acts as people do, by the city's
API, and looks at what the region tells everybody.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from ckan import model

from stack import city as beside
from stack import portal as programs
from stack import process, servers, settings

from ... import factories
from ...conftest import empty_tables
from ...kernel.actors import Actor
from ...kernel.audit import log as chain
from ...kernel.audit import verify
from ...kernel.types import new_id
from ...kernel.unit import begin
from .. import run
from ..following.model import Following, OriginStop
from ..model import Job, JobState, Problem, Source
from .city import counts

SECONDS = 10.0
"""Within which the region must have followed (R-OBJ-02)."""
CSV = factories.CSV
DANGER = {"danger_kind": "public_interest", "reason": "数据可能被用来危害公共利益，需要核实。"}


@pytest.fixture(autouse=True)
def monday() -> None:
    """Go by the machine's own clock, as both portals do."""


@dataclass
class Portals:
    """Both portals, and the accounts of the city."""

    city: beside.City
    region: settings.Settings
    org: dict[str, Any]
    editor: dict[str, str]
    reviewer: dict[str, str]
    official: dict[str, str]
    source_id: str = ""
    waits: list[float] = field(default_factory=list)

    def at_city(self, action: str, who: dict[str, str], **data: Any) -> Any:
        """Call an action at the city; a file is sent as a browser does."""
        url = f"{self.city.site_url}/api/3/action/{action}"
        files = {"upload": data.pop("upload")} if "upload" in data else None
        sent = {"data": data, "files": files} if files else {"json": data}
        answer = requests.post(url, headers=who, timeout=30, **sent)  # type: ignore[arg-type]
        assert answer.ok, answer.text
        return answer.json()["result"]

    def publish(self, title: str, files: int = 1, **values: Any) -> str:
        """Publish an entry with files at the city; return its id there."""
        data = {**factories.entry(self.org, title=title, region_code="150600"), **values}
        made = self.at_city("package_create", self.editor, **data)["id"]
        for number in range(files):
            name = f"{number}.csv"
            file = {"package_id": made, "name": name, "format": "CSV", "url": name, "upload": (name, CSV)}
            self.at_city("resource_create", self.editor, **file)
        return made

    def here(self, title: str) -> model.Package | None:
        """Return the region's entry of a title, from its database."""
        model.Session.rollback()
        model.Session.expire_all()
        return model.Session.scalar(sa.select(model.Package).where(model.Package.title == title))

    def status(self, title: str, file: int = 0) -> int:
        """Return what the region answers to a download of an entry's file; 0: it has none such."""
        entry = self.here(title)
        resources = sorted(entry.resources_all, key=lambda one: one.name) if entry else []
        if len(resources) <= file:
            return 0
        path = f"/dataset/{resources[file].package_id}/resource/{resources[file].id}/download"
        return self.get(path).status_code

    def get(self, path: str) -> requests.Response:
        """Ask the region as everybody."""
        return requests.get(self.region.site_url + path, timeout=30, allow_redirects=False)

    def show(self, title: str) -> dict[str, Any]:
        """Return the region's entry as everybody reads it; empty where they may not."""
        entry = self.here(title)
        answer = self.get(f"/api/3/action/package_show?id={entry.id}") if entry else None
        return answer.json()["result"] if answer is not None and answer.ok else {}

    def soon(self, what: Callable[[], Any], expected: Any, seconds: float = SECONDS) -> None:
        """Look until something is as expected, for so long at most."""
        began = time.monotonic()
        while (found := what()) != expected:
            assert time.monotonic() - began < seconds, (found, expected, self.following())
            time.sleep(0.05)
        self.waits.append(time.monotonic() - began)

    def following(self) -> Any:
        """Return where the region is in the city's feed."""
        model.Session.rollback()
        row = model.Session.get(Following, self.source_id, populate_existing=True)
        return row and (row.cursor, row.error, row.detail, row.refused)

    def suspend(self, dataset_id: str, **named: Any) -> str:
        """Suspend an entry at the city ex officio; return the number of the city's case."""
        return self.at_city(
            "nmgdata_suspension_create", self.reviewer, dataset_id=dataset_id, **DANGER, **named
        )["number"]

    def decide(self, number: str, step: str, **stated: Any) -> None:
        """End the verification at the city."""
        outcome = factories.WITHDRAWAL if step == "withdraw" else factories.OUTCOME
        self.at_city(
            "nmgdata_case_transition", self.reviewer, id=number, transition=step, **outcome, **stated
        )

    def close(self, dataset_id: str) -> None:
        """Have the city's authority close an entry for good, so that its department may delete it."""
        stated = {
            "open_class": "non_open", "nonopen_ground": "personal_privacy",
            "reason": "数据涉及个人隐私，依法不得开放。", "legal_basis": factories.WITHDRAWAL["legal_basis"],
        }  # fmt: skip
        case = self.at_city("nmgdata_class_change_submit", self.editor, id=dataset_id, **stated)
        self.at_city("nmgdata_case_transition", self.official, id=case["id"], transition="approve")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def portals(portal: None, wsgi: Any) -> Iterator[Portals]:
    """Start both; the city has a department with people, the region a source that is the city."""
    region = settings.load(os.environ["NMGDATA_STACK"])
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        empty_tables()
        org = factories.organisation("鄂尔多斯市交通运输局", name="ordos-transport", region_code="150600")
        editor = factories.login(factories.join(factories.person("editor"), org, "editor"))
        reviewer = factories.login(factories.join(factories.person("reviewer"), org, "reviewer"))
        office = factories.organisation("鄂尔多斯市数据局", role="authority", region_code="150600")
        official = factories.login(factories.join(factories.person("official"), office, "reviewer"))
        servers.restrict_runtime_role(region)
        begin_audit()
        model.Session.remove()
        model.ensure_engine().dispose()
        city = beside.create(region, "150600", free_port())
        empty_tables()
        begin_audit()
        found = Portals(city, region, org, editor, reviewer, official)
        found.source_id = make_source(city)
    city.start()
    beside.start_tick(city)
    programs.start_web(region, 1)
    beside.start_tick(region)
    try:
        city.wait()
        programs.wait_for_page(region)
        yield found
    finally:
        for one in (region, city):
            process.stop(one, "tick")
            process.stop(one, "web", signal.SIGINT)
        model.Session.rollback()
        sys.stderr.write(f"the region followed after {[round(wait, 2) for wait in found.waits]} s\n")


def begin_audit() -> None:
    """Begin the audit chain, as the migrations did; the portals' role may not."""
    with begin(Actor.system()) as unit:
        chain.lock_head(unit.session)


def make_source(city: beside.City) -> str:
    """Make the source that is the city, at the region."""
    owner = factories.organisation("鄂尔多斯市政府", name="ordos-gov", region_code="150600")
    with begin(Actor.system()) as unit:
        source = Source(
            id=new_id(), name="ordos", title="鄂尔多斯市", region_code="150600", owner_org=owner["id"],
            address=f"{city.site_url}/catalog.ttl", feed=f"{city.site_url}/nmg/changes.jsonld",
            private_networks=["127.0.0.0/8"], created_at=unit.now, changed_at=unit.now,
        )  # fmt: skip
        unit.session.add(source)
        return source.id


def test_the_region_follows_a_city_from_publication_to_deletion(portals: Portals, wsgi: Any):
    there = {name: portals.publish(name) for name in ("公交站点", "停车场")}
    portals.soon(lambda: portals.at_city("package_search", {}, rows=0)["count"], 2, seconds=60)
    first_harvest(portals, wsgi)
    portals.soon(lambda: portals.status("公交站点"), 302)
    address = portals.get(download(portals, "公交站点")).headers["Location"]
    assert address.startswith(portals.city.site_url)
    assert requests.get(address, timeout=30).content == CSV

    there["新数据"] = portals.publish("新数据", files=2)
    portals.soon(lambda: portals.status("新数据", 1), 302)

    portals.at_city("package_patch", portals.editor, id=there["停车场"], title="停车场（改）")
    portals.soon(lambda: portals.status("停车场（改）"), 302)

    number = portals.suspend(there["公交站点"])
    portals.soon(lambda: portals.status("公交站点"), 451)
    said = portals.get(download(portals, "公交站点")).json()["error"]
    assert number in said["why"]
    assert portals.show("公交站点")["open_state"] == "suspended"
    portals.decide(number, "restore")
    portals.soon(lambda: portals.status("公交站点"), 302)

    (file, _other) = portals.at_city("package_show", portals.editor, id=there["新数据"])["resources"]
    number = portals.suspend(there["新数据"], resources=[file["id"]])
    portals.soon(lambda: portals.status("新数据", 0), 451)
    assert portals.status("新数据", 1) == 302
    portals.decide(number, "restore")
    portals.soon(lambda: portals.status("新数据", 0), 302)

    own = suspend_here(portals, wsgi)
    number = portals.suspend(there["公交站点"])
    portals.decide(number, "restore")
    number = portals.suspend(there["停车场"])
    portals.soon(lambda: portals.status("停车场（改）"), 451)
    assert portals.status("公交站点") == 451, "the region's own suspension outlives the city's restoration"
    own("restore", **factories.OUTCOME)
    assert portals.status("公交站点") == 302

    portals.decide(number, "withdraw")
    portals.soon(lambda: portals.status("停车场（改）"), 410)
    left = portals.show("停车场（改）")
    assert (left["title"], left["open_state"]) == ("停车场（改）", "withdrawn")
    register = portals.get("/api/3/action/nmgdata_suspension_list").json()["result"]
    assert factories.OUTCOME["public_reason"] in {line["reason"] for line in register}

    portals.close(there["新数据"])
    portals.soon(lambda: portals.status("新数据"), 404)
    portals.at_city("package_delete", portals.editor, id=there["新数据"])
    portals.soon(lambda: portals.status("新数据"), 404)
    assert portals.show("新数据") == {}
    assert portals.following()[1:] == (None, None, [])


def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(portals: Portals):
    there = {name: portals.publish(name) for name in (f"断电{number}" for number in range(4))}
    for name in there:
        portals.soon(lambda name=name: portals.status(name), 302)

    numbers = {name: portals.suspend(dataset_id) for name, dataset_id in there.items()}
    portals.soon(lambda: 451 in [portals.status(name) for name in there], True)
    killed(portals.region, "tick")  # some are closed by now, others are not
    assert portals.status(next(name for name in there if portals.status(name) == 451)) == 451
    portals.decide(numbers.pop("断电0"), "restore")  # while nobody follows
    killed(portals.city, "web")  # and then there is nobody to follow, either
    beside.start_tick(portals.region)
    killed(portals.region, "web")
    programs.start_web(portals.region, 1)
    programs.wait_for_page(portals.region)
    portals.city.start()
    portals.city.wait()

    for name in there:
        portals.soon(lambda name=name: portals.status(name), 451 if name in numbers else 302, seconds=60)
    portals.soon(lambda: portals.following()[1:], (None, None, []), seconds=60)
    stops = sa.select(OriginStop.remote_case, sa.func.count()).group_by(OriginStop.remote_case)
    made = {case: count for case, count in model.Session.execute(stops)}  # noqa: C416 (rows, not pairs)
    assert {made[number] for number in numbers.values()} == {1}
    assert verify.verify(None) == []


def killed(served: settings.Settings, program: str) -> None:
    """End a program and all its processes as a power cut does."""
    pid = process.running(served, program)
    assert pid, f"{program} does not run"
    os.killpg(pid, signal.SIGKILL)
    process.stop(served, program)
    process.reap(pid)


def download(portals: Portals, title: str) -> str:
    """Return the region's address of an entry's first file."""
    resource = portals.here(title).resources_all[0]
    return f"/dataset/{resource.package_id}/resource/{resource.id}/download"


def first_harvest(portals: Portals, wsgi: Any) -> None:
    """Run the harvest that following has asked for, as the worker would."""
    query = sa.select(Job.id).where(Job.source_id == portals.source_id, Job.state == JobState.QUEUED)

    def asked() -> bool:
        model.Session.rollback()
        return model.Session.scalar(query) is not None

    portals.soon(asked, True, seconds=60)
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        job_id = model.Session.scalar(query)
        run.Worker(only=[job_id]).run()
        job = model.Session.get_one(Job, job_id)
        query = sa.select(Problem.place, Problem.code, Problem.detail).where(Problem.job_id == job_id)
        problems = model.Session.execute(query).all()
        assert (job.state, problems) == (JobState.FINISHED, []), job.error
        assert counts(job).keys() <= {"created", "updated", "unchanged"}, "the feed may have been first"
        assert job.read_count == 2


def suspend_here(portals: Portals, wsgi: Any) -> Callable[..., None]:
    """Suspend the copy of the bus stops by a case of the region's own; return what takes the case's next step."""
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        entry = portals.here("公交站点")
        reviewer = factories.join(factories.person("verifier"), {"id": entry.owner_org}, "reviewer")
        data = {"dataset_id": entry.id, **DANGER}
        number = factories.call("nmgdata_suspension_create", reviewer, **data)["number"]

    def take(step: str, **stated: Any) -> None:
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            factories.call("nmgdata_case_transition", reviewer, id=number, transition=step, **stated)

    return take
