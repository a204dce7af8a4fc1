"""Guards that ask for what is kept, with somebody else answering: administrators, seats, and what an undo looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from models.license import LicenseGrantState
from models.operation import BulkItemOutcome, BulkOperation, BulkOperationKind
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.assessing import UNCHANGED
from resolvers.bulk import Item
from resolvers.deltas import Delta
from resolvers.lifecycle import find_seats, keep_an_administrator
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person
from resolvers.undoing import Undo, undo_of
from tests.test_assessing import FULL, SUPERVISOR, code, somebody
from tests.test_guards import AT

ADMINISTRATOR = frozenset({UserRole.FULL_ADMINISTRATOR})


class Kept:
    """Answers as the repositories do, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        async def answer(*asked: Any) -> Any:
            self.asked.append((name, asked))
            return self._answers[name]

        return answer


def a_run(kept: Kept, *, queued: bool = False, carried: dict[UUID, int] | None = None) -> Any:
    repositories = SimpleNamespace(standing=kept, operations=kept, seats=kept)
    return SimpleNamespace(
        change=SimpleNamespace(kept=repositories, at=AT),
        operation_id=uuid7(),
        queued=queued,
        carried=SimpleNamespace(seats=carried or {}),
        caller=FULL,
    )


def items_for(people: Sequence[Person]) -> list[Item]:
    return [Item(index, str(person.id), person, user_id=person.id) for index, person in enumerate(people)]


def codes(items: Sequence[Item]) -> list[Code | None]:
    return [item.errors[0].code if item.errors else None for item in items]


def kept_of(person: Person, outcome: BulkItemOutcome, *errors: Code) -> Any:
    told = [{"code": "".join([*each.value])} for each in errors]  # as it comes out of the database
    return SimpleNamespace(user_id=person.id, outcome=outcome, errors=told)


def test_an_administrator_is_kept() -> None:
    """E6: nobody is asked for where no administrator leaves; who fails anyway does not leave."""
    one, two, agent = somebody(roles=ADMINISTRATOR), somebody(roles=ADMINISTRATOR), somebody()
    kept = Kept(administrators={one.id, two.id})
    batch = items_for([agent])
    asyncio.run(keep_an_administrator(a_run(kept), batch))
    assert (codes(batch), kept.asked) == ([None], [])
    batch = [Item(0, "nobody"), *items_for([one, agent, two])]
    asyncio.run(keep_an_administrator(a_run(kept), batch))
    assert codes(batch) == [None, Code.LAST_ADMINISTRATOR, None, Code.LAST_ADMINISTRATOR]
    assert [name for name, _ in kept.asked] == ["administrators"]
    batch = items_for([one, two])
    batch[0].fail(Problem(Code.PROTECTED_USER, "Protected."))
    asyncio.run(keep_an_administrator(a_run(kept), batch))
    assert codes(batch) == [Code.PROTECTED_USER, None]
    batch = items_for([one])
    batch[0].outcome = BulkItemOutcome.UNCHANGED
    asyncio.run(keep_an_administrator(a_run(Kept(administrators={one.id})), batch))
    assert codes(batch) == [None]
    last = items_for([one, one])
    last[1].fail(Problem(Code.DUPLICATE_IN_REQUEST, "Again."))
    asyncio.run(keep_an_administrator(a_run(Kept(administrators={one.id})), last))
    assert [len(item.errors) for item in last] == [1, 1]


@pytest.mark.parametrize(
    ("outcome", "errors", "expected"),
    [
        (BulkItemOutcome.PENDING, [], Code.LAST_ADMINISTRATOR),
        (BulkItemOutcome.SUCCEEDED, [], Code.LAST_ADMINISTRATOR),
        (BulkItemOutcome.FAILED, [Code.COVERAGE, Code.LAST_ADMINISTRATOR], Code.LAST_ADMINISTRATOR),
        (BulkItemOutcome.FAILED, [Code.PROTECTED_USER], None),
        (BulkItemOutcome.FAILED, [Code.COVERAGE], None),
        (BulkItemOutcome.FAILED, [], None),
        (BulkItemOutcome.UNCHANGED, [Code.LAST_ADMINISTRATOR], None),
        (BulkItemOutcome.SKIPPED, [Code.LAST_ADMINISTRATOR], None),
    ],
)
def test_all_batches_of_an_operation_count(outcome: BulkItemOutcome, errors: list[Code], expected: Code | None) -> None:
    """E6: whom the other batches take, or kept for the same reason."""
    one, two = somebody(roles=ADMINISTRATOR), somebody(roles=ADMINISTRATOR)
    kept = Kept(administrators={one.id, two.id}, items_of_people=[kept_of(two, outcome, *errors)])
    batch, run = items_for([one]), a_run(kept, queued=True)
    asyncio.run(keep_an_administrator(run, batch))
    assert codes(batch) == [expected]
    assert kept.asked[1] == ("items_of_people", (run.operation_id, {one.id, two.id}))
    alone = items_for([one])
    asyncio.run(keep_an_administrator(a_run(kept), alone))
    assert codes(alone) == [None]


