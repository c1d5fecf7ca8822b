"""Several drafts of applications per account.

Revision ID: 2d7c61f8a904
Revises: 5b90c2e7d1f6
"""

import sqlalchemy as sa
from alembic import op

revision = "2d7c61f8a904"
down_revision = "5b90c2e7d1f6"
branch_labels = None
depends_on = None
TABLE, INDEX = "nmgdata_application_draft", "nmgdata_application_draft_user"


def upgrade() -> None:
    """Let an account have more than one."""
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["user_id"], postgresql_where=sa.text("user_id IS NOT NULL"))


def downgrade() -> None:
    """Keep the newest draft of each account."""
    op.execute(
        f"DELETE FROM {TABLE} d USING {TABLE} n"
        " WHERE n.user_id = d.user_id AND (n.changed_at, n.id) > (d.changed_at, d.id)"
    )
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["user_id"], unique=True, postgresql_where=sa.text("user_id IS NOT NULL"))
