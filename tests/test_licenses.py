"""Licenses as callers find them: their seats, who reads them, and which one counts for a person."""

from __future__ import annotations

from typing import Any

import pytest

from gql.ids import global_id
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole, UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.reading import ask_list, connection, names

pytestmark = pytest.mark.anyio

SEATS = "query Seats($id: ID!) { license(id: $id) { seats { granted pool available } } }"
EFFECTIVE = "query Effective($id: ID!) { user(by: {id: $id}) { effectiveLicense { name type } } }"


async def seats(gateway: Gateway, license: Thing) -> tuple[int, int | None, int | None]:
    """Seats granted, seats in all, seats left."""
    found = (await gateway.ask(SEATS, {"id": license.id}))["license"]["seats"]
    return found["granted"], found["pool"], found["available"]


async def effective(gateway: Gateway, person: Person) -> str | None:
    """The name of the license that counts for a person."""
    found = (await gateway.ask(EFFECTIVE, {"id": person.id}))["user"]["effectiveLicense"]
    return None if found is None else str(found["name"])


async def test_seats_are_taken_once_by_each_active_holder(gateway: Gateway, staff: Staff) -> None:
    """E3: a deactivation frees the seat, a reactivation takes it again."""
    three, unlimited = await staff.license("Three", seats=3), await staff.license("Unlimited")
    assert (await seats(gateway, three), await seats(gateway, unlimited)) == ((0, 3, 3), (0, None, None))
    one, other = await staff.hire(2, licenses=[three, unlimited])
    await staff.hire(licenses=[three], status=UserStatus.DEACTIVATED)
    assert (await seats(gateway, three), await seats(gateway, unlimited)) == ((2, 3, 1), (2, None, None))
    await bulk(gateway, "deactivateUsers", [one, other])
    assert (await seats(gateway, three), await seats(gateway, unlimited)) == ((0, 3, 3), (0, None, None))
    await bulk(gateway, "reactivateUsers", [other])
    assert (await seats(gateway, three), await seats(gateway, unlimited)) == ((1, 3, 2), (1, None, None))


async def test_more_holders_than_seats_leave_none_rather_than_fewer(gateway: Gateway, staff: Staff) -> None:
    license = await staff.license("Cut", seats=3)
    await staff.hire(3, licenses=[license])
    await gateway.execute(
        "UPDATE license_pools SET seats = 1 WHERE license_id = :id", id=gateway.key_parameter(license.key)
    )
    assert await seats(gateway, license) == (3, 1, 0)
    available = {"name": {"eq": "Cut"}, "hasAvailableSeats": True}
    assert await names(gateway, "licenses", filter=available) == []


async def test_licenses_with_a_seat_left_are_found(gateway: Gateway, staff: Staff) -> None:
    """E3."""
    full, roomy = await staff.license("Full", seats=1), await staff.license("Roomy", seats=2)
    none, endless = await staff.license("None", seats=0), await staff.license("Endless")
    person = await staff.hire(licenses=[full, roomy, endless])
    ours = {"name": {"in": [license.name for license in (full, roomy, none, endless)]}}

    async def with_seats(left: bool | None) -> list[str]:
        return await names(gateway, "licenses", filter={**ours, "hasAvailableSeats": left})

    assert await with_seats(None) == ["Endless", "Full", "None", "Roomy"]
    assert await with_seats(True) == ["Endless", "Roomy"]
    assert await with_seats(False) == ["Full", "None"]
    await bulk(gateway, "deactivateUsers", [person])
    assert await with_seats(True) == ["Endless", "Full", "Roomy"]
    assert await with_seats(False) == ["None"]


async def test_licenses_that_are_not_in_use_are_listed_where_asked_for(gateway: Gateway, staff: Staff) -> None:
    """B7: active by default, inactive only, both; by id a license is always found."""
    unused = await staff.license("X unused", active=False)
    await staff.license("X used")
    ours = {"startsWith": "x "}
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({"filter": {"name": ours}}, ["X used"]),
        ({"filter": {"name": ours}, "includeInactive": True}, ["X unused", "X used"]),
        ({"filter": {"name": ours, "active": True}}, ["X used"]),
        ({"filter": {"name": ours, "active": False}}, ["X unused"]),
        ({"filter": {"name": ours, "active": True}, "includeInactive": True}, ["X used"]),
        ({"filter": {"name": ours, "active": None}}, ["X used"]),
    ]
    assert [(asked, await names(gateway, "licenses", **asked)) for asked, _ in expected] == expected
    found = await gateway.ask("query One($id: ID!) { license(id: $id) { name active } }", {"id": unused.id})
    assert found["license"] == {"name": "X unused", "active": False}


