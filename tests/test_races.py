"""Two who want what only one can have, many times over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.license import LicenseType
from models.session import Session, Surface
from models.storage import uuid7
from models.user import UserRole, UserStatus
from resolvers.context import utc_now
from resolvers.signing_in import SESSION_LASTS
from resolvers.tokens import new_session_token, session_hash
from tests.contradiction import add, broken, change, clients, deadlocks, send, sign_in, update
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.rounds import rounds

pytestmark = pytest.mark.anyio

FULL = [UserRole.FULL_ADMINISTRATOR]


@pytest.fixture
async def eight(gateway: Gateway) -> AsyncIterator[list[Gateway]]:
    """Eight clients of the gateway."""
    async with clients(gateway, 8) as made:
        yield made


async def session_of(staff: Staff, person: Person) -> str:
    """A session of somebody, without the time that a password takes; its token."""
    token, at = new_session_token(), utc_now()
    row = {"id": uuid7(at), "user_id": person.key, "token_hash": session_hash(token), "surface": Surface.PORTAL}
    await staff.insert(Session, {**row, "started_at": at, "last_active_at": at, "expires_at": at + SESSION_LASTS})
    return token


@pytest.mark.parametrize(
    ("there", "back"), [("deactivateUsers", "reactivateUsers"), ("forceUsersOffline", "resumeUsersOnline")]
)
async def test_of_the_last_two_administrators_one_stays(
    gateway: Gateway, staff: Staff, eight: list[Gateway], there: str, back: str
) -> None:
    """E6: fifty times at once."""
    both = [gateway.admin, await staff.hire(roles=FULL)]
    for _ in range(rounds(50)):
        done = await asyncio.gather(*(change(eight[index], there, [both[index]]) for index in (0, 1)))
        assert sorted(each.outcomes[0] for each in done) == ["LAST_ADMINISTRATOR", "SUCCEEDED"]
        gone = next(person for person, each in zip(both, done, strict=True) if each.outcomes == ["SUCCEEDED"])
        assert (await change(gateway, back, [gone])).outcomes == ["SUCCEEDED"]
    assert await broken(gateway) == []


async def test_of_the_last_two_administrators_one_keeps_the_role(
    gateway: Gateway, staff: Staff, eight: list[Gateway]
) -> None:
    """E6, D16: fifty times at once."""
    both = [gateway.admin, await staff.hire(roles=FULL)]
    for _ in range(rounds(50)):
        codes = await asyncio.gather(*(update(eight[index], both[index], roles=[]) for index in (0, 1)))
        assert sorted(codes) == [[], ["LAST_ADMINISTRATOR"]]
        assert await update(gateway, both[codes.index([])], roles=["FULL_ADMINISTRATOR"]) == []
    assert await broken(gateway) == []


@pytest.mark.parametrize("mutation", ["deactivateUsers", "forceUsersOffline"])
async def test_of_two_administrators_who_turn_on_each_other_one_is_too_late(
    gateway: Gateway, staff: Staff, eight: list[Gateway], mutation: str
) -> None:
    """E6, A4: with their own sessions, of which the first change ends the other."""
    back = "reactivateUsers" if mutation == "deactivateUsers" else "resumeUsersOnline"
    one, other = gateway.admin, await staff.hire(roles=FULL)
    for _ in range(rounds(25)):
        tokens = [await session_of(staff, person) for person in (one, other)]
        answers = await asyncio.gather(
            send(eight[0], mutation, [other], token=tokens[0]), send(eight[1], mutation, [one], token=tokens[1])
        )
        assert sorted(answer.codes for answer in answers) == [[], ["UNAUTHENTICATED"]]
        gone = other if not answers[0].codes else one
        assert (await change(gateway, back, [gone])).outcomes == ["SUCCEEDED"]
    assert await broken(gateway) == []


async def test_one_change_is_told_to_one_of_eight(gateway: Gateway, staff: Staff, eight: list[Gateway]) -> None:
    """E4: the others find it done."""
    person = await staff.hire(teams=[await staff.team()])
    for number in range(rounds(50)):
        mutation = ("deactivateUsers", "reactivateUsers")[number % 2]
        done = await asyncio.gather(*(change(client, mutation, [person]) for client in eight))
        assert sorted(each.outcomes[0] for each in done) == ["SUCCEEDED"] + ["UNCHANGED"] * 7
    assert await gateway.scalar(
        "SELECT version FROM users WHERE agent_number = :n", n=person.agent_number
    ) == 1 + rounds(50)
    assert await broken(gateway) == []


async def test_seats_are_never_sold_twice(gateway: Gateway, staff: Staff, eight: list[Gateway]) -> None:
    """E3: eight come back for three seats."""
    license = await staff.license("Few", seats=3)
    people = await staff.hire(8, licenses=[license, LicenseType.PREMIUM_AGENT], status=UserStatus.DEACTIVATED)
    for _ in range(10):
        done = await asyncio.gather(
            *(change(client, "reactivateUsers", [person]) for client, person in zip(eight, people, strict=True))
        )
        assert sorted(each.outcomes[0] for each in done) == ["NO_SEAT_AVAILABLE"] * 5 + ["SUCCEEDED"] * 3
        assert (await change(gateway, "deactivateUsers", people)).operation["totals"]["succeeded"] == 3
    assert await broken(gateway) == []


async def test_the_last_seat_goes_to_one_new_person(gateway: Gateway, staff: Staff, eight: list[Gateway]) -> None:
    """E3, C1: of eight who are added at once."""
    for number in range(10):
        license = await staff.license(seats=1)
        new = [
            {"email": f"new.{number}.{index}@acme.example", "licenseIds": [license.id]} for index in range(len(eight))
        ]
        done = await asyncio.gather(*(add(client, user) for client, user in zip(eight, new, strict=True)))
        assert sorted(each.outcomes[0] for each in done) == ["NO_SEAT_AVAILABLE"] * 7 + ["SUCCEEDED"]
    assert await broken(gateway) == []


async def test_a_mail_address_goes_to_one_of_two_organizations(gateway: Gateway, eight: list[Gateway]) -> None:
    """E11, D11: and the other one is told why."""
    globex = await gateway.other()
    await globex.hire(roles=FULL)
    other = await gateway.key("other", organization_id=globex.organization_id)
    for number in range(rounds(25)):
        new = {"email": f"new.{number}@both.example"}
        mine, twin, theirs = await asyncio.gather(
            add(eight[0], new), add(eight[1], new), add(eight[2], new, token=other)
        )
        told = [mine.outcomes[0], twin.outcomes[0], theirs.outcomes[0]]
        if theirs.outcomes == ["SUCCEEDED"]:
            assert told[:2] == ["EMAIL_IN_OTHER_ORGANIZATION"] * 2
        else:
            assert sorted(told) == ["EMAIL_IN_OTHER_ORGANIZATION", "EMAIL_IN_USE", "SUCCEEDED"]
    assert await broken(gateway) == []


async def test_people_are_added_in_opposite_orders_at_once(gateway: Gateway, eight: list[Gateway]) -> None:
    """E11: of two lists with the same mail addresses each address is added once."""
    for number in range(rounds(50)):
        new = [{"email": f"new.{number}.{index}@acme.example"} for index in range(20)]
        done = await asyncio.gather(add(eight[0], *new), add(eight[1], *reversed(new)))
        outcomes = [*zip(done[0].outcomes, reversed(done[1].outcomes), strict=True)]
        assert all(sorted(each) == ["EMAIL_IN_USE", "SUCCEEDED"] for each in outcomes)
    assert await deadlocks(gateway) == 0
    assert await broken(gateway) == []


async def test_nobody_slips_in_while_being_taken_out(gateway: Gateway, staff: Staff, eight: list[Gateway]) -> None:
    """A4, A8: signing in and joining a team race a deactivation."""
    team = await staff.team()
    for _ in range(rounds(50)):
        person = await staff.hire()
        token, _, _ = await asyncio.gather(
            sign_in(eight[0], person),
            change(eight[1], "deactivateUsers", [person]),
            change(eight[2], "assignTeams", [person], teams={"add": [team.id]}),
        )
        if token is not None:
            assert (await gateway.run("{ viewer { kind } }", token=token)).codes == ["UNAUTHENTICATED"]
    assert await gateway.scalar("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 0
    assert await gateway.scalar("SELECT count(*) FROM memberships") == 0
    assert await broken(gateway) == []


async def test_who_updates_a_person_at_once_with_the_same_version_wins_alone(
    gateway: Gateway, staff: Staff, eight: list[Gateway]
) -> None:
    """E9: of eight who read the same version one changes it."""
    person = await staff.hire()
    document = "mutation U($input: UpdateUserInput!) { updateUser(input: $input) { errors { code } } }"

    async def rename(client: Gateway, version: int, nickname: str) -> list[Any]:
        given = {"id": person.id, "expectedVersion": version, "patch": {"nickname": nickname}}
        errors = (await client.ask(document, {"input": given}))["updateUser"]["errors"]
        return [error["code"] for error in errors]

    for version in range(1, rounds(50) + 1):
        names = [f"{version} of {index}" for index in range(8)]
        codes = await asyncio.gather(
            *(rename(client, version, name) for client, name in zip(eight, names, strict=True))
        )
        assert sorted(codes) == [[], *[["VERSION_CONFLICT"]] * 7]
    assert await broken(gateway) == []
