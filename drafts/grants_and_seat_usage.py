import re
def sub(path, old, new, count=1):
    t=open(path).read(); assert old in t, (path, old); open(path,'w').write(t.replace(old,new,count))
# Only sources that occur
sub('repositories/sight.py','''def visible_operations(''','''def visible_grants(sight: Sight) -> ColumnElement[bool]:
    """License grants that the caller sees: all with LICENSES_READ, else their own."""
    if sight.licenses:
        return true()
    return _grants.user_id == sight.user_id if sight.user_id else false()


def visible_operations(''')
sub('repositories/sight.py','from models.operation import BulkOperation\n','from models.license import LicenseGrant\nfrom models.operation import BulkOperation\n')
sub('repositories/sight.py','_operations = table_of(BulkOperation).c\n','_operations = table_of(BulkOperation).c\n_grants = table_of(LicenseGrant).c\n')

sub('repositories/licenses.py','''    def _visible(self)''','''    async def grants_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, LicenseGrant]:
        """The grants with these ids that the caller sees."""
        found = await self._connection.execute(
            select(*columns(LicenseGrant)).where(
                self._ours(LicenseGrant), _grants.id.in_(ids), visible_grants(self._sight)
            )
        )
        return {grant.id: grant for grant in light(LicenseGrant, found)}

    async def grants_of_users(self, ids: Collection[UUID]) -> Mapping[UUID, list[RankedGrant]]:
        """Grants of people that the caller sees, each person's best one first.

        The first active one makes the effective license (`effective`): the higher type, then the name of the license,
        then the time.
        """
        found = await self._connection.execute(
            select(_licenses.type, *columns(LicenseGrant))
            .join_from(table_of(LicenseGrant), table_of(License), _licenses.id == _grants.license_id)
            .where(self._ours(LicenseGrant), _grants.user_id.in_(ids), visible_grants(self._sight))
            .order_by(_licenses.type.desc(), _licenses.name_key, _grants.assigned_at, _grants.id)
        )
        grants: dict[UUID, list[RankedGrant]] = {}
        for row in found:
            grant = light_after(LicenseGrant, row, 1)
            grants.setdefault(grant.user_id, []).append(RankedGrant(row[0], grant))
        return grants

    async def grants_of_licenses(
        self, ids: Collection[UUID], order: Order, part: Slice
    ) -> dict[UUID, list[LicenseGrant]]:
        """Grants of each license that the caller sees."""
        where = (self._ours(LicenseGrant), visible_grants(self._sight))
        return await slices(
            self._connection, LicenseGrant, table_of(LicenseGrant), _grants.license_id, ids, order, part, *where
        )

    async def count_grants_of_licenses(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """How many grants of each license the caller sees."""
        where = (self._ours(LicenseGrant), visible_grants(self._sight))
        return await counts(self._connection, table_of(LicenseGrant), _grants.license_id, ids, *where)

    async def held(self, ids: Collection[UUID]) -> Mapping[UUID, License]:
        """The licenses with these ids: who sees the grant of a license sees the license."""
        found = await self._connection.execute(
            select(*columns(License)).where(self._ours(License), _licenses.id.in_(ids))
        )
        return {license.id: license for license in light(License, found)}

    async def usage(self, ids: Collection[UUID], days: Sequence[datetime]) -> Mapping[UUID, Mapping[int, Usage]]:
        """What the ledger has about the seats of each license within spans of time.

        Args:
            days: Instants in ascending order: span 0 lies before the first, span n begins with the nth, and the last
                one has no end.

        Returns:
            Usage by license and span; spans in which nothing changed are absent.
        """
        begins = [EPOCH, *days]
        spans = (
            values(column("span", Integer), column("begins", Instant()), column("ends", Instant()), name="spans")
            .data([(span, begin, end) for span, (begin, end) in enumerate(zip(begins, [*days, NEVER], strict=True))])
            .cte("spans")
        )
        within = (
            select(
                _ledger.license_id,
                spans.c.span,
                func.max(_ledger.granted_after).label("peak"),
                func.min(_ledger.sequence).label("first"),
                func.max(_ledger.sequence).label("last"),
            )
            .join_from(
                table_of(SeatLedgerEntry), spans, and_(_ledger.at >= spans.c.begins, _ledger.at < spans.c.ends)
            )
            .where(
                self._ours(SeatLedgerEntry),
                _ledger.license_id.in_(ids),
                true() if self._sight.licenses else false(),
            )
            .group_by(_ledger.license_id, spans.c.span)
            .subquery()
        )
        first, last = table_of(SeatLedgerEntry).alias("first"), table_of(SeatLedgerEntry).alias("last")
        found = await self._connection.execute(
            select(
                within.c.license_id,
                within.c.span,
                within.c.peak,
                last.c.granted_after,
                first.c.pool.label("pool_before"),
                last.c.pool,
            )
            .join_from(within, first, first.c.sequence == within.c.first)
            .join(last, last.c.sequence == within.c.last)
        )
        usage: dict[UUID, dict[int, Usage]] = {}
        for row in found:
            usage.setdefault(row.license_id, {})[row.span] = Usage(
                row.peak, row.granted_after, row.pool_before, row.pool
            )
        return usage

    def _visible(self)''')