def grant(person: Person, license_id: UUID, state: LicenseGrantState, name: str = "Premium") -> Any:
    return SimpleNamespace(user_id=person.id, license_id=license_id, state=state, name=name)


def test_seats_are_found_in_the_order_of_the_input() -> None:
    """E3: who holds another seat of the license needs none; what batches before took is gone."""
    suspended, active = LicenseGrantState.SUSPENDED, LicenseGrantState.ACTIVE
    limited, other = uuid7(), uuid7()
    one, two, three, four = (somebody(status=UserStatus.DEACTIVATED) for _ in range(4))
    grants = [
        grant(one, limited, suspended),
        grant(two, limited, suspended),
        grant(two, other, suspended, "Other"),
        grant(three, limited, suspended),
        grant(three, limited, active),
    ]
    for carried, expected in (
        ({}, [None, Code.NO_SEAT_AVAILABLE, None, None]),
        ({limited: 1}, [Code.NO_SEAT_AVAILABLE] * 2 + [None, None]),
        ({limited: -1}, [None] * 4),
        ({other: 9}, [None, Code.NO_SEAT_AVAILABLE, None, None]),
    ):
        kept = Kept(grants_of=grants, lock_limited={limited: 1})
        batch = items_for([one, two, three, four])
        names = asyncio.run(find_seats(a_run(kept, carried=carried), batch))
        assert codes(batch) == expected
        assert names == {limited: "Premium", other: "Other"}
        assert [set(asked[0]) for _, asked in kept.asked] == [{each.id for each in (one, two, three, four)}, set(names)]
    short = items_for([one, two])
    asyncio.run(find_seats(a_run(Kept(grants_of=grants[:2], lock_limited={limited: 1})), short))
    assert short[1].errors[0].message == "No seat of Premium is left."


def test_seats_are_not_looked_for_without_need() -> None:
    one = somebody(status=UserStatus.DEACTIVATED)
    failed = items_for([one])
    failed[0].fail(Problem(Code.VERSION_CONFLICT, "Changed."))
    nobody = Kept()
    assert asyncio.run(find_seats(a_run(nobody), failed)) == {}
    assert nobody.asked == []
    kept = Kept(grants_of=[grant(one, uuid7(), LicenseGrantState.ACTIVE)])
    batch = items_for([one])
    assert asyncio.run(find_seats(a_run(kept), batch)) == {}
    assert ([name for name, _ in kept.asked], codes(batch)) == (["grants_of"], [None])


def an_undo(does: BulkOperationKind, person: Person, *, version: int = 1, delta: Delta | None = None) -> Undo:
    undo = Undo(uuid7(), does)
    undo.left = {person.id: (version, delta or Delta())}
    return undo


@pytest.mark.parametrize(
    ("does", "terms", "expected"),
    [
        (BulkOperationKind.REACTIVATE, {"status": UserStatus.DEACTIVATED}, None),
        (BulkOperationKind.DEACTIVATE, {}, None),
        (BulkOperationKind.DEACTIVATE, {"protected": True}, Code.PROTECTED_USER),
        (BulkOperationKind.DEACTIVATE, {"in_contact": True}, None),
        (BulkOperationKind.DEACTIVATE, {"id": FULL.id}, Code.SELF_ACTION),
        (BulkOperationKind.RESUME_ONLINE, {"blocked": True}, None),
        (BulkOperationKind.FORCE_OFFLINE, {}, None),
        (BulkOperationKind.FORCE_OFFLINE, {"protected": True}, Code.PROTECTED_USER),
        (BulkOperationKind.FORCE_OFFLINE, {"in_contact": True}, None),
        (BulkOperationKind.ASSIGN_TEAMS, {"protected": True, "in_contact": True}, None),
    ],
)
def test_an_undo_is_assessed_as_what_it_amounts_to(
    does: BulkOperationKind, terms: dict[str, Any], expected: Code | None
) -> None:
    """E9, Z5: and before that, whether somebody changed the person since."""
    person = somebody(version=int("1007"), **terms)
    verdict = an_undo(does, person, version=int("1007")).assess(person, FULL)
    assert code(verdict) is expected
    assert expected is not None or verdict is None
    for version in (1006, 1008):
        assert code(an_undo(does, person, version=version).assess(person, FULL)) is Code.VERSION_CONFLICT


