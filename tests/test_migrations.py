"""Migrations: the tables of the models and nothing else, once, whoever comes first."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import upgrading
from migrations.upgrading import current, newest, upgrade
from models import metadata
from models.audit import AuditAction
from repositories.engine import Database
from tests import commands, databases
from tests.gateway import Gateway
from tests.people import Staff

pytestmark = pytest.mark.anyio

_numbers = itertools.count(1)


@pytest.fixture
def empty_postgres_url(_postgres: databases.PostgresServer | str) -> Iterator[str]:
    """The address of a PostgreSQL database without any tables."""
    if isinstance(_postgres, str):
        databases.missing("PostgreSQL", _postgres)
        return
    name = f"empty_{next(_numbers)}"
    _postgres.administer(f"CREATE DATABASE {name}")
    yield _postgres.url(name)
    _postgres.drop(_postgres.url(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of each kind without any tables; the file of SQLite is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'rosterql.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    """Such a database."""
    database = Database(empty_url)
    if database.path is not None:
        database.path.parent.mkdir()
    yield database
    await database.close()


def _parts(statement: str) -> frozenset[str]:
    """What a CREATE statement says, whatever the order of columns and constraints, and where a constraint stands.

    One of a column that was added later can only stand behind the column.
    """
    tight = re.sub(r'[\s"]+', "", statement).lower()
    tight = re.sub(r"(?<![,(])constraint(?=ck_)", ",constraint", tight)
    depth, parts = 0, [""]
    for letter in tight:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if (letter in ",(" and depth == 1) or (letter == ")" and depth == 0):
            parts.append("")
        else:
            parts[-1] += letter
    return frozenset(parts)


async def definitions(database: Database) -> set[tuple[Any, ...]]:
    """Everything that a database says about its tables, its own notes on migrations aside."""
    if database.is_sqlite:
        # The index for searching is beside the tables of the models, and kept by triggers.
        sql = (
            "SELECT type, name, tbl_name, sql FROM sqlite_master "
            "WHERE name NOT LIKE 'sqlite_%' AND tbl_name NOT LIKE 'user_search%'"
        )
        async with database.reading() as connection:
            rows = [tuple(row) for row in await connection.execute(text(sql))]
        return {
            (*names, _parts(made))
            for *names, made in rows
            if "alembic" not in names[0] + names[1] and names[0] != "trigger"
        }
    queries = (
        """SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, l.collname
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
           LEFT JOIN pg_collation l ON l.oid = a.attcollation
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped""",
        """SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
        """SELECT 'index', tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'""",
    )
    found: set[tuple[Any, ...]] = set()
    async with database.reading() as connection:
        for query in queries:
            found |= {tuple(row) for row in await connection.execute(text(query))}
    return {row for row in found if "alembic" not in str(row[1])}


def comparable(_object: Any, name: str | None, *_others: Any) -> bool:
    """How a search finds people differs between the databases; `rosterql check` looks whether it is there. PostgreSQL
    says an expression in its own words, which are compared with its own for the models."""
    return name not in ("ix_users_search_key", "ix_users_by_desktop") and not (name or "").startswith("user_search")


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_an_upgrade_from_nothing_makes_exactly_the_tables_of_the_models(empty: Database) -> None:
    assert await current(empty) is None
    assert await upgrade(empty) is True
    assert await current(empty) == newest()
    migrated = await definitions(empty)

    def compare(connection: Connection) -> list[Any]:
        opts = {"compare_type": True, "compare_server_default": True, "include_object": comparable}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, metadata))

    async with empty.reading() as connection:
        assert await connection.run_sync(compare) == []

    async def remake(connection: Any) -> None:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)

    await empty.change(remake)
    of_models = await definitions(empty)
    assert len(of_models) > 2 * len(metadata.tables)
    assert migrated ^ of_models == set()


