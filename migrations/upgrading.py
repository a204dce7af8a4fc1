"""Bringing a database to the newest tables, however many processes try it at once."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.engine import Database

_ADVISORY_LOCK = 0x526F73746572  # any number that only we use


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """The revision that this program works with."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert head is not None
    return head


async def current(database: Database) -> str | None:
    """The revision of a database; None when it is empty.

    Raises:
        DatabaseUnavailable: The database is gone.
    """
    async with database.reading() as connection:
        return await connection.run_sync(_current)


async def upgrade(database: Database) -> bool:
    """Create or migrate the tables; of many that try at once, one does it and the others wait.

    Returns:
        Whether anything was to be done.
    """
    if database.path is not None:
        database.path.parent.mkdir(parents=True, exist_ok=True)
        database.path.touch(mode=0o600)  # people and hashes of passwords are for nobody else on the machine
        lock = _file_lock(database.path.with_name(database.path.name + ".migrating"))
        await asyncio.to_thread(lock.__enter__)
        try:
            async with database.writer.begin() as connection:
                return await connection.run_sync(_upgrade)
        finally:
            lock.__exit__(None, None, None)
    async with _advisory_lock(database), database.writer.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        return await connection.run_sync(_upgrade)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> bool:
    if _current(connection) == newest():
        return False
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


@asynccontextmanager
async def _advisory_lock(database: Database) -> AsyncIterator[AsyncConnection]:
    async with database.writer.connect() as connection:
        # Waiting for somebody else's long migration is no error, nor is holding the lock during one of our own.
        for timeout in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            await connection.execute(text(f"SET {timeout} = 0"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        try:
            yield connection
        finally:
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.rollback()
