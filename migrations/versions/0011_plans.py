"""Dry runs that are kept, and the versions of the people whom an item left"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import add_flag

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SEAT_TAKEN = 12


def upgrade() -> None:
    add_flag("bulk_operations", "dry_run")
    op.add_column(
        "bulk_operations", sa.Column("seats_needed", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("bulk_operation_items", sa.Column("user_version", sa.Integer(), nullable=True))
    op.execute(sa.text(_COUNT[op.get_bind().dialect.name]))


_COUNT = {
    "sqlite": f"""
        UPDATE bulk_operations SET seats_needed = (
            SELECT count(*) FROM bulk_operation_items AS item, json_each(item.effects) AS effect
            WHERE item.operation_id = bulk_operations.id AND effect.value ->> '$.kind' = {_SEAT_TAKEN}
        )
    """,
    "postgresql": f"""
        UPDATE bulk_operations SET seats_needed = (
            SELECT count(*) FROM bulk_operation_items AS item, jsonb_array_elements(item.effects) AS effect
            WHERE item.operation_id = bulk_operations.id AND (effect ->> 'kind')::integer = {_SEAT_TAKEN}
        )
    """,
}
