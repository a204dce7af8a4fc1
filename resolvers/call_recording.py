"""Recording the calls that agents take, as telephony systems tell of them (requirement E7, decision 26)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.call_record import CallDirection, CallEndReason, CallRecord
from models.permission import Permission
from models.presence import Presence
from models.storage import uuid7
from models.user import User, UserStatus
from repositories.engine import Overtaken
from repositories.rows import row_class
from resolvers.context import Change, Context
from resolvers.recording import News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person, UserTarget, check_size, lock_people

CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Call:
    """What is told of one call; what is None was not told.

    Attributes:
        named_by: What names the agent: `ids`, `emails`, `external_ids` or `agent_numbers`.
        named: That key, in the form in which it is compared.
    """

    external_id: str
    named_by: str
    named: Any
    queue_id: UUID | None
    direction: CallDirection
    started_at: datetime
    ended_at: datetime | None
    talk_seconds: int | None
    wrap_up_seconds: int | None


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that was not recorded, by its place in the input."""

    index: int
    external_id: str
    errors: list[Problem]


@dataclass(slots=True)
class CallsRecorded:
    """What came of recording calls.

    Attributes:
        errors: Why nothing was done at all.
        call_records: The calls as they are now, in the order of the input.
    """

    errors: list[Problem] = field(default_factory=list)
    failed: list[FailedCall] = field(default_factory=list)
    call_records: list[CallRecord] = field(default_factory=list)


@dataclass(slots=True)
class _Told:
    """A call in the input, and what it is about."""

    index: int
    call: Call
    known: CallRecord | None = None
    person: Person | None = None
    problem: Problem | None = None


async def record_calls(context: Context, calls: Sequence[Call]) -> CallsRecorded:
    """Start, update and end calls in one transaction; those that cannot be recorded are told and left alone.

    A call that was ended here, by a deactivation for example, stays ended as it was.

    Raises:
        NotPermitted: The caller records no calls.
        NotAuthenticated: The caller's session or key ended meanwhile.
        Refused: There is none, or too many.
    """
    context.require(Permission.REPORTS_WRITE)
    check_size(len(calls), context.limits.max_call_records, "input", "calls")
    ended = False

    async def work(change: Change) -> CallsRecorded:
        nonlocal ended
        done, ended = await _record(context, change, calls)
        return done

    done = await context.changing(work)
    if ended:
        context.bell.ring()  # something may have waited for the end of a contact
    return done


def assess_call(
    told: Call, known: CallRecord | None, person: Person | None, taken_out_at: datetime | None, now: datetime
) -> Problem | None:
    """Why a call cannot be recorded; None when it can.

    Args:
        person: The agent; None for who does not exist.
        taken_out_at: When the agent was deactivated; None for who is not.
        now: With a tolerance, because the clocks of two systems differ.
    """
    if person is None or not person.visible or person.status is UserStatus.DELETED:
        return Problem(Code.NOT_FOUND, "There is no such user.", ("user",))
    if not person.reachable:
        return Problem(Code.FORBIDDEN, "Your permission to record calls does not reach this user.", ("user",))
    ended_at = end_of(told, known)[0]
    latest = now + CLOCKS_DIFFER
    if told.started_at > latest:
        return Problem(Code.INVALID, "A call has not started yet.", ("startedAt",))
    if told.ended_at is not None and told.ended_at > latest:
        return Problem(Code.INVALID, "A call has not ended yet.", ("endedAt",))
    if ended_at is not None and ended_at < told.started_at:
        return Problem(Code.INVALID, "A call ends after it started.", ("endedAt",))
    for seconds, name in ((told.talk_seconds, "talkSeconds"), (told.wrap_up_seconds, "wrapUpSeconds")):
        if seconds is not None and seconds < 0:
            return Problem(Code.INVALID, "Seconds are 0 or more.", (name,))
    theirs = known is not None and known.user_id == person.id
    if taken_out_at is not None and not theirs and (ended_at is None or ended_at > taken_out_at):
        return Problem(Code.INVALID_STATE, "The user was deactivated and takes no calls.", ("user",))
    return None


def end_of(told: Call, known: CallRecord | None) -> tuple[datetime | None, CallEndReason | None]:
    """When and by what a call ended: what was ended here stays as it is, and what was not told stays too."""
    if known is not None and known.ended_by not in (None, CallEndReason.CONTACT):
        return known.ended_at, known.ended_by
    ended_at = told.ended_at or (None if known is None else known.ended_at)
    return ended_at, None if ended_at is None else CallEndReason.CONTACT


def team_for(queue_id: UUID | None, teams: Sequence[UUID], ways: Collection[tuple[UUID, UUID]]) -> UUID | None:
    """The team for which a call is taken: the first that gives its queue, else the first (requirement A6).

    Args:
        teams: Those of the agent, by name.
        ways: Pairs of team and queue.
    """
    giving = [team for team in teams if queue_id is not None and (team, queue_id) in ways]
    return next(iter(giving or teams), None)


