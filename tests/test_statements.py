"""Statements counted: bulk changes take as many for a thousand people as for ten."""

from __future__ import annotations

import anyio
import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gql.ids import global_id
from models.license import LicenseType
from models.presence import PresenceState
from models.session import Session, Surface
from models.storage import table_of, uuid7
from models.team import Membership
from models.user import User, UserRole, UserRoleGrant
from repositories.engine import Database
from resolvers.context import utc_now
from resolvers.signing_in import SESSION_LASTS
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.statements import Statements

pytestmark = pytest.mark.anyio

LIFE_CYCLE = [
    ("deactivateUsers", "reactivateUsers"),
    ("forceUsersOffline", "resumeUsersOnline"),
    ("signOutUsers", None),
]


async def settled(gateway: Gateway) -> None:
    """The last use of the key is written in the background; once it was, not again for a minute."""
    await gateway.ask("{ viewer { kind } }")
    with anyio.fail_after(10):
        while await gateway.scalar("SELECT last_used_at FROM api_keys") is None:  # noqa: ASYNC110
            await anyio.sleep(0.05)


async def open_sessions(staff: Staff, people: list[Person]) -> None:
    """Both surfaces of everybody, without a thousand passwords to verify."""
    at = utc_now()
    await staff.insert(
        Session,
        *(
            {
                "id": (key := uuid7(at)),
                "user_id": person.key,
                "token_hash": key.bytes * 2,
                "surface": surface,
                "started_at": at,
                "last_active_at": at,
                "expires_at": at + SESSION_LASTS,
            }
            for person in people
            for surface in Surface
        ),
    )


async def crew(staff: Staff, count: int, teams: list[Thing], queues: list[Thing]) -> list[Person]:
    """People at work: in teams and direct queues, with a seat, signed in twice, every other one on a call."""
    people = await staff.hire(
        count,
        teams=teams,
        queues=queues,
        licenses=[LicenseType.STANDARD_AGENT],
        presence=PresenceState.AVAILABLE,
        password=None,
    )
    await open_sessions(staff, people)
    for person in people[:4]:
        await staff.call(person)
    return people


@pytest.mark.parametrize(("there", "back"), LIFE_CYCLE)
async def test_a_thousand_accounts_take_as_many_statements_as_ten(
    gateway: Gateway, staff: Staff, statements: Statements, there: str, back: str | None
) -> None:
    """A20: any number of people in one operation."""
    teams, queues = [await staff.team(), await staff.team()], [await staff.queue()]
    few, many = await crew(staff, 10, teams, queues), await crew(staff, 1000, teams, queues)
    await settled(gateway)

    for mutation in (there, back) if back else (there,):
        counts = []
        for people in (few, many):
            with statements.counting() as counted:
                done = await bulk(gateway, mutation, people)
            assert done.totals["succeeded"] == len(people)
            counts.append(counted.count)
        assert counts[0] == counts[1]
        assert counts[0] > 5


@pytest.mark.parametrize(
    ("mutation", "field"),
    [("assignTeams", "teams"), ("assignQueues", "queues"), ("assignSkillGroups", "skillGroups")],
)
async def test_assigning_a_thousand_takes_as_many_statements_as_ten(
    gateway: Gateway, staff: Staff, statements: Statements, mutation: str, field: str
) -> None:
    """A18, A20: added, removed and set."""
    make = {"teams": staff.team, "queues": staff.queue, "skillGroups": staff.skill_group}[field]
    first, second = await make(), await make()
    few, many = await staff.hire(10, password=None), await staff.hire(1000, password=None)
    await settled(gateway)

    for change in (
        {"add": [first.id, second.id]},
        {"remove": [first.id]},
        {"set": [first.id]},
        {"set": []},
    ):
        counts = []
        for people in (few, many):
            with statements.counting() as counted:
                done = await bulk(gateway, mutation, people, **{field: change})
            assert done.totals["succeeded"] == len(people)
            counts.append(counted.count)
        assert counts[0] == counts[1]


