"""What the audit tells, done on paper: where it leads from where people stood.

What each operation means for a person is written down here a second time, on purpose: not from what the gateway kept
to take it back, but from the terms that were asked for and from how the person stood.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.operation import BulkOperationKind as Kind
from models.user import UserStatus
from tests.standing import NONE, Gone, Stand, Standing, Things

_FIELDS: Mapping[Kind, str] = {Kind.ASSIGN_TEAMS: "teams", Kind.ASSIGN_QUEUES: "queues"}
_NOBODY = Stand(UserStatus.ACTIVE, 0, None, NONE, NONE, None)
ENDS_SESSIONS = {AuditAction.SIGNED_OUT, AuditAction.DEACTIVATED, AuditAction.FORCED_OFFLINE}


@dataclass
class Replay:
    """What came of it.

    Attributes:
        people: Where everybody must stand.
        stood: Everybody's states in their order, that at the beginning first.
        before: How a person stood before an operation, by both.
        twice: What was done though it was so already, or left out something in between, in words.
        wrong: What an operation of this kind does not do, in words.
        restored: People to whom a reactivation gave something back.
        signed_out: Who has lost all sessions.
    """

    people: dict[UUID, Stand]
    stood: Mapping[UUID, list[Stand]]
    before: dict[tuple[UUID, UUID], Stand] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    restored: int = 0
    signed_out: set[UUID] = field(default_factory=set)


def replayed(before: Standing, after: Standing, operations: Mapping[UUID, Any], events: Iterable[Any]) -> Replay:
    """Do on paper what the audit tells of people, in its order.

    Args:
        after: For who could be given something, and what: that does not change.
        operations: Those of the events.
    """
    stood: defaultdict[UUID, list[Stand]] = defaultdict(list)
    for key, stand in before.people.items():
        stood[key].append(stand)
    replay = Replay(dict(before.people), stood)
    for event in events:
        key, operation = event.target_id, operations.get(event.operation_id)
        if operation is None:
            replay.wrong.append(f"{event.action.name} of {key} by no operation that was asked for")
            continue
        now = replay.people.get(key, _NOBODY)
        moves = event.action is not AuditAction.SIGNED_OUT
        led = f"{event.action.name} of {key} by {event.operation_id}"
        if event.target_version != now.version + moves:
            replay.twice.append(f"{led} led from version {now.version} to {event.target_version}")
        then = _next(replay, now, event, operation, after)
        made = operation.kind is Kind.CREATE and key not in replay.people
        if moves and not made and (then == now or _again(now, operation, operations)):
            replay.twice.append(f"{led}, who was like that already")
        replay.before[event.operation_id, key] = now
        if event.action in ENDS_SESSIONS:
            replay.signed_out.add(key)
        replay.people[key] = replace(then, version=event.target_version)
        stood[key].append(replay.people[key])
    return replay


def _again(now: Stand, operation: Any, operations: Mapping[UUID, Any]) -> bool:
    """Whether somebody stood as an operation would have them; a block of a supervisor's makes room for ours."""
    if operation.kind is Kind.FORCE_OFFLINE:
        return now.block is not None and now.block[1] in operations
    return operation.kind in (Kind.DEACTIVATE, Kind.REACTIVATE) and could_be_unchanged(operation, [now])


def _next(replay: Replay, now: Stand, event: Any, operation: Any, after: Standing) -> Stand:
    key, kind = event.target_id, operation.kind
    match kind:
        case Kind.DEACTIVATE:
            gone = Gone(event.occurred_at, operation.id, now.teams, now.queues)
            return replace(now, status=UserStatus.DEACTIVATED, teams=NONE, queues=NONE, gone=gone)
        case Kind.REACTIVATE:
            took, wanted = now.gone, set(operation.terms["restore"])
            teams = took.teams if took and "TEAMS" in wanted else NONE
            queues = took.queues if took and "QUEUES" in wanted else NONE
            back = replace(now, status=UserStatus.ACTIVE, gone=None)
            back = replace(
                back, teams=_given(key, now.teams, teams, after), queues=_given(key, now.queues, queues, after)
            )
            replay.restored += bool(back.teams or back.queues)
            return back
        case Kind.FORCE_OFFLINE:
            return replace(now, block=(event.occurred_at, operation.id))
        case Kind.RESUME_ONLINE:
            return replace(now, block=None)
        case Kind.ASSIGN_TEAMS | Kind.ASSIGN_QUEUES:
            name = _FIELDS[kind]
            things = _assigned(getattr(now, name), operation.terms, event)
            changes: dict[str, Any] = {name: things}
            return replace(now, **changes)
        case Kind.UNDO:
            origin = (UUID(hex=operation.terms["origin"]), key)
            if origin not in replay.before:
                replay.wrong.append(f"{operation.id} took back what {origin[0]} had not done to {key}")
                return now
            was = replay.before[origin]
            return replace(
                was,
                teams=_given(key, now.teams, was.teams, after),
                queues=_given(key, now.queues, was.queues, after),
            )
    return now


def _given(key: UUID, now: Things, wanted: Things, after: Standing) -> Things:
    """What somebody has who is to have it again: what is not in use, or not for them, does not come back."""
    able = key in after.agents
    return {
        thing: at for thing, at in wanted.items() if now.get(thing) == at or (able and thing in after.in_use)
    } or NONE


def _assigned(now: Things, terms: Mapping[str, Sequence[str]], event: Any) -> Things:
    [(way, keys)] = terms.items()
    named = [UUID(hex=key) for key in keys]
    if way == "remove":
        return {thing: at for thing, at in now.items() if thing not in named}
    kept = {thing: at for thing, at in now.items() if way == "add" or thing in named}
    return dict.fromkeys(named, event.occurred_at) | kept


def could_be_unchanged(operation: Any, stood: Sequence[Stand]) -> bool:
    """Whether somebody who stood like that in turn could have been found as an operation would have them."""
    kind = operation.kind
    if kind is Kind.DEACTIVATE:
        return any(stand.status is UserStatus.DEACTIVATED for stand in stood)
    if kind is Kind.REACTIVATE:
        return any(stand.status is UserStatus.ACTIVE for stand in stood)
    if kind is Kind.FORCE_OFFLINE:
        return any(stand.block for stand in stood)
    if kind is Kind.RESUME_ONLINE:
        return any(stand.block is None for stand in stood)
    if kind in _FIELDS:
        [(way, keys)] = operation.terms.items()
        named = {UUID(hex=key) for key in keys}
        for stand in stood:
            has = set(getattr(stand, _FIELDS[kind]))
            if (
                (way == "add" and named <= has)
                or (way == "remove" and not named & has)
                or (way == "set" and named == has)
            ):
                return True
        return False
    return kind is Kind.SIGN_OUT
