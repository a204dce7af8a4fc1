"""Bulk operations and their items."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from models.audit import ActorKind
from models.operation import (
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationKind,
    BulkOperationStatus,
)
from models.storage import table_of
from repositories.bound import Bound
from repositories.criteria import ChoiceCondition, InstantCondition, KeyCondition
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, counted, ordered_by, sliced
from repositories.rows import columns, light
from repositories.sight import known_user, visible_operations

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c

ITEMS_IN_ORDER = ordered_by("items", [SortKey("index", _items.index, kind="number")], _items.id)
OPERATIONS_LATEST_FIRST = ordered_by(
    "bulk operations", [SortKey("created_at", _operations.created_at, descending=True, kind="instant")], _operations.id
)


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

    async def items_of(self, operation_id: UUID) -> list[BulkOperationItem]:
        """All items of an operation, in their order."""
        found = await self._connection.execute(
            select(*columns(BulkOperationItem))
            .where(self._ours(BulkOperationItem), _items.operation_id == operation_id)
            .order_by(_items.index)
        )
        return light(BulkOperationItem, found)

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

    async def add(self, operation: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
        """Keep an operation with its items."""
        await self._insert(BulkOperation, [operation])
        await self._insert(BulkOperationItem, items)
