"""Where things are kept: one database, read by many and changed in transactions."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

T = TypeVar("T")

RETRIES = 3
INTERRUPT_S = 0.02
_ending: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
PATIENCE_S = 0.2  # for changes under way at the end; nobody waits for their answer any more
_SERIALIZATION, _DEADLOCK, _UNIQUE, _FOREIGN_KEY = "40001", "40P01", "23505", "23503"
_LOCK_TIMEOUT = "55P03"
_SQLITE_ERROR, _SQLITE_BUSY, _SQLITE_UNIQUE, _SQLITE_PRIMARY_KEY = 1, 5, 2067, 1555

PRAGMAS = """
PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
"""
# Who writes waits by looking often: SQLite's own waiting looks ever more rarely, and a worker in another process, which
# begins its next batch soon after the last one, would nearly always be first. And what a statement would need to be
# undone alone, which is every page that it changes, is not for the memory when it changes thousands of people.
WRITING = """
PRAGMA busy_timeout = 0;
PRAGMA temp_store = FILE;
"""
BUSY_S, LOOK_S = 5, 0.005

# What PostgreSQL says when it lets nobody in, has no time or no room, or is going down: connection lost (08), name
# or password (28), no such database (3D), resources (53), operator (57), a lock that was waited for too long, a
# transaction that was idle too long.
_UNAVAILABLE = ("08", "28", "3D", "53", "57", _LOCK_TIMEOUT, "25P03")


class DatabaseUnavailable(Exception):
    """The database cannot be reached or does not answer in time; the cause has the driver's words."""


class Overtaken(Exception):
    """What a change has locked is not what it needs by now; it is undone and tried again."""


