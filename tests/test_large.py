"""`rosterql seed`: a large organization that is the same each time, on both databases, and sound."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.check import violations
from cli.seeding.digest import Contents, contents_of
from cli.seeding.large import seed
from cli.seeding.plan import DAY, Order
from models import metadata
from repositories.engine import Database
from tests.commands import command, inside
from tests.databases import missing
from tests.gateway import SIGN_IN, Gateway

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("large")]

USERS = 2_000
ORDER = Order(USERS, 7, "Large")

# Each counts rows of the seeded organization that should not be.
NEVER = {
    "events that are not in the order of time": """
        SELECT count(*) FROM (SELECT occurred_at < lag(occurred_at) OVER (ORDER BY sequence) AS early
            FROM audit_events) events WHERE early
    """,
    "people without their first event": """
        SELECT count(*) FROM users u WHERE 1 <> (
            SELECT count(*) FROM audit_events e WHERE e.target_id = u.id AND e.action = 0 AND e.target_version = 1)
    """,
    "deactivated people of whom nothing was taken": """
        SELECT count(*) FROM deactivations d WHERE NOT EXISTS (
            SELECT 1 FROM deactivation_teams t WHERE t.deactivation_id = d.id)
    """,
    "calls before their agent came, or after the agent left": """
        SELECT count(*) FROM call_records c JOIN users u ON u.id = c.user_id
        WHERE c.started_at < u.created_at OR c.ended_at > u.deactivated_at
    """,
    "people who came in before they were there": """
        SELECT count(*) FROM users WHERE activated_at < created_at OR last_sign_in_at < activated_at
            OR last_active_at < last_sign_in_at OR last_active_at > deactivated_at
    """,
    "people at work without a session": """
        SELECT count(*) FROM presences p WHERE p.state <> 0 AND NOT EXISTS (
            SELECT 1 FROM sessions s WHERE s.user_id = p.user_id AND s.ended_at IS NULL)
    """,
    "people without a presence": """
        SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM presences p WHERE p.user_id = u.id)
    """,
}


@pytest.fixture(scope="module")
def both_urls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of an empty database of each kind."""
    server = request.getfixturevalue("_postgres")
    if isinstance(server, str):
        missing("PostgreSQL", server)
        return
    file = tmp_path_factory.mktemp("large") / "rosterql.db"
    shutil.copyfile(request.getfixturevalue("_sqlite_template"), file)
    copy = server.copy()
    yield {"sqlite": f"sqlite:///{file}", "postgresql": copy}
    server.take_back(copy)


@pytest.fixture(scope="module")
async def both(both_urls: dict[str, str]) -> AsyncIterator[dict[str, Made]]:
    """The same organization on both databases; tests only read."""
    found = {}
    for kind, url in both_urls.items():
        database = Database(url)
        organization_id = await seed(database, ORDER)
        found[kind] = Made(database, await contents_of(database, organization_id))
    yield found
    for each in found.values():
        await each.database.close()


@dataclass(frozen=True)
class Made:
    """A database with a large organization."""

    database: Database
    contents: Contents

    async def number(self, sql: str) -> Any:
        """The number that a statement finds."""
        async with self.database.reading() as connection:
            return (await connection.exec_driver_sql(sql)).scalar_one()


async def test_both_databases_hold_the_same_to_the_last_value(both: dict[str, Made]) -> None:
    assert both["sqlite"].contents == both["postgresql"].contents


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_large_organization_is_sound(both: dict[str, Made], kind: str) -> None:
    assert await violations(both[kind].database) == []
    found = {what: await both[kind].number(sql) for what, sql in NEVER.items()}
    assert found == dict.fromkeys(NEVER, 0)


async def test_it_is_as_large_as_promised(both: dict[str, Made]) -> None:
    made = both["sqlite"]
    counts = made.contents.counts
    assert set(counts) == set(metadata.tables)
    assert [counts[table] for table in ("users", "presences", "teams", "memberships", "user_queues")] == [
        USERS,
        USERS,
        USERS // 200,
        USERS * 2,
        USERS * 3 // 2,
    ]
    assert counts["deactivations"] == USERS // 5 == await made.number("SELECT count(*) FROM users WHERE status = 1")
    assert counts["deactivation_teams"] > counts["deactivations"] < counts["deactivation_queues"]
    assert await made.number("SELECT max(depth) FROM team_ancestors") >= 2
    assert await made.number("SELECT count(DISTINCT user_id) FROM call_records") == USERS // 50
    active = (
        "SELECT max(started_at) - min(started_at) FROM call_records WHERE user_id IN (SELECT user_id FROM memberships)"
    )
    assert 27 * DAY < await made.number(active) < 29 * DAY
    for table in ("license_grants", "skill_group_members", "credentials", "user_roles"):
        assert counts[table] > USERS * 0.9


