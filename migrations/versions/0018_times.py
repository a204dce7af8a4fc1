"""Operations at a time, for a time, and after contacts"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import add_flag, allow
from models import storage

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allow("bulk_operations", "status", (0, 1, 2, 3, 4, 5, 6))
    add_flag("bulk_operations", "after_contact")
    for name in ("execute_at", "until", "reverts_at"):
        op.add_column("bulk_operations", sa.Column(name, storage.Instant(), nullable=True))
    op.drop_index("ix_bulk_operations_unfinished", "bulk_operations")
    for name, columns, where in (
        ("ix_bulk_operations_unfinished", ["status", "id"], "status IN (0, 1, 2)"),
        ("ix_bulk_operations_reverting", ["reverts_at"], "reverts_at IS NOT NULL"),
    ):
        op.create_index(name, "bulk_operations", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
