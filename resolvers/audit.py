"""Finding what was done, for who holds AUDIT_READ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from models.audit import AuditEvent
from models.permission import Permission
from models.user import User
from repositories.audit import EVENTS_LATEST_FIRST, EVENTS_OLDEST_FIRST, AuditEventCriteria
from repositories.audit_chain import EVERY_SEQUENCE
from repositories.kept import Kept
from repositories.keyset import Slice
from resolvers.context import Context
from resolvers.lists import page_of_list, page_of_parent
from resolvers.paging import Page, PageArguments


@dataclass(frozen=True, slots=True)
class Changed:
    """One changed field, its values as text."""

    field: str
    before: str | None
    after: str | None


async def audit_event_of(context: Context, event_id: UUID | None) -> AuditEvent | None:
    """The audit event with this id; None when there is none or the caller may read none."""
    return None if event_id is None else await context.loaders.load("audit_events", event_id, _by_id)


async def page(
    context: Context, criteria: AuditEventCriteria, arguments: PageArguments, *, oldest_first: bool = False
) -> Page[AuditEvent]:
    """A page of audit events, the latest first, or the oldest first: a feed that misses nothing (rule S1).

    The feed ends where a change that has not ended yet could still put something in, so that no cursor of it lies
    behind an event that appears later (decision 24).

    Raises:
        NotPermitted: The caller may read none.
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    context.require(Permission.AUDIT_READ)

    order = EVENTS_OLDEST_FIRST if oldest_first else EVENTS_LATEST_FIRST

    async def horizon(kept: Kept) -> int:
        return await kept.audit.horizon() if oldest_first else EVERY_SEQUENCE

    async def fetch(kept: Kept, part: Slice) -> list[AuditEvent]:
        return await kept.audit.listed(criteria, order, part, await horizon(kept))

    async def count(kept: Kept, limit: int) -> int:
        return await kept.audit.count(criteria, limit, await horizon(kept))

    return await page_of_list(context, order, arguments, fetch, count)


async def events_of_user(context: Context, user: User, arguments: PageArguments) -> Page[AuditEvent]:
    """What was recorded about a person, the latest first; empty for who may read no audit events."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[AuditEvent]]:
        return await kept.audit.of_targets(ids, EVENTS_LATEST_FIRST, part)

    return await page_of_parent(
        context, "events_of_users", user.id, EVENTS_LATEST_FIRST, arguments, fetch, _count_of_targets
    )


def changes_of(event: AuditEvent) -> list[Changed]:
    """What changed, as it was recorded."""
    return [Changed(*one) for one in event.changes]


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, AuditEvent]:
    return await kept.audit.by_id(ids)


async def _count_of_targets(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.audit.count_of_targets(ids)
