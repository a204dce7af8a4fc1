"""What is done to bulk operations themselves: inputs, payloads, root fields."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from gql.arguments import INPUT
from gql.bulk import answered, answered_in_bulk, bulk_payload, parse_optional_id
from gql.errors import MutationError, MutationWarning
from gql.idempotency import idempotency_key
from gql.info import Info
from gql.operation import BulkOperation
from resolvers import performing, queued
from resolvers.bulk import BulkAnswer
from resolvers.queued import require_any
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse

CANCELS = "Stops a bulk operation, calls off a scheduled one, or keeps a temporary one from being taken back."


@strawberry.input(description=CANCELS)
class CancelBulkOperationInput:
    id: strawberry.ID = strawberry.field(
        description="Bulk operation that is to do nothing more; items handled already stay as they are, and are not "
        "taken back at its `revertsAt`. Repeating it changes nothing."
    )


@strawberry.input(
    description="Takes back what a bulk operation did, in a new one. Items that changed since are left alone and "
    "reported."
)
class UndoBulkOperationInput:
    idempotency_key: str | None = idempotency_key()
    id: strawberry.ID = strawberry.field(description="Bulk operation to take back.")
    dry_run: bool = strawberry.field(default=False, description="Whether to only show what would be done.")


@strawberry.input(description="Repeats the failed and skipped items of a bulk operation in a new one.")
class RetryBulkOperationInput:
    idempotency_key: str | None = idempotency_key()
    id: strawberry.ID = strawberry.field(description="Bulk operation whose items are repeated.")


@strawberry.type(description="Result of `cancelBulkOperation`.")
class CancelBulkOperationPayload:
    errors: list[MutationError] = strawberry.field(
        description="Problems that kept the mutation from doing its work. Empty when it succeeded."
    )
    warnings: list[MutationWarning] = strawberry.field(
        description="What is worth knowing of that which was done before it was stopped."
    )
    operation: BulkOperation | None = strawberry.field(
        description="The operation after the mutation; null when it was not found."
    )


_INLINE = "The operation, finished already when it was handled inline; null when nothing was started."
UndoBulkOperationPayload = bulk_payload("undoBulkOperation", _INLINE)
RetryBulkOperationPayload = bulk_payload("retryBulkOperation", _INLINE)


@strawberry.type
class Operating:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(graphql_type=CancelBulkOperationPayload | None, description=CANCELS)
    async def cancel_bulk_operation(self, info: Info, input: Annotated[CancelBulkOperationInput, INPUT]) -> Any:
        require_any(info.context)

        async def work() -> BulkAnswer:
            operation = await queued.cancel(info.context, _key(input.id))
            if operation is None:
                raise refuse(Code.NOT_FOUND, "There is no such bulk operation.", "input", "id")
            return BulkAnswer(operation=operation)

        return await answered(info.context, input, work, BulkAnswer)

    @strawberry.mutation(
        graphql_type=UndoBulkOperationPayload | None,
        description="Takes back what another bulk operation did, in a new one.",
    )
    async def undo_bulk_operation(self, info: Info, input: Annotated[UndoBulkOperationInput, INPUT]) -> BulkAnswer:
        require_any(info.context)
        return await answered_in_bulk(
            info.context, input, lambda: performing.undo(info.context, _key(input.id), dry_run=input.dry_run)
        )

    @strawberry.mutation(
        graphql_type=RetryBulkOperationPayload | None,
        description="Repeats the failed and skipped items of a bulk operation in a new one.",
    )
    async def retry_bulk_operation(self, info: Info, input: Annotated[RetryBulkOperationInput, INPUT]) -> BulkAnswer:
        require_any(info.context)
        return await answered_in_bulk(info.context, input, lambda: performing.retry(info.context, _key(input.id)))


def _key(given: str) -> UUID:
    key = parse_optional_id(given, "BulkOperation", "input", "id")
    assert key is not None
    return key
