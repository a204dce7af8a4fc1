"""Who may do what: the table of roles and permissions, as data (requirement A24)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from models.permission import Permission, PermissionScope
from models.user import UserRole

P, S = Permission, PermissionScope

_SERVICE = {
    P.USERS_READ,
    P.USERS_UPDATE,
    P.USERS_ASSIGN,
    P.USERS_RESET_PASSWORD,
    P.USERS_DEACTIVATE,
    P.USERS_REACTIVATE,
    P.USERS_FORCE_OFFLINE,
    P.USERS_RESUME_ONLINE,
    P.USERS_SIGN_OUT,
    P.STRUCTURE_WRITE,
    P.PROFILES_WRITE,
    P.LICENSES_READ,
    P.LICENSES_WRITE,
    P.AUDIT_READ,
    P.REPORTS_READ,
}

# DIRECTORY_SYNC is for keys only: a key with it opens SCIM and nothing else.
FULL_ADMINISTRATOR: frozenset[Permission] = frozenset(P) - {P.DIRECTORY_SYNC}

ROLE_PERMISSIONS: Mapping[UserRole, Mapping[Permission, PermissionScope]] = {
    UserRole.FULL_ADMINISTRATOR: dict.fromkeys(FULL_ADMINISTRATOR, S.ORGANIZATION),
    UserRole.SERVICE_ADMINISTRATOR: dict.fromkeys(_SERVICE, S.ORGANIZATION),
    UserRole.SUPERVISOR: {
        P.USERS_READ: S.OWN_TEAMS,
        P.USERS_FORCE_OFFLINE: S.OWN_TEAMS,
        P.USERS_RESUME_ONLINE: S.OWN_TEAMS,
        P.USERS_SIGN_OUT: S.OWN_TEAMS,
        P.REPORTS_READ: S.OWN_TEAMS,
    },
    UserRole.AGENT: {},
}

# What every person has, whatever the roles (requirement E15); a profile never takes it away.
EVERYBODY: Mapping[Permission, PermissionScope] = {P.USERS_READ: S.SELF, P.REPORTS_READ: S.SELF}


def permissions_of(roles: Collection[UserRole], kept: Collection[str] | None) -> dict[Permission, PermissionScope]:
    """The permissions of a person, each with its widest scope.

    Args:
        kept: Names that the user profile keeps; None keeps all. A profile narrows and never widens (B3, B18).
    """
    granted = dict(EVERYBODY)
    for role in roles:
        for permission, scope in ROLE_PERMISSIONS[role].items():
            if kept is not None and permission.name not in kept:
                continue
            if permission not in granted or scope.value > granted[permission].value:
                granted[permission] = scope
    return granted
