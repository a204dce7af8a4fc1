"""The rules of who may be changed, without a database."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from models.audit import ActorKind
from models.operation import ActiveContactPolicy
from models.permission import PermissionScope
from models.presence import PresenceState
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.assessing import (
    UNCHANGED,
    AssignmentChange,
    assess_assignment,
    assess_deactivation,
    assess_force_offline,
    assess_last_administrator,
    assess_reach,
    assess_reactivation,
    assess_resume,
    assess_seats,
    assess_sign_out,
)
from resolvers.caller import Caller
from resolvers.permissions import FULL_ADMINISTRATOR, permissions_of
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person

NOW, SKIP = ActiveContactPolicy.END_NOW, ActiveContactPolicy.SKIP


def somebody(**terms: object) -> Person:
    known: dict[str, object] = {
        "id": uuid7(),
        "status": UserStatus.ACTIVE,
        "version": 1,
        "label": "Somebody",
        "protected": False,
        "contact_center_enabled": True,
        "roles": frozenset({UserRole.AGENT}),
        "blocked": False,
        "blocked_by_administrator": False,
        "in_contact": False,
        "has_session": False,
        "presence": PresenceState.OFFLINE,
        "visible": True,
        "reachable": True,
    }
    return Person(**(known | terms))  # type: ignore[arg-type]


def a(role: UserRole) -> Caller:
    return Caller(ActorKind.USER, uuid7(), uuid7(), role.name, permissions_of([role], None), frozenset({role}))


def a_key() -> Caller:
    whole = dict.fromkeys(FULL_ADMINISTRATOR, PermissionScope.ORGANIZATION)
    return Caller(ActorKind.API_KEY, uuid7(), uuid7(), "key", whole)


FULL, SERVICE, SUPERVISOR = (
    a(UserRole.FULL_ADMINISTRATOR),
    a(UserRole.SERVICE_ADMINISTRATOR),
    a(UserRole.SUPERVISOR),
)


def code(verdict: object) -> Code | None:
    return verdict.code if isinstance(verdict, Problem) else None


@pytest.mark.parametrize(
    ("person", "caller", "expected"),
    [
        (None, FULL, Code.NOT_FOUND),
        (somebody(status=UserStatus.DELETED), FULL, Code.NOT_FOUND),
        (somebody(visible=False), SUPERVISOR, Code.NOT_FOUND),
        (somebody(reachable=False), SUPERVISOR, Code.FORBIDDEN),
        (somebody(roles=frozenset({UserRole.AGENT, UserRole.SUPERVISOR})), SUPERVISOR, Code.FORBIDDEN),
        (somebody(roles=frozenset()), SUPERVISOR, None),
        (somebody(roles=frozenset({UserRole.FULL_ADMINISTRATOR})), SERVICE, Code.FORBIDDEN),
        (somebody(roles=frozenset({UserRole.FULL_ADMINISTRATOR})), FULL, None),
        (somebody(roles=frozenset({UserRole.FULL_ADMINISTRATOR})), a_key(), None),
        (somebody(roles=frozenset({UserRole.SUPERVISOR})), SERVICE, None),
        (somebody(id=SUPERVISOR.id, reachable=False, roles=frozenset({UserRole.SUPERVISOR})), SUPERVISOR, None),
    ],
)
def test_whom_a_caller_reaches(person: Person | None, caller: Caller, expected: Code | None) -> None:
    """A28, E15: agents only for supervisors; full administrators only by their equals."""
    assert code(assess_reach(person, caller)) is expected


def test_a_deactivation_is_refused_for_oneself_the_protected_and_a_spared_contact() -> None:
    """C16, E6, E7."""
    assert assess_deactivation(somebody(), FULL, NOW) is None
    assert code(assess_deactivation(somebody(id=FULL.id), FULL, NOW)) is Code.SELF_ACTION
    assert code(assess_deactivation(somebody(protected=True), FULL, NOW)) is Code.PROTECTED_USER
    assert assess_deactivation(somebody(in_contact=True), FULL, NOW) is None
    assert code(assess_deactivation(somebody(in_contact=True), FULL, SKIP)) is Code.ACTIVE_CONTACT


def test_what_is_done_already_is_unchanged_whatever_else_stands_in_the_way() -> None:
    """E4: repeating is no error, for a protected user neither."""
    gone = somebody(status=UserStatus.DEACTIVATED, protected=True, in_contact=True)
    assert assess_deactivation(gone, FULL, SKIP) is UNCHANGED
    assert assess_reactivation(somebody(), FULL) is UNCHANGED
    assert assess_resume(somebody(), FULL) is UNCHANGED
    assert assess_sign_out(somebody(), FULL, SKIP) is UNCHANGED
    blocked = somebody(blocked=True, blocked_by_administrator=True, protected=True)
    assert assess_force_offline(blocked, FULL, NOW) is UNCHANGED
    assert assess_reactivation(gone, FULL) is None


def test_an_administrator_takes_over_the_block_of_a_supervisor() -> None:
    """E14, A28: the other way round nothing changes, and the supervisor cannot lift it."""
    by_supervisor = somebody(blocked=True)
    by_administrator = somebody(blocked=True, blocked_by_administrator=True)
    assert assess_force_offline(by_supervisor, FULL, NOW) is None
    assert assess_force_offline(by_supervisor, a_key(), NOW) is None
    assert assess_force_offline(by_supervisor, SUPERVISOR, NOW) is UNCHANGED
    assert assess_force_offline(by_administrator, SUPERVISOR, NOW) is UNCHANGED
    assert assess_resume(by_supervisor, SUPERVISOR) is None
    assert code(assess_resume(by_administrator, SUPERVISOR)) is Code.BLOCKED_BY_ADMINISTRATOR
    assert assess_resume(by_administrator, a_key()) is None
    assert assess_resume(by_administrator, SERVICE) is None


def test_force_offline_has_the_guards_of_a_deactivation_and_takes_the_deactivated_too() -> None:
    """C16, E6, E14."""
    assert code(assess_force_offline(somebody(id=FULL.id), FULL, NOW)) is Code.SELF_ACTION
    assert code(assess_force_offline(somebody(protected=True), FULL, NOW)) is Code.PROTECTED_USER
    assert assess_force_offline(somebody(status=UserStatus.DEACTIVATED), FULL, NOW) is None
    assert code(assess_force_offline(somebody(in_contact=True), FULL, SKIP)) is Code.ACTIVE_CONTACT


def test_sign_out_spares_nobody_but_a_contact_when_told_so() -> None:
    """B16, E7, E14: protected users and oneself may be signed out."""
    assert assess_sign_out(somebody(has_session=True, protected=True), FULL, NOW) is None
    assert assess_sign_out(somebody(has_session=True, id=FULL.id), FULL, NOW) is None
    assert code(assess_sign_out(somebody(has_session=True, in_contact=True), FULL, SKIP)) is Code.ACTIVE_CONTACT


def test_the_last_administrators_stay_together() -> None:
    """E6: judged over the whole batch; somebody blocked or deactivated does not count as one who is left."""
    one, two = (somebody(roles=frozenset({UserRole.FULL_ADMINISTRATOR})) for _ in range(2))
    assert assess_last_administrator([one.id], {one.id, two.id}) == set()
    assert assess_last_administrator([one.id, two.id], {one.id, two.id}) == {one.id, two.id}
    assert assess_last_administrator([one.id], {one.id}) == {one.id}
    assert assess_last_administrator([two.id], {one.id}) == set()


def test_seats_go_to_the_first_in_the_order_of_the_input() -> None:
    """E3: who goes without takes no seat of another license either."""
    people = [uuid7() for _ in range(4)]
    standard, premium, free = uuid7(), uuid7(), uuid7()
    needs = dict(zip(people, [[standard], [standard, premium], [standard, premium], [free]], strict=True))
    without, taken = assess_seats(needs, {standard: 3, premium: 1, free: None})
    assert without == {people[2]: premium}
    assert taken == {standard: 2, premium: 1, free: 1}
    assert assess_seats({people[0]: [standard]}, {standard: 0}) == ({people[0]: standard}, {})


A, B, C = (uuid7() for _ in range(3))


@pytest.mark.parametrize(
    ("way", "ids", "current", "expected"),
    [
        ("add", (A, B), {B}, ([A], set())),
        ("add", (A,), {A}, UNCHANGED),
        ("remove", (A, B), {B, C}, ([], {B})),
        ("remove", (A,), {B}, UNCHANGED),
        ("set", (A, B), {B, C}, ([A], {C})),
        ("set", (), {B, C}, ([], {B, C})),
        ("set", (), set(), UNCHANGED),
        ("set", (A,), {A}, UNCHANGED),
    ],
)
def test_what_an_assignment_adds_and_takes(
    way: str, ids: tuple[UUID, ...], current: set[UUID], expected: object
) -> None:
    """C17: add, remove, set."""
    assert assess_assignment(somebody(), current, AssignmentChange(way, ids)) == expected


def test_nothing_is_given_to_the_deactivated_or_those_outside_the_contact_center() -> None:
    """E14, B10: a blocked user may be assigned; taking away is no assignment."""
    out = somebody(status=UserStatus.DEACTIVATED)
    outside = somebody(contact_center_enabled=False)
    for way in ("add", "set"):
        assert code(assess_assignment(out, {}, AssignmentChange(way, (A,)))) is Code.INVALID_STATE
        assert code(assess_assignment(outside, {}, AssignmentChange(way, (A,)))) is Code.NOT_CONTACT_CENTER_ENABLED
    assert assess_assignment(out, {}, AssignmentChange("set", ())) is UNCHANGED
    assert assess_assignment(replace(outside), {A}, AssignmentChange("remove", (A,))) == ([], {A})
    assert assess_assignment(somebody(blocked=True), {}, AssignmentChange("add", (A,))) == ([A], set())
