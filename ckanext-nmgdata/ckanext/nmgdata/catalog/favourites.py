"""Favourites: entries that somebody follows, told of by mail, and by a feed that needs no account.

CKAN's followers hold who follows what; what has happened is the change feed, so nobody is told of anything
that the public may not know.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, redirect
from sqlalchemy.dialects.postgresql import insert

from .. import config
from ..atom import Feed
from ..desk import choices
from ..kernel import clock, outbox
from ..kernel.actors import Actor
from ..kernel.changes import feed
from ..kernel.changes.model import Cause, Change
from ..kernel.serials import Serial
from ..kernel.unit import Unit, begin
from ..kernel.workflow import notices
from ..marks import mark
from ..reader import context, need_login
from . import changes

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
blueprint = Blueprint("nmgdata_favourites", __name__)
CHOICE = "plans"
"""Kind of mails that may be switched off: news of what one follows."""
TOLD = "favourites-told"
"""Series whose last number is the newest change that followers were told of."""
MOST = 50
"""Changes that one mail or feed lists."""
SAID = {
    Cause.PUBLISHED: N_("Published"),
    Cause.UPDATED: N_("Entry changed"),
    Cause.CLASS_CHANGED: N_("Open class changed"),
    Cause.RESOURCE_REPLACED: N_("Data file replaced"),
    Cause.SUSPENDED: N_("Opening suspended"),
    Cause.LIFTED: N_("Opening resumed"),
    Cause.WITHDRAWN: N_("Data withdrawn"),
    Cause.REMOVED: N_("No longer public"),
}


# --- pages ---------------------------------------------------------------------------------------


@blueprint.route("/nmg/favourites")
def mine() -> Any:
    """Show what the reader follows, and what is new about it."""
    if answer := need_login():
        return answer
    listed = tk.get_action("dataset_followee_list")(context(), {"id": tk.current_user.id})
    datasets = []
    for one in listed:
        try:
            datasets.append(tk.get_action("package_show")(context(), {"id": one["id"]}))
        except (tk.NotAuthorized, tk.ObjectNotFound):
            continue
    ids = [one["id"] for one in datasets]
    news = of_datasets(ids)
    values = {
        "datasets": datasets,
        "news": news,
        "titles": changes.titles(news),
        "said": SAID,
        "feed": feed_of(ids),
    }
    return tk.render("nmgdata/catalog/favourites.html", values)


@blueprint.route("/nmg/favourites/<id>", methods=["POST"])
def follow(id: str) -> Any:
    """Follow an entry, or follow it no more, and go back to it."""
    if answer := need_login():
        return answer
    wanted = tk.request.form.get("follow") == "yes"
    try:
        tk.get_action("follow_dataset" if wanted else "unfollow_dataset")(context(), {"id": id})
    except tk.ValidationError:
        pass  # followed, or not followed, already
    except (tk.NotAuthorized, tk.ObjectNotFound):
        tk.abort(404, _("Dataset not found"))
    tk.h.flash_success(_("Added to your favourites.") if wanted else _("Removed from your favourites."))
    if tk.request.form.get("back") == "list":
        return redirect(tk.url_for("nmgdata_favourites.mine"))
    return redirect(tk.url_for("dataset.read", id=id))


def nmgdata_follows(dataset_id: str) -> bool:
    """Say whether the reader follows an entry."""
    user = tk.current_user
    return bool(user.is_authenticated and model.UserFollowingDataset.is_following(user.id, dataset_id))


def nmgdata_feed_of(dataset_id: str) -> str:
    """Return the address of an entry's feed."""
    return feed_of([dataset_id])


HELPERS = {f.__name__: f for f in (nmgdata_follows, nmgdata_feed_of)}


# --- the feed ------------------------------------------------------------------------------------


def feed_of(ids: list[str]) -> str:
    """Return the address of the feed of some entries, which needs no login."""
    return tk.url_for("nmgdata_favourites.atom", id=ids, qualified=True) if ids else ""


@blueprint.route("/nmg/changes.atom")
def atom() -> Response:
    """Return the newest changes as an Atom feed (RFC 4287), of the entries named by ``id`` or of all."""
    tk.request.environ["__no_cache__"] = True
    ids = tk.request.args.getlist("id")[:MOST]
    answer = Response(mimetype="application/atom+xml")
    answer.set_etag(f"atom-{feed.head()}-{tk.h.lang()}")
    answer.headers["Cache-Control"] = "no-cache"
    if tk.request.if_none_match.contains(answer.get_etag()[0] or ""):
        answer.status_code = 304
    else:
        answer.set_data(written(of_datasets(ids) if ids else feed.newest(MOST)))
    model.Session.rollback()
    return answer


