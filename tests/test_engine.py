"""Changes that lose against others, and databases that do not answer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.engine import RETRIES, Database, DatabaseUnavailable, Overtaken
from tests.gateway import Gateway

pytestmark = pytest.mark.anyio

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
Work = Callable[[AsyncConnection], Awaitable[None]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database with a table to spoil."""
    opened = Database(database_url)
    await opened.change(statement("CREATE TABLE taken (name TEXT PRIMARY KEY)"))
    yield opened
    await opened.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database of PostgreSQL."""
    opened = Database(postgres_url, statement_timeout_ms=300)
    yield opened
    await opened.close()


def statement(sql: str) -> Work:
    """Work that is one statement."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(sql))

    return work


async def names(database: Database) -> list[Any]:
    async with database.reading() as connection:
        return list((await connection.execute(text("SELECT name FROM taken ORDER BY name"))).scalars())


def losing(times: int, lose: Work) -> tuple[Work, list[int]]:
    """Work that adds a row, loses so often, and is done with the next attempt; and its attempts."""
    attempts: list[int] = []

    async def work(connection: AsyncConnection) -> None:
        attempts.append(len(attempts))
        await connection.execute(text(f"INSERT INTO taken VALUES ('attempt {len(attempts)}')"))
        if len(attempts) <= times:
            await lose(connection)

    return work, attempts


async def overtaken(_connection: AsyncConnection) -> None:
    raise Overtaken


TWICE = statement("INSERT INTO taken VALUES ('twice'), ('twice')")


@pytest.mark.parametrize("lose", [overtaken, TWICE], ids=["overtaken", "unique"])
async def test_a_change_that_lost_is_undone_and_tried_again_three_times(database: Database, lose: Work) -> None:
    work, attempts = losing(RETRIES, lose)
    await database.change(work)
    assert len(attempts) == 1 + RETRIES == 4
    assert await names(database) == ["attempt 4"]


@pytest.mark.parametrize("lose", [overtaken, TWICE], ids=["overtaken", "unique"])
async def test_a_change_that_lost_four_times_is_given_up_whole(database: Database, lose: Work) -> None:
    work, attempts = losing(99, lose)
    with pytest.raises(DatabaseUnavailable) as given_up:
        await database.change(work)
    assert isinstance(given_up.value.__cause__, Overtaken | IntegrityError)
    assert (len(attempts), await names(database)) == (4, [])
    assert [engine.pool.checkedout() for engine in database.engines] == [0] * len(database.engines)


@pytest.mark.parametrize("state", ["40001", "40P01", "23505"])
async def test_serialization_failures_and_deadlocks_are_tried_again(postgres: Database, state: str) -> None:
    await postgres.change(statement("CREATE TABLE taken (name TEXT PRIMARY KEY)"))
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{state}'; END $$"
    work, attempts = losing(2, statement(raised))
    await postgres.change(work)
    assert (len(attempts), await names(postgres)) == (3, ["attempt 3"])


@pytest.mark.parametrize("state", ["53300", "57P01", "57P03", "55P03", "08006"])
async def test_what_a_server_without_time_or_room_says_means_unavailable(postgres: Database, state: str) -> None:
    raised = statement(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    with pytest.raises(DatabaseUnavailable):
        await postgres.change(raised)
    with pytest.raises(DatabaseUnavailable):
        async with postgres.reading() as connection:
            await raised(connection)


async def test_a_lock_that_is_held_too_long_means_unavailable(postgres: Database) -> None:
    holder = Database(postgres.printable)
    lock = statement("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    async with holder.writer.begin() as connection:
        await lock(connection)
        with pytest.raises(DatabaseUnavailable):
            await postgres.change(lock)
    await postgres.change(lock)
    await holder.close()


async def test_a_fault_of_our_own_is_neither_tried_again_nor_hidden(database: Database) -> None:
    work, attempts = losing(1, statement("SELECT nothing FROM nowhere"))
    with pytest.raises(DBAPIError):
        await database.change(work)
    assert (len(attempts), await names(database)) == (1, [])


async def test_a_sqlite_file_that_stays_locked_means_unavailable(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    @event.listens_for(database.writer.sync_engine, "connect")
    def impatient(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    assert database.path is not None
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    touch = statement("UPDATE organizations SET version = version")
    with pytest.raises(DatabaseUnavailable):
        await database.change(touch)
    assert database.writer.pool.checkedout() == 0  # type: ignore[attr-defined]
    await database.ping()
    other.execute("ROLLBACK")
    await database.change(touch)
    other.close()
    await database.close()


async def test_nobody_can_connect_means_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    with pytest.raises(DatabaseUnavailable):
        await database.change(statement("SELECT 1"))
    await database.close()


async def test_a_database_that_is_not_there_means_unavailable(postgres: Database) -> None:
    missing = Database(postgres.printable.replace("/test_", "/missing_"))
    with pytest.raises(DatabaseUnavailable):
        await missing.ping()
    await missing.close()


async def test_connections_that_the_server_ended_are_replaced(postgres_gateway: Gateway) -> None:
    """One request may fail of it; the next ones find new connections."""
    await postgres_gateway.ask("{ viewer { kind } }")
    killer = Database(postgres_gateway.database.printable)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    await killer.change(statement(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    await killer.close()
    assert await postgres_gateway.ask("{ viewer { kind } }") == {"viewer": {"kind": "API_KEY"}}


async def test_a_server_that_goes_down_in_the_middle_means_unavailable(postgres: Database) -> None:
    killer = Database(postgres.printable)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    kill = statement(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))
        await killer.change(kill)
        await connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await postgres.change(work)
    with pytest.raises(DatabaseUnavailable):
        async with postgres.reading() as connection:
            await work(connection)
    await postgres.ping()
    await killer.close()


async def test_closing_waits_for_changes_that_nobody_waits_for(database: Database) -> None:
    began = asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        began.set()
        await connection.execute(text("INSERT INTO taken VALUES ('slow')"))
        await asyncio.sleep(0.1)

    asked = asyncio.create_task(database.change(slow))
    await began.wait()
    asked.cancel()
    await database.close()
    assert asked.cancelled()
    assert await names(database) == ["slow"]


@pytest.mark.parametrize("rounds", range(2, 30))
async def test_a_statement_whose_reader_is_cancelled_again_and_again_ends(sqlite_url: str, rounds: int) -> None:
    """As a scope of anyio cancels, in every round of the loop; also when the statement had not begun by then."""
    database = Database(sqlite_url)
    before = set(threading.enumerate())

    async def read() -> None:
        async with database.reading() as connection:
            await connection.execute(text(ENDLESS))

    reading = asyncio.create_task(read())
    for _ in range(rounds):
        await asyncio.sleep(0.0002)
    while not reading.done():
        reading.cancel()
        await asyncio.sleep(0)
    await database.close()
    for _ in range(500):
        if set(threading.enumerate()) <= before:
            break
        await asyncio.sleep(0.01)
    assert set(threading.enumerate()) <= before
