"""The demo organization: believable, consistent, made once, and open at every start."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cli.check import violations
from cli.seeding.demo import OpenedDemo, made, open_demo
from models.user import UserRole
from repositories.engine import Database
from resolvers.identity import CHECKS, checked
from resolvers.pepper import choose_pepper
from tests.changes import bulk
from tests.gateway import SIGN_IN, Gateway
from tests.people import Staff
from tests.statements import Statements

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { kind organization { name } permissions { permission } } }"
UPDATE = "mutation Update($input: UpdateUserInput!) { updateUser(input: $input) { errors { code } } }"

# Each finds rows of the demo organization that break a promise.
SPOILED = {
    "a version that is not the last event's": """
        SELECT u.id FROM users u WHERE u.organization_id = :own AND u.version IS DISTINCT FROM (
            SELECT e.target_version FROM audit_events e WHERE e.target_id = u.id ORDER BY e.sequence DESC LIMIT 1)
    """,
    "nobody made": """
        SELECT u.id FROM users u WHERE u.organization_id = :own AND (
            SELECT count(*) FROM audit_events e WHERE e.target_id = u.id AND e.action = 0 AND e.target_version = 1) <> 1
    """,
    "no presence": """
        SELECT u.id FROM users u LEFT JOIN presences p ON p.user_id = u.id
        WHERE u.organization_id = :own AND p.user_id IS NULL
    """,
    "there without a session on the desktop": """
        SELECT p.user_id FROM presences p WHERE p.organization_id = :own AND p.state <> 0 AND NOT EXISTS (
            SELECT 1 FROM sessions s WHERE s.user_id = p.user_id AND s.surface = 1 AND s.ended_at IS NULL)
    """,
    "deactivated, and still somewhere": """
        SELECT u.id FROM users u WHERE u.organization_id = :own AND u.status = 1 AND (
            EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)
            OR EXISTS (SELECT 1 FROM user_queues q WHERE q.user_id = u.id)
            OR EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL)
            OR EXISTS (SELECT 1 FROM license_grants g WHERE g.user_id = u.id AND g.state = 0)
            OR EXISTS (SELECT 1 FROM call_records c WHERE c.user_id = u.id AND c.ended_at IS NULL)
            OR EXISTS (SELECT 1 FROM presences p WHERE p.user_id = u.id AND p.state <> 0)
            OR NOT EXISTS (SELECT 1 FROM deactivations d WHERE d.user_id = u.id AND d.deactivated_at = u.deactivated_at)
            OR u.deactivated_at IS NULL)
    """,
    "active, and told to be deactivated": """
        SELECT u.id FROM users u WHERE u.organization_id = :own AND u.status = 0 AND (u.deactivated_at IS NOT NULL
            OR EXISTS (SELECT 1 FROM deactivations d WHERE d.user_id = u.id)
            OR EXISTS (SELECT 1 FROM license_grants g WHERE g.user_id = u.id AND g.state = 1))
    """,
    "blocked, and signed in": """
        SELECT b.user_id FROM sign_in_blocks b JOIN sessions s ON s.user_id = b.user_id
        WHERE b.organization_id = :own AND s.ended_at IS NULL
    """,
    "a pool that is not its grants": """
        SELECT p.license_id FROM license_pools p WHERE p.organization_id = :own AND (p.seats <= p.granted
            OR p.granted <> (SELECT count(DISTINCT g.user_id) FROM license_grants g
                             WHERE g.license_id = p.license_id AND g.state = 0))
    """,
    "a ledger that ends elsewhere": """
        SELECT p.license_id FROM license_pools p WHERE p.organization_id = :own AND p.granted IS DISTINCT FROM (
            SELECT l.granted_after FROM seat_ledger l
            WHERE l.license_id = p.license_id ORDER BY l.sequence DESC LIMIT 1)
    """,
    "a team that is not its own ancestor": """
        SELECT t.id FROM teams t WHERE t.organization_id = :own AND NOT EXISTS (
            SELECT 1 FROM team_ancestors a WHERE a.team_id = t.id AND a.ancestor_id = t.id AND a.depth = 0)
    """,
    "an ancestor forgotten": """
        SELECT t.id FROM teams t JOIN team_ancestors above ON above.team_id = t.parent_id
        WHERE t.organization_id = :own AND NOT EXISTS (
            SELECT 1 FROM team_ancestors a
            WHERE a.team_id = t.id AND a.ancestor_id = above.ancestor_id AND a.depth = above.depth + 1)
    """,
    "a call before its agent came, or after the agent left": """
        SELECT c.id FROM call_records c JOIN users u ON u.id = c.user_id
        WHERE c.organization_id = :own AND (c.started_at < u.created_at OR c.ended_at > u.deactivated_at)
    """,
    "a supervisor without the license": """
        SELECT r.user_id FROM user_roles r WHERE r.organization_id = :own AND r.role = 1 AND NOT EXISTS (
            SELECT 1 FROM license_grants g JOIN licenses l ON l.id = g.license_id
            WHERE g.user_id = r.user_id AND l.type = 1)
    """,
    "in a team, and not enabled for the contact center": """
        SELECT u.id FROM users u JOIN memberships m ON m.user_id = u.id
        WHERE u.organization_id = :own AND NOT CAST(u.contact_center_enabled AS BOOLEAN)
    """,
}


def _own(gateway: Gateway, opened: OpenedDemo | UUID) -> Any:
    return gateway.key_parameter(opened if isinstance(opened, UUID) else opened.organization_id)


async def _sign_in(gateway: Gateway, mail: str, password: str) -> Any:
    terms = {"email": mail, "password": password, "surface": "PORTAL"}
    return (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]


async def test_every_row_keeps_what_the_program_promises(gateway: Gateway) -> None:
    opened = await open_demo(gateway.database, users=300)
    found = {
        promise: len(rows)
        for promise, sql in SPOILED.items()
        if (rows := await gateway.rows(_spoken(gateway, sql), own=_own(gateway, opened)))
    }
    assert found == {}
    assert await violations(gateway.database) == []
    events = await gateway.rows(
        "SELECT occurred_at FROM audit_events WHERE organization_id = :own ORDER BY sequence", own=_own(gateway, opened)
    )
    times = [str(event[0]).rjust(40, "0") for event in events]
    assert times == sorted(times)


def _spoken(gateway: Gateway, sql: str) -> str:
    return sql.replace("IS DISTINCT FROM", "IS NOT") if gateway.database.is_sqlite else sql


async def test_the_company_is_large_and_varied_enough_to_play_with(gateway: Gateway) -> None:
    opened = await open_demo(gateway.database, users=300)
    data = await gateway.ask(
        """
        {
          users(first: 0) { totalCount hiddenDeactivatedCount }
          premium: users(filter: {role: {eq: SUPERVISOR}}, first: 100) { nodes { effectiveLicense { type } } }
          service: users(filter: {role: {eq: SERVICE_ADMINISTRATOR}}, first: 0) { totalCount }
          full: users(filter: {role: {eq: FULL_ADMINISTRATOR}}, first: 0) { totalCount }
          aside: users(filter: {contactCenterEnabled: false}, first: 0) { totalCount }
          teams(first: 100) { nodes { parent { parent { name } } members { totalCount } } }
          queues(first: 100) { nodes { channel minimumAgents activeAgentCount } }
          licenses { nodes { seats { granted available } } }
          going: callRecords(filter: {active: true}, first: 0) { totalCount }
          callRecords(first: 0) { totalCount }
        }
        """,
        token=opened.token,
    )
    assert (data["users"]["totalCount"], data["users"]["hiddenDeactivatedCount"]) == (270, 30)
    assert len(data["premium"]["nodes"]) >= 10
    assert {node["effectiveLicense"]["type"] for node in data["premium"]["nodes"]} == {"PREMIUM_AGENT"}
    assert (data["service"]["totalCount"] >= 2, data["full"]["totalCount"], data["aside"]["totalCount"] >= 2) == (
        True,
        2,
        True,
    )
    teams = data["teams"]["nodes"]
    assert len(teams) == 12
    assert sum(bool(team["parent"] and team["parent"]["parent"]) for team in teams) >= 2
    assert sum(team["members"]["totalCount"] > 0 for team in teams) >= 10
    queues = data["queues"]["nodes"]
    assert len(queues) == 8
    assert len({queue["channel"] for queue in queues}) >= 3
    assert all(queue["activeAgentCount"] >= queue["minimumAgents"] for queue in queues)
    assert any(queue["minimumAgents"] for queue in queues)
    assert all(seats["available"] >= 10 < seats["granted"] for seats in _seats(data))
    assert data["going"]["totalCount"] >= 3
    assert data["callRecords"]["totalCount"] >= 1_000


def _seats(data: Any) -> list[dict[str, int]]:
    return [license["seats"] for license in data["licenses"]["nodes"]]


async def test_names_and_numbers_are_as_callers_may_write_them(gateway: Gateway) -> None:
    opened = await open_demo(gateway.database, users=400)
    columns = [column for column, _ in CHECKS.values()]
    rows = await gateway.rows(
        f"SELECT {', '.join(columns)}, display_name FROM users WHERE organization_id = :own", own=_own(gateway, opened)
    )
    for row in rows:
        given = {field: getattr(row, column) for field, (column, _) in CHECKS.items()}
        values, problems = checked(given)
        assert problems == []
        assert values == {column: getattr(row, column) for column in columns}
        assert row.email.isascii()
        assert row.email.endswith(".example")
    assert {row.locale for row in rows} == {"de", "en", "fr", "it", "sv"}
    shown = " ".join(row.display_name for row in rows)
    assert all(letter in shown for letter in "üßéèåö王")


async def test_the_same_seed_makes_the_same_people_and_another_one_others(sqlite_url: str, tmp_path: Path) -> None:
    first, again, other = [
        await _people(sqlite_url, tmp_path / f"{index}.db", seed) for index, seed in enumerate((7, 7, 8))
    ]
    assert first == again
    assert len(set(first) & set(other)) < len(first) / 10


async def _people(empty: str, file: Path, seed: int) -> list[tuple[Any, ...]]:
    """Everybody in the demo organization of a new database, as far as neither keys nor times are concerned."""
    async with _copied(empty, file) as database:
        await open_demo(database, users=150, seed=seed)
        async with database.reading() as connection:
            rows = await connection.exec_driver_sql(
                """
                SELECT email, first_name, last_name, agent_number, status, version, protected, contact_center_enabled,
                    (SELECT sum(1 << role) FROM user_roles r WHERE r.user_id = u.id),
                    (SELECT group_concat(name) FROM (SELECT name FROM memberships m JOIN teams t ON t.id = m.team_id
                        WHERE m.user_id = u.id ORDER BY name)),
                    (SELECT group_concat(name) FROM (SELECT name FROM user_queues m JOIN queues q ON q.id = m.queue_id
                        WHERE m.user_id = u.id ORDER BY name)),
                    (SELECT group_concat(channel) FROM (SELECT channel FROM call_records c JOIN queues q
                        ON q.id = c.queue_id WHERE c.user_id = u.id ORDER BY channel)),
                    (SELECT state FROM presences p WHERE p.user_id = u.id)
                FROM users u ORDER BY external_id
                """
            )
            return [tuple(row) for row in rows]


@asynccontextmanager
async def _copied(empty: str, file: Path) -> AsyncIterator[Database]:
    """A copy of an empty SQLite database."""
    shutil.copyfile(empty.removeprefix("sqlite:///"), file)
    database = Database(f"sqlite:///{file}")
    try:
        yield database
    finally:
        await database.close()


async def test_a_large_company_takes_as_many_statements_as_a_small_one(
    sqlite_url: str, tmp_path: Path, statements: Statements
) -> None:
    counts = []
    for users in (100, 1_500):
        async with _copied(sqlite_url, tmp_path / f"{users}.db") as database:
            statements.watch(database)
            with statements.counting() as counted:
                await made(database, users=users)
            counts.append(counted.count)
    assert counts[0] == counts[1]


async def test_a_second_start_makes_new_credentials_and_keeps_the_people(gateway: Gateway) -> None:
    first = await open_demo(gateway.database, users=100)
    session = (await _sign_in(gateway, first.admin_email, first.password))["token"]
    people = await gateway.rows("SELECT id, version FROM users ORDER BY id")

    second = await open_demo(gateway.database, users=200)

    assert second.organization_id == first.organization_id
    assert await gateway.rows("SELECT id, version FROM users ORDER BY id") == people
    for token in (session, first.token):
        assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await _sign_in(gateway, first.admin_email, first.password))["token"] is None
    signed = await _sign_in(gateway, second.admin_email, second.password)
    for token in (signed["token"], second.token):
        viewer = (await gateway.ask(VIEWER, token=token))["viewer"]
        assert viewer["organization"] == {"name": "Nordlicht Contact"}
        assert len(viewer["permissions"]) == 21


async def test_an_administrator_who_was_put_out_is_back_after_the_next_start(gateway: Gateway) -> None:
    first = await open_demo(gateway.database, users=100)
    asked = await gateway.ask(
        "query U($m: String!) { user(by: {email: $m}) { id } }", {"m": first.admin_email}, token=first.token
    )
    admin = asked["user"]["id"]
    for mutation in ("forceUsersOffline", "deactivateUsers"):
        done = await bulk(gateway, mutation, {"ids": [admin]}, token=first.token)
        assert done.outcomes == ["SUCCEEDED"]
    patch = {"id": admin, "patch": {"roles": [], "email": "renamed@nordlicht.example"}}
    updated = await gateway.ask(UPDATE, {"input": patch}, token=first.token)
    assert updated["updateUser"]["errors"] == []

    second = await open_demo(gateway.database, users=100)

    assert second.admin_email == "renamed@nordlicht.example"
    token = (await _sign_in(gateway, second.admin_email, second.password))["token"]
    assert len((await gateway.ask(VIEWER, token=token))["viewer"]["permissions"]) == 21
    found = await gateway.rows(_spoken(gateway, next(iter(SPOILED.values()))), own=_own(gateway, second))
    assert found == []


async def test_another_one_administers_where_the_first_cannot_be_told_any_more(gateway: Gateway) -> None:
    first = await open_demo(gateway.database, users=100)
    await gateway.execute("UPDATE users SET external_id = 'HR-1' WHERE external_id = 'demo-administrator'")
    second = await open_demo(gateway.database, users=100)
    token = (await _sign_in(gateway, second.admin_email, second.password))["token"]
    assert len((await gateway.ask(VIEWER, token=token))["viewer"]["permissions"]) == 21
    assert first.organization_id == second.organization_id


async def test_no_other_organization_is_touched(gateway: Gateway, staff: Staff) -> None:
    await staff.hire(3)
    namesake = await gateway.other("Nordlicht Contact")
    taken = await namesake.hire(email="admin@nordlicht.example", roles=[UserRole.FULL_ADMINISTRATOR])
    before = await _rows_of_others(gateway, None)

    opened = await open_demo(gateway.database, users=100)

    assert await _rows_of_others(gateway, opened.organization_id) == before
    assert opened.admin_email != taken.email
    viewer = (await gateway.ask(VIEWER, token=opened.token))["viewer"]
    assert viewer["organization"] == {"name": "Nordlicht Contact 2"}
    assert await gateway.sign_in(taken)


async def _rows_of_others(gateway: Gateway, own: UUID | None) -> dict[str, Sequence[Any]]:
    """All rows that do not belong to the demo organization."""
    found: dict[str, Sequence[Any]] = {}
    for table in ("users", "teams", "queues", "licenses", "license_pools", "credentials", "api_keys", "audit_events"):
        rows = await gateway.rows(f"SELECT * FROM {table}")
        mine = None if own is None else gateway.key_parameter(own)
        found[table] = sorted(str(row) for row in rows if str(row.organization_id) != str(mine))
    return found


async def test_many_starts_at_once_make_one_company(database_url: str) -> None:
    several = [Database(database_url) for _ in range(4)]
    try:
        for database in several:
            choose_pepper(database, value="a pepper that all of the starters share")
        opened = await asyncio.gather(*(open_demo(database, users=100) for database in several))
        assert len({one.organization_id for one in opened}) == 1
        async with several[0].reading() as connection:
            users = (await connection.exec_driver_sql("SELECT count(*) FROM users")).scalar_one()
            organizations = (await connection.exec_driver_sql("SELECT count(*) FROM organizations")).scalar_one()
        assert (users, organizations) == (100, 1)
    finally:
        for database in several:
            await database.close()


async def test_a_few_are_protected_and_a_few_blocked_and_a_tenth_is_deactivated(gateway: Gateway) -> None:
    opened = await open_demo(gateway.database, users=100)
    document = """
    {
      users(first: 100, includeDeactivated: true) {
        nodes { protected status signInBlock { reason } deactivation { removedTeams { id } } }
      }
    }
    """
    people = (await gateway.ask(document, token=opened.token))["users"]["nodes"]
    gone = [one for one in people if one["status"] == "DEACTIVATED"]
    assert (len(people), len(gone)) == (100, 10)
    assert all(one["deactivation"]["removedTeams"] for one in gone)
    assert sum(one["protected"] for one in people) == 2
    assert sum(one["signInBlock"] is not None for one in people) == 2