@pytest.mark.parametrize(
    "other",
    [Order(50, 2, "Small"), Order(50, 1, "Little"), Order(51, 1, "Small"), Order(50, 1, "Small", date(2025, 12, 31))],
    ids=["seed", "name", "size", "day"],
)
async def test_another_seed_name_size_or_day_makes_another_one(sqlite_url: str, tmp_path: Path, other: Order) -> None:
    first, again, different = [
        await made_in(sqlite_url, tmp_path / f"{index}.db", order)
        for index, order in enumerate((Order(50, 1, "Small"), Order(50, 1, "Small"), other))
    ]
    assert first == again
    assert first.digest != different.digest


async def made_in(empty: str, file: Path, order: Order) -> Contents:
    """The contents of an organization in a database of its own."""
    shutil.copyfile(empty.removeprefix("sqlite:///"), file)
    database = Database(f"sqlite:///{file}")
    try:
        return await contents_of(database, await seed(database, order))
    finally:
        await database.close()


async def test_the_digest_notices_any_value_and_no_other_organization(gateway: Gateway) -> None:
    organization_id = await seed(gateway.database, Order(10, 1, "Small"))
    before = await contents_of(gateway.database, organization_id)
    await gateway.staff.hire("Somebody Else")
    assert await contents_of(gateway.database, organization_id) == before
    for change in (
        "UPDATE users SET nickname = 'Nick' WHERE external_id = 'S-0000007'",
        "UPDATE presences SET since = (SELECT created_at FROM users WHERE external_id = 'S-0000002')"
        " WHERE user_id = (SELECT id FROM users WHERE external_id = 'S-0000003')",
        "DELETE FROM user_roles WHERE user_id = (SELECT id FROM users WHERE external_id = 'S-0000008')",
    ):
        await gateway.execute(change)
        after = await contents_of(gateway.database, organization_id)
        assert after.digest != before.digest
        before = after


async def test_the_command_tells_counts_and_digest_and_leaves_alone_what_is_there(
    sqlite_gateway: Gateway, sqlite_url: str, tmp_path: Path
) -> None:
    arguments = ("seed", "--users", "10", "--seed", "3", "--organization", "Kleine Größe", "--json")
    done = await command(*arguments, folder=tmp_path, url=sqlite_url)
    assert (done.code, done.err) == (0, "")
    told = done.last
    assert (told["counts"]["users"], told["counts"]["organizations"], len(told["digest"])) == (10, 1, 32)

    again = await inside(*arguments, folder=tmp_path, url=sqlite_url)
    assert (again.code, again.out) == (1, "")
    assert "is there already" in again.err
    assert await sqlite_gateway.scalar("SELECT count(*) FROM users") == 11

    reset = await inside("admin", "reset-password", told["administrator"], "--json", folder=tmp_path, url=sqlite_url)
    terms = {"email": told["administrator"], "password": reset.last["password"], "surface": "PORTAL"}
    signed = (await sqlite_gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]
    assert signed["errors"] == []
    assert signed["token"]


async def test_it_is_not_shown_on_a_day_to_come(sqlite_url: str, tmp_path: Path) -> None:
    refused = await inside("seed", "--users", "10", "--until", "2999-01-01", folder=tmp_path, url=sqlite_url)
    assert (refused.code, refused.out) == (2, "")
    assert "--until" in refused.err


# What the database does by itself with the listings, and a further trigger that forbids to take one away.
TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
}
FORBIDS = {
    "sqlite": (
        "CREATE TRIGGER stays BEFORE DELETE ON listings BEGIN SELECT RAISE(ABORT, 'a listing was deleted'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a listing was deleted'; END $$",
        "CREATE TRIGGER stays BEFORE DELETE ON listings FOR EACH ROW EXECUTE FUNCTION stays()",
    ),
}
ALLOWS = {"sqlite": "DROP TRIGGER stays", "postgresql": "DROP TRIGGER stays ON listings"}


async def test_people_are_listed_once_and_what_lists_others_is_as_before(gateway: Gateway) -> None:
    """Nothing is listed that is taken away again, and changes of people are followed afterwards."""
    kind = "sqlite" if gateway.database.is_sqlite else "postgresql"
    for statement in FORBIDS[kind]:
        await gateway.execute(statement)
    before = await gateway.rows(TRIGGERS[kind])
    await seed(gateway.database, Order(50, 1, "Small"))
    assert await gateway.rows(TRIGGERS[kind]) == before
    assert await gateway.scalar("SELECT count(*) FROM listings") > 150
    assert await violations(gateway.database) == []

    await gateway.execute(ALLOWS[kind])
    await gateway.execute("DELETE FROM license_grants")
    await gateway.execute("UPDATE users SET status = 2, deactivated_at = NULL")
    assert "listings" not in {each.name for each in await violations(gateway.database)}
