"""Many callers at once: contradictions end in one truth, and nobody waits who need not."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditAction
from models.license import LicenseType
from repositories.sight import EVERYTHING
from repositories.standing import StandingRepository
from resolvers.context import utc_now
from tests.contradiction import Contradiction, broken, clients, deadlocks
from tests.gateway import Gateway
from tests.people import Staff
from tests.rounds import THOROUGH, rounds

pytestmark = pytest.mark.anyio

ACTIONS = {
    "deactivateUsers": AuditAction.DEACTIVATED,
    "reactivateUsers": AuditAction.REACTIVATED,
    "forceUsersOffline": AuditAction.FORCED_OFFLINE,
    "resumeUsersOnline": AuditAction.RESUMED_ONLINE,
    "updateUser": AuditAction.UPDATED,
}
# What makes the version of a person grow.
CHANGES = (*ACTIONS, "assignTeams", "assignQueues")


async def test_rounds_of_opposite_changes_end_in_what_the_clients_were_told(gateway: Gateway, staff: Staff) -> None:
    """E4, E9: one change is told as such once, and counted once."""
    teams, queues = [await staff.team() for _ in range(4)], [await staff.queue() for _ in range(4)]
    licenses = [await staff.license(seats=150), LicenseType.PREMIUM_AGENT]
    people = [
        *await staff.hire(100, teams=teams[:2], queues=queues[:1], licenses=licenses),
        *await staff.hire(100, teams=teams[2:], licenses=licenses[1:]),
    ]
    async with clients(gateway, 8) as eight:
        contradiction = Contradiction(eight, people, teams, queues)
        await contradiction.rounds(rounds(100))

    assert await broken(gateway) == []
    assert await deadlocks(gateway) == 0
    found = await gateway.rows("SELECT id, status, version FROM users")
    status = {row.id if isinstance(row.id, bytes) else row.id.bytes: (row.status, row.version) for row in found}
    blocks = await gateway.rows("SELECT user_id FROM sign_in_blocks")
    blocked = {row.user_id if isinstance(row.user_id, bytes) else row.user_id.bytes for row in blocks}
    told = contradiction.told
    for person in people:
        expected = told(person, "deactivateUsers") - told(person, "reactivateUsers"), 1 + told(person, *CHANGES)
        assert status[person.key.bytes] == expected
        assert (person.key.bytes in blocked) == told(person, "forceUsersOffline") - told(person, "resumeUsersOnline")
    for mutation, action in ACTIONS.items():
        events = await gateway.scalar("SELECT count(*) FROM audit_events WHERE action = :action", action=action.value)
        assert events == sum(count for (name, _), count in contradiction.changed.items() if name == mutation)
    in_time = await gateway.rows(
        "SELECT target_id, target_version FROM audit_events ORDER BY occurred_at, target_version"
    )
    latest: dict[object, int] = {}
    for event in in_time:
        if event.target_version is not None:
            assert event.target_version >= latest.get(event.target_id, 0)
            latest[event.target_id] = event.target_version
    assert set(contradiction.added.values()) == {1}
    assert contradiction.signed_in > 0 or not THOROUGH  # of few who try, all may be out just then


async def test_who_is_changed_while_somebody_waits_to_lock_them_is_locked_all_the_same(
    gateway: Gateway, staff: Staff
) -> None:
    """E4: PostgreSQL looks again at rows that it has waited for, and loses none by that, also where it merges lists."""
    people = [person.key for person in await staff.hire(3000)]
    merging = not gateway.database.is_sqlite
    if merging:
        await gateway.execute("ANALYZE")
    locked: list[UUID] = []
    at = utc_now()

    async def change(connection: AsyncConnection) -> None:
        await StandingRepository(connection, staff.organization_id, EVERYTHING).touch(people[100:600], at=at)
        changed.set()
        await asyncio.sleep(0.5)

    async def lock(connection: AsyncConnection) -> None:
        if merging:
            for other in ("enable_hashjoin", "enable_seqscan"):
                await connection.execute(text(f"SET LOCAL {other} = off"))
        standing = StandingRepository(connection, staff.organization_id, EVERYTHING)
        locked[:] = await standing.lock("ids", people[:1200], administrators=True)

    changed = asyncio.Event()
    first = asyncio.create_task(gateway.database.change(change))
    await changed.wait()
    await gateway.database.change(lock)
    await first
    assert set(people[:1200]) <= set(locked)
