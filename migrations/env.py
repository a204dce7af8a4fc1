"""Alembic's entry point: runs on the connection that `migrations.upgrading` hands over."""

from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeEngine

from models import metadata
from models.storage import SmallEnum


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | bool:
    """Write our column types so that a migration does not change when an enum grows."""
    if kind == "type" and isinstance(item, SmallEnum):
        return 'sa.SmallInteger().with_variant(sa.Integer(), "sqlite")'
    if kind == "type" and isinstance(item, TypeEngine) and type(item).__module__ == "models.storage":
        autogen.imports.add("from models import storage")
        return f"storage.{type(item).__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
    # SQLite can undo DDL, if only it runs in a transaction; Alembic does not believe so by itself.
    transactional_ddl=True,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