class Database:
    """One database with its pools: statements that read run on their own, changes in one transaction each.

    On SQLite one connection writes (WAL, `synchronous=FULL`, `BEGIN IMMEDIATE`); readers never wait for it.
    """

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout_ms: int = 30_000) -> None:
        self._changes: set[asyncio.Task[Any]] = set()
        self.url = normalised(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.writer = _sqlite_engine(self.url, 1, writing=True)
            self.reader = _sqlite_engine(self.url, 4, writing=False)
        else:
            self.writer = create_async_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_pre_ping=True,
                pool_timeout=10,
                connect_args={
                    "timeout": 5,
                    "server_settings": {
                        "statement_timeout": str(statement_timeout_ms),
                        "lock_timeout": str(statement_timeout_ms),
                        "idle_in_transaction_session_timeout": "60000",
                        "application_name": "rosterql",
                        "jit": "off",
                    },
                },
            )
            self.reader = self.writer.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engines(self) -> tuple[AsyncEngine, ...]:
        """The engines whose cursors run every statement, each once; for counting."""
        return (self.writer, self.reader) if self.is_sqlite else (self.writer,)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def printable(self) -> str:
        """The address as people write it: without a driver, the password hidden."""
        return self.url.set(drivername=self.url.get_backend_name()).render_as_string(hide_password=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for statements that only read, each of which sees what is committed when it begins.

        A statement whose reader is cancelled ends where it is.

        Raises:
            DatabaseUnavailable: The database is gone.
        """
        try:
            async with self.reader.connect() as connection:
                yield connection
        except Exception as error:
            if _unavailable(error):
                raise DatabaseUnavailable from error
            raise

    async def change(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run one change in one transaction; whoever asked may go away, the change ends as it would.

        A change that lost against another one (serialization failure, deadlock, a unique key taken or a row deleted in
        between, locks that are not enough by now) is undone and tried again with what is true by then, three times.

        Raises:
            DatabaseUnavailable: The database is gone, or stayed locked.
        """
        task = asyncio.ensure_future(self._change(work))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def _change(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                async with self.writer.begin() as connection:
                    return await work(connection)
            except Exception as error:
                lost = _lost(error)
                if lost and attempt < RETRIES:
                    attempt += 1
                    await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)
                    continue
                if lost or _unavailable(error):
                    raise DatabaseUnavailable from error
                raise

    async def ping(self) -> None:
        """Ask the database whether it is there.

        Raises:
            DatabaseUnavailable: It is not.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def settle(self) -> None:
        """Wait for the changes under way; those that wait for others are undone."""
        if self._changes:
            _, late = await asyncio.wait(self._changes, timeout=PATIENCE_S)
            for change in late:
                change.cancel()
            if late:
                await asyncio.wait(late, timeout=PATIENCE_S)

    async def close(self) -> None:
        """Give all connections back, once the changes under way have ended as they would."""
        await self.settle()
        for engine in self.engines:
            await engine.dispose()


def normalised(url: str) -> URL:
    """An address with the driver that we use: aiosqlite or asyncpg.

    Raises:
        ValueError: The address names another kind of database.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("a SQLite database needs a file")
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+asyncpg")
        case other:
            raise ValueError(f"{other} is not supported: use sqlite or postgresql")


def _sqlite_engine(url: URL, size: int, *, writing: bool) -> AsyncEngine:
    options: dict[str, Any] = {} if writing else {"isolation_level": "AUTOCOMMIT"}
    engine = create_async_engine(url, pool_size=size, max_overflow=0, pool_timeout=30, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.run_async(partial(_prepared, pragmas=PRAGMAS + WRITING if writing else PRAGMAS))

    @event.listens_for(engine.sync_engine, "invalidate")
    def end(connection: Any, _record: Any, _error: Any) -> None:
        connection.run_async(_interrupted)

    if writing:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            until = time.monotonic() + BUSY_S
            while True:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                    return
                except OperationalError as error:
                    if not _busy(error) or time.monotonic() > until:
                        raise
                await_only(asyncio.sleep(LOOK_S))

    return engine


async def _prepared(driver: aiosqlite.Connection, pragmas: str) -> None:
    """Set up a new connection, in one visit to its thread."""
    await driver.executescript(pragmas)


async def _interrupted(driver: aiosqlite.Connection) -> None:
    """End what runs on a connection that is given up; its thread knows nothing of tasks that are cancelled.

    Whoever waits for it may be cancelled again and again, as a scope of anyio does; it goes on all the same.
    """
    ending = asyncio.ensure_future(_interrupting(driver))
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)
    await asyncio.shield(ending)


async def _interrupting(driver: aiosqlite.Connection) -> None:
    """Interrupt until nothing runs: more than once, because the statement may not have begun yet.

    The last word comes behind it; a connection that takes none any more is closed behind it.
    """
    last = asyncio.ensure_future(driver.execute("SELECT 1"))
    while not last.done() or isinstance(last.exception(), ValueError):
        try:
            await driver.interrupt()
        except (ValueError, sqlite3.ProgrammingError):  # closed by now
            break
        await asyncio.wait({last}, timeout=INTERRUPT_S)
        await asyncio.sleep(0)


def lock_timed_out(error: DBAPIError) -> bool:
    """Whether a statement waited for a lock longer than `lock_timeout`."""
    return _sqlstate(error.orig) == _LOCK_TIMEOUT


def _lost(error: Exception) -> bool:
    """Whether a change failed only because another one was faster."""
    if isinstance(error, Overtaken):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else None
    if _sqlstate(cause) in (_SERIALIZATION, _DEADLOCK, _UNIQUE, _FOREIGN_KEY):
        return True
    code = getattr(cause, "sqlite_errorcode", None)
    return _busy(error) or code in (_SQLITE_UNIQUE, _SQLITE_PRIMARY_KEY)


def _busy(error: Exception) -> bool:
    """Whether SQLite waits for somebody else who writes."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code is not None and code & 0xFF == _SQLITE_BUSY


def _unavailable(error: Exception) -> bool:
    """Whether the database is gone, or has no time or room for us; a driver's own error where none could connect."""
    if isinstance(error, OperationalError) and getattr(error.orig, "sqlite_errorcode", None) == _SQLITE_ERROR:
        return False  # no such table, for one: a fault of ours, whatever the driver calls it
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _sqlstate(error.orig).startswith(_UNAVAILABLE)
    return _sqlstate(error).startswith(_UNAVAILABLE)


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