sub('repositories/licenses.py','from collections.abc import Collection, Mapping\nfrom dataclasses import dataclass\n','from collections.abc import Collection, Mapping, Sequence\nfrom dataclasses import dataclass\nfrom datetime import UTC, datetime\n')
t=open('repositories/licenses.py').read()
m=re.search(r'from sqlalchemy import ([^\n]*)\n',t)
have=set(m.group(1).split(', '))|{'Integer','column','func','values'}
t=t.replace(m.group(0),'from sqlalchemy import '+', '.join(sorted(have,key=lambda s:(not s[0].isupper(),s)))+'\n')
t=t.replace('LicenseGrantState, LicensePool, LicenseType\n','LicenseGrantState, LicensePool, LicenseType, SeatLedgerEntry\n')
t=t.replace('from models.storage import table_of\n','from models.storage import EPOCH, Instant, table_of\n')
t=t.replace('from repositories.keyset import SortKey\n','from repositories.edges import counts, slices\nfrom repositories.keyset import Order, Slice, SortKey, ordered_by\n')
t=t.replace('from repositories.rows import columns, light, light_after\n','from repositories.rows import columns, light, light_after\nfrom repositories.sight import visible_grants\n')
t=t.replace('_users = table_of(User).c\n','''_users = table_of(User).c
_ledger = table_of(SeatLedgerEntry).c

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
# As the index has them: active ones first, and in each state the people who came first.
GRANTS_IN_ORDER = ordered_by(
    "grants",
    [SortKey("state", _grants.state, kind="enum"), SortKey("user_id", _grants.user_id, kind="key")],
    _grants.id,
)
''',1)
t=t.replace('''class LicenseRepository(''','''@dataclass(frozen=True, slots=True)
class RankedGrant:
    """A grant with the type of its license."""

    type: LicenseType
    grant: LicenseGrant


@dataclass(frozen=True, slots=True)
class Usage:
    """What happened to the seats of a license in a span of time.

    Attributes:
        peak: Most seats granted after any change in it.
        granted: Seats granted when it ended.
        pool_before: Seats that there were with the first change in it; None when unlimited.
        pool: Seats that there were with the last one.
    """

    peak: int
    granted: int
    pool_before: int | None
    pool: int | None


class LicenseRepository(''',1)
open('repositories/licenses.py','w').write(t)

