"""What operations changed, so that it can be taken back"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import allow
from models import storage

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allow("bulk_operations", "kind", (0, 1, 2, 3, 4, 5, 8, 9, 10, 15))
    op.add_column("bulk_operations", sa.Column("named_by", sa.Text(), nullable=True))
    op.add_column("bulk_operation_items", sa.Column("delta", storage.Structured(), nullable=True))
    op.add_column("bulk_operations", sa.Column("origin_id", storage.Key(), nullable=True))
    op.create_index("ix_bulk_operations_origin_id", "bulk_operations", ["origin_id"])
