"""At a time, for a time, and after a contact: what is done later, by the worker (requirements E7, Z8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import resolvers.performing
import resolvers.queued
from models.user import UserStatus
from resolvers.performing import take_back_due
from resolvers.queued import work_on_next
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.test_plans import RECORDS
from tests.test_queued import CANCEL, look, outcomes
from tests.test_undo import operating, state, undo
from tests.wholes import whole

pytestmark = pytest.mark.anyio

TIMES = "query Times($id: ID!) { bulkOperation(id: $id) { status executeAt until revertsAt finishedAt undoable } }"
PERSON = """query Person($id: ID!) { user(by: {id: $id}) {
  status deactivation { revertsAt } signInBlock { revertsAt } teams { nodes { name } }
} }"""


def soon(**terms: float) -> str:
    return (datetime.now(UTC) + timedelta(**terms)).isoformat()


def at(**terms: float) -> Any:
    """A clock that is ahead."""
    return lambda: datetime.now(UTC) + timedelta(**terms)


async def times(gateway: Gateway, operation: Any) -> Any:
    return (await gateway.ask(TIMES, {"id": operation["id"]}))["bulkOperation"]


async def person(gateway: Gateway, who: Person) -> Any:
    return (await gateway.ask(PERSON, {"id": who.id}))["user"]


async def cancel(gateway: Gateway, operation: Any) -> Any:
    return (await gateway.ask(CANCEL, {"id": operation["id"]}))["cancelBulkOperation"]


@pytest.mark.parametrize(
    "mutation", ["deactivateUsers", "reactivateUsers", "forceUsersOffline", "resumeUsersOnline", "signOutUsers"]
)
async def test_what_is_asked_for_another_time_is_done_then_and_not_before(
    gateway: Gateway, staff: Staff, mutation: str
) -> None:
    """Z8: late rather than never."""
    people = await staff.hire(2)
    if mutation == "reactivateUsers":
        await bulk(gateway, "deactivateUsers", people)
    if mutation == "resumeUsersOnline":
        await bulk(gateway, "forceUsersOffline", people)
    if mutation == "signOutUsers":
        [await gateway.sign_in(one) for one in people]
    before = await whole(gateway.database, without=RECORDS)
    asked = await bulk(gateway, mutation, people, executeAt=soon(hours=1))
    assert (asked.codes, asked.operation["status"], asked.outcomes) == ([], "SCHEDULED", ["PENDING"] * 2)
    assert not await work_on_next(gateway.database)
    assert not await work_on_next(gateway.database, now=at(minutes=59))
    assert await whole(gateway.database, without=RECORDS) == before
    assert await work_on_next(gateway.database, now=at(hours=9))
    done = await look(gateway, asked.operation)
    assert (done["status"], outcomes(done)) == ("COMPLETED", ["SUCCEEDED"] * 2)


async def test_a_scheduled_operation_is_listed_and_called_off(gateway: Gateway, staff: Staff) -> None:
    """Z8."""
    people = await staff.hire(2)
    when = soon(hours=1)
    asked = await bulk(gateway, "deactivateUsers", people, executeAt=when)
    listed = await gateway.ask("{ bulkOperations(filter: {status: {eq: SCHEDULED}}) { nodes { id } } }")
    assert [each["id"] for each in listed["bulkOperations"]["nodes"]] == [asked.operation["id"]]
    told = await times(gateway, asked.operation)
    assert datetime.fromisoformat(told["executeAt"]) == datetime.fromisoformat(when)
    canceled = await cancel(gateway, asked.operation)
    assert (canceled["errors"], canceled["operation"]["status"]) == ([], "CANCELED")
    assert not await work_on_next(gateway.database, now=at(days=3))
    assert outcomes(await look(gateway, asked.operation)) == ["SKIPPED"] * 2


@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline"])
async def test_what_is_for_a_time_only_is_taken_back_then(gateway: Gateway, staff: Staff, mutation: str) -> None:
    """Z8: as an undo would, by the server itself."""
    team = await staff.team()
    people = await staff.hire(2, teams=[team])
    without = ["deactivations", "deactivation_teams", "deactivation_queues"]
    before = await state(gateway, without=without)
    when = soon(hours=2)
    done = await bulk(gateway, mutation, people, until=when)
    told = await times(gateway, done.operation)
    assert told["until"] == told["revertsAt"]
    assert datetime.fromisoformat(told["until"]) == datetime.fromisoformat(when)
    kept = await person(gateway, people[0])
    barrier = kept["deactivation" if mutation == "deactivateUsers" else "signInBlock"]
    assert barrier == {"revertsAt": told["revertsAt"]}
    assert not await take_back_due(gateway.database, now=at(hours=1))
    assert await take_back_due(gateway.database, now=at(days=9))
    assert not await take_back_due(gateway.database, now=at(days=9))
    assert await state(gateway, without=without) == before
    after = await times(gateway, done.operation)
    assert (after["until"], after["revertsAt"], after["undoable"]) == (told["until"], None, False)
    newest = await gateway.ask("{ bulkOperations(first: 1) { nodes { kind requestedBy { displayName } } } }")
    assert newest["bulkOperations"]["nodes"][0]["kind"] == "UNDO"


async def test_nothing_is_taken_back_that_was_called_off_taken_back_before_or_changed(
    gateway: Gateway, staff: Staff
) -> None:
    """Z8, E10."""
    people = await staff.hire(4)
    off, undone, changed, same = [await bulk(gateway, "deactivateUsers", [one], until=soon(hours=1)) for one in people]
    nothing = await bulk(gateway, "deactivateUsers", [people[3]], until=soon(hours=1))
    assert (await times(gateway, nothing.operation))["revertsAt"] is None
    canceled = await cancel(gateway, off.operation)
    assert (canceled["errors"], canceled["operation"]["status"]) == ([], "COMPLETED")
    assert (await times(gateway, off.operation))["revertsAt"] is None
    await undo(gateway, undone.operation, dryRun=True)
    assert (await times(gateway, undone.operation))["revertsAt"] is not None
    await undo(gateway, undone.operation)
    assert (await times(gateway, undone.operation))["revertsAt"] is None
    await bulk(gateway, "reactivateUsers", [people[2]])
    await bulk(gateway, "deactivateUsers", [people[2]])
    while await take_back_due(gateway.database, now=at(days=9)):
        pass
    states = [(await person(gateway, one))["status"] for one in people]
    assert states == ["DEACTIVATED", "ACTIVE", "DEACTIVATED", "ACTIVE"]
    assert (await times(gateway, same.operation))["revertsAt"] is None
    assert (await times(gateway, changed.operation))["revertsAt"] is None


async def test_what_is_called_off_at_the_last_moment_is_not_taken_back(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z8: a worker has found it due, and somebody calls it off before the worker gets hold of it."""
    one = await staff.hire()
    done = await bulk(gateway, "deactivateUsers", [one], until=soon(hours=1))
    real = resolvers.performing.next_reverting

    async def found_and_called_off(*arguments: Any) -> Any:
        due = await real(*arguments)
        await cancel(gateway, done.operation)
        return due

    monkeypatch.setattr(resolvers.performing, "next_reverting", found_and_called_off)
    assert await take_back_due(gateway.database, now=at(hours=2))
    assert (await person(gateway, one))["status"] == "DEACTIVATED"


