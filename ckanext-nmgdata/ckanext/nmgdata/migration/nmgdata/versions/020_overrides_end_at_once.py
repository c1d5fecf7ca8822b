"""An override may end at the moment at which it began, because its data were stopped.

Revision ID: 8d41c6e02fb5
Revises: 5b3fa90e6c17
"""

from alembic import op

revision = "8d41c6e02fb5"
down_revision = "5b3fa90e6c17"
branch_labels = None
depends_on = None
TABLE, CHECK = "nmgdata_override", "nmgdata_override_period"


def upgrade() -> None:
    """Let it be as short as nothing."""
    op.drop_constraint(CHECK, TABLE)
    op.create_check_constraint(CHECK, TABLE, "until >= since")


def downgrade() -> None:
    """Let each have lasted."""
    op.execute(f"UPDATE {TABLE} SET until = since + interval '1 microsecond' WHERE until = since")
    op.drop_constraint(CHECK, TABLE)
    op.create_check_constraint(CHECK, TABLE, "until > since")
