"""Taking people out of service and putting them back: deactivate, reactivate, force offline, resume, sign out.

Each loads (locked), assesses, and applies in a handful of statements, however many people there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.call_record import CallEndReason
from models.license import LicenseGrantState
from models.operation import (
    ActiveContactPolicy,
    BulkItemOutcome,
    BulkOperationKind,
    StateChangeReason,
    UserEffectKind,
)
from models.permission import Permission
from models.presence import PresenceState
from models.session import SessionEndReason
from models.storage import uuid7
from resolvers.assessing import (
    assess_deactivation,
    assess_force_offline,
    assess_last_administrator,
    assess_reactivation,
    assess_resume,
    assess_seats,
    assess_sign_out,
)
from resolvers.bulk import BulkAnswer, Effect, Item, Terms, items_of, people_of, settle, write_operation
from resolvers.context import Change, Context
from resolvers.recording import News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import UserTarget, lock_people


async def deactivate_users(
    context: Context, target: UserTarget, terms: Terms, policy: ActiveContactPolicy
) -> BulkAnswer:
    """Deactivate accounts: signed out, out of every team and direct queue, kept on record.

    Accounts that cannot be deactivated are reported and left alone; the others go through together
    (requirements A1 to A10, E3, E6, E7). Roles, skill groups and profiles stay.

    Raises:
        NotPermitted: The caller may not deactivate anybody.
    """
    context.require(Permission.USERS_DEACTIVATE)
    caller = context.known

    async def work(change: Change) -> BulkAnswer:
        people = await lock_people(context, change, target, Permission.USERS_DEACTIVATE, administrators=True)
        items = items_of(target, people, context, lambda person: assess_deactivation(person, caller, policy))
        await keep_an_administrator(change, items)
        passing = people_of(settle(items, terms.error_policy))
        operation_id = uuid7(change.at)
        versions = await change.kept.standing.mark_deactivated(passing, at=change.at) if passing else {}
        for user_id in versions:
            passing[user_id].effects.append(Effect(UserEffectKind.STATUS_CHANGED, "deactivated"))
            passing[user_id].changes.append(("status", "ACTIVE", "DEACTIVATED"))
        news: list[News] = []
        seats: dict[UUID, int] = {}
        if versions:
            await _take_out(context, change, passing, operation_id, terms)
            news = await sign_out(change, passing, SessionEndReason.DEACTIVATED, CallEndReason.DEACTIVATION)
            seats = await _suspend(change, passing)
        answer = await write_operation(
            context,
            change,
            operation_id,
            BulkOperationKind.DEACTIVATE,
            items,
            terms,
            {"onActiveContact": policy.name},
            actions={user: (AuditAction.DEACTIVATED, version) for user, version in versions.items()},
            news=news,
        )
        await change.kept.seats.move(seats, at=change.at)
        return answer

    return await context.changing(work)


async def reactivate_users(context: Context, target: UserTarget, terms: Terms) -> BulkAnswer:
    """Reactivate accounts: the old password works, presence stays OFFLINE, no mail, no team, no queue (A11 to A16).

    Suspended licenses become active again, or the person is refused with NO_SEAT_AVAILABLE (requirement E3).

    Raises:
        NotPermitted: The caller may not reactivate anybody.
    """
    context.require(Permission.USERS_REACTIVATE)
    caller = context.known

    async def work(change: Change) -> BulkAnswer:
        people = await lock_people(context, change, target, Permission.USERS_REACTIVATE, administrators=False)
        items = items_of(target, people, context, lambda person: assess_reactivation(person, caller))
        names = await _find_seats(change, items)
        passing = people_of(settle(items, terms.error_policy))
        versions = await change.kept.standing.mark_reactivated(passing, at=change.at) if passing else {}
        seats: dict[UUID, int] = {}
        if versions:
            await change.kept.standing.close_deactivations(versions, at=change.at)
            for user_id in versions:
                passing[user_id].effects.append(Effect(UserEffectKind.STATUS_CHANGED, "reactivated"))
                passing[user_id].changes.append(("status", "DEACTIVATED", "ACTIVE"))
            taken = await change.kept.seats.change_state(
                versions, LicenseGrantState.SUSPENDED, LicenseGrantState.ACTIVE
            )
            seats = _tell_seats(passing, taken, names, UserEffectKind.SEAT_TAKEN)
        answer = await write_operation(
            context,
            change,
            uuid7(change.at),
            BulkOperationKind.REACTIVATE,
            items,
            terms,
            {},
            actions={user: (AuditAction.REACTIVATED, version) for user, version in versions.items()},
        )
        await change.kept.seats.move(seats, at=change.at)
        return answer

    return await context.changing(work)


async def force_users_offline(
    context: Context, target: UserTarget, terms: Terms, policy: ActiveContactPolicy
) -> BulkAnswer:
    """Sign people out and bar them until `resume_users_online`; what they belong to stays (C12, C14, E1, E14).

    Raises:
        NotPermitted: The caller may not force anybody offline.
    """
    context.require(Permission.USERS_FORCE_OFFLINE)
    caller = context.known

    async def work(change: Change) -> BulkAnswer:
        people = await lock_people(context, change, target, Permission.USERS_FORCE_OFFLINE, administrators=True)
        items = items_of(target, people, context, lambda person: assess_force_offline(person, caller, policy))
        await keep_an_administrator(change, items)
        passing = people_of(settle(items, terms.error_policy))
        operation_id = uuid7(change.at)
        versions: dict[UUID, int] = {}
        news: list[News] = []
        if passing:
            await _block(context, change, passing, operation_id, terms)
            versions = await change.kept.standing.touch(passing, at=change.at)
            news = await sign_out(change, passing, SessionEndReason.FORCED_OFFLINE, CallEndReason.FORCE_OFFLINE)
        return await write_operation(
            context,
            change,
            operation_id,
            BulkOperationKind.FORCE_OFFLINE,
            items,
            terms,
            {"onActiveContact": policy.name},
            actions={user: (AuditAction.FORCED_OFFLINE, version) for user, version in versions.items()},
            news=news,
        )

    return await context.changing(work)


async def resume_users_online(context: Context, target: UserTarget, terms: Terms) -> BulkAnswer:
    """Lift sign-in blocks; nobody is signed in by it (C13, E1, E2).

    Raises:
        NotPermitted: The caller may not lift any block.
    """
    context.require(Permission.USERS_RESUME_ONLINE)
    caller = context.known

    async def work(change: Change) -> BulkAnswer:
        people = await lock_people(context, change, target, Permission.USERS_RESUME_ONLINE, administrators=False)
        items = items_of(target, people, context, lambda person: assess_resume(person, caller))
        passing = people_of(settle(items, terms.error_policy))
        versions: dict[UUID, int] = {}
        if passing:
            lifted = await change.kept.standing.unblock(passing)
            versions = await change.kept.standing.touch(lifted, at=change.at)
        for user_id in versions:
            passing[user_id].effects.append(Effect(UserEffectKind.SIGN_IN_BLOCK_LIFTED, "sign-in block lifted"))
            passing[user_id].changes.append(("signInBlock", "set", None))
        return await write_operation(
            context,
            change,
            uuid7(change.at),
            BulkOperationKind.RESUME_ONLINE,
            items,
            terms,
            {},
            actions={user: (AuditAction.RESUMED_ONLINE, version) for user, version in versions.items()},
        )

    return await context.changing(work)


async def sign_out_users(context: Context, target: UserTarget, terms: Terms, policy: ActiveContactPolicy) -> BulkAnswer:
    """End the sessions of people, who can sign in again (B16, E1, E14). `version` does not move (E9).

    Raises:
        NotPermitted: The caller may not sign anybody out.
    """
    context.require(Permission.USERS_SIGN_OUT)
    caller = context.known

    async def work(change: Change) -> BulkAnswer:
        people = await lock_people(context, change, target, Permission.USERS_SIGN_OUT, administrators=False)
        items = items_of(target, people, context, lambda person: assess_sign_out(person, caller, policy))
        passing = people_of(settle(items, terms.error_policy))
        news: list[News] = []
        if passing:
            news = await sign_out(
                change,
                passing,
                SessionEndReason.SIGNED_OUT_BY_OTHER,
                CallEndReason.SIGN_OUT,
                own=caller.user_id,
            )
            _drop_signed_out_already(passing)
        versions = {
            user_id: item.person.version
            for user_id, item in passing.items()
            if item.passing and item.person is not None
        }
        return await write_operation(
            context,
            change,
            uuid7(change.at),
            BulkOperationKind.SIGN_OUT,
            items,
            terms,
            {"onActiveContact": policy.name},
            actions={user: (AuditAction.SIGNED_OUT, version) for user, version in versions.items()},
            news=news,
        )

    return await context.changing(work)


def _drop_signed_out_already(passing: Mapping[UUID, Item]) -> None:
    """Who ended the last session alone between our look and our statement was not signed out by us."""
    for item in passing.values():
        if not any(effect.kind is UserEffectKind.SIGNED_OUT for effect in item.effects):
            item.outcome = BulkItemOutcome.UNCHANGED


async def keep_an_administrator(change: Change, items: Sequence[Item]) -> None:
    """Fail the items that would take the last full administrator (requirement E6, rule M6)."""
    leaving = [item.person for item in items if item.passing and item.person and item.person.is_full_administrator]
    if not leaving:
        return
    kept = assess_last_administrator(leaving, await change.kept.standing.administrators())
    for item in items:
        if item.passing and item.user_id in kept:
            item.fail(Problem(Code.LAST_ADMINISTRATOR, "No active full administrator would be left."))


async def sign_out(
    change: Change,
    passing: Mapping[UUID, Item],
    reason: SessionEndReason,
    ended_by: CallEndReason,
    *,
    own: UUID | None = None,
) -> list[News]:
    """End sessions and contacts of people and set them OFFLINE; what happened is added to their items.

    Returns:
        What others are told: the presences and contacts that this changed.
    """
    standing = change.kept.standing
    news: list[News] = []
    counts: dict[UUID, int] = {}
    for session in await standing.end_sessions(passing, at=change.at, reason=reason, own=own):
        counts[session.user_id] = counts.get(session.user_id, 0) + 1
        where = session.surface.name.lower().replace("_", " ")
        passing[session.user_id].effects.append(
            Effect(UserEffectKind.SIGNED_OUT, f"session on {where} ended", ("Session", session.id), where)
        )
    for user_id, count in counts.items():
        passing[user_id].changes.append(("endedSessions", None, str(count)))
    for call in await standing.end_contacts(passing, at=change.at, ended_by=ended_by):
        passing[call.user_id].effects.append(
            Effect(
                UserEffectKind.CONTACT_ENDED,
                f"contact {call.external_id} ended",
                ("CallRecord", call.id),
                call.external_id,
            )
        )
        passing[call.user_id].changes.append(("activeContact", call.external_id, None))
        news.append(News("contact.ended", call.user_id, {"call": str(call.id), "endedBy": ended_by.name}))
    changed = await standing.go_offline(passing, at=change.at)
    for user_id, item in passing.items():
        before = item.person.presence if item.person is not None else PresenceState.OFFLINE
        if user_id in changed or before is PresenceState.ENGAGED:
            item.effects.append(Effect(UserEffectKind.PRESENCE_CHANGED, "presence is OFFLINE"))
            item.changes.append(("presence", before.name, "OFFLINE"))
            news.append(News("presence.changed", user_id, {"state": "OFFLINE"}))
    return news


async def _take_out(
    context: Context, change: Change, passing: Mapping[UUID, Item], operation_id: UUID, terms: Terms
) -> None:
    """Take people out of teams and direct queues, and keep beside the deactivation what it took (A8, A9, E10)."""
    caller = context.known
    deactivations = {user_id: uuid7(change.at) for user_id in passing}
    await change.kept.standing.keep_deactivations(
        [
            {
                "id": deactivations[user_id],
                "user_id": user_id,
                "deactivated_at": change.at,
                "actor_kind": caller.kind,
                "actor_id": caller.id,
                "reason": terms.reason or StateChangeReason.UNKNOWN,
                "note": terms.note,
                "operation_id": operation_id,
            }
            for user_id in passing
        ]
    )
    kept: dict[str, list[dict[str, Any]]] = {"team_id": [], "queue_id": []}
    for repository, type_name in ((change.kept.memberships, "Team"), (change.kept.direct_queues, "Queue")):
        taken = await repository.take(passing)
        names = await repository.named({row.thing_id for row in taken}) if taken else {}
        left: dict[UUID, list[str]] = {}
        for row in taken:
            name = names[row.thing_id][0]
            left.setdefault(row.user_id, []).append(name)
            passing[row.user_id].effects.append(
                Effect(
                    UserEffectKind.UNASSIGNED,
                    f"left {type_name.lower()} {name}",
                    (type_name, row.thing_id),
                    name,
                )
            )
            kept[repository.column].append(
                {
                    "deactivation_id": deactivations[row.user_id],
                    repository.column: row.thing_id,
                    "assigned_at": row.assigned_at,
                }
            )
        for user_id, all_left in left.items():
            passing[user_id].changes.append((f"{type_name.lower()}s", ", ".join(sorted(all_left)), None))
    await change.kept.standing.keep_taken(kept["team_id"], kept["queue_id"])


async def _suspend(change: Change, passing: Mapping[UUID, Item]) -> dict[UUID, int]:
    """Suspend the licenses of people: the seats are free for others (requirement E3). Seats moved, by license."""
    freed = await change.kept.seats.change_state(passing, LicenseGrantState.ACTIVE, LicenseGrantState.SUSPENDED)
    licenses = await change.kept.seats.licenses({license_id for _, license_id in freed}) if freed else {}
    names = {license_id: row.name for license_id, row in licenses.items()}
    return _tell_seats(passing, freed, names, UserEffectKind.SEAT_FREED)


def _tell_seats(
    passing: Mapping[UUID, Item],
    changed: Collection[tuple[UUID, UUID]],
    names: Mapping[UUID, str],
    kind: UserEffectKind,
) -> dict[UUID, int]:
    moved: dict[UUID, int] = {}
    taken = kind is UserEffectKind.SEAT_TAKEN
    for user_id, license_id in sorted(changed):
        name = names[license_id]
        moved[license_id] = moved.get(license_id, 0) + (1 if taken else -1)
        words = f"seat of {name} {'taken' if taken else 'freed'}"
        passing[user_id].effects.append(Effect(kind, words, ("License", license_id), name))
        states = ("SUSPENDED", "ACTIVE") if taken else ("ACTIVE", "SUSPENDED")
        passing[user_id].changes.append((f"license {name}", *states))
    return moved


async def _find_seats(change: Change, items: Sequence[Item]) -> dict[UUID, str]:
    """Fail the items for whose suspended licenses no seat is left; names of the licenses that come back."""
    passing = people_of([item for item in items if item.passing])
    if not passing:
        return {}
    needs: dict[UUID, set[UUID]] = {}
    held: set[tuple[UUID, UUID]] = set()
    names: dict[UUID, str] = {}
    for grant in await change.kept.seats.grants_of(passing):
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
        without, _ = assess_seats(in_order, await change.kept.seats.lock_limited(names))
        for user_id, license_id in without.items():
            passing[user_id].fail(Problem(Code.NO_SEAT_AVAILABLE, f"No seat of {names[license_id]} is left."))
    return names


async def _block(
    context: Context, change: Change, passing: Mapping[UUID, Item], operation_id: UUID, terms: Terms
) -> None:
    caller = context.known
    replacing = {user_id for user_id, item in passing.items() if item.person is not None and item.person.blocked}
    await change.kept.standing.block(
        [
            {
                "user_id": user_id,
                "since": change.at,
                "actor_kind": caller.kind,
                "actor_id": caller.id,
                "by_administrator": caller.is_administrator,
                "reason": terms.reason or StateChangeReason.UNKNOWN,
                "note": terms.note,
                "operation_id": operation_id,
            }
            for user_id in passing
        ],
        replacing=replacing,
    )
    for user_id, item in passing.items():
        words = "sign-in block is an administrator's now" if user_id in replacing else "sign-in blocked"
        item.effects.append(Effect(UserEffectKind.SIGN_IN_BLOCKED, words))
        item.changes.append(("signInBlock", "set" if user_id in replacing else None, "set"))
