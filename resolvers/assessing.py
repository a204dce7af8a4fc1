"""Whether an action may be done to somebody: plain functions over what was loaded, which touch nothing.

Each gives None when the action is to be done, `UNCHANGED` when nothing is left to do (rule M3), `WAITING` when the
contact of the person is waited for (requirement E7), or the problem.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal
from uuid import UUID

from models.operation import ActiveContactPolicy
from models.user import UserRole, UserStatus
from resolvers.caller import Caller
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person


class Already(Enum):
    """The state is as asked."""

    UNCHANGED = "UNCHANGED"


class Later(Enum):
    """It will be done once the contact of the person is over."""

    WAITING = "WAITING"


UNCHANGED: Literal[Already.UNCHANGED] = Already.UNCHANGED
WAITING: Literal[Later.WAITING] = Later.WAITING
Verdict = Problem | Literal[Already.UNCHANGED] | Literal[Later.WAITING] | None


def assess_reach(person: Person | None, caller: Caller) -> Problem | None:
    """Whether the caller may act on somebody at all (rule M14, A28, security.md).

    Who is unknown, deleted or unseen is NOT_FOUND; who is seen but out of reach is FORBIDDEN. Somebody whose
    permission reaches their own teams acts on agents only; only who equals a full administrator acts on one.
    """
    if person is None or not person.visible or person.status is UserStatus.DELETED:
        return Problem(Code.NOT_FOUND, "There is nobody with this key.")
    if person.id == caller.user_id:
        return None
    agents_only = caller.kind.name == "USER" and not caller.is_administrator
    if not person.reachable or (agents_only and person.roles - {UserRole.AGENT}):
        return Problem(Code.FORBIDDEN, f"You may not do this to {person.label}.")
    if person.is_full_administrator and not caller.is_full_administrator:
        return Problem(Code.FORBIDDEN, f"Only a full administrator does this to {person.label}.")
    return None


def _assess_removal(person: Person, caller: Caller, policy: ActiveContactPolicy) -> Verdict:
    if person.protected:
        return Problem(Code.PROTECTED_USER, f"{person.label} is protected from this.")
    return _assess_contact(person, policy)


def _assess_contact(person: Person, policy: ActiveContactPolicy) -> Verdict:
    if not person.in_contact or policy is ActiveContactPolicy.END_NOW:
        return None
    if policy is ActiveContactPolicy.AFTER_CONTACT:
        return WAITING
    return Problem(Code.ACTIVE_CONTACT, f"{person.label} is handling a contact.")


def _assess_self(person: Person, caller: Caller) -> Problem | None:
    if person.id == caller.user_id:
        return Problem(Code.SELF_ACTION, "You cannot do this to yourself.")
    return None


def assess_deactivation(person: Person, caller: Caller, policy: ActiveContactPolicy) -> Verdict:
    """Requirements A1, C16, E4, E6, E7."""
    if refusal := _assess_self(person, caller):
        return refusal
    if person.status is UserStatus.DEACTIVATED:
        return UNCHANGED
    return _assess_removal(person, caller, policy)


def assess_reactivation(person: Person, caller: Caller) -> Verdict:
    """Requirements A1, E4; seats are judged over the whole batch, by `assess_seats`."""
    return UNCHANGED if person.status is UserStatus.ACTIVE else None


def assess_force_offline(person: Person, caller: Caller, policy: ActiveContactPolicy) -> Verdict:
    """Requirements C12, C16, E4, E6, E14: an administrator's block takes the place of a supervisor's."""
    if refusal := _assess_self(person, caller):
        return refusal
    if person.blocked and (person.blocked_by_administrator or not caller.is_administrator):
        return UNCHANGED
    return _assess_removal(person, caller, policy)


def assess_resume(person: Person, caller: Caller) -> Verdict:
    """Requirements C13, A28: a block set by an administrator is lifted by administrators only."""
    if not person.blocked:
        return UNCHANGED
    if person.blocked_by_administrator and not caller.is_administrator:
        return Problem(Code.BLOCKED_BY_ADMINISTRATOR, f"An administrator set the block of {person.label}.")
    return None


def assess_sign_out(person: Person, caller: Caller, policy: ActiveContactPolicy) -> Verdict:
    """Requirements B16, E14: without an open session there is nothing to do; one's own sessions may be ended."""
    if not person.has_session:
        return UNCHANGED
    return _assess_contact(person, policy)


def assess_last_administrator(leaving: Collection[UUID], administrators: Collection[UUID]) -> set[UUID]:
    """Who cannot leave, because no active, unblocked full administrator would be left (requirement E6).

    Args:
        leaving: Everybody whom the batch would take out of service.
        administrators: The full administrators who are active and not blocked now.
    """
    gone = set(leaving) & set(administrators)
    return gone if gone and gone == set(administrators) else set()


def assess_seats(
    needs: Mapping[UUID, Collection[UUID]], available: Mapping[UUID, int | None]
) -> tuple[dict[UUID, UUID], dict[UUID, int]]:
    """Hand out seats in the order of the input (requirement E3).

    Args:
        needs: The licenses of which each person needs a seat.
        available: Seats left in each license, None where unlimited.

    Returns:
        Who goes without, with the license that is missing; and how many seats of each license were handed out.
    """
    left = dict(available)
    without: dict[UUID, UUID] = {}
    taken: dict[UUID, int] = {}
    for user_id, licenses in needs.items():
        missing = next((each for each in licenses if (seats := left.get(each)) is not None and seats < 1), None)
        if missing is not None:
            without[user_id] = missing
            continue
        for each in licenses:
            taken[each] = taken.get(each, 0) + 1
            if (seats := left.get(each)) is not None:
                left[each] = seats - 1
    return without, taken


@dataclass(frozen=True, slots=True)
class AssignmentChange:
    """A change of the teams, direct queues or skill groups of people, in one way.

    Attributes:
        way: `add`, `remove` or `set`.
        ids: The things, in the order of the input.
    """

    way: str
    ids: tuple[UUID, ...]


def assess_assignment(
    person: Person, current: Collection[UUID], change: AssignmentChange
) -> Verdict | tuple[list[UUID], set[UUID]]:
    """What an assignment adds to and takes from somebody (requirements B10, C17, E14).

    Returns:
        A problem, `UNCHANGED`, or what is added, in the order of the input, and what is taken.
    """
    adding = change.way in ("add", "set") and bool(change.ids)
    if adding and person.status is not UserStatus.ACTIVE:
        return Problem(Code.INVALID_STATE, f"{person.label} is deactivated: reactivate first.")
    if adding and not person.contact_center_enabled:
        return Problem(Code.NOT_CONTACT_CENTER_ENABLED, f"{person.label} is not enabled for the contact center.")
    added, taken = difference(current, change)
    return (added, taken) if added or taken else UNCHANGED


def difference(current: Collection[UUID], change: AssignmentChange) -> tuple[list[UUID], set[UUID]]:
    """What a change adds to what is there, in the order of the input, and what it takes."""
    wanted = set(change.ids)
    if change.way == "remove":
        return [], wanted & set(current)
    added = [each for each in change.ids if each not in current]
    return added, set(current) - wanted if change.way == "set" else set()
