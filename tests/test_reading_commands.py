"""The command line reads: people in lists, documents, how a schema changed; here and elsewhere."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from cli import users
from cli.spreadsheet import cell
from models.user import UserRole, UserStatus
from tests.commands import command, inside
from tests.gateway import Gateway
from tests.people import Staff
from tests.serving import serving

pytestmark = pytest.mark.anyio

SCHEMA = Path(__file__).parents[1] / "schema.graphql"
DEACTIVATE = """
mutation Out($ids: [ID!]!, $note: String) {
  deactivateUsers(input: {target: {ids: $ids}, note: $note}) { errors { code path } operation { totals { succeeded } } }
}
"""


async def test_people_are_listed_as_lines_and_as_a_sheet(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A22, B6: every page of them, by the conditions of the API."""
    monkeypatch.setattr(users, "PAGE", 10)
    agents = [UserRole.AGENT]
    await staff.hire(25, roles=agents)
    await staff.hire("Gone One", roles=agents, status=UserStatus.DEACTIVATED)
    await staff.hire("=1+1 Formula", roles=[UserRole.SUPERVISOR], status=UserStatus.DEACTIVATED)

    async def listed(*arguments: str) -> list[str]:
        ended = await inside("users", "list", *arguments, "--json", folder=tmp_path, url=database_url)
        assert ended.code == 0, ended.err
        return [line["displayName"] for line in ended.lines]

    everybody = await listed("--role", "agent")
    assert (len(everybody), len(set(everybody))) == (25, 25)
    assert await listed("--status", "deactivated", "--role", "agent") == ["Gone One"]
    assert (
        await listed("--filter", "{role: {eq: AGENT}}", "--order", "display_name:desc", "--limit", "21")
        == (sorted(everybody, key=everybody.index)[:-22:-1])
    )
    assert await listed("--search", "ada") == ["Ada Admin"]

    sheet = await command("users", "list", "--status", "deactivated", "--csv", folder=tmp_path, url=database_url)
    assert sheet.code == 0, sheet.err
    rows = list(csv.DictReader(io.StringIO(sheet.out, newline="")))
    assert [(row["displayName"], row["status"], row["roles"]) for row in rows] == [
        ("'=1+1 Formula", "DEACTIVATED", "SUPERVISOR"),
        ("Gone One", "DEACTIVATED", "AGENT"),
    ]
    assert sheet.out.count("\r\n") == 3


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (["A", "B"], "A; B"),
        ("plain", "plain"),
        ("=1", "'=1"),
        ("+49", "'+49"),
        ("-", "'-"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\r", "'\r"),
        ("\n", "'\n"),
        ("＝1", "'＝1"),
        ("＠x", "'＠x"),
        (["=1", "B"], "'=1; B"),
    ],
)
async def test_no_cell_is_a_formula(value: object, written: str) -> None:
    assert cell(value) == written


async def test_a_document_is_asked_here_and_elsewhere(tmp_path: Path) -> None:
    """The same answer, whether the command opens the database or asks the gateway that serves it."""
    (tmp_path / "people.graphql").write_text(
        "query A { viewer { kind } } query B($n: Int!, $by: UserFilterInput, $word: String)"
        " { users(first: $n, filter: $by, search: $word) { nodes { id email } } }"
    )
    asked = ("query", "-f", "people.graphql", "--operation", "B", "--var", "n=2", "--var", "by={}", "--var", "word=a")
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as server:
        (tmp_path / "key").write_text(server.told["token"] + "\n")
        there = ("--url", server.told["url"], "--key", "@key")
        here = await inside(*asked, "--json", folder=tmp_path)
        elsewhere = await inside(*asked, *there, "--json", folder=tmp_path)
        assert here.code == elsewhere.code == 0, here.err + elsewhere.err
        assert here.last == elsewhere.last
        assert len(here.last["data"]["users"]["nodes"]) == 2
        listed = await inside("users", "list", "--limit", "5", *there, "--json", folder=tmp_path)
        assert len(listed.lines) == 5

        unknown = await inside("users", "list", "--status", "nowhere", *there, folder=tmp_path)
        assert (unknown.code, "BAD_USER_INPUT" in unknown.err) == (1, True)
        strange = await inside(
            "query", "{ viewer { kind } }", "--url", server.told["url"], "--key", "x", folder=tmp_path
        )
        assert (strange.code, "UNAUTHENTICATED" in strange.out) == (1, True)
    gone = await inside(*asked, *there, folder=tmp_path)
    assert (gone.code, "does not answer" in gone.err) == (3, True)


async def test_a_refused_change_ends_with_one(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    person = await staff.hire("Paul Person")
    done = await inside(
        "query",
        DEACTIVATE,
        "--var",
        f'ids=["{person.id}"]',
        "--var",
        "note=12",
        "--json",
        folder=tmp_path,
        url=database_url,
    )
    assert (done.code, done.last["data"]["deactivateUsers"]["operation"]["totals"]["succeeded"]) == (0, 1)
    refused = await inside("query", DEACTIVATE, "--var", "ids=[]", "--json", folder=tmp_path, url=database_url)
    assert refused.code == 1
    assert refused.last["data"]["deactivateUsers"]["errors"] != []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query", "{ viewer "), "cannot be parsed"),
        (("query", "{ viewer { kind } }", "--var", "n=1"), "declares no variable n"),
        (("query", "query($n: Int) { users(first: $n) { totalCount } }", "--var", "n=x"), "must be JSON"),
        (("query", "{ viewer { kind } }", "--url", "http://127.0.0.1:9"), "go together"),
        (("users", "list", "--csv", "--json"), "not both"),
        (("users", "list", "--filter", "[1"), "neither JSON nor"),
        (("schema", "diff", "nothing.graphql"), "cannot be read"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
async def test_wrong_use_is_told_and_ends_with_two(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    ended = await inside(*arguments, folder=tmp_path)
    assert (ended.code, words in ended.err) == (2, True), ended.err
    assert not (tmp_path / "rosterql.db").exists()


async def test_what_breaks_clients_is_told(tmp_path: Path) -> None:
    old = tmp_path / "old.graphql"
    built = SCHEMA.read_text("utf-8")
    old.write_text(built.replace("  agentNumber: String\n", "  agentNumber: Int\n", 1), "utf-8")
    broken = await command("schema", "diff", str(old), "--json", folder=tmp_path)
    assert (broken.code, broken.last["breaking"]) == (1, 1)
    assert broken.lines[0]["kind"] == "breaking"

    same = await inside("schema", "diff", str(SCHEMA), str(SCHEMA), "--json", folder=tmp_path)
    assert (same.code, same.lines) == (0, [{"breaking": 0, "dangerous": 0, "safe": 0}])
