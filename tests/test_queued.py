"""Operations that go on after the answer: in batches, by a worker, whoever comes and goes meanwhile (M2, Z4)."""

from __future__ import annotations

import re
from typing import Any

import pytest

import resolvers.queued
from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.queued import work_on_next
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Staff
from tests.statements import Statements
from tests.test_plans import RECORDS
from tests.wholes import whole

OPERATION = """
query Operation($id: ID!) { bulkOperation(id: $id) {
  id kind status dryRun progress { total processed } startedAt finishedAt failure { code message }
  totals { succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed seatsNeeded }
  items(first: 100) { nodes { index key outcome errors { code path } warnings { code }
    effects { kind subjectLabel description } user { id } } }
} }
"""
CANCEL = """
mutation Cancel($id: ID!) { cancelBulkOperation(input: {id: $id}) {
  errors { code path } operation { id status totals { succeeded skipped } progress { total processed } }
} }
"""


async def look(gateway: Gateway, operation: Any) -> Any:
    return (await gateway.ask(OPERATION, {"id": operation["id"]}))["bulkOperation"]


async def all_done(gateway: Gateway) -> int:
    """Work until nothing is left; how many batches that took."""
    batches = 0
    while await work_on_next(gateway.database):
        batches += 1
    return batches


def outcomes(operation: Any) -> list[str]:
    return [item["errors"][0]["code"] if item["errors"] else item["outcome"] for item in operation["items"]["nodes"]]


# Whole tables of what every person has, and all rows of an organization.
MANY = "users|presences|sessions|call_records|memberships|user_queues|skill_group_members|license_grants|deactivations"
READS_ALL = re.compile(rf"SCAN ({MANY})\b|SEARCH ({MANY}) .*\(organization_id=\?( AND status=\?)?\)")

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small")]


async def test_what_is_too_much_for_a_request_is_done_by_a_worker_batch_by_batch(
    gateway: Gateway, staff: Staff
) -> None:
    """D30, Z4: progress is seen from outside."""
    team = await staff.team()
    people = await staff.hire(5, teams=[team])
    gone = await staff.hire(status=UserStatus.DEACTIVATED)
    asked = await bulk(gateway, "deactivateUsers", {"ids": [one.id for one in (*people, gone, people[0])]})
    assert (asked.codes, asked.operation["status"]) == ([], "QUEUED")
    assert [failed["key"] for failed in asked.payload["failed"]] == [people[0].id]
    assert asked.outcomes == ["PENDING"] * 6 + ["DUPLICATE_IN_REQUEST"]
    before = await look(gateway, asked.operation)
    assert before["progress"] == {"total": 7, "processed": 1}
    assert (before["startedAt"], before["finishedAt"]) == (None, None)
    assert await work_on_next(gateway.database)
    between = await look(gateway, asked.operation)
    assert (between["status"], between["progress"]["processed"]) == ("RUNNING", 3)
    assert between["startedAt"] is not None
    assert await all_done(gateway) == 2
    after = await look(gateway, asked.operation)
    assert outcomes(after) == ["SUCCEEDED"] * 5 + ["UNCHANGED", "DUPLICATE_IN_REQUEST"]
    assert (after["status"], after["progress"]) == ("COMPLETED_WITH_ERRORS", {"total": 7, "processed": 7})
    assert after["finishedAt"] is not None
    assert after["totals"]["teamsLeft"] == 5
    assert not await work_on_next(gateway.database)


async def planned(gateway: Gateway, statement: str) -> list[Any]:
    """How SQLite goes about a statement, whatever is looked for."""
    async with gateway.database.reading() as connection:
        nothing = (None,) * statement.count("?")
        return list(await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", nothing))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline", "signOutUsers"])
async def test_a_batch_reads_nobody_else_on_sqlite(gateway: Gateway, statements: Statements, mutation: str) -> None:
    """However large the organization is: no statement goes through all of it, or through all that belongs to it."""
    staff = gateway.staff
    people = await staff.hire(6, teams=[await staff.team()], queues=[await staff.queue(minimum_agents=1)])
    await bulk(gateway, mutation, people)
    with statements.counting() as counted:
        assert await work_on_next(gateway.database)
    plans = [
        (row[3], statement)
        for statement in counted.statements
        if not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK"))
        for row in await planned(gateway, statement)
    ]
    assert any("SEARCH users USING INDEX" in plan for plan, _ in plans)
    assert [each for each in plans if READS_ALL.match(each[0])] == []


@pytest.mark.parametrize("named", ["emails", "externalIds", "agentNumbers"])
async def test_people_are_named_by_any_key(gateway: Gateway, staff: Staff, named: str) -> None:
    attribute = {"emails": "email", "externalIds": "external_id", "agentNumbers": "agent_number"}[named]
    people = await staff.hire(3)
    keys = [getattr(one, attribute) for one in people]
    asked = await bulk(gateway, "forceUsersOffline", {named: [*keys, "nobody", keys[0]]})
    await all_done(gateway)
    done = await look(gateway, asked.operation)
    assert outcomes(done) == ["SUCCEEDED"] * 3 + ["NOT_FOUND", "DUPLICATE_IN_REQUEST"]
    assert [item["key"] for item in done["items"]["nodes"]] == [*keys, "nobody", keys[0]]


