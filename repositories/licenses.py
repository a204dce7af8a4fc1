"""Licenses, as they are found: their seats now and before, who holds them, and which one counts for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import pairwise
from uuid import UUID

import orjson
from sqlalchemy import CTE, ColumnElement, and_, false, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from models.license import License, LicenseGrant, LicenseGrantState, LicensePool, LicenseType, SeatLedgerEntry
from models.storage import EPOCH, MICROSECOND, table_of
from models.user import User, UserStatus
from repositories.criteria import ChoiceCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.named import NamedRepository, ThingCriteria, meeting
from repositories.rows import columns, light, light_after
from repositories.sight import visible_grants

_licenses = table_of(License).c
_pools = table_of(LicensePool).c
_grants = table_of(LicenseGrant).c
_users = table_of(User).c
_ledger = table_of(SeatLedgerEntry).c

# As the index has them: active ones first, and in each state the people who came first.
GRANTS_IN_ORDER = ordered_by(
    "grants",
    [SortKey("state", _grants.state, kind="enum"), SortKey("user_id", _grants.user_id, kind="key")],
    _grants.id,
)


class LicenseOrderField(Enum):
    """What a list of licenses can be sorted by."""

    NAME = "NAME"
    TYPE = "TYPE"


LICENSE_IDENTITY = _licenses.id
LICENSES_SORTABLE: Mapping[LicenseOrderField, SortKey] = {
    LicenseOrderField.NAME: SortKey("name_key", _licenses.name_key),
    LicenseOrderField.TYPE: SortKey("type", _licenses.type, kind="enum"),
}


@dataclass(frozen=True, slots=True)
class LicenseCriteria(ThingCriteria):
    """Which licenses are wanted; everything given must hold.

    Attributes:
        has_available_seats: Whether a seat is left.
    """

    type: ChoiceCondition[LicenseType] | None = None
    has_available_seats: bool | None = None


@dataclass(frozen=True, slots=True)
class RankedGrant:
    """A grant with the type of its license."""

    type: LicenseType
    grant: LicenseGrant


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats of a license at one time.

    Attributes:
        pool: How many there were; None when unlimited.
        peak: Most that were granted at once since the time before.
    """

    granted: int
    pool: int | None
    peak: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Seats of a license over spans of time.

    Attributes:
        before: Before the first span.
        after: At the end of each span in which something changed, by its place.
    """

    before: Seats
    after: Mapping[int, Seats]


class LicenseRepository(NamedRepository[License, LicenseCriteria]):
    """The licenses of one organization."""

    model = License

    def meeting(self, criteria: LicenseCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        clauses = meeting(License, criteria.active, criteria.name, criteria.words)
        if criteria.type is not None:
            clauses.append(criteria.type.on(_licenses.type))
        if criteria.has_available_seats is not None:
            free = select(_pools.license_id).where(
                self._ours(LicensePool), or_(_pools.seats.is_(None), _pools.granted < _pools.seats)
            )
            clauses.append(_licenses.id.in_(free) if criteria.has_available_seats else _licenses.id.not_in(free))
        return clauses

    async def seats(self, ids: Collection[UUID]) -> Mapping[UUID, LicensePool]:
        """Seats of each license."""
        found = await self._connection.execute(select(*columns(LicensePool)).where(*self._seats_of(ids)))
        return {pool.license_id: pool for pool in light(LicensePool, found)}

    async def effective(self, user_ids: Collection[UUID]) -> Mapping[UUID, License]:
        """The license that counts for each active person: the higher type, then the name (requirement D1)."""
        found = await self._connection.execute(
            select(_grants.user_id, *columns(License))
            .join_from(table_of(LicenseGrant), table_of(License), _licenses.id == _grants.license_id)
            .join(table_of(User), _users.id == _grants.user_id)
            .where(
                self._ours(LicenseGrant),
                _grants.user_id.in_(user_ids),
                and_(_grants.state == LicenseGrantState.ACTIVE, _users.status == UserStatus.ACTIVE),
            )
            .order_by(_licenses.type, _licenses.name_key.desc())
        )
        return {row[0]: light_after(License, row, 1) for row in found}

    async def grants_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, LicenseGrant]:
        """The grants with these ids that the caller sees."""
        found = await self._connection.execute(
            select(*columns(LicenseGrant)).where(
                self._ours(LicenseGrant), _grants.id.in_(ids), visible_grants(self._sight)
            )
        )
        return {grant.id: grant for grant in light(LicenseGrant, found)}

    async def grants_of_users(self, ids: Collection[UUID]) -> Mapping[UUID, list[RankedGrant]]:
        """Grants of people that the caller sees, each person's best one first.

        The first active one makes the effective license (`effective`): the higher type, then the name of the license,
        then the time.
        """
        found = await self._connection.execute(
            select(_licenses.type, *columns(LicenseGrant))
            .join_from(table_of(LicenseGrant), table_of(License), _licenses.id == _grants.license_id)
            .where(self._ours(LicenseGrant), _grants.user_id.in_(ids), visible_grants(self._sight))
            .order_by(_licenses.type.desc(), _licenses.name_key, _grants.assigned_at, _grants.id)
        )
        grants: dict[UUID, list[RankedGrant]] = {}
        for row in found:
            grant = light_after(LicenseGrant, row, 1)
            grants.setdefault(grant.user_id, []).append(RankedGrant(row[0], grant))
        return grants

    async def grants_of_licenses(
        self, ids: Collection[UUID], order: Order, part: Slice
    ) -> dict[UUID, list[LicenseGrant]]:
        """Grants of each license that the caller sees."""
        where = (self._ours(LicenseGrant), visible_grants(self._sight))
        return await slices(
            self._connection, LicenseGrant, table_of(LicenseGrant), _grants.license_id, ids, order, part, *where
        )

    async def count_grants_of_licenses(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many grants of each license the caller sees."""
        where = (self._ours(LicenseGrant), visible_grants(self._sight))
        return await counts(self._connection, table_of(LicenseGrant), _grants.license_id, ids, *where)

    async def held(self, ids: Collection[UUID]) -> Mapping[UUID, License]:
        """The licenses with these ids: who sees the grant of a license sees the license."""
        found = await self._connection.execute(
            select(*columns(License)).where(self._ours(License), _licenses.id.in_(ids))
        )
        return {license.id: license for license in light(License, found)}

    async def usage(self, ids: Collection[UUID], bounds: Sequence[datetime]) -> Mapping[UUID, Usage]:
        """What the ledger tells about the seats of each license; nothing for who does not hold LICENSES_READ.

        Where the ledger begins later, nothing was granted before, of as many seats as there were at first.

        Args:
            bounds: Where the spans begin, in ascending order, and where the last one ends.
        """
        changes = await self._changes(ids, bounds)
        earliest = table_of(SeatLedgerEntry).alias("earliest").c
        latest = table_of(SeatLedgerEntry).alias("latest").c
        before = (
            select(latest.sequence)
            .where(latest.license_id == _pools.license_id, latest.at < bounds[0])
            .order_by(latest.at.desc(), latest.sequence.desc())
            .limit(1)
            .scalar_subquery()
        )
        first = (
            select(earliest.sequence)
            .where(earliest.license_id == _pools.license_id)
            .order_by(earliest.at, earliest.sequence)
            .limit(1)
            .scalar_subquery()
        )
        found = await self._connection.execute(
            select(_pools.license_id, _pools.seats, _ledger.at, _ledger.granted_after, _ledger.pool)
            .select_from(
                table_of(LicensePool).outerjoin(
                    table_of(SeatLedgerEntry), _ledger.sequence == func.coalesce(before, first)
                )
            )
            .where(*self._seats_of(ids))
        )
        usage = {}
        for row in found:
            granted = row.granted_after if row.at is not None and row.at < bounds[0] else 0
            pool = row.seats if row.at is None else row.pool
            usage[row.license_id] = Usage(Seats(granted, pool, granted), changes.get(row.license_id, {}))
        return usage

    async def _changes(self, ids: Collection[UUID], bounds: Sequence[datetime]) -> Mapping[UUID, Mapping[int, Seats]]:
        """Seats at the end of each span in which something changed, by license and place."""
        spans = self._spans(bounds)
        within = (
            select(
                _ledger.license_id,
                spans.c.place,
                func.max(_ledger.granted_after).label("peak"),
                func.max(_ledger.sequence).label("last"),
            )
            .join_from(spans, table_of(SeatLedgerEntry), and_(_ledger.at >= spans.c.begins, _ledger.at < spans.c.ends))
            .where(self._ours(SeatLedgerEntry), _ledger.license_id.in_(ids))
            .group_by(_ledger.license_id, spans.c.place)
            .subquery()
        )
        found = await self._connection.execute(
            select(within.c.license_id, within.c.place, within.c.peak, _ledger.granted_after, _ledger.pool).join_from(
                within, table_of(SeatLedgerEntry), _ledger.sequence == within.c.last
            )
        )
        changes: dict[UUID, dict[int, Seats]] = {}
        for row in found:
            changes.setdefault(row.license_id, {})[row.place] = Seats(row.granted_after, row.pool, row.peak)
        return changes

    def _spans(self, bounds: Sequence[datetime]) -> CTE:
        """Spans as rows with `place`, `begins` and `ends`: one parameter however many there are."""
        if self._connection.dialect.name == "sqlite":
            moments = [(bound - EPOCH) // MICROSECOND for bound in bounds]
            pairs = func.json_each(orjson.dumps(list(pairwise(moments))).decode()).table_valued("key", "value")
            begins, ends = (func.json_extract(pairs.c.value, f"$[{number}]") for number in (0, 1))
            rows = select(pairs.c.key.label("place"), begins.label("begins"), ends.label("ends"))
        else:
            instants = ARRAY(TIMESTAMP(timezone=True))
            both = literal(list(bounds[:-1]), instants), literal(list(bounds[1:]), instants)
            pairs = func.unnest(*both).table_valued("begins", "ends", with_ordinality="number").render_derived()
            rows = select((pairs.c.number - 1).label("place"), pairs.c.begins, pairs.c.ends)
        return rows.cte("spans").prefix_with("MATERIALIZED")

    def _seats_of(self, ids: Collection[UUID]) -> list[ColumnElement[bool]]:
        """The pools of these licenses, for who may see seats."""
        return [self._ours(LicensePool), _pools.license_id.in_(ids), true() if self._sight.licenses else false()]

    def _visible(self) -> ColumnElement[bool]:
        return true() if self._sight.licenses else false()
