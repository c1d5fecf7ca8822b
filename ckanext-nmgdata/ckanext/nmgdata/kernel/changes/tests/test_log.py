"""The feed: in the transaction of the change, in the order of commits, only what the public may know."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.plugins import get_permission_labels
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import lift, site_context, stop
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.changes import feed, log
from ckanext.nmgdata.kernel.changes.model import Cause, Change
from ckanext.nmgdata.kernel.gate.labels import public_entries
from ckanext.nmgdata.kernel.unit import begin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("clean")


def rows(dataset_id=None):
    """Return activity and cause of all changes, oldest first."""
    query = sa.select(Change.activity, Change.cause).order_by(Change.seq)
    if dataset_id:
        query = query.where(Change.dataset_id == dataset_id)
    return [tuple(row) for row in model.Session.execute(query)]


def patch(made, **values):
    tk.get_action("package_patch")(site_context(), {"id": made["id"], **values})


class TestWhatIsTold:
    def test_the_life_of_an_entry(self, world):
        made = factories.dataset(world.department)
        patch(made, notes="改过")
        patch(
            made,
            open_class="conditional",
            open_condition="限科研",
            open_reason="理由",
            open_legal_basis="依据",
        )
        factories.upload(made)
        [file] = tk.get_action("package_show")({}, {"id": made["id"]})["resources"]
        tk.get_action("resource_patch")(site_context(), {"id": file["id"], "last_modified": "2026-11-24"})
        case = stop(made)
        lift(case)
        stop(made, withdraw=True)
        assert rows() == [
            ("Create", "published"),
            ("Update", "updated"),
            ("Update", "class_changed"),
            ("Update", "updated"),
            ("Update", "resource_replaced"),
            ("Update", "suspended"),
            ("Update", "lifted"),
            ("Delete", "withdrawn"),
        ]

    def test_one_withdrawn_file_is_an_update(self, world):
        made = world.open_data
        stop(made, made["resources"][0]["id"], withdraw=True)
        assert rows()[-1] == ("Update", "withdrawn")

    @pytest.mark.parametrize(
        "hidden",
        [
            {"private": True},
            {"state": "deleted"},
            {"open_class": "non_open", "nonopen_ground": "personal_privacy", "data_level": "general_4", "open_reason": "理由", "open_legal_basis": "依据"},
        ],
    )  # fmt: skip
    def test_what_the_public_may_no_longer_see_is_removed_and_comes_back_new(self, world, hidden):
        made = factories.dataset(world.department)
        patch(made, **hidden)
        patch(made, notes="不公开时改过")
        stop(made)
        assert rows() == [("Create", "published"), ("Delete", "removed")]
        patch(made, private=False, state="active", open_class="unconditional", data_level="general_1")
        assert rows()[2:] == [("Create", "published")]

    @pytest.mark.parametrize("hidden", [{"private": True}, {"open_class": "non_open"}, {"state": "draft"}])
    def test_what_the_public_never_saw_leaves_no_trace(self, world, hidden):
        made = factories.dataset(world.department, **hidden)
        patch(made, notes="改过")
        stop(made, withdraw=True)
        tk.get_action("package_delete")(site_context(), {"id": made["id"]})
        assert rows() == []

    def test_deleting_and_purging_for_good(self, world):
        gone, deleted = factories.dataset(world.department), factories.dataset(world.department)
        tk.get_action("dataset_purge")(site_context(), {"id": gone["id"]})
        tk.get_action("package_delete")(site_context(), {"id": deleted["id"]})
        tk.get_action("dataset_purge")(site_context(), {"id": deleted["id"]})
        for made in (gone, deleted):
            assert rows(made["id"]) == [("Create", "published"), ("Delete", "removed")]

    def test_bulk_work_of_ckan_is_told(self, world):
        made = [factories.dataset(world.department)["id"] for _turn in range(3)]
        for action in ("bulk_update_private", "bulk_update_public", "bulk_update_delete"):
            tk.get_action(action)(site_context(), {"datasets": made, "org_id": world.department["id"]})
        for one in made:
            assert [activity for activity, _cause in rows(one)] == ["Create", "Delete", "Create", "Delete"]

    def test_what_is_rolled_back_is_not_told(self, world):
        made = factories.dataset(world.department)
        with pytest.raises(RuntimeError), begin(Actor.system()) as unit:
            log.note(unit.session, made["id"], Cause.UPDATED)
            raise RuntimeError("changed my mind")
        with begin(Actor.system()) as unit:
            point = unit.session.begin_nested()
            log.note(unit.session, made["id"], Cause.SUSPENDED)
            point.rollback()
        assert rows() == [("Create", "published")]

    def test_one_row_for_a_dataset_and_transaction_with_the_weightiest_cause(self, world):
        made = factories.dataset(world.department)
        with begin(Actor.system()) as unit:
            for cause in (Cause.UPDATED, Cause.SUSPENDED, Cause.CLASS_CHANGED):
                log.note(unit.session, made["id"], cause)
        assert rows() == [("Create", "published"), ("Update", "suspended")]


def test_public_is_the_same_in_sql_and_in_labels(world):
    values = [
        {}, {"private": True}, {"open_class": "conditional"}, {"open_class": "non_open"}, {"state": "draft"},
        {"open_class": "non_open", "private": True},
    ]  # fmt: skip
    for one in values:
        factories.dataset(world.department, **one)
    gone = factories.dataset(world.department)
    tk.get_action("package_delete")(site_context(), {"id": gone["id"]})
    labels = get_permission_labels()
    by_label = {
        package.id
        for package in model.Session.query(model.Package)
        if package.state == "active" and "public" in labels.get_dataset_labels(package)
    }
    assert set(model.Session.scalars(public_entries())) == by_label
    assert len(by_label) == 2


class TestOrder:
    """Two transactions at once: whoever commits later is read later."""

    def test_a_transaction_that_began_first_and_commits_last_is_not_skipped(self, world):
        first, second = (factories.dataset(world.department) for _turn in range(2))
        start = feed.Cursor(feed.head())
        with begin(Actor.system()) as early:
            early.session.execute(sa.text("SELECT pg_current_xact_id()"))
            log.note(early.session, first["id"], Cause.UPDATED)
            self.elsewhere(second["id"])
            seen = self.read_elsewhere(start)
            assert [item.dataset_id for item in seen.items] == [second["id"]]
        later = feed.after(seen.cursor, 10)
        assert [item.dataset_id for item in later.items] == [first["id"]]

    def test_a_takedown_is_seen_while_another_transaction_stays_open(self, world):
        made = factories.dataset(world.department)
        start = feed.Cursor(feed.head())
        with model.ensure_engine().connect() as other, other.begin():
            other.execute(sa.text("SELECT pg_current_xact_id()"))
            case = stop(made)
            assert [item.cause for item in feed.after(start, 10).items] == ["suspended"]
        assert case.number

    def test_numbers_are_given_one_transaction_after_the_other(self, world):
        first, second = (factories.dataset(world.department) for _turn in range(2))
        start = feed.Cursor(feed.head())
        with begin(Actor.system()) as slow:
            log.write(slow.session, [(first["id"], Cause.UPDATED)])  # holds the lock, as within its commit
            thread = threading.Thread(target=self.elsewhere, args=(second["id"],))
            thread.start()
            self.until_waiting(slow.session)
            assert self.read_elsewhere(start).items == []
        thread.join(20)
        assert [item.dataset_id for item in feed.after(start, 10).items] == [first["id"], second["id"]]

    def elsewhere(self, dataset_id):
        """Tell a change on a connection of its own."""
        with sa.orm.Session(model.ensure_engine()) as session, session.begin():
            log.write(session, [(dataset_id, Cause.UPDATED)])

    def read_elsewhere(self, cursor):
        """Read the feed as another process would, outside the open unit."""
        found = []

        def read():
            found.append(feed.after(cursor, 10))
            model.Session.remove()

        thread = threading.Thread(target=read)
        thread.start()
        thread.join(20)
        return found[0]

    def until_waiting(self, session):
        """Wait until somebody waits for the lock."""
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        for _turn in range(200):
            if session.scalar(waiting):
                return
            session.execute(sa.text("SELECT pg_sleep(0.05)"))
        raise AssertionError("nobody waits")


class TestCursor:
    @given(steps=st.lists(st.one_of(st.integers(0, 3), st.sampled_from([-1, -2, -5])), max_size=40))
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_interleaving_of_changes_and_pages_delivers_each_change_once(self, clean, steps):
        """0…3: that dataset changes; -n: a page of n is read. Order holds per dataset, and overall."""
        session = model.Session()
        session.execute(sa.text("TRUNCATE nmgdata_change RESTART IDENTITY"))
        written, read, cursor = [], [], feed.Cursor(0)
        for step in [*steps, *([-5] * (len(steps) // 5 + 1))]:
            if step >= 0:
                row = {"dataset_id": f"d{step}", "activity": "Update", "cause": "updated", "at": clock.now()}
                session.execute(sa.insert(Change), [row])
                written.append(f"d{step}")
            else:
                page = feed.after(cursor, -step)
                assert len(page.items) <= -step
                assert [item.seq for item in page.items] == sorted(item.seq for item in page.items)
                read += page.items
                cursor = feed.Cursor.parse(str(page.cursor))
        assert [item.dataset_id for item in read] == written
        assert len({item.seq for item in read}) == len(written)
        session.rollback()

    @given(st.text(max_size=30))
    def test_anything_else_is_no_cursor(self, text):
        try:
            assert str(feed.Cursor.parse(text))
        except ValueError:
            assert not text.isdecimal() or not text.isascii() or len(text) > feed.MAX_DIGITS

    @given(st.integers(0, 10**17), st.integers(0, 10**17))
    def test_a_cursor_survives_its_address(self, seq, began):
        cursor = feed.Cursor(seq, began)
        again = feed.Cursor.parse(str(cursor))
        assert again.seq == seq
        assert max(again.seq, again.began) == max(seq, began)


class TestPurge:
    def history(self, world):
        """Return three entries: changed twice, changed once, removed; all longer ago than the retention."""
        changed, quiet, removed = (factories.dataset(world.department) for _turn in range(3))
        patch(changed, notes="改过")
        tk.get_action("package_delete")(site_context(), {"id": removed["id"]})
        return changed, quiet, removed

    def test_the_newest_word_on_each_entry_stays(self, world):
        changed, quiet, _removed = self.history(world)
        assert feed.purge() == 0
        with clock.fixed(clock.now() + timedelta(days=401)):
            assert feed.purge() == 3
            assert feed.purge() == 0
        left = feed.after(feed.beginning(), 10)
        assert [(i.dataset_id, i.activity) for i in left.items] == [
            (quiet["id"], "Create"),
            (changed["id"], "Update"),
        ]

    def test_who_stayed_away_too_long_must_begin_anew(self, world):
        self.history(world)
        last = feed.head()
        with clock.fixed(clock.now() + timedelta(days=401)):
            feed.purge()
        for old in (0, last - 4, last - 1):
            with pytest.raises(feed.GoneError):
                feed.after(feed.Cursor(old), 10)
        assert feed.after(feed.Cursor(last), 10).items == []

    def test_who_begins_anew_can_read_page_by_page(self, world):
        self.history(world)
        with clock.fixed(clock.now() + timedelta(days=401)):
            feed.purge()
        first = feed.after(feed.beginning(), 1)
        second = feed.after(feed.Cursor.parse(str(first.cursor)), 1)
        assert len(first.items) == len(second.items) == 1
        third = feed.after(feed.Cursor.parse(str(second.cursor)), 1)
        assert third.items == []

    def test_a_purge_in_the_middle_of_reading_is_noticed(self, world):
        changed, _quiet, removed = self.history(world)
        first = feed.after(feed.beginning(), 1)
        with clock.fixed(clock.now() + timedelta(days=401)):
            feed.purge()
        with pytest.raises(feed.GoneError):
            feed.after(first.cursor, 1)
        assert changed["id"] != removed["id"]

    def test_a_cursor_of_another_database_is_refused(self, world):
        self.history(world)
        with pytest.raises(feed.GoneError):
            feed.after(feed.Cursor(feed.head() + 99), 10)