async def test_a_filter_is_settled_when_the_operation_is_made(gateway: Gateway, staff: Staff) -> None:
    """Z7, M7 of the schema rules."""
    team = await staff.team()
    await staff.hire(4, teams=[team])
    matching = {"filter": {"team": {"eq": team.id}}, "expectedCount": 4}
    asked = await bulk(gateway, "forceUsersOffline", {"matching": matching})
    late = await staff.hire(teams=[team])
    await all_done(gateway)
    done = await look(gateway, asked.operation)
    assert (done["status"], done["progress"]["total"]) == ("COMPLETED", 4)
    assert late.id not in {item["user"]["id"] for item in done["items"]["nodes"]}


async def test_a_dry_run_of_many_is_a_plan_that_is_executed_as_it_was_shown(gateway: Gateway, staff: Staff) -> None:
    """Z3: the seats that the batches before would take count in the next."""
    license = await staff.license(type=LicenseType.PREMIUM_AGENT, seats=3)
    people = await staff.hire(5, licenses=[license])
    await bulk(gateway, "deactivateUsers", people[:3])
    await bulk(gateway, "deactivateUsers", people[3:])
    before = await whole(gateway.database, without=RECORDS)
    plan = await bulk(gateway, "reactivateUsers", people, dryRun=True)
    assert plan.operation["status"] == "QUEUED"
    assert await all_done(gateway) == 3
    assert await whole(gateway.database, without=RECORDS) == before
    shown = await look(gateway, plan.operation)
    assert outcomes(shown) == ["SUCCEEDED"] * 3 + ["NO_SEAT_AVAILABLE"] * 2
    done = await bulk(gateway, "reactivateUsers", {"planId": plan.operation["id"]})
    await all_done(gateway)
    executed = await look(gateway, done.operation)
    assert executed["items"] == shown["items"]
    assert executed["totals"] == shown["totals"]


async def test_a_plan_of_many_is_refused_as_a_whole_when_stale_and_item_by_item_after_that(
    gateway: Gateway, staff: Staff
) -> None:
    """E9."""
    people = await staff.hire(4)
    plan = await bulk(gateway, "deactivateUsers", people, dryRun=True)
    target = {"planId": plan.operation["id"]}
    unfinished = await bulk(gateway, "deactivateUsers", target)
    assert (unfinished.codes, unfinished.paths) == (["INVALID_STATE"], [["input", "target", "planId"]])
    await all_done(gateway)
    queued = await bulk(gateway, "deactivateUsers", target)
    await bulk(gateway, "forceUsersOffline", people[3:])
    assert (await bulk(gateway, "deactivateUsers", target)).codes == ["PLAN_STALE"]
    await all_done(gateway)
    assert outcomes(await look(gateway, queued.operation)) == ["SUCCEEDED"] * 3 + ["PLAN_STALE"]


@pytest.mark.parametrize("dry", [True, False])
async def test_the_last_administrator_is_kept_over_all_batches(gateway: Gateway, staff: Staff, dry: bool) -> None:
    """E6: all of them are in the operation, so all of them fail, as they would in one batch."""
    others = await staff.hire(2, roles=[UserRole.FULL_ADMINISTRATOR])
    agents = await staff.hire(2)
    target = [others[0], agents[0], others[1], agents[1], gateway.admin]
    asked = await bulk(gateway, "deactivateUsers", target, dryRun=dry)
    await all_done(gateway)
    done = await look(gateway, asked.operation)
    kept = "LAST_ADMINISTRATOR"
    assert outcomes(done) == [kept, "SUCCEEDED", kept, "SUCCEEDED", kept]
    one_left = await bulk(gateway, "deactivateUsers", [*others, *agents], dryRun=dry)
    await all_done(gateway)
    assert kept not in outcomes(await look(gateway, one_left.operation))


