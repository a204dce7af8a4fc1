"""Queues that fall below their minimum of agents"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import add_choice
from models import storage

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WARN = 1


def upgrade() -> None:
    add_choice("organizations", "coverage_rule", (0, 1, 2), _WARN)
    op.add_column("bulk_operations", sa.Column("shortages", storage.Structured(), nullable=True))
