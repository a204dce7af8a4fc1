"""`rosterql demo`: the main job, played as a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cli.play.choosing import choose
from cli.seeding.demo import OpenedDemo, open_demo
from repositories.engine import Database
from resolvers.pepper import choose_pepper
from tests.commands import Ended, command, inside
from tests.gateway import SIGN_IN, Gateway

pytestmark = pytest.mark.anyio

PEPPER = "a pepper that server and command line share"

# The main job, by the operations that a play sends for it, in their order.
MAIN_JOB = (
    "query List",
    "mutation PlanDeactivation",
    "mutation DeactivateUsers",
    "query DeactivatedOnly",
    "mutation SignIn",
    "mutation ReactivateUsers",
    "mutation SignIn",
    "mutation AssignTeams",
    "mutation AssignQueues",
    "mutation ForceUsersOffline",
    "mutation SignIn",
    "mutation ResumeUsersOnline",
    "mutation SignIn",
    "mutation UndoOperation",
)

NOBODY_LEAVES = """
CREATE TRIGGER nobody_leaves AFTER DELETE ON memberships BEGIN
    INSERT INTO memberships VALUES (OLD.team_id, OLD.user_id, OLD.organization_id, OLD.assigned_at);
END
"""
NOBODY_IS_SIGNED_OUT = """
CREATE TRIGGER nobody_is_signed_out AFTER UPDATE OF ended_at ON sessions BEGIN
    UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = NEW.id;
END
"""
NOBODY_IS_DEACTIVATED = """
CREATE TRIGGER nobody_is_deactivated BEFORE INSERT ON deactivations BEGIN
    SELECT RAISE(ABORT, 'not today');
END
"""


def checks(played: Ended) -> list[dict[str, Any]]:
    return [check for line in played.lines[:-1] for check in line["checks"]]


def expect_whole(played: Ended) -> None:
    """The play went through, every expectation held, and the main job is in it."""
    assert played.code == 0, played.err + played.out[-2_000:]
    everything = checks(played)
    assert [check for check in everything if not check["ok"]] == []
    assert played.last == {"checks": f"{len(everything)}/{len(everything)}"}
    assert len(everything) >= 40
    sent = iter(line["query"] for line in played.lines[:-1])
    for wanted in MAIN_JOB:
        assert any(wanted in query for query in sent), f"{wanted} is missing, or too early"


async def test_the_play_runs_in_an_empty_folder_and_leaves_nothing_there(tmp_path: Path) -> None:
    played = await command("demo", "--json", folder=tmp_path, anew=True)
    expect_whole(played)
    assert os.listdir(tmp_path) == []
    assert "rqs_" not in played.out
    assert "rql_" not in played.out


async def test_the_play_can_be_read(tmp_path: Path) -> None:
    """With everything in it that was asked, and what came of it; on the database that a file of settings names."""
    (tmp_path / "rosterql.toml").write_text('[database]\nurl = "sqlite:///played.db"\n')
    played = await command("demo", "--seed", "2", folder=tmp_path, DEMO__USERS="100")
    assert played.code == 0, played.err + played.out[-2_000:]
    for wanted in ("mutation DeactivateUsers", "query DeactivatedOnly", "with {", "gives {", "✓ all are deactivated"):
        assert wanted in played.out
    assert "✗" not in played.out
    assert "rqs_" not in played.out
    assert played.out.rstrip().endswith("expectations held.")
    assert (tmp_path / "played.db").exists()


async def test_it_plays_twice_on_a_database_that_is_named(gateway: Gateway, database_url: str, tmp_path: Path) -> None:
    """Beside another organization, with the same people or with others; a demo server's credentials stay valid."""
    choose_pepper(gateway.database, value=PEPPER)
    opened = await open_demo(gateway.database, users=100)

    for seed in ("5", "5") if gateway.database.is_sqlite else ("5", "6"):
        expect_whole(
            await command("demo", "--json", "--seed", seed, folder=tmp_path, url=database_url, AUTH__PEPPER=PEPPER)
        )

    await expect_open(gateway, opened)
    checked = await inside("check", "--json", folder=tmp_path, url=database_url)
    assert (checked.last["violations"], checked.last["found"]) == (0, [])


async def test_another_seed_takes_other_people(gateway: Gateway) -> None:
    opened = await open_demo(gateway.database, users=300)

    first, again, other = [
        {one.id for one in await choose(gateway.database, opened.organization_id, seed)} for seed in (1, 1, 2)
    ]

    assert first == again
    assert len(first) == len(other) == 25
    assert len(first | other) > 40
    document = "query P($ids: [ID!]) { users(filter: {id: {in: $ids}}, first: 50) { nodes { presence { state } } } }"
    people = (await gateway.ask(document, {"ids": sorted(first)}, token=opened.token))["users"]["nodes"]
    assert sum(one["presence"]["state"] == "ENGAGED" for one in people) == 3


async def expect_open(gateway: Gateway, opened: OpenedDemo) -> None:
    """Password and key of a demo server do what they did."""
    assert (await gateway.run("{ viewer { kind } }", token=opened.token)).codes == []
    terms = {"email": opened.admin_email, "password": opened.password, "surface": "PORTAL"}
    assert (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]["errors"] == []


@pytest.mark.parametrize(
    ("triggers", "missed"),
    [
        ((NOBODY_LEAVES, NOBODY_IS_SIGNED_OUT), {"nobody is in a team", "none of 10 opens anything"}),
        ((NOBODY_IS_DEACTIVATED,), {"the answer has what the step needs"}),
    ],
    ids=["misses", "an end"],
)
async def test_what_does_not_hold_is_told_and_ends_the_play_with_1(
    sqlite_url: str, tmp_path: Path, triggers: tuple[str, ...], missed: set[str]
) -> None:
    await spoil(sqlite_url, triggers)

    played = await command("demo", "--json", folder=tmp_path, url=sqlite_url)

    everything = checks(played)
    held = sum(check["ok"] for check in everything)
    assert (played.code, played.last) == (1, {"checks": f"{held}/{len(everything)}"})
    assert held < len(everything)
    assert missed <= {check["what"] for check in everything if not check["ok"]}


async def spoil(url: str, triggers: tuple[str, ...]) -> None:
    """Make a demo organization whose database does not do as it is told."""
    database = Database(url)
    try:
        await open_demo(database, users=100)
        async with database.writer.begin() as connection:
            for trigger in triggers:
                await connection.exec_driver_sql(trigger)
    finally:
        await database.close()


async def test_nobody_plays_with_real_people(gateway: Gateway, database_url: str, tmp_path: Path) -> None:
    refused = await command("demo", "--json", folder=tmp_path, url=database_url)
    assert (refused.code, refused.out) == (2, "")
    assert "none of them is for playing" in refused.err
    assert await gateway.scalar("SELECT count(*) FROM organizations") == 1


async def test_too_few_people_are_told_before_anything_is_done(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    opened = await open_demo(gateway.database, users=100)
    own = gateway.key_parameter(opened.organization_id)
    await gateway.execute("DELETE FROM user_queues WHERE organization_id = :own", own=own)
    refused = await command("demo", "--json", folder=tmp_path, url=database_url)
    assert (refused.code, refused.out) == (1, "")
    assert "Only 0 people" in refused.err
