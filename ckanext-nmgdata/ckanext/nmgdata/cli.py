"""``ckan nmgdata …``."""

from __future__ import annotations

import json
import logging
import signal
import threading
from datetime import date
from pathlib import Path

import click
from ckan.plugins import toolkit as tk
from ckan.types import Context

log = logging.getLogger(__name__)


@click.group(short_help="Public data open platform of Inner Mongolia")
def nmgdata() -> None:
    """Commands of the public data open platform."""


@nmgdata.command()
@click.option("--once", is_flag=True, help="Do what is due now and end, for cron.")
@click.pass_context
def tick(context: click.Context, once: bool) -> None:
    """Deliver the outbox, send reminders, fire what the clock made due."""
    from .kernel import tick as loop

    with context.meta["flask_app"].app_context():
        if once:
            loop.once()
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_args: stop.set())
        loop.forever(stop)


@nmgdata.command()
@click.option("--accounts", type=click.Path(path_type=Path), help="Write the demo's accounts to this file.")
def demo(accounts: Path | None) -> None:
    """Load the demo: organisations, accounts, catalogue, sample files."""
    from .demo import load

    load.everything(accounts)


@nmgdata.command()
@click.argument("username")
def token(username: str) -> None:
    """Print a new API token of an account."""
    site_user = tk.get_action("get_site_user")({"ignore_auth": True}, {})
    context: Context = {"user": site_user["name"], "ignore_auth": True}
    made = tk.get_action("api_token_create")(context, {"user": username, "name": "command line"})
    click.echo(made["token"])


@nmgdata.command()
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
def origins(dry_run: bool) -> None:
    """Put away the true links of datasets from before the plugin was switched on. May be repeated."""
    from .kernel.gate import origins as links
    from .kernel.outbox import search

    total, done = links.left(), 0
    click.echo(f"{total} true links to put away")
    if dry_run:
        return
    with search.left_to_tick():
        for count in links.migrate():
            done += count
            click.echo(f"{done} of {total}")
    if links.left():
        click.echo("some rows are in use: run this command again")
    elif links.enforce():
        click.echo("the database holds no other address, and takes none")
    else:
        click.echo("no new ones can come in; run this command once as the owner of the tables to have")
        click.echo("the database vouch for the old rows too")


@nmgdata.command()
@click.option("--write", type=click.Path(path_type=Path), help="Write docs/doors.md to this file.")
@click.pass_context
def doors(context: click.Context, write: Path | None) -> None:
    """Name what the portal offers that is not on the list of doors; ends with 1 when there is any."""
    from .kernel.gate import listing

    if write:
        write.write_text(listing.document(), encoding="utf-8")
    missing = listing.unlisted(context.meta["flask_app"])
    for name in missing:
        click.secho(name, fg="red")
    if missing:
        raise SystemExit(1)
    click.echo("every door is on the list")


@nmgdata.command()
@click.option("--repair", is_flag=True, help="Mend what differs.")
@click.pass_context
def reconcile(context: click.Context, repair: bool) -> None:
    """Compare database, search index and change feed; ends with 1 when something differs and stays so.

    Prints a line per difference: missing, extra, stale (documents), leak (a document with a true link),
    feed (an entry of which the change feed does not say what is so); progress goes to stderr.
    """
    from .catalog import reconcile as work

    with context.meta["flask_app"].app_context():
        report = work.run(repair, click.echo, lambda line: click.echo(f"\r{line}", err=True, nl=False))
    click.echo("", err=True)
    click.echo(
        f"{report.datasets} datasets, {report.documents} documents:"
        f" {report.found} differences, {report.left} left"
    )
    if report.left:
        raise SystemExit(1)


@nmgdata.command()
@click.pass_context
def reindex(context: click.Context) -> None:
    """Write the documents of all datasets anew, as after a change of what the index keeps; searching goes on.

    Cut short, the rest is left to ``tick``. Ends with 1 when Solr does not answer.
    """
    from .kernel.outbox import UnavailableError
    from .kernel.outbox import search as index

    with context.meta["flask_app"].app_context():
        try:
            for done, of in index.write_all():
                click.echo(f"\r{done} of {of} datasets", err=True, nl=False)
        except UnavailableError as away:
            click.secho(f"\n{away}", fg="red", err=True)
            raise SystemExit(1) from away
        click.echo("", err=True)


