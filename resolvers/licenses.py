"""Finding licenses, their seats now and day by day, who holds them, and which one counts for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from models.license import License, LicenseGrant, LicenseGrantState, LicensePool
from models.permission import Permission
from models.storage import EPOCH
from models.user import User
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.licenses import (
    GRANTS_IN_ORDER,
    LICENSE_IDENTITY,
    LICENSES_SORTABLE,
    LicenseCriteria,
    LicenseOrderField,
    RankedGrant,
    Usage,
)
from resolvers.context import Context
from resolvers.limits import MAX_SEAT_USAGE_DAYS
from resolvers.lists import page_of_named, page_of_parent
from resolvers.orders import Wish, chosen_order
from resolvers.organizations import organization_of
from resolvers.paging import Page, PageArguments
from resolvers.refusals import BadInput


class LicenseGrantReason(Enum):
    """Why a grant makes the effective license of its holder, or does not (requirements D1, Z11)."""

    ONLY_GRANT = "ONLY_GRANT"
    PREMIUM_WINS = "PREMIUM_WINS"
    OUTRANKED = "OUTRANKED"
    SUSPENDED = "SUSPENDED"


DECISIVE = frozenset({LicenseGrantReason.ONLY_GRANT, LicenseGrantReason.PREMIUM_WINS})


@dataclass(frozen=True, slots=True)
class SeatUsageDay:
    """Seats of a license on one day.

    Attributes:
        granted: When the day ended, or now for today.
        peak: Most at the same time on that day.
        pool: Seats that there were at that time; None when unlimited.
    """

    date: date
    granted: int
    peak: int
    pool: int | None


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


async def grant_of(context: Context, grant_id: UUID | None) -> LicenseGrant | None:
    """The grant with this id; None when there is none, or for who neither holds it nor LICENSES_READ."""
    return None if grant_id is None else await context.loaders.load("license_grants", grant_id, _grants_by_id)


async def grants_of_user(context: Context, user: User) -> list[LicenseGrant]:
    """Grants of a person, the best first, suspended ones included; nothing for who may not see them."""
    ranked = await context.loaders.load("grants_of_users", user.id, _grants_of_users) or []
    return [each.grant for each in ranked]


async def reason_of_grant(context: Context, grant: LicenseGrant) -> LicenseGrantReason:
    """Why a grant makes the effective license of its holder, or does not."""
    ranked = await context.loaders.load("grants_of_users", grant.user_id, _grants_of_users) or []
    return explained(grant, ranked)


def explained(grant: LicenseGrant, ranked: Sequence[RankedGrant]) -> LicenseGrantReason:
    """Why a grant is decisive among those of the same person, the best first, or is not.

    A person has one grant of a license, and there is one license of each type: nothing but the type decides.
    """
    active = [each for each in ranked if each.grant.state is LicenseGrantState.ACTIVE]
    if all(each.grant.id != grant.id for each in active):
        return LicenseGrantReason.SUSPENDED
    best, *others = active
    if grant.id != best.grant.id:
        return LicenseGrantReason.OUTRANKED
    wins = any(each.type is not best.type for each in others)
    return LicenseGrantReason.PREMIUM_WINS if wins else LicenseGrantReason.ONLY_GRANT


async def license_of_grant(context: Context, grant: LicenseGrant) -> License | None:
    """The license that is held; who sees the grant sees it."""
    return await context.loaders.load("licenses_of_grants", grant.license_id, _held)


async def grants_of_license(context: Context, license: License, arguments: PageArguments) -> Page[LicenseGrant]:
    """A page of the grants of a license, the active ones first."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[LicenseGrant]]:
        return await kept.licenses.grants_of_licenses(ids, GRANTS_IN_ORDER, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.licenses.count_grants_of_licenses(ids)

    return await page_of_parent(context, "grants_of_licenses", license.id, GRANTS_IN_ORDER, arguments, fetch, count)


async def seat_usage_of(context: Context, license: License, first: date, last: date) -> list[SeatUsageDay]:
    """Seats of a license from day to day in the time zone of the organization, without days that have not begun.

    Nothing for who does not hold LICENSES_READ.

    Raises:
        BadInput: The last day is before the first, or there are too many.
    """
    if last < first:
        raise BadInput("The last day is before the first.", ("to",))
    number = (last - first).days + 1
    if number > MAX_SEAT_USAGE_DAYS:
        words = f"At most {MAX_SEAT_USAGE_DAYS} days are told; {number:,} were asked for."
        raise BadInput(words, ("to",), limit=MAX_SEAT_USAGE_DAYS)
    organization = await organization_of(context)
    assert organization is not None
    zone = ZoneInfo(organization.time_zone)
    today = context.now().astimezone(zone).date()
    days = [day for each in range(number) if (day := first + timedelta(days=each)) <= today]
    if not days:
        return []
    bounds = [_midnight(day, zone) for day in [*days, days[-1] + timedelta(days=1)]]

    async def fetch(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Usage]:
        return await kept.licenses.usage(ids, bounds)

    usage = await context.loaders.load("usage_of_licenses", license.id, fetch, first, last)
    return [] if usage is None else _day_by_day(days, usage)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; before 1970 there is nothing to tell apart."""
    return EPOCH if day.year < EPOCH.year else datetime.combine(day, time.min, zone)


def _day_by_day(days: Sequence[date], usage: Usage) -> list[SeatUsageDay]:
    """Each day; one on which nothing changed is as the one before left it."""
    seats = usage.before
    told = []
    for place, day in enumerate(days):
        at_first = seats.granted
        seats = usage.after.get(place, replace(seats, peak=at_first))
        told.append(SeatUsageDay(day, seats.granted, max(at_first, seats.peak), seats.pool))
    return told


async def _grants_by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, LicenseGrant]:
    return await kept.licenses.grants_by_id(ids)


async def _grants_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[RankedGrant]]:
    return await kept.licenses.grants_of_users(ids)


async def _held(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.held(ids)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.by_id(ids)


async def _seats(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, LicensePool]:
    return await kept.licenses.seats(ids)


async def _effective(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.effective(ids)
