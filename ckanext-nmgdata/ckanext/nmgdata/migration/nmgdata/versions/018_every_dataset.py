"""The search of the inbox finds a case by each of its data, and a report names what was granted.

Revision ID: c4a81f60d2e7
Revises: 7e19d0c45ab3
"""

import sqlalchemy as sa
from alembic import op
from ckanext.nmgdata.kernel.workflow.terms import terms

revision = "c4a81f60d2e7"
down_revision = "7e19d0c45ab3"
branch_labels = None
depends_on = None
INDEX, TABLE = "nmgdata_closure_dataset", "nmgdata_closure"

GRANTED = """
    SELECT r.case_id, s.dataset_id FROM nmgdata_use_report r
    JOIN nmgdata_grant_scope s ON s.grant_id = r.grant_id"""
TITLES = f"""
    SELECT a.case_id, string_agg(coalesce(nullif(p.title, ''), p.name), ' ')
    FROM (
        SELECT id AS case_id, dataset_id FROM nmgdata_case
        UNION SELECT case_id, dataset_id FROM nmgdata_application_item
        UNION SELECT case_id, dataset_id FROM nmgdata_showcase_dataset
        UNION SELECT case_id, dataset_id FROM nmgdata_closure
        UNION {GRANTED}
    ) a JOIN package p ON p.id = a.dataset_id
    GROUP BY a.case_id HAVING count(*) > 1"""


def upgrade() -> None:
    """Let reports be about what was granted; write down the terms of cases about several data."""
    op.create_index(INDEX, TABLE, ["dataset_id"])
    connection = op.get_bind()
    named_elsewhere = connection.execute(
        sa.text(
            f"UPDATE nmgdata_case c SET dataset_id = g.first"
            f" FROM (SELECT case_id, min(dataset_id) AS first, array_agg(dataset_id) AS every"
            f"       FROM ({GRANTED}) granted GROUP BY case_id) g"
            f" WHERE g.case_id = c.id AND c.dataset_id <> ALL (g.every)"
            f" RETURNING c.id, (SELECT coalesce(nullif(title, ''), name) FROM package WHERE id = g.first)"
        )
    ).all()
    several = connection.execute(sa.text(TITLES)).all()
    for case_id, titles in [*named_elsewhere, *several]:
        connection.execute(
            sa.text("UPDATE nmgdata_case SET terms = :terms WHERE id = :id"),
            {"terms": terms(titles or ""), "id": case_id},
        )


def downgrade() -> None:
    """Let the index go; the terms harm nobody."""
    op.drop_index(INDEX, TABLE)
