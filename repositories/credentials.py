"""How people and programs prove who they are: passwords, sessions, failed attempts, API keys.

Somebody who signs in names no organization, and a token names nobody: the functions of this file that take a
connection look across organizations, and are the only statements of the program that do. All else is bound to one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.api_key import ApiKey, ApiKeySecret
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.profile import UserProfile
from models.session import Session, SessionEndReason, SignInBlock, SignInFailure, Surface
from models.storage import table_of
from models.user import Credential, User, UserRole, UserStatus
from repositories.bound import Bound
from repositories.rows import columns, light, row_class
from repositories.standing import open_session, role_bits, roles_in

_users = table_of(User).c
_credentials = table_of(Credential).c
_sessions = table_of(Session).c
_failures = table_of(SignInFailure).c
_presences = table_of(Presence).c
_profiles = table_of(UserProfile).c
_organizations = table_of(Organization).c
_blocks = table_of(SignInBlock).c
_keys = table_of(ApiKey).c
_secrets = table_of(ApiKeySecret).c


@dataclass(frozen=True, slots=True)
class Account:
    """What decides whether a person may sign in, and as what.

    Attributes:
        surfaces: Where the user profile lets the person sign in; without a profile the portal alone (B18).
        kept_permissions: Names of the permissions that the profile keeps; None keeps all.
        changed_at: When the password was set; a rehash does not move it.
    """

    id: UUID
    organization_id: UUID
    display_name: str
    version: int
    status: UserStatus
    contact_center_enabled: bool
    roles: frozenset[UserRole]
    blocked: bool
    password_hash: str | None = field(repr=False)
    single_use: bool
    changed_at: datetime | None
    surfaces: frozenset[Surface]
    kept_permissions: Collection[str] | None
    idle_minutes: int

    @property
    def open(self) -> bool:
        """Whether the person may be signed in at all (requirements A2, C11, C12)."""
        return self.status is UserStatus.ACTIVE and not self.blocked

    def opens(self, surface: Surface) -> bool:
        """Whether the person may sign in on a surface (requirement B18)."""
        return surface in self.surfaces and (surface is not Surface.AGENT_DESKTOP or self.contact_center_enabled)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts that count against the next one.

    Attributes:
        of_account: When the account's happened, oldest first.
        of_address: How many came from the network address.
    """

    of_account: Sequence[datetime]
    of_address: int


def _accounts(*further: Any) -> Select[Any]:
    """A statement for accounts; what `_account` reads comes first, then the further columns."""
    return (
        select(
            _users.id,
            _users.organization_id,
            _users.display_name,
            _users.version,
            _users.status,
            _users.contact_center_enabled,
            role_bits(_users.id),
            exists().where(_blocks.user_id == _users.id),
            _credentials.password_hash,
            _credentials.single_use,
            _credentials.changed_at,
            _profiles.surfaces,
            _profiles.permissions,
            _organizations.idle_timeout_minutes,
            *further,
        )
        .select_from(table_of(User))
        .join(table_of(Organization), _organizations.id == _users.organization_id)
        .outerjoin(table_of(Credential), _credentials.user_id == _users.id)
        .outerjoin(table_of(UserProfile), _profiles.id == _users.profile_id)
    )


_ACCOUNT_COLUMNS = 14
_BY_MAIL = _accounts().where(_users.email_key == bindparam("mail"), _users.status != UserStatus.DELETED)
_BY_TOKEN = (
    _accounts(_sessions.id, _sessions.surface, _sessions.last_active_at)
    .join(table_of(Session), _sessions.user_id == _users.id)
    .where(
        _sessions.token_hash == bindparam("token"),
        _sessions.ended_at.is_(None),
        _sessions.expires_at > bindparam("at"),
        _users.status == UserStatus.ACTIVE,
    )
)
_KEY_COLUMNS = (_keys.id, _keys.organization_id, _keys.name, _keys.permissions, _keys.last_used_at)
_KEY_STANDS = and_(_keys.revoked_at.is_(None), or_(_keys.expires_at.is_(None), _keys.expires_at > bindparam("at")))
_BY_PREFIX = (
    select(*_KEY_COLUMNS, _secrets.secret_hash)
    .join_from(table_of(ApiKeySecret), table_of(ApiKey), _keys.id == _secrets.api_key_id)
    .where(
        _secrets.prefix == bindparam("prefix"),
        _KEY_STANDS,
        or_(_secrets.expires_at.is_(None), _secrets.expires_at > bindparam("at")),
    )
)


