"""Reports: what the calls of agents add up to, of deactivated and deleted ones too (requirements A6, A14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.permission import Permission
from models.user import User, UserStatus
from repositories.call_records import CallRecordCriteria, Figures
from repositories.criteria import InstantCondition, KeyCondition
from repositories.kept import Kept
from repositories.keyset import Slice, ordered_by
from repositories.users import IDENTITY, SORTABLE, UserOrderField
from resolvers.context import Context
from resolvers.lists import page_of_list
from resolvers.paging import Page, PageArguments
from resolvers.refusals import BadInput
from resolvers.users import UserQuestion

MAX_PERIOD = timedelta(days=366)
AGENTS_BY_NAME = ordered_by("agent report", [SORTABLE[UserOrderField.DISPLAY_NAME]], IDENTITY)


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """Which calls of whom a report adds up.

    Attributes:
        since: The first instant at which a call may have begun.
        until: The first instant that is too late.
        team: For which the calls were taken.
        queue: Through which they came.
    """

    since: datetime
    until: datetime
    people: UserQuestion
    team: KeyCondition | None = None
    queue: KeyCondition | None = None

    @property
    def statuses(self) -> tuple[UserStatus, ...]:
        """States of the people in the report: all, unless the filter has a condition on the state."""
        return tuple(UserStatus) if self.people.hides else self.people.statuses


async def agent_report(context: Context, question: ReportQuestion, arguments: PageArguments) -> Page[User]:
    """A page of the people who took calls in a period, by display name, with their figures beside them.

    They are people whom the caller sees, and the calls those in the reach of REPORTS_READ (decision 21).

    Raises:
        NotPermitted: The caller may read no reports.
        BadInput, BadCursor: The period ends before it begins or is too long; and see `PageArguments.slice`.
    """
    context.require(Permission.REPORTS_READ)
    if question.until < question.since:
        raise BadInput("The period ends before it begins.", ("until",))
    if question.until - question.since > MAX_PERIOD:
        raise BadInput(f"A period has at most {MAX_PERIOD.days} days.", ("until",), limit=MAX_PERIOD.days)
    wanted, statuses = question.people.wanted, question.statuses
    calls = CallRecordCriteria(
        team=question.team,
        queue=question.queue,
        started_at=InstantCondition(gte=question.since, lt=question.until),
    )
    figures: dict[UUID, Figures] = {}

    async def fetch(kept: Kept, part: Slice) -> list[User]:
        slice_of_people = kept.users.sliced(wanted, statuses, AGENTS_BY_NAME, part, kept.call_records.took(calls))
        found = await kept.call_records.agents(slice_of_people, calls, AGENTS_BY_NAME, backward=part.backward)
        figures.update((user.id, sums) for user, sums in found)
        return [user for user, _ in found]

    async def count(kept: Kept, limit: int) -> int:
        return await kept.call_records.count_agents(kept.users.conditions(wanted, statuses), calls, limit)

    return await page_of_list(context, AGENTS_BY_NAME, arguments, fetch, count, beside=lambda user: figures[user.id])
