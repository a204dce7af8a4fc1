"""License grants as callers find them: who holds what since when, and why a grant counts or does not."""

from __future__ import annotations

from typing import Any

import pytest

from models.license import LicenseType
from models.user import UserStatus
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing

pytestmark = pytest.mark.anyio

OF_USER = """
query OfUser($id: ID!) {
  user(by: {id: $id}) { licenseGrants { license { name } state source decisive reason } effectiveLicense { name } }
}
"""
OF_LICENSE = """
query OfLicense($id: ID!, $first: Int, $after: String) {
  license(id: $id) {
    grants(first: $first, after: $after) {
      nodes { user { displayName status } state decisive reason } totalCount pageInfo { hasNextPage endCursor }
    }
  }
}
"""
NODE = """
query Grant($id: ID!) {
  node(id: $id) { ... on LicenseGrant { id user { id } license { id seats { pool } } reason assignedAt } }
}
"""


async def explained(gateway: Gateway, person: Person) -> list[tuple[str, str, str]]:
    """License, state and reason of the grants of a person, of which the decisive one is of the license that counts."""
    found = (await gateway.ask(OF_USER, {"id": person.id}))["user"]
    decisive = [grant["license"] for grant in found["licenseGrants"] if grant["decisive"]]
    assert decisive == ([] if found["effectiveLicense"] is None else [found["effectiveLicense"]])
    assert {grant["source"] for grant in found["licenseGrants"]} <= {"MANUAL"}
    return [(grant["license"]["name"], grant["state"], grant["reason"]) for grant in found["licenseGrants"]]


async def first_grant(gateway: Gateway, person: Person) -> str:
    """The id of the grant that is listed first."""
    document = "query First($id: ID!) { user(by: {id: $id}) { licenseGrants { id } } }"
    return str((await gateway.ask(document, {"id": person.id}))["user"]["licenseGrants"][0]["id"])


async def held(gateway: Gateway, license: Thing, **page: Any) -> Any:
    """A page of the grants of a license."""
    return (await gateway.ask(OF_LICENSE, {"id": license.id, **page}))["license"]["grants"]


async def test_each_grant_tells_why_it_counts_or_does_not(gateway: Gateway, staff: Staff) -> None:
    """D1, Z11: the higher license counts, whichever was granted first."""
    standard, premium = await staff.license("S"), await staff.license("P", type=LicenseType.PREMIUM_AGENT)
    one, both, none = [await staff.hire(licenses=each) for each in ([standard], [standard, premium], [])]
    assert await explained(gateway, one) == [("S", "ACTIVE", "ONLY_GRANT")]
    assert await explained(gateway, both) == [("P", "ACTIVE", "PREMIUM_WINS"), ("S", "ACTIVE", "OUTRANKED")]
    assert await explained(gateway, none) == []


async def test_a_deactivation_suspends_grants_and_a_reactivation_brings_them_back(
    gateway: Gateway, staff: Staff
) -> None:
    """E3, Z11."""
    standard, premium = await staff.license("S"), await staff.license("P", type=LicenseType.PREMIUM_AGENT)
    person = await staff.hire(licenses=[standard, premium])
    before = await explained(gateway, person)
    await bulk(gateway, "deactivateUsers", [person])
    assert await explained(gateway, person) == [("P", "SUSPENDED", "SUSPENDED"), ("S", "SUSPENDED", "SUSPENDED")]
    await bulk(gateway, "reactivateUsers", [person])
    assert await explained(gateway, person) == before


async def test_the_grants_of_a_license_are_paged_with_the_suspended_ones_last(gateway: Gateway, staff: Staff) -> None:
    """E3: those of deactivated people are listed too (A22)."""
    license, other = await staff.license("Held"), await staff.license("Other")
    people = [
        await staff.hire(name, licenses=[license, other], status=status)
        for name, status in (("Ann", UserStatus.DEACTIVATED), ("Bob", UserStatus.ACTIVE), ("Cid", UserStatus.ACTIVE))
    ]
    found = await held(gateway, license)
    assert [(node["user"]["displayName"], node["state"]) for node in found["nodes"]] == [
        ("Bob", "ACTIVE"),
        ("Cid", "ACTIVE"),
        ("Ann", "SUSPENDED"),
    ]
    assert found["totalCount"] == len(people)
    names, cursor = [], None
    for more in (True, True, False):
        page = await held(gateway, license, first=1, after=cursor)
        names += [node["user"]["displayName"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is more
        cursor = page["pageInfo"]["endCursor"]
    assert names == ["Bob", "Cid", "Ann"]


async def test_a_grant_is_found_by_its_id(gateway: Gateway, staff: Staff) -> None:
    license = await staff.license("Held", seats=5)
    person = await staff.hire(licenses=[license])
    key = await first_grant(gateway, person)
    found = (await gateway.ask(NODE, {"id": key}))["node"]
    assert found.pop("assignedAt").endswith("Z")
    assert found == {
        "id": key,
        "user": {"id": person.id},
        "license": {"id": license.id, "seats": {"pool": 5}},
        "reason": "ONLY_GRANT",
    }


async def test_others_see_their_own_grants_and_a_key_for_licenses_sees_no_people(
    gateway: Gateway, staff: Staff
) -> None:
    """A24: the license of a grant is seen by whoever sees the grant."""
    license, team = await staff.license("Held"), await staff.team()
    own, colleague = [await staff.hire(licenses=[license], teams=[team]) for _ in range(2)]
    ids = [await first_grant(gateway, person) for person in (own, colleague)]
    token = await gateway.sign_in(own)
    found = [(await gateway.ask(NODE, {"id": id}, token=token))["node"] for id in ids]
    assert found[0] is not None
    assert (found[0]["user"], found[0]["license"]) == ({"id": own.id}, {"id": license.id, "seats": None})
    assert found[1] is None
    reader = await gateway.key("licenses", ["LICENSES_READ"])
    found = [(await gateway.ask(NODE, {"id": id}, token=reader))["node"] for id in ids]
    assert [(each["user"], each["reason"]) for each in found] == [(None, "ONLY_GRANT")] * 2


async def test_grants_of_another_organization_are_nobodys(gateway: Gateway) -> None:
    """A24."""
    other = await gateway.other()
    license = await other.license("Held")
    person = await other.hire(licenses=[license])
    key = await gateway.scalar(
        "SELECT id FROM license_grants WHERE user_id = :user", user=gateway.key_parameter(person.key)
    )
    thing = Thing(gateway.key_of(key), "LicenseGrant", "")
    assert (await gateway.ask(NODE, {"id": thing.id}))["node"] is None
