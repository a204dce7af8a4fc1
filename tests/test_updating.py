"""Changing people and their roles, through `/graphql`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.presence import PresenceState
from models.storage import uuid7
from models.user import IdentitySource, UserRole, UserStatus
from tests.changes import bulk
from tests.editing import add_one, ask_to_update, codes, look, seats, update, versions_agree
from tests.gateway import Gateway
from tests.people import Person, Staff

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { permissions { permission scope } } }"
FULL, SERVICE = UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR
STANDARD, PREMIUM = LicenseType.STANDARD_AGENT, LicenseType.PREMIUM_AGENT


async def search(gateway: Gateway, words: str) -> list[str]:
    document = "query S($words: String!) { users(search: $words, includeDeactivated: true) { nodes { id } } }"
    return [one["id"] for one in (await gateway.ask(document, {"words": words}))["users"]["nodes"]]


async def test_a_person_is_changed_and_shown_and_found_by_the_new_data(gateway: Gateway, staff: Staff) -> None:
    """C1, B13, E16."""
    person = await staff.hire("Anna Schmidt", nickname="Anni")
    patch = {
        "firstName": "Änne",
        "lastName": "Öberg",
        "nickname": "Anki",
        "email": "Anne.Oberg@acme.example",
        "agentNumber": "0815",
        "externalId": "HR-2",
        "extension": "34",
        "workPhone": "+4930123456",
        "mobilePhone": "+46701234567",
        "locale": "sv",
        "timeZone": "Europe/Stockholm",
        "protected": True,
    }
    payload = await update(gateway, person, **patch)
    assert payload["errors"] == []
    assert {name: payload["user"][name] for name in patch} == patch
    assert payload["user"]["displayName"] == "Änne Öberg"
    for words in ("anne oberg", "ANKI", "0815", "hr-2", "anne.oberg@"):
        assert await search(gateway, words) == [person.id]
    for words in ("schmidt", person.email, person.external_id or "", person.agent_number or ""):
        assert await search(gateway, words) == []
    for cleared, shown in (("firstName", "Öberg"), ("lastName", "Anki"), ("nickname", "Anne.Oberg@acme.example")):
        assert (await update(gateway, person, **{cleared: None}))["user"]["displayName"] == shown
    await versions_agree(gateway)


async def test_null_clears_what_may_be_empty_and_nothing_else(gateway: Gateway, staff: Staff) -> None:
    """B13: an omitted field stays."""
    optional = ["firstName", "lastName", "nickname", "agentNumber", "externalId", "extension", "workPhone"]
    optional += ["mobilePhone", "locale", "timeZone"]
    person = await staff.hire("Anna Schmidt")
    await update(gateway, person, extension="1", workPhone="+4930123456", locale="de", timeZone="Europe/Berlin")
    kept = await look(gateway, person)
    for name in optional:
        payload = await update(gateway, person, **{name: None})
        kept |= {name: None}
        assert {each: payload["user"][each] for each in optional} == {each: kept[each] for each in optional}
    before = await look(gateway, person)
    refused = await update(gateway, person, email=None, roles=None, protected=None, nickname="Nick")
    assert codes(refused) == [("REQUIRED", "email"), ("REQUIRED", "roles"), ("REQUIRED", "protected")]
    assert await look(gateway, person) == before


async def test_each_change_is_one_version_and_one_audit_event(gateway: Gateway, staff: Staff) -> None:
    """E9, E4: what is so already changes nothing."""
    person = await staff.hire("Anna Schmidt")
    for number, patch in enumerate(
        [{"nickname": "A", "extension": "1"}, {"roles": []}, {"roles": ["AGENT"], "nickname": None}], 2
    ):
        before = await look(gateway, person)
        once = (await update(gateway, person, **patch))["user"]
        assert once["version"] == number
        assert once["updatedAt"] > before["updatedAt"]
        again = await update(gateway, person, **patch)
        assert (again["errors"], again["user"]) == ([], once)
        events = (await look(gateway, person))["auditEvents"]["nodes"]
        assert [event["action"] for event in events] == ["UPDATED"] * (number - 1) + ["CREATED"]
        await versions_agree(gateway)
    empty = await update(gateway, person)
    assert (empty["errors"], empty["user"]["version"]) == ([], 4)
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'user.updated'") == 3


async def test_an_old_version_is_a_conflict_that_shows_the_user_as_it_is(gateway: Gateway, staff: Staff) -> None:
    """E9."""
    person = await staff.hire("Anna Schmidt")
    assert (await update(gateway, person, version=1, nickname="one"))["errors"] == []
    conflict = await update(gateway, person, version=1, nickname="two")
    assert [(error["code"], error["path"]) for error in conflict["errors"]] == [
        ("VERSION_CONFLICT", ["input", "expectedVersion"])
    ]
    assert (conflict["user"]["version"], conflict["user"]["nickname"]) == (2, "one")
    assert (await update(gateway, person, version=2, nickname="two"))["user"]["version"] == 3


async def test_of_many_who_change_one_version_at_once_one_wins(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire("Anna Schmidt")
    done = await asyncio.gather(*(update(gateway, person, version=1, nickname=f"N{each}") for each in range(6)))
    assert sorted(len(each["errors"]) for each in done) == [0, 1, 1, 1, 1, 1]
    assert (await look(gateway, person))["version"] == 2


async def test_the_directory_keeps_names_and_mail(gateway: Gateway, staff: Staff) -> None:
    """B11: all else may be changed, and what is as it was is no change."""
    person = await staff.hire("Anna Schmidt", identity_source=IdentitySource.DIRECTORY)
    refused = await update(gateway, person, firstName="A", lastName=None, email="a@acme.example", nickname="Anni")
    assert codes(refused) == [("MANAGED_BY_DIRECTORY", name) for name in ("email", "firstName", "lastName")]
    assert refused["user"]["version"] == 1
    assert codes(await update(gateway, person, agentNumber="1")) == [("FIELD_NOT_EDITABLE", "agentNumber")]
    done = await update(gateway, person, firstName="Anna", email=person.email, nickname="Anni", extension="12")
    assert (done["errors"], done["user"]["nickname"]) == ([], "Anni")


async def test_mail_and_agent_number_are_a_full_administrators(gateway: Gateway, staff: Staff) -> None:
    """C9, C2: names are every administrator's."""
    person = await staff.hire("Anna Schmidt", contact_center_enabled=False)
    token = await gateway.sign_in(await staff.hire(roles=[SERVICE]))
    named = await update(gateway, person, token=token, lastName="Berg", nickname="Anni", externalId="X")
    assert (named["errors"], named["user"]["displayName"]) == ([], "Anna Berg")
    refused = await update(gateway, person, token=token, email="a@acme.example", agentNumber=None, protected=True)
    assert codes(refused) == [
        ("FIELD_NOT_EDITABLE", "email"),
        ("FIELD_NOT_EDITABLE", "agentNumber"),
        ("FORBIDDEN", "protected"),
    ]
    full = await gateway.sign_in(gateway.admin)
    done = await update(gateway, person, token=full, email="a@acme.example", agentNumber="9", protected=True)
    assert (done["errors"], done["user"]["email"], done["user"]["protected"]) == ([], "a@acme.example", True)


