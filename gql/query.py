"""What can be asked."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from gql.api_key import ApiKeyQueries
from gql.arguments import GlobalId
from gql.audit import AuditQueries
from gql.call_record import CallRecordQueries
from gql.info import Info
from gql.license import LicenseQueries
from gql.node import Node, check_ids, find_node
from gql.operation import OperationQueries
from gql.profile import ProfileQueries
from gql.queue import QueueQueries
from gql.report import ReportQueries
from gql.site import SiteQueries
from gql.skill_group import SkillGroupQueries
from gql.statistics import StatisticsQueries
from gql.team import TeamQueries
from gql.user import UserQueries
from gql.viewer import ViewerQueries


@strawberry.type
class NodeQueries:
    """Root fields for whatever has a global id."""

    @strawberry.field(
        graphql_type=Node | None,
        description="Object with this global id, null when it does not exist or is not visible to the caller. "
        "Deactivated users are found.",
    )
    async def node(self: Any, info: Info, id: GlobalId) -> Any:
        return await find_node(info.context, id, ("id",))

    @strawberry.field(
        graphql_type=list[Node | None] | None,
        description="Objects with these global ids, at most 100, in the same order, null for those that do not exist.",
    )
    async def nodes(
        self: Any, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")]
    ) -> list[Any]:
        check_ids(ids)
        return await asyncio.gather(*(find_node(info.context, one, ("ids", str(i))) for i, one in enumerate(ids)))


@strawberry.type(
    description="Entry points for reading. Every field may be null on error so that one failure does not blank "
    "the others."
)
class Query(
    ViewerQueries,
    NodeQueries,
    UserQueries,
    TeamQueries,
    QueueQueries,
    SkillGroupQueries,
    SiteQueries,
    ProfileQueries,
    LicenseQueries,
    OperationQueries,
    AuditQueries,
    CallRecordQueries,
    ApiKeyQueries,
    StatisticsQueries,
    ReportQueries,
):
    pass