def _account(row: Row[Any]) -> Account:
    (
        key,
        organization,
        name,
        version,
        status,
        enabled,
        bits,
        blocked,
        password,
        single,
        changed,
        surfaces,
        kept,
        idle,
    ) = row[:_ACCOUNT_COLUMNS]
    return Account(
        id=key,
        organization_id=organization,
        display_name=name,
        version=version,
        status=status,
        contact_center_enabled=enabled,
        roles=roles_in(bits),
        blocked=bool(blocked),
        password_hash=password,
        single_use=bool(single),
        changed_at=changed,
        surfaces=frozenset(Surface[each] for each in (["PORTAL"] if surfaces is None else surfaces)),
        kept_permissions=kept,
        idle_minutes=idle,
    )


async def account_by_mail(connection: AsyncConnection, mail: str) -> Account | None:
    """The living person with a mail address, as `mail_key` makes it, in whatever organization (E11)."""
    found = (await connection.execute(_BY_MAIL, {"mail": mail})).first()
    return None if found is None else _account(found)


async def account_by_token(
    connection: AsyncConnection, token_hash: bytes, at: datetime
) -> tuple[Account, UUID, Surface, datetime] | None:
    """Whose session a token opens, with the session's key, surface and last use; None when it has ended or run out."""
    found = (await connection.execute(_BY_TOKEN, {"token": token_hash, "at": at})).first()
    if found is None:
        return None
    account = _account(found)
    session_id, surface, last_active_at = found[_ACCOUNT_COLUMNS:]
    if last_active_at <= at - timedelta(minutes=account.idle_minutes):
        return None
    return account, session_id, surface, last_active_at


async def key_by_prefix(connection: AsyncConnection, prefix: str, at: datetime) -> Any | None:
    """The live API key of a secret: `id`, `organization_id`, `name`, `permissions`, `last_used_at`, `secret_hash`."""
    return (await connection.execute(_BY_PREFIX, {"prefix": prefix, "at": at})).first()


async def failures(
    connection: AsyncConnection, mail: str, address: str | None, *, account_since: datetime, address_since: datetime
) -> Failures:
    """Failed attempts on a mail address, known or not, and from a network address where there is one."""
    mine = select(literal(1), _failures.failed_at).where(
        _failures.account_key == mail, _failures.failed_at > account_since
    )
    here = false() if address is None else _failures.address == address
    near = select(literal(0), _failures.failed_at).where(here, _failures.failed_at > address_since)
    rows = (await connection.execute(union_all(mine, near))).all()
    return Failures(sorted(row[1] for row in rows if row[0]), sum(not row[0] for row in rows))


async def add_failure(connection: AsyncConnection, row: Mapping[str, Any], *, forget_before: datetime) -> None:
    """Note a failed attempt; older ones of the same account or address than `forget_before` count no more."""
    await connection.execute(
        delete(table_of(SignInFailure)).where(
            or_(_failures.account_key == row["account_key"], _failures.address == row["address"]),
            _failures.failed_at < forget_before,
        )
    )
    await connection.execute(insert(table_of(SignInFailure)), [dict(row)])


