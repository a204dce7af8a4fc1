"""`rosterql check`: a healthy gateway has no violations, and whatever is spoiled is named."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.check import FOREIGN_GQL, violations
from models.license import LicenseType
from models.storage import uuid7
from models.user import UserRole
from repositories.invariants import INVARIANTS, violations_in
from repositories.invariants.invariant import EXAMPLES
from resolvers.context import utc_now
from tests.changes import bulk
from tests.commands import command, inside
from tests.contradiction import broken_in
from tests.editing import add, update
from tests.gateway import Gateway
from tests.people import Person, Staff, Thing
from tests.spoiling import SPOILS, Spoil
from worker.audit_chain import extend_chains

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def worked(module_url: str) -> AsyncIterator[Gateway]:
    """A gateway that has done something of everything; tests leave it as they found it."""
    gateway = await Gateway.open(module_url)
    await work(gateway)
    while await extend_chains(gateway.database):
        pass
    yield gateway
    await gateway.close()


async def work(gateway: Gateway) -> None:
    """Operations of every kind, through `/graphql`; some people are deactivated, blocked and signed in afterwards."""
    people = await hired(gateway)
    gone, blocked, _, protected, *others = people
    tokens = [await gateway.sign_in(each, "AGENT_DESKTOP") for each in (gone, blocked, others[0], others[1], others[2])]
    for each in (gone, others[0], others[8]):
        await gateway.staff.call(each)
    await gateway.staff.call(others[1], seconds=60)
    await gateway.ask("mutation { setPresence(input: {state: AVAILABLE}) { errors { code } } }", token=tokens[3])

    out = await bulk(gateway, "deactivateUsers", [gone, *others[3:6]], reason="SEASONAL")
    assert out.totals["seatsFreed"] == 4
    assert set(out.totals) == {"succeeded", "sessionsEnded", "teamsLeft", "queuesLeft", "contactsEnded", "seatsFreed"}
    unknown = Thing(uuid7(), "User", "nobody")
    offline = await bulk(gateway, "forceUsersOffline", [blocked, others[6], protected, unknown])
    assert offline.outcomes == ["SUCCEEDED", "SUCCEEDED", "PROTECTED_USER", "NOT_FOUND"]
    skipped = await bulk(gateway, "deactivateUsers", [others[7], protected], errorPolicy="ATOMIC")
    assert skipped.totals == {"skipped": 1, "failed": 1}
    await bulk(gateway, "resumeUsersOnline", [others[6], others[7]])
    await bulk(gateway, "reactivateUsers", [others[3], others[4], others[7]])
    await bulk(gateway, "signOutUsers", [others[0], others[1]])
    team, queue = await gateway.staff.team(), await gateway.staff.queue()
    await bulk(gateway, "assignTeams", [others[3], others[4]], teams={"add": [team.id]})
    await bulk(gateway, "assignTeams", [others[7]], teams={"set": [team.id]})
    await bulk(gateway, "assignQueues", [others[3], others[8]], queues={"set": [queue.id]})
    added = await add(gateway, {"email": "new@acme.example"}, {"email": "not a mail address"})
    assert added.totals == {"succeeded": 1, "failed": 1}
    assert not (await update(gateway, others[8], lastName="Weiß-Ångström", nickname="Nix", extension="77"))["errors"]
    assert not (await update(gateway, others[9], roles=["AGENT", "SUPERVISOR"]))["errors"]


async def hired(gateway: Gateway) -> list[Person]:
    """People with everything that people can have, in nested teams, and a second organization with its own."""
    staff = gateway.staff
    desktop = await gateway.rows("SELECT default_desktop_profile_id FROM organizations")
    site = await staff.site()
    await gateway.execute("UPDATE sites SET default_desktop_profile_id = :desktop", desktop=desktop[0][0])
    queues = [await staff.queue(), await staff.queue()]
    top = await staff.team("Top", queues=queues[:1], site=site)
    middle = await staff.team("Middle", parent=top)
    leaf, _ = [await staff.team(name, parent=middle) for name in ("Leaf", "Beside the leaf")]
    await staff.team("Apart")
    group = await staff.skill_group(queues=queues[1:])
    await staff.skill_group()
    await second_of_each(staff)
    await gateway.key("another")
    everything: dict[str, Any] = {
        "teams": [top, leaf],
        "queues": queues,
        "skill_groups": [group],
        "licenses": [LicenseType.PREMIUM_AGENT],
        "site": site,
    }
    gone = await staff.hire("Gone Person", **everything)
    blocked = await staff.hire("Blocked Person", **everything)
    administrator = await staff.hire(roles=[UserRole.SERVICE_ADMINISTRATOR])
    protected = await staff.hire(protected=True)
    await staff.hire("Lone Person", roles=[])
    others = await staff.hire(10, **everything)
    globex = await gateway.other()
    await globex.hire(roles=[UserRole.FULL_ADMINISTRATOR])
    await gateway.organization("Empty")
    return [gone, blocked, administrator, protected, *others]


async def second_of_each(staff: Staff) -> None:
    """What an organization has only one of otherwise, so that two can be given one name."""
    from models.profile import DesktopProfile

    await staff.site()
    at = utc_now()
    desktop = {"id": uuid7(), "version": 1, "name": "Wide", "name_key": "wide", "active": True}
    await staff.insert(DesktopProfile, {**desktop, "created_at": at, "updated_at": at})


async def test_a_gateway_at_work_breaks_nothing(worked: Gateway) -> None:
    assert await violations(worked.database) == []


def test_every_invariant_is_spoiled_by_some_test() -> None:
    names = [each.name for each in INVARIANTS]
    assert len(set(names)) == len(names)
    assert {each.name for each in SPOILS} == set(names)
    assert FOREIGN_GQL not in names


@pytest.mark.parametrize("spoil", SPOILS, ids=[f"{each.name}-{number}" for number, each in enumerate(SPOILS)])
async def test_spoiled_rows_are_named(worked: Gateway, spoil: Spoil) -> None:
    async with worked.database.writer.connect() as connection:
        await spoil.run(connection)
        found = {each.name: each for each in await violations_in(connection, utc_now())}
        by_tests = {each.name for each in await broken_in(connection)}
        await connection.rollback()

    assert spoil.name in found
    assert by_tests == set(found)
    assert set(found) <= {spoil.name, *spoil.also}
    one = found[spoil.name]
    assert one.count > 0
    assert len(one.examples) == min(one.count, EXAMPLES)


async def test_a_session_that_ran_out_is_not_open(worked: Gateway) -> None:
    """E17: after the idle time-out of its organization, or its seven days."""
    gone = "(SELECT id FROM users WHERE display_name = 'Gone Person')"
    spoil = Spoil("deactivated-with-open-session", (f"UPDATE sessions SET user_id = {gone} WHERE ended_at IS NULL",))
    async with worked.database.writer.connect() as connection:
        await spoil.run(connection)
        for later, names in (
            (timedelta(minutes=1380), [spoil.name]),  # an hour for the tests between its last use and now
            (timedelta(minutes=1441), []),
            (timedelta(days=8), []),
        ):
            assert [each.name for each in await violations_in(connection, utc_now() + later)] == names
        await connection.rollback()


async def test_a_violation_shows_whom_it_concerns(gateway: Gateway, staff: Staff) -> None:
    people = await staff.hire(7)
    assert await violations(gateway.database) == []
    await gateway.execute(
        "UPDATE users SET version = 2 WHERE id <> :admin", admin=gateway.key_parameter(gateway.admin.key)
    )

    (found,) = await violations(gateway.database)

    assert (found.name, found.count, len(found.examples)) == ("version-not-audited", 7, 5)
    assert set(found.examples) < {person.key.hex for person in people}


async def test_the_command_says_what_was_found_in_its_last_line(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    person = await staff.hire()
    healthy = await command("check", "--json", folder=tmp_path, url=database_url)
    events = await gateway.scalar("SELECT count(*) FROM audit_events")
    audit = {"chained": 0, "unchained": events}
    assert (healthy.code, healthy.last) == (0, {"violations": 0, "found": [], "audit": audit}), healthy.err
    assert "No violations." in (await inside("check", folder=tmp_path, url=database_url)).out
    await gateway.execute("UPDATE users SET profile_id = NULL WHERE id = :id", id=gateway.key_parameter(person.key))
    await gateway.execute("UPDATE users SET deactivated_at = created_at")

    spoiled = await inside("check", "--json", folder=tmp_path, url=database_url)

    assert spoiled.code == 1, spoiled.err
    assert spoiled.last["violations"] == 3
    found = {each["name"]: each for each in spoiled.last["found"]}
    assert set(found) == {"deactivated-at-not-of-status", "contact-center-without-profile"}
    assert found["deactivated-at-not-of-status"]["count"] == 2
    assert found["contact-center-without-profile"]["examples"] == [person.key.hex]
    assert found["contact-center-without-profile"]["what"].endswith(".")
    told = await inside("check", folder=tmp_path, url=database_url)
    assert told.code == 1
    assert all(word in told.out for word in ("contact-center-without-profile", person.key.hex))


async def test_another_state_of_the_tables_is_refused_and_left_alone(sqlite_gateway: Gateway, tmp_path: Path) -> None:
    await sqlite_gateway.execute("UPDATE alembic_version SET version_num = '0000'")
    older = await inside("check", "--json", folder=tmp_path, url=f"sqlite:///{sqlite_gateway.database.path}")
    assert (older.code, older.out) == (3, "")
    assert "rosterql db upgrade" in older.err
    assert await sqlite_gateway.scalar("SELECT version_num FROM alembic_version") == "0000"

    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "nothing.db").touch()
    for url in (None, f"sqlite:///{folder / 'nothing.db'}"):
        empty = await inside("check", folder=folder, url=url)
        assert (empty.code, empty.out) == (3, "")
        assert "no tables yet" in empty.err
    assert [(each.name, each.stat().st_size) for each in folder.iterdir()] == [("nothing.db", 0)]


async def test_another_package_named_gql_is_a_violation(
    worked: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, packed = tmp_path / "module", tmp_path / "packed"
    (module / "gql").mkdir(parents=True)
    (module / "gql" / "__init__.py").touch()
    information = packed / "gql-4.0.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: gql\nVersion: 4.0.0\n")
    (information / "top_level.txt").write_text("gql\n")
    with monkeypatch.context() as foreign:
        foreign.syspath_prepend(str(module))
        foreign.delitem(sys.modules, "gql")
        (found,) = await violations(worked.database)
    assert (found.name, found.examples) == (FOREIGN_GQL, (str(module / "gql"),))
    with monkeypatch.context() as beside:
        beside.syspath_prepend(str(packed))
        (found,) = await violations(worked.database)
    assert (found.name, found.examples) == (FOREIGN_GQL, ("gql",))
