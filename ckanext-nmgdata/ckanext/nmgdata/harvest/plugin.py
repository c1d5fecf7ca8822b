"""Plugin of the federation. Wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckan import plugins as p
from ckan.lib import jobs as background

from .. import config as settings
from .. import shapes
from ..kernel import connections, outbox, tick
from ..kernel.context import application, own_request
from ..kernel.gate import answers, known
from ..kernel.outbox.model import Outbox
from . import cli, job_views, jobs, letters, local, presenters, run, vanish, views, workflow
from .following import loop, origin
from .logic import action, auth

GRACE = 900
"""Seconds beyond its slice that a job of the background worker may take: one page may be slow."""


class HarvestPlugin(p.SingletonPlugin):
    """盟市对接."""

    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IClick)

    def configure(self, config: Any) -> None:
        """Take charge of the outbox topic, and of what the clock makes due."""
        outbox.handle(jobs.TOPIC, call_workers)
        local.install()
        workflow.install()
        origin.install()
        if workflow.public_reason not in answers.public_reasons:
            answers.public_reasons.append(workflow.public_reason)
        letters.install()
        if presenters.cities not in connections.known:
            connections.known.append(presenters.cities)
        tick.minutely(jobs.ask_for_due)
        tick.hourly(vanish.archive_due)
        tick.hourly(jobs.purge)
        tick.beside(loop.forever)

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of sources and harvests."""
        return shapes.guarded(known.before(action.ACTIONS))

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of sources and harvests."""
        return dict(auth.FUNCTIONS)

    def get_blueprint(self) -> list[Any]:
        """Return the pages of those who look after the harvest."""
        return [views.blueprint, job_views.blueprint]

    def get_commands(self) -> list[Any]:
        """Add to ``ckan nmgdata``."""
        cli.register()
        return []


def call_workers(rows: Sequence[Outbox]) -> None:
    """Call CKAN's background workers; raises while Redis is down."""
    for _row in rows:
        for _turn in range(settings.harvest_workers()):
            call_worker()


def call_worker() -> None:
    """Call one background worker."""
    limits = {"timeout": settings.harvest_slice_seconds() + GRACE}
    background.enqueue(work, [], title="harvest", rq_kwargs=limits)


def work() -> None:
    """Harvest for a while; what is left is done when the worker's other work has had its turn."""
    with application(), own_request():
        if run.Worker(seconds=settings.harvest_slice_seconds()).run():
            call_worker()
