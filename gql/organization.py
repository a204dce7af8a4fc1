"""The organization of the caller, with its settings."""

from __future__ import annotations

from typing import Any

import strawberry

from gql.info import Info
from gql.node import Node, later, node_id, resolvable, views
from models.organization import CoverageRule
from models.organization import Organization as OrganizationRow
from models.profile import DesktopProfile
from resolvers.organizations import organization_of
from resolvers.profiles import desktop_profile_of


@strawberry.type(
    description="A company whose users are administered here. Nothing of one organization is visible in another."
)
class Organization(Node):
    """A view over an organization."""

    id = node_id("Organization")
    is_type_of = views(OrganizationRow)
    version: int = strawberry.field(
        description="Number that grows with every change; pass it as `expectedVersion` to detect lost updates."
    )
    name: str = strawberry.field(description="Name of the organization.")
    time_zone: str = strawberry.field(
        description="IANA name of the time zone in which days begin and schedules are shown."
    )
    sends_invitations: bool = strawberry.field(
        description="Whether new users get an invitation mail unless the request says otherwise."
    )
    idle_timeout_minutes: int = strawberry.field(
        description="Minutes without activity after which a session ends on every surface."
    )

    coverage_rule: CoverageRule = strawberry.field(
        description="What happens when a change would leave a queue below its minimum of active agents."
    )

    @strawberry.field(
        graphql_type=later("DesktopProfile", "gql.profile") | None,
        description="Desktop profile of users who have none of their own and whose site has none.",
    )
    async def default_desktop_profile(self: Any, info: Info) -> DesktopProfile | None:
        return await desktop_profile_of(info.context, self.default_desktop_profile_id)


resolvable("Organization", organization_of)
