"""Signing in and out, one's own password, one's own presence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditAction
from models.presence import Presence, PresenceState
from models.session import Session, SessionEndReason, Surface
from models.storage import uuid7
from models.text import mail_key
from repositories.credentials import Account, Failures, account_by_mail, add_failure, failures
from repositories.sessions import Clock
from resolvers.authentication import person
from resolvers.caller import Caller
from resolvers.context import Change, Context
from resolvers.passwords import hashed, in_turn, objection, verify
from resolvers.recording import Fact, News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotAuthenticated, Refused, refuse
from resolvers.tokens import new_session_token, session_hash

SESSION_LASTS = timedelta(days=7)  # in any case (E17); the idle time-out may come first (A29)

ACCOUNT_FAILURES, ADDRESS_FAILURES, WINDOW = 10, 30, timedelta(minutes=1)
REMEMBERED = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=15)

MAX_MAIL_CHARACTERS = 320
MAX_REASON_CODE_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session.

    Attributes:
        token: What opens the session; shown this once.
        caller: The person, as the session's caller.
        password_change_required: The password was for a single use: only `viewer`, `changePassword` and `signOut` work.
    """

    token: str
    session: Session
    caller: Caller
    password_change_required: bool


async def sign_in(context: Context, *, email: str, password: str, surface: Surface) -> SignedIn:
    """Sign a person in on one surface.

    Unknown, wrong, deactivated, deleted, blocked, without a password: the same words after the same time, and each
    counts as a failed attempt (requirements A2, A3, C11, C12). That the surface is closed to somebody is told only
    after a right password of somebody who may sign in (B18).

    Raises:
        Refused: Nobody was signed in.
        TooBusy: Too many people sign in at this moment.
    """
    _check_text(email, "email")
    _check_text(password, "password")
    mail = mail_key(email[:MAX_MAIL_CHARACTERS])
    async with in_turn():
        account, newer = await _proven(context, mail, password)
    if not account.opens(surface):
        raise _closed()
    try:
        return await _begin_session(context, account, surface, newer)
    except Refused as refusal:
        # Deactivated, blocked or given another password in the moment since: no different from before it.
        if refusal.problems[0].code is Code.SIGN_IN_REFUSED:
            await _count_failure(context, mail, account.organization_id)
        raise


async def _proven(context: Context, mail: str, password: str) -> tuple[Account, str | None]:
    """Whose mail address and password these are, and a newer hash where one is due.

    Attempts are counted before the next one has its turn, so that many at once try no more than one after another.
    """
    account = await _unlimited(context, mail)
    right, newer = await verify(password, None if account is None else account.password_hash)
    if account is None or not right or not account.open:
        await _count_failure(context, mail, None if account is None else account.organization_id)
        raise _refused()
    return account, newer


