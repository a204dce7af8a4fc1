"""Taking people out of service and putting them back, through `/graphql`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from tests.changes import ask_bulk, bulk
from tests.gateway import SIGN_IN, Gateway
from tests.people import Person, Staff

pytestmark = pytest.mark.anyio

PERSON = """
query Person($id: ID!) {
  user(by: {id: $id}) {
    id version status updatedAt roles displayName
    presence { state }
    teams { nodes { name } }
    queues { edges { node { name } origins { source } } }
    effectiveLicense { type }
    profile { kind }
    deactivation {
      deactivatedAt reason note deactivatedBy { displayName } removedTeams { name } removedQueues { name }
    }
    signInBlock { since reason note setBy { displayName } }
    sessions { nodes { endedAt endReason surface } }
    callRecords { nodes { externalId endedAt endedBy team { name } } }
    auditEvents { nodes { action reason note changes { field before after } operation { id } } }
  }
}
"""
VIEWER = "{ viewer { kind } }"


async def look(gateway: Gateway, person: Person) -> Any:
    return (await gateway.ask(PERSON, {"id": person.id}))["user"]


async def refused(gateway: Gateway, person: Person, surface: str) -> str:
    terms = {"email": person.email, "password": person.password, "surface": surface}
    payload = (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]
    assert payload["token"] is None
    return str(payload["errors"][0]["code"])


async def test_a_deactivated_user_is_signed_out_everywhere_with_the_next_request(
    gateway: Gateway, staff: Staff
) -> None:
    """A4, A5: portal and agent desktop."""
    person = await staff.hire()
    tokens = [await gateway.sign_in(person, surface) for surface in ("PORTAL", "AGENT_DESKTOP")]
    assert (await look(gateway, person))["presence"]["state"] == "UNAVAILABLE"
    assert [(await gateway.run(VIEWER, token=token)).codes for token in tokens] == [[], []]

    done = await bulk(gateway, "deactivateUsers", [person])

    assert done.totals == {"succeeded": 1, "sessionsEnded": 2}
    assert [(await gateway.run(VIEWER, token=token)).codes for token in tokens] == [["UNAUTHENTICATED"]] * 2
    after = await look(gateway, person)
    assert after["presence"]["state"] == "OFFLINE"
    assert {session["endReason"] for session in after["sessions"]["nodes"]} == {"DEACTIVATED"}


async def test_a_deactivated_user_cannot_sign_in_until_reactivated(gateway: Gateway, staff: Staff) -> None:
    """A2, A3, A11: neither on the portal nor on the agent desktop, and afterwards on both."""
    person = await staff.hire()
    await bulk(gateway, "deactivateUsers", [person])
    assert [await refused(gateway, person, surface) for surface in ("PORTAL", "AGENT_DESKTOP")] == [
        "SIGN_IN_REFUSED"
    ] * 2

    await bulk(gateway, "reactivateUsers", [person])

    for surface in ("PORTAL", "AGENT_DESKTOP"):
        assert await gateway.sign_in(person, surface)


async def test_reactivation_brings_back_the_password_and_sends_no_mail(gateway: Gateway, staff: Staff) -> None:
    """A12, A13."""
    person = await staff.hire(password="the password from before")
    await bulk(gateway, "deactivateUsers", [person])
    await bulk(gateway, "reactivateUsers", [person])
    assert await gateway.sign_in(person, password="the password from before")
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind LIKE 'mail.%'") == 0
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'user.reactivated'") == 1


async def test_a_deactivation_takes_teams_and_direct_queues_and_leaves_the_rest(gateway: Gateway, staff: Staff) -> None:
    """A8, A9, A10: the team keeps its queue and its other members."""
    direct, of_team = await staff.queue("Direct"), await staff.queue("Of the team")
    team = await staff.team("Billing", queues=[of_team])
    person, colleague = await staff.hire(2, teams=[team], queues=[direct])

    done = await bulk(gateway, "deactivateUsers", [person])

    assert ("UNASSIGNED", "Billing") in done.effects()
    assert ("UNASSIGNED", "Direct") in done.effects()
    after = await look(gateway, person)
    assert after["teams"]["nodes"] == []
    assert after["queues"]["edges"] == []
    other = await look(gateway, colleague)
    assert other["teams"]["nodes"] == [{"name": "Billing"}]
    assert {edge["node"]["name"]: edge["origins"] for edge in other["queues"]["edges"]} == {
        "Direct": [{"source": "DIRECT"}],
        "Of the team": [{"source": "TEAM"}],
    }
    queue = await gateway.ask(
        "query Q($id: ID!) { queue(id: $id) { teams { nodes { name } } members { nodes { id } } } }", {"id": of_team.id}
    )
    assert queue["queue"]["teams"]["nodes"] == [{"name": "Billing"}]
    assert queue["queue"]["members"]["nodes"] == [{"id": colleague.id}]


async def test_what_a_deactivation_took_is_kept_beside_it(gateway: Gateway, staff: Staff) -> None:
    """A1, E10, A25: rows are deleted, and remembered with the deactivation."""
    team, queue = await staff.team("Sales"), await staff.queue("Direct")
    person = await staff.hire(teams=[team], queues=[queue])
    before = datetime.now(UTC) - timedelta(seconds=5)

    await bulk(gateway, "deactivateUsers", [person], reason="SEASONAL", note="until spring")

    deactivation = (await look(gateway, person))["deactivation"]
    assert datetime.fromisoformat(deactivation.pop("deactivatedAt")) > before
    assert deactivation == {
        "reason": "SEASONAL",
        "note": "until spring",
        "deactivatedBy": {"displayName": "tests"},
        "removedTeams": [{"name": "Sales"}],
        "removedQueues": [{"name": "Direct"}],
    }
    for table in ("memberships", "user_queues"):
        assert await gateway.scalar(f"SELECT count(*) FROM {table}") == 0
    await bulk(gateway, "reactivateUsers", [person])
    assert (await look(gateway, person))["deactivation"] is None
    assert await gateway.scalar("SELECT count(*) FROM deactivation_teams") == 1


async def test_reactivation_gives_back_neither_teams_nor_direct_queues(gateway: Gateway, staff: Staff) -> None:
    """A15, A16, C17: they are added again with the mutations that assign anybody."""
    team, queue = await staff.team("Sales"), await staff.queue("Direct")
    person = await staff.hire(teams=[team], queues=[queue])
    await bulk(gateway, "deactivateUsers", [person])
    await bulk(gateway, "reactivateUsers", [person])
    back = await look(gateway, person)
    assert (back["status"], back["teams"]["nodes"], back["queues"]["edges"]) == ("ACTIVE", [], [])

    await bulk(gateway, "assignTeams", [person], teams={"add": [team.id]})
    await bulk(gateway, "assignQueues", [person], queues={"set": [queue.id]})

    again = await look(gateway, person)
    assert again["teams"]["nodes"] == [{"name": "Sales"}]
    assert [edge["node"]["name"] for edge in again["queues"]["edges"]] == ["Direct"]


async def test_call_data_stays_readable_through_it_all(gateway: Gateway, staff: Staff) -> None:
    """A6, A7, A14: by team, by user, and from the history back to the user."""
    team = await staff.team("Billing")
    person = await staff.hire(teams=[team])
    call = await staff.call(person, team=team, seconds=60)
    document = """
    query Calls($team: ID!) {
      callRecords(filter: {team: {eq: $team}}) { nodes { externalId team { name } user { id status displayName } } }
    }
    """
    expected = {"externalId": call.name, "team": {"name": "Billing"}}
    for mutation, status in (("deactivateUsers", "DEACTIVATED"), ("reactivateUsers", "ACTIVE")):
        await bulk(gateway, mutation, [person])
        nodes = (await gateway.ask(document, {"team": team.id}))["callRecords"]["nodes"]
        assert nodes == [expected | {"user": {"id": person.id, "status": status, "displayName": person.name}}]
        mine = await look(gateway, person)
        assert [record["externalId"] for record in mine["callRecords"]["nodes"]] == [call.name]


async def test_one_or_many_go_through_the_same_operation_in_the_order_of_the_input(
    gateway: Gateway, staff: Staff
) -> None:
    """A18, A19, A20: one outcome for each, at its place."""
    people = await staff.hire(5)
    gone = await staff.hire(status=UserStatus.DEACTIVATED)
    unknown = global_id("User", staff.organization_id)
    ids = [people[2].id, unknown, gone.id, people[0].id, people[2].id]

    done = await bulk(gateway, "deactivateUsers", {"ids": ids})

    assert done.outcomes == ["SUCCEEDED", "NOT_FOUND", "UNCHANGED", "SUCCEEDED", "DUPLICATE_IN_REQUEST"]
    assert [item["key"] for item in done.items] == ids
    assert [item["index"] for item in done.items] == [0, 1, 2, 3, 4]
    assert [item["index"] for item in done.payload["failed"]] == [1, 4]
    assert done.operation["status"] == "COMPLETED_WITH_ERRORS"
    assert done.totals == {"succeeded": 2, "unchanged": 1, "failed": 2}
    back = await bulk(gateway, "reactivateUsers", [people[0]])
    assert (back.outcomes, back.operation["status"]) == (["SUCCEEDED"], "COMPLETED")


@pytest.mark.parametrize("named_by", ["emails", "externalIds", "agentNumbers"])
async def test_people_are_named_by_their_own_keys_too(gateway: Gateway, staff: Staff, named_by: str) -> None:
    one, two = await staff.hire(2)
    keys = {
        "emails": [one.email.upper(), two.email],
        "externalIds": [one.external_id, two.external_id],
        "agentNumbers": [one.agent_number, two.agent_number],
    }[named_by]
    done = await bulk(gateway, "deactivateUsers", {named_by: [*keys, "nobody"]})
    assert done.outcomes == ["SUCCEEDED", "SUCCEEDED", "NOT_FOUND"]
    assert [item["user"] for item in done.items] == [{"id": one.id}, {"id": two.id}, None]


async def test_repeating_is_unchanged_and_leaves_no_trace(gateway: Gateway, staff: Staff) -> None:
    """E4, E9: the version grows once, and `updatedAt` moves with it."""
    person = await staff.hire()
    first = await look(gateway, person)
    for mutation, action in (
        ("deactivateUsers", "DEACTIVATED"),
        ("reactivateUsers", "REACTIVATED"),
        ("forceUsersOffline", "FORCED_OFFLINE"),
        ("resumeUsersOnline", "RESUMED_ONLINE"),
    ):
        before = await look(gateway, person)
        assert (await bulk(gateway, mutation, [person])).outcomes == ["SUCCEEDED"]
        once = await look(gateway, person)
        assert once["version"] == before["version"] + 1
        assert once["updatedAt"] > before["updatedAt"]
        again = await bulk(gateway, mutation, [person])
        assert (again.outcomes, again.operation["status"]) == (["UNCHANGED"], "COMPLETED")
        twice = await look(gateway, person)
        assert (twice["version"], twice["updatedAt"]) == (once["version"], once["updatedAt"])
        events = [event["action"] for event in twice["auditEvents"]["nodes"]]
        assert events.count(action) == 1
    assert (await look(gateway, person))["version"] == first["version"] + 4


async def test_presence_sessions_and_calls_do_not_count_as_changes(gateway: Gateway, staff: Staff) -> None:
    """E9, B16: signing out does not move `version`."""
    person = await staff.hire()
    await gateway.sign_in(person, "AGENT_DESKTOP")
    await staff.call(person)
    done = await bulk(gateway, "signOutUsers", [person])
    assert done.totals == {"succeeded": 1, "sessionsEnded": 1, "contactsEnded": 1}
    after = await look(gateway, person)
    assert (after["version"], after["presence"]["state"]) == (1, "OFFLINE")
    assert after["callRecords"]["nodes"][0]["endedBy"] == "SIGN_OUT"
    assert await gateway.sign_in(person, "AGENT_DESKTOP")


async def test_sign_out_without_a_session_is_unchanged_and_ends_ones_own_too(gateway: Gateway, staff: Staff) -> None:
    """E14, E17: a session that ran out counts as ended, before anything has marked it."""
    person = await staff.hire()
    await gateway.sign_in(person)
    await gateway.execute("UPDATE sessions SET expires_at = started_at")
    done = await bulk(gateway, "signOutUsers", [person])
    assert (done.outcomes, done.totals) == (["UNCHANGED"], {"unchanged": 1})
    token = await gateway.sign_in(gateway.admin)
    own = await bulk(gateway, "signOutUsers", [gateway.admin], token=await gateway.sign_in(gateway.admin))
    assert own.totals == {"succeeded": 1, "sessionsEnded": 2}
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]


async def test_forced_offline_bars_until_resumed_and_takes_nothing(gateway: Gateway, staff: Staff) -> None:
    """C12, C13, C14."""
    team, queue = await staff.team("Billing"), await staff.queue("Direct")
    person = await staff.hire(teams=[team], queues=[queue], licenses=[LicenseType.STANDARD_AGENT])
    token = await gateway.sign_in(person, "AGENT_DESKTOP")
    before = await look(gateway, person)

    done = await bulk(gateway, "forceUsersOffline", [person], reason="SECURITY", note="lost laptop")

    assert [kind for kind, _ in done.effects()] == ["SIGN_IN_BLOCKED", "SIGNED_OUT", "PRESENCE_CHANGED"]
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert await refused(gateway, person, "AGENT_DESKTOP") == "SIGN_IN_REFUSED"
    after = await look(gateway, person)
    for kept in ("status", "teams", "queues", "effectiveLicense", "profile", "roles"):
        assert after[kept] == before[kept]
    assert after["signInBlock"]["reason"] == "SECURITY"
    assert after["signInBlock"]["setBy"] == {"displayName": "tests"}

    await bulk(gateway, "resumeUsersOnline", [person])

    back = await look(gateway, person)
    assert back["signInBlock"] is None
    assert back["presence"]["state"] == "OFFLINE"
    assert [session["endReason"] for session in back["sessions"]["nodes"]] == ["FORCED_OFFLINE"]
    assert await gateway.sign_in(person, "AGENT_DESKTOP")


async def test_block_and_deactivation_are_separate_facts(gateway: Gateway, staff: Staff) -> None:
    """E1, E2, E14: reactivating lifts no block, resuming does not reactivate."""
    person = await staff.hire()
    await bulk(gateway, "deactivateUsers", [person])
    await bulk(gateway, "forceUsersOffline", [person])
    await bulk(gateway, "reactivateUsers", [person])
    blocked = await look(gateway, person)
    assert blocked["status"] == "ACTIVE"
    assert blocked["signInBlock"] is not None
    assert await refused(gateway, person, "PORTAL") == "SIGN_IN_REFUSED"
    await bulk(gateway, "deactivateUsers", [person])
    await bulk(gateway, "resumeUsersOnline", [person])
    out = await look(gateway, person)
    assert (out["status"], out["signInBlock"], out["presence"]["state"]) == ("DEACTIVATED", None, "OFFLINE")


async def test_a_deactivation_frees_the_seat_and_keeps_roles_and_profile(gateway: Gateway, staff: Staff) -> None:
    """E3: the grant is suspended, and active again after the reactivation."""
    license = await staff.license("Few", seats=1)
    person = await staff.hire(licenses=[license])
    before = await look(gateway, person)
    seats = "query S($id: ID!) { license(id: $id) { seats { pool granted available } } }"

    done = await bulk(gateway, "deactivateUsers", [person])

    assert done.totals["seatsFreed"] == 1
    out = await look(gateway, person)
    assert out["effectiveLicense"] is None
    assert (out["roles"], out["profile"]) == (before["roles"], before["profile"])
    assert (await gateway.ask(seats, {"id": license.id}))["license"]["seats"] == {
        "pool": 1,
        "granted": 0,
        "available": 1,
    }
    await bulk(gateway, "reactivateUsers", [person])
    assert (await look(gateway, person))["effectiveLicense"] == before["effectiveLicense"]
    ledger = await gateway.rows("SELECT granted_after, pool FROM seat_ledger ORDER BY sequence")
    assert [tuple(row) for row in ledger] == [(1, 1), (0, 1), (1, 1)]


async def test_a_reactivation_without_a_seat_is_refused_for_that_user_alone(gateway: Gateway, staff: Staff) -> None:
    """E3, A19: the earlier in the input comes first."""
    license = await staff.license("Few", seats=2)
    people = await staff.hire(2, licenses=[license])
    await bulk(gateway, "deactivateUsers", people)
    await staff.hire(licenses=[license])
    free = await staff.hire(status=UserStatus.DEACTIVATED)
    done = await bulk(gateway, "reactivateUsers", [people[1], people[0], free])
    assert done.outcomes == ["SUCCEEDED", "NO_SEAT_AVAILABLE", "SUCCEEDED"]
    assert ("SEAT_TAKEN", "Few") in done.effects()
    assert (await look(gateway, people[0]))["status"] == "DEACTIVATED"


async def test_an_active_contact_is_ended_or_spares_its_agent(gateway: Gateway, staff: Staff) -> None:
    """E7, E2: presence shows the contact while it goes on."""
    team = await staff.team("Billing")
    busy, idle = await staff.hire(2, teams=[team], presence=PresenceState.AVAILABLE)
    call = await staff.call(busy, team=team)
    assert (await look(gateway, busy))["presence"]["state"] == "ENGAGED"

    spared = await bulk(gateway, "deactivateUsers", [busy, idle], onActiveContact="SKIP")
    assert spared.outcomes == ["ACTIVE_CONTACT", "SUCCEEDED"]
    assert (await look(gateway, busy))["status"] == "ACTIVE"

    done = await bulk(gateway, "deactivateUsers", [busy])
    assert done.totals["contactsEnded"] == 1
    assert ("CONTACT_ENDED", call.name) in done.effects()
    after = await look(gateway, busy)
    assert after["presence"]["state"] == "OFFLINE"
    assert after["callRecords"]["nodes"][0]["endedBy"] == "DEACTIVATION"
    assert after["callRecords"]["nodes"][0]["team"] == {"name": "Billing"}
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'contact.ended'") == 1


async def test_guards_look_at_the_whole_batch_before_the_first_write(gateway: Gateway, staff: Staff) -> None:
    """E6, C16: oneself, the last administrators, the protected."""
    second = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    guarded, plain = await staff.hire(protected=True), await staff.hire()
    both = await bulk(gateway, "deactivateUsers", [gateway.admin, second, guarded, plain])
    assert both.outcomes == ["LAST_ADMINISTRATOR", "LAST_ADMINISTRATOR", "PROTECTED_USER", "SUCCEEDED"]
    token = await gateway.sign_in(gateway.admin)
    mine = await bulk(gateway, "deactivateUsers", [gateway.admin, second], token=token)
    assert mine.outcomes == ["SELF_ACTION", "SUCCEEDED"]
    offline = await bulk(gateway, "forceUsersOffline", [gateway.admin], token=token)
    assert offline.outcomes == ["SELF_ACTION"]
    last = await bulk(gateway, "forceUsersOffline", [gateway.admin])
    assert last.outcomes == ["LAST_ADMINISTRATOR"]


async def test_atomic_changes_nobody_when_one_fails(gateway: Gateway, staff: Staff) -> None:
    guarded, plain = await staff.hire(protected=True), await staff.hire(queues=[await staff.queue()])
    done = await bulk(gateway, "deactivateUsers", [plain, guarded], errorPolicy="ATOMIC")
    assert done.outcomes == ["SKIPPED", "PROTECTED_USER"]
    assert done.totals == {"failed": 1, "skipped": 1}
    assert [item["index"] for item in done.payload["failed"]] == [0, 1]
    after = await look(gateway, plain)
    assert (after["status"], after["version"], len(after["queues"]["edges"])) == ("ACTIVE", 1, 1)
    assert (await bulk(gateway, "deactivateUsers", [plain], errorPolicy="ATOMIC")).outcomes == ["SUCCEEDED"]


async def test_each_change_is_one_audit_event_with_before_and_after(gateway: Gateway, staff: Staff) -> None:
    team = await staff.team("Billing")
    person = await staff.hire(teams=[team])
    done = await bulk(gateway, "deactivateUsers", [person], reason="LEAVE", note="a year")
    event = (await look(gateway, person))["auditEvents"]["nodes"][0]
    assert (event["action"], event["reason"], event["note"]) == ("DEACTIVATED", "LEAVE", "a year")
    assert event["operation"] == {"id": done.operation["id"]}
    assert {"field": "status", "before": "ACTIVE", "after": "DEACTIVATED"} in event["changes"]
    assert {"field": "teams", "before": "Billing", "after": None} in event["changes"]


async def test_the_operation_can_be_read_again(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    done = await bulk(gateway, "deactivateUsers", [person], reason="SEASONAL")
    document = """
    query Operation($id: ID!) {
      bulkOperation(id: $id) {
        kind status errorPolicy reason requestedBy { displayName } totals { succeeded }
        items { totalCount nodes { outcome user { id status } } }
      }
    }
    """
    assert (await gateway.ask(document, {"id": done.operation["id"]}))["bulkOperation"] == {
        "kind": "DEACTIVATE",
        "status": "COMPLETED",
        "errorPolicy": "CONTINUE",
        "reason": "SEASONAL",
        "requestedBy": {"displayName": "tests"},
        "totals": {"succeeded": 1},
        "items": {
            "totalCount": 1,
            "nodes": [{"outcome": "SUCCEEDED", "user": {"id": person.id, "status": "DEACTIVATED"}}],
        },
    }


async def test_the_deleted_are_nobody(gateway: Gateway, staff: Staff) -> None:
    """E14, C11: anything on a deleted user is NOT_FOUND."""
    person = await staff.hire(status=UserStatus.DELETED)
    for mutation in ("deactivateUsers", "reactivateUsers", "forceUsersOffline", "resumeUsersOnline", "signOutUsers"):
        for target in ({"ids": [person.id]}, {"emails": [person.email]}):
            assert (await bulk(gateway, mutation, target)).outcomes == ["NOT_FOUND"]
    assert await refused(gateway, person, "PORTAL") == "SIGN_IN_REFUSED"


async def test_without_the_permission_nothing_is_looked_at(gateway: Gateway, staff: Staff) -> None:
    """A24: top-level FORBIDDEN, and no operation."""
    agent = await staff.hire()
    token = await gateway.sign_in(agent)
    for mutation in ("deactivateUsers", "reactivateUsers", "forceUsersOffline", "resumeUsersOnline", "signOutUsers"):
        assert (await ask_bulk(gateway, mutation, [gateway.admin], token=token)).codes == ["FORBIDDEN"]
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0