async def test_what_a_column_may_hold_is_widened_where_rows_are(empty: Database) -> None:
    """On SQLite without building the table anew; the check still refuses what it does not know."""

    def first(connection: Connection) -> None:
        config = upgrading.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    async def change(connection: AsyncConnection, kind: int) -> None:
        await connection.execute(text(f"UPDATE bulk_operations SET kind = {kind}"))

    async with empty.writer.begin() as connection:
        await connection.run_sync(first)
        columns = await connection.run_sync(lambda sync: inspect(sync).get_columns("bulk_operations"))
        row = {each["name"]: 0 for each in columns if not each["nullable"]}
        key, moment = ("randomblob(16)", "0") if empty.is_sqlite else ("gen_random_uuid()", "now()")
        await connection.execute(
            text(
                "INSERT INTO organizations (id, version, name, name_key, time_zone, sends_invitations, demo, "
                "idle_timeout_minutes, created_at, updated_at) "
                f"VALUES ({key}, 1, 'Acme', 'acme', 'UTC', true, false, 1440, {moment}, {moment})"
            )
        )
        special = {"id": key, "organization_id": "organizations.id", "status": "3", "created_at": moment}
        special |= {"started_at": moment, "finished_at": moment}
        values = {name: special.get(name, "0") for name in row}
        columns_and_values = f"({', '.join(values)}) SELECT {', '.join(values.values())}"
        await connection.execute(text(f"INSERT INTO bulk_operations {columns_and_values} FROM organizations"))
    with pytest.raises(DBAPIError, match="ck_bulk_operations_kind"):
        await empty.change(lambda connection: change(connection, 10))
    assert await upgrade(empty) is True
    await empty.change(lambda connection: change(connection, 10))
    with pytest.raises(DBAPIError, match="ck_bulk_operations_kind"):
        await empty.change(lambda connection: change(connection, 99))
    if empty.is_sqlite:
        async with empty.reading() as connection:
            assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"


async def test_people_and_queues_that_are_there_are_folded_for_filters(empty: Database) -> None:
    """What the tables did not have at first, and no database can compute."""

    def before(connection: Connection) -> None:
        config = upgrading.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")

    key, moment = ("randomblob(16)", "0") if empty.is_sqlite else ("gen_random_uuid()", "now()")
    async with empty.writer.begin() as connection:
        await connection.run_sync(before)
        for table, special in (
            ("organizations", {"id": key, "name": "'Acme'"}),
            (
                "users",
                {"organization_id": "organizations.id", "email": "'ZOË@x.example'", "email_key": "'zoë@x.example'"},
            ),
            ("queues", {"organization_id": "organizations.id", "channel": "'RÜCK  ruf'"}),
        ):
            columns = await connection.run_sync(lambda sync, table=table: inspect(sync).get_columns(table))
            row = {each["name"]: _filler(each["name"], key, moment) for each in columns if not each["nullable"]}
            row |= special
            if table == "users":
                row["agent_number"] = "'Ä 1'"
            source = "" if table == "organizations" else " FROM organizations"
            sql = f"INSERT INTO {table} ({', '.join(row)}) SELECT {', '.join(row.values())}{source}"
            await connection.execute(text(sql))
    assert await upgrade(empty) is True
    async with empty.reading() as connection:
        folded = "SELECT email_folded, agent_number_folded, external_id_folded FROM users"
        assert tuple((await connection.execute(text(folded))).one()) == ("zoe@x.example", "a 1", None)
        assert (await connection.execute(text("SELECT channel_key FROM queues"))).scalar_one() == "ruck ruf"


def _filler(name: str, key: str, moment: str) -> str:
    """A value for a column of which only its kind counts."""
    if name == "id":
        return key
    if name.endswith("_at"):
        return moment
    if name in ("active", "protected", "contact_center_enabled", "demo", "sends_invitations"):
        return "false"
    number = name in ("version", "status", "identity_source", "idle_timeout_minutes", "minimum_agents")
    return "0" if number else "'x'"


async def test_an_upgrade_of_the_newest_tables_does_nothing(database_url: str) -> None:
    database = Database(database_url)
    before = await definitions(database)
    assert await upgrade(database) is False
    assert await definitions(database) == before
    await database.close()