async def test_licenses_are_found_by_name_and_type(gateway: Gateway, staff: Staff) -> None:
    for name, type in (("A", LicenseType.PREMIUM_AGENT), ("B", LicenseType.STANDARD_AGENT)):
        await staff.license(name, type=type)
    built_in = [(await staff.built_in_license(type)).name for type in LicenseType]
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, sorted(["A", "B", *built_in])),
        (
            {"type": {"eq": "PREMIUM_AGENT"}},
            sorted(["A", built_in[list(LicenseType).index(LicenseType.PREMIUM_AGENT)]]),
        ),
        ({"type": {"notIn": ["PREMIUM_AGENT"]}, "name": {"in": ["a", "b"]}}, ["B"]),
        ({"type": {"in": ["PREMIUM_AGENT", "STANDARD_AGENT"]}, "name": {"eq": "a"}}, ["A"]),
        ({"type": {"in": []}}, []),
        ({"name": {"eq": "nothing"}}, []),
    ]
    assert [(asked, await names(gateway, "licenses", filter=asked)) for asked, _ in expected] == expected
    for asked, listed in expected:
        counted = await connection(gateway, "licenses", "totalCount", filter=asked)
        assert counted["totalCount"] == len(listed), asked


async def test_the_higher_license_counts_and_none_while_deactivated(gateway: Gateway, staff: Staff) -> None:
    """E3: the grants are suspended, and count again afterwards."""
    standard, premium = await staff.license("S"), await staff.license("P", type=LicenseType.PREMIUM_AGENT)
    people = {
        "S": await staff.hire(licenses=[standard]),
        "P": await staff.hire(licenses=[standard, premium]),
        None: await staff.hire(),
    }
    assert [await effective(gateway, person) for person in people.values()] == list(people)
    await bulk(gateway, "deactivateUsers", list(people.values()))
    assert [await effective(gateway, person) for person in people.values()] == [None] * 3
    await bulk(gateway, "reactivateUsers", list(people.values()))
    assert [await effective(gateway, person) for person in people.values()] == list(people)


async def test_of_two_licenses_of_one_type_the_first_by_name_counts(gateway: Gateway, staff: Staff) -> None:
    zulu, alpha = await staff.license("Zulu"), await staff.license("alpha")
    assert await effective(gateway, await staff.hire(licenses=[zulu, alpha])) == "alpha"


async def test_administrators_read_licenses_and_others_only_their_own(gateway: Gateway, staff: Staff) -> None:
    """A24: the list and a license by id are refused; by `node` it looks like what is missing; seats are null."""
    license = await staff.license("Held", seats=5)
    document = "query One($id: ID!) { license(id: $id) { name } node(id: $id) { id } }"
    own = "{ viewer { actor { ... on User { effectiveLicense { name seats { pool } } } } } }"
    for role in UserRole:
        person = await staff.hire(roles=[role], licenses=[license])
        token = await gateway.sign_in(person)
        listed = await ask_list(gateway, "licenses", token=token)
        found = await gateway.run(document, {"id": license.id}, token=token)
        mine = (await gateway.ask(own, token=token))["viewer"]["actor"]["effectiveLicense"]
        if role in (UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR):
            assert "Held" in [node["name"] for node in listed.data["licenses"]["nodes"]]
            assert found.data == {"license": {"name": "Held"}, "node": {"id": license.id}}
            assert mine == {"name": "Held", "seats": {"pool": 5}}
        else:
            assert (listed.codes, listed.data) == (["FORBIDDEN"], {"licenses": None})
            assert (found.codes, found.data) == (["FORBIDDEN"], {"license": None, "node": None})
            assert mine == {"name": "Held", "seats": None}


async def test_a_license_that_is_not_there_is_null(gateway: Gateway) -> None:
    document = "query One($id: ID!) { license(id: $id) { name } }"
    assert await gateway.ask(document, {"id": global_id("License", uuid7())}) == {"license": None}
