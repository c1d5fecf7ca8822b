"""The chain: written with the change or not at all, never forked, and every tampering is found."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import append, chain, verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent, AuditSecret
from ckanext.nmgdata.kernel.unit import begin
from hypothesis import given
from hypothesis import strategies as st

SYSTEM = Actor.system()
PERSONAL = {"name": "王小明", "address": "203.0.113.7"}


def record(count: int = 1, personal: dict[str, str] | None = None) -> None:
    """Record events, each in a transaction of its own."""
    for number in range(count):
        with begin(SYSTEM) as unit:
            append(unit, "workday.set", ("workday", str(number)), detail={"n": number}, personal=personal)


def hashes() -> list[tuple[int, str, str]]:
    """Return position and links of every event."""
    columns = AuditEvent.seq, AuditEvent.prev_hash, AuditEvent.hash
    return [tuple(row) for row in model.Session.execute(sa.select(*columns).order_by(AuditEvent.seq))]


def tamper(sql: str) -> None:
    """Change the log by hand, as somebody with the owner's rights could."""
    with model.meta.engine.begin() as connection:
        connection.execute(sa.text(sql))


@pytest.mark.usefixtures("clean")
class TestWriting:
    def test_events_follow_each_other(self):
        record(5)
        assert [seq for seq, _prev, _hash in hashes()] == [1, 2, 3, 4, 5]
        assert verify.verify() == []
        assert verify.head().seq == 5

    def test_several_events_of_one_transaction_keep_their_order(self):
        with begin(SYSTEM) as unit:
            for name in "abc":
                append(unit, "workday.set", ("workday", name))
        found = model.Session.scalars(sa.select(AuditEvent.subject_id).order_by(AuditEvent.seq)).all()
        assert found == ["a", "b", "c"]

    def test_what_is_rolled_back_leaves_no_event(self):
        with pytest.raises(RuntimeError), begin(SYSTEM) as unit:
            append(unit, "workday.set", ("workday", "x"))
            raise RuntimeError("changed my mind")
        record()
        assert [seq for seq, _prev, _hash in hashes()] == [1]
        assert verify.verify() == []

    def test_a_savepoint_that_is_rolled_back_takes_its_events_along(self):
        with begin(SYSTEM) as unit:
            append(unit, "workday.set", ("workday", "kept"))
            with pytest.raises(RuntimeError), unit.session.begin_nested():
                append(unit, "workday.set", ("workday", "dropped"))
                with unit.session.begin_nested():
                    append(unit, "workday.set", ("workday", "dropped too"))
                raise RuntimeError("undo the savepoint")
        assert model.Session.scalars(sa.select(AuditEvent.subject_id)).all() == ["kept"]

    def test_an_unregistered_verb_is_refused(self):
        with pytest.raises(KeyError), begin(SYSTEM) as unit:
            append(unit, "coffee.made", ("machine", "1"))

    def test_many_writers_at_once_never_fork_the_chain(self):
        writers, each = 8, 12
        failed: list[Exception] = []

        def write() -> None:
            try:
                record(each)
            except Exception as error:
                failed.append(error)
            finally:
                model.Session.remove()

        threads = [threading.Thread(target=write) for _writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failed
        assert [seq for seq, _prev, _hash in hashes()] == list(range(1, writers * each + 1))
        assert verify.verify() == []

    def test_a_fork_is_refused_by_the_database(self):
        record(2)
        with pytest.raises(sa.exc.IntegrityError):
            tamper(
                "INSERT INTO nmgdata_audit_event (seq, at, verb, actor_kind, subject_type, subject_id, "
                "detail, algorithm, prev_hash, hash) SELECT 9, at, verb, actor_kind, subject_type, "
                "subject_id, detail, algorithm, prev_hash, 'x' FROM nmgdata_audit_event WHERE seq = 2"
            )


@pytest.mark.usefixtures("clean")
class TestTampering:
    @pytest.mark.parametrize(
        "column_and_value",
        [
            "detail = '{\"n\": 7}'", "verb = 'case.transition'", "actor_id = 'somebody'",
            "subject_id = 'other'", "at = at + interval '1 microsecond'", "case_id = 'c'",
            "actor_kind = 'person'", "subject_type = 'case'", "commitment = 'x'",
        ],
    )  # fmt: skip
    def test_an_altered_event_is_found(self, column_and_value):
        record(3)
        tamper(f"UPDATE nmgdata_audit_event SET {column_and_value} WHERE seq = 2")
        assert [finding.seq for finding in verify.verify()] == [2]

    def test_a_deleted_event_is_found(self):
        record(4)
        tamper("DELETE FROM nmgdata_audit_event WHERE seq = 2")
        assert any("missing" in finding.what for finding in verify.verify())

    def test_a_cut_end_is_found(self):
        record(4)
        tamper("DELETE FROM nmgdata_audit_event WHERE seq = 4")
        assert verify.verify()

    def test_a_cut_end_with_a_rewound_head_is_found_by_the_published_head(self):
        record(4)
        published = verify.head()
        tamper(
            "UPDATE nmgdata_audit_head SET (seq, hash) = "
            "(SELECT seq, hash FROM nmgdata_audit_event WHERE seq = 3)"
        )
        tamper("DELETE FROM nmgdata_audit_event WHERE seq = 4")
        assert verify.verify() == []
        assert verify.verify(published)

    def test_two_events_that_change_places_are_found(self):
        record(4)
        tamper("UPDATE nmgdata_audit_event SET seq = 100 WHERE seq = 2")
        tamper("UPDATE nmgdata_audit_event SET seq = 2 WHERE seq = 3")
        tamper("UPDATE nmgdata_audit_event SET seq = 3 WHERE seq = 100")
        assert verify.verify()

    def test_an_inserted_event_is_found(self):
        record(2)
        tamper(
            "INSERT INTO nmgdata_audit_event (seq, at, verb, actor_kind, subject_type, subject_id, detail, "
            "algorithm, prev_hash, hash) SELECT 3, at, verb, actor_kind, subject_type, subject_id, detail, "
            "algorithm, hash, repeat('a', 64) FROM nmgdata_audit_event WHERE seq = 2"
        )
        assert verify.verify()

    def test_a_rewritten_chain_is_found_by_the_published_head(self):
        record(3)
        published = verify.head()
        tamper("TRUNCATE nmgdata_audit_event")
        tamper(f"UPDATE nmgdata_audit_head SET seq = 0, hash = '{'0' * 64}'")
        record(5, PERSONAL)
        assert verify.verify() == []
        assert [finding.seq for finding in verify.verify(published)] == [3]


@pytest.mark.usefixtures("clean")
class TestPersonalData:
    def test_it_is_in_no_hashed_byte(self):
        record(1, PERSONAL)
        table = AuditEvent.__table__
        stored = dict(model.Session.execute(sa.select(table)).mappings().one())
        text = json.dumps(stored, default=str, ensure_ascii=False)
        assert not any(value in text for value in PERSONAL.values())
        assert model.Session.scalars(sa.select(AuditSecret.personal)).one() == PERSONAL

    def test_destroying_it_leaves_the_chain_whole(self):
        record(2, PERSONAL)
        tamper("DELETE FROM nmgdata_audit_secret")
        assert verify.verify() == []

    def test_altering_it_is_found(self):
        record(1, PERSONAL)
        tamper('UPDATE nmgdata_audit_secret SET personal = \'{"name": "李四"}\'')
        assert verify.verify()

    def test_the_same_data_commit_differently_each_time(self):
        record(2, PERSONAL)
        commitments = model.Session.scalars(sa.select(AuditEvent.commitment)).all()
        assert len(set(commitments)) == 2


EVENT = {
    "seq": 1, "at": datetime(2026, 11, 22, 4, 5, 6, 7, UTC), "verb": "workday.set",
    "actor_kind": "system", "actor_id": None, "subject_type": "workday", "subject_id": "1",
    "case_id": None, "detail": {}, "commitment": None, "algorithm": "sha256", "prev_hash": "0" * 64,
}  # fmt: skip


@given(
    st.sampled_from(sorted(set(EVENT) - {"at", "algorithm", "detail", "seq"})),
    st.text(min_size=1, max_size=8),
)
def test_every_field_changes_the_hash(field, text):
    if EVENT[field] != text:
        assert chain.digest({**EVENT, field: text}) != chain.digest(EVENT)


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=4))
def test_the_order_of_details_does_not_matter(detail):
    reverse = dict(reversed(list(detail.items())))
    assert chain.digest({**EVENT, "detail": detail}) == chain.digest({**EVENT, "detail": reverse})


def test_sm3_seals_where_openssl_has_it():
    assert chain.digest({**EVENT, "algorithm": "sm3"}) != chain.digest(EVENT)
