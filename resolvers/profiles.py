"""Finding user profiles and desktop profiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.permission import Permission
from models.profile import DesktopProfile, UserProfile
from models.session import Surface
from models.user import User
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.named import ThingCriteria
from repositories.profiles import (
    DESKTOP_PROFILE_IDENTITY,
    DESKTOP_PROFILES_SORTABLE,
    USER_PROFILE_IDENTITY,
    USER_PROFILES_SORTABLE,
    DesktopProfileOrderField,
    UserProfileCriteria,
    UserProfileOrderField,
)
from resolvers.context import Context
from resolvers.lists import page_of_named
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments
from resolvers.permissions import FULL_ADMINISTRATOR


async def user_profile_of(context: Context, profile_id: UUID | None) -> UserProfile | None:
    """The user profile with this id; None when there is none."""
    return None if profile_id is None else await context.loaders.load("user_profiles", profile_id, _user_profiles)


async def desktop_profile_of(context: Context, profile_id: UUID | None) -> DesktopProfile | None:
    """The desktop profile with this id; None when there is none."""
    if profile_id is None:
        return None
    return await context.loaders.load("desktop_profiles", profile_id, _desktop_profiles)


async def desktop_profile_of_user(context: Context, user: User) -> DesktopProfile | None:
    """The desktop profile that counts for a person: their own, else the site's, else the organization's (B5).

    None for somebody who is not enabled for the contact center (requirement B19).
    """
    return await context.loaders.load("desktop_profiles_of_users", user.id, _desktop_profiles_of_users)


async def page_of_user_profiles(
    context: Context,
    wanted: Nested[UserProfileCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[UserProfileOrderField]],
    arguments: PageArguments,
) -> Page[UserProfile]:
    """A page of user profiles, by name unless wished otherwise; those not in use only where asked for (B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order(
        "user profiles", wishes, USER_PROFILES_SORTABLE, UserProfileOrderField.NAME, USER_PROFILE_IDENTITY
    )
    return await page_of_named(context, lambda kept: kept.user_profiles, wanted, include_inactive, order, arguments)


async def page_of_desktop_profiles(
    context: Context,
    wanted: Nested[ThingCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[DesktopProfileOrderField]],
    arguments: PageArguments,
) -> Page[DesktopProfile]:
    """A page of desktop profiles, by name unless wished otherwise; those not in use only where asked for (B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order(
        "desktop profiles", wishes, DESKTOP_PROFILES_SORTABLE, DesktopProfileOrderField.NAME, DESKTOP_PROFILE_IDENTITY
    )
    return await page_of_named(context, lambda kept: kept.desktop_profiles, wanted, include_inactive, order, arguments)


def surfaces_of(profile: UserProfile) -> list[Surface]:
    """Where people with a profile may sign in."""
    return [surface for surface in Surface if surface.name in profile.surfaces]


def permissions_kept_by(profile: UserProfile) -> list[Permission]:
    """What a profile lets people keep of the permissions of their roles; a built-in one keeps all."""
    given = [permission for permission in Permission if permission in FULL_ADMINISTRATOR]
    return given if profile.permissions is None else [one for one in given if one.name in profile.permissions]


async def _user_profiles(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, UserProfile]:
    return await kept.user_profiles.by_id(ids)


async def _desktop_profiles(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, DesktopProfile]:
    return await kept.desktop_profiles.by_id(ids)


async def _desktop_profiles_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, DesktopProfile]:
    return await kept.desktop_profiles.of_users(ids)