# resolvers
t=open('resolvers/licenses.py').read()
t=t.replace('"""Finding licenses, their seats, and which one counts for a person."""','"""Finding licenses, their seats now and day by day, who holds them, and which one counts for a person."""')
t=t.replace('from dataclasses import replace\nfrom uuid import UUID\n','from dataclasses import dataclass, replace\nfrom datetime import date, datetime, time, timedelta\nfrom enum import Enum\nfrom uuid import UUID\nfrom zoneinfo import ZoneInfo\n')
t=t.replace('from models.license import License, LicensePool\n','from models.license import License, LicenseGrant, LicenseGrantState, LicensePool\n')
t=t.replace('from models.permission import Permission\n','from models.permission import Permission\nfrom models.storage import EPOCH\n')
t=re.sub(r'from repositories.licenses import [^\n]*\n','''from repositories.licenses import (
    GRANTS_IN_ORDER,
    LICENSE_IDENTITY,
    LICENSES_SORTABLE,
    LicenseCriteria,
    LicenseOrderField,
    RankedGrant,
    Usage,
)
''',t)
t=t.replace('from resolvers.lists import page_of_list\n','from resolvers.lists import page_of_list, page_of_parent\nfrom resolvers.organizations import organization_of\n')
t=t.replace('from resolvers.paging import Page, PageArguments\n','''from resolvers.paging import Page, PageArguments
from resolvers.refusals import BadInput

MAX_DAYS = 366


class LicenseGrantReason(Enum):
    """Why a grant makes the effective license of its holder, or does not (requirements D1, Z11)."""

    ONLY_GRANT = "ONLY_GRANT"
    PREMIUM_WINS = "PREMIUM_WINS"
    EARLIEST_GRANT = "EARLIEST_GRANT"
    OUTRANKED = "OUTRANKED"
    SUSPENDED = "SUSPENDED"


DECISIVE = frozenset(
    {LicenseGrantReason.ONLY_GRANT, LicenseGrantReason.PREMIUM_WINS, LicenseGrantReason.EARLIEST_GRANT}
)


@dataclass(frozen=True, slots=True)
class SeatUsageDay:
    """Seats of a license on one day.

    Attributes:
        granted: When the day ended, or now for today.
        peak: Most at the same time on that day.
        pool: Seats that there were when it ended; None when unlimited.
    """

    date: date
    granted: int
    peak: int
    pool: int | None
''',1)
t=t.replace('''async def _by_id(kept''','''async def grant_of(context: Context, grant_id: UUID | None) -> LicenseGrant | None:
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
    """Why a grant is decisive among all of the same person, the best first, or is not."""
    active = [each for each in ranked if each.grant.state is LicenseGrantState.ACTIVE]
    if grant.id not in {each.grant.id for each in active}:
        return LicenseGrantReason.SUSPENDED
    best, *others = active
    if grant.id != best.grant.id:
        return LicenseGrantReason.OUTRANKED
    if not others:
        return LicenseGrantReason.ONLY_GRANT
    outranked = any(each.type is not best.type for each in others)
    return LicenseGrantReason.PREMIUM_WINS if outranked else LicenseGrantReason.EARLIEST_GRANT


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
    """Seats of a license from day to day in the time zone of the organization, none of a day that has not begun.

    A day without a change is as the one before it. Nothing for who does not hold LICENSES_READ.

    Raises:
        BadInput: The last day is before the first, or there are more than 366.
    """
    if last < first:
        raise BadInput("The last day is before the first.", ("to",))
    if (last - first).days >= MAX_DAYS:
        raise BadInput(f"At most {MAX_DAYS} days are told.", ("to",), limit=MAX_DAYS)
    organization = await organization_of(context)
    assert organization is not None
    zone = ZoneInfo(organization.time_zone)
    last = min(last, context.now().astimezone(zone).date())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if not days:
        return []
    bounds = tuple(_midnight(day, zone) for day in days) + (_midnight(days[-1] + timedelta(days=1), zone),)

    async def fetch(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Mapping[int, Usage]]:
        return await kept.licenses.usage(ids, bounds)

    pool = await seats_of(context, license)
    if pool is None:
        return []
    usage = await context.loaders.load("usage_of_licenses", license.id, fetch, first, last) or {}
    return _carried(days, usage, pool.seats)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; before 1970 there is nothing to tell apart, and the calendar has an end."""
    return EPOCH if day.year < 1970 else datetime.combine(day, time.min, zone)


def _carried(days: Sequence[date], usage: Mapping[int, Usage], seats_now: int | None) -> list[SeatUsageDay]:
    """Each day, with what the day before left where nothing changed.

    Args:
        usage: By span: 0 lies before the first day, the days follow, and the last one is after them.
    """
    known = usage.get(min(usage)) if usage else None
    granted, pool = 0, seats_now if known is None else known.pool_before
    if before := usage.get(0):
        granted, pool = before.granted, before.pool
    told = []
    for span, day in enumerate(days, start=1):
        peak = granted
        if changed := usage.get(span):
            peak = max(granted, changed.peak)
            granted, pool = changed.granted, changed.pool
        told.append(SeatUsageDay(day, granted, peak, pool))
    return told


async def _grants_by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, LicenseGrant]:
    return await kept.licenses.grants_by_id(ids)


async def _grants_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[RankedGrant]]:
    return await kept.licenses.grants_of_users(ids)


async def _held(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, License]:
    return await kept.licenses.held(ids)


async def _by_id(kept''',1)
open('resolvers/licenses.py','w').write(t)

# gql
sub('gql/ids.py','    "License": b"LI",\n','    "License": b"LI",\n    "LicenseGrant": b"LG",\n')
sub('gql/enums.py','from models.license import LicenseType\n','from models.license import LicenseGrantSource, LicenseGrantState, LicenseType\n')
sub('gql/enums.py','from resolvers.actions import UserAction\n','from resolvers.actions import UserAction\nfrom resolvers.licenses import LicenseGrantReason\n')
sub('gql/enums.py','''worded(
    Permission,''','''worded(
    LicenseGrantState,
    "State of a license grant.",
    ACTIVE="Takes a seat and counts for the user.",
    SUSPENDED="Remembered while the user is deactivated; takes no seat.",
)
worded(
    LicenseGrantSource,
    "Where the grant of a license comes from.",
    MANUAL="Assigned by hand or through this API.",
)
worded(
    LicenseGrantReason,
    "Why a license grant makes the effective license of the user or does not.",
    ONLY_GRANT="It counts: it is the only active grant of the user.",
    PREMIUM_WINS="It counts: it is for PREMIUM_AGENT, which wins over STANDARD_AGENT.",
    EARLIEST_GRANT="It counts: it is the earliest of several grants of the same license.",
    OUTRANKED="It does not count: another grant of the user does.",
    SUSPENDED="It does not count: it is suspended.",
)
worded(
    Permission,''')
