"""Operations whose items are forgotten"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import add_flag

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_flag("bulk_operations", "items_forgotten")
    op.create_index(
        "ix_bulk_operations_with_items",
        "bulk_operations",
        ["finished_at"],
        sqlite_where=sa.text("items_forgotten = 0"),
        postgresql_where=sa.text("NOT items_forgotten"),
    )