async def _unlimited(context: Context, mail: str) -> Account | None:
    """Who has a mail address, unless there were too many failed attempts on it, known or not, or from the address."""
    now = context.now()
    async with context.database.reading() as connection:
        account = await account_by_mail(connection, mail)
        failed = await failures(
            connection, mail, context.address, account_since=now - REMEMBERED, address_since=now - WINDOW
        )
    until = limited_until(failed, now)
    if until is not None:
        wait = max(1, -(-(until - now) // timedelta(seconds=1)))
        raise refuse(Code.TOO_MANY_ATTEMPTS, f"There were too many failed attempts. Try again in {wait} seconds.")
    return account


def limited_until(failed: Failures, now: datetime) -> datetime | None:
    """Until when no attempt is made, however right it may be; None when the next one is welcome.

    Ten failures within a minute on one account close it for a minute; each further one for twice as long as the
    last, up to a quarter of an hour. Thirty within a minute from one network address close that.
    """
    until, wait = None, WINDOW
    times = failed.of_account
    for index, at in enumerate(times):
        burst = index + 1 >= ACCOUNT_FAILURES and at - times[index + 1 - ACCOUNT_FAILURES] < WINDOW
        if until is not None or burst:
            until, wait = at + wait, min(wait * 2, LONGEST_WAIT)
    if until is not None and until > now:
        return until
    return now + WINDOW if failed.of_address >= ADDRESS_FAILURES else None


async def _count_failure(context: Context, mail: str, organization_id: UUID | None) -> None:
    at = context.now()
    row = {
        "id": uuid7(at),
        "organization_id": organization_id,
        "account_key": mail,
        "address": context.address,
        "failed_at": at,
    }

    async def work(connection: AsyncConnection) -> None:
        await add_failure(connection, row, forget_before=at - REMEMBERED)

    await context.database.change(work)


async def _begin_session(context: Context, proven: Account, surface: Surface, newer: str | None) -> SignedIn:
    """Insert the session under the lock of the person, or it could be born after their deactivation."""
    token, session_id = new_session_token(), uuid7(context.now())
    caller = person(proven, session_id, surface, context.now())
    own = replace(context, caller=caller)

    async def work(change: Change) -> SignedIn:
        credentials = change.kept.credentials
        await credentials.lock([proven.id])
        change.at = context.now()
        account = (await credentials.accounts([proven.id])).get(proven.id)
        if account is None or not account.open or account.changed_at != proven.changed_at:
            raise _refused()
        if not account.opens(surface):
            raise _closed()
        row = {
            "id": session_id,
            "user_id": account.id,
            "token_hash": session_hash(token),
            "surface": surface,
            "started_at": change.at,
            "last_active_at": change.at,
            "expires_at": change.at + SESSION_LASTS,
            "ended_at": None,
            "end_reason": None,
            "address": context.address,
        }
        (session,) = await credentials.open_sessions([row])
        session = Clock(change.at, account.idle_minutes).tell(session)
        await credentials.note_sign_in([account.id], change.at)
        await credentials.forget_failures([account.id])
        if newer is not None:
            await credentials.rehash(account.id, newer)
        news: list[News] = []
        if surface is Surface.AGENT_DESKTOP:
            news = await _take_presence(change, account.id, PresenceState.UNAVAILABLE)
        fact = _fact(AuditAction.SIGNED_IN, account, ("surface", None, surface.name))
        await record(own, change, [fact], news)
        known = person(account, session_id, surface, change.at)
        return SignedIn(token, session, known, password_change_required=account.single_use)

    return await own.changing(work)


async def sign_out(context: Context) -> Session:
    """End the session of the caller; with their last one on the desktop, they go offline (requirement E2).

    Raises:
        Refused: The caller is a program, which has no session.
        NotAuthenticated: The session ended in the meantime.
    """
    caller = context.known
    if caller.session_id is None or caller.id is None:
        raise refuse(Code.INVALID, "An API key has no session that could end.")
    user_id, session_id = caller.id, caller.session_id

    async def work(change: Change) -> Session:
        account = await _locked(context, change, user_id)
        ended = await change.kept.credentials.end_own([session_id], change.at)
        if not ended:
            raise NotAuthenticated("This session has ended.")
        news = await _leave_desktop(change, user_id)
        fact = _fact(AuditAction.SIGNED_OUT, account, ("surface", ended[0].surface.name, None))
        await record(context, change, [fact], news)
        return ended[0]

    return await context.changing(work)


async def change_password(context: Context, *, current: str, new: str) -> None:
    """Change the caller's own password; all their other sessions end.

    Raises:
        Refused: The current password is wrong, which counts as a failed attempt, or the new one is not acceptable.
        TooBusy: Too many people sign in at this moment.
    """
    caller = context.known
    if caller.session_id is None or caller.id is None:
        raise refuse(Code.INVALID, "An API key has no password.")
    _check_text(current, "currentPassword")
    _check_text(new, "newPassword")
    user_id, session_id = caller.id, caller.session_id
    async with context.reading() as kept:
        mail = (await kept.credentials.mails([user_id])).get(user_id, "")
    async with in_turn():
        account = await _unlimited(context, mail)
        right, _ = await verify(current, None if account is None else account.password_hash)
        if account is None or not right or account.id != user_id:
            await _count_failure(context, mail, caller.organization_id)
            raise refuse(Code.INVALID, "This is not the password in use.", "input", "currentPassword")
        if problem := objection(new, current=current, mail=mail):
            raise refuse(Code.PASSWORD_UNACCEPTABLE, problem, "input", "newPassword")
        new_hash = await hashed(new)
    proven = account

    async def work(change: Change) -> None:
        account = await _locked(context, change, user_id, session_id)
        if account.changed_at != proven.changed_at:
            raise refuse(Code.INVALID, "This is not the password in use.", "input", "currentPassword")
        kept = change.kept
        await kept.credentials.set_password(user_id, new_hash, single_use=False, at=change.at)
        await kept.credentials.forget_failures([user_id])
        await kept.standing.end_sessions(
            [user_id], at=change.at, reason=SessionEndReason.PASSWORD_RESET, except_session=session_id
        )
        news = await _leave_desktop(change, user_id)
        await record(context, change, [_fact(AuditAction.PASSWORD_CHANGED, account)], news)

    await context.changing(work)


async def set_presence(context: Context, *, state: PresenceState, reason_code: str | None) -> Presence:
    """Say what the caller is doing: AVAILABLE, WRAP_UP or UNAVAILABLE, with a reason for the last.

    While a contact goes on the presence shows ENGAGED whatever is said here (requirement E2).

    Raises:
        Refused: The state is none that a person takes, or the caller is not signed in on the agent desktop.
    """
    caller = context.known
    if caller.user_id is None:
        raise refuse(Code.INVALID, "Only a person has a presence.")
    user_id = caller.user_id
    if state is PresenceState.OFFLINE:
        raise refuse(Code.INVALID, "OFFLINE is taken by signing out.", "input", "state")
    if state is PresenceState.ENGAGED:
        raise refuse(Code.INVALID, "ENGAGED follows from a contact and cannot be set.", "input", "state")
    reason = _reason(state, reason_code)

    async def work(change: Change) -> Presence:
        account = await _locked(context, change, user_id, caller.session_id)
        if not await change.kept.credentials.on_desktop([user_id], change.at):
            raise refuse(Code.INVALID_STATE, "Presence is set by people who are signed in on the agent desktop.")
        before = await change.kept.credentials.presence(user_id)
        news = await _take_presence(change, user_id, state, reason)
        if news or before is None:
            shown = "OFFLINE" if before is None else _shown(before.state, before.reason_code)
            fact = _fact(AuditAction.UPDATED, account, ("presence", shown, _shown(state, reason)))
            await record(context, change, [fact], news)
        after = await change.kept.credentials.presence(user_id)
        assert after is not None
        return after

    return await context.changing(work)


def _reason(state: PresenceState, reason_code: str | None) -> str | None:
    if reason_code is None:
        return None
    _check_text(reason_code, "reasonCode")
    if state is not PresenceState.UNAVAILABLE:
        raise refuse(Code.INVALID, "A reason belongs to UNAVAILABLE only.", "input", "reasonCode")
    text = reason_code.strip()
    if not text or len(text) > MAX_REASON_CODE_CHARACTERS:
        message = f"A reason code has 1 to {MAX_REASON_CODE_CHARACTERS} characters."
        raise refuse(Code.INVALID, message, "input", "reasonCode")
    return text


async def _locked(context: Context, change: Change, user_id: UUID, session_id: UUID | None = None) -> Account:
    """The caller's own account under its lock, read again together with the session where one is named."""
    await change.kept.credentials.lock([user_id])
    change.at = context.now()
    account = (await change.kept.credentials.accounts([user_id])).get(user_id)
    if account is None or not account.open:
        raise NotAuthenticated("This session has ended.")
    if session_id is not None and session_id not in await change.kept.credentials.unended([session_id]):
        raise NotAuthenticated("This session has ended.")
    return account


async def _take_presence(change: Change, user_id: UUID, state: PresenceState, reason: str | None = None) -> list[News]:
    """Store a presence; what is to be told of it, which is nothing when it was so before."""
    before = await change.kept.credentials.presence(user_id)
    if before is not None and (before.state, before.reason_code) == (state, reason):
        return []
    await change.kept.credentials.set_presence(user_id, state, reason, change.at)
    return [_presence_news(user_id, state, reason)]


async def _leave_desktop(change: Change, user_id: UUID) -> list[News]:
    """Go offline when no session on the desktop is left."""
    if await change.kept.credentials.on_desktop([user_id], change.at):
        return []
    gone = await change.kept.standing.go_offline([user_id], at=change.at)
    return [_presence_news(each, PresenceState.OFFLINE, None) for each in gone]


def _presence_news(user_id: UUID, state: PresenceState, reason: str | None) -> News:
    payload: dict[str, Any] = {"state": state.name}
    if reason is not None:
        payload["reasonCode"] = reason
    return News("presence.changed", user_id, payload)


def _shown(state: PresenceState, reason: str | None) -> str:
    return state.name if reason is None else f"{state.name}: {reason}"


def _fact(action: AuditAction, account: Account, *changes: tuple[str, str | None, str | None]) -> Fact:
    return Fact(action, "User", account.id, account.display_name, account.version, changes)


def _refused() -> Refused:
    return refuse(Code.SIGN_IN_REFUSED, "Mail address or password is wrong, or this person may not sign in.")


def _closed() -> Refused:
    return refuse(Code.NO_SURFACE_ACCESS, "This person may not sign in on this surface.")


def _check_text(text: str, *path: str) -> None:
    """Refuse what no database and no hash can take."""
    try:
        sound = "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise refuse(Code.INVALID, "The text contains a character that is not acceptable.", "input", *path)