@nmgdata.command()
@click.argument("path", required=False, default="")
def words(path: str) -> None:
    """Check the authority's words of the search: those of PATH, else of ckanext.nmgdata.search.words.

    Ends with 1 and says what is wrong where the file cannot be used; the portal then keeps the words it has.
    """
    from . import config
    from .catalog.search import known

    path = path or config.search_words()
    try:
        lexicon = known.made(path)
    except known.MistakeError as mistake:
        click.secho(str(mistake), fg="red", err=True)
        raise SystemExit(1) from mistake
    click.echo(f"{path or 'the words of the software'}: {len(lexicon.spelled)} words")
    click.echo("in use within two seconds of a change")
    click.echo("after a change of departments or places also: ckan nmgdata reindex")


@nmgdata.group()
def outbox() -> None:
    """What could not be delivered: mails, index documents, notices."""


@outbox.command("list")
@click.option("--waiting", is_flag=True, help="What is tried again by itself, not what failed.")
def outbox_list(waiting: bool) -> None:
    """List what was refused for good, and why; it is kept for a month."""
    from .kernel.outbox import queue

    rows = queue.troubled(failed=not waiting)
    for row in rows:
        to = row.payload.get("to") or row.key or ""
        since = f"{row.created_at:%Y-%m-%d %H:%M}"
        click.echo("\t".join(map(str, (row.id, row.topic, since, row.attempts, to, row.error))))
    click.echo(f"{len(rows)} {'waiting after a failure' if waiting else 'failed'}", err=True)


@outbox.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="Everything that failed.")
def outbox_retry(ids: tuple[int, ...], every: bool) -> None:
    """Try again what failed, after its cause was mended."""
    from .kernel.actors import Actor
    from .kernel.outbox import queue
    from .kernel.unit import begin

    if bool(ids) == every:
        raise click.UsageError("name rows, or say --all")
    with begin(Actor.system()) as unit:
        count = queue.again(unit.session, None if every else ids)
    click.echo(f"{count} to be tried again")


@nmgdata.group()
def audit() -> None:
    """The audit log."""


@audit.command()
@click.option("--head", help="A head that was published earlier, as SEQ:HASH.")
def verify(head: str | None) -> None:
    """Re-compute the chain; ends with 1 when anything was altered, removed, inserted or moved."""
    from .kernel.audit import verify as verifier

    published = None
    if head:
        seq, _colon, digest = head.partition(":")
        published = verifier.Head(int(seq), digest, "")
    findings = verifier.verify(published)
    for finding in findings:
        click.secho(f"event {finding.seq}: {finding.what}", fg="red")
    last = verifier.head()
    if findings:
        raise SystemExit(1)
    click.echo(f"{last.seq} events, the chain is whole; head {last.seq}:{last.hash}")


@audit.command("head")
def audit_head() -> None:
    """Print the head of the chain, to be published daily."""
    from .kernel.audit import verify as verifier

    last = verifier.head()
    click.echo(json.dumps({"seq": last.seq, "hash": last.hash, "at": last.at}))


@nmgdata.group()
def calendar() -> None:
    """The working-day calendar."""


@calendar.command()
@click.argument("start", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("working_days", type=int)
def add(start: date, working_days: int) -> None:
    """Print the last day of a period that begins on START (not counted)."""
    from .kernel.deadlines import calendar as working_days_calendar

    due = working_days_calendar.load().add(start.date(), working_days)  # type: ignore[attr-defined]
    click.echo(f"{due.on}{' (provisional)' if due.provisional else ''}")


@calendar.command()
def recompute() -> None:
    """Compute open periods again, after a new year's calendar has been installed."""
    from .kernel.workflow import sweep

    click.echo(f"{sweep.recompute()} periods moved")
