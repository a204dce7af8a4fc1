"""Deletions in the audit"""

from migrations.checks import allow

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allow("audit_events", "action", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