class CredentialRepository(Bound):
    """What the people and programs of one organization prove themselves with."""

    async def lock(self, user_ids: Collection[UUID]) -> list[UUID]:
        """Lock people in the order of their ids, as every change of a person does; the ids that exist."""
        found = await self._connection.execute(
            select(_users.id)
            .where(self._ours(User), _users.id.in_(user_ids))
            .order_by(_users.id)
            .with_for_update(key_share=True)
        )
        return list(found.scalars())

    async def key(self, key_id: UUID, at: datetime) -> Any | None:
        """A live API key by its id: what `key_by_prefix` tells, without the hash."""
        statement = select(*_KEY_COLUMNS).where(self._ours(ApiKey), _keys.id == key_id, _KEY_STANDS)
        return (await self._connection.execute(statement, {"at": at})).first()

    async def accounts(self, user_ids: Collection[UUID]) -> dict[UUID, Account]:
        """The accounts of people."""
        found = await self._connection.execute(_accounts().where(self._ours(User), _users.id.in_(user_ids)))
        return {account.id: account for account in map(_account, found)}

    async def with_mail(self, mails: Collection[str]) -> dict[str, UUID]:
        """The living people with these mail addresses, as `mail_key` makes them."""
        found = await self._connection.execute(
            select(_users.email_key, _users.id).where(
                self._ours(User), _users.email_key.in_(mails), _users.status != UserStatus.DELETED
            )
        )
        return {row.email_key: row.id for row in found}

    async def mails(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """The mail addresses of people, as `mail_key` makes them."""
        found = await self._connection.execute(
            select(_users.id, _users.email_key).where(self._ours(User), _users.id.in_(user_ids))
        )
        return {row.id: row.email_key for row in found}

    async def unended(self, session_ids: Collection[UUID]) -> set[UUID]:
        """The sessions that nobody has ended, asked again under the lock of their person."""
        found = await self._connection.execute(
            select(_sessions.id).where(self._ours(Session), _sessions.id.in_(session_ids), _sessions.ended_at.is_(None))
        )
        return set(found.scalars())

    async def open_sessions(self, rows: Sequence[Mapping[str, Any]]) -> list[Session]:
        """Add sessions; their light rows."""
        await self._insert(Session, rows)
        make = row_class(Session)
        names = [column.name for column in columns(Session)]
        return [make(*({"organization_id": self._organization_id, **row}.get(name) for name in names)) for row in rows]

    async def note_sign_in(self, user_ids: Collection[UUID], at: datetime) -> None:
        """People signed in; their first time is kept (requirement E8). Their version stays (E9)."""
        await self._connection.execute(
            update(table_of(User))
            .where(self._ours(User), _users.id.in_(user_ids))
            .values(
                activated_at=func.coalesce(_users.activated_at, literal(at, _users.activated_at.type)),
                last_sign_in_at=at,
                last_active_at=at,
            )
        )

    async def end_own(self, session_ids: Collection[UUID], at: datetime) -> list[Session]:
        """End sessions because their people signed out; the ones that this call ended."""
        ended = await self._connection.execute(
            update(table_of(Session))
            .where(self._ours(Session), _sessions.id.in_(session_ids), _sessions.ended_at.is_(None))
            .values(ended_at=at, end_reason=SessionEndReason.SIGNED_OUT)
            .returning(*columns(Session))
        )
        return light(Session, ended)

    async def on_desktop(self, user_ids: Collection[UUID], at: datetime) -> set[UUID]:
        """The people with an open session on the agent desktop (E17)."""
        minutes = select(_organizations.idle_timeout_minutes).where(_organizations.id == self._organization_id)
        idle = int((await self._connection.execute(minutes)).scalar_one())
        found = await self._connection.execute(
            select(_sessions.user_id).where(
                self._ours(Session),
                _sessions.user_id.in_(user_ids),
                _sessions.surface == Surface.AGENT_DESKTOP,
                open_session(at, idle),
            )
        )
        return set(found.scalars())

    async def presence(self, user_id: UUID) -> Presence | None:
        """The presence of a person as it is stored; None when it was never set."""
        found = await self._connection.execute(
            select(*columns(Presence)).where(self._ours(Presence), _presences.user_id == user_id)
        )
        return next(iter(light(Presence, found)), None)

    async def set_presence(self, user_id: UUID, state: PresenceState, reason_code: str | None, at: datetime) -> None:
        """Store the presence of a locked person, from now on."""
        values = {"state": state, "since": at, "reason_code": reason_code}
        changed = await self._connection.execute(
            update(table_of(Presence))
            .where(self._ours(Presence), _presences.user_id == user_id)
            .values(**values)
            .returning(_presences.user_id)
        )
        if changed.first() is None:
            await self._insert(Presence, [{"user_id": user_id, **values}])

    async def set_password(self, user_id: UUID, password_hash: str, *, single_use: bool, at: datetime) -> None:
        """Give a locked person a password, their first or another one."""
        values = {"password_hash": password_hash, "single_use": single_use, "changed_at": at}
        changed = await self._connection.execute(
            update(table_of(Credential))
            .where(self._ours(Credential), _credentials.user_id == user_id)
            .values(**values)
            .returning(_credentials.user_id)
        )
        if changed.first() is None:
            await self._insert(Credential, [{"user_id": user_id, **values}])

    async def rehash(self, user_id: UUID, password_hash: str) -> None:
        """Keep the same password in a newer form."""
        await self._connection.execute(
            update(table_of(Credential))
            .where(self._ours(Credential), _credentials.user_id == user_id)
            .values(password_hash=password_hash)
        )

    async def forget_failures(self, user_ids: Collection[UUID]) -> None:
        """The failed attempts on the accounts of these people count no more."""
        mails = select(_users.email_key).where(self._ours(User), _users.id.in_(user_ids))
        await self._connection.execute(delete(table_of(SignInFailure)).where(_failures.account_key.in_(mails)))

    async def note_activity(
        self, user_ids: Collection[UUID], session_ids: Collection[UUID], key_ids: Collection[UUID], at: datetime
    ) -> None:
        """Sessions and keys were used just now; of people whom the caller has locked."""
        if session_ids:
            await self._connection.execute(
                update(table_of(Session))
                .where(
                    self._ours(Session),
                    _sessions.id.in_(session_ids),
                    _sessions.ended_at.is_(None),
                    _sessions.last_active_at < at,
                )
                .values(last_active_at=at)
            )
            await self._connection.execute(
                update(table_of(User))
                .where(
                    self._ours(User),
                    _users.id.in_(user_ids),
                    or_(_users.last_active_at.is_(None), _users.last_active_at < at),
                )
                .values(last_active_at=at)
            )
        if key_ids:
            await self._connection.execute(
                update(table_of(ApiKey))
                .where(
                    self._ours(ApiKey),
                    _keys.id.in_(key_ids),
                    or_(_keys.last_used_at.is_(None), _keys.last_used_at < at),
                )
                .values(last_used_at=at)
            )

    async def key_named(self, name_key: str) -> UUID | None:
        """The API key with a folded name."""
        found = await self._connection.execute(select(_keys.id).where(self._ours(ApiKey), _keys.name_key == name_key))
        return found.scalar_one_or_none()

    async def add_key(self, row: Mapping[str, Any]) -> None:
        """Add an API key, still without a secret."""
        await self._insert(ApiKey, [row])

    async def renew_key(self, key_id: UUID, permissions: Sequence[str]) -> None:
        """Let a key live (again), with these permissions."""
        await self._connection.execute(
            update(table_of(ApiKey))
            .where(self._ours(ApiKey), _keys.id == key_id)
            .values(permissions=list(permissions), revoked_at=None, expires_at=None)
        )

    async def replace_secret(self, key_id: UUID, prefix: str, secret_hash: bytes, at: datetime) -> None:
        """Give an API key one secret; those that it had open nothing any more."""
        await self._connection.execute(
            delete(table_of(ApiKeySecret)).where(and_(self._ours(ApiKeySecret), _secrets.api_key_id == key_id))
        )
        await self._insert(
            ApiKeySecret,
            [
                {
                    "prefix": prefix,
                    "api_key_id": key_id,
                    "secret_hash": secret_hash,
                    "created_at": at,
                    "expires_at": None,
                }
            ],
        )