t=open('gql/license.py').read()
t=t.replace('''@strawberry.type(description="A kind of license with a number of seats.")''','''@strawberry.type(description="Seats of a license on one day.")
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

    @strawberry.field(
        graphql_type=bool, description="Whether this grant makes the effective license of the user."
    )
    async def decisive(self: Any, info: Info) -> bool:
        return await licenses.reason_of_grant(info.context, self) in licenses.DECISIVE

    @strawberry.field(graphql_type=LicenseGrantReason, description="Why the grant is decisive or is not.")
    async def reason(self: Any, info: Info) -> LicenseGrantReason:
        return await licenses.reason_of_grant(info.context, self)

    assigned_at: datetime = strawberry.field(description="When the grant was made.")


LicenseGrantConnection = connection("LicenseGrant", LicenseGrant)
resolvable("LicenseGrant", licenses.grant_of)


@strawberry.type(description="A kind of license with a number of seats.")''',1)
t=t.replace('''        return await licenses.seats_of(info.context, self)

''','''        return await licenses.seats_of(info.context, self)

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
        description="Grants of the license, suspended ones included and last. Callers without LICENSES_READ see their "
        "own.",
    )
    async def grants(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[LicenseGrantRow]:
        return await licenses.grants_of_license(info.context, self, page_arguments(first, after, last, before))

''',1)
t=t.replace('from dataclasses import replace\n','from dataclasses import replace\nfrom datetime import date, datetime\n') if 'from dataclasses import replace\n' in t else t.replace('from typing import','from datetime import date, datetime\nfrom typing import',1)
t=t.replace('from gql.connection import connection\n','from gql.connection import connection\nfrom gql.directives import NULL_ONLY_ON_ERROR\n')
t=t.replace('from gql.node import Node, key_argument, node_id,','from gql.node import Node, key_argument, later, node_id,')
t=t.replace('from models.license import License as LicenseRow\nfrom models.license import LicensePool, LicenseType\n','from models.license import License as LicenseRow\nfrom models.license import LicenseGrant as LicenseGrantRow\nfrom models.license import LicenseGrantSource, LicenseGrantState, LicensePool, LicenseType\nfrom models.user import User\n')
t=t.replace('from resolvers import licenses\n','from resolvers import licenses\nfrom resolvers.licenses import LicenseGrantReason\n')
t=t.replace('from resolvers.users import search_words\n','from resolvers.users import search_words, user_of\n')
open('gql/license.py','w').write(t)
t=open('gql/user.py').read()
t=t.replace('''    @strawberry.field(
        graphql_type=later("License", "gql.license") | None,
        description="License that counts''','''    @strawberry.field(
        graphql_type=list[later("LicenseGrant", "gql.license")] | None,  # type: ignore[misc]
        directives=NULL_ONLY_ON_ERROR,
        description="Licenses granted to the user, suspended ones included, a short list. Empty for callers without "
        "LICENSES_READ, who see their own.",
    )
    async def license_grants(self: Any, info: Info) -> list[LicenseGrant]:
        return await licenses.grants_of_user(info.context, self)

    @strawberry.field(
        graphql_type=later("License", "gql.license") | None,
        description="License that counts''',1)
t=t.replace('from models.license import License','from models.license import License, LicenseGrant',1)
open('gql/user.py','w').write(t)
sub('gql/scalars.py','from datetime import UTC, datetime\n','from datetime import UTC, date, datetime\n')
sub('gql/scalars.py','def print_instant(','_DAY = re.compile(r"\\d{4}-\\d\\d-\\d\\d", re.ASCII)\n\n\ndef print_instant(')
open('gql/scalars.py','a').write('''

def print_day(value: date) -> str:
    """YYYY-MM-DD."""
    return value.isoformat()


def parse_day(value: Any) -> date:
    """A day of the calendar; weeks, ordinal days and short forms are refused."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError("A day is written as YYYY-MM-DD, for example 2026-11-24.")
''')
t=open('gql/schema.py').read()
t=t.replace('from datetime import datetime\n','from datetime import date, datetime\n').replace('import parse_instant, print_instant','import parse_day, parse_instant, print_day, print_instant')
t=t.replace('''schema = strawberry.Schema(''','''Date = strawberry.scalar(
    name="Date",
    serialize=print_day,
    parse_value=parse_day,
    specified_by_url="https://scalars.graphql.org/andimarek/local-date",
    description="Day of the calendar without a time zone, written as YYYY-MM-DD.",
)

schema = strawberry.Schema(''',1).replace('scalar_map={datetime: DateTime}','scalar_map={datetime: DateTime, date: Date}')
open('gql/schema.py','w').write(t)
