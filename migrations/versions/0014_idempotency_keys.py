"""Calls that were done under a key"""

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("actor_kind", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor_id", storage.Key(), nullable=False),
        sa.Column("mutation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("organization_id", storage.Key(), nullable=False),
        sa.Column("input_hash", storage.Bytes(), nullable=False),
        sa.Column("result_id", storage.Key(), nullable=True),
        sa.Column("expires_at", storage.Instant(), nullable=False),
        sa.CheckConstraint("actor_kind IN (0, 1, 2)", name=op.f("ck_idempotency_keys_actor_kind")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_idempotency_keys_organization_id")
        ),
        sa.PrimaryKeyConstraint("actor_kind", "actor_id", "mutation", "key", name=op.f("pk_idempotency_keys")),
        sqlite_strict=True,
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
