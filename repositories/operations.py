"""Bulk operations and their items."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, literal_column, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import ActorKind
from models.call_record import CallRecord
from models.operation import (
    UNFINISHED,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationKind,
    BulkOperationStatus,
)
from models.storage import table_of
from repositories.among import among
from repositories.bound import Bound, Write
from repositories.criteria import ChoiceCondition, InstantCondition, KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, counted, ordered_by, sliced
from repositories.rows import columns, light
from repositories.sight import known_user, visible_operations

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c
_calls = table_of(CallRecord).c

ITEMS_IN_ORDER = ordered_by("items", [SortKey("index", _items.index, kind="number")], _items.id)
OPERATIONS_LATEST_FIRST = ordered_by(
    "bulk operations", [SortKey("created_at", _operations.created_at, descending=True, kind="instant")], _operations.id
)


_CHANGING = ("user_id", "user_version", "outcome", "errors", "warnings", "effects", "delta")
_HANDLED = _operations.succeeded + _operations.unchanged + _operations.failed + _operations.skipped
# Said in numbers, as the indexes of what is left to do say it.
_UNFINISHED = _operations.status.in_([literal_column(str(each.value)) for each in UNFINISHED])
_PENDING = _items.outcome == literal_column(str(BulkItemOutcome.PENDING.value))
_IN_CONTACT = exists().where(_calls.user_id == _items.user_id, _calls.ended_at.is_(None))
# Something that can be done now: everything, or those whose contact is over, where contacts are waited for.
_FREE = or_(
    _operations.after_contact == false(),
    exists().where(_items.operation_id == _operations.id, _PENDING, not_(_IN_CONTACT)),
)


def _waiting(at: datetime) -> ColumnElement[bool]:
    """Operations on which there is something to do at an instant."""
    due = or_(_operations.status != BulkOperationStatus.SCHEDULED, _operations.execute_at <= at)
    return and_(_UNFINISHED, due, or_(_FREE, _operations.until <= at))


async def any_waiting(connection: AsyncConnection, at: datetime) -> bool:
    """Whether an operation of any organization waits for a worker."""
    return (await connection.execute(select(_operations.id).where(_waiting(at)).limit(1))).first() is not None


async def next_waiting(connection: AsyncConnection, at: datetime) -> BulkOperation | None:
    """Lock an operation that waits and that nobody works on, of those the one that has handled least."""
    found = await connection.execute(
        select(*columns(BulkOperation))
        .where(_waiting(at))
        .order_by(_HANDLED, _operations.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return next(iter(light(BulkOperation, found)), None)


async def next_reverting(connection: AsyncConnection, at: datetime) -> Any | None:
    """`id` and `organization_id` of an operation that is to be taken back by now; None when there is none."""
    found = await connection.execute(
        select(_operations.id, _operations.organization_id)
        .where(_operations.reverts_at <= at)
        .order_by(_operations.reverts_at)
        .limit(1)
    )
    return found.first()


@dataclass(frozen=True, slots=True)
class OperationCriteria:
    """Which operations are wanted; everything given must hold.

    Attributes:
        requested_by: People and keys.
    """

    kind: ChoiceCondition[BulkOperationKind] | None = None
    status: ChoiceCondition[BulkOperationStatus] | None = None
    requested_by: KeyCondition | None = None
    created_at: InstantCondition | None = None


class OperationRepository(Bound):
    """The bulk operations of one organization that the caller sees."""

    async def listed(self, criteria: OperationCriteria, order: Order, part: Slice) -> list[BulkOperation]:
        """One slice of the list of all that meet the criteria."""
        statement = select(*columns(BulkOperation)).where(*self._meeting(criteria))
        return light(BulkOperation, await self._connection.execute(sliced(statement, order, part)))

    async def count(self, criteria: OperationCriteria, limit: int) -> int:
        """How many meet the criteria, up to one more than the limit."""
        return await counted(self._connection, select(_operations.id).where(*self._meeting(criteria)), limit)

    def _meeting(self, criteria: OperationCriteria) -> list[ColumnElement[bool]]:
        clauses = [self._ours(BulkOperation), visible_operations(self._sight)]
        if criteria.kind is not None:
            clauses.append(criteria.kind.on(_operations.kind))
        if criteria.status is not None:
            clauses.append(criteria.status.on(_operations.status))
        if criteria.requested_by is not None:
            person = _operations.actor_kind == ActorKind.USER
            actor = known_user(self._sight, _operations.actor_id, self._organization_id, person)
            clauses.append(criteria.requested_by.on(actor))
        if criteria.created_at is not None:
            clauses.append(criteria.created_at.on(_operations.created_at))
        return clauses

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, BulkOperation]:
        """The operations with these ids."""
        found = await self._connection.execute(
            select(*columns(BulkOperation)).where(
                self._ours(BulkOperation), _operations.id.in_(ids), visible_operations(self._sight)
            )
        )
        return {row.id: row for row in light(BulkOperation, found)}

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, BulkOperationItem]:
        """The items with these ids, of operations that the caller sees."""
        found = await self._connection.execute(
            select(*columns(BulkOperationItem))
            .join_from(table_of(BulkOperationItem), table_of(BulkOperation), _operations.id == _items.operation_id)
            .where(self._ours(BulkOperationItem), _items.id.in_(ids), visible_operations(self._sight))
        )
        return {row.id: row for row in light(BulkOperationItem, found)}

    async def items_of(self, operation_id: UUID, *outcomes: BulkItemOutcome) -> Sequence[Any]:
        """All items of an operation with one of these outcomes, or with any, in their order.

        Returns:
            `index`, `key`, `user_id`, `user_version` and `errors`: not what can be long.
        """
        statement = select(_items.index, _items.key, _items.user_id, _items.user_version, _items.errors)
        statement = statement.where(self._ours(BulkOperationItem), _items.operation_id == operation_id)
        if outcomes:
            statement = statement.where(_items.outcome.in_(outcomes))
        return (await self._connection.execute(statement.order_by(_items.index))).all()

    async def items(
        self, operation_ids: Collection[UUID], outcomes: frozenset[BulkItemOutcome], order: Order, part: Slice
    ) -> dict[UUID, list[BulkOperationItem]]:
        """Items of each operation with one of these outcomes; whoever holds the operation may see its items."""
        where = (self._ours(BulkOperationItem), _items.outcome.in_(outcomes))
        return await slices(
            self._connection,
            BulkOperationItem,
            table_of(BulkOperationItem),
            _items.operation_id,
            operation_ids,
            order,
            part,
            *where,
        )

    async def count_items(
        self, operation_ids: Collection[UUID], outcomes: frozenset[BulkItemOutcome]
    ) -> dict[UUID, int]:
        """How many items with one of these outcomes each operation has."""
        where = (self._ours(BulkOperationItem), _items.outcome.in_(outcomes))
        return await counts(self._connection, table_of(BulkOperationItem), _items.operation_id, operation_ids, *where)

    async def lock(self, operation_id: UUID) -> BulkOperation | None:
        """Lock an operation that the caller sees; waits for the batch that is under way."""
        found = await self._connection.execute(
            select(*columns(BulkOperation))
            .where(self._ours(BulkOperation), _operations.id == operation_id, visible_operations(self._sight))
            .with_for_update()
        )
        return next(iter(light(BulkOperation, found)), None)

    async def taken_back(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of these operations that another one has taken back, or is about to."""
        found = await self._connection.execute(
            select(_operations.origin_id, _operations.terms).where(
                self._ours(BulkOperation),
                _operations.origin_id.in_(ids),
                _operations.kind == BulkOperationKind.UNDO,
                _operations.dry_run == false(),
                or_(_UNFINISHED, _operations.succeeded > 0),
            )
        )
        # That which an undo has in its terms; another origin is that of an undo which is tried again.
        return {row.origin_id for row in found if row.terms["origin"] == row.origin_id.hex}

    async def reverts(self, ids: Collection[UUID]) -> dict[UUID, datetime]:
        """When operations will be taken back, whoever asked for them; the others are absent."""
        found = await self._connection.execute(
            select(_operations.id, _operations.reverts_at).where(
                self._ours(BulkOperation), _operations.id.in_(ids), _operations.reverts_at.is_not(None)
            )
        )
        return {row.id: row.reverts_at for row in found}

    async def pending(self, operation_id: UUID, limit: int, *, after_contact: bool) -> Sequence[Any]:
        """The first items of an operation that are not handled yet.

        Args:
            after_contact: Whether those of people in a contact are left out.

        Returns:
            `id`, `index`, `key`, `user_id` and `user_version`.
        """
        found = await self._connection.execute(
            select(_items.id, _items.index, _items.key, _items.user_id, _items.user_version)
            .where(
                self._ours(BulkOperationItem),
                _items.operation_id == operation_id,
                _PENDING,
                *([not_(_IN_CONTACT)] if after_contact else []),
            )
            .order_by(_items.index)
            .limit(limit)
        )
        return found.all()

    async def waiting_for_contacts(self, operation_id: UUID) -> Sequence[Any]:
        """`index`, `key` and `user_id` of the items that are not handled yet because the person is in a contact."""
        found = await self._connection.execute(
            select(_items.index, _items.key, _items.user_id).where(
                self._ours(BulkOperationItem), _items.operation_id == operation_id, _PENDING, _IN_CONTACT
            )
        )
        return found.all()

    async def items_of_people(self, operation_id: UUID, user_ids: Collection[UUID]) -> Sequence[Any]:
        """`user_id`, `user_version`, `outcome`, `errors`, `delta` of the items that stand for some of these people."""
        found = await self._connection.execute(
            select(_items.user_id, _items.user_version, _items.outcome, _items.errors, _items.delta).where(
                self._ours_too(BulkOperationItem), _items.operation_id == operation_id, among(_items.user_id, user_ids)
            )
        )
        return found.all()

    def putting(self, items: Sequence[Mapping[str, Any]]) -> Write:
        """What writes items anew, all of them at once."""
        return self._insertion(BulkOperationItem, items, anew=_CHANGING)

    async def skip_pending(self, operation_id: UUID) -> int:
        """Leave the rest of an operation alone; how many that was."""
        skipped = await self._connection.execute(
            update(table_of(BulkOperationItem))
            .where(
                self._ours(BulkOperationItem),
                _items.operation_id == operation_id,
                _PENDING,
            )
            .values(outcome=BulkItemOutcome.SKIPPED)
        )
        return skipped.rowcount

    async def update(self, operation_id: UUID, values: Mapping[str, Any]) -> None:
        """Change an operation that is locked."""
        await self._connection.execute(
            update(table_of(BulkOperation))
            .where(self._ours(BulkOperation), _operations.id == operation_id)
            .values(dict(values))
        )

    async def add(self, operation: Mapping[str, Any], items: Sequence[Mapping[str, Any]] = ()) -> None:
        """Keep an operation with its items, or the first of them."""
        await self._insert(BulkOperation, [operation])
        await self._insert(BulkOperationItem, items)
