"""What guards a whole batch, without a database: queues that keep their agents, seats, and what is kept for an undo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest

from models.audit import ActorKind
from models.operation import ActiveContactPolicy, BulkItemOutcome, StateChangeReason, UserEffectKind
from models.organization import CoverageRule
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.assessing import (
    WAITING,
    AssignmentChange,
    assess_assignment,
    assess_deactivation,
    assess_reach,
    assess_seats,
)
from resolvers.bulk import Effect, Item
from resolvers.coverage import Guarded, Shortage, assess_coverage, copies, left, shortage_of
from resolvers.deltas import Delta
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import MutationWarningCode, Problem
from tests.test_assessing import FULL, SUPERVISOR, code, somebody

BILLING, CLAIMS, SALES = (uuid7() for _ in range(3))
ANNA, BEN, CARA = (uuid7() for _ in range(3))
AT = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


def row(user_id: UUID, queue_id: UUID, minimum: int, rule: CoverageRule = CoverageRule.REFUSE) -> Any:
    name = {BILLING: "Billing", CLAIMS: "Claims", SALES: "Sales"}[queue_id]
    return SimpleNamespace(user_id=user_id, queue_id=queue_id, name=name, minimum_agents=minimum, rule=rule)


def items(*user_ids: UUID | None) -> list[Item]:
    return [Item(index, str(index), user_id=user_id) for index, user_id in enumerate(user_ids)]


def test_what_is_guarded_is_gathered_by_person_and_queue() -> None:
    assert Guarded.of([], {}) is None
    rows = [row(ANNA, BILLING, 2), row(ANNA, CLAIMS, 1), row(BEN, BILLING, 2)]
    guarded = Guarded.of(rows, {CLAIMS: 4})
    assert guarded == Guarded(
        CoverageRule.REFUSE,
        {ANNA: [BILLING, CLAIMS], BEN: [BILLING]},
        {BILLING: ("Billing", 2), CLAIMS: ("Claims", 1)},
        {CLAIMS: 4},
    )


def test_queues_are_looked_after_by_themselves() -> None:
    """Z14: at the end of an operation in batches, which warns."""
    rows = [SimpleNamespace(id=BILLING, name="Billing", minimum_agents=2)]
    assert Guarded.among(rows, {BILLING: 1}) == Guarded(CoverageRule.WARN, {}, {BILLING: ("Billing", 2)}, {BILLING: 1})


def test_a_queue_is_short_below_its_minimum_and_not_at_it() -> None:
    """Z14: those who left in the batches before are gone too."""
    guarded = Guarded.of([row(ANNA, BILLING, 3)], {})
    assert guarded is not None
    assert guarded.shortage(BILLING, 3) is None
    assert guarded.shortage(BILLING, 4) is None
    assert guarded.shortage(BILLING, 2) == Shortage(BILLING, "Billing", 3, 2)
    later = Guarded.of([row(ANNA, BILLING, 3)], {BILLING: 1})
    assert later is not None
    assert later.shortage(BILLING, 4) is None
    assert later.shortage(BILLING, 3) == Shortage(BILLING, "Billing", 3, 2)


def test_agents_leave_in_the_order_of_the_input_as_long_as_enough_stay() -> None:
    """Z14: who is refused stays everywhere, and who fails for another reason leaves nobody behind."""
    guarded = Guarded.of([row(ANNA, BILLING, 1), row(ANNA, CLAIMS, 2)], {})
    assert guarded is not None
    leaving = {ANNA: [BILLING], BEN: [BILLING, CLAIMS], CARA: [BILLING]}
    asked = items(None, ANNA, BEN, CARA)
    assess_coverage(asked, leaving, {BILLING: 3, CLAIMS: 2}, guarded)
    assert [item.passing for item in asked] == [True, True, False, True]
    assert [problem.code for problem in asked[2].errors] == [Code.COVERAGE]
    assert asked[2].errors[0].message == "Claims would be left with 1 of at least 2 active agents."
    failed = items(ANNA, BEN)
    failed[0].fail(Problem(Code.PROTECTED_USER, "Protected."))
    assess_coverage(failed, {ANNA: [BILLING], BEN: [BILLING]}, {BILLING: 2}, guarded)
    assert [problem.code for problem in failed[0].errors] == [Code.PROTECTED_USER]
    assert failed[1].passing
    both = items(BEN)
    assess_coverage(both, leaving, {BILLING: 1, CLAIMS: 2}, guarded)
    assert [problem.message.split()[0] for problem in both[0].errors] == ["Billing", "Claims"]
    nobody = items(CARA)
    assess_coverage(nobody, leaving, {}, guarded)
    assert nobody[0].errors[0].message == "Billing would be left with -1 of at least 1 active agents."
    two = items(ANNA, CARA)
    assess_coverage(two, {ANNA: [BILLING], CARA: [BILLING]}, {}, Guarded.of([row(ANNA, BILLING, -1)], {}))  # type: ignore[arg-type]
    assert [item.passing for item in two] == [True, False]
    assert two[1].errors[0].message.startswith("Billing would be left with -2")


def test_a_shortage_is_stored_and_told() -> None:
    shortage = Shortage(BILLING, "Billing", 1_200, 1_100)
    assert shortage_of(shortage.kept()) == shortage
    assert shortage.kept() == {"queue": BILLING.hex, "name": "Billing", "minimum": 1_200, "agents": 1_100}
    assert shortage.warning.code is MutationWarningCode.COVERAGE
    assert shortage.warning.message == "Billing is left with 1,100 of at least 1,200 active agents."
    assert (shortage.problem.code, shortage.problem.message.split()[1:3]) == (Code.COVERAGE, ["would", "be"])


def test_what_is_tried_on_copies_leaves_no_trace() -> None:
    item = items(ANNA)[0]
    item.effects.append(Effect(UserEffectKind.ASSIGNED, "before"))
    made = copies({ANNA: item})
    assert list(made) == [ANNA]
    copy = made[ANNA]
    assert (copy.index, copy.user_id, copy.outcome) == (0, ANNA, BulkItemOutcome.SUCCEEDED)
    assert (copy.errors, copy.warnings, copy.effects, copy.changes, copy.delta) == ([], [], [], [], Delta())
    copy.fail(Problem(Code.COVERAGE, "Tried."))
    copy.delta.added["teams"] = {BILLING: AT}
    assert (item.passing, item.errors, item.delta, len(item.effects)) == (True, [], Delta(), 1)


def test_who_left_which_queue_is_told_from_before_and_after() -> None:
    before = {ANNA: [BILLING, CLAIMS], BEN: [SALES], CARA: [BILLING]}
    assert left(before, {ANNA: [CLAIMS], BEN: [SALES]}) == {ANNA: [BILLING], CARA: [BILLING]}


def test_what_cannot_change_after_it_was_found_is_frozen() -> None:
    guarded = Guarded.of([row(ANNA, BILLING, 1)], {})
    assignment = AssignmentChange("set", (BILLING,))
    for thing, name in ((Shortage(BILLING, "Billing", 1, 0), "agents"), (guarded, "rule"), (assignment, "way")):
        with pytest.raises(AttributeError):
            setattr(thing, name, None)


BLOCK = {
    "since": AT,
    "actor_kind": ActorKind.USER,
    "actor_id": ANNA,
    "by_administrator": True,
    "reason": StateChangeReason.LEAVE,
    "note": "until spring",
    "operation_id": None,
}


@pytest.mark.parametrize(
    "delta",
    [
        Delta(status=UserStatus.ACTIVE),
        Delta(status=UserStatus.DEACTIVATED, added={"teams": {BILLING: AT}}),
        Delta(block={}),
        Delta(block=BLOCK),
        Delta(block={**BLOCK, "actor_id": None, "by_administrator": False, "note": None, "operation_id": BEN}),
        Delta(added={"queues": {BILLING: AT, CLAIMS: AT + timedelta(days=1)}}, taken={"skillGroups": {SALES: AT}}),
    ],
)
def test_what_was_changed_comes_back_from_the_store_as_it_was(delta: Delta) -> None:
    """E10: as plain values, whatever the database makes of them."""

    kept = orjson.loads(orjson.dumps(delta.kept()))
    assert Delta.of(kept) == delta


def test_what_was_not_changed_is_not_kept() -> None:
    assert Delta().kept() is None
    assert Delta.of(None) == Delta.of({}) == Delta()
    assert Delta(status=UserStatus.ACTIVE).kept() == {"status": "ACTIVE"}
    assert Delta(block={}).kept() == {"block": {}}
    assert Delta(block=BLOCK).kept() == {
        "block": {
            "since": "2026-03-01T08:30:15.123456+00:00",
            "actor_kind": "USER",
            "actor_id": ANNA.hex,
            "by_administrator": True,
            "reason": "LEAVE",
            "note": "until spring",
            "operation_id": None,
        }
    }
    assert Delta(taken={"teams": {BILLING: AT}}).kept() == {"taken": {"teams": {BILLING.hex: AT}}}


def test_who_gets_the_last_seats() -> None:
    """E3: a license that is not limited, or not known to be, has seats for all."""
    people = [uuid7() for _ in range(4)]
    limited, free, unknown = uuid7(), uuid7(), uuid7()
    needs = {person: [free, limited, unknown] for person in people}
    assert assess_seats(needs, {limited: 2, free: None}) == (
        {people[2]: limited, people[3]: limited},
        {free: 2, limited: 2, unknown: 2},
    )
    assert assess_seats({people[0]: [limited, free]}, {limited: 5, free: -1}) == ({people[0]: free}, {})
    assert assess_seats({person: [limited] for person in people}, {limited: 4}) == ({}, {limited: 4})


def test_a_supervisor_is_told_of_nobody_unseen() -> None:
    """A28: not even that somebody is there."""
    hidden = assess_reach(somebody(visible=False, roles=frozenset({UserRole.FULL_ADMINISTRATOR})), SUPERVISOR)
    assert hidden is not None
    assert hidden.message == "There is nobody with this key."
    assert assess_reach(somebody(id=FULL.id, status=UserStatus.DEACTIVATED, reachable=False), FULL) is None


def test_a_key_is_the_same_wherever_it_was_read() -> None:
    """C16: from the token of the caller, and from the row of the person."""
    oneself = somebody(id=UUID(str(FULL.id)), reachable=False)
    assert assess_reach(oneself, FULL) is None
    verdict = assess_deactivation(oneself, FULL, ActiveContactPolicy.END_NOW)
    assert code(verdict) is Code.SELF_ACTION


def test_a_contact_is_ended_spared_or_waited_for() -> None:
    """E7: who is in no contact is not waited for."""
    verdicts = {
        policy: [assess_deactivation(somebody(in_contact=busy), FULL, policy) for busy in (False, True)]
        for policy in ActiveContactPolicy
    }
    assert {policy: free for policy, (free, _) in verdicts.items()} == dict.fromkeys(ActiveContactPolicy)
    assert verdicts[ActiveContactPolicy.END_NOW][1] is None
    assert verdicts[ActiveContactPolicy.AFTER_CONTACT][1] is WAITING
    assert code(verdicts[ActiveContactPolicy.SKIP][1]) is Code.ACTIVE_CONTACT


def test_a_supervisor_acts_on_no_other_supervisor() -> None:
    """A28."""
    assert code(assess_reach(somebody(roles=frozenset({UserRole.SUPERVISOR})), SUPERVISOR)) is Code.FORBIDDEN


@pytest.mark.parametrize("way", ["add", "remove", "set"])
def test_what_is_assigned_is_told_by_the_word_and_not_by_the_object(way: str) -> None:
    """C17: as it comes out of a request or the database."""
    verdict = assess_assignment(somebody(), {CLAIMS, SALES}, AssignmentChange("".join([*way]), (BILLING, CLAIMS)))
    assert (
        verdict
        == {
            "add": ([BILLING], set()),
            "remove": ([], {CLAIMS}),
            "set": ([BILLING], {SALES}),
        }[way]
    )
