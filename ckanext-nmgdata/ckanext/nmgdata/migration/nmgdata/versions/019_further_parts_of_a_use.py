"""Further parts of a file belong to a use of a grant up to the file's own size.

Revision ID: 5b3fa90e6c17
Revises: c4a81f60d2e7
"""

import sqlalchemy as sa
from alembic import op

revision = "5b3fa90e6c17"
down_revision = "c4a81f60d2e7"
branch_labels = None
depends_on = None
TABLE = "nmgdata_grant_use"


def upgrade() -> None:
    """Count the bytes that left in further parts, and say of which version of the file."""
    op.add_column(TABLE, sa.Column("further", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column(TABLE, sa.Column("version", sa.Text))


def downgrade() -> None:
    """Forget them."""
    op.drop_column(TABLE, "version")
    op.drop_column(TABLE, "further")
