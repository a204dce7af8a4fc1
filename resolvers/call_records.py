"""Finding calls that agents took, in the reach of REPORTS_READ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.call_record import CallRecord
from models.permission import Permission
from models.user import User
from repositories.call_records import CALLS_LATEST_FIRST, CallRecordCriteria
from repositories.kept import Kept
from repositories.keyset import Slice
from resolvers.context import Context
from resolvers.lists import page_of_list, page_of_parent
from resolvers.paging import Page, PageArguments


async def call_record_of(context: Context, call_id: UUID | None) -> CallRecord | None:
    """The call record with this id; None when there is none or the caller does not see it."""
    return None if call_id is None else await context.loaders.load("call_records", call_id, _by_id)


async def page(context: Context, criteria: CallRecordCriteria, arguments: PageArguments) -> Page[CallRecord]:
    """A page of call records, the latest first.

    Raises:
        NotPermitted: The caller may read no reports.
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    context.require(Permission.REPORTS_READ)

    async def fetch(kept: Kept, part: Slice) -> list[CallRecord]:
        return await kept.call_records.listed(criteria, CALLS_LATEST_FIRST, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kept.call_records.count(criteria, limit)

    return await page_of_list(context, CALLS_LATEST_FIRST, arguments, fetch, count)


async def calls_of_user(
    context: Context, user: User, criteria: CallRecordCriteria | None, arguments: PageArguments
) -> Page[CallRecord]:
    """Call records of a person, the latest first; those that the caller sees, kept after deactivation (A6, A14)."""
    wanted = criteria or CallRecordCriteria()

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[CallRecord]]:
        return await kept.call_records.of_users(ids, wanted, CALLS_LATEST_FIRST, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.call_records.count_of_users(ids, wanted)

    return await page_of_parent(context, "calls_of_users", user.id, CALLS_LATEST_FIRST, arguments, fetch, count, wanted)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, CallRecord]:
    return await kept.call_records.by_id(ids)