async def test_a_thousand_people_in_twenty_teams_and_ten_queues_each(gateway: Gateway, staff: Staff) -> None:
    """E10: 30,000 assignments are more parameters than PostgreSQL takes in one statement."""
    teams = [await staff.team() for _ in range(20)]
    queues = [await staff.queue() for _ in range(10)]
    people = await staff.hire(1000, password=None)
    ids = {"add": [team.id for team in teams]}
    assert (await bulk(gateway, "assignTeams", people, teams=ids)).totals["succeeded"] == 1000
    ids = {"add": [queue.id for queue in queues]}
    assert (await bulk(gateway, "assignQueues", people, queues=ids)).totals["succeeded"] == 1000

    done = await bulk(gateway, "deactivateUsers", people)

    assert done.totals == {"succeeded": 1000, "teamsLeft": 20_000, "queuesLeft": 10_000}
    assert await gateway.scalar("SELECT count(*) FROM deactivation_teams") == 20_000
    assert await gateway.scalar("SELECT count(*) FROM deactivation_queues") == 10_000
    assert await gateway.scalar("SELECT count(*) FROM memberships") == 0


async def test_a_hundred_people_are_put_into_two_hundred_teams_at_once(gateway: Gateway, staff: Staff) -> None:
    teams = [await staff.team() for _ in range(200)]
    people = await staff.hire(100, password=None)
    done = await bulk(gateway, "assignTeams", people, teams={"set": [team.id for team in teams]})
    assert done.totals["succeeded"] == 100
    assert await gateway.scalar("SELECT count(*) FROM memberships") == 20_000


async def test_a_thousand_unknown_keys_are_looked_up_in_one_statement(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    """A20: naming people by whatever key takes the same statements as by their ids."""
    people = await staff.hire(1000, password=None)
    await settled(gateway)
    counts = []
    for target in (
        {"ids": [global_id("User", uuid7()) for _ in people]},
        {"emails": [f"nobody.{number}@acme.example" for number in range(1000)]},
        {"agentNumbers": [f"nobody {number}" for number in range(1000)]},
    ):
        with statements.counting() as counted:
            done = await bulk(gateway, "deactivateUsers", target)
        assert done.totals == {"failed": 1000}
        counts.append(counted.count)
    assert len(set(counts)) == 1


async def test_the_counter_finds_a_change_made_row_by_row(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    people = await staff.hire(3)
    users = table_of(User)

    async def work(connection: AsyncConnection) -> None:
        for person in people:
            await connection.execute(update(users).where(users.c.id == person.key).values(version=2))

    with statements.counting() as counted:
        await gateway.database.change(work)
    assert counted.count == 3


@pytest.mark.parametrize("way", ["update", "delete"])
async def test_the_counter_refuses_many_updates_and_deletes_in_one_call(database_url: str, way: str) -> None:
    database, watched = Database(database_url), Statements()
    watched.watch(database)
    roles = table_of(UserRoleGrant)
    statement = update(roles).values(role=bindparam("role_now")) if way == "update" else delete(roles)
    one_each = statement.where(roles.c.user_id == bindparam("person"))

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(one_each, [{"person": uuid7(), "role_now": UserRole.AGENT} for _ in range(2)])

    with pytest.raises(AssertionError, match="row by row"):
        await database.change(work)
    assert len(watched.row_by_row) == 1
    await database.close()


async def test_the_counter_counts_inserts_once_a_table(gateway: Gateway, staff: Staff, statements: Statements) -> None:
    team = await staff.team()
    people = await staff.hire(4)
    members = table_of(Membership)
    rows = [
        {
            "team_id": team.key,
            "user_id": person.key,
            "organization_id": staff.organization_id,
            "assigned_at": utc_now(),
        }
        for person in people
    ]

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(members), rows[:2])
        await connection.execute(insert(members), rows[2:])
        await connection.execute(select(members.c.user_id))

    with statements.counting() as counted:
        await gateway.database.change(work)
    assert len(counted.statements) >= 3
    assert counted.count == 2
