"""User profiles and desktop profiles in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import gql.enums  # noqa: F401  (gives the enums their words, before a type shows one)
from gql.node import Node, node_id, resolvable, views
from gql.words import ACTIVE, DESCRIPTION, NAME, VERSION
from models.permission import Permission
from models.profile import DesktopProfile as DesktopProfileRow
from models.profile import UserProfile as UserProfileRow
from models.profile import UserProfileKind
from models.session import Surface
from resolvers import profiles


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


resolvable("UserProfile", profiles.user_profile_of)
resolvable("DesktopProfile", profiles.desktop_profile_of)
