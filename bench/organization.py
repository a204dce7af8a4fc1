"""An organization to measure on: everybody works, most are signed in, a filter finds as many agents as are wanted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.seeding.large import seed as seeded
from cli.seeding.loading import Loader
from cli.seeding.plan import Order, microseconds, moment
from gql.ids import global_id
from models.presence import PresenceState
from models.session import Session, Surface
from models.storage import uuid7
from tests import databases
from tests.gateway import Gateway

# Of ten people so many are signed in on the agent desktop, and so many on the portal besides.
ON_DESKTOP, ON_PORTAL_TOO = 7, 1
NOT_AGENTS = 10  # of a hundred people who are seeded, at most
LATER = datetime(2999, 1, 1, tzinfo=UTC)  # no session runs out while it is measured

# Everybody whom the seeding has deactivated works again, as if by `reactivateUsers` that gives back teams and queues;
# no call is open, and nobody is signed in but those who are added then.
EVERYBODY_WORKS = f"""
INSERT INTO memberships (team_id, user_id, organization_id, assigned_at)
    SELECT team_id, user_id, taken.organization_id, assigned_at
    FROM deactivation_teams AS taken JOIN deactivations ON id = deactivation_id;
INSERT INTO user_queues (queue_id, user_id, organization_id, assigned_at)
    SELECT queue_id, user_id, taken.organization_id, assigned_at
    FROM deactivation_queues AS taken JOIN deactivations ON id = deactivation_id;
UPDATE deactivations SET reactivated_at = :now;
UPDATE users SET status = 0, deactivated_at = NULL, status_changed_at = :now, updated_at = :now, version = version + 1
    WHERE status = 1;
UPDATE license_grants SET state = 0 WHERE state = 1;
UPDATE license_pools SET granted = (SELECT count(*) FROM license_grants AS held
    WHERE held.license_id = license_pools.license_id);
UPDATE license_pools SET seats = granted * 2;
INSERT INTO seat_ledger (organization_id, license_id, at, granted_after, pool)
    SELECT organization_id, license_id, :now, granted, seats FROM license_pools;
UPDATE call_records SET ended_at = started_at, ended_by = 0 WHERE ended_at IS NULL;
DELETE FROM sessions;
UPDATE presences SET state = {PresenceState.OFFLINE.value}, reason_code = NULL WHERE state <> 0
"""
AVAILABLE = f"""
UPDATE presences SET state = {PresenceState.AVAILABLE.value}, since = :now
    WHERE user_id IN (SELECT user_id FROM sessions WHERE ended_at IS NULL)
"""
AGENTS = """
SELECT users.id, users.created_at FROM users JOIN user_roles ON user_id = users.id
    WHERE role = 0 AND status = 0 AND NOT CAST(protected AS BOOLEAN) ORDER BY created_at, users.id
"""
FREE = "SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM sign_in_blocks) ORDER BY id"


@dataclass(frozen=True)
class Organization:
    """A seeded database that is copied for each measurement.

    Attributes:
        token: An API key with every permission.
        people: Ids of everybody.
    """

    copy: Callable[[], AbstractAsyncContextManager[str]]
    id: UUID
    key_id: UUID
    token: str
    people: Sequence[str]
    _came: Sequence[datetime]

    @property
    def agents(self) -> int:
        """How many can be found."""
        return len(self._came)

    def filter(self, agents: int) -> Mapping[str, Any]:
        """A filter that finds so many active agents, those who came first, and nobody who administers."""
        return {"role": {"eq": "AGENT"}, "protected": False, "createdAt": {"lte": self.came(agents).isoformat()}}

    def came(self, agents: int) -> datetime:
        """When the last of so many came."""
        return self._came[agents - 1]


@contextmanager
def organization(kind: str, agents: int, seed: int, *, as_shipped: bool = True) -> Iterator[Organization]:
    """An organization with so many agents or some more, on `sqlite` or `postgresql`.

    Args:
        as_shipped: See `tests.databases.PostgresServer`.
    """
    with databases.original(kind, as_shipped=as_shipped) as original:
        yield asyncio.run(_filled(original, agents, seed))


async def _filled(original: databases.Original, agents: int, seed: int) -> Organization:
    gateway = await Gateway.over(original.url)
    order = Order(agents * 100 // (100 - NOT_AGENTS) + 20, seed, "Bench")
    organization_id = await seeded(gateway.database, order)

    async def prepare(connection: AsyncConnection) -> None:
        now = moment(order.now)
        given = {"now": order.now if gateway.database.is_sqlite else now}
        for statement in EVERYBODY_WORKS.split(";"):
            await connection.execute(text(statement), given if ":now" in statement else {})
        free = [gateway.key_of(row.id) for row in await connection.execute(text(FREE))]
        await _sign_in(await Loader.of(connection), organization_id, free, order.now)
        await connection.execute(text(AVAILABLE), given)

    await gateway.database.change(prepare)
    token = await gateway.key("bench", organization_id=organization_id)
    key_id = gateway.key_of(await gateway.scalar("SELECT id FROM api_keys"))
    came = [_moment(row.created_at) for row in await gateway.rows(AGENTS)]
    people = [global_id("User", gateway.key_of(row.id)) for row in await gateway.rows("SELECT id FROM users")]
    if not gateway.database.is_sqlite:
        async with gateway.database.reading() as connection:
            await connection.exec_driver_sql("VACUUM (ANALYZE)")
    await gateway.leave()
    return Organization(original.copy, organization_id, key_id, token, people, came)


async def _sign_in(loader: Loader, organization_id: UUID, people: Sequence[UUID], now: int) -> None:
    began = moment(now) - timedelta(hours=1)
    rows = []
    for place, person in enumerate(people):
        surfaces = [Surface.AGENT_DESKTOP] * (place % 10 < ON_DESKTOP) + [Surface.PORTAL] * (place % 10 < ON_PORTAL_TOO)
        rows += [(uuid7(began).bytes, person.bytes, secrets.token_bytes(32), surface.value) for surface in surfaces]
    await loader.load(
        Session,
        ("id", "user_id", "token_hash", "surface"),
        rows,
        organization_id=organization_id.bytes,
        started_at=microseconds(began),
        last_active_at=microseconds(LATER),
        expires_at=microseconds(LATER),
    )


def _moment(found: Any) -> datetime:
    return moment(found) if isinstance(found, int) else found
