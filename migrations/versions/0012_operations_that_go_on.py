"""Bulk operations that go on after the answer"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import allow, allow_null
from models import storage

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allow("bulk_operations", "status", (1, 2, 3, 4, 5, 6))
    allow("bulk_operation_items", "outcome", (0, 1, 2, 3, 4))
    allow_null("bulk_operations", "started_at")
    allow_null("bulk_operations", "finished_at")
    op.add_column("bulk_operations", sa.Column("total", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("bulk_operations", sa.Column("carried", storage.Structured(), nullable=True))
    op.add_column("bulk_operations", sa.Column("failure", storage.Structured(), nullable=True))
    op.execute(sa.text("UPDATE bulk_operations SET total = succeeded + unchanged + failed + skipped"))
    for name, table, columns, where in (
        ("ix_bulk_operations_unfinished", "bulk_operations", ["status", "id"], "status IN (1, 2)"),
        ("ix_bulk_operation_items_pending", "bulk_operation_items", ["operation_id", "index"], "outcome = 0"),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