async def test_who_may_not_change_a_mail_does_not_learn_who_has_it(gateway: Gateway, staff: Staff) -> None:
    foreign = await (await gateway.other()).hire()
    here = await staff.hire(agent_number="77")
    token = await gateway.sign_in(await staff.hire(roles=[SERVICE]))
    person = await staff.hire()
    for mail in (foreign.email, here.email, "nobody@acme.example"):
        refused = await update(gateway, person, token=token, email=mail, agentNumber="77")
        assert codes(refused) == [("FIELD_NOT_EDITABLE", "email"), ("FIELD_NOT_EDITABLE", "agentNumber")]


async def test_what_somebody_else_has_is_refused(gateway: Gateway, staff: Staff) -> None:
    """E11, D11: in whatever case; one's own may be written anew."""
    foreign = await (await gateway.other()).hire(agent_number="88")
    other = await staff.hire(agent_number="77", external_id="X")
    person = await staff.hire(email="anna@acme.example")
    refused = await update(gateway, person, email=other.email.upper(), agentNumber="77", externalId="X")
    assert codes(refused) == [
        ("EMAIL_IN_USE", "email"),
        ("AGENT_NUMBER_IN_USE", "agentNumber"),
        ("EXTERNAL_ID_IN_USE", "externalId"),
    ]
    elsewhere = await update(gateway, person, email=foreign.email, agentNumber="88")
    assert codes(elsewhere) == [("EMAIL_IN_OTHER_ORGANIZATION", "email")]
    done = await update(gateway, person, email="Anna@ACME.example", agentNumber="88")
    assert (done["errors"], done["user"]["email"]) == ([], "Anna@acme.example")


