"""What is done to bulk operations themselves: inputs, payloads, root fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from gql.arguments import INPUT
from gql.bulk import answered, parse_optional_id
from gql.errors import MutationError
from gql.info import Info
from gql.operation import BulkOperation
from models.operation import BulkOperation as BulkOperationRow
from resolvers import queued
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, refuse


@strawberry.input(description="Stops a bulk operation.")
class CancelBulkOperationInput:
    id: strawberry.ID = strawberry.field(description="Bulk operation to stop; items handled already stay as they are.")


@dataclass(frozen=True, slots=True)
class OperationAnswer:
    """What a mutation of a bulk operation answers."""

    errors: list[Problem] = field(default_factory=list)
    operation: BulkOperationRow | None = None


@strawberry.type(description="Result of `cancelBulkOperation`.")
class CancelBulkOperationPayload:
    errors: list[MutationError] = strawberry.field(
        description="Problems that kept the mutation from doing its work. Empty when it succeeded."
    )
    operation: BulkOperation | None = strawberry.field(
        description="The operation after the mutation; null when it was not found."
    )


@strawberry.type
class Operating:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(graphql_type=CancelBulkOperationPayload | None, description="Stops a bulk operation.")
    async def cancel_bulk_operation(self, info: Info, input: Annotated[CancelBulkOperationInput, INPUT]) -> Any:
        async def work() -> OperationAnswer:
            key = parse_optional_id(input.id, "BulkOperation", "input", "id")
            operation = None if key is None else await queued.cancel(info.context, key)
            if operation is None:
                raise refuse(Code.NOT_FOUND, "There is no such bulk operation.", "input", "id")
            return OperationAnswer(operation=operation)

        return await answered(info.context, input, work, OperationAnswer)
