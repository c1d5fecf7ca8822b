"""An item whose month was put off by an amendment can be late again, and its plan's feed says so.

Revision ID: 7e19d0c45ab3
Revises: 2d7c61f8a904
"""

import sqlalchemy as sa
from alembic import op

revision = "7e19d0c45ab3"
down_revision = "2d7c61f8a904"
branch_labels = None
depends_on = None
TABLE, INDEX = "nmgdata_plan_event", "nmgdata_plan_event_late"


def upgrade() -> None:
    """Let an item be late more than once; whether it was told of a month the clock's work asks."""
    op.drop_index(INDEX, TABLE)


def downgrade() -> None:
    """Keep the first time that each item was late."""
    op.execute(
        f"DELETE FROM {TABLE} e USING {TABLE} f WHERE f.item_id = e.item_id AND f.id < e.id"
        " AND e.kind = 'late' AND f.kind = 'late'"
    )
    op.create_index(INDEX, TABLE, ["item_id"], unique=True, postgresql_where=sa.text("kind = 'late'"))
