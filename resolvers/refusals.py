"""Ways to say no. A refusal is an answer in words for the caller; everything else that is raised is a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Refusal(Exception):
    """The caller asked for something that is not to be had; becomes a top-level error with a code (rule R1).

    Attributes:
        code: Stable code in `extensions.code`.
        status: HTTP status of an answer with it.
        path: Where in the arguments the cause is, for example `("filter", "id", "eq")`; None when nowhere.
        details: Further extensions.
    """

    code = "BAD_USER_INPUT"
    status = 200

    def __init__(self, message: str, path: Sequence[str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path) if path is not None else None
        self.details = details


class NotAuthenticated(Refusal):
    """Nobody knows who is asking."""

    code = "UNAUTHENTICATED"


class NotPermitted(Refusal):
    """The caller lacks a permission altogether (rule M14)."""

    code = "FORBIDDEN"


class BadInput(Refusal):
    """An argument of a query is not acceptable."""

    code = "BAD_USER_INPUT"


class BadCursor(Refusal):
    """A cursor is broken, or belongs to another list or another order (rule Q3)."""

    code = "BAD_CURSOR"


class CostExceeded(Refusal):
    """A document is larger or costs more than one request may."""

    code = "COST_LIMIT"


class DepthExceeded(Refusal):
    """A document is nested more deeply than is taken."""

    code = "DEPTH_LIMIT"


class MutationErrorCode(Enum):
    """Machine-readable kind of a problem in a mutation."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    EMAIL_IN_USE = "EMAIL_IN_USE"
    EMAIL_IN_OTHER_ORGANIZATION = "EMAIL_IN_OTHER_ORGANIZATION"
    AGENT_NUMBER_IN_USE = "AGENT_NUMBER_IN_USE"
    EXTERNAL_ID_IN_USE = "EXTERNAL_ID_IN_USE"
    NAME_IN_USE = "NAME_IN_USE"
    IN_USE = "IN_USE"
    INVALID_STATE = "INVALID_STATE"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    SELF_ACTION = "SELF_ACTION"
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR"
    PROTECTED_USER = "PROTECTED_USER"
    ACTIVE_CONTACT = "ACTIVE_CONTACT"
    FIELD_NOT_EDITABLE = "FIELD_NOT_EDITABLE"
    MANAGED_BY_DIRECTORY = "MANAGED_BY_DIRECTORY"
    DESKTOP_PROFILE_REQUIRED = "DESKTOP_PROFILE_REQUIRED"
    NOT_CONTACT_CENTER_ENABLED = "NOT_CONTACT_CENTER_ENABLED"
    ROLE_REQUIRES_PREMIUM = "ROLE_REQUIRES_PREMIUM"
    ROLES_EXCLUSIVE = "ROLES_EXCLUSIVE"
    ROLE_NOT_ON_CREATE = "ROLE_NOT_ON_CREATE"
    NO_SEAT_AVAILABLE = "NO_SEAT_AVAILABLE"
    BLOCKED_BY_ADMINISTRATOR = "BLOCKED_BY_ADMINISTRATOR"
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    NO_SURFACE_ACCESS = "NO_SURFACE_ACCESS"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    PASSWORD_UNACCEPTABLE = "PASSWORD_UNACCEPTABLE"
    DUPLICATE_IN_REQUEST = "DUPLICATE_IN_REQUEST"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    COUNT_MISMATCH = "COUNT_MISMATCH"
    COVERAGE = "COVERAGE"
    PLAN_STALE = "PLAN_STALE"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class MutationWarningCode(Enum):
    """Machine-readable kind of a warning."""

    PREMIUM_APPLIES = "PREMIUM_APPLIES"
    TEAMS_RESET = "TEAMS_RESET"
    DESKTOP_PROFILE_RESET = "DESKTOP_PROFILE_RESET"
    NOT_RESTORED = "NOT_RESTORED"
    COVERAGE = "COVERAGE"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the caller of a mutation can do something about.

    Attributes:
        path: Place in the input, beginning with `input`, list positions as digits; None when no value is to blame.
    """

    code: MutationErrorCode
    message: str
    path: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """Something worth knowing that stopped nothing (requirement E12)."""

    code: MutationWarningCode
    message: str
    path: tuple[str, ...] | None = None


class Refused(Exception):
    """A mutation as a whole did nothing; becomes `errors` in its payload (rule M1)."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


def refuse(code: MutationErrorCode, message: str, *path: str) -> Refused:
    """A refusal of the whole mutation for one reason."""
    return Refused(Problem(code, message, path or None))
