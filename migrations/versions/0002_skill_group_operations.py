"""Operations that assign skill groups"""

from migrations.checks import allow

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allow("bulk_operations", "kind", (0, 1, 2, 3, 4, 5, 8, 9, 10))