async def test_an_operation_is_canceled_where_it_is(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(5)
    asked = await bulk(gateway, "deactivateUsers", people)
    await work_on_next(gateway.database)
    for _ in range(2):
        canceled = (await gateway.ask(CANCEL, {"id": asked.operation["id"]}))["cancelBulkOperation"]
        assert canceled["errors"] == []
        assert canceled["operation"]["status"] == "CANCELED"
        assert canceled["operation"]["totals"] == {"succeeded": 2, "skipped": 3}
    assert not await work_on_next(gateway.database)
    assert outcomes(await look(gateway, asked.operation)) == ["SUCCEEDED"] * 2 + ["SKIPPED"] * 3
    listed = await gateway.ask("{ users { nodes { id } } }")
    assert {one.id for one in people[2:]} <= {one["id"] for one in listed["users"]["nodes"]}


async def test_only_what_is_under_way_is_canceled_by_who_may_do_it(gateway: Gateway, staff: Staff) -> None:
    """A24."""
    people = await staff.hire(4)
    done = await bulk(gateway, "deactivateUsers", people[:1])
    queued = await bulk(gateway, "deactivateUsers", people)
    reader = await gateway.key("reader", ["AUDIT_READ", "USERS_READ"])
    stranger = await gateway.key("stranger", ["USERS_FORCE_OFFLINE"])
    auditor = await gateway.key("auditor", ["AUDIT_READ", "USERS_FORCE_OFFLINE"])
    for operation_id, token, code in (
        (done.operation["id"], "", "INVALID_STATE"),
        (global_id("BulkOperation", uuid7()), "", "NOT_FOUND"),
        (queued.operation["id"], stranger, "NOT_FOUND"),
        (queued.operation["id"], auditor, "FORBIDDEN"),
        (people[0].id, "", "INVALID"),
    ):
        payload = (await gateway.ask(CANCEL, {"id": operation_id}, token=token))["cancelBulkOperation"]
        assert (payload["errors"], payload["operation"]) == ([{"code": code, "path": ["input", "id"]}], None)
    assert (await gateway.run(CANCEL, {"id": queued.operation["id"]}, token=reader)).codes == ["FORBIDDEN"]
    assert (await look(gateway, queued.operation))["status"] == "QUEUED"


async def test_who_lost_the_permission_meanwhile_changes_nobody_more(gateway: Gateway, staff: Staff) -> None:
    """A24: permissions are looked at again with each batch; a session that ended meanwhile is no matter."""
    people = await staff.hire(4)
    boss = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    token = await gateway.sign_in(boss)
    asked = await bulk(gateway, "deactivateUsers", people, token=token)
    await bulk(gateway, "signOutUsers", [boss])
    await work_on_next(gateway.database)
    await bulk(gateway, "deactivateUsers", [boss])
    await all_done(gateway)
    stopped = await look(gateway, asked.operation)
    assert (stopped["status"], stopped["failure"]["code"]) == ("FAILED", "FORBIDDEN")
    assert outcomes(stopped) == ["SUCCEEDED"] * 2 + ["SKIPPED"] * 2
    assert stopped["progress"] == {"total": 4, "processed": 4}


async def test_what_cannot_be_had_any_more_stops_the_operation(gateway: Gateway, staff: Staff) -> None:
    """Its team is deleted between two batches."""
    team = await staff.team()
    people = await staff.hire(4)
    asked = await bulk(gateway, "assignTeams", people, teams={"add": [team.id]})
    document = "mutation D($id: ID!) { deleteTeam(input: {id: $id}) { errors { code } } }"
    assert (await gateway.ask(document, {"id": team.id}))["deleteTeam"]["errors"] == []
    await all_done(gateway)
    stopped = await look(gateway, asked.operation)
    assert (stopped["status"], stopped["failure"]["code"]) == ("FAILED", "NOT_FOUND")
    assert outcomes(stopped) == ["SKIPPED"] * 4


async def test_a_fault_of_ours_stops_the_operation_and_leaves_the_rest_alone(
    gateway: Gateway, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await staff.hire(4)
    asked = await bulk(gateway, "deactivateUsers", people)
    await work_on_next(gateway.database)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(resolvers.queued, "totals_of", broken)
    await all_done(gateway)
    stopped = await look(gateway, asked.operation)
    assert (stopped["status"], stopped["failure"]["code"]) == ("FAILED", "INVALID_STATE")
    assert outcomes(stopped) == ["SUCCEEDED"] * 2 + ["SKIPPED"] * 2


async def test_all_or_nobody_is_only_for_what_one_request_handles(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(4)
    before = await whole(gateway.database)
    refused = await bulk(gateway, "deactivateUsers", people, errorPolicy="ATOMIC")
    assert (refused.codes, refused.paths) == (["INVALID"], [["input", "errorPolicy"]])
    assert await whole(gateway.database) == before


async def test_of_several_operations_each_gets_on(gateway: Gateway, staff: Staff) -> None:
    """A small one does not wait for the end of a large one."""
    many, few = await staff.hire(8), await staff.hire(4)
    first = await bulk(gateway, "deactivateUsers", many)
    await work_on_next(gateway.database)
    second = await bulk(gateway, "deactivateUsers", few)
    for _ in range(3):
        await work_on_next(gateway.database)
    assert (await look(gateway, second.operation))["status"] == "COMPLETED"
    assert (await look(gateway, first.operation))["status"] == "RUNNING"


async def test_the_statements_of_a_batch_do_not_grow_with_its_people(
    gateway: Gateway, staff: Staff, statements: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, queue = await staff.team(), await staff.queue()
    people = await staff.hire(24, teams=[team], queues=[queue])
    await bulk(gateway, "deactivateUsers", people)
    counts = []
    for size in (2, 20):
        monkeypatch.setattr(resolvers.queued, "BATCH", size)
        with statements.counting() as counted:
            await work_on_next(gateway.database)
        counts.append(counted.count)
    assert counts[0] == counts[1], counted
