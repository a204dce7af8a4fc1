"""User profiles and desktop profiles in the schema, and the lists of them."""

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
from gql.filters import (
    CONDITION,
    FilterReader,
    StringFilterInput,
    UserProfileKindFilterInput,
    all_of,
    any_of,
    nested,
    none_of,
)
from gql.info import Info
from gql.node import Node, key_argument, node_id, resolvable, views
from gql.words import ACTIVE, ACTIVE_CONDITION, DESCRIPTION, NAME, ORDER, VERSION
from models.permission import Permission
from models.profile import DesktopProfile as DesktopProfileRow
from models.profile import UserProfile as UserProfileRow
from models.profile import UserProfileKind
from models.session import Surface
from repositories.named import ThingCriteria
from repositories.profiles import DesktopProfileOrderField, UserProfileCriteria, UserProfileOrderField
from resolvers import profiles
from resolvers.paging import Page
from resolvers.users import search_words

worded(
    UserProfileOrderField,
    "Fields by which a list of UserProfile items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)
worded(
    DesktopProfileOrderField,
    "Fields by which a list of DesktopProfile items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)


@strawberry.type(
    description="What the users who have it may do: where they sign in, and which permissions of their roles they keep."
)
class UserProfile(Node):
    """A view over a user profile."""

    id = node_id("UserProfile")
    is_type_of = views(UserProfileRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)
    kind: UserProfileKind = strawberry.field(
        description="Whether it is one of the built-in profiles, which are given by license and role and cannot be "
        "changed, or a custom one."
    )

    @strawberry.field(graphql_type=list[Surface], description="Surfaces on which users with the profile may sign in.")
    def surfaces(self: Any) -> list[Surface]:
        return profiles.surfaces_of(self)

    @strawberry.field(
        graphql_type=list[Permission],
        description="Permissions that users with the profile keep of those that their roles give; a profile narrows "
        "and never widens.",
    )
    def permissions(self: Any) -> list[Permission]:
        return profiles.permissions_kept_by(self)

    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


@strawberry.type(description="A named layout of the desktop.")
class DesktopProfile(Node):
    """A view over a desktop profile."""

    id = node_id("DesktopProfile")
    is_type_of = views(DesktopProfileRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


UserProfileConnection = connection("UserProfile", UserProfile)
DesktopProfileConnection = connection("DesktopProfile", DesktopProfile)
resolvable("UserProfile", profiles.user_profile_of)
resolvable("DesktopProfile", profiles.desktop_profile_of)


@strawberry.input(description=CONDITION.format("user profiles"))
class UserProfileFilterInput:
    and_: list[UserProfileFilterInput] | None = all_of()
    or_: list[UserProfileFilterInput] | None = any_of()
    not_: UserProfileFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")
    kind: UserProfileKindFilterInput | None = strawberry.field(default=UNSET, description="Condition on the kind.")

    def criteria(self, reader: FilterReader) -> UserProfileCriteria:
        """Which user profiles are wanted, as far as the object itself says."""
        return UserProfileCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
            kind=reader.choice("kind", self.kind),
        )


@strawberry.input(description=ORDER.format("UserProfile"))
class UserProfileOrderInput:
    field: UserProfileOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.input(description=CONDITION.format("desktop profiles"))
class DesktopProfileFilterInput:
    and_: list[DesktopProfileFilterInput] | None = all_of()
    or_: list[DesktopProfileFilterInput] | None = any_of()
    not_: DesktopProfileFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")

    def criteria(self, reader: FilterReader) -> ThingCriteria:
        """Which desktop profiles are wanted, as far as the object itself says."""
        return ThingCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
        )


@strawberry.input(description=ORDER.format("DesktopProfile"))
class DesktopProfileOrderInput:
    field: DesktopProfileOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class ProfileQueries:
    """Root fields about user profiles and desktop profiles."""

    @strawberry.field(
        graphql_type=UserProfile | None, description="User profile with this id, null when it does not exist."
    )
    async def user_profile(self: Any, info: Info, id: GlobalId) -> UserProfileRow | None:
        return await profiles.user_profile_of(info.context, key_argument(id, "UserProfile"))

    @strawberry.field(
        graphql_type=UserProfileConnection | None, description="User profiles, by default sorted by name."
    )
    async def user_profiles(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[
            UserProfileFilterInput | None, strawberry.argument(description="Condition on the items.")
        ] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[UserProfileOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[UserProfileRow]:
        wanted = nested(filter, FilterReader.of(info.context), UserProfileCriteria)
        return await profiles.page_of_user_profiles(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )

    @strawberry.field(
        graphql_type=DesktopProfile | None, description="Desktop profile with this id, null when it does not exist."
    )
    async def desktop_profile(self: Any, info: Info, id: GlobalId) -> DesktopProfileRow | None:
        return await profiles.desktop_profile_of(info.context, key_argument(id, "DesktopProfile"))

    @strawberry.field(
        graphql_type=DesktopProfileConnection | None, description="Desktop profiles, by default sorted by name."
    )
    async def desktop_profiles(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[
            DesktopProfileFilterInput | None, strawberry.argument(description="Condition on the items.")
        ] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[DesktopProfileOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[DesktopProfileRow]:
        wanted = nested(filter, FilterReader.of(info.context), ThingCriteria)
        return await profiles.page_of_desktop_profiles(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
