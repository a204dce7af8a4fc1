"""What the data of a person may look like: names, mail, numbers, language, time zone (rule M12), and their roles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from models.license import LicenseType
from models.profile import UserProfileKind
from models.user import UserRole
from resolvers.caller import Caller
from resolvers.permissions import ROLE_PERMISSIONS
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem

MAX_NAME, MAX_KEY, MAX_EXTENSION = 200, 200, 20
LANGUAGES = frozenset({"en", "de", "fr", "it", "sv"})  # requirement E13

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_EXTENSION = re.compile(r"[0-9*#]{1,20}", re.ASCII)
_TAG = re.compile(r"([A-Za-z]{2,3})(-[A-Za-z0-9]{2,8})*", re.ASCII)
# Characters that turn the direction of what follows and make a name read as another one; single marks do not.
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_ADMINISTRATORS = frozenset({UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR})


class Unacceptable(ValueError):
    """A value is not acceptable; the words are for the caller."""


def mail(text: str) -> str:
    """A mail address in the form to show: checked by its form alone, without control, format or private characters."""
    text = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs", "Cn"} for c in text):
        raise Unacceptable("A mail address has no control, format or private characters.")
    try:
        checked = validate_email(text, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as error:
        raise Unacceptable("This is not a mail address.") from error
    return checked.normalized


def name(text: str) -> str:
    """A name: NFC, 1 to 200 characters, on one line."""
    return _line(text, MAX_NAME)


def key(text: str) -> str:
    """An agent number or an external id: 1 to 200 characters, on one line, compared to the letter."""
    return _line(text, MAX_KEY)


def _line(text: str, limit: int) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(text) <= limit:
        raise Unacceptable(f"This has 1 to {limit} characters.")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(c) in _TURNS for c in text):
        raise Unacceptable("This has no control characters or line breaks.")
    if not any(unicodedata.category(c)[0] in "LNPS" for c in text):
        raise Unacceptable("This has a character that can be seen.")
    return text


def phone(text: str) -> str:
    """A phone number in E.164 format; spaces, dashes, dots and brackets are dropped."""
    text = re.sub(r"[\s().\-/]", "", text)
    if not _PHONE.fullmatch(text):
        raise Unacceptable("A phone number is written in E.164 format, for example +4930123456.")
    return text


def extension(text: str) -> str:
    """A phone extension: 1 to 20 digits, stars and hashes."""
    text = text.strip()
    if not _EXTENSION.fullmatch(text):
        raise Unacceptable("An extension has 1 to 20 digits.")
    return text


def locale(text: str) -> str:
    """A BCP 47 tag of a language that mails are written in (requirement E13)."""
    found = _TAG.fullmatch(text)
    if len(text) > 35 or not found or found[1].lower() not in LANGUAGES:
        raise Unacceptable("Mails are written in en, de, fr, it and sv.")
    return text


def time_zone(text: str) -> str:
    """An IANA name of a time zone."""
    if text not in _time_zones():
        raise Unacceptable("This is not the IANA name of a time zone, for example Europe/Berlin.")
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


# How each column of a person that callers write is checked, by its name in the schema.
CHECKS: dict[str, tuple[str, Callable[[str], str]]] = {
    "email": ("email", mail),
    "externalId": ("external_id", key),
    "firstName": ("first_name", name),
    "lastName": ("last_name", name),
    "nickname": ("nickname", name),
    "agentNumber": ("agent_number", key),
    "extension": ("extension", extension),
    "workPhone": ("work_phone", phone),
    "mobilePhone": ("mobile_phone", phone),
    "locale": ("locale", locale),
    "timeZone": ("time_zone", time_zone),
}


def checked(given: dict[str, Any], *path: str) -> tuple[dict[str, str | None], list[Problem]]:
    """The columns that given fields become, and what is wrong with them.

    Args:
        given: Values by their names in the schema; None clears.
    """
    values: dict[str, str | None] = {}
    problems: list[Problem] = []
    for field, value in given.items():
        column, check = CHECKS[field]
        if value is None:
            values[column] = None
            continue
        try:
            values[column] = check(value)
        except Unacceptable as error:
            problems.append(Problem(Code.INVALID, str(error), (*path, field)))
    return values, problems


def roles_problem(roles: Collection[UserRole], held: Collection[LicenseType], *path: str) -> Problem | None:
    """Why somebody cannot have these roles together (requirements D12, D17, E15).

    Args:
        held: Types of the licenses that the person holds.
    """
    if UserRole.SUPERVISOR in roles and _ADMINISTRATORS & set(roles):
        return Problem(Code.ROLES_EXCLUSIVE, "Supervisor and administrator exclude each other.", path)
    if set(roles) >= _ADMINISTRATORS:
        return Problem(Code.ROLES_EXCLUSIVE, "Full and service administrator exclude each other.", path)
    if UserRole.SUPERVISOR in roles and LicenseType.PREMIUM_AGENT not in held:
        return Problem(Code.ROLE_REQUIRES_PREMIUM, "A supervisor needs a PREMIUM_AGENT license.", path)
    return None


def grant_problem(
    caller: Caller, before: Collection[UserRole], after: Collection[UserRole], *path: str
) -> Problem | None:
    """Why the caller may not change roles so: administrator roles are a full administrator's, and nobody grants a
    role that gives a permission which the caller lacks (security.md)."""
    moved = set(before) ^ set(after)
    if moved & _ADMINISTRATORS and not caller.is_full_administrator:
        return Problem(Code.FORBIDDEN, "Administrator roles are changed by full administrators.", path)
    for role in set(after) - set(before):
        for permission, scope in ROLE_PERMISSIONS[role].items():
            held = caller.scope(permission)
            if held is None or held.value < scope.value:
                return Problem(Code.FORBIDDEN, f"You may not grant {role.name}: you lack {permission.name}.", path)
    return None


def default_profile(held: Collection[LicenseType], roles: Collection[UserRole]) -> UserProfileKind:
    """The built-in user profile of license and role (requirement B17)."""
    administrator = bool(_ADMINISTRATORS & set(roles))
    if LicenseType.PREMIUM_AGENT in held:
        if UserRole.SUPERVISOR in roles:
            return UserProfileKind.SUPERVISOR
        return UserProfileKind.ADMINISTRATOR if administrator else UserProfileKind.PREMIUM_AGENT
    if LicenseType.STANDARD_AGENT not in held and administrator:
        return UserProfileKind.ADMINISTRATOR_ONLY
    return UserProfileKind.STANDARD_AGENT
