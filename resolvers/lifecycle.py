"""Taking people out of service and putting them back: deactivate, reactivate, force offline, resume, sign out.

Each is an action of `resolvers.performing`: assessed by a plain function, applied in a handful of statements, however
many people there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from models.audit import AuditAction
from models.call_record import CallEndReason
from models.license import LicenseGrantState
from models.operation import (
    ActiveContactPolicy,
    BulkItemOutcome,
    BulkOperationKind,
    RestoreScope,
    StateChangeReason,
    UserEffectKind,
)
from models.permission import Permission
from models.presence import PresenceState
from models.session import SessionEndReason, Surface
from models.storage import uuids7
from models.user import UserStatus
from repositories.engine import Overtaken
from resolvers.acting import Action, Done, Run
from resolvers.assessing import (
    Verdict,
    assess_deactivation,
    assess_force_offline,
    assess_last_administrator,
    assess_reactivation,
    assess_resume,
    assess_seats,
    assess_sign_out,
)
from resolvers.bulk import Effect, Item, people_of
from resolvers.caller import Caller
from resolvers.context import Change
from resolvers.deltas import Links
from resolvers.membership import QUEUES, TEAMS, give_back, take
from resolvers.recording import News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person


@dataclass
class Disturbing(Action):
    """What people may be in the middle of a contact for (requirement E7)."""

    on_active_contact: ActiveContactPolicy = ActiveContactPolicy.END_NOW

    @property
    def waits(self) -> bool:
        return self.on_active_contact is ActiveContactPolicy.AFTER_CONTACT

    def kept(self) -> dict[str, Any]:
        return {"onActiveContact": self.on_active_contact.name}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        return cls(ActiveContactPolicy[kept["onActiveContact"]])


@dataclass
class Deactivate(Disturbing):
    """Deactivate accounts: signed out, out of every team and direct queue, kept on record.

    Accounts that cannot be deactivated are reported and left alone; the others go through together
    (requirements A1 to A10, E3, E6, E7). Roles, skill groups and profiles stay.
    """

    kind = BulkOperationKind.DEACTIVATE
    permission = Permission.USERS_DEACTIVATE
    administrators = takes_agents = takes_all = True

    def assess(self, person: Person, caller: Caller) -> Verdict:
        return assess_deactivation(person, caller, self.on_active_contact)

    async def guard(self, run: Run, items: Sequence[Item]) -> None:
        await keep_an_administrator(run, items)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        standing = run.change.kept.standing
        await standing.keep_deactivations(_deactivations(run, passing))
        await standing.keep_assignments(passing)
        return await close(run, passing, standing.mark_deactivated, self.on_active_contact)


@dataclass
class Reactivate(Action):
    """Reactivate accounts: the old password works, presence stays OFFLINE, no mail, no team, no queue (A11 to A16).

    Suspended licenses become active again, or the person is refused with NO_SEAT_AVAILABLE (requirement E3).
    """

    kind = BulkOperationKind.REACTIVATE
    permission = Permission.USERS_REACTIVATE

    restore: tuple[RestoreScope, ...] = ()

    names: Mapping[UUID, str] = field(default_factory=dict, init=False)  # of the licenses that come back

    def kept(self) -> dict[str, Any]:
        return {"restore": [each.name for each in self.restore]}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        return cls(tuple(RestoreScope[name] for name in kept.get("restore", ())))

    def assess(self, person: Person, caller: Caller) -> Verdict:
        return assess_reactivation(person, caller)

    async def guard(self, run: Run, items: Sequence[Item]) -> None:
        self.names = await find_seats(run, items)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        kept = await run.change.kept.standing.taken(passing) if self.restore else ()
        done = await open_again(run, passing, self.names)
        wanted: dict[UUID, Links] = {}
        for row in kept:
            scope, field, thing = (
                (RestoreScope.QUEUES, QUEUES.field, row.queue_id)
                if row.team_id is None
                else (RestoreScope.TEAMS, TEAMS.field, row.team_id)
            )
            if scope in self.restore:
                wanted.setdefault(row.user_id, {}).setdefault(field, {})[thing] = row.assigned_at
        await give_back(run, passing, wanted)
        return done


@dataclass
class ForceOffline(Disturbing):
    """Sign people out and bar them until they are resumed; what they belong to stays (C12, C14, E1, E14)."""

    kind = BulkOperationKind.FORCE_OFFLINE
    permission = Permission.USERS_FORCE_OFFLINE
    administrators = takes_agents = takes_all = True

    def assess(self, person: Person, caller: Caller) -> Verdict:
        return assess_force_offline(person, caller, self.on_active_contact)

    async def guard(self, run: Run, items: Sequence[Item]) -> None:
        await keep_an_administrator(run, items)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        block = {
            "since": run.change.at,
            "actor_kind": run.caller.kind,
            "actor_id": run.caller.id,
            "by_administrator": run.caller.is_administrator,
            "reason": run.terms.reason or StateChangeReason.UNKNOWN,
            "note": run.terms.note,
            "operation_id": run.operation_id,
        }
        return await set_blocks(run, passing, dict.fromkeys(passing, block), self.on_active_contact)


@dataclass
class ResumeOnline(Action):
    """Lift sign-in blocks; nobody is signed in by it (C13, E1, E2)."""

    kind = BulkOperationKind.RESUME_ONLINE
    permission = Permission.USERS_RESUME_ONLINE

    def kept(self) -> dict[str, Any]:
        return {}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        return cls()

    def assess(self, person: Person, caller: Caller) -> Verdict:
        return assess_resume(person, caller)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        return await lift_blocks(run, passing)


@dataclass
class SignOut(Disturbing):
    """End the sessions of people, who can sign in again (B16, E1, E14). `version` does not move (E9)."""

    kind = BulkOperationKind.SIGN_OUT
    permission = Permission.USERS_SIGN_OUT

    def assess(self, person: Person, caller: Caller) -> Verdict:
        return assess_sign_out(person, caller, self.on_active_contact)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        tell = await sign_out(
            run.change,
            passing,
            SessionEndReason.SIGNED_OUT_BY_OTHER,
            CallEndReason.SIGN_OUT,
            self.on_active_contact,
            own=run.caller.user_id,
        )
        news = tell()
        _drop_signed_out_already(passing)
        versions = {
            user_id: item.person.version
            for user_id, item in passing.items()
            if item.passing and item.person is not None
        }
        return Done(_done(AuditAction.SIGNED_OUT, versions), news)


def _done(action: AuditAction, versions: Mapping[UUID, int]) -> dict[UUID, tuple[AuditAction, int]]:
    return {user_id: (action, version) for user_id, version in versions.items()}


def _drop_signed_out_already(passing: Mapping[UUID, Item]) -> None:
    """Who ended the last session alone between our look and our statement was not signed out by us."""
    for item in passing.values():
        if not any(effect.kind is UserEffectKind.SIGNED_OUT for effect in item.effects):
            item.outcome = BulkItemOutcome.UNCHANGED


async def keep_an_administrator(run: Run, items: Sequence[Item]) -> None:
    """Fail the items that would take the last full administrator (requirement E6, rule M6).

    Of an operation in several batches all of its people count, so that it fails for the same ones as in one; those who
    are waited for count as well.
    """
    meant = [item for item in items if item.passing or item.waiting]
    leaving = [item.person for item in meant if item.person and item.person.is_full_administrator]
    if not leaving:
        return
    administrators = await run.change.kept.standing.administrators()
    gone = {person.id for person in leaving}
    if run.queued:
        gone |= await _meant(run, administrators)
    kept = assess_last_administrator(gone, administrators)
    for item in meant:
        if item.user_id in kept:
            item.fail(Problem(Code.LAST_ADMINISTRATOR, "No active full administrator would be left."))


async def _meant(run: Run, administrators: Collection[UUID]) -> set[UUID]:
    """Who of the administrators the other batches would take: those still to come, and those kept for this reason."""
    kept, failed = Code.LAST_ADMINISTRATOR.value, BulkItemOutcome.FAILED
    return {
        item.user_id
        for item in await run.change.kept.operations.items_of_people(run.operation_id, administrators)
        if item.outcome in (BulkItemOutcome.PENDING, BulkItemOutcome.SUCCEEDED)
        or (item.outcome is failed and any(error["code"] == kept for error in item.errors))
    }


async def sign_out(
    change: Change,
    passing: Mapping[UUID, Item],
    reason: SessionEndReason,
    ended_by: CallEndReason,
    policy: ActiveContactPolicy = ActiveContactPolicy.END_NOW,
    *,
    own: UUID | None = None,
) -> Callable[[], list[News]]:
    """End sessions and contacts of people and set them OFFLINE.

    Args:
        policy: Only END_NOW ends contacts: otherwise nobody is in one, but in a dry run, which does not wait.

    Returns:
        What adds to the items what happened, and gives what others are told: the presences and contacts that this
        changed.
    """
    standing = change.kept.standing
    sessions = await standing.end_sessions(passing, at=change.at, reason=reason, own=own)
    ending = passing if policy is ActiveContactPolicy.END_NOW else ()
    calls = await standing.end_contacts(ending, at=change.at, ended_by=ended_by) if ending else ()
    offline = await standing.go_offline(passing, at=change.at)

    def tell() -> list[News]:
        news: list[News] = []
        counts: dict[UUID, int] = {}
        for session_id, user_id, surface, _ in sessions:
            counts[user_id] = counts.get(user_id, 0) + 1
            where = _WHERE[surface]
            effect = Effect(UserEffectKind.SIGNED_OUT, f"session on {where} ended", ("Session", session_id), where)
            passing[user_id].effects.append(effect)
        for user_id, count in counts.items():
            passing[user_id].changes.append(("endedSessions", None, str(count)))
        for call_id, user_id, external_id in calls:
            words = f"contact {external_id} ended"
            effect = Effect(UserEffectKind.CONTACT_ENDED, words, ("CallRecord", call_id), external_id)
            passing[user_id].effects.append(effect)
            passing[user_id].changes.append(("activeContact", external_id, None))
            news.append(News("contact.ended", user_id, {"call": str(call_id), "endedBy": ended_by.name}))
        for user_id, item in passing.items():
            before = item.person.presence if item.person is not None else PresenceState.OFFLINE
            if user_id in offline or (ending and before is PresenceState.ENGAGED):
                item.effects.append(_OFFLINE)
                item.changes.append(("presence", before.name, "OFFLINE"))
                news.append(News("presence.changed", user_id, {"state": "OFFLINE"}))
        return news

    return tell


async def close(
    run: Run,
    passing: Mapping[UUID, Item],
    mark: Callable[..., Awaitable[dict[UUID, int]]],
    policy: ActiveContactPolicy = ActiveContactPolicy.END_NOW,
) -> Done:
    """What belongs to a deactivation: out of teams and direct queues, signed out, seats free, the account closed.

    The account comes last: the fewer lists somebody is in, the less there is to change when the state does. It takes
    half of the time of all, and everything is put in words meanwhile.

    Args:
        mark: Closes the accounts, and tells their new versions.
    """
    left = [await take(run, passing, what) for what in (TEAMS, QUEUES)]
    signed_out = await sign_out(run.change, passing, SessionEndReason.DEACTIVATED, CallEndReason.DEACTIVATION, policy)
    freed = await _suspend(run.change, passing)
    versions = {user_id: item.person.version + 1 for user_id, item in passing.items() if item.person is not None}

    async def close_accounts() -> None:
        if await mark(passing, at=run.change.at) != versions:
            raise Overtaken

    await run.change.begin(close_accounts())
    for item in passing.values():
        item.effects.append(_DEACTIVATED)
        item.changes.append(("status", "ACTIVE", "DEACTIVATED"))
        item.delta.status = UserStatus.ACTIVE
    for tell in left:
        tell()
    return Done(_done(AuditAction.DEACTIVATED, versions), signed_out(), freed())


_DEACTIVATED = Effect(UserEffectKind.STATUS_CHANGED, "deactivated")
_OFFLINE = Effect(UserEffectKind.PRESENCE_CHANGED, "presence is OFFLINE")
_WHERE = {surface: surface.name.lower().replace("_", " ") for surface in Surface}


async def open_again(run: Run, passing: Mapping[UUID, Item], names: Mapping[UUID, str]) -> Done:
    """Open deactivated accounts, and take the seats of their licenses again.

    Args:
        names: Those of the licenses, as `find_seats` found them.
    """
    change = run.change
    versions = await change.kept.standing.mark_reactivated(passing, at=change.at)
    if not versions:
        return Done()
    await change.kept.standing.close_deactivations(versions, at=change.at)
    for user_id in versions:
        passing[user_id].effects.append(Effect(UserEffectKind.STATUS_CHANGED, "reactivated"))
        passing[user_id].changes.append(("status", "DEACTIVATED", "ACTIVE"))
        passing[user_id].delta.status = UserStatus.DEACTIVATED
    taken = await change.kept.seats.change_state(versions, LicenseGrantState.SUSPENDED, LicenseGrantState.ACTIVE)
    seats = _tell_seats(passing, taken, names, UserEffectKind.SEAT_TAKEN)
    return Done(_done(AuditAction.REACTIVATED, versions), seats=seats)


def _deactivations(run: Run, passing: Collection[UUID]) -> list[dict[str, Any]]:
    """The record of who was deactivated, when, by whom and why (A8)."""
    at, reason, caller = run.change.at, run.terms.reason or StateChangeReason.UNKNOWN, run.caller
    return [
        {
            "id": key,
            "user_id": user_id,
            "deactivated_at": at,
            "actor_kind": caller.kind,
            "actor_id": caller.id,
            "reason": reason,
            "note": run.terms.note,
            "operation_id": run.operation_id,
        }
        for key, user_id in zip(uuids7(at, len(passing)), passing, strict=True)
    ]


async def _suspend(change: Change, passing: Mapping[UUID, Item]) -> Callable[[], dict[UUID, int]]:
    """Suspend the licenses of people: the seats are free for others (requirement E3).

    Returns:
        What adds it to their items, and gives the seats that moved, by license.
    """
    freed = await change.kept.seats.change_state(passing, LicenseGrantState.ACTIVE, LicenseGrantState.SUSPENDED)
    licenses = await change.kept.seats.licenses({license_id for _, license_id in freed}) if freed else {}
    names = {license_id: row.name for license_id, row in licenses.items()}
    return lambda: _tell_seats(passing, freed, names, UserEffectKind.SEAT_FREED)


def _tell_seats(
    passing: Mapping[UUID, Item],
    changed: Collection[tuple[UUID, UUID]],
    names: Mapping[UUID, str],
    kind: UserEffectKind,
) -> dict[UUID, int]:
    moved: dict[UUID, int] = {}
    taken = kind is UserEffectKind.SEAT_TAKEN
    states = ("SUSPENDED", "ACTIVE") if taken else ("ACTIVE", "SUSPENDED")
    effects = {
        license_id: Effect(kind, f"seat of {name} {'taken' if taken else 'freed'}", ("License", license_id), name)
        for license_id, name in names.items()
    }
    for user_id, license_id in sorted(changed):
        moved[license_id] = moved.get(license_id, 0) + (1 if taken else -1)
        passing[user_id].effects.append(effects[license_id])
        passing[user_id].changes.append((f"license {names[license_id]}", *states))
    return moved


async def find_seats(run: Run, items: Sequence[Item]) -> dict[UUID, str]:
    """Fail the items for whose suspended licenses no seat is left; names of the licenses that come back."""
    passing = people_of([item for item in items if item.passing])
    if not passing:
        return {}
    needs: dict[UUID, set[UUID]] = {}
    held: set[tuple[UUID, UUID]] = set()
    names: dict[UUID, str] = {}
    for grant in await run.change.kept.seats.grants_of(passing):
        if grant.state is LicenseGrantState.SUSPENDED:
            needs.setdefault(grant.user_id, set()).add(grant.license_id)
            names[grant.license_id] = grant.name
        else:
            held.add((grant.user_id, grant.license_id))
    in_order = {
        user_id: sorted(each for each in needs[user_id] if (user_id, each) not in held)
        for user_id in passing
        if user_id in needs
    }
    if in_order:
        left = await run.change.kept.seats.lock_limited(names)
        left = {license_id: seats - run.carried.seats.get(license_id, 0) for license_id, seats in left.items()}
        without, _ = assess_seats(in_order, left)
        for user_id, license_id in without.items():
            passing[user_id].fail(Problem(Code.NO_SEAT_AVAILABLE, f"No seat of {names[license_id]} is left."))
    return names


async def set_blocks(
    run: Run,
    passing: Mapping[UUID, Item],
    blocks: Mapping[UUID, Mapping[str, Any]],
    policy: ActiveContactPolicy = ActiveContactPolicy.END_NOW,
) -> Done:
    """Bar people from signing in, in the place of blocks that they have, and sign them out.

    Args:
        blocks: The columns of each person's block.
    """
    change = run.change
    replacing = [user_id for user_id, item in passing.items() if item.person is not None and item.person.blocked]
    before = await change.kept.standing.unblock(replacing) if replacing else {}
    await change.kept.standing.block([{"user_id": user_id, **blocks[user_id]} for user_id in passing])
    for user_id, item in passing.items():
        words = "sign-in block is an administrator's now" if user_id in before else "sign-in blocked"
        item.effects.append(Effect(UserEffectKind.SIGN_IN_BLOCKED, words))
        item.changes.append(("signInBlock", "set" if user_id in before else None, "set"))
        item.delta.block = before.get(user_id, {})
    versions = await change.kept.standing.touch(passing, at=change.at)
    tell = await sign_out(change, passing, SessionEndReason.FORCED_OFFLINE, CallEndReason.FORCE_OFFLINE, policy)
    return Done(_done(AuditAction.FORCED_OFFLINE, versions), tell())


async def lift_blocks(run: Run, passing: Mapping[UUID, Item]) -> Done:
    """Lift the sign-in blocks of people; who had none by then is left alone."""
    change = run.change
    lifted = await change.kept.standing.unblock(passing)
    versions = await change.kept.standing.touch(lifted, at=change.at)
    for user_id in versions:
        passing[user_id].effects.append(Effect(UserEffectKind.SIGN_IN_BLOCK_LIFTED, "sign-in block lifted"))
        passing[user_id].changes.append(("signInBlock", "set", None))
        passing[user_id].delta.block = lifted[user_id]
    return Done(_done(AuditAction.RESUMED_ONLINE, versions))
