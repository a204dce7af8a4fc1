"""A large organization for measuring: the same one for the same seed, name, size and day, on both databases."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import orjson
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.seeding.crowd import Crowd
from cli.seeding.loading import Loader
from cli.seeding.places import Places, place
from cli.seeding.plan import FOUNDED_AGO, Order, Plan, microseconds, moment, new_key, planned
from models.audit import ActorKind, AuditAction, AuditEvent
from models.license import License, LicensePool, LicenseType, SeatLedgerEntry
from models.storage import table_of
from repositories.engine import Database
from repositories.kept import Kept
from repositories.listed import listed_at_once
from repositories.organizations import create_organization, organization_by_name
from repositories.sight import EVERYTHING
from resolvers.passwords import LANES, MEMORY_KIB, ROUNDS
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse

SEATS_LEFT = 20  # of a hundred
SQLITE_CACHE_KIB = 400_000  # while the indexes of the large tables grow in no order


async def seed(database: Database, order: Order, tell: Callable[[int], None] = lambda people: None) -> UUID:
    """Make a large organization, in one transaction.

    Args:
        tell: Called with the number of people written since the last call.

    Raises:
        Refused: There is an organization of that name.
    """

    async def work(connection: AsyncConnection) -> UUID:
        if await organization_by_name(connection, order.name) is not None:
            raise refuse(Code.INVALID_STATE, f"The organization {order.name} is there already; nothing was changed.")
        return await _Making(connection, order).make(tell)

    organization_id = await database.change(work)
    if not database.is_sqlite:  # what autovacuum would do a little later
        async with database.reading() as connection:
            await connection.execute(text("ANALYZE"))
    return organization_id


class _Making:
    def __init__(self, connection: AsyncConnection, order: Order) -> None:
        self._connection, self._order = connection, order

    async def make(self, tell: Callable[[int], None]) -> UUID:
        connection, order = self._connection, self._order
        keys = order.chance("keys")

        def key(at: datetime) -> UUID:
            return UUID(bytes=new_key(keys, microseconds(at)))

        if connection.dialect.name == "sqlite":
            await connection.execute(text(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}"))
        founded = order.now - FOUNDED_AGO
        organization_id = await create_organization(connection, order.name, moment(founded), new_key=key)
        loader = await Loader.of(connection)
        places = await place(loader, order, organization_id)
        plan = planned(order, len(places.teams), len(places.queues))
        await self._founded(loader, keys, organization_id, places)

        kept = Kept(connection, organization_id, EVERYTHING)
        table = table_of(License).c
        found = await connection.execute(select(table.type, table.id).where(table.organization_id == organization_id))
        licenses = {row.type: row.id for row in found}
        crowd = Crowd(
            order,
            plan,
            places,
            organization_id,
            {kind: each.bytes for kind, each in (await kept.provisioning.built_in_profiles()).items()},
            {type: each.bytes for type, each in licenses.items()},
            (await kept.provisioning.organization()).default_desktop_profile_id.bytes,
            _nobodys_hash(keys),
        )
        async with listed_at_once(connection, organization_id):
            await _write(loader, crowd, tell)
        await self._seats(loader, plan, organization_id, licenses)
        return organization_id

    async def _founded(self, loader: Loader, keys: random.Random, organization_id: UUID, places: Places) -> None:
        """What the audit tells of the organization and its structure, which the server made."""
        at = self._order.now - FOUNDED_AGO
        things = [("Organization", organization_id.bytes, self._order.name), *places.told]
        rows = [
            (new_key(keys, at), kind, key, name, None if kind == "Organization" else 1) for kind, key, name in things
        ]
        await loader.load(
            AuditEvent,
            ("id", "target_type", "target_id", "target_label", "target_version"),
            rows,
            occurred_at=at,
            action=AuditAction.CREATED.value,
            actor_kind=ActorKind.SYSTEM.value,
            changes=orjson.dumps([]).decode(),
            organization_id=organization_id.bytes,
        )

    async def _seats(
        self, loader: Loader, plan: Plan, organization_id: UUID, licenses: dict[LicenseType, UUID]
    ) -> None:
        """Pools with some seats left, and the ledger with what is granted (requirement E3)."""
        pools = table_of(LicensePool)
        for type in LicenseType:
            granted = sum(held is type and number not in plan.deactivated for number, held in enumerate(plan.licenses))
            seats = granted + max(10, granted * SEATS_LEFT // 100)
            await self._connection.execute(
                update(pools)
                .where(pools.c.license_id == licenses[type], pools.c.organization_id == organization_id)
                .values(seats=seats, granted=granted)
            )
            entry = (licenses[type].bytes, self._order.now, granted, seats)
            columns = ("license_id", "at", "granted_after", "pool")
            await loader.load(SeatLedgerEntry, columns, [entry], organization_id=organization_id.bytes)


async def _write(loader: Loader, crowd: Crowd, tell: Callable[[int], None]) -> None:
    """Write all people; while the database is busy with some, the next ones are made."""
    parts = [*crowd.parts()]
    making = asyncio.create_task(asyncio.to_thread(crowd.rows_of, parts[0]))
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        made = await making
        further = crowd.rows_at_last if following is None else partial(crowd.rows_of, following)
        making = asyncio.create_task(asyncio.to_thread(further))
        for each in made:
            await loader.load(each.model, each.columns, each.rows, **each.same)
        tell(len(part))
    for each in await making:
        await loader.load(each.model, each.columns, each.rows, **each.same)


def _nobodys_hash(chance: random.Random) -> str:
    """A hash like ours for which no password is known; made from chance, because hashing would be another each time."""
    salt, digest = (b64encode(chance.randbytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}${salt}${digest}"