async def test_two_workers_take_nothing_back_twice(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z8: not even where there was nobody left to whom the first could have done anything."""
    one = await staff.hire()
    await bulk(gateway, "deactivateUsers", [one], until=soon(hours=1))
    await bulk(gateway, "reactivateUsers", [one])
    real = resolvers.performing.next_reverting
    second: list[bool] = []

    async def found_by_both(*arguments: Any) -> Any:
        due = await real(*arguments)
        if not second:
            second.append(True)
            assert await take_back_due(gateway.database, now=at(hours=2))
        return due

    monkeypatch.setattr(resolvers.performing, "next_reverting", found_by_both)
    assert await take_back_due(gateway.database, now=at(hours=2))
    listed = await gateway.ask("{ bulkOperations(filter: {kind: {eq: UNDO}}) { totalCount } }")
    assert listed["bulkOperations"]["totalCount"] == 1


@pytest.mark.usefixtures("small")
async def test_large_operations_are_for_a_time_too(gateway: Gateway, staff: Staff) -> None:
    """Z8: scheduled, in batches; what was done is taken back by the worker."""
    people = await staff.hire(5)
    asked = await bulk(gateway, "deactivateUsers", people, executeAt=soon(hours=1), until=soon(hours=2))
    assert await work_on_next(gateway.database, now=at(hours=1, minutes=1))
    assert (await times(gateway, asked.operation))["revertsAt"] is None
    while await work_on_next(gateway.database, now=at(hours=1, minutes=1)):
        pass
    assert (await times(gateway, asked.operation))["revertsAt"] is not None
    assert await take_back_due(gateway.database, now=at(hours=3))
    while await work_on_next(gateway.database, now=at(hours=3)):
        pass
    assert {(await person(gateway, one))["status"] for one in people} == {"ACTIVE"}


@pytest.mark.usefixtures("small")
async def test_what_is_stopped_in_the_middle_stays_however_often_that_is_said(gateway: Gateway, staff: Staff) -> None:
    """Z8: who sends it again because the answer was lost must not say something else by it."""
    people = await staff.hire(5)
    asked = await bulk(gateway, "deactivateUsers", people, until=soon(hours=2))
    assert await work_on_next(gateway.database)
    first = await cancel(gateway, asked.operation)
    assert (first["errors"], first["operation"]["status"]) == ([], "CANCELED")
    stopped = await times(gateway, asked.operation)
    assert (stopped["revertsAt"], stopped["undoable"]) == (None, True)
    assert await cancel(gateway, asked.operation) == first
    assert await times(gateway, asked.operation) == stopped
    assert not await take_back_due(gateway.database, now=at(hours=3))
    states = [(await person(gateway, one))["status"] for one in people]
    assert states == ["DEACTIVATED"] * 2 + ["ACTIVE"] * 3
    await undo(gateway, asked.operation)
    assert {(await person(gateway, one))["status"] for one in people} == {"ACTIVE"}


async def test_what_was_stopped_when_that_kept_the_time_is_called_off_as_well(gateway: Gateway, staff: Staff) -> None:
    """Z8: databases hold operations that were canceled when those were still taken back."""
    done = await bulk(gateway, "deactivateUsers", await staff.hire(2), until=soon(hours=2))
    await gateway.execute("UPDATE bulk_operations SET status = 6 WHERE reverts_at IS NOT NULL")
    assert [(await times(gateway, done.operation))[name] is None for name in ("revertsAt", "until")] == [False, False]
    assert (await cancel(gateway, done.operation))["errors"] == []
    assert (await times(gateway, done.operation))["revertsAt"] is None


async def test_what_lasts_for_good_now_may_be_told_so_again(gateway: Gateway, staff: Staff) -> None:
    """Z8; once it was taken back there is nothing to keep."""
    one = await staff.hire()
    done = await bulk(gateway, "forceUsersOffline", [one], until=soon(hours=2))
    first = await cancel(gateway, done.operation)
    assert (first["errors"], first["operation"]["status"]) == ([], "COMPLETED")
    assert await cancel(gateway, done.operation) == first
    await undo(gateway, done.operation)
    assert [error["code"] for error in (await cancel(gateway, done.operation))["errors"]] == ["INVALID_STATE"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"executeAt": "2020-01-01T00:00:00Z"}, "executeAt"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"executeAt": "2099-01-02T00:00:00Z", "until": "2099-01-01T00:00:00Z"}, "until"),
    ],
)
async def test_times_that_have_passed_are_refused(
    gateway: Gateway, staff: Staff, terms: dict[str, str], field: str
) -> None:
    before = await whole(gateway.database)
    refused = await bulk(gateway, "deactivateUsers", [gateway.admin], **terms)
    assert (refused.codes, refused.paths) == (["INVALID"], [["input", field]])
    assert await whole(gateway.database) == before


async def test_the_times_of_a_plan_hold(gateway: Gateway, staff: Staff) -> None:
    """Z3, Z8."""
    people = await staff.hire(1)
    when, until = soon(hours=1), soon(hours=2)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True, executeAt=when, until=until)
    assert plan.outcomes == ["SUCCEEDED"]
    assert (await times(gateway, plan.operation))["revertsAt"] is None
    target = {"planId": plan.operation["id"]}
    refused = await bulk(gateway, "deactivateUsers", target, executeAt=soon(hours=5))
    assert (refused.codes, refused.paths) == (["INVALID"], [["input", "executeAt"]])
    done = await bulk(gateway, "deactivateUsers", target)
    assert done.operation["status"] == "SCHEDULED"
    told = await times(gateway, done.operation)
    assert [datetime.fromisoformat(told[name]) for name in ("executeAt", "until")] == [
        datetime.fromisoformat(when),
        datetime.fromisoformat(until),
    ]


@pytest.mark.parametrize("failing", ["NOT_FOUND", "SELF_ACTION"])
async def test_all_or_nobody_holds_at_another_time(gateway: Gateway, staff: Staff, failing: str) -> None:
    admin = await gateway.sign_in(gateway.admin)
    people = [await staff.hire(), gateway.admin]
    keys = {"ids": [one.id for one in people]} if failing == "SELF_ACTION" else {"emails": [people[0].email, "x@y.z"]}
    asked = await bulk(gateway, "deactivateUsers", keys, token=admin, executeAt=soon(hours=1), errorPolicy="ATOMIC")
    while await work_on_next(gateway.database, now=at(hours=2)):
        pass
    done = await look(gateway, asked.operation)
    assert (done["status"], outcomes(done)) == ("COMPLETED_WITH_ERRORS", ["SKIPPED", failing])
    assert (await person(gateway, people[0]))["status"] == "ACTIVE"


END = "UPDATE call_records SET ended_at = started_at, ended_by = 0 WHERE id = :key"


@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline", "signOutUsers"])
async def test_who_is_in_a_contact_is_waited_for(gateway: Gateway, staff: Staff, mutation: str) -> None:
    """E7: the others are handled at once; the contact is not ended."""
    free, busy = await staff.hire(2)
    for one in (free, busy):
        await gateway.sign_in(one, "AGENT_DESKTOP")
    call = await staff.call(busy)
    before = await whole(gateway.database, without=RECORDS)
    plan = await bulk(gateway, mutation, [busy, free], onActiveContact="AFTER_CONTACT", dryRun=True)
    assert await whole(gateway.database, without=RECORDS) == before
    assert plan.outcomes == ["SUCCEEDED", "SUCCEEDED"]
    assert plan.totals.get("contactsEnded") is None
    asked = await bulk(gateway, mutation, [busy, free], onActiveContact="AFTER_CONTACT")
    assert (asked.outcomes, asked.operation["status"]) == (["PENDING", "SUCCEEDED"], "RUNNING")
    assert not await work_on_next(gateway.database)
    await gateway.execute(END, key=gateway.key_parameter(call.key))
    assert await work_on_next(gateway.database)
    assert not await work_on_next(gateway.database)
    done = await look(gateway, asked.operation)
    assert (done["status"], outcomes(done)) == ("COMPLETED", ["SUCCEEDED", "SUCCEEDED"])
    assert done["totals"]["contactsEnded"] == 0
    key = gateway.key_parameter(call.key)
    assert await gateway.scalar("SELECT ended_by FROM call_records WHERE id = :key", key=key) == 0


async def test_waiting_for_a_contact_ends_with_cancel_and_goes_with_no_atomic(gateway: Gateway, staff: Staff) -> None:
    """E7."""
    busy = await staff.hire()
    await staff.call(busy)
    refused = await bulk(gateway, "deactivateUsers", [busy], onActiveContact="AFTER_CONTACT", errorPolicy="ATOMIC")
    assert (refused.codes, refused.paths) == (["INVALID"], [["input", "onActiveContact"]])
    asked = await bulk(gateway, "deactivateUsers", [busy], onActiveContact="AFTER_CONTACT")
    canceled = await cancel(gateway, asked.operation)
    assert canceled["operation"]["status"] == "CANCELED"
    assert (await person(gateway, busy))["status"] == "ACTIVE"
    again = await operating(gateway, "retryBulkOperation", asked.operation)
    assert again.outcomes == ["PENDING"]


async def test_a_new_contact_is_waited_for_again(gateway: Gateway, staff: Staff) -> None:
    """E7: somebody who was deactivated meanwhile by others is as asked."""
    one, other = await staff.hire(2)
    calls = [await staff.call(each) for each in (one, other)]
    asked = await bulk(gateway, "deactivateUsers", [one, other], onActiveContact="AFTER_CONTACT")
    await gateway.execute(END, key=gateway.key_parameter(calls[0].key))
    await staff.call(one)
    assert not await work_on_next(gateway.database)
    await bulk(gateway, "deactivateUsers", [one, other])
    await work_on_next(gateway.database)
    assert outcomes(await look(gateway, asked.operation)) == ["UNCHANGED", "UNCHANGED"]
    states = await gateway.rows("SELECT status FROM users WHERE id = :key", key=gateway.key_parameter(one.key))
    assert states[0][0] == UserStatus.DEACTIVATED.value
