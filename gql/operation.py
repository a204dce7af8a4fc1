"""Bulk operations and their items in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, GlobalId, Last, given, page_arguments
from gql.connection import connection
from gql.directives import NULL_ONLY_ON_ERROR
from gql.errors import MutationError, MutationWarning
from gql.filters import (
    BulkOperationKindFilterInput,
    BulkOperationStatusFilterInput,
    DateTimeFilterInput,
    FilterReader,
    IdFilterInput,
    read,
)
from gql.ids import global_id
from gql.info import Info
from gql.node import Actor, Node, find_node, key_argument, later, node_id, resolvable, views
from models.operation import (
    BulkErrorPolicy,
    BulkItemOutcome,
    BulkOperationKind,
    BulkOperationStatus,
    StateChangeReason,
    UserEffectKind,
)
from models.operation import BulkOperation as BulkOperationRow
from models.operation import BulkOperationItem as BulkOperationItemRow
from models.user import User
from repositories.operations import OperationCriteria
from resolvers import operations
from resolvers.actors import actor_of
from resolvers.coverage import Shortage
from resolvers.operations import KeptEffect
from resolvers.paging import Page
from resolvers.queues import queue_of
from resolvers.refusals import Problem, Warning
from resolvers.users import user_of


@strawberry.type(description="One effect on a user.")
class UserEffect:
    """A view over an effect as it was kept."""

    kind: UserEffectKind = strawberry.field(description="Kind of the effect.")

    @strawberry.field(
        graphql_type=Node | None,
        description="Team, queue, skill group, license or other object that the effect is about, null when there is "
        "none or it is deleted.",
    )
    async def subject(self: Any, info: Info) -> Any:
        return None if self.subject is None else await find_node(info.context, global_id(*self.subject), ())

    subject_label: str | None = strawberry.field(
        description="Name of the subject at that time, kept after its deletion."
    )
    description: str = strawberry.field(description="The effect in words, in English.")


@strawberry.type(description="One item of a bulk operation.")
class BulkOperationItem(Node):
    """A view over an item."""

    id = node_id("BulkOperationItem")
    is_type_of = views(BulkOperationItemRow)
    index: int = strawberry.field(description="Place of the item in the input, from 0.")
    key: str = strawberry.field(
        description="Key of the item as given in the input: an id, a mail address, an external id or an agent number."
    )

    @strawberry.field(
        graphql_type=later("User", "gql.user") | None,
        description="User that the item stands for, null when there is none.",
    )
    async def user(self: Any, info: Info) -> User | None:
        return await user_of(info.context, self.user_id)

    outcome: BulkItemOutcome = strawberry.field(description="What happened to the item.")

    @strawberry.field(graphql_type=list[MutationError], description="Why the item failed.")
    def errors(self: Any) -> list[Problem]:
        return operations.errors_of(self)

    @strawberry.field(
        graphql_type=list[MutationWarning],
        description="Things worth knowing about the item that stopped nothing.",
    )
    def warnings(self: Any) -> list[Warning]:
        return operations.warnings_of(self)

    @strawberry.field(graphql_type=list[UserEffect], description="What was done, or what would be done by a dry run.")
    def effects(self: Any) -> list[KeptEffect]:
        return operations.effects_of(self)


BulkOperationItemConnection = connection("BulkOperationItem", BulkOperationItem)


@strawberry.type(description="A queue that is left below its minimum of active agents.")
class QueueCoverage:
    """A view over a shortage."""

    @strawberry.field(
        graphql_type=later("Queue", "gql.queue") | None, description="The queue, null once it is deleted."
    )
    async def queue(self: Any, info: Info) -> Any:
        return await queue_of(info.context, self.queue_id)

    @strawberry.field(description="Fewest active agents that the queue should have.")
    def minimum_agents(self: Any) -> int:
        return int(self.minimum)

    @strawberry.field(description="Active agents that the queue is left with.")
    def active_agent_count(self: Any) -> int:
        return int(self.agents)


@strawberry.type(
    description="What a bulk operation did or would do. The first four add up to the items handled so far."
)
class BulkOperationTotals:
    """A view over an operation."""

    succeeded: int = strawberry.field(description="Items that were changed as asked.")
    unchanged: int = strawberry.field(description="Items that already were as asked.")
    failed: int = strawberry.field(description="Items that failed.")
    skipped: int = strawberry.field(description="Items that were left alone.")
    sessions_ended: int = strawberry.field(description="Sessions that ended.")
    teams_left: int = strawberry.field(description="Team memberships that ended.")
    queues_left: int = strawberry.field(description="Direct queue assignments that ended.")
    contacts_ended: int = strawberry.field(description="Active contacts that were ended.")
    seats_freed: int = strawberry.field(description="License seats that became free.")
    seats_needed: int = strawberry.field(description="License seats that were taken, or in a dry run would be needed.")

    @strawberry.field(graphql_type=list[QueueCoverage], description="Queues that are left below their minimum.")
    def queues_below_minimum(self: Any) -> list[Shortage]:
        return operations.shortages_of(self)


@strawberry.type(description="How far a bulk operation is.")
class BulkOperationProgress:
    """A view over an operation."""

    total: int | None = strawberry.field(description="Items in all, null until they were counted.")

    @strawberry.field(description="Items handled so far.")
    def processed(self: Any) -> int:
        return operations.processed(self)


@strawberry.type(description="A unit of work over many items: every bulk mutation makes one, however small.")
class BulkOperation(Node):
    """A view over an operation."""

    id = node_id("BulkOperation")
    is_type_of = views(BulkOperationRow)
    kind: BulkOperationKind = strawberry.field(description="What the operation does.")
    status: BulkOperationStatus = strawberry.field(description="How far the operation is.")
    dry_run: bool = strawberry.field(description="Whether the operation only shows what it would do.")
    error_policy: BulkErrorPolicy = strawberry.field(description="What happens to the other items when one item fails.")

    @strawberry.field(
        graphql_type=BulkOperationProgress, description="How many items there are and how many were handled."
    )
    def progress(self: Any) -> BulkOperationRow:
        operation: BulkOperationRow = self
        return operation

    @strawberry.field(
        graphql_type=datetime | None,
        description="When its items will be forgotten, or were; the operation itself and its totals stay.",
    )
    def expires_at(self: Any, info: Info) -> datetime | None:
        return info.context.retention.items_until(self)

    @strawberry.field(
        graphql_type=BulkOperationTotals,
        description="What the operation did so far, or what it would do when it is a dry run.",
    )
    def totals(self: Any) -> BulkOperationRow:
        operation: BulkOperationRow = self
        return operation

    @strawberry.field(
        graphql_type=list[MutationWarning],
        description="Things worth knowing about the operation as a whole that stopped nothing.",
    )
    def warnings(self: Any) -> list[Warning]:
        return [shortage.warning for shortage in operations.shortages_of(self)]

    @strawberry.field(
        graphql_type=BulkOperationItemConnection | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Items in the order of the input.",
    )
    async def items(
        self: Any,
        info: Info,
        outcome: Annotated[
            list[BulkItemOutcome] | None,
            strawberry.argument(description="Keep only items with these outcomes."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[BulkOperationItemRow]:
        return await operations.items_of_operation(
            info.context, self, given(outcome), page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=MutationError | None, description="Why the operation as a whole failed, null otherwise."
    )
    def failure(self: Any) -> Problem | None:
        return operations.failure_of(self)

    @strawberry.field(
        graphql_type=later("BulkOperation", "gql.operation") | None,
        description="Operation that this one repeats or takes back.",
    )
    async def origin(self: Any, info: Info) -> BulkOperationRow | None:
        return await operations.operation_of(info.context, self.origin_id)

    @strawberry.field(description="Whether the operation can be taken back now.")
    async def undoable(self: Any, info: Info) -> bool:
        return await operations.undoable(info.context, self)

    @strawberry.field(graphql_type=Actor | None, description="Who asked for the operation.")
    async def requested_by(self: Any, info: Info) -> Any:
        return await actor_of(info.context, self.actor_kind, self.actor_id)

    reason: StateChangeReason | None = strawberry.field(description="Reason given by the caller.")
    note: str | None = strawberry.field(description="Note given by the caller.")
    created_at: datetime = strawberry.field(description="When the operation was created.")
    execute_at: datetime | None = strawberry.field(
        description="When it is to begin, as the caller asked; null when at once."
    )
    until: datetime | None = strawberry.field(
        description="How long its effect is to last, as the caller asked; null when for good."
    )
    reverts_at: datetime | None = strawberry.field(
        description="When it will be taken back by itself, null when that is not planned, was called off or is done."
    )
    started_at: datetime | None = strawberry.field(description="When its work began.")
    finished_at: datetime | None = strawberry.field(description="When its work ended.")


BulkOperationConnection = connection("BulkOperation", BulkOperation)
resolvable("BulkOperation", operations.operation_of)
resolvable("BulkOperationItem", operations.item_of)


@strawberry.input(description="Condition on bulk operations. Several fields in one object must all hold.")
class BulkOperationFilterInput:
    kind: BulkOperationKindFilterInput | None = strawberry.field(default=UNSET, description="Condition on the kind.")
    status: BulkOperationStatusFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the status."
    )
    requested_by: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on who asked for the operation: users and API keys."
    )
    created_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of creation."
    )

    def criteria(self, reader: FilterReader) -> OperationCriteria:
        """Which operations are wanted."""
        return OperationCriteria(
            kind=reader.choice("kind", self.kind),
            status=reader.choice("status", self.status),
            requested_by=reader.keys("requestedBy", self.requested_by, "User", "ApiKey"),
            created_at=reader.instant("createdAt", self.created_at),
        )


@strawberry.type
class OperationQueries:
    """Root fields about bulk operations."""

    @strawberry.field(
        graphql_type=BulkOperation | None, description="Bulk operation with this id, null when it does not exist."
    )
    async def bulk_operation(self: Any, info: Info, id: GlobalId) -> BulkOperationRow | None:
        return await operations.operation_of(info.context, key_argument(id, "BulkOperation"))

    @strawberry.field(
        graphql_type=BulkOperationConnection | None,
        description="Bulk operations, the latest first: those that the caller asked for, or all with AUDIT_READ.",
    )
    async def bulk_operations(
        self: Any,
        info: Info,
        filter: Annotated[
            BulkOperationFilterInput | None, strawberry.argument(description="Condition on the items.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[BulkOperationRow]:
        criteria = read(filter, FilterReader.of(info.context)) or OperationCriteria()
        return await operations.page(info.context, criteria, page_arguments(first, after, last, before))
