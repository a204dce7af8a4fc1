"""Licenses, as they are found: their seats, and which one counts for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from models.license import License, LicenseGrant, LicenseGrantState, LicensePool, LicenseType
from models.storage import table_of
from models.user import User, UserStatus
from repositories.criteria import ChoiceCondition, TextCondition
from repositories.keyset import SortKey
from repositories.named import NamedRepository, meeting
from repositories.rows import columns, light, light_after

_licenses = table_of(License).c
_pools = table_of(LicensePool).c
_grants = table_of(LicenseGrant).c
_users = table_of(User).c


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
class LicenseCriteria:
    """Which licenses are wanted; everything given must hold.

    Attributes:
        has_available_seats: Whether a seat is left.
        words: Beginnings of words that must all occur in the name, folded.
    """

    active: bool | None = None
    name: TextCondition | None = None
    type: ChoiceCondition[LicenseType] | None = None
    has_available_seats: bool | None = None
    words: tuple[str, ...] = ()


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
        found = await self._connection.execute(
            select(*columns(LicensePool)).where(
                self._ours(LicensePool), _pools.license_id.in_(ids), true() if self._sight.licenses else false()
            )
        )
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

    def _visible(self) -> ColumnElement[bool]:
        return true() if self._sight.licenses else false()
