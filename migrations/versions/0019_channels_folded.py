"""Channels of queues, folded to be found by"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ROWS = 5_000


def upgrade() -> None:
    op.add_column("queues", sa.Column("channel_key", storage.Folded(), nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    queues = sa.table(
        "queues",
        sa.column("id", storage.Key()),
        sa.column("channel", sa.Text()),
        sa.column("channel_key", sa.Text()),
    )
    page = sa.select(queues.c.id, queues.c.channel).order_by(queues.c.id).limit(_ROWS)
    change = queues.update().where(queues.c.id == sa.bindparam("key_of_row"))
    change = change.values(channel_key=sa.bindparam("folded"))
    rows = connection.execute(page).all()
    while rows:
        connection.execute(change, [{"key_of_row": row.id, "folded": fold(row.channel)} for row in rows])
        rows = connection.execute(page.where(queues.c.id > rows[-1].id)).all()


def fold(text: str) -> str:
    """What was compared when this column was made; what is compared now may be another text some day."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"\s+", " ", stripped).strip()
