"""People are changed from the command line: planned, asked, done exactly so, followed, stopped and taken back."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.naming import named
from models.user import UserRole
from tests.commands import COMMAND, LONGEST_S, Ended, environment, inside
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.serving import serving

pytestmark = pytest.mark.anyio

MANY = 1_001  # one more than is handled before the answer


class Commands:
    """Runs commands on the database of a test."""

    def __init__(self, gateway: Gateway, folder: Path, url: str) -> None:
        self._gateway = gateway
        self._folder = folder
        self._url = url

    async def __call__(self, *arguments: str, given: str | None = None, json: bool = True) -> Ended:
        form = ("--json",) if json else ()
        return await inside(*arguments, *form, folder=self._folder, url=self._url, given=given)

    async def done(self, *arguments: str, given: str | None = None) -> dict[str, Any]:
        """What came of a command that did all it was asked."""
        ended = await self(*arguments, given=given)
        assert ended.code == 0, ended.out + ended.err
        return ended.last

    async def statuses(self, people: Sequence[Person]) -> list[str]:
        """State of each of these people."""
        asked = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { status } } }"
        data = await self._gateway.ask(asked, {"ids": [one.id for one in people]})
        return [node["status"] for node in data["nodes"]]

    async def operations(self) -> list[dict[str, Any]]:
        """All operations, the latest first."""
        return (await self("operation", "list")).lines


@pytest.fixture
def rosterql(gateway: Gateway, database_url: str, tmp_path: Path) -> Commands:
    """Runs commands on the database of the test."""
    return Commands(gateway, tmp_path, database_url)


async def test_what_was_shown_is_what_is_done(rosterql: Commands, staff: Staff) -> None:
    """Z3: a dry run changes nobody and is executed by its id, unless somebody changed since."""
    team = await staff.team("Billing")
    people = await staff.hire(3, teams=[team])
    ids = [one.id for one in people]
    plan = await rosterql.done(
        "users", "deactivate", *ids[:2], "--dry-run", "--reason", "seasonal", "--note", "Harvest"
    )
    assert (plan["dryRun"], plan["totals"]["succeeded"], plan["totals"]["teamsLeft"]) == (True, 2, 2)
    assert plan["effects"]["left team Billing"] == 2
    assert await rosterql.statuses(people) == ["ACTIVE"] * 3

    done = await rosterql.done("users", "deactivate", "--plan", plan["id"], "--yes")
    assert (done["dryRun"], done["totals"], done["effects"]) == (False, plan["totals"], plan["effects"])
    assert await rosterql.statuses(people) == ["DEACTIVATED", "DEACTIVATED", "ACTIVE"]
    kept = (await rosterql.operations())[0]
    assert (kept["id"], kept["reason"], kept["note"]) == (done["id"], "SEASONAL", "Harvest")

    stale = await rosterql("users", "deactivate", "--plan", plan["id"], "--yes")
    assert (stale.code, "PLAN_STALE" in stale.err) == (1, True)
    no_plan = await rosterql("users", "deactivate", "--plan", done["id"], "--yes")
    assert (no_plan.code, "no dry run" in no_plan.err) == (2, True)
    assert len(await rosterql.operations()) == 2


async def test_nobody_is_changed_where_nobody_can_be_asked(rosterql: Commands, staff: Staff) -> None:
    person = await staff.hire()
    asked = await rosterql("users", "force-offline", person.id)
    assert (asked.code, "Say --yes" in asked.err) == (2, True)
    assert asked.last["totals"]["succeeded"] == 1
    assert [each["dryRun"] for each in await rosterql.operations()] == [True]

    plan, done = (await rosterql("users", "force-offline", person.id, "--yes")).lines
    assert (plan["dryRun"], done["dryRun"], done["totals"]["succeeded"]) == (True, False, 1)
    again = await rosterql.done("users", "force-offline", person.email, "--yes")
    assert (again["dryRun"], again["totals"]["unchanged"]) == (True, 1)
    assert (await rosterql.done("users", "resume-online", person.email, "--yes"))["totals"]["succeeded"] == 1
    nobody_in = await rosterql.done("users", "sign-out", person.email, "--yes", "--on-active-contact", "skip")
    assert nobody_in["totals"]["unchanged"] == 1


async def test_it_is_done_later_and_for_a_time(rosterql: Commands, staff: Staff) -> None:
    """Z8: who asks does not wait for a time to come, and can call it off; a time without an offset is that of here."""
    people = await staff.hire(2)
    ids = [one.id for one in people]
    begins = (datetime.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    ends = begins.astimezone(UTC) + timedelta(hours=8)
    times = ("--execute-at", begins.isoformat(timespec="minutes"), "--until", ends.isoformat())
    planned, asked = (await rosterql("users", "force-offline", *ids, *times, "--yes")).lines
    assert (planned["status"], planned["totals"]["succeeded"], asked["status"]) == ("COMPLETED", 2, "SCHEDULED")
    for told, time in ((asked["executeAt"], begins.astimezone(UTC)), (asked["until"], ends)):
        assert datetime.fromisoformat(told) == time
    assert await rosterql.statuses(people) == ["ACTIVE"] * 2
    words = (await rosterql("users", "force-offline", ids[0], *times, "--yes", json=False)).out.splitlines()
    assert [line.partition(" ")[0] for line in words] == ["begins:", "ends:", "operation:"]
    canceled = await rosterql("operation", "cancel", asked["id"])
    assert (canceled.code, canceled.last["status"]) == (0, "CANCELED")

    done = await rosterql.done("users", "deactivate", ids[1], "--until", ends.isoformat(), "--yes")
    assert (done["totals"]["succeeded"], datetime.fromisoformat(done["until"])) == (1, ends)
    past = await rosterql("users", "deactivate", ids[0], "--execute-at", "2026-01-01T00:00Z", "--yes")
    assert (past.code, "input.executeAt" in past.err) == (1, True)


async def test_who_fails_is_told_and_ends_with_four(rosterql: Commands, staff: Staff) -> None:
    fine = await staff.hire(2)
    kept = await staff.hire(protected=True)
    ids = [kept.id, *(one.id for one in fine)]
    whole = await rosterql("users", "deactivate", *ids, "--atomic", "--yes")
    assert (whole.code, whole.last["totals"]["skipped"], whole.last["failures"]) == (4, 2, {"PROTECTED_USER": 1})
    assert await rosterql.statuses(fine) == ["ACTIVE"] * 2

    partly = await rosterql("users", "deactivate", *ids, "--yes")
    assert (partly.code, partly.last["totals"]["succeeded"]) == (4, 2)
    (failed,) = partly.last["failed"]
    assert (failed["displayName"], failed["errors"][0]["code"]) == (kept.name, "PROTECTED_USER")
    unknown = await rosterql("users", "deactivate", "nobody", "--external-id", "--dry-run")
    assert (unknown.code, unknown.last["failures"]) == (4, {"NOT_FOUND": 1})
    refused = await rosterql("users", "deactivate", "nonsense", "--dry-run")
    assert (refused.code, "input.target.ids.0" in refused.err) == (1, True)


async def test_people_are_named_in_files(rosterql: Commands, staff: Staff, tmp_path: Path) -> None:
    """What `users list` prints is what the commands read; `-` is standard input."""
    people = await staff.hire(3, roles=[UserRole.AGENT])
    listed = (await rosterql("users", "list", "--role", "agent")).out
    plan = await rosterql.done("users", "deactivate", "--file", "-", "--yes", given=listed)
    assert plan["totals"]["succeeded"] == 3
    assert await rosterql.statuses(people) == ["DEACTIVATED"] * 3
    sheet = tmp_path / "numbers.csv"
    sheet.write_text("\ufeffagentNumber;name\n" + "".join(f"{one.agent_number};x\n" for one in people), "utf-8")
    back = await rosterql.done("users", "reactivate", "--agent-number", "-f", str(sheet), "--yes")
    assert back["totals"]["succeeded"] == 3


@pytest.mark.parametrize(
    ("text", "column", "target"),
    [
        ("a\n\n b \n", None, {"ids": ["a", "b"]}),
        ("a@x.example\nb@x.example", None, {"emails": ["a@x.example", "b@x.example"]}),
        ('{"id": "a", "externalId": "1"}\n{"id": "b", "externalId": "2"}\n', None, {"ids": ["a", "b"]}),
        ('{"id": "a", "externalId": "1"}\n', "externalId", {"externalIds": ["1"]}),
        ('"id","email"\r\n"a","x@x.example"\r\n', None, {"ids": ["a"]}),
        ('"name","email"\r\n"A, B","\'-x@x.example"\r\n', None, {"emails": ["-x@x.example"]}),
        ("externalId\t name\n7\tA\n", "externalId", {"externalIds": ["7"]}),
        ("HR-1\nHR-2\n", "externalId", {"externalIds": ["HR-1", "HR-2"]}),
    ],
)
async def test_a_file_of_people_is_read_in_any_form(
    tmp_path: Path, text: str, column: str | None, target: dict[str, list[str]]
) -> None:
    file = tmp_path / "people"
    file.write_bytes(text.encode())
    assert named(None, str(file), column) == target


async def test_people_are_found_by_a_filter_and_get_back_what_they_had(rosterql: Commands, staff: Staff) -> None:
    """Z1, Z7: as many as expected, or nothing happens; teams come back where that is asked for."""
    team = await staff.team("Chat")
    people = await staff.hire(3, roles=[UserRole.AGENT], teams=[team])
    await staff.hire(2, roles=[UserRole.SUPERVISOR])
    wrong = await rosterql("users", "deactivate", "--role", "agent", "--expect", "4", "--yes")
    assert (wrong.code, "COUNT_MISMATCH" in wrong.err) == (1, True)
    out = await rosterql.done("users", "deactivate", "--filter", "{role: {eq: AGENT}}", "--expect", "3", "--yes")
    assert out["totals"]["teamsLeft"] == 3
    found = ("--status", "deactivated", "--search", people[0].name)
    back = await rosterql.done("users", "reactivate", *found, "--restore", "teams", "--yes")
    assert back["effects"]["joined team Chat again"] == 1
    rest = await rosterql.done("users", "reactivate", "--status", "deactivated", "--yes")
    assert (rest["totals"]["succeeded"], "joined team Chat again" in rest["effects"]) == (2, False)
    assert await rosterql.statuses(people) == ["ACTIVE"] * 3


async def test_the_same_idempotency_key_does_it_once(rosterql: Commands, staff: Staff) -> None:
    """Z6: the whole command, plan and execution, may be run again."""
    person = await staff.hire()
    once = ("users", "deactivate", person.id, "--idempotency-key", "night of the 3rd", "--yes")
    first = await rosterql.done(*once)
    await rosterql.done("users", "reactivate", person.id, "--yes")
    assert (await rosterql.done(*once))["id"] == first["id"]
    assert await rosterql.statuses([person]) == ["ACTIVE"]


async def test_operations_are_shown_taken_back_and_tried_again(rosterql: Commands, staff: Staff) -> None:
    """Z5: an undo is shown first; a retry does what failed."""
    fine, kept = await staff.hire(), await staff.hire(protected=True)
    ended = await rosterql("users", "deactivate", fine.id, kept.id, "--yes")
    key = ended.last["id"]
    listed = await rosterql("operation", "list", "--kind", "deactivate", "--status", "completed_with_errors")
    assert [each["dryRun"] for each in listed.lines] == [False, True]
    assert len((await rosterql("operation", "list", "--limit", "1")).lines) == 1
    *items, shown = (await rosterql("operation", "show", key, "--items")).lines
    assert [item["outcome"] for item in items] == ["SUCCEEDED", "FAILED"]
    assert shown == ended.last

    tried = await rosterql("operation", "retry", key, "--yes")
    assert (tried.code, tried.last["failures"]) == (4, {"PROTECTED_USER": 1})
    plan = await rosterql.done("operation", "undo", key, "--dry-run")
    assert (plan["dryRun"], plan["totals"]["succeeded"]) == (True, 1)
    unasked = await rosterql("operation", "undo", key)
    assert (unasked.code, await rosterql.statuses([fine])) == (2, ["DEACTIVATED"])
    undone = await rosterql.done("operation", "undo", key, "--yes")
    assert (undone["kind"], await rosterql.statuses([fine])) == ("UNDO", ["ACTIVE"])
    for arguments in (("undo", key, "--yes"), ("cancel", key), ("retry", undone["id"], "--yes")):
        refused = await rosterql("operation", *arguments)
        assert (refused.code, "INVALID_STATE" in refused.err) == (1, True), arguments
    assert (await rosterql("operation", "show", fine.id)).code == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite is at the terminal below
async def test_many_are_done_while_the_command_waits(rosterql: Commands, staff: Staff) -> None:
    """Z4: without any worker beside it; nobody waits who does not want to."""
    await staff.hire(MANY, roles=[UserRole.AGENT])
    ended = await rosterql("users", "force-offline", "--role", "agent", "--yes", "--no-wait")
    plan, queued = ended.lines
    assert (ended.code, plan["status"], plan["totals"]["succeeded"]) == (0, "COMPLETED", MANY)
    assert (queued["status"], queued["progress"]) == ("QUEUED", {"total": MANY, "processed": 0})
    done = await rosterql.done("operation", "wait", queued["id"])
    assert (done["status"], done["totals"]["succeeded"], done["effects"]) == ("COMPLETED", MANY, None)


class Terminal:
    """Somebody at a terminal."""

    def __init__(self, process: asyncio.subprocess.Process, screen: int) -> None:
        self.process = process
        self.seen = ""
        self._screen = screen

    async def sees(self, words: str) -> None:
        """Wait until these words are on the screen."""
        async with asyncio.timeout(LONGEST_S):
            while words not in self.seen:
                read = await asyncio.to_thread(self._read)
                assert read, self.seen
                self.seen += read

    def types(self, words: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{words}\n".encode())

    async def ended(self) -> int:
        """The exit code, when the command ended and the screen is read."""
        async with asyncio.timeout(LONGEST_S):
            while read := await asyncio.to_thread(self._read):
                self.seen += read
            return await self.process.wait()

    def _read(self) -> str:
        try:
            return os.read(self._screen, 65_536).decode(errors="replace")
        except OSError:  # whoever wrote to it is gone
            return ""


@asynccontextmanager
async def at_terminal(*arguments: str, folder: Path, url: str | None = None) -> AsyncIterator[Terminal]:
    """Run a command with a terminal around it."""
    screen, inner = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env={**environment(url), "TERM": "xterm", "COLUMNS": "200"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    try:
        yield Terminal(process, screen)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(screen)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_at_a_terminal_it_asks_and_shows_how_far_it_is(
    rosterql: Commands, staff: Staff, tmp_path: Path, database_url: str
) -> None:
    team = await staff.team()
    await staff.hire(MANY, roles=[UserRole.AGENT])
    few = await staff.hire(2, roles=[UserRole.SUPERVISOR], teams=[team])
    by_team = ("--filter", f'{{team: {{eq: "{team.id}"}}}}')
    async with at_terminal("users", "deactivate", *by_team, folder=tmp_path, url=database_url) as terminal:
        await terminal.sees("Deactivate 2 people? [y/N]")
        terminal.types("n")
        assert await terminal.ended() == 1
    assert await rosterql.statuses(few) == ["ACTIVE"] * 2
    async with at_terminal("users", "force-offline", "--role", "agent", folder=tmp_path, url=database_url) as terminal:
        await terminal.sees("Force offline 1,001 people? [y/N]")
        assert f"{MANY}/{MANY}" in terminal.seen
        terminal.seen = ""
        terminal.types("y")
        assert await terminal.ended() == 0
        assert "forced offline \x1b" in terminal.seen
        assert f"{MANY}/{MANY}" in terminal.seen
    assert (await rosterql.operations())[0]["totals"]["succeeded"] == MANY


async def test_it_asks_another_gateway_and_leaves_what_goes_on_there(tmp_path: Path) -> None:
    """Whoever stops waiting stops nothing, and is told how to."""
    (tmp_path / "many").write_text("".join(f"nobody-{index}\n" for index in range(MANY)))
    async with serving(tmp_path, "--demo", "--no-worker", DEMO__USERS="100") as server:
        (tmp_path / "key").write_text(server.told["token"] + "\n")
        there = ("--url", server.told["url"], "--key", "@key")

        async def rosterql(*arguments: str) -> Ended:
            return await inside(*arguments, *there, "--json", folder=tmp_path)

        listed = await rosterql("users", "list", "--role", "agent", "--limit", "3")
        ids = [line["id"] for line in listed.lines]
        done = await rosterql("users", "deactivate", *ids, "--yes")
        assert (done.code, done.last["totals"]["succeeded"]) == (0, 3), done.err
        undone = await rosterql("operation", "undo", done.last["id"], "--yes")
        assert (undone.code, undone.last["totals"]["succeeded"]) == (0, 3), undone.err

        many = ("users", "sign-out", "--external-id", "--file", "many", "--dry-run", *there)
        async with at_terminal(*many, folder=tmp_path) as terminal:
            await terminal.sees("would be signed out")
            terminal.process.send_signal(signal.SIGINT)
            assert await terminal.ended() == 130, terminal.seen
        latest = (await rosterql("operation", "list", "--limit", "1")).last
        assert latest["status"] == "QUEUED"
        assert f"rosterql operation cancel {latest['id']} --url {server.told['url']}" in terminal.seen
        canceled = await rosterql("operation", "cancel", latest["id"])
        assert (canceled.code, canceled.last["status"]) == (0, "CANCELED")
        assert canceled.last["totals"]["skipped"] == MANY
        assert (await rosterql("operation", "wait", latest["id"])).code == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "in one way"),
        (("a", "--search", "b"), "in one way"),
        (("a", "--plan", "b"), "in one way"),
        (("a", "b@x.example"), "not by both"),
        (("a", "--external-id", "--agent-number"), "not both"),
        (("a", "--expect", "1"), "goes with a filter"),
        (("--file", "nothing"), "cannot be read"),
        (("--file", "empty"), "is empty"),
        (("--file", "lines"), "Line 2 of the people is not JSON"),
        (("--file", "sheet"), "Line 3 of the people has no id"),
        (("--filter", "[1"), "neither JSON nor"),
        (("--plan", "a", "--note", "b"), "those of the plan"),
        (("a", "--until", "tomorrow"), "This is no time: tomorrow"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
async def test_wrong_use_is_told_and_ends_with_two(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "lines").write_text('{"id": "a"}\n{')
    (tmp_path / "sheet").write_text("id,email\na,b\n,c\n")
    ended = await inside("users", "deactivate", *arguments, "--yes", folder=tmp_path)
    assert (ended.code, words in ended.err) == (2, True), ended.err
    assert not (tmp_path / "rosterql.db").exists()
