"""What the command line does for who runs the server: the first administrator, and passwords that nobody knows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditAction
from models.presence import PresenceState
from models.profile import UserProfileKind
from models.session import SessionEndReason
from models.storage import uuid7
from models.text import mail_key
from models.user import UserRole
from repositories.credentials import account_by_mail
from repositories.engine import Database
from repositories.kept import Kept
from repositories.organizations import create_organization, organization_by_name
from repositories.sight import EVERYTHING
from resolvers.caller import system_caller
from resolvers.context import Change, Context
from resolvers.identity import Unacceptable
from resolvers.identity import mail as checked_mail
from resolvers.identity import name as checked_name
from resolvers.passwords import hashed, random_password
from resolvers.provisioning import account_row
from resolvers.recording import Fact, News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse


async def create_administrator(database: Database, mail: str, organization: str) -> str:
    """Make a full administrator, and the organization where there is none of that name.

    A full administrator of that organization who is there already gets a new password.

    Returns:
        A single-use password: the first sign-in must change it.

    Raises:
        Refused: Mail or name is not acceptable, or the mail address is that of somebody else, or of an administrator
            who may not sign in.
    """
    mail, name = _checked(mail, organization)
    password = random_password()
    password_hash = await hashed(password)

    async def work(connection: AsyncConnection) -> None:
        account = await account_by_mail(connection, mail_key(mail))
        found = await organization_by_name(connection, name)
        at = Context(database, None).now()
        organization_id = await create_organization(connection, name, at) if found is None else found.id
        if account is not None and account.organization_id != organization_id:
            raise refuse(Code.EMAIL_IN_OTHER_ORGANIZATION, f"{mail} belongs to another organization.")
        context = Context(database, system_caller(organization_id))
        change = Change(Kept(connection, organization_id, EVERYTHING), at)
        if found is None:
            await record(context, change, [Fact(AuditAction.CREATED, "Organization", organization_id, name, None)])
        if account is None:
            await _hire(context, change, mail, password_hash)
        elif UserRole.FULL_ADMINISTRATOR not in account.roles:
            raise refuse(Code.EMAIL_IN_USE, f"{mail} is somebody who is no full administrator: see `updateUser`.")
        elif not account.open:
            raise refuse(Code.INVALID_STATE, f"{mail} is deactivated or blocked: name another mail address.")
        else:
            await give_password(context, change, account.id, password_hash)

    await database.change(work)
    return password


async def reset_password(database: Database, mail: str) -> str:
    """Give a person a new single-use password; the old one and all sessions are void at once (requirement E5).

    Who is deactivated or blocked stays so.

    Raises:
        Refused: Nobody has the mail address.
    """
    password = random_password()
    password_hash = await hashed(password)

    async def work(connection: AsyncConnection) -> None:
        account = await account_by_mail(connection, mail_key(mail))
        if account is None:
            raise refuse(Code.NOT_FOUND, f"Nobody has the mail address {mail}.")
        context = Context(database, system_caller(account.organization_id))
        change = Change(Kept(connection, account.organization_id, EVERYTHING), context.now())
        await give_password(context, change, account.id, password_hash)

    await database.change(work)
    return password


def _checked(mail: str, organization: str) -> tuple[str, str]:
    for check, text, what in ((checked_mail, mail, "The mail address"), (checked_name, organization, "The name")):
        try:
            check(text)
        except Unacceptable as error:
            raise refuse(Code.INVALID, f"{what} is not acceptable: {error}") from error
    return checked_mail(mail), checked_name(organization)


async def _hire(context: Context, change: Change, mail: str, password_hash: str) -> None:
    key, at = uuid7(change.at), change.at
    profiles = await change.kept.provisioning.built_in_profiles()
    row = account_row(
        key,
        {"email": mail},
        at,
        contact_center_enabled=True,
        profile_id=profiles[UserProfileKind.ADMINISTRATOR_ONLY],
    )
    presence = {"user_id": key, "state": PresenceState.OFFLINE, "since": at, "reason_code": None}
    await change.kept.provisioning.add([row], [presence])
    await change.kept.standing.add_roles([{"user_id": key, "role": UserRole.FULL_ADMINISTRATOR}])
    await change.kept.credentials.set_password(key, password_hash, single_use=True, at=at)
    changes = [("email", None, mail), ("roles", None, UserRole.FULL_ADMINISTRATOR.name)]
    await record(context, change, [Fact(AuditAction.CREATED, "User", key, row["display_name"], 1, changes)])


async def give_password(
    context: Context, change: Change, user_id: UUID, password_hash: str, *, single_use: bool = True
) -> None:
    """Set a password under the lock of the person, like every other change of one; all sessions are void.

    Args:
        single_use: Whether the first sign-in must change it.
    """
    await change.kept.credentials.lock([user_id])
    at = change.at = context.now()
    account = (await change.kept.credentials.accounts([user_id]))[user_id]
    await change.kept.credentials.set_password(user_id, password_hash, single_use=single_use, at=at)
    await change.kept.credentials.forget_failures([user_id])
    ended = await change.kept.standing.end_sessions([user_id], at=at, reason=SessionEndReason.PASSWORD_RESET)
    gone = await change.kept.standing.go_offline([user_id], at=at)
    changes: list[tuple[str, str | None, str | None]] = [("endedSessions", None, str(len(ended)))] if ended else []
    payload: dict[str, Any] = {"state": PresenceState.OFFLINE.name}
    await record(
        context,
        change,
        [Fact(AuditAction.PASSWORD_RESET, "User", user_id, account.display_name, account.version, changes)],
        [News("presence.changed", each, payload) for each in gone],
    )