async def _record(context: Context, change: Change, calls: Sequence[Call]) -> tuple[CallsRecorded, bool]:
    """Record calls; what came of it, and whether a contact ended."""
    kept = change.kept
    told = [_Told(index, call) for index, call in enumerate(calls)]
    seen: set[str] = set()
    for one in told:
        if one.call.external_id in seen:
            words = "The call is told of before; the first counts."
            one.problem = Problem(Code.DUPLICATE_IN_REQUEST, words, ("externalId",))
        seen.add(one.call.external_id)
    people = await _people(context, change, [one for one in told if one.problem is None], seen)
    out = [one.id for one in people.values() if one.status is UserStatus.DEACTIVATED]
    taken_out: Mapping[UUID, User] = await kept.users.by_id(out) if out else {}
    wanted = {one.call.queue_id for one in told if one.call.queue_id is not None}
    queues = await kept.queues.by_id(wanted) if wanted else {}
    for one in told:
        if one.problem is not None:
            continue
        user = None if one.person is None else taken_out.get(one.person.id)
        one.problem = assess_call(
            one.call, one.known, one.person, None if user is None else user.deactivated_at, change.at
        )
        if one.problem is None and one.call.queue_id is not None and one.call.queue_id not in queues:
            one.problem = Problem(Code.NOT_FOUND, "There is no such queue.", ("queueId",))
    passing = [one for one in told if one.problem is None]
    ended = await _write(context, change, passing) if passing else (False, {})
    return (
        CallsRecorded(
            failed=[_failed(one, one.problem) for one in told if one.problem is not None],
            call_records=[ended[1][one.call.external_id] for one in passing],
        ),
        ended[0],
    )


async def _people(
    context: Context, change: Change, told: Sequence[_Told], external_ids: Collection[str]
) -> Mapping[UUID, Person]:
    """Lock who takes the calls and who took those that are known; both are put beside what is told."""
    kept = change.kept
    names: dict[str, set[Any]] = {}
    for one in told:
        names.setdefault(one.call.named_by, set()).add(one.call.named)
    named = await kept.standing.ids_named(names)
    known = await kept.call_records.known(external_ids)
    ids = sorted({*named.values(), *(call.user_id for call in known.values())})
    target = UserTarget("ids", [], ids)
    people = await lock_people(context, change, target, Permission.REPORTS_WRITE, administrators=False)
    known = await kept.call_records.known(external_ids)
    if not {call.user_id for call in known.values()} <= set(people):
        raise Overtaken  # a call was recorded for somebody else before we had the locks
    for one in told:
        user_id = named.get((one.call.named_by, one.call.named))
        one.person = None if user_id is None else people.get(user_id)
        one.known = known.get(one.call.external_id)
    return people


async def _write(context: Context, change: Change, passing: Sequence[_Told]) -> tuple[bool, dict[str, CallRecord]]:
    """Write calls that can be recorded, and what others are told of them."""
    kept = change.kept
    people = {one.person.id for one in passing if one.person is not None}
    concerned = people | {one.known.user_id for one in passing if one.known is not None}
    queue_ids = {one.call.queue_id for one in passing if one.call.queue_id is not None}
    teams, ways = await kept.call_records.teams_for(people, queue_ids)
    before = await kept.presences.of_users(concerned, change.at)
    rows: dict[str, CallRecord] = {}
    new: list[dict[str, Any]] = []
    corrected: list[dict[str, Any]] = []
    news: list[News] = []
    ended = False
    for one in passing:
        assert one.person is not None
        user_id, known = one.person.id, one.known
        values = _values(one.call, known, user_id, change.at)
        if known is None or known.user_id != user_id:
            values["team_id"] = team_for(values["queue_id"], teams.get(user_id, ()), ways)
        row: CallRecord = row_class(CallRecord)(organization_id=context.known.organization_id, **values)
        rows[one.call.external_id] = row
        if known is None:
            new.append(values)
        elif any(getattr(known, name) != value for name, value in values.items()):
            corrected.append(values)
        was_open = known is not None and known.ended_at is None
        if row.ended_at is None and not was_open:
            news.append(News("contact.started", user_id, {"call": str(row.id)}))
        elif row.ended_at is not None and was_open:
            ended = True
            news.append(News("contact.ended", user_id, {"call": str(row.id), "endedBy": CallEndReason.CONTACT.name}))
    await kept.call_records.add(new)
    await kept.call_records.correct(corrected)
    after = await kept.presences.of_users(concerned, change.at)
    await record(context, change, [], [*news, *_presence_news(before, after)])
    return ended, rows


def _values(told: Call, known: CallRecord | None, user_id: UUID, at: datetime) -> dict[str, Any]:
    """The columns of a call; the team is that of before."""
    ended_at, ended_by = end_of(told, known)
    return {
        "id": uuid7(at) if known is None else known.id,
        "external_id": told.external_id,
        "user_id": user_id,
        "queue_id": told.queue_id or (None if known is None else known.queue_id),
        "team_id": None if known is None else known.team_id,
        "direction": told.direction,
        "started_at": told.started_at,
        "ended_at": ended_at,
        "ended_by": ended_by,
        "talk_seconds": _seconds(told.talk_seconds, None if known is None else known.talk_seconds),
        "wrap_up_seconds": _seconds(told.wrap_up_seconds, None if known is None else known.wrap_up_seconds),
    }


def _seconds(told: int | None, known: int | None) -> int:
    return told if told is not None else known or 0


def _presence_news(before: Mapping[UUID, Presence], after: Mapping[UUID, Presence]) -> list[News]:
    """Whose presence shows something else since a call began or ended (requirement E2)."""
    return [
        News("presence.changed", user_id, {"state": presence.state.name})
        for user_id, presence in after.items()
        if before[user_id].state is not presence.state
    ]


def _failed(one: _Told, problem: Problem) -> FailedCall:
    path = ("input", "calls", str(one.index), *(problem.path or ()))
    return FailedCall(one.index, one.call.external_id, [Problem(problem.code, problem.message, path)])
