"""License grants and the seats that they take. Every change of a seat goes through here and into the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, exists, select, update

from models.license import License, LicenseGrant, LicenseGrantState, LicensePool, SeatLedgerEntry
from models.storage import table_of
from repositories.among import among
from repositories.bound import Bound

_grants = table_of(LicenseGrant).c
_pools = table_of(LicensePool).c
_licenses = table_of(License).c
_ledger = table_of(SeatLedgerEntry).c


class SeatRepository(Bound):
    """Seats of the licenses of one organization."""

    async def grants_of(self, user_ids: Collection[UUID]) -> Sequence[Any]:
        """`user_id`, `license_id`, `state`, `type` and `name` of the grants of people."""
        found = await self._connection.execute(
            select(_grants.user_id, _grants.license_id, _grants.state, _licenses.type, _licenses.name)
            .join_from(table_of(LicenseGrant), table_of(License), _licenses.id == _grants.license_id)
            .where(self._ours_too(LicenseGrant), among(_grants.user_id, user_ids))
        )
        return found.all()

    async def licenses(self, ids: Collection[UUID]) -> Mapping[UUID, Any]:
        """`id`, `name`, `type` and `active` of licenses."""
        found = await self._connection.execute(
            select(_licenses.id, _licenses.name, _licenses.type, _licenses.active).where(
                self._ours(License), _licenses.id.in_(ids)
            )
        )
        return {row.id: row for row in found}

    async def lock_limited(self, license_ids: Collection[UUID]) -> dict[UUID, int]:
        """Lock the pools that can run out; the seats that are left in each. Unlimited ones are absent.

        So two changes wait for each other from the start only where one could take the other's last seat.
        """
        return {row.license_id: row.seats - row.granted for row in await self._lock(license_ids, limited=True)}

    async def _lock(self, license_ids: Collection[UUID], *, limited: bool = False) -> Sequence[Any]:
        """Lock pools in the one order for all changes: limited ones first, each kind by id."""
        statement = select(_pools.license_id, _pools.seats, _pools.granted).where(
            self._ours(LicensePool), _pools.license_id.in_(license_ids)
        )
        if limited:
            statement = statement.where(_pools.seats.is_not(None))
        found = await self._connection.execute(
            statement.order_by(_pools.seats.is_(None), _pools.license_id).with_for_update(key_share=True)
        )
        return found.all()

    async def change_state(
        self, user_ids: Collection[UUID], old: LicenseGrantState, new: LicenseGrantState
    ) -> set[tuple[UUID, UUID]]:
        """Suspend grants of people, or make them active again; pairs of person and license that this changed."""
        changed = await self._connection.execute(
            update(table_of(LicenseGrant))
            .where(self._ours_too(LicenseGrant), among(_grants.user_id, user_ids), _grants.state == old)
            .values(state=new)
            .returning(_grants.user_id, _grants.license_id)
        )
        return {(user_id, license_id) for user_id, license_id in changed}

    async def without_seat(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Who of these people, each alone, would not get back the seat of a suspended grant (requirement E3)."""
        still_held = table_of(LicenseGrant).alias("still_held")
        found = await self._connection.execute(
            select(_grants.user_id)
            .distinct()
            .join_from(table_of(LicenseGrant), table_of(LicensePool), _pools.license_id == _grants.license_id)
            .where(
                self._ours(LicenseGrant),
                among(_grants.user_id, user_ids),
                _grants.state == LicenseGrantState.SUSPENDED,
                _pools.granted >= _pools.seats,
                ~exists().where(
                    still_held.c.user_id == _grants.user_id,
                    still_held.c.license_id == _grants.license_id,
                    still_held.c.state == LicenseGrantState.ACTIVE,
                ),
            )
        )
        return set(found.scalars())

    async def grant(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add grants."""
        await self._insert(LicenseGrant, rows)

    async def move(self, seats: Mapping[UUID, int], *, at: datetime) -> None:
        """Count seats that were taken (above 0) or freed (below) in each license, and write the ledger.

        Called last in a change: whoever waits for the pool waits only for the commit. A change that began first may
        come second; its entry then has the time of the one before, so that the ledger stands in the order of time.
        """
        moved = {license_id: count for license_id, count in seats.items() if count}
        if not moved:
            return
        await self._lock(moved)
        last = (
            select(_ledger.at)
            .where(_ledger.license_id == _pools.license_id)
            .order_by(_ledger.sequence.desc())
            .limit(1)
            .scalar_subquery()
        )
        difference = case(*((_pools.license_id == key, count) for key, count in moved.items()), else_=0)
        after = await self._connection.execute(
            update(table_of(LicensePool))
            .where(self._ours(LicensePool), _pools.license_id.in_(moved))
            .values(granted=_pools.granted + difference)
            .returning(_pools.license_id, _pools.granted, _pools.seats, last.label("last"))
        )
        await self._insert(
            SeatLedgerEntry,
            [
                {
                    "license_id": row.license_id,
                    "at": at if row.last is None else max(at, row.last),
                    "granted_after": row.granted,
                    "pool": row.seats,
                }
                for row in sorted(after.all(), key=lambda row: row.license_id.bytes)
            ],
        )
