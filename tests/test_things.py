"""Whatever has a name, as callers find it: in use or not, one by its id, of their organization; sites and profiles."""

from __future__ import annotations

from typing import Any

import pytest

from gql.ids import global_id
from models.profile import UserProfileKind
from models.storage import uuid7
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import OF_THINGS, connection, maker, names

pytestmark = pytest.mark.anyio

BUILT_IN = {kind.name for kind in UserProfileKind} - {"CUSTOM"}


def one(name: str) -> str:
    """The field that finds one item of a list."""
    return name.removesuffix("s")


async def found_by_id(gateway: Gateway, name: str, key: str, *, token: str | None = "") -> Any:
    document = f"query One($id: ID!) {{ {one(name)}(id: $id) {{ id name active }} }}"
    return (await gateway.ask(document, {"id": key}, token=token))[one(name)]


@pytest.mark.parametrize("name", OF_THINGS)
async def test_lists_leave_out_what_is_not_in_use_unless_it_is_asked_for(
    gateway: Gateway, staff: Staff, name: str
) -> None:
    """B7: active by default, inactive only, both; a condition anywhere decides alone."""
    make = maker(staff, name)
    used, unused = await make("Zz used"), await make("Zz unused", active=False)
    ours = {"name": {"startsWith": "zz"}}
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({"filter": ours}, ["Zz used"]),
        ({"filter": ours, "includeInactive": True}, ["Zz unused", "Zz used"]),
        ({"filter": {**ours, "active": True}}, ["Zz used"]),
        ({"filter": {**ours, "active": False}}, ["Zz unused"]),
        ({"filter": {**ours, "active": True}, "includeInactive": True}, ["Zz used"]),
        ({"filter": {**ours, "active": None}}, ["Zz used"]),
        (
            {"filter": {"and": [ours, {"or": [{"active": False}, {"name": {"eq": "zz used"}}]}]}},
            ["Zz unused", "Zz used"],
        ),
        ({"filter": {"and": [ours, {"not": {"active": True}}]}}, ["Zz unused"]),
        ({"search": "zz"}, ["Zz used"]),
        ({"search": "zz", "includeInactive": True}, ["Zz unused", "Zz used"]),
    ]
    assert [(asked, await names(gateway, name, **asked)) for asked, _ in expected] == expected
    assert await found_by_id(gateway, name, used.id) == {"id": used.id, "name": "Zz used", "active": True}
    assert await found_by_id(gateway, name, unused.id) == {"id": unused.id, "name": "Zz unused", "active": False}
    counted = await connection(gateway, name, "totalCount", filter=ours)
    assert counted == {"totalCount": 1}


@pytest.mark.parametrize("name", OF_THINGS)
async def test_nothing_of_another_organization_is_found(gateway: Gateway, staff: Staff, name: str) -> None:
    elsewhere = await gateway.other()
    theirs = await maker(elsewhere, name)("Theirs")
    await maker(staff, name)("Ours")
    listed = await names(gateway, name, includeInactive=True)
    assert "Ours" in listed
    assert "Theirs" not in listed
    assert await found_by_id(gateway, name, theirs.id) is None
    kind = theirs.type_name
    assert await found_by_id(gateway, name, global_id(kind, uuid7())) is None


async def test_user_profiles_are_listed_by_kind_and_say_what_they_open(gateway: Gateway, staff: Staff) -> None:
    """B3: the built-in ones stand beside the custom ones."""
    await staff.profile("Desk only", surfaces=["AGENT_DESKTOP"], permissions=["USERS_READ"])
    kinds = "nodes { name kind surfaces permissions }"
    found = (await connection(gateway, "userProfiles", kinds))["nodes"]
    assert {node["kind"] for node in found} == {*BUILT_IN, "CUSTOM"}
    custom = await connection(gateway, "userProfiles", kinds, filter={"kind": {"eq": "CUSTOM"}})
    assert custom["nodes"] == [
        {"name": "Desk only", "kind": "CUSTOM", "surfaces": ["AGENT_DESKTOP"], "permissions": ["USERS_READ"]}
    ]
    for condition, expected in (
        ({"in": ["SUPERVISOR", "CUSTOM"]}, {"SUPERVISOR", "CUSTOM"}),
        ({"in": []}, set()),
        ({"notIn": ["CUSTOM"]}, BUILT_IN),
        ({"in": ["SUPERVISOR", "CUSTOM"], "notIn": ["CUSTOM"]}, {"SUPERVISOR"}),
    ):
        nodes = (await connection(gateway, "userProfiles", "nodes { kind }", filter={"kind": condition}))["nodes"]
        assert {node["kind"] for node in nodes} == expected, condition


async def test_a_site_tells_its_time_zone_and_its_desktop_profile(gateway: Gateway, staff: Staff) -> None:
    """B4, B5."""
    plain, furnished = await staff.site("Bonn"), await staff.site("Kiel")
    desktop = await staff.desktop_profile("Wide")
    await gateway.execute(
        "UPDATE sites SET default_desktop_profile_id = :desktop WHERE id = :site",
        desktop=gateway.key_parameter(desktop.key),
        site=gateway.key_parameter(furnished.key),
    )
    found = await connection(gateway, "sites", "nodes { id timeZone defaultDesktopProfile { name } }")
    assert found["nodes"] == [
        {"id": plain.id, "timeZone": "Europe/Berlin", "defaultDesktopProfile": None},
        {"id": furnished.id, "timeZone": "Europe/Berlin", "defaultDesktopProfile": {"name": "Wide"}},
    ]
    assert "Wide" in await names(gateway, "desktopProfiles")
