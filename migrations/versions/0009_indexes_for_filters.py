"""Texts that people are filtered by, within their organization, and who is protected"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("email_folded", "agent_number_folded", "external_id_folded"):
        op.drop_index(f"ix_users_{column}", "users")
        op.create_index(f"ix_users_{column}", "users", ["organization_id", column])
    op.create_index(
        "ix_users_protected",
        "users",
        ["organization_id", "id"],
        sqlite_where=sa.text("protected = 1"),
        postgresql_where=sa.text("protected"),
    )
