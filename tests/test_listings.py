"""Lists of people by things, walked in an index of each thing and put together."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from models.license import LicenseType
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from repositories import listings
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import connection, names
from tests.rounds import THOROUGH

pytestmark = pytest.mark.anyio


async def pages(gateway: Gateway, backward: bool, **asked: Any) -> list[str]:
    """The names of a list, two in a page, from one of its ends to the other."""
    found: list[str] = []
    cursor = None
    for _ in range(20):
        where = {"last": 2, "before": cursor} if backward else {"first": 2, "after": cursor}
        select = "nodes { displayName } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
        page = await connection(gateway, "users", select, **where, **asked)
        shown = [node["displayName"] for node in page["nodes"]]
        found = [*shown, *found] if backward else [*found, *shown]
        if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        cursor = page["pageInfo"]["startCursor" if backward else "endCursor"]
    raise AssertionError("no end")


# With whom, in which order, whether from the end: each of them with each other; all together with TEST_THOROUGH=1.
WAYS = [
    way
    for way in itertools.product((False, True), ("ASC", "DESC"), (False, True))
    if THOROUGH or (way[0] == (way[1] == "DESC")) == way[2]
]


@pytest.mark.parametrize("apart", [0, 2, 100])
async def test_people_by_several_things_come_once_and_in_order(
    gateway: Gateway, staff: Staff, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether walks are put together or merged, in both directions, page by page, whoever is in several things."""
    monkeypatch.setattr(listings, "_APART", apart)
    queues = [await staff.queue(name) for name in ("one", "two", "three")]
    teams = [await staff.team(name, queues=[queue]) for name, queue in zip("TUV", queues, strict=True)]
    groups = [await staff.skill_group(name, queues=[queue]) for name, queue in zip("FGH", queues, strict=True)]
    sites = [await staff.site(name) for name in ("north", "south")]
    shown = ("Ann", "ann", "Bea", "Cid", "Dan", "Eve", "Fay", "Gus")
    for number, name in enumerate(shown):
        here = number != 4  # or deactivated, who has neither teams nor queues
        await staff.hire(
            name,
            roles=[UserRole.AGENT, UserRole.SUPERVISOR] if number % 2 else [UserRole.AGENT],
            teams=[team for place, team in enumerate(teams) if here and number % (place + 1) == 0],
            queues=[queue for place, queue in enumerate(queues) if here and number % (place + 2) == 0],
            skill_groups=[group for place, group in enumerate(groups) if number % (place + 1) == 0],
            site=sites[number % 2],
            status=UserStatus.ACTIVE if here else UserStatus.DEACTIVATED,
        )
    lists: list[tuple[dict[str, Any], str]] = [
        ({"team": {"in": [each.id for each in teams]}}, "0123567"),
        ({"team": {"in": [each.id for each in teams[1:]]}}, "0236"),
        ({"skillGroup": {"in": [each.id for each in groups]}}, "01234567"),
        ({"skillGroup": {"in": [each.id for each in groups[1:]]}}, "02346"),
        ({"queue": {"in": [each.id for each in queues[1:]]}}, "0236"),
        ({"queue": {"eq": queues[2].id}}, "036"),
        ({"role": {"in": ["AGENT", "SUPERVISOR"]}}, "01234567"),
        ({"role": {"eq": "SUPERVISOR"}}, "1357"),
        ({"site": {"in": [each.id for each in sites]}}, "01234567"),
        ({"site": {"eq": sites[0].id}}, "0246"),
        ({"team": {"in": [each.id for each in teams]}, "site": {"eq": sites[1].id}}, "1357"),
    ]
    for (filter, places), (all, order, backward) in itertools.product(lists, WAYS):
        left = [shown[int(each)] for each in places if all or each != "4"]
        asked = {
            "filter": filter,
            "orderBy": [{"field": "DISPLAY_NAME", "direction": order}],
            "includeDeactivated": all,
        }
        found = await pages(gateway, backward, **asked)
        assert found == (left if order == "ASC" else left[::-1]), (filter, asked, backward)


