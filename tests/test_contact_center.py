"""Changing somebody's site, profiles and contact-center flag with `updateUser`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.presence import PresenceState
from models.profile import DesktopProfile
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from tests.changes import bulk
from tests.contradiction import broken, change
from tests.contradiction import update as send_update
from tests.editing import codes, look, update, versions_agree
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { kind } }"
SITE, DESKTOP, ENABLED = "siteId", "desktopProfileId", "contactCenterEnabled"


async def desktop(staff: Staff, name: str, *, active: bool = True) -> Thing:
    """A desktop profile."""
    made, at = Thing(uuid7(), "DesktopProfile", name), utc_now()
    row = {"id": made.key, "version": 1, "name": name, "name_key": name.lower(), "active": active}
    await staff.insert(DesktopProfile, {**row, "created_at": at, "updated_at": at})
    return made


async def default_of(gateway: Gateway, site: Thing, profile: Thing) -> None:
    """Make a desktop profile the default of a site."""
    await gateway.execute(
        "UPDATE sites SET default_desktop_profile_id = :profile WHERE id = :site",
        profile=gateway.key_parameter(profile.key),
        site=gateway.key_parameter(site.key),
    )


async def no_default(gateway: Gateway) -> None:
    """The organization has no default desktop profile any more."""
    await gateway.execute("UPDATE organizations SET default_desktop_profile_id = NULL")


def names(user: Any) -> list[str | None]:
    """What somebody has: site, user profile, desktop profile."""
    return [user[each] and user[each]["name"] for each in ("site", "profile", "desktopProfile")]


async def last_changes(gateway: Gateway, person: Thing) -> list[tuple[str, str | None, str | None]]:
    """What the last audit event about somebody tells."""
    events = "auditEvents(first: 1) { nodes { changes { field before after } } }"
    document = f"query Events($id: ID!) {{ user(by: {{id: $id}}) {{ {events} }} }}"
    (event,) = (await gateway.ask(document, {"id": person.id}))["user"]["auditEvents"]["nodes"]
    return [(one["field"], one["before"], one["after"]) for one in event["changes"]]


async def test_another_site_resets_teams_and_the_old_sites_desktop(gateway: Gateway, staff: Staff) -> None:
    """B4, B14, E12: and the answer says so; one version, told in one audit event."""
    north, south = await staff.site("North"), await staff.site("South")
    wide = await desktop(staff, "Wide")
    await default_of(gateway, north, wide)
    teams = [await staff.team("B"), await staff.team("A")]
    person = await staff.hire(site=north, teams=teams, desktop_profile=wide, queues=[await staff.queue()])

    payload = await update(gateway, person, siteId=south.id, nickname="Nix")

    assert payload["errors"] == []
    told = [(warning["code"], warning["path"]) for warning in payload["warnings"]]
    assert told == [(code, ["input", "patch", SITE]) for code in ("TEAMS_RESET", "DESKTOP_PROFILE_RESET")]
    user = payload["user"]
    assert (user["teams"]["nodes"], user["version"], names(user)[0]) == ([], 2, "South")
    assert names(user)[2] not in (None, "Wide")
    assert len(user["queues"]["edges"]) == 1
    assert set(await last_changes(gateway, person)) == {
        ("nickname", None, "Nix"),
        ("site", "North", "South"),
        ("desktopProfile", "Wide", None),
        ("teams", "A, B", None),
    }
    again = await update(gateway, person, siteId=south.id)
    assert (again["warnings"], again["user"]["version"]) == ([], 2)
    await versions_agree(gateway)
    assert await broken(gateway) == []


async def test_what_does_not_come_from_the_old_site_stays(gateway: Gateway, staff: Staff) -> None:
    """B14: an own desktop profile, and one that is named with the new site."""
    north, south = await staff.site(), await staff.site()
    wide, own = await desktop(staff, "Wide"), await desktop(staff, "Own")
    await default_of(gateway, north, wide)
    apart, named = await staff.hire(site=north, desktop_profile=own), await staff.hire(site=north, desktop_profile=wide)
    payload = await update(gateway, apart, siteId=south.id)
    assert (payload["warnings"], names(payload["user"])[2]) == ([], "Own")
    payload = await update(gateway, named, siteId=south.id, desktopProfileId=wide.id)
    assert (payload["warnings"], names(payload["user"])[2]) == ([], "Wide")
    payload = await update(gateway, named, siteId=None)
    assert (codes(payload), names(payload["user"])[0]) == ([], None)


async def test_nobody_moves_during_a_contact(gateway: Gateway, staff: Staff) -> None:
    """B14: and nobody leaves the contact center then."""
    north, south = await staff.site(), await staff.site()
    person = await staff.hire(site=north, teams=[team := await staff.team("T")])
    await staff.call(person)
    payload = await update(gateway, person, siteId=south.id)
    assert (codes(payload), payload["user"]["version"]) == ([("ACTIVE_CONTACT", SITE)], 1)
    assert payload["user"]["teams"]["nodes"] == [{"name": team.name}]
    assert (await update(gateway, person, siteId=north.id, nickname="x"))["errors"] == []
    idle = await staff.hire()
    await staff.call(idle)
    assert codes(await update(gateway, idle, contactCenterEnabled=False)) == [("ACTIVE_CONTACT", ENABLED)]


async def test_an_agent_keeps_a_desktop_profile_of_some_kind(gateway: Gateway, staff: Staff) -> None:
    """B5: an own one, that of the site, or that of the organization."""
    bare, site, wide = await staff.site(), await staff.site(), await desktop(staff, "Wide")
    await default_of(gateway, site, wide)
    agent = await staff.hire(desktop_profile=wide)
    lone = await staff.hire(contact_center_enabled=False)
    admin = await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], desktop_profile=wide)
    assert (await update(gateway, agent, desktopProfileId=None))["errors"] == []
    assert (await update(gateway, agent, desktopProfileId=wide.id))["errors"] == []
    await no_default(gateway)
    assert codes(await update(gateway, agent, desktopProfileId=None)) == [("DESKTOP_PROFILE_REQUIRED", DESKTOP)]
    payload = await update(gateway, agent, desktopProfileId=None, siteId=site.id)
    assert (codes(payload), names(payload["user"])[2]) == ([], "Wide")
    assert codes(await update(gateway, agent, siteId=bare.id)) == [("DESKTOP_PROFILE_REQUIRED", SITE)]
    assert codes(await update(gateway, lone, contactCenterEnabled=True)) == [("DESKTOP_PROFILE_REQUIRED", ENABLED)]
    both = await update(gateway, lone, contactCenterEnabled=True, siteId=site.id)
    assert (codes(both), names(both["user"])[2]) == ([], "Wide")
    assert (await update(gateway, admin, desktopProfileId=None))["errors"] == []


@pytest.mark.parametrize("field", [SITE, "profileId", DESKTOP])
async def test_what_is_unknown_idle_or_foreign_is_not_given(gateway: Gateway, staff: Staff, field: str) -> None:
    """B10, M14: nor anything to somebody outside the contact center."""
    other = await gateway.other()
    match field:
        case "siteId":
            good, idle, foreign = await staff.site(), await staff.site(active=False), await other.site()
        case "profileId":
            good, idle, foreign = await staff.profile(), await staff.profile(active=False), await other.profile()
        case _:
            good, idle = await desktop(staff, "Good"), await desktop(staff, "Idle", active=False)
            foreign = await desktop(other, "Foreign")
    person, outside = await staff.hire(), await staff.hire(contact_center_enabled=False)
    unknown = global_id(good.type_name, uuid7())
    for value, code in ((unknown, "NOT_FOUND"), (foreign.id, "NOT_FOUND"), (idle.id, "INVALID_STATE")):
        assert codes(await update(gateway, person, **{field: value})) == [(code, field)]
    assert codes(await update(gateway, person, **{field: person.id})) == [("INVALID", field)]
    for value in (good.id, foreign.id):
        assert codes(await update(gateway, outside, **{field: value})) == [("NOT_CONTACT_CENTER_ENABLED", field)]
        both = await update(gateway, person, contactCenterEnabled=False, **{field: value})
        assert codes(both) == [("NOT_CONTACT_CENTER_ENABLED", field)]
    assert (await update(gateway, person, **{field: good.id}))["errors"] == []
    assert (await look(gateway, outside))["version"] == 1
    assert codes(await update(gateway, person, contactCenterEnabled=None)) == [("REQUIRED", ENABLED)]


@pytest.mark.parametrize(
    ("kind", "words"), [("teams", "1 team"), ("queues", "1 direct queue"), ("skill_groups", "1 skill group")]
)
async def test_who_has_assignments_stays_in_the_contact_center(
    gateway: Gateway, staff: Staff, kind: str, words: str
) -> None:
    """B19."""
    person = await staff.hire(**{kind: [await getattr(staff, kind[:-1])()]})
    payload = await update(gateway, person, contactCenterEnabled=False)
    assert codes(payload) == [("INVALID_STATE", ENABLED)]
    assert words in payload["errors"][0]["message"]
    assert payload["user"]["contactCenterEnabled"] is True


async def test_who_leaves_the_contact_center_loses_its_details(gateway: Gateway, staff: Staff) -> None:
    """B18, B19: the desktop closes, the portal stays open."""
    person = await staff.hire(site=await staff.site(), presence=PresenceState.OFFLINE)
    on_desktop, on_portal = [await gateway.sign_in(person, each) for each in ("AGENT_DESKTOP", "PORTAL")]

    payload = await update(gateway, person, contactCenterEnabled=False)

    user = payload["user"]
    assert (codes(payload), names(user), user["version"]) == ([], [None, None, None], 2)
    assert (user["contactCenterEnabled"], user["presence"]["state"]) == (False, "OFFLINE")
    assert (await gateway.run(VIEWER, token=on_desktop)).codes == ["UNAUTHENTICATED"]
    assert (await gateway.run(VIEWER, token=on_portal)).codes == []
    reasons = await gateway.rows("SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL")
    assert [tuple(row) for row in reasons] == [(5,)]  # ACCESS_CHANGED
    assert ("contactCenterEnabled", "true", "false") in await last_changes(gateway, person)
    assert await broken(gateway) == []
    back = await update(gateway, person, contactCenterEnabled=True)
    assert (names(back["user"])[1], back["user"]["profile"]["kind"]) == ("Standard Agent", "STANDARD_AGENT")
    await versions_agree(gateway)


async def test_who_joins_the_contact_center_gets_the_default_profile(gateway: Gateway, staff: Staff) -> None:
    """B2, B3, B17: of license and role, unless another one is named."""
    premium = await staff.hire(contact_center_enabled=False, licenses=[LicenseType.PREMIUM_AGENT])
    named, custom = await staff.hire(contact_center_enabled=False), await staff.profile("Custom")
    assert (await update(gateway, premium, contactCenterEnabled=True))["user"]["profile"]["kind"] == "PREMIUM_AGENT"
    payload = await update(gateway, named, contactCenterEnabled=True, profileId=custom.id)
    assert names(payload["user"])[1] == "Custom"
    payload = await update(gateway, named, profileId=None)
    assert payload["user"]["profile"]["kind"] == "STANDARD_AGENT"
    assert await last_changes(gateway, named) == [("profile", "Custom", "STANDARD_AGENT")]
    await update(gateway, named, profileId=custom.id)
    await update(gateway, named, roles=[])
    assert names(await look(gateway, named))[1] == "Custom"


async def test_sessions_end_where_another_profile_takes_something(gateway: Gateway, staff: Staff) -> None:
    """B3, B18: on the surface that is lost, everywhere when permissions change, and nowhere else."""
    same = await staff.profile("Same")
    portal = await staff.profile("Portal", surfaces=["PORTAL"])
    narrow = await staff.profile("Narrow", permissions=["USERS_READ"])
    for profile, roles, ended in (
        (same, [UserRole.AGENT], []),
        (portal, [UserRole.AGENT], ["AGENT_DESKTOP"]),
        (narrow, [UserRole.AGENT], []),
        (narrow, [UserRole.SERVICE_ADMINISTRATOR], ["PORTAL"]),
        (same, [UserRole.SERVICE_ADMINISTRATOR], []),
    ):
        person = await staff.hire(roles=roles)
        surfaces = ["PORTAL"] if UserRole.AGENT not in roles else ["PORTAL", "AGENT_DESKTOP"]
        tokens = {surface: await gateway.sign_in(person, surface) for surface in surfaces}
        assert (await update(gateway, person, profileId=profile.id))["errors"] == []
        over = [each for each, token in tokens.items() if (await gateway.run(VIEWER, token=token)).codes]
        assert over == ended, profile.name


async def test_nobody_widens_a_profile_beyond_themselves(gateway: Gateway, staff: Staff) -> None:
    """B3, D18: not even their own, and not by leaving the contact center."""
    kept = ["USERS_READ", "USERS_UPDATE"]
    narrow, wide = await staff.profile("Narrow", permissions=kept), await staff.profile("Wide")
    service = await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR], profile=narrow)
    token = await gateway.sign_in(service)
    for patch, field in (({"profileId": wide.id}, "profileId"), ({"contactCenterEnabled": False}, ENABLED)):
        assert codes(await update(gateway, service, token=token, **patch)) == [("FORBIDDEN", field)]
    agent = await staff.hire(profile=narrow)
    assert (await update(gateway, agent, token=token, profileId=wide.id))["errors"] == []
    assert (await update(gateway, service, profileId=wide.id))["errors"] == []


async def test_the_deactivated_are_edited_and_the_deleted_are_not(gateway: Gateway, staff: Staff) -> None:
    """E14."""
    site = await staff.site("North")
    out, gone = [await staff.hire(status=status) for status in (UserStatus.DEACTIVATED, UserStatus.DELETED)]
    assert names((await update(gateway, out, siteId=site.id))["user"])[0] == "North"
    assert codes(await update(gateway, gone, siteId=site.id)) == [("NOT_FOUND", "id")]
    assert (await update(gateway, out, siteId=None, contactCenterEnabled=False))["errors"] == []


async def test_a_move_and_an_assignment_at_once_end_in_one_truth(gateway: Gateway, staff: Staff) -> None:
    """B14, B19, E9: whichever comes first, nobody outside the contact center has a team."""
    sites, team = [await staff.site(), await staff.site()], await staff.team()
    people = await staff.hire(6, site=sites[0])

    async def leave(person: Person, number: int) -> list[str]:
        patch: dict[str, Any] = {"siteId": sites[number % 2].id} if number % 3 else {"contactCenterEnabled": False}
        return await send_update(gateway, person, **patch)

    for number in range(1, 7):
        answers = await asyncio.gather(
            change(gateway, "assignTeams", people, teams={"add": [team.id]}),
            *(leave(person, number) for person in people),
        )
        for answer in answers[1:]:
            assert set(answer) <= {"INVALID_STATE", "NOT_CONTACT_CENTER_ENABLED"}
        assert set(answers[0].outcomes) <= {"SUCCEEDED", "UNCHANGED", "NOT_CONTACT_CENTER_ENABLED"}
    await versions_agree(gateway)
    assert await broken(gateway) == []
    done = await bulk(gateway, "assignTeams", people, teams={"set": []})
    assert set(done.outcomes) <= {"SUCCEEDED", "UNCHANGED"}
