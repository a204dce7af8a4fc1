"""Sites in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from gql.info import Info
from gql.node import Node, later, node_id, resolvable, views
from gql.words import ACTIVE, DESCRIPTION, NAME, VERSION
from models.profile import DesktopProfile
from models.site import Site as SiteRow
from resolvers import profiles, sites


@strawberry.type(description="A place where users work.")
class Site(Node):
    """A view over a site."""

    id = node_id("Site")
    is_type_of = views(SiteRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)
    time_zone: str | None = strawberry.field(description="IANA name of the time zone.")

    @strawberry.field(
        graphql_type=later("DesktopProfile", "gql.profile") | None,
        description="Desktop profile of users of the site who have none of their own.",
    )
    async def default_desktop_profile(self: Any, info: Info) -> DesktopProfile | None:
        return await profiles.desktop_profile_of(info.context, self.default_desktop_profile_id)

    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


resolvable("Site", sites.site_of)