async def test_lists_follow_what_people_become(gateway: Gateway, staff: Staff) -> None:
    """The database itself keeps what is walked, whoever changes a name, a state or what somebody has."""
    team, queue = await staff.team("T"), await staff.queue("Q")
    ann = await staff.hire("Ann", teams=[team], licenses=[LicenseType.STANDARD_AGENT])
    await staff.hire("Bea", teams=[team], queues=[queue])
    key = gateway.key_parameter(ann.key)
    inside, free = {"team": {"eq": team.id}}, {"queue": {"isNull": True}, "role": {"eq": "AGENT"}}
    unlicensed = {"license": {"isNull": True}, "team": {"isNull": False}}
    assert await names(gateway, "users", filter=inside) == ["Ann", "Bea"]
    assert await names(gateway, "users", filter=free) == ["Ann"]
    assert await names(gateway, "users", filter=unlicensed) == ["Bea"]

    await gateway.execute("UPDATE users SET display_name_key = 'zoe' WHERE id = :key", key=key)
    await gateway.execute("DELETE FROM license_grants WHERE user_id = :key", key=key)
    assert await names(gateway, "users", filter=inside) == ["Bea", "Ann"]
    assert await names(gateway, "users", filter=unlicensed) == ["Bea", "Ann"]

    await gateway.execute("DELETE FROM user_queues")
    assert await names(gateway, "users", filter=free) == ["Bea", "Ann"]

    await gateway.execute("UPDATE users SET status = 2 WHERE id = :key", key=key)
    assert await names(gateway, "users", filter=inside) == ["Bea"]
    await gateway.execute("DELETE FROM memberships")
    assert await names(gateway, "users", filter=inside) == []


async def test_presences_are_found_whoever_says_or_does_them(gateway: Gateway, staff: Staff) -> None:
    available = await staff.hire("Ann")
    engaged = await staff.hire("Bea")
    await staff.hire("Cid")
    for person in (available, engaged):
        await gateway.execute(
            "UPDATE presences SET state = :state WHERE user_id = :key",
            state=PresenceState.AVAILABLE.value,
            key=gateway.key_parameter(person.key),
        )
    for _ in range(2):
        await staff.call(engaged)
    assert await names(gateway, "users", filter={"presence": {"in": ["AVAILABLE", "ENGAGED"]}}) == ["Ann", "Bea"]
    assert await names(gateway, "users", filter={"presence": {"eq": "AVAILABLE"}}) == ["Ann"]
    one = "(SELECT id FROM call_records ORDER BY id LIMIT 1)"
    await gateway.execute(f"UPDATE call_records SET ended_at = started_at, ended_by = 0 WHERE id = {one}")
    assert await names(gateway, "users", filter={"presence": {"eq": "ENGAGED"}}) == ["Bea"]
    await gateway.execute("UPDATE call_records SET ended_at = started_at, ended_by = 0")
    assert await names(gateway, "users", filter={"presence": {"eq": "ENGAGED"}}) == []
    assert await names(gateway, "users", filter={"presence": {"notIn": ["OFFLINE"]}}) == ["Ann", "Bea"]


async def test_desktop_profiles_are_found_wherever_they_come_from(gateway: Gateway, staff: Staff) -> None:
    """B5: one's own, that of the site or that of the organization."""
    wide = await staff.desktop_profile("Wide")
    site = await staff.site("north")
    await gateway.execute(
        "UPDATE sites SET default_desktop_profile_id = :wide WHERE id = :site",
        wide=gateway.key_parameter(wide.key),
        site=gateway.key_parameter(site.key),
    )
    by_site = await staff.hire("By Site", site=site)
    await staff.hire("By Whole", site=await staff.site("south"))
    await staff.hire("Own", site=site)
    outside = await staff.hire("Outside")
    await gateway.execute("UPDATE users SET desktop_profile_id = NULL WHERE display_name <> 'Own'")
    await gateway.execute(
        "UPDATE users SET contact_center_enabled = false, profile_id = NULL WHERE id = :key",
        key=gateway.key_parameter(outside.key),
    )
    agents = {"role": {"eq": "AGENT"}}
    by_wide = {"desktopProfile": {"eq": wide.id}}
    assert await names(gateway, "users", filter=by_wide) == ["By Site"]
    assert await names(gateway, "users", filter={"desktopProfile": {"notIn": [wide.id]}, **agents}) == [
        "By Whole",
        "Outside",
        "Own",
    ]
    assert await names(gateway, "users", filter={"desktopProfile": {"isNull": True}}) == ["Outside"]
    await gateway.execute("UPDATE users SET site_id = NULL WHERE id = :key", key=gateway.key_parameter(by_site.key))
    assert await names(gateway, "users", filter=by_wide) == []


async def test_things_of_others_find_nobody(gateway: Gateway, staff: Staff) -> None:
    """Whatever their people are listed by."""
    others = await gateway.other()
    team, site, group, queue = (
        await others.team("T"),
        await others.site("S"),
        await others.skill_group("G"),
        await others.queue("Q"),
    )
    await others.hire("Ann", teams=[team], site=site, skill_groups=[group], queues=[queue])
    own = await staff.team("U")
    await staff.hire("Bea", teams=[own])
    for name, thing in (("team", team), ("site", site), ("skillGroup", group), ("queue", queue)):
        assert await names(gateway, "users", filter={name: {"eq": thing.id}}) == []
        assert await names(gateway, "users", filter={name: {"in": [thing.id]}}) == []
    assert await names(gateway, "users", filter={"team": {"in": [team.id, own.id]}}) == ["Bea"]
