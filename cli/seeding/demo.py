"""The demo organization: made once, and opened at every start with credentials that work."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.seeding.people import ADMINISTRATOR_KEY, DOMAIN, FOUNDED_AGO, Worker, cast
from cli.seeding.structure import Structure, build
from cli.seeding.work import Shift, call_rows, session_row, shifts
from cli.seeding.writing import write
from gql.ids import global_id
from models.audit import ActorKind, AuditAction, AuditEvent
from models.call_record import CallRecord
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.license import (
    LicenseGrant,
    LicenseGrantSource,
    LicenseGrantState,
    LicensePool,
    LicenseType,
    SeatLedgerEntry,
)
from models.operation import StateChangeReason
from models.presence import Presence, PresenceState
from models.queue import UserQueue
from models.session import Session, SignInBlock
from models.skill_group import SkillGroupMember
from models.storage import table_of, uuid7
from models.team import Membership
from models.user import Credential, IdentitySource, User, UserRole, UserRoleGrant, UserStatus
from repositories.credentials import Account
from repositories.engine import Database
from repositories.organizations import all_organizations, create_organization, organization_by_name
from resolvers.administrators import give_password
from resolvers.api_keys import create_api_key
from resolvers.bulk import Terms
from resolvers.caller import system_caller
from resolvers.context import Change, Context, utc_now
from resolvers.identity import default_profile
from resolvers.lifecycle import Reactivate, ResumeOnline
from resolvers.passwords import hashed, random_password
from resolvers.performing import perform
from resolvers.provisioning import account_row
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse
from resolvers.targets import UserTarget
from resolvers.updating import UserPatch, update_user

NAME = "Nordlicht Contact"
TIME_ZONE = "Europe/Berlin"
KEY_NAME = "Demo"
SEATS_LEFT = {LicenseType.STANDARD_AGENT: 0.15, LicenseType.PREMIUM_AGENT: 0.25}  # beside those that are granted


@dataclass(frozen=True, slots=True)
class OpenedDemo:
    """What lets somebody into the demo organization.

    Attributes:
        password: Of the administrator; set anew at every start.
        token: An API key of a full administrator; those of earlier starts are void.
    """

    admin_email: str
    password: str
    token: str
    organization_id: UUID


async def open_demo(database: Database, *, users: int, seed: int = 1) -> OpenedDemo:
    """Make the demo organization where there is none; give its administrator a new password and make a new key.

    An administrator who was deactivated, blocked or demoted while somebody played is brought back.

    Args:
        users: People in a new one; one that is there stays as it is.
        seed: What the people are drawn by.
    """
    organization_id = await made(database, users=users, seed=seed)
    password = random_password()
    mail = await _open_administrator(database, organization_id, await hashed(password))
    token = await create_api_key(Context(database, system_caller(organization_id)), KEY_NAME, replacing=True)
    return OpenedDemo(mail, password, token, organization_id)


async def made(database: Database, *, users: int, seed: int = 1) -> UUID:
    """The key of the demo organization, which is made where there is none; no other organization is touched."""
    async with database.reading() as connection:
        found = await demo_organization(connection)
    if found is not None:
        return found
    # One password that nobody knows, for everybody: `rosterql admin reset-password` gives one to who is to sign in.
    password_hash = await hashed(random_password())

    async def work(connection: AsyncConnection) -> UUID:
        # Asked again: of several that start at once, one makes it, and the others try again after it.
        return await demo_organization(connection) or await _make(connection, users, seed, password_hash)

    return await database.change(work)


async def demo_organization(connection: AsyncConnection) -> UUID | None:
    """The key of the demo organization; None when there is none."""
    return next((one.id for one in await all_organizations(connection) if one.demo), None)


async def _make(connection: AsyncConnection, users: int, seed: int, password_hash: str) -> UUID:
    now = utc_now()
    founded = now - FOUNDED_AGO
    name, number = NAME, 1
    while await organization_by_name(connection, name) is not None:
        number += 1
        name = f"{NAME} {number}"
    organization_id = await create_organization(connection, name, founded, demo=True, time_zone=TIME_ZONE)
    structure = await build(connection, organization_id, founded)
    table = table_of(User).c
    taken = await connection.execute(select(table.email_key).where(table.email_key.endswith(f"@{DOMAIN}")))
    workers = cast(users, structure, seed, now, set(taken.scalars()))
    chance = random.Random(f"{seed}: at work")
    at_work = shifts(chance, workers, now)
    seeding = _Seeding(connection, organization_id, structure, now, workers)
    await seeding.accounts(password_hash, at_work)
    await seeding.assignments()
    await seeding.standing()
    await seeding.licenses()
    await seeding.history(name, founded)
    await write(connection, Session, (session_row(shift, now, organization_id) for shift in at_work.values()))
    await write(connection, CallRecord, call_rows(chance, workers, at_work, structure, organization_id, now))
    return organization_id


class _Seeding:
    """Writes the rows of the people of a new organization, table by table."""

    def __init__(
        self,
        connection: AsyncConnection,
        organization_id: UUID,
        structure: Structure,
        now: datetime,
        workers: Sequence[Worker],
    ) -> None:
        self._connection = connection
        self._ours = {"organization_id": organization_id}
        self._organization_id = organization_id
        self._structure = structure
        self._now = now
        self._workers = workers
        # What is told of who deactivated and blocked people.
        self._by_administrator = {"actor_kind": ActorKind.USER, "actor_id": workers[0].key}

    async def accounts(self, password_hash: str, at_work: Mapping[UUID, Shift]) -> None:
        """The people with their roles, passwords and presences."""
        await write(self._connection, User, (self._account(one, at_work.get(one.key)) for one in self._workers))
        await write(
            self._connection,
            UserRoleGrant,
            (
                {"user_id": one.key, "role": role, **self._ours}
                for one in self._workers
                for role in sorted(one.roles, key=lambda role: role.value)
            ),
        )
        credential = {"password_hash": password_hash, "single_use": False, **self._ours}
        await write(
            self._connection,
            Credential,
            ({"user_id": one.key, "changed_at": one.came_at, **credential} for one in self._workers if one.signs_in),
        )
        await write(self._connection, Presence, (self._presence(one, at_work.get(one.key)) for one in self._workers))

    def _account(self, worker: Worker, shift: Shift | None) -> dict[str, Any]:
        held = set() if worker.license is None else {worker.license}
        works = worker.enabled and worker.roles & {UserRole.AGENT, UserRole.SUPERVISOR}
        row = account_row(
            worker.key,
            worker.texts,
            worker.came_at,
            contact_center_enabled=worker.enabled,
            site_id=self._structure.sites[worker.language.name] if works else None,
            profile_id=self._structure.profiles[default_profile(held, worker.roles)] if worker.enabled else None,
            desktop_profile_id=self._structure.desktop if works else None,
        )
        last = None
        if worker.signs_in:
            last = shift.since if shift is not None else worker.deactivated_at or worker.blocked_at or worker.came_at
        return row | {
            **self._ours,
            "version": worker.version,
            "updated_at": worker.changed_at,
            "identity_source": IdentitySource.DIRECTORY if worker.from_directory else IdentitySource.LOCAL,
            "protected": worker.protected,
            "status": UserStatus.ACTIVE if worker.active else UserStatus.DEACTIVATED,
            "status_changed_at": worker.deactivated_at or worker.came_at,
            "deactivated_at": worker.deactivated_at,
            "activated_at": worker.came_at if worker.signs_in else None,
            "last_sign_in_at": last,
            "last_active_at": self._now if shift is not None else last,
        }

    def _presence(self, worker: Worker, shift: Shift | None) -> dict[str, Any]:
        state = PresenceState.OFFLINE if shift is None else shift.state
        since = worker.changed_at if shift is None else shift.since
        reason = None if shift is None else shift.reason
        return {"user_id": worker.key, "state": state, "since": since, "reason_code": reason, **self._ours}

    async def assignments(self) -> None:
        """Teams and direct queues of the active, skill groups of everybody."""
        active = [one for one in self._workers if one.active]
        for model, column, rows in (
            (Membership, "team_id", ((one, team.key) for one in active for team in one.teams)),
            (UserQueue, "queue_id", ((one, queue.key) for one in active for queue in one.queues)),
            (
                SkillGroupMember,
                "skill_group_id",
                ((one, group) for one in self._workers for group in one.skill_groups),
            ),
        ):
            await write(
                self._connection,
                model,
                ({"user_id": one.key, column: key, "assigned_at": one.came_at, **self._ours} for one, key in rows),
            )

    async def standing(self) -> None:
        """Deactivations with what they took, and sign-in blocks."""
        gone = [(uuid7(one.deactivated_at), one) for one in self._workers if not one.active]
        why = {**self._ours, **self._by_administrator, "note": None, "operation_id": None}
        await write(
            self._connection,
            Deactivation,
            (
                {"id": key, "user_id": one.key, "deactivated_at": one.deactivated_at, "reason": _reason(one), **why}
                for key, one in gone
            ),
        )
        for model, column in ((DeactivationTeam, "team_id"), (DeactivationQueue, "queue_id")):
            await write(
                self._connection,
                model,
                (
                    {"deactivation_id": key, column: taken.key, "assigned_at": one.came_at, **self._ours}
                    for key, one in gone
                    for taken in (one.teams if model is DeactivationTeam else one.queues)
                ),
            )
        await write(
            self._connection,
            SignInBlock,
            (
                {
                    "user_id": one.key,
                    "since": one.blocked_at,
                    "by_administrator": True,
                    "reason": StateChangeReason.SECURITY,
                    **why,
                }
                for one in self._workers
                if one.blocked_at is not None
            ),
        )

    async def licenses(self) -> None:
        """Grants, those of the deactivated suspended; pools with seats left, and the ledger (requirement E3)."""
        await write(self._connection, LicenseGrant, (self._grant(one) for one in self._workers if one.license))
        pools = table_of(LicensePool)
        for type, key in self._structure.licenses.items():
            granted = sum(one.active for one in self._workers if one.license is type)
            seats = granted + max(10, int(granted * SEATS_LEFT[type]))
            await self._connection.execute(
                update(pools)
                .where(pools.c.license_id == key, pools.c.organization_id == self._organization_id)
                .values(seats=seats, granted=granted)
            )
            entry = {"license_id": key, "at": self._now, "granted_after": granted, "pool": seats}
            await write(self._connection, SeatLedgerEntry, [{**entry, **self._ours}])

    def _grant(self, worker: Worker) -> dict[str, Any]:
        assert worker.license is not None
        return {
            "id": uuid7(worker.came_at),
            "user_id": worker.key,
            "license_id": self._structure.licenses[worker.license],
            "state": LicenseGrantState.ACTIVE if worker.active else LicenseGrantState.SUSPENDED,
            "source": LicenseGrantSource.MANUAL,
            "assigned_at": worker.came_at,
            **self._ours,
        }

    async def history(self, name: str, founded: datetime) -> None:
        """What was recorded, in the order of time; the last event of each person carries the version (E9)."""
        made_by_server = self._event(
            founded, AuditAction.CREATED, ("Organization", self._organization_id, name), None, []
        )
        made_by_server |= {"actor_kind": ActorKind.SYSTEM, "actor_id": None}
        events = sorted(self._happened(), key=lambda one: one[0])
        await write(self._connection, AuditEvent, [made_by_server])
        await write(self._connection, AuditEvent, (self._told(*one) for one in events))

    def _happened(self) -> Iterator[tuple[datetime, AuditAction, Worker]]:
        for worker in self._workers:
            yield worker.came_at, AuditAction.CREATED, worker
            if worker.deactivated_at is not None:
                yield worker.deactivated_at, AuditAction.DEACTIVATED, worker
            if worker.blocked_at is not None:
                yield worker.blocked_at, AuditAction.FORCED_OFFLINE, worker

    def _told(self, at: datetime, action: AuditAction, worker: Worker) -> dict[str, Any]:
        label = f"{worker.texts['first_name']} {worker.texts['last_name']}"
        if action is AuditAction.CREATED:
            version, changes = 1, [["email", None, worker.texts["email"]]]
        else:
            version = worker.version
            changes = [["signInBlock", None, "set"]]
        if action is AuditAction.DEACTIVATED:
            changes = [["status", "ACTIVE", "DEACTIVATED"]]
            for field, taken in (("teams", worker.teams), ("queues", worker.queues)):
                if taken:
                    changes.append([field, ", ".join(sorted(one.name for one in taken)), None])
        event = self._event(at, action, ("User", worker.key, label), version, changes)
        if worker is self._workers[0]:
            event |= {"actor_kind": ActorKind.SYSTEM, "actor_id": None}
        if action is AuditAction.DEACTIVATED:
            event["reason"] = _reason(worker).value
        elif action is AuditAction.FORCED_OFFLINE:
            event["reason"] = StateChangeReason.SECURITY.value
        return event

    def _event(
        self,
        at: datetime,
        action: AuditAction,
        target: tuple[str, UUID, str],
        version: int | None,
        changes: Sequence[Sequence[str | None]],
    ) -> dict[str, Any]:
        kind, key, label = target
        return {
            "id": uuid7(at),
            "occurred_at": at,
            "action": action,
            "target_type": kind,
            "target_id": key,
            "target_label": label,
            "target_version": version,
            "changes": changes,
            "reason": None,
            **self._by_administrator,
            **self._ours,
        }


def _reason(worker: Worker) -> StateChangeReason:
    """Why somebody was deactivated, by the number of the person."""
    every = tuple(StateChangeReason)
    return every[sum(map(ord, worker.texts["email"] or "")) % len(every)]


async def _open_administrator(database: Database, organization_id: UUID, password_hash: str) -> str:
    """Give the demo administrator a password with which a sign-in works; the mail address to sign in with."""
    context = Context(database, system_caller(organization_id))
    async with context.reading() as kept:
        _, keys = await kept.provisioning.numbers_in_use([], [ADMINISTRATOR_KEY])
        # Somebody may have given the person another key: any administrator who may sign in is as good.
        others = sorted(await kept.standing.administrators())
        key = keys.get(ADMINISTRATOR_KEY) or next(iter(others), None)
        if key is None:
            raise refuse(Code.NOT_FOUND, "Nobody administers the demo organization any more.")
        account = (await kept.credentials.accounts([key]))[key]
        mail = (await kept.credentials.mails([key]))[key]
    await _bring_back(context, account)

    async def work(change: Change) -> None:
        await give_password(context, change, account.id, password_hash, single_use=False)

    await context.changing(work)
    return mail


async def _bring_back(context: Context, account: Account) -> None:
    """Undo what keeps the administrator from signing in and administering, the way an administrator would."""
    given = global_id("User", account.id)
    target = UserTarget("ids", [given], [account.id])
    terms = Terms(note="The demo was started again.")
    if account.status is UserStatus.DEACTIVATED:
        await perform(context, Reactivate(), target, terms)
    if account.blocked:
        await perform(context, ResumeOnline(), target, terms)
    if UserRole.FULL_ADMINISTRATOR not in account.roles:
        roles = (account.roles & {UserRole.AGENT}) | {UserRole.FULL_ADMINISTRATOR}
        await update_user(context, account.id, given, UserPatch(roles=roles), None)