def test_an_undo_lifts_no_block_of_an_administrator_for_a_supervisor() -> None:
    """A28."""
    person = somebody(blocked=True, blocked_by_administrator=True)
    verdict = an_undo(BulkOperationKind.RESUME_ONLINE, person).assess(person, SUPERVISOR)
    assert code(verdict) is Code.BLOCKED_BY_ADMINISTRATOR


def test_nothing_is_given_back_to_the_deactivated() -> None:
    gone, there = somebody(status=UserStatus.DEACTIVATED), somebody()
    taken, added = Delta(taken={"teams": {uuid7(): AT}}), Delta(added={"teams": {uuid7(): AT}})
    does = BulkOperationKind.ASSIGN_TEAMS
    assert code(an_undo(does, gone, delta=taken).assess(gone, FULL)) is Code.INVALID_STATE
    assert an_undo(does, gone, delta=added).assess(gone, FULL) is None
    assert an_undo(does, there, delta=taken).assess(there, FULL) is None


@pytest.mark.parametrize(
    ("kind", "does"),
    [
        (BulkOperationKind.DEACTIVATE, BulkOperationKind.REACTIVATE),
        (BulkOperationKind.REACTIVATE, BulkOperationKind.DEACTIVATE),
        (BulkOperationKind.FORCE_OFFLINE, BulkOperationKind.RESUME_ONLINE),
        (BulkOperationKind.RESUME_ONLINE, BulkOperationKind.FORCE_OFFLINE),
        (BulkOperationKind.ASSIGN_TEAMS, BulkOperationKind.ASSIGN_TEAMS),
        (BulkOperationKind.ASSIGN_QUEUES, BulkOperationKind.ASSIGN_QUEUES),
        (BulkOperationKind.ASSIGN_SKILL_GROUPS, BulkOperationKind.ASSIGN_SKILL_GROUPS),
        (BulkOperationKind.CREATE, None),
        (BulkOperationKind.SIGN_OUT, None),
    ],
)
def test_what_takes_an_operation_back_is_its_opposite(kind: BulkOperationKind, does: BulkOperationKind | None) -> None:
    """Z5: with the permission and the guards of that; and the other way round for an undo of the undo."""
    operation = BulkOperation(id=uuid7(), kind=kind, terms={})
    undo = undo_of(operation)
    assert (None if undo is None else (undo.origin_id, undo.does)) == (None if does is None else (operation.id, does))
    if undo is None:
        return
    takes = does in (BulkOperationKind.DEACTIVATE, BulkOperationKind.FORCE_OFFLINE)
    assert (undo.administrators, undo.takes_all) == (takes, takes)
    assert undo.takes_agents is (takes or kind is does)
    assert Undo.of(undo.kept()) == undo
    again = undo_of(BulkOperation(id=uuid7(), kind=BulkOperationKind.UNDO, terms=undo.kept()))
    assert again is not None
    assert again.does is kind


def test_an_undo_looks_at_what_was_changed_only() -> None:
    one, two = somebody(), somebody()
    undo = Undo(uuid7(), BulkOperationKind.REACTIVATE)
    rows = [
        SimpleNamespace(user_id=one.id, user_version=3, delta={"status": "ACTIVE"}),
        SimpleNamespace(user_id=two.id, user_version=4, delta=None),
    ]
    kept = Kept(items_of_people=rows)
    asyncio.run(undo.load(a_run(kept), [one, two]))
    assert undo.left == {one.id: (3, Delta(status=UserStatus.ACTIVE))}
    assert kept.asked == [("items_of_people", (undo.origin_id, [one.id, two.id]))]
    assert undo.assess(two, FULL) is UNCHANGED


def test_an_undo_is_guarded_as_what_it_amounts_to() -> None:
    """E3, E6."""
    boss = somebody(roles=ADMINISTRATOR)
    for does, expected in (
        (BulkOperationKind.DEACTIVATE, Code.LAST_ADMINISTRATOR),
        (BulkOperationKind.FORCE_OFFLINE, Code.LAST_ADMINISTRATOR),
        (BulkOperationKind.REACTIVATE, None),
        (BulkOperationKind.RESUME_ONLINE, None),
        (BulkOperationKind.ASSIGN_TEAMS, None),
    ):
        kept = Kept(administrators={boss.id}, grants_of=[], items_of_people=[])
        batch = items_for([boss])
        asyncio.run(Undo(uuid7(), does).guard(a_run(kept), batch))
        assert codes(batch) == [expected]
        assert ("grants_of" in [name for name, _ in kept.asked]) is (does is BulkOperationKind.REACTIVATE)
