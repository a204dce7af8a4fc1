"""Finding bulk operations and their items: one's own, or all with AUDIT_READ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.operation import UNFINISHED, BulkItemOutcome, BulkOperation, BulkOperationItem, UserEffectKind
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.operations import ITEMS_IN_ORDER, OPERATIONS_LATEST_FIRST, OperationCriteria
from resolvers.context import Context
from resolvers.coverage import Shortage, shortage_of
from resolvers.lists import page_of_list, page_of_parent
from resolvers.paging import Page, PageArguments
from resolvers.refusals import MutationErrorCode, MutationWarningCode, Problem, Warning
from resolvers.undoing import undo_of

EVERY_OUTCOME = frozenset(BulkItemOutcome)


@dataclass(frozen=True, slots=True)
class KeptEffect:
    """One effect as it was kept with an item.

    Attributes:
        subject: Type name and key of what it is about; None when there is nothing.
        subject_label: Name of the subject at that time.
        description: The effect in words.
    """

    kind: UserEffectKind
    subject: tuple[str, UUID] | None
    subject_label: str | None
    description: str


async def operation_of(context: Context, operation_id: UUID | None) -> BulkOperation | None:
    """The operation with this id; None when there is none or the caller does not see it."""
    return None if operation_id is None else await context.loaders.load("operations", operation_id, _by_id)


async def page(context: Context, criteria: OperationCriteria, arguments: PageArguments) -> Page[BulkOperation]:
    """A page of bulk operations, the latest first: one's own, or all with AUDIT_READ.

    Raises:
        BadInput, BadCursor: See `PageArguments.slice`.
    """

    async def fetch(kept: Kept, part: Slice) -> list[BulkOperation]:
        return await kept.operations.listed(criteria, OPERATIONS_LATEST_FIRST, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kept.operations.count(criteria, limit)

    return await page_of_list(context, OPERATIONS_LATEST_FIRST, arguments, fetch, count)


async def item_of(context: Context, item_id: UUID | None) -> BulkOperationItem | None:
    """The item with this id; None when there is none or the caller does not see its operation."""
    return None if item_id is None else await context.loaders.load("operation_items", item_id, _items_by_id)


async def items_of_operation(
    context: Context,
    operation: BulkOperation,
    outcomes: Collection[BulkItemOutcome] | None,
    arguments: PageArguments,
) -> Page[BulkOperationItem]:
    """Items of an operation in the order of the input.

    Args:
        outcomes: Only items with one of these outcomes; all when None.
    """
    wanted = EVERY_OUTCOME if outcomes is None else frozenset(outcomes)

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[BulkOperationItem]]:
        return await kept.operations.items(ids, wanted, ITEMS_IN_ORDER, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.operations.count_items(ids, wanted)

    return await page_of_parent(
        context, "items_of_operations", operation.id, ITEMS_IN_ORDER, arguments, fetch, count, wanted
    )


def errors_of(item: Any) -> list[Problem]:
    """Why an item failed, as it was kept."""
    return [_problem(one) for one in item.errors]


async def undoable(context: Context, operation: BulkOperation) -> bool:
    """Whether an operation changed people in a way that can be taken back, and was not taken back yet."""
    changed = operation.succeeded and not operation.dry_run and not operation.items_forgotten
    if not changed or operation.status in UNFINISHED or undo_of(operation) is None:
        return False
    return not await context.loaders.load("taken_back_operations", operation.id, _taken_back)


async def _taken_back(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, bool]:
    return dict.fromkeys(await kept.operations.taken_back(ids), True)


def shortages_of(operation: BulkOperation) -> list[Shortage]:
    """The queues that an operation left, or would leave, below their minimum."""
    return [shortage_of(kept) for kept in operation.shortages or ()]


def failure_of(operation: BulkOperation) -> Problem | None:
    """Why an operation gave up, as it was kept."""
    return None if operation.failure is None else _problem(operation.failure)


def processed(operation: BulkOperation) -> int:
    """How many items of an operation were handled."""
    return operation.succeeded + operation.unchanged + operation.failed + operation.skipped


def warnings_of(item: BulkOperationItem) -> list[Warning]:
    """What is worth knowing about an item, as it was kept."""
    return [Warning(MutationWarningCode(one["code"]), one["message"], _path(one)) for one in item.warnings]


def effects_of(item: BulkOperationItem) -> list[KeptEffect]:
    """What was done, as it was kept."""
    return [
        KeptEffect(
            kind=UserEffectKind(one["kind"]),
            subject=None if one["subject"] is None else (one["subject"][0], UUID(hex=one["subject"][1])),
            subject_label=one["label"],
            description=one["description"],
        )
        for one in item.effects
    ]


def _problem(said: Mapping[str, Any]) -> Problem:
    return Problem(MutationErrorCode(said["code"]), said["message"], _path(said))


def _path(said: Mapping[str, Any]) -> tuple[str, ...] | None:
    return None if said["path"] is None else tuple(said["path"])


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, BulkOperation]:
    return await kept.operations.by_id(ids)


async def _items_by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, BulkOperationItem]:
    return await kept.operations.items_by_id(ids)
