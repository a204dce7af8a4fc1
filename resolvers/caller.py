"""Who is asking, and how far that reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.audit import ActorKind
from models.permission import Permission, PermissionScope
from models.session import Surface
from models.user import UserRole
from repositories.sight import Sight
from resolvers.permissions import FULL_ADMINISTRATOR

_ADMINISTRATORS = frozenset({UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Caller:
    """A person with a session, a program with a key, or the server itself (command line).

    Attributes:
        id: Key of the user or the API key; None for the server.
        label: Name to record with what the caller does.
        session_id: The session of a person; None otherwise.
        roles: Roles of a person; empty otherwise.
        must_change_password: The session of a single-use password: it opens `viewer`, `changePassword`, `signOut` only.
    """

    kind: ActorKind
    id: UUID | None
    organization_id: UUID
    label: str
    permissions: dict[Permission, PermissionScope]
    roles: frozenset[UserRole] = frozenset()
    session_id: UUID | None = None
    surface: Surface | None = None
    must_change_password: bool = False
    last_active_at: datetime | None = None

    @property
    def user_id(self) -> UUID | None:
        """The person who asks; None for a program."""
        return self.id if self.kind is ActorKind.USER else None

    def scope(self, permission: Permission) -> PermissionScope | None:
        """How far a permission of the caller reaches; None when it is not held."""
        return self.permissions.get(permission)

    def holds(self, permission: Permission) -> bool:
        """Whether the caller has a permission in the whole organization."""
        return self.permissions.get(permission) is PermissionScope.ORGANIZATION

    @property
    def is_full_administrator(self) -> bool:
        """A person with the role, or a key, and either with every permission of a full administrator; the server too.

        Such a caller acts on full administrators and changes administrator roles, `protected`, mail and agent number.
        Whose custom profile takes a permission away is none: the mail address of an administrator who has it, for
        one, would be a way to get it back.
        """
        if self.kind is ActorKind.USER and UserRole.FULL_ADMINISTRATOR not in self.roles:
            return False
        return all(self.holds(permission) for permission in FULL_ADMINISTRATOR)

    @property
    def is_administrator(self) -> bool:
        """Whether a block that the caller sets is an administrator's: that of a key counts as one (A28, E14)."""
        return self.kind is not ActorKind.USER or not self.roles.isdisjoint(_ADMINISTRATORS)

    @property
    def sight(self) -> Sight:
        """What the caller sees."""
        return Sight(
            actor_kind=self.kind,
            actor_id=self.id,
            user_id=self.user_id,
            users=self.scope(Permission.USERS_READ),
            reports=self.scope(Permission.REPORTS_READ),
            licenses=self.holds(Permission.LICENSES_READ),
            audit=self.holds(Permission.AUDIT_READ),
            keys=self.holds(Permission.KEYS_MANAGE),
        )


def system_caller(organization_id: UUID) -> Caller:
    """The server itself, which may do everything; for the command line."""
    return Caller(
        kind=ActorKind.SYSTEM,
        id=None,
        organization_id=organization_id,
        label="RosterQL",
        permissions=dict.fromkeys(FULL_ADMINISTRATOR, PermissionScope.ORGANIZATION),
    )
