"""Bulk operations and their items."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models.operation import BulkItemOutcome, BulkOperation, BulkOperationItem
from models.storage import table_of
from repositories.bound import Bound
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.rows import columns, light
from repositories.sight import visible_operations

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c

ITEMS_IN_ORDER = ordered_by("items", [SortKey("index", _items.index, kind="number")], _items.id)


class OperationRepository(Bound):
    """The bulk operations of one organization that the caller sees."""

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
