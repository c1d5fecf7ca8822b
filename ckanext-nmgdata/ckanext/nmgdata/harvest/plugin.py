"""Plugin of the federation. Wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckan import plugins as p
from ckan.lib import jobs as background

from .. import config as settings
from ..kernel import outbox, tick
from ..kernel.context import own_request
from ..kernel.gate import answers
from ..kernel.outbox.model import Outbox
from . import cli, jobs, local, run, vanish, workflow
from .following import loop, origin

GRACE = 900
"""Seconds beyond its slice that a job of the background worker may take: one page may be slow."""


class HarvestPlugin(p.SingletonPlugin):
    """盟市对接."""

    p.implements(p.IConfigurable)
    p.implements(p.IClick)

    def configure(self, config: Any) -> None:
        """Take charge of the outbox topic, and of what the clock makes due."""
        outbox.handle(jobs.TOPIC, call_workers)
        local.install()
        workflow.install()
        origin.install()
        if workflow.public_reason not in answers.public_reasons:
            answers.public_reasons.append(workflow.public_reason)
        tick.minutely(jobs.ask_for_due)
        tick.hourly(vanish.archive_due)
        tick.hourly(jobs.purge)
        tick.beside(loop.forever)

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
    with own_request():
        if run.Worker(seconds=settings.harvest_slice_seconds()).run():
            call_worker()