async def test_every_table_of_sqlite_is_strict(sqlite_gateway: Gateway) -> None:
    rows = await sqlite_gateway.rows(
        "SELECT name, strict FROM pragma_table_list "
        "WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'user_search%'"
    )
    tables = {row.name: row.strict for row in rows}
    assert set(tables) - {"alembic_version"} == set(metadata.tables)
    assert {name for name, strict in tables.items() if not strict} <= {"alembic_version"}
    with pytest.raises(DBAPIError, match="cannot store TEXT"):
        await sqlite_gateway.execute("UPDATE users SET version = 'one'")


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET note = 'other'", "DELETE FROM audit_events"])
async def test_the_database_itself_refuses_to_change_the_audit(gateway: Gateway, staff: Staff, statement: str) -> None:
    await staff.hire()
    events = await gateway.scalar("SELECT count(*) FROM audit_events WHERE action = :a", a=AuditAction.CREATED.value)
    assert events > 0
    with pytest.raises(DBAPIError, match="audit events are never"):
        await gateway.execute(statement)
    if not gateway.database.is_sqlite:
        with pytest.raises(DBAPIError, match="audit events are never"):
            await gateway.execute("TRUNCATE audit_events CASCADE")
    assert await gateway.scalar("SELECT count(*) FROM audit_events WHERE note IS NULL") >= events


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "versions").mkdir()
    source = Path(upgrading.__file__).parent
    (tmp_path / "env.py").write_text((source / "env.py").read_text())
    first = (source / "versions" / "0001_first_tables.py").read_text()
    (tmp_path / "versions" / "0001_first_tables.py").write_text(first)
    (tmp_path / "versions" / "0002_broken.py").write_text(
        "from alembic import op\n"
        "revision, down_revision = '0002', '0001'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half_done (id INTEGER)')\n"
        "    op.execute('INSERT INTO half_done VALUES (1)')\n"
        "    op.execute('INSERT INTO nowhere VALUES (1)')\n"
    )

    def broken() -> Any:
        config = upgrading.Config()
        config.set_main_option("script_location", str(tmp_path))
        config.set_main_option("path_separator", "os")
        return config

    with monkeypatch.context() as patched:
        patched.setattr(upgrading, "configuration", broken)
        with pytest.raises(DBAPIError, match="nowhere"):
            await upgrade(empty)

    assert await definitions(empty) == set()
    assert await current(empty) is None
    assert await upgrade(empty) is True


async def test_of_eight_processes_that_upgrade_at_once_one_does_it(empty_url: str, tmp_path: Path) -> None:
    upgrades = (commands.command("db", "upgrade", "--json", folder=tmp_path, url=empty_url) for _ in range(8))
    ended = await asyncio.gather(*upgrades)
    assert [each.code for each in ended] == [0] * 8, ended
    assert sorted(each.last["changed"] for each in ended) == [False] * 7 + [True]
    database = Database(empty_url)
    assert await current(database) == newest()
    await database.close()


async def test_the_lock_of_a_long_migration_is_not_lost_to_a_time_out(postgres_url: str) -> None:
    database = Database(postgres_url)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    async def timeouts(connection: AsyncConnection) -> list[Any]:
        return [await connection.scalar(text(f"SHOW {name}")) for name in names]

    async with upgrading._advisory_lock(database) as connection:
        assert await timeouts(connection) == ["0"] * 3
    async with database.writer.connect() as connection:
        assert "0" not in await timeouts(connection)
    await database.close()


async def test_every_foreign_key_that_is_followed_backwards_has_an_index(gateway: Gateway) -> None:
    """Or taking a person out of what refers to them would read whole tables."""
    unused = {"organization_id", "default_desktop_profile_id"}

    def missing(connection: Connection) -> set[str]:
        found = set()
        inspector = inspect(connection)
        for name in metadata.tables:
            leading = {columns["column_names"][0] for columns in inspector.get_indexes(name)}
            leading.add(inspector.get_pk_constraint(name)["constrained_columns"][0])
            for key in inspector.get_foreign_keys(name):
                column = key["constrained_columns"][0]
                if column not in leading | unused:
                    found.add(f"{name}.{column}")
        return found

    async with gateway.database.reading() as connection:
        assert await connection.run_sync(missing) == set()
