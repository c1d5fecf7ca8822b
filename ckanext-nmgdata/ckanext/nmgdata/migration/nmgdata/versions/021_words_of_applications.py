"""The search of the inbox finds an application by what was written in it, too.

Revision ID: 3c9d27b5a1e4
Revises: 8d41c6e02fb5
"""

import sqlalchemy as sa
from alembic import op
from ckanext.nmgdata.kernel.workflow.terms import terms
from sqlalchemy.dialects.postgresql import ARRAY

revision = "3c9d27b5a1e4"
down_revision = "8d41c6e02fb5"
branch_labels = None
depends_on = None
TABLE, INDEX = "nmgdata_case", "nmgdata_case_words"


def upgrade() -> None:
    """Write down the words of the applications that there are."""
    op.add_column(TABLE, sa.Column("words", ARRAY(sa.Text), nullable=False, server_default="{}"))
    connection = op.get_bind()
    written = "SELECT case_id, scenario || ' ' || data_scope FROM nmgdata_application"
    for case_id, text in connection.execute(sa.text(written)).all():
        connection.execute(
            sa.text("UPDATE nmgdata_case SET words = :words WHERE id = :id"),
            {"words": terms(text), "id": case_id},
        )
    op.create_index(INDEX, TABLE, ["words"], postgresql_using="gin")


def downgrade() -> None:
    """Forget them."""
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "words")
