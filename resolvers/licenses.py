"""Finding licenses, their seats, and which one counts for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.license import License, LicensePool
from models.permission import Permission
from models.user import User
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.licenses import LICENSE_IDENTITY, LICENSES_SORTABLE, LicenseCriteria, LicenseOrderField
from resolvers.context import Context
from resolvers.lists import page_of_named
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments


async def license_of(context: Context, license_id: UUID | None) -> License | None:
    """The license with this id; None when there is none, or for who does not hold LICENSES_READ."""
    return None if license_id is None else await context.loaders.load("licenses", license_id, _by_id)


async def required_license_of(context: Context, license_id: UUID) -> License | None:
    """The same, at the root.

    Raises:
        NotPermitted: The caller may not read licenses.
    """
    context.require(Permission.LICENSES_READ)
    return await license_of(context, license_id)


async def page(
    context: Context,
    wanted: Nested[LicenseCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[LicenseOrderField]],
    arguments: PageArguments,
) -> Page[License]:
    """A page of licenses, by name unless wished otherwise; those not in use only where asked for (requirement B7).

    Raises:
        NotPermitted: The caller may not read licenses.
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    context.require(Permission.LICENSES_READ)
    order = chosen_order("licenses", wishes, LICENSES_SORTABLE, LicenseOrderField.NAME, LICENSE_IDENTITY)
    return await page_of_named(context, lambda kept: kept.licenses, wanted, include_inactive, order, arguments)


async def seats_of(context: Context, license: License) -> LicensePool | None:
    """Seats of a license; None for who does not hold LICENSES_READ."""
    return await context.loaders.load("seats_of_licenses", license.id, _seats)


async def effective_license_of(context: Context, user: User) -> License | None:
    """The license that counts for a person; None while not active, or without an active grant (D1, E3)."""
    return await context.loaders.load("effective_licenses_of_users", user.id, _effective)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.by_id(ids)


async def _seats(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, LicensePool]:
    return await kept.licenses.seats(ids)


async def _effective(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.effective(ids)
