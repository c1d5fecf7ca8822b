"""Several drafts of applications per account; the ID number as a condition; conditions eased by an evaluation.

Revision ID: 2d7c61f8a904
Revises: 5b90c2e7d1f6
"""

import sqlalchemy as sa
from alembic import op

revision = "2d7c61f8a904"
down_revision = "5b90c2e7d1f6"
branch_labels = None
depends_on = None
CHANGE, EVALUATION = "nmgdata_class_change", "nmgdata_evaluation"
CONCLUSION = "nmgdata_evaluation_conclusion"
TABLE, INDEX = "nmgdata_application_draft", "nmgdata_application_draft_user"


def upgrade() -> None:
    """Let an account have more than one, a change state the ID number, an evaluation ease."""
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["user_id"], postgresql_where=sa.text("user_id IS NOT NULL"))
    op.add_column(CHANGE, sa.Column("needs_id_number", sa.Boolean(), nullable=True))
    concluding("'keep', 'convertible', 'ease', 'tighten'")


def downgrade() -> None:
    """Keep the newest draft of each account; what was eased was kept, as far as the class goes."""
    op.execute(f"UPDATE {EVALUATION} SET conclusion = 'keep' WHERE conclusion = 'ease'")
    concluding("'keep', 'convertible', 'tighten'")
    op.drop_column(CHANGE, "needs_id_number")
    op.execute(
        f"DELETE FROM {TABLE} d USING {TABLE} n"
        " WHERE n.user_id = d.user_id AND (n.changed_at, n.id) > (d.changed_at, d.id)"
    )
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["user_id"], unique=True, postgresql_where=sa.text("user_id IS NOT NULL"))


def concluding(conclusions: str) -> None:
    """Let evaluations conclude so."""
    op.drop_constraint(CONCLUSION, EVALUATION)
    op.create_check_constraint(CONCLUSION, EVALUATION, f"conclusion IN ({conclusions})")
