"""Licenses in the schema, their seats, and the lists of them."""

from __future__ import annotations

from datetime import date, datetime
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
from gql.directives import NULL_ONLY_ON_ERROR
from gql.enums import OrderDirection, worded
from gql.filters import (
    CONDITION,
    FilterReader,
    LicenseTypeFilterInput,
    StringFilterInput,
    all_of,
    any_of,
    nested,
    none_of,
)
from gql.info import Info
from gql.node import Node, key_argument, later, node_id, resolvable, views
from gql.words import ACTIVE, ACTIVE_CONDITION, ORDER, VERSION
from models.license import License as LicenseRow
from models.license import LicenseGrant as LicenseGrantRow
from models.license import LicenseGrantSource, LicenseGrantState, LicensePool, LicenseType
from models.user import User
from repositories.licenses import LicenseCriteria, LicenseOrderField
from resolvers import licenses
from resolvers.licenses import LicenseGrantReason
from resolvers.paging import Page
from resolvers.users import search_words, user_of

worded(
    LicenseOrderField,
    "Fields by which a list of License items can be sorted.",
    NAME="Name, regardless of case and accents.",
    TYPE="Type in the order of the enum.",
)


@strawberry.type(description="Seats of a license now.")
class LicenseSeats:
    """A view over the pool of a license."""

    @strawberry.field(graphql_type=int | None, description="Seats that may be granted, null when unlimited.")
    def pool(self: Any) -> int | None:
        seats: int | None = self.seats
        return seats

    granted: int = strawberry.field(description="Seats taken by active grants, one for each user.")

    @strawberry.field(graphql_type=int | None, description="Seats left, null when unlimited.")
    def available(self: Any) -> int | None:
        return None if self.seats is None else max(0, self.seats - self.granted)


@strawberry.type(description="Seats of a license on one day.")
class SeatUsageDay:
    """A view over `resolvers.licenses.SeatUsageDay`."""

    date: date = strawberry.field(description="The day.")
    granted: int = strawberry.field(description="Seats granted when the day ended, or now for today.")
    peak: int = strawberry.field(description="Most seats granted at the same time on that day.")
    pool: int | None = strawberry.field(
        description="Seats that could be granted when the day ended, null when unlimited."
    )


@strawberry.type(description="The grant of a license to a user.")
class LicenseGrant(Node):
    """A view over a grant."""

    id = node_id("LicenseGrant")
    is_type_of = views(LicenseGrantRow)

    @strawberry.field(graphql_type=later("User", "gql.user") | None, description="User who holds the license.")
    async def user(self: Any, info: Info) -> User | None:
        return await user_of(info.context, self.user_id)

    @strawberry.field(graphql_type=later("License", "gql.license") | None, description="License that is held.")
    async def license(self: Any, info: Info) -> LicenseRow | None:
        return await licenses.license_of_grant(info.context, self)

    state: LicenseGrantState = strawberry.field(
        description="Whether the grant takes a seat; deactivation suspends it, reactivation makes it active again."
    )
    source: LicenseGrantSource = strawberry.field(description="Where the grant comes from.")

    @strawberry.field(graphql_type=bool, description="Whether this grant makes the effective license of the user.")
    async def decisive(self: Any, info: Info) -> bool:
        return await licenses.reason_of_grant(info.context, self) in licenses.DECISIVE

    @strawberry.field(graphql_type=LicenseGrantReason, description="Why the grant is decisive or is not.")
    async def reason(self: Any, info: Info) -> LicenseGrantReason:
        return await licenses.reason_of_grant(info.context, self)

    assigned_at: datetime = strawberry.field(description="When the grant was made.")


LicenseGrantConnection = connection("LicenseGrant", LicenseGrant)
resolvable("LicenseGrant", licenses.grant_of)


@strawberry.type(description="A kind of license with a number of seats.")
class License(Node):
    """A view over a license."""

    id = node_id("License")
    is_type_of = views(LicenseRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description="Name of the license.")
    type: LicenseType = strawberry.field(description="Type of the license.")
    active: bool = strawberry.field(description=ACTIVE)

    @strawberry.field(
        graphql_type=LicenseSeats | None,
        description="Seats of the license now, null for callers without LICENSES_READ.",
    )
    async def seats(self: Any, info: Info) -> LicensePool | None:
        return await licenses.seats_of(info.context, self)

    @strawberry.field(
        graphql_type=list[SeatUsageDay] | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Seats of the license day by day in the time zone of the organization, the earliest first, at most "
        "366 days; days that have not begun are left out. Empty for callers without LICENSES_READ.",
    )
    async def seat_usage(
        self: Any,
        info: Info,
        first: Annotated[date, strawberry.argument(name="from", description="First day.")],
        last: Annotated[date, strawberry.argument(name="to", description="Last day, included.")],
    ) -> list[licenses.SeatUsageDay]:
        return await licenses.seat_usage_of(info.context, self, first, last)

    @strawberry.field(
        graphql_type=LicenseGrantConnection | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Grants of the license, suspended ones included and last. Callers without LICENSES_READ see none "
        "but their own.",
    )
    async def grants(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[LicenseGrantRow]:
        return await licenses.grants_of_license(info.context, self, page_arguments(first, after, last, before))


LicenseConnection = connection("License", License)
resolvable("License", licenses.license_of)


@strawberry.input(description=CONDITION.format("licenses"))
class LicenseFilterInput:
    and_: list[LicenseFilterInput] | None = all_of()
    or_: list[LicenseFilterInput] | None = any_of()
    not_: LicenseFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")
    type: LicenseTypeFilterInput | None = strawberry.field(default=UNSET, description="Condition on the type.")
    has_available_seats: bool | None = strawberry.field(default=UNSET, description="Whether a seat is left.")

    def criteria(self, reader: FilterReader) -> LicenseCriteria:
        """Which licenses are wanted, as far as the object itself says."""
        return LicenseCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
            type=reader.choice("type", self.type),
            has_available_seats=reader.flag("hasAvailableSeats", self.has_available_seats),
        )


@strawberry.input(description=ORDER.format("License"))
class LicenseOrderInput:
    field: LicenseOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class LicenseQueries:
    """Root fields about licenses."""

    @strawberry.field(graphql_type=License | None, description="License with this id, null when it does not exist.")
    async def license(self: Any, info: Info, id: GlobalId) -> LicenseRow | None:
        return await licenses.required_license_of(info.context, key_argument(id, "License"))

    @strawberry.field(graphql_type=LicenseConnection | None, description="Licenses, by default sorted by name.")
    async def licenses(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[
            LicenseFilterInput | None, strawberry.argument(description="Condition on the items.")
        ] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[LicenseOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[LicenseRow]:
        wanted = nested(filter, FilterReader.of(info.context), LicenseCriteria)
        return await licenses.page(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
