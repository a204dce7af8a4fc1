"""Folded texts to filter by, and indexes for every order"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROWS = 5_000


def upgrade() -> None:
    op.add_column("users", sa.Column("email_folded", storage.Folded(), nullable=False, server_default=sa.text("''")))
    op.add_column("users", sa.Column("agent_number_folded", storage.Folded(), nullable=True))
    op.add_column("users", sa.Column("external_id_folded", storage.Folded(), nullable=True))
    _fill()
    op.create_index("ix_users_email_folded", "users", ["email_folded"])
    op.create_index("ix_users_agent_number_folded", "users", ["agent_number_folded"])
    op.create_index("ix_users_external_id_folded", "users", ["external_id_folded"])
    op.create_index("ix_users_by_state", "users", ["organization_id", "status", "id"])
    op.create_index(
        "ix_users_by_state_and_deactivation", "users", ["organization_id", "status", "deactivated_at", "id"]
    )
    op.create_index("ix_presences_state", "presences", ["organization_id", "state", "user_id"])
    if op.get_bind().dialect.name == "postgresql":
        for name, leading, column in (
            ("last_name", ["organization_id"], "last_name_key"),
            ("sign_in", ["organization_id"], "last_sign_in_at"),
            ("deactivation", ["organization_id"], "deactivated_at"),
            ("state_and_deactivation", ["organization_id", "status"], "deactivated_at"),
        ):
            downwards = [*leading, sa.text(f"{column} DESC NULLS LAST"), sa.text("id DESC")]
            op.create_index(f"ix_users_by_{name}_down", "users", downwards)


def fold(text: str) -> str:
    """What was compared when these tables were made; what is compared now may be another text some day."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"\s+", " ", stripped).strip()


def _fill() -> None:
    """Fold what no database can fold, page by page."""
    connection = op.get_bind()
    users = sa.table(
        "users",
        sa.column("id", storage.Key()),
        *(sa.column(name, sa.Text()) for name in ("email", "agent_number", "external_id")),
        *(sa.column(name, sa.Text()) for name in ("email_folded", "agent_number_folded", "external_id_folded")),
    )
    page = sa.select(users.c.id, users.c.email, users.c.agent_number, users.c.external_id).order_by(users.c.id)
    change = (
        users.update()
        .where(users.c.id == sa.bindparam("key_of_row"))
        .values(
            email_folded=sa.bindparam("folded_email"),
            agent_number_folded=sa.bindparam("folded_number"),
            external_id_folded=sa.bindparam("folded_external"),
        )
    )
    rows = connection.execute(page.limit(_ROWS)).all()
    while rows:
        connection.execute(
            change,
            [
                {
                    "key_of_row": row.id,
                    "folded_email": fold(row.email),
                    "folded_number": None if row.agent_number is None else fold(row.agent_number),
                    "folded_external": None if row.external_id is None else fold(row.external_id),
                }
                for row in rows
            ],
        )
        rows = connection.execute(page.where(users.c.id > rows[-1].id).limit(_ROWS)).all()
