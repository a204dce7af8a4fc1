"""Seats of a license by day"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_seat_ledger_by_time", "seat_ledger", ["license_id", "at", "sequence"])
