"""Who waits for whom, and what is true for those who waited; held up on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.license import LicenseType
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.contradiction import broken, change, deadlocks, send
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.test_races import FULL, session_of

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def holding(gateway: Gateway, *statements: tuple[str, dict[str, Any]]) -> AsyncIterator[None]:
    """What statements lock stays locked within the block; then all of it is committed.

    On SQLite nobody else writes meanwhile, whatever the statements are.
    """
    held, release = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        for statement, parameters in statements:
            if gateway.database.is_sqlite:
                statement = statement.replace(" FOR UPDATE", "")
            await connection.execute(text(statement), parameters)
        held.set()
        await release.wait()

    holder = asyncio.create_task(gateway.database.change(work))
    await held.wait()
    try:
        yield
    finally:
        release.set()
        await holder


async def waiting(gateway: Gateway, count: int = 1) -> None:
    """Until so many transactions wait for a lock; on SQLite they wait for the one connection that writes."""
    if gateway.database.is_sqlite:
        await anyio.sleep(0.2)
        return
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with anyio.fail_after(10):
        while await gateway.scalar(sql) < count:  # noqa: ASYNC110
            await anyio.sleep(0.02)


def row_of(gateway: Gateway, table: str, person: Person) -> tuple[str, dict[str, Any]]:
    """A statement that locks the rows of a person in a table."""
    column = "id" if table == "users" else "user_id"
    return f"SELECT 1 FROM {table} WHERE {column} = :key FOR UPDATE", {"key": gateway.key_parameter(person.key)}


@pytest.mark.parametrize(
    ("mutation", "table", "status", "terms"),
    [
        ("deactivateUsers", "presences", UserStatus.ACTIVE, {}),
        ("forceUsersOffline", "presences", UserStatus.ACTIVE, {}),
        ("resumeUsersOnline", "sign_in_blocks", UserStatus.ACTIVE, {}),
        ("signOutUsers", "presences", UserStatus.ACTIVE, {}),
        ("reactivateUsers", "license_grants", UserStatus.DEACTIVATED, {}),
        ("assignTeams", "memberships", UserStatus.ACTIVE, {"teams": {"set": []}}),
    ],
)
async def test_disjoint_batches_do_not_wait_for_each_other(
    postgres_gateway: Gateway, mutation: str, table: str, status: UserStatus, terms: dict[str, Any]
) -> None:
    """One is held up in the middle of its transaction, the other one begins later and is done before it."""
    gateway, staff = postgres_gateway, postgres_gateway.staff
    shared: dict[str, Any] = {
        "teams": [await staff.team()] if status is UserStatus.ACTIVE else [],
        "queues": [await staff.queue()] if status is UserStatus.ACTIVE else [],
        "licenses": [LicenseType.STANDARD_AGENT],
        "presence": PresenceState.AVAILABLE,
        "blocked": mutation == "resumeUsersOnline",
        "status": status,
    }
    first, second = await staff.hire(50, **shared), await staff.hire(50, **shared)
    for person in (*first, *second):
        if status is UserStatus.ACTIVE and mutation != "resumeUsersOnline":
            await session_of(staff, person)

    async with holding(gateway, row_of(gateway, table, first[25])):
        slow = asyncio.create_task(change(gateway, mutation, first, **terms))
        await waiting(gateway)
        with anyio.fail_after(10):
            fast = await change(gateway, mutation, second, **terms)
        assert not slow.done()
        assert fast.totals["succeeded"] == 50

    assert (await slow).totals["succeeded"] == 50
    assert await broken(gateway) == []
    assert await deadlocks(gateway) == 0


async def test_batches_that_share_limited_licenses_never_block_each_other_for_good(
    postgres_gateway: Gateway,
) -> None:
    """Deactivations count seats at their end, reactivations lock limited ones at their beginning."""
    gateway, staff = postgres_gateway, postgres_gateway.staff
    licenses: list[Thing | LicenseType] = [await staff.license(seats=seats) for seats in (100, None, 100, None)]
    out = await staff.hire(20, licenses=licenses)
    back = await staff.hire(20, licenses=licenses, status=UserStatus.DEACTIVATED)
    for _ in range(15):
        done = await asyncio.gather(
            *(change(gateway, "deactivateUsers", out[start : start + 5]) for start in (0, 5, 10, 15)),
            *(change(gateway, "reactivateUsers", back[start : start + 5]) for start in (0, 5, 10, 15)),
        )
        assert [each.totals["succeeded"] for each in done] == [5] * 8
        out, back = back, out
    assert await broken(gateway) == []
    assert await deadlocks(gateway) == 0


@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline"])
async def test_somebody_made_administrator_meanwhile_counts_as_one(gateway: Gateway, mutation: str) -> None:
    """E6: two changes wait for a promotion, and one of the two administrators stays."""
    agent = await gateway.staff.hire()
    keys = {"person": gateway.key_parameter(agent.key), "ours": gateway.key_parameter(gateway.organization_id)}
    promotion = (
        "INSERT INTO user_roles (user_id, role, organization_id) VALUES (:person, :role, :ours)",
        {**keys, "role": UserRole.FULL_ADMINISTRATOR.value},
    )
    rows = [row_of(gateway, "users", person) for person in sorted((gateway.admin, agent), key=lambda one: one.key)]
    async with holding(gateway, *rows, promotion):
        both = [asyncio.create_task(change(gateway, mutation, [person])) for person in (agent, gateway.admin)]
        await waiting(gateway, 2)
    done = [await task for task in both]
    assert sorted(each.outcomes[0] for each in done) == ["LAST_ADMINISTRATOR", "SUCCEEDED"]
    assert await broken(gateway) == []


async def test_a_caller_who_is_deactivated_meanwhile_changes_nobody(gateway: Gateway, staff: Staff) -> None:
    """A4: their change has begun already, and waits for the lock of its target."""
    boss, person = await staff.hire(roles=FULL), await staff.hire()
    token = await session_of(staff, boss)
    async with holding(gateway, row_of(gateway, "users", person)):
        if gateway.database.is_sqlite:  # where who comes first is first
            out = asyncio.create_task(change(gateway, "deactivateUsers", [boss]))
            await waiting(gateway)
            late = asyncio.create_task(send(gateway, "forceUsersOffline", [person], token=token))
            await waiting(gateway)
        else:
            late = asyncio.create_task(send(gateway, "forceUsersOffline", [person], token=token))
            await waiting(gateway)
            out = asyncio.create_task(change(gateway, "deactivateUsers", [boss]))
            await out
    assert (await out).outcomes == ["SUCCEEDED"]
    assert (await late).codes == ["UNAUTHENTICATED"]
    assert await gateway.scalar("SELECT count(*) FROM sign_in_blocks") == 0
    assert await broken(gateway) == []


async def test_what_waited_happens_after_what_it_waited_for(gateway: Gateway, staff: Staff) -> None:
    """E9: `updatedAt` never goes back."""
    person = await staff.hire()
    async with holding(gateway, row_of(gateway, "users", person)):
        change_at = utc_now()
        waited = asyncio.create_task(change(gateway, "deactivateUsers", [person]))
        await waiting(gateway)
        released = utc_now()
    await waited
    document = "query P($id: ID!) { user(by: {id: $id}) { updatedAt auditEvents(first: 1) { nodes { occurredAt } } } }"
    user = (await gateway.ask(document, {"id": person.id}))["user"]
    assert change_at < released
    assert user["updatedAt"] == user["auditEvents"]["nodes"][0]["occurredAt"]
    assert user["updatedAt"] > released.isoformat().replace("+00:00", "Z")


async def test_a_client_who_goes_away_leaves_a_whole_change_and_no_connection(gateway: Gateway, staff: Staff) -> None:
    """E4: the change ends as it would, once."""
    people = await staff.hire(5, teams=[await staff.team()])
    async with holding(gateway, row_of(gateway, "users", people[2])):
        asking = asyncio.create_task(change(gateway, "deactivateUsers", people))
        await waiting(gateway)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    with anyio.fail_after(10):
        while await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0:  # noqa: ASYNC110
            await anyio.sleep(0.02)
    again = await change(gateway, "deactivateUsers", people)
    assert again.outcomes == ["UNCHANGED"] * 5
    assert await broken(gateway) == []
    assert [engine.pool.checkedout() for engine in gateway.database.engines] == [0] * len(gateway.database.engines)
