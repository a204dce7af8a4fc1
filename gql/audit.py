"""What was done, in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, Last, page_arguments
from gql.connection import connection
from gql.filters import AuditActionFilterInput, DateTimeFilterInput, FilterReader, IdFilterInput, read
from gql.ids import PREFIXES, global_id
from gql.info import Info
from gql.node import Actor, Node, find_node, later, node_id, resolvable, views
from models.audit import AuditAction
from models.audit import AuditEvent as AuditEventRow
from models.operation import BulkOperation, StateChangeReason
from repositories.audit import AuditEventCriteria
from resolvers import audit
from resolvers.actors import actor_of
from resolvers.audit import Changed
from resolvers.operations import operation_of
from resolvers.paging import Page


@strawberry.type(description="One changed field. Values of secret fields are never recorded.")
class AuditChange:
    """A view over a change as it was recorded."""

    field: str = strawberry.field(description="Name of the field.")
    before: str | None = strawberry.field(description="Value before as text.")
    after: str | None = strawberry.field(description="Value after as text.")


@strawberry.type(description="One recorded fact. Audit events are never changed.")
class AuditEvent(Node):
    """A view over an audit event."""

    id = node_id("AuditEvent")
    is_type_of = views(AuditEventRow)
    occurred_at: datetime = strawberry.field(description="When it happened.")
    action: AuditAction = strawberry.field(description="What was done.")

    @strawberry.field(
        graphql_type=Actor | None, description="Who did it, null for somebody whom the caller does not see."
    )
    async def actor(self: Any, info: Info) -> Any:
        return await actor_of(info.context, self.actor_kind, self.actor_id)

    @strawberry.field(graphql_type=Node | None, description="Object it was done to, null once that object was deleted.")
    async def target(self: Any, info: Info) -> Any:
        return await find_node(info.context, global_id(self.target_type, self.target_id), ())

    @strawberry.field(
        graphql_type=strawberry.ID, description="Global id of the object it was done to, kept after its deletion."
    )
    def target_id(self: Any) -> str:
        return global_id(self.target_type, self.target_id)

    target_label: str = strawberry.field(description="Name of the object at that time.")

    @strawberry.field(graphql_type=list[AuditChange], description="Fields that changed.")
    def changes(self: Any) -> list[Changed]:
        return audit.changes_of(self)

    @strawberry.field(
        graphql_type=later("BulkOperation", "gql.operation") | None,
        description="Bulk operation in which it happened.",
    )
    async def operation(self: Any, info: Info) -> BulkOperation | None:
        return await operation_of(info.context, self.operation_id)

    @strawberry.field(graphql_type=StateChangeReason | None, description="Reason given by the caller.")
    def reason(self: Any) -> StateChangeReason | None:
        return None if self.reason is None else StateChangeReason(self.reason)

    note: str | None = strawberry.field(description="Note given by the caller.")

    @strawberry.field(graphql_type=str, description="Place in the order of all audit events; compare, do not compute.")
    def sequence(self: Any) -> str:
        return str(self.sequence)

    request_id: str | None = strawberry.field(
        description="Id of the request, as in the response header `X-Request-Id`."
    )


AuditEventConnection = connection("AuditEvent", AuditEvent)
resolvable("AuditEvent", audit.audit_event_of)


@strawberry.input(description="Condition on audit events. Several fields in one object must all hold.")
class AuditEventFilterInput:
    action: AuditActionFilterInput | None = strawberry.field(default=UNSET, description="Condition on the action.")
    target: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the object.")
    actor: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the actor.")
    operation: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the bulk operation.")
    occurred_at: DateTimeFilterInput | None = strawberry.field(default=UNSET, description="Condition on the time.")

    def criteria(self, reader: FilterReader) -> AuditEventCriteria:
        """Which audit events are wanted."""
        return AuditEventCriteria(
            action=reader.choice("action", self.action),
            target=reader.keys("target", self.target, *PREFIXES),
            actor=reader.keys("actor", self.actor, "User", "ApiKey"),
            operation=reader.keys("operation", self.operation, "BulkOperation"),
            occurred_at=reader.instant("occurredAt", self.occurred_at),
        )


@strawberry.type
class AuditQueries:
    """Root fields about what was done."""

    @strawberry.field(
        graphql_type=AuditEventConnection | None,
        description="Audit events, the latest first unless `oldestFirst`. With `oldestFirst` and `after` it is a feed "
        "that misses nothing: go on from the last cursor, or ask with the same one again while nothing came.",
    )
    async def audit_events(
        self: Any,
        info: Info,
        filter: Annotated[
            AuditEventFilterInput | None, strawberry.argument(description="Condition on the audit events.")
        ] = UNSET,
        oldest_first: Annotated[bool, strawberry.argument(description="Whether the oldest event comes first.")] = False,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[AuditEventRow]:
        criteria = read(filter, FilterReader.of(info.context)) or AuditEventCriteria()
        arguments = page_arguments(first, after, last, before)
        return await audit.page(info.context, criteria, arguments, oldest_first=oldest_first)