def of_datasets(ids: list[str]) -> list[feed.Item]:
    """Return the newest changes of some entries."""
    query = sa.select(Change).where(Change.dataset_id.in_(ids)).order_by(Change.seq.desc()).limit(MOST)
    return [
        feed.Item(row.seq, row.dataset_id, row.activity, row.cause, row.at, False)
        for row in model.Session.scalars(query)
    ]


def written(items: list[feed.Item]) -> bytes:
    """Return changes as a feed; of an entry that is no longer public only that it is not."""
    titles, place = changes.titles(items), f"{config.site_root()}/nmg/changes"
    title = f"{config.site_title()} · {_('Changes of the catalogue')}"
    made = Feed(title, place, items[0].at if items else clock.now(), config.site_title())
    for item in items:
        known = titles.get(item.dataset_id)
        address = f"{config.site_root()}/dataset/{known[1]}" if known else place
        made.entry(line(item.cause, known), f"{place}#{item.seq}", item.at, address)
    return made.written()


def line(cause: str, known: Any) -> str:
    """Return a change in one line."""
    title = known[0] if known else _("An entry that is no longer public")
    return _(SAID[Cause(cause)]) + mark("：") + title


# --- mails ---------------------------------------------------------------------------------------


def tell() -> int:
    """Put one mail for each follower with something new into the outbox; return how many."""
    with begin(Actor.system()) as unit:
        last = told_until(unit)
        head = feed.head()
        if head <= last:
            return 0
        people = new_for_followers(unit, last)
        off = notices.switched_off([user_id for user_id, _address in people], CHOICE)
        sent = 0
        for (user_id, address), items in people.items():
            if address and user_id not in off:
                stop = choices.stop(choices.Recipient(user_id, address), CHOICE)
                subject, body = letter(items)
                mail = {"to": address, "subject": subject, "body": body, **stop}
                outbox.enqueue(unit.session, "mail", mail, key=f"favourites:{head}:{user_id}")
                sent += 1
        unit.session.execute(sa.update(Serial).where(Serial.series == TOLD).values(last=head))
    return sent


def told_until(unit: Unit) -> int:
    """Return the change up to which followers were told, held until the end of the transaction."""
    first = insert(Serial).values(series=TOLD, last=feed.head())
    unit.session.execute(first.on_conflict_do_nothing(index_elements=["series"]))
    query = sa.select(Serial.last).where(Serial.series == TOLD).with_for_update()
    return unit.session.execute(query).scalar_one()


def new_for_followers(unit: Unit, last: int) -> dict[tuple[str, str | None], list[feed.Item]]:
    """Return account and address → the newest change of each entry that it follows."""
    follows, user = model.UserFollowingDataset, model.User
    newest = (
        sa.select(sa.func.max(Change.seq))
        .where(Change.seq > last)
        .group_by(Change.dataset_id)
        .scalar_subquery()
    )
    query: Any = (
        sa.select(user.id, user.email, Change)
        .join(follows, follows.follower_id == user.id)
        .join(Change, Change.dataset_id == follows.object_id)
        .where(Change.seq.in_(newest), user.state == "active")
        .order_by(user.id, Change.seq)
    )
    found: dict[tuple[str, str | None], list[feed.Item]] = defaultdict(list)
    for user_id, address, row in unit.session.execute(query):
        item = feed.Item(row.seq, row.dataset_id, row.activity, row.cause, row.at, True)
        found[user_id, address].append(item)
    return found


def letter(items: list[feed.Item]) -> tuple[str, str]:
    """Return subject and text of a mail."""
    titles, root = changes.titles(items), config.site_root()
    lines = []
    for item in items[:MOST]:
        known = titles.get(item.dataset_id)
        lines.append(f"· {line(item.cause, known)}" + (f"\n  {root}/dataset/{known[1]}" if known else ""))
    if len(items) > MOST:
        lines.append(_("and {n} more").format(n=len(items) - MOST))
    subject = _("Data that you follow have changed")
    return subject, "\n".join([*lines, "", f"{root}/nmg/favourites", "", config.site_title()]) + "\n"
