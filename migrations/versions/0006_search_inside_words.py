"""An index of every three characters that people are searched by"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in INDEXED[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


# On SQLite a table beside the people, which triggers keep: every write is caught, whoever makes it. A migration that
# builds `users` anew drops them, and must run these statements again.
INDEXED = {
    "sqlite": [
        "CREATE VIRTUAL TABLE user_search USING fts5(search_key, tokenize = 'trigram', detail = 'full')",
        "INSERT INTO user_search (rowid, search_key) SELECT rowid, search_key FROM users",
        """CREATE TRIGGER users_searched_insert AFTER INSERT ON users
        BEGIN INSERT INTO user_search (rowid, search_key) VALUES (new.rowid, new.search_key); END""",
        """CREATE TRIGGER users_searched_update AFTER UPDATE OF search_key ON users
        WHEN old.search_key <> new.search_key
        BEGIN UPDATE user_search SET search_key = new.search_key WHERE rowid = new.rowid; END""",
        """CREATE TRIGGER users_searched_delete AFTER DELETE ON users
        BEGIN DELETE FROM user_search WHERE rowid = old.rowid; END""",
    ],
    "postgresql": [
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE INDEX ix_users_search_key ON users USING gin (search_key gin_trgm_ops)",
    ],
}
