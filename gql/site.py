"""Sites in the schema, and the lists of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import (
    After,
    Before,
    First,
    GlobalId,
    IncludeInactive,
    Last,
    NameSearch,
    given,
    page_arguments,
    wishes,
)
from gql.connection import connection
from gql.enums import OrderDirection, worded
from gql.filters import CONDITION, FilterReader, StringFilterInput, all_of, any_of, nested, none_of
from gql.info import Info
from gql.node import Node, key_argument, later, node_id, resolvable, views
from gql.words import ACTIVE, ACTIVE_CONDITION, DESCRIPTION, NAME, ORDER, VERSION
from models.profile import DesktopProfile
from models.site import Site as SiteRow
from repositories.named import ThingCriteria
from repositories.sites import SiteOrderField
from resolvers import profiles, sites
from resolvers.paging import Page
from resolvers.users import search_words

worded(
    SiteOrderField,
    "Fields by which a list of Site items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)


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


SiteConnection = connection("Site", Site)
resolvable("Site", sites.site_of)


@strawberry.input(description=CONDITION.format("sites"))
class SiteFilterInput:
    and_: list[SiteFilterInput] | None = all_of()
    or_: list[SiteFilterInput] | None = any_of()
    not_: SiteFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")

    def criteria(self, reader: FilterReader) -> ThingCriteria:
        """Which sites are wanted, as far as the object itself says."""
        return ThingCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
        )


@strawberry.input(description=ORDER.format("Site"))
class SiteOrderInput:
    field: SiteOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class SiteQueries:
    """Root fields about sites."""

    @strawberry.field(graphql_type=Site | None, description="Site with this id, null when it does not exist.")
    async def site(self: Any, info: Info, id: GlobalId) -> SiteRow | None:
        return await sites.site_of(info.context, key_argument(id, "Site"))

    @strawberry.field(graphql_type=SiteConnection | None, description="Sites, by default sorted by name.")
    async def sites(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[SiteFilterInput | None, strawberry.argument(description="Condition on the items.")] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[SiteOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[SiteRow]:
        wanted = nested(filter, FilterReader.of(info.context), ThingCriteria)
        return await sites.page(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
