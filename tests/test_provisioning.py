"""Adding people by hand, through `/graphql`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseGrant, LicenseGrantSource, LicenseGrantState, LicenseType
from models.profile import DesktopProfile
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.editing import add, add_one, ask_to_add, codes, look, seats, update, versions_agree
from tests.gateway import Gateway
from tests.people import Staff
from tests.statements import Statements

pytestmark = pytest.mark.anyio

EVERYTHING = {
    "email": "Zoë.Ångström@Acme.example",
    "firstName": "Zoë",
    "lastName": "Ångström",
    "nickname": "Zo",
    "agentNumber": "4711",
    "externalId": "HR-1",
    "extension": "*12#",
    "workPhone": "+49 (30) 123-456.78",
    "mobilePhone": "+46701234567",
    "locale": "sv-SE",
    "timeZone": "Europe/Stockholm",
}


async def desktop(staff: Staff, name: str) -> Any:
    made = staff._thing("DesktopProfile", name)
    await staff.insert(DesktopProfile, staff._named(made, active=True))
    return made


async def search(gateway: Gateway, words: str) -> list[str]:
    document = "query S($words: String!) { users(search: $words) { nodes { displayName } } }"
    return [one["displayName"] for one in (await gateway.ask(document, {"words": words}))["users"]["nodes"]]


async def test_somebody_is_added_with_everything_and_found_by_it(gateway: Gateway, staff: Staff) -> None:
    """C1, C4, B13."""
    site, team, queue = await staff.site("Berlin"), await staff.team("Billing"), await staff.queue("Direct")
    profile, screen = await staff.profile("Night shift"), await desktop(staff, "Wide")
    license = await staff.license("Few", seats=2)
    group = await staff.skill_group("Speaks French", queues=[await staff.queue("French")])
    person = await add_one(
        gateway,
        **EVERYTHING,
        siteId=site.id,
        teamIds=[team.id],
        queueIds=[queue.id],
        skillGroupIds=[group.id],
        profileId=profile.id,
        desktopProfileId=screen.id,
        licenseIds=[license.id],
    )
    shown = EVERYTHING | {"email": "Zoë.Ångström@acme.example", "workPhone": "+493012345678"}
    assert {name: person[name] for name in shown} == shown
    assert person["displayName"] == "Zoë Ångström"
    assert (person["roles"], person["status"], person["version"]) == (["AGENT"], "ACTIVE", 1)
    assert (person["identitySource"], person["protected"], person["activatedAt"]) == ("LOCAL", False, None)
    assert person["presence"] == {"state": "OFFLINE"}
    assert (person["site"], person["desktopProfile"]) == ({"name": "Berlin"}, {"name": "Wide"})
    assert person["profile"] == {"kind": "CUSTOM", "name": "Night shift"}
    assert person["teams"]["nodes"] == [{"name": "Billing"}]
    assert person["queues"]["edges"] == [
        {"node": {"name": "Direct"}, "origins": [{"source": "DIRECT"}]},
        {"node": {"name": "French"}, "origins": [{"source": "SKILL_GROUP"}]},
    ]
    assert person["effectiveLicense"] == {"type": "STANDARD_AGENT"}
    assert [event["action"] for event in person["auditEvents"]["nodes"]] == ["CREATED"]
    for words in ("zoe", "angstrom zo", "4711", "hr-1", "ZOE.ANGSTROM@acme"):
        assert await search(gateway, words) == ["Zoë Ångström"]
    assert await seats(gateway) == {"Few": 1}
    await versions_agree(gateway)


async def test_the_effects_tell_what_was_done(gateway: Gateway, staff: Staff) -> None:
    team, license = await staff.team("Billing"), await staff.license("Few", seats=1)
    done = await add(
        gateway, {"email": "a@acme.example", "teamIds": [team.id], "licenseIds": [license.id]}, note="new here"
    )
    assert done.effects() == [("USER_CREATED", None), ("ASSIGNED", "Billing"), ("SEAT_TAKEN", "Few")]
    assert done.operation["kind"] == "CREATE"
    assert done.items[0]["key"] == "a@acme.example"
    after = await look(gateway, done.items[0]["user"]["id"])
    assert after["auditEvents"]["nodes"] == [{"action": "CREATED", "note": "new here"}]


async def test_a_mail_alone_is_enough(gateway: Gateway) -> None:
    """D10, E16, B2: or names and mail; the nickname is shown before the mail."""
    bare = await add_one(gateway, email="bare@acme.example")
    assert bare["displayName"] == "bare@acme.example"
    assert bare["profile"]["kind"] == "STANDARD_AGENT"
    named = await add_one(gateway, email="b@acme.example", firstName="Bo", lastName="Ek")
    assert named["displayName"] == "Bo Ek"
    nick = await add_one(gateway, email="c@acme.example", nickname="Kiki")
    assert nick["displayName"] == "Kiki"
    first = await add_one(gateway, email="d@acme.example", firstName="Dario", nickname="D")
    assert first["displayName"] == "Dario"


async def test_twenty_five_people_are_added_and_twenty_six_are_refused(gateway: Gateway) -> None:
    """D9."""
    crowd = [{"email": f"p{number}@acme.example"} for number in range(26)]
    refused = await add(gateway, *crowd)
    assert (refused.codes, refused.paths, refused.operation) == (["TOO_MANY_ITEMS"], [["input", "users"]], None)
    assert await gateway.scalar("SELECT count(*) FROM users") == 1
    done = await add(gateway, *crowd[:25])
    assert done.outcomes == ["SUCCEEDED"] * 25
    none = await add(gateway)
    assert (none.codes, none.paths) == (["REQUIRED"], [["input", "users"]])


async def test_adding_takes_as_many_statements_for_many_as_for_one(
    gateway: Gateway, staff: Staff, statements: Statements
) -> None:
    team, license = await staff.team(), await staff.license()
    given = {"teamIds": [team.id], "licenseIds": [license.id]}
    await add(gateway, {"email": "first@acme.example", **given})
    with statements.counting() as one:
        await add(gateway, {"email": "second@acme.example", **given})
    with statements.counting() as many:
        await add(gateway, *({"email": f"p{number}@acme.example", **given} for number in range(25)))
    assert many.count == one.count


@pytest.mark.parametrize(
    ("held", "role", "kind"),
    [
        ((LicenseType.STANDARD_AGENT,), (), "STANDARD_AGENT"),
        ((LicenseType.STANDARD_AGENT,), ("AGENT",), "STANDARD_AGENT"),
        ((LicenseType.PREMIUM_AGENT,), (), "PREMIUM_AGENT"),
        ((LicenseType.PREMIUM_AGENT,), ("AGENT",), "PREMIUM_AGENT"),
        ((LicenseType.PREMIUM_AGENT,), ("AGENT", "SUPERVISOR"), "SUPERVISOR"),
        ((LicenseType.STANDARD_AGENT, LicenseType.PREMIUM_AGENT), ("AGENT",), "PREMIUM_AGENT"),
        ((), ("AGENT",), "STANDARD_AGENT"),
        ((), (), "STANDARD_AGENT"),
    ],
)
async def test_license_and_role_give_the_profile(
    gateway: Gateway, staff: Staff, held: tuple[LicenseType, ...], role: tuple[str, ...], kind: str
) -> None:
    """B17, B2."""
    licenses = [(await staff.built_in_license(each)).id for each in held]
    person = await add_one(gateway, email="new@acme.example", roles=list(role), licenseIds=licenses)
    assert person["profile"]["kind"] == kind
    assert set(person["roles"]) == set(role)


async def test_a_custom_profile_takes_the_place_of_the_default_one(gateway: Gateway, staff: Staff) -> None:
    """B3."""
    profile = await staff.profile("Narrow", surfaces=["PORTAL"])
    premium = await staff.built_in_license(LicenseType.PREMIUM_AGENT)
    person = await add_one(gateway, email="new@acme.example", licenseIds=[premium.id], profileId=profile.id)
    assert person["profile"] == {"kind": "CUSTOM", "name": "Narrow"}


async def test_an_agent_needs_a_desktop_profile_of_somewhere(gateway: Gateway, staff: Staff) -> None:
    """B5: an own one, that of the site, or that of the organization."""
    assert (await add_one(gateway, email="by.organization@acme.example"))["desktopProfile"] == {
        "name": "Default desktop"
    }
    site, bare = await staff.site("Berlin"), await staff.site("Bern")
    screen = await desktop(staff, "Wide")
    await gateway.execute(
        "UPDATE sites SET default_desktop_profile_id = :screen WHERE id = :site",
        screen=gateway.key_parameter(screen.key),
        site=gateway.key_parameter(site.key),
    )
    await gateway.execute("UPDATE organizations SET default_desktop_profile_id = NULL")
    for at in ({}, {"siteId": bare.id}):
        done = await add(gateway, {"email": "without@acme.example", **at})
        assert codes(done.items[0]) == [("DESKTOP_PROFILE_REQUIRED", "desktopProfileId")]
    assert (await add_one(gateway, email="by.site@acme.example", siteId=site.id))["desktopProfile"] == {"name": "Wide"}
    own = await add_one(gateway, email="own@acme.example", desktopProfileId=screen.id)
    assert own["desktopProfile"] == {"name": "Wide"}
    nobody = await add_one(gateway, email="no.agent@acme.example", roles=[])
    assert nobody["desktopProfile"] is None
    outside = await add_one(gateway, email="outside@acme.example", contactCenterEnabled=False)
    assert outside["desktopProfile"] is None


async def test_details_of_the_contact_center_are_only_for_its_people(gateway: Gateway, staff: Staff) -> None:
    """B10: each field is told, and nobody outside gets a profile."""
    details = {
        "siteId": (await staff.site()).id,
        "profileId": (await staff.profile()).id,
        "desktopProfileId": (await desktop(staff, "Wide")).id,
        "teamIds": [(await staff.team()).id],
        "queueIds": [(await staff.queue()).id],
        "skillGroupIds": [(await staff.skill_group()).id],
    }
    done = await add(gateway, {"email": "out@acme.example", "contactCenterEnabled": False, **details})
    assert codes(done.items[0]) == [("NOT_CONTACT_CENTER_ENABLED", name) for name in details]
    outside = await add_one(gateway, email="out@acme.example", contactCenterEnabled=False)
    assert (outside["profile"], outside["site"], outside["contactCenterEnabled"]) == (None, None, False)


async def test_administrator_roles_are_not_given_at_creation(gateway: Gateway, staff: Staff) -> None:
    """D14, D13: they are given afterwards, on edit."""
    for role in ("FULL_ADMINISTRATOR", "SERVICE_ADMINISTRATOR"):
        done = await add(gateway, {"email": "boss@acme.example", "roles": [role]})
        assert codes(done.items[0]) == [("ROLE_NOT_ON_CREATE", "roles")]
    person = await add_one(gateway, email="boss@acme.example")
    after = await update(gateway, person["id"], roles=["FULL_ADMINISTRATOR"])
    assert after["user"]["roles"] == ["FULL_ADMINISTRATOR"]


async def test_a_supervisor_needs_premium_from_the_beginning(gateway: Gateway, staff: Staff) -> None:
    """D12."""
    standard = await staff.built_in_license(LicenseType.STANDARD_AGENT)
    for licenses in ([], [standard.id]):
        done = await add(gateway, {"email": "s@acme.example", "roles": ["SUPERVISOR"], "licenseIds": licenses})
        assert codes(done.items[0]) == [("ROLE_REQUIRES_PREMIUM", "roles")]
    assert await seats(gateway) == {}


async def test_everything_that_is_wrong_with_somebody_is_told_at_once(gateway: Gateway, staff: Staff) -> None:
    taken = await staff.hire(agent_number="77", external_id="X7")
    unknown, idle = global_id("Team", uuid7()), await staff.queue("Idle", active=False)
    team = await staff.team()
    unknown_group, idle_group = global_id("SkillGroup", uuid7()), await staff.skill_group(active=False)
    group = await staff.skill_group()
    done = await add(
        gateway,
        {
            "email": taken.email.upper(),
            "agentNumber": "77",
            "externalId": "X7",
            "workPhone": "030 123",
            "locale": "es",
            "timeZone": "Mars/Olympus",
            "extension": "abc",
            "firstName": "",
            "teamIds": [team.id, unknown, team.id],
            "queueIds": [idle.id],
            "skillGroupIds": [unknown_group, idle_group.id, group.id, group.id],
            "roles": ["FULL_ADMINISTRATOR"],
        },
    )
    assert done.codes == []
    (item,) = done.items
    assert (item["outcome"], item["user"]) == ("FAILED", None)
    assert sorted((error["code"], ".".join(error["path"])) for error in item["errors"]) == [
        ("AGENT_NUMBER_IN_USE", "input.users.0.agentNumber"),
        ("DUPLICATE_IN_REQUEST", "input.users.0.skillGroupIds.3"),
        ("DUPLICATE_IN_REQUEST", "input.users.0.teamIds.2"),
        ("EMAIL_IN_USE", "input.users.0.email"),
        ("EXTERNAL_ID_IN_USE", "input.users.0.externalId"),
        ("INVALID", "input.users.0.extension"),
        ("INVALID", "input.users.0.firstName"),
        ("INVALID", "input.users.0.locale"),
        ("INVALID", "input.users.0.timeZone"),
        ("INVALID", "input.users.0.workPhone"),
        ("INVALID_STATE", "input.users.0.queueIds.0"),
        ("INVALID_STATE", "input.users.0.skillGroupIds.1"),
        ("NOT_FOUND", "input.users.0.skillGroupIds.0"),
        ("NOT_FOUND", "input.users.0.teamIds.1"),
        ("ROLE_NOT_ON_CREATE", "input.users.0.roles"),
    ]


async def test_a_mail_of_another_organization_cannot_be_added(gateway: Gateway) -> None:
    """D11, E11: until that person is deleted; numbers belong to each organization alone."""
    other = await gateway.other()
    person = await other.hire(email="shared@globex.example", agent_number="77", external_id="X7")
    terms = {"email": "SHARED@globex.example", "agentNumber": "77", "externalId": "X7"}
    done = await add(gateway, terms)
    assert codes(done.items[0]) == [("EMAIL_IN_OTHER_ORGANIZATION", "email")]
    assert "globex" not in str(done.payload["operation"]["items"]["nodes"][0]["errors"]).lower()
    await gateway.execute(
        "UPDATE users SET status = 2 WHERE id = :id", id=gateway.key_parameter(person.key)
    )  # as a deletion will leave it
    assert (await add(gateway, terms)).outcomes == ["SUCCEEDED"]


async def test_what_belongs_to_another_organization_is_unknown(gateway: Gateway) -> None:
    other = await gateway.other()
    foreign = {
        "siteId": (await other.site()).id,
        "profileId": (await other.profile()).id,
        "desktopProfileId": (await desktop(other, "Wide")).id,
        "teamIds": [(await other.team()).id],
        "queueIds": [(await other.queue()).id],
        "skillGroupIds": [(await other.skill_group()).id],
        "licenseIds": [(await other.license()).id],
    }
    done = await add(gateway, {"email": "a@acme.example", **foreign})
    assert [error["code"] for error in done.items[0]["errors"]] == ["NOT_FOUND"] * 7
    assert [error["path"][3] for error in done.items[0]["errors"]] == list(foreign)


async def test_a_mail_and_a_number_are_free_again_after_a_deletion(gateway: Gateway, staff: Staff) -> None:
    """E11, C11: who was deactivated still has them."""
    gone = await staff.hire(status=UserStatus.DELETED, email="x@acme.example", agent_number="1", external_id="2")
    out = await staff.hire(status=UserStatus.DEACTIVATED, email="y@acme.example")
    person = await add_one(gateway, email=gone.email, agentNumber="1", externalId="2")
    assert person["id"] != gone.id
    assert codes((await add(gateway, {"email": out.email})).items[0]) == [("EMAIL_IN_USE", "email")]


async def test_of_twins_in_one_request_the_first_is_added(gateway: Gateway) -> None:
    """E11: mails are the same whatever their case and width."""
    done = await add(
        gateway,
        {"email": "twin@acme.example", "agentNumber": "1", "externalId": "A"},
        {"email": "TWIN@ACME.example"},
        {"email": "ｔｗｉｎ@acme.example"},
        {"email": "other@acme.example", "agentNumber": "1", "externalId": "A"},
        {"email": "third@acme.example", "agentNumber": "2", "externalId": "a"},
    )
    assert [codes(item) for item in done.items] == [
        [],
        [("DUPLICATE_IN_REQUEST", "email")],
        [("DUPLICATE_IN_REQUEST", "email")],
        [("DUPLICATE_IN_REQUEST", "agentNumber"), ("DUPLICATE_IN_REQUEST", "externalId")],
        [],
    ]
    assert done.totals == {"succeeded": 2, "failed": 3}
    assert await gateway.scalar("SELECT count(*) FROM users WHERE email_key LIKE '%twin%'") == 1


async def test_atomic_adds_nobody_when_one_cannot_be_added(gateway: Gateway, staff: Staff) -> None:
    license = await staff.license("Few", seats=5)
    good, bad = {"email": "good@acme.example", "licenseIds": [license.id]}, {"email": "no mail"}
    done = await add(gateway, good, bad, errorPolicy="ATOMIC")
    assert done.outcomes == ["SKIPPED", "INVALID"]
    assert await gateway.scalar("SELECT count(*) FROM users") == 1
    assert await seats(gateway) == {}
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'mail.invitation'") == 0
    assert (await add(gateway, good, bad)).outcomes == ["SUCCEEDED", "INVALID"]
    assert await seats(gateway) == {"Few": 1}


async def test_seats_are_handed_out_in_the_order_of_the_input(gateway: Gateway, staff: Staff) -> None:
    few, more = await staff.license("Few", seats=1), await staff.license("More", seats=2)
    done = await add(
        gateway,
        {"email": "a@acme.example", "licenseIds": [more.id]},
        {"email": "b@acme.example", "licenseIds": [few.id, more.id]},
        {"email": "c@acme.example", "licenseIds": [few.id]},
        {"email": "d@acme.example", "licenseIds": [more.id]},
        {"email": "e@acme.example"},
    )
    assert done.outcomes == ["SUCCEEDED", "SUCCEEDED", "NO_SEAT_AVAILABLE", "NO_SEAT_AVAILABLE", "SUCCEEDED"]
    assert codes(done.items[2]) == [("NO_SEAT_AVAILABLE", "licenseIds")]
    assert await seats(gateway) == {"Few": 1, "More": 2}
    idle = await staff.license("Idle", active=False)
    refused = await add(gateway, {"email": "f@acme.example", "licenseIds": [idle.id]})
    assert codes(refused.items[0]) == [("INVALID_STATE", "0")]


async def test_of_both_licenses_premium_applies_with_a_warning(gateway: Gateway, staff: Staff) -> None:
    both = [(await staff.built_in_license(each)).id for each in LicenseType]
    done = await add(gateway, {"email": "a@acme.example", "licenseIds": both})
    assert done.items[0]["warnings"] == [{"code": "PREMIUM_APPLIES"}]
    person = await look(gateway, done.items[0]["user"]["id"])
    assert (person["effectiveLicense"], person["profile"]["kind"]) == ({"type": "PREMIUM_AGENT"}, "PREMIUM_AGENT")
    assert await seats(gateway) == {"Standard agent": 1, "Premium agent": 1}


async def test_two_grants_of_one_license_take_one_seat(gateway: Gateway, staff: Staff) -> None:
    """E3: what a deactivation frees and a reactivation takes is counted in people."""
    license = await staff.license("Few", seats=1)
    person = await staff.hire(licenses=[license])
    await staff.insert(
        LicenseGrant,
        {
            "id": uuid7(),
            "user_id": person.key,
            "license_id": license.key,
            "state": LicenseGrantState.ACTIVE,
            "source": LicenseGrantSource.DIRECTORY,
            "assigned_at": utc_now(),
        },
    )
    assert await seats(gateway) == {"Few": 1}
    assert (await bulk(gateway, "deactivateUsers", [person])).totals["seatsFreed"] == 1
    assert await seats(gateway) == {}
    assert (await bulk(gateway, "reactivateUsers", [person])).outcomes == ["SUCCEEDED"]
    assert await seats(gateway) == {"Few": 1}
    assert await gateway.scalar("SELECT count(*) FROM license_grants WHERE state = 0") == 2


@pytest.mark.parametrize(
    ("organization", "asked", "mails"), [(True, None, 2), (False, None, 0), (False, True, 2), (True, False, 0)]
)
async def test_the_organization_or_the_request_decides_about_activation_mails(
    gateway: Gateway, organization: bool, asked: bool | None, mails: int
) -> None:
    await gateway.execute("UPDATE organizations SET sends_invitations = :on", on=organization)
    users = [{"email": "a@acme.example"}, {"email": "b@acme.example"}, {"email": "bad"}]
    await add(gateway, *users, **({} if asked is None else {"sendActivationMails": asked}))
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'mail.invitation'") == mails
    assert await gateway.scalar("SELECT count(*) FROM outbox_events WHERE kind = 'user.created'") == 2


async def test_only_who_holds_the_permissions_adds_anybody(gateway: Gateway, staff: Staff) -> None:
    """D18: neither a service administrator nor a supervisor."""
    for role in (UserRole.SERVICE_ADMINISTRATOR, UserRole.SUPERVISOR, UserRole.AGENT):
        token = await gateway.sign_in(await staff.hire(roles=[role]))
        assert (await ask_to_add(gateway, {"email": "a@acme.example"}, token=token)).codes == ["FORBIDDEN"]
    token = await gateway.sign_in(gateway.admin)
    assert (await add(gateway, {"email": "a@acme.example"}, token=token)).outcomes == ["SUCCEEDED"]


async def test_a_key_gives_nobody_what_it_may_not_give(gateway: Gateway, staff: Staff) -> None:
    team, group, license = await staff.team(), await staff.skill_group(), await staff.license()
    premium = await staff.built_in_license(LicenseType.PREMIUM_AGENT)
    token = await gateway.key("creator", ["USERS_CREATE", "USERS_READ"])
    for given in ({"teamIds": [team.id]}, {"skillGroupIds": [group.id]}, {"licenseIds": [license.id]}):
        answer = await ask_to_add(gateway, {"email": "a@acme.example", **given}, token=token)
        assert answer.codes == ["FORBIDDEN"]
    token = await gateway.key("licensor", ["USERS_CREATE", "USERS_READ", "LICENSES_WRITE"])
    asked = {"email": "a@acme.example", "licenseIds": [premium.id], "roles": ["SUPERVISOR"]}
    assert codes((await add(gateway, asked, token=token)).items[0]) == [("FORBIDDEN", "roles")]
    assert (await add(gateway, {"email": "a@acme.example"}, token=token)).outcomes == ["SUCCEEDED"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a b@acme.example"),
        ("email", "a@acme.example\u202e"),
        ("email", "a\u200b@acme.example"),
        ("email", "a" * 400 + "@acme.example"),
        ("firstName", "x" * 201),
        ("firstName", "Eve\nAdmin"),
        ("firstName", "Eve\u2028Admin"),
        ("lastName", "nimdA\u202e"),
        ("lastName", "\u200b"),
        ("nickname", "   "),
        ("agentNumber", "1\t2"),
        ("externalId", ""),
        ("extension", "1" * 21),
        ("workPhone", "030123456"),
        ("workPhone", "+0301234567"),
        ("mobilePhone", "+49301234567890123"),
        ("locale", "es"),
        ("locale", "deutsch please"),
        ("timeZone", "Europe/Atlantis"),
        ("timeZone", "../../etc/passwd"),
    ],
)
async def test_values_that_nobody_has_are_refused(gateway: Gateway, field: str, value: str) -> None:
    done = await add(gateway, {"email": "a@acme.example", field: value})
    assert codes(done.items[0]) == [("INVALID", field)]


async def test_names_are_kept_as_people_write_them(gateway: Gateway) -> None:
    """E16: composed, without the space around them, in any script."""
    person = await add_one(
        gateway, email=" u@acme.example ", firstName="  Zoe\u0308 ", lastName="בן־דוד\u200f", nickname="张伟"
    )
    assert (person["firstName"], person["lastName"], person["nickname"]) == ("Zoë", "בן־דוד\u200f", "张伟")
    assert person["email"] == "u@acme.example"
    long = await add_one(gateway, email="v@acme.example", firstName="x" * 200)
    assert len(long["displayName"]) == 200


@pytest.mark.parametrize(
    ("users", "terms", "code", "path"),
    [
        ([{"email": "a@acme.example", "siteId": "U2l0ZTox"}], {}, "INVALID", "input.users.0.siteId"),
        ([{"email": "a@acme.example", "teamIds": ["?"]}], {}, "INVALID", "input.users.0.teamIds.0"),
        ([{"email": "a@acme.example", "teamIds": ["?"] * 101}], {}, "TOO_MANY_ITEMS", "input.users.0.teamIds"),
        ([{"email": "a@acme.example"}, {"email": "b\0@acme.example"}], {}, "INVALID", "input.users.1.email"),
        ([{"email": "a@acme.example"}], {"note": "x" * 2001}, "INVALID", "input.note"),
        ([{"email": "a@acme.example"}], {"note": "\0"}, "INVALID", "input.note"),
    ],
)
async def test_a_request_that_is_wrong_as_a_whole_does_nothing(
    gateway: Gateway, users: list[dict[str, Any]], terms: dict[str, Any], code: str, path: str
) -> None:
    done = await add(gateway, *users, **terms)
    assert (done.codes, [".".join(each or ()) for each in done.paths]) == ([code], [path])
    assert done.operation is None
    assert await gateway.scalar("SELECT count(*) FROM bulk_operations") == 0
    assert await gateway.scalar("SELECT count(*) FROM users") == 1


async def test_the_id_of_another_type_names_nobody(gateway: Gateway, staff: Staff) -> None:
    team = await staff.team()
    done = await add(gateway, {"email": "a@acme.example", "queueIds": [team.id]})
    assert (done.codes, done.paths) == (["INVALID"], [["input", "users", "0", "queueIds", "0"]])


async def test_two_who_add_the_same_person_at_once_add_one(gateway: Gateway) -> None:
    """E11: the other one is told that the mail is in use."""
    for number in range(5):
        asked = {"email": f"race{number}@acme.example", "agentNumber": f"N{number}"}
        both = await asyncio.gather(*(add(gateway, asked) for _ in range(4)))
        assert sorted(done.outcomes[0] for done in both) == ["EMAIL_IN_USE"] * 3 + ["SUCCEEDED"]


async def test_two_who_want_the_last_seat_at_once_take_one(gateway: Gateway, staff: Staff) -> None:
    license = await staff.license("Few", seats=2)
    asked = [{"email": f"s{number}@acme.example", "licenseIds": [license.id]} for number in range(6)]
    done = await asyncio.gather(*(add(gateway, each) for each in asked))
    assert sorted(each.outcomes[0] for each in done) == ["NO_SEAT_AVAILABLE"] * 4 + ["SUCCEEDED"] * 2
    assert await seats(gateway) == {"Few": 2}