async def test_values_are_checked_as_at_creation(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    bad = {
        "email": "nobody",
        "firstName": "a\nb",
        "workPhone": "1",
        "locale": "xx",
        "timeZone": "Mars",
        "extension": "x",
    }
    refused = await update(gateway, person, **bad)
    assert sorted(codes(refused)) == sorted(("INVALID", name) for name in bad)
    assert [error["path"][:2] for error in refused["errors"]] == [["input", "patch"]] * len(bad)
    assert refused["user"]["version"] == 1
    nul = await update(gateway, person, nickname="a\0b")
    assert [(error["code"], error["path"]) for error in nul["errors"]] == [("INVALID", ["input", "patch", "nickname"])]


async def test_nobody_is_changed_who_is_unknown_foreign_or_deleted(gateway: Gateway, staff: Staff) -> None:
    """E14, C11: the deactivated can be changed."""
    foreign = await (await gateway.other()).hire()
    gone = await staff.hire(status=UserStatus.DELETED)
    for key in (foreign.id, gone.id, global_id("User", uuid7())):
        payload = await update(gateway, key, nickname="N")
        assert (codes(payload), payload["user"]) == ([("NOT_FOUND", "id")], None)
    for key in ("?", (await staff.team()).id):
        payload = await update(gateway, key, nickname="N")
        assert (codes(payload), payload["user"]) == ([("INVALID", "id")], None)
    out = await staff.hire(status=UserStatus.DEACTIVATED)
    assert (await update(gateway, out, nickname="N"))["user"]["nickname"] == "N"


ROWS = [
    ((STANDARD,), (), "STANDARD_AGENT"),
    ((STANDARD,), (FULL,), "STANDARD_AGENT"),
    ((STANDARD,), (SERVICE,), "STANDARD_AGENT"),
    ((PREMIUM,), (), "PREMIUM_AGENT"),
    ((PREMIUM,), (UserRole.AGENT,), "PREMIUM_AGENT"),
    ((PREMIUM,), (UserRole.SUPERVISOR,), "SUPERVISOR"),
    ((PREMIUM,), (FULL,), "ADMINISTRATOR"),
    ((PREMIUM,), (SERVICE,), "ADMINISTRATOR"),
    ((STANDARD, PREMIUM), (SERVICE,), "ADMINISTRATOR"),
    ((), (FULL,), "ADMINISTRATOR_ONLY"),
    ((), (SERVICE,), "ADMINISTRATOR_ONLY"),
    ((), (UserRole.AGENT,), "STANDARD_AGENT"),
    ((), (), "STANDARD_AGENT"),
]


@pytest.mark.parametrize(("held", "roles", "kind"), ROWS)
async def test_a_change_of_roles_gives_the_profile_of_license_and_role(
    gateway: Gateway, staff: Staff, held: tuple[LicenseType, ...], roles: tuple[UserRole, ...], kind: str
) -> None:
    """B17, B3: also of somebody deactivated; a custom profile stays."""
    before = (UserRole.AGENT,) if UserRole.AGENT not in roles else ()
    names = sorted(role.name for role in roles)
    custom = await staff.profile("Custom")
    people = [
        await staff.hire(roles=before, licenses=held),
        await staff.hire(roles=before, licenses=held, status=UserStatus.DEACTIVATED),
    ]
    kept = await staff.hire(roles=before, licenses=held, profile=custom)
    outside = await staff.hire(roles=before, licenses=held, contact_center_enabled=False)
    for person in people:
        payload = await update(gateway, person, roles=names)
        assert (payload["errors"], payload["user"]["profile"]["kind"]) == ([], kind)
        assert sorted(payload["user"]["roles"]) == names
    assert (await update(gateway, kept, roles=names))["user"]["profile"] == {"kind": "CUSTOM", "name": "Custom"}
    assert (await update(gateway, outside, roles=names))["user"]["profile"] is None
    await versions_agree(gateway)


async def test_deactivation_and_back_leave_the_profile(gateway: Gateway, staff: Staff) -> None:
    """B17, E3: never computed by a deactivation, though the license is suspended meanwhile."""
    person = await staff.hire(roles=[SERVICE], licenses=[PREMIUM])
    for mutation in ("deactivateUsers", "reactivateUsers"):
        await bulk(gateway, mutation, [person])
        assert (await look(gateway, person))["profile"]["kind"] == "ADMINISTRATOR"


async def test_roles_that_exclude_each_other_are_refused(gateway: Gateway, staff: Staff) -> None:
    """D17, E15, D12."""
    person = await staff.hire(licenses=[PREMIUM])
    for pair in (("SUPERVISOR", FULL.name), ("SUPERVISOR", SERVICE.name), (FULL.name, SERVICE.name)):
        assert codes(await update(gateway, person, roles=list(pair))) == [("ROLES_EXCLUSIVE", "roles")]
    assert (await update(gateway, person, roles=["AGENT", "SUPERVISOR"]))["errors"] == []
    for held in ([], [STANDARD]):
        other = await staff.hire(licenses=held)
        assert codes(await update(gateway, other, roles=["SUPERVISOR"])) == [("ROLE_REQUIRES_PREMIUM", "roles")]
    assert (await look(gateway, person))["version"] == 2


async def test_without_a_role_one_sees_oneself_only(gateway: Gateway, staff: Staff) -> None:
    """E15."""
    await staff.hire(3)
    person = await staff.hire(roles=[])
    token = await gateway.sign_in(person)
    held = (await gateway.ask(VIEWER, token=token))["viewer"]["permissions"]
    assert {each["scope"] for each in held} == {"SELF"}
    seen = (await gateway.ask("{ users { nodes { id } } }", token=token))["users"]["nodes"]
    assert seen == [{"id": person.id}]


async def test_clearing_an_administrator_role_removes_the_rights_at_once(gateway: Gateway, staff: Staff) -> None:
    """D16, D15, A24: sessions opened under other roles end, on both surfaces."""
    target = await staff.hire()
    for role in (FULL, SERVICE):
        person = await staff.hire(roles=[role, UserRole.AGENT], licenses=[PREMIUM])
        tokens = [await gateway.sign_in(person, surface) for surface in ("PORTAL", "AGENT_DESKTOP")]
        assert (await update(gateway, target, token=tokens[0], nickname=role.name))["errors"] == []
        payload = await update(gateway, person, roles=["AGENT"])
        assert (payload["errors"], payload["user"]["presence"]["state"]) == ([], "OFFLINE")
        for token in tokens:
            assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
        token = await gateway.sign_in(person)
        assert (await ask_to_update(gateway, target, token=token, nickname="x")).codes == ["FORBIDDEN"]
    reasons = await gateway.rows("SELECT DISTINCT end_reason FROM sessions WHERE ended_at IS NOT NULL")
    assert [tuple(row) for row in reasons] == [(5,)]  # ACCESS_CHANGED


async def test_a_role_that_takes_the_desktop_away_ends_its_sessions(gateway: Gateway, staff: Staff) -> None:
    """B17, B18: Administrator Only opens the portal alone."""
    person = await staff.hire(presence=PresenceState.OFFLINE)
    token = await gateway.sign_in(person, "AGENT_DESKTOP")
    payload = await update(gateway, person, roles=[SERVICE.name])
    assert payload["user"]["profile"]["kind"] == "ADMINISTRATOR_ONLY"
    assert payload["user"]["presence"]["state"] == "OFFLINE"
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert await gateway.sign_in(person, "PORTAL")


async def test_two_kinds_of_administrators(gateway: Gateway, staff: Staff) -> None:
    """D15, D18: a service administrator changes no administrator role and nobody who is a full administrator."""
    person, service = await staff.hire(licenses=[PREMIUM]), await staff.hire(roles=[SERVICE])
    colleague = await staff.hire(roles=[SERVICE])
    token = await gateway.sign_in(service)
    for who, roles in ((person, [FULL.name]), (person, [SERVICE.name]), (colleague, []), (service, [FULL.name])):
        assert codes(await update(gateway, who, token=token, roles=roles)) == [("FORBIDDEN", "roles")]
    payload = await update(gateway, gateway.admin, token=token, nickname="boss")
    assert (codes(payload), payload["user"]) == ([("FORBIDDEN", None)], None)
    assert (await update(gateway, colleague, token=token, nickname="mate"))["errors"] == []
    assert (await update(gateway, person, token=token, roles=["AGENT", "SUPERVISOR"]))["errors"] == []
    assert (await update(gateway, service, roles=[FULL.name]))["errors"] == []
    assert (await update(gateway, service, roles=[]))["errors"] == []


async def test_the_last_full_administrator_keeps_the_role(gateway: Gateway, staff: Staff) -> None:
    """E6: the blocked and the deactivated do not count."""
    await staff.hire(roles=[FULL], blocked=True)
    await staff.hire(roles=[FULL], status=UserStatus.DEACTIVATED)
    assert codes(await update(gateway, gateway.admin, roles=["AGENT"])) == [("LAST_ADMINISTRATOR", "roles")]
    second = await staff.hire(roles=[FULL])
    token = await gateway.sign_in(gateway.admin)
    assert (await update(gateway, gateway.admin, token=token, roles=["AGENT"]))["errors"] == []
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert codes(await update(gateway, second, roles=[])) == [("LAST_ADMINISTRATOR", "roles")]


async def test_two_administrators_who_demote_each_other_leave_one(gateway: Gateway, staff: Staff) -> None:
    """E6: and so do a demotion and a deactivation at the same time."""
    for _ in range(3):
        first, second = await staff.hire(2, roles=[FULL])
        await update(gateway, gateway.admin, roles=[FULL.name])
        tokens = [await gateway.sign_in(each) for each in (first, second)]
        await gateway.execute("DELETE FROM user_roles WHERE user_id = :id", id=gateway.key_parameter(gateway.admin.key))
        await asyncio.gather(
            ask_to_update(gateway, second, token=tokens[0], roles=[]),
            bulk_quietly(gateway, first, tokens[1]),
            ask_to_update(gateway, first, roles=[]),
        )
        left = await gateway.scalar(
            "SELECT count(*) FROM users JOIN user_roles ON user_roles.user_id = users.id "
            "WHERE user_roles.role = 3 AND users.status = 0"
        )
        assert left == 1
        await gateway.execute("DELETE FROM user_roles WHERE role = 3")
    await versions_agree(gateway)


async def bulk_quietly(gateway: Gateway, person: Person, token: str) -> Any:
    document = "mutation D($input: DeactivateUsersInput!) { deactivateUsers(input: $input) { errors { code } } }"
    return await gateway.run(document, {"input": {"target": {"ids": [person.id]}}}, token=token)


async def test_who_becomes_an_agent_needs_a_desktop_profile(gateway: Gateway, staff: Staff) -> None:
    """B5."""
    await gateway.execute("UPDATE organizations SET default_desktop_profile_id = NULL")
    person, outside = await staff.hire(roles=[]), await staff.hire(roles=[], contact_center_enabled=False)
    assert codes(await update(gateway, person, roles=["AGENT"])) == [("DESKTOP_PROFILE_REQUIRED", "roles")]
    assert (await update(gateway, outside, roles=["AGENT"]))["errors"] == []
    agent = await staff.hire(licenses=[PREMIUM])
    assert (await update(gateway, agent, roles=["AGENT", "SUPERVISOR"]))["errors"] == []


async def test_a_key_grants_no_role_beyond_itself(gateway: Gateway, staff: Staff) -> None:
    """D18: a key that only changes people changes no mail, no protection and no administrator."""
    person, service = await staff.hire(licenses=[PREMIUM]), await staff.hire(roles=[SERVICE])
    token = await gateway.key("updater", ["USERS_READ", "USERS_UPDATE"])
    refused = await update(gateway, person, token=token, email="x@acme.example", agentNumber="1", protected=True)
    assert [code for code, _ in codes(refused)] == ["FIELD_NOT_EDITABLE", "FIELD_NOT_EDITABLE", "FORBIDDEN"]
    for who, roles in ((person, [FULL.name]), (person, [SERVICE.name]), (person, ["SUPERVISOR"]), (service, [])):
        assert codes(await update(gateway, who, token=token, roles=roles)) == [("FORBIDDEN", "roles")]
    payload = await update(gateway, gateway.admin, token=token, nickname="x")
    assert codes(payload) == [("FORBIDDEN", None)]
    assert (await update(gateway, person, token=token, roles=[]))["errors"] == []
    blind = await gateway.key("blind", ["USERS_UPDATE"])
    assert codes(await update(gateway, person, token=blind, nickname="x")) == [("NOT_FOUND", "id")]


async def test_an_administrator_with_a_narrowing_profile_is_no_full_one(gateway: Gateway, staff: Staff) -> None:
    """B3, D18: the profile takes permissions away, and with them what only a full administrator does."""
    narrow = await staff.profile("Narrow", permissions=["USERS_READ", "USERS_UPDATE", "USERS_DEACTIVATE"])
    token = await gateway.sign_in(await staff.hire(roles=[FULL], profile=narrow))
    person, service = await staff.hire(), await staff.hire(roles=[SERVICE])
    assert (await update(gateway, person, token=token, nickname="x"))["errors"] == []
    assert codes(await update(gateway, gateway.admin, token=token, email="mine@acme.example")) == [("FORBIDDEN", None)]
    assert (await bulk(gateway, "deactivateUsers", [gateway.admin], token=token)).outcomes == ["FORBIDDEN"]
    for who, roles in ((person, [FULL.name]), (person, [SERVICE.name]), (service, [])):
        assert codes(await update(gateway, who, token=token, roles=roles)) == [("FORBIDDEN", "roles")]
    assert codes(await update(gateway, person, token=token, protected=True)) == [("FORBIDDEN", "protected")]
    whole = await staff.profile("Whole")
    token = await gateway.sign_in(await staff.hire(roles=[FULL], profile=whole))
    assert (await update(gateway, person, token=token, protected=True))["errors"] == []


async def test_a_change_of_data_ends_no_session_and_moves_no_seat(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(licenses=[PREMIUM])
    token = await gateway.sign_in(person)
    await update(gateway, person, nickname="x", email="new@acme.example", protected=True)
    assert (await gateway.run(VIEWER, token=token)).codes == []
    await update(gateway, person, roles=["AGENT", "SUPERVISOR"])
    assert await seats(gateway) == {"Premium agent": 1}


async def test_the_new_mail_signs_in_and_the_old_one_does_not(gateway: Gateway, staff: Staff) -> None:
    """C9, E11: and the old mail is free for somebody else."""
    person = await staff.hire(email="old@acme.example")
    await update(gateway, person, email="new@acme.example")
    document = "mutation S($input: SignInInput!) { signIn(input: $input) { token errors { code } } }"
    for mail, code in (("old@acme.example", "SIGN_IN_REFUSED"), ("NEW@acme.example", None)):
        terms = {"email": mail, "password": person.password, "surface": "PORTAL"}
        signed = (await gateway.ask(document, {"input": terms}, token=None))["signIn"]
        assert [error["code"] for error in signed["errors"]] == ([code] if code else [])
    assert (await add_one(gateway, email="old@acme.example"))["version"] == 1
