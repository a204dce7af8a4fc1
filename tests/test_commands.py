"""The command line beside a serving gateway: first administrator, lost passwords, keys, tables, schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gql.schema import print_schema
from migrations.upgrading import newest
from models.user import UserRole, UserStatus
from tests.commands import command, environment, inside
from tests.gateway import SIGN_IN, Gateway
from tests.people import Staff

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { kind organization { name } permissions { permission scope } actor { displayName } } }"
CHANGE_PASSWORD = """
mutation Change($input: ChangePasswordInput!) { changePassword(input: $input) { errors { code message } } }
"""

RECORD = """
query Record($id: ID!) {
  user(by: {id: $id}) { presence { state } auditEvents { nodes { action actor { displayName } } } }
}
"""


async def sign_in(gateway: Gateway, mail: str, password: str) -> Any:
    terms = {"email": mail, "password": password, "surface": "PORTAL"}
    document = SIGN_IN.replace("token errors", "token passwordChangeRequired errors")
    return (await gateway.ask(document, {"input": terms}, token=None))["signIn"]


async def test_the_first_administrator_is_made_with_the_organization(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    """D15, D16: a full administrator, whose single-use password opens nothing but its own change."""
    made = await command(
        "admin", "create", "Root@Beta.Example", "--organization", "Beta", "--json", folder=tmp_path, url=database_url
    )
    assert made.code == 0, made.err
    password = made.last["password"]

    signed = await sign_in(gateway, "root@beta.example", password)
    assert (signed["errors"], signed["passwordChangeRequired"]) == ([], True)
    token = signed["token"]
    assert (await gateway.run("{ users { nodes { id } } }", token=token)).codes == ["FORBIDDEN"]
    terms = {"currentPassword": password, "newPassword": "a password of my own 7"}
    assert (await gateway.ask(CHANGE_PASSWORD, {"input": terms}, token=token))["changePassword"]["errors"] == []

    viewer = (await gateway.ask(VIEWER, token=token))["viewer"]
    assert viewer["organization"] == {"name": "Beta"}
    assert {"permission": "USERS_CREATE", "scope": "ORGANIZATION"} in viewer["permissions"]
    users = (await gateway.ask("{ users { nodes { email roles profile { kind } } } }", token=token))["users"]["nodes"]
    assert users == [
        {"email": "Root@beta.example", "roles": ["FULL_ADMINISTRATOR"], "profile": {"kind": "ADMINISTRATOR_ONLY"}}
    ]


async def test_a_second_administrator_joins_the_organization_that_is_there(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    made = await inside(
        "admin", "create", "two@acme.example", "--organization", "ACME", "--json", folder=tmp_path, url=database_url
    )
    assert made.code == 0, made.err
    assert await gateway.scalar("SELECT count(*) FROM organizations") == 1
    again = await inside(
        "admin", "create", "two@acme.example", "--organization", "Acme", "--json", folder=tmp_path, url=database_url
    )
    assert (await sign_in(gateway, "two@acme.example", made.last["password"]))["token"] is None
    assert (await sign_in(gateway, "two@acme.example", again.last["password"]))["token"] is not None


async def test_an_administrator_is_not_made_of_somebody_else(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    agent = await staff.hire()
    gone = await staff.hire(roles=[UserRole.FULL_ADMINISTRATOR], status=UserStatus.DEACTIVATED)
    for mail, organization, words in (
        (agent.email, "Acme", "no full administrator"),
        (agent.email, "Elsewhere", "another organization"),
        (gone.email, "Acme", "deactivated or blocked"),
        ("no mail address", "Acme", "not acceptable"),
    ):
        refused = await inside(
            "admin", "create", mail, "--organization", organization, folder=tmp_path, url=database_url
        )
        assert (refused.code, refused.out) == (1, "")
        assert words in refused.err
    assert await gateway.scalar("SELECT count(*) FROM organizations") == 1


async def test_a_reset_password_voids_the_old_one_and_every_session(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    person = await staff.hire()
    token = await gateway.sign_in(person, "AGENT_DESKTOP")

    reset = await inside("admin", "reset-password", person.email.upper(), "--json", folder=tmp_path, url=database_url)

    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await sign_in(gateway, person.email, person.password))["token"] is None
    assert (await sign_in(gateway, person.email, reset.last["password"]))["passwordChangeRequired"] is True
    user = (await gateway.ask(RECORD, {"id": person.id}))["user"]
    assert user["presence"] == {"state": "OFFLINE"}
    assert {"action": "PASSWORD_RESET", "actor": {"displayName": "RosterQL"}} in user["auditEvents"]["nodes"]
    nobody = await inside("admin", "reset-password", "nobody@acme.example", folder=tmp_path, url=database_url)
    assert (nobody.code, nobody.out) == (1, "")


async def test_a_reset_password_lets_nobody_in_who_is_kept_out(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    for person in (await staff.hire(status=UserStatus.DEACTIVATED), await staff.hire(blocked=True)):
        reset = await inside("admin", "reset-password", person.email, "--json", folder=tmp_path, url=database_url)
        assert reset.code == 0, reset.err
        refused = await sign_in(gateway, person.email, reset.last["password"])
        assert [error["code"] for error in refused["errors"]] == ["SIGN_IN_REFUSED"]


async def test_a_key_may_what_it_was_given(gateway: Gateway, database_url: str, tmp_path: Path) -> None:
    """A24: all but DIRECTORY_SYNC where nothing is said."""
    full = await command("key", "create", "--name", "full", "--json", folder=tmp_path, url=database_url)
    wanted = ("--name", "few", "--organization", "acme", "--permissions", "USERS_READ,reports_read")
    few = await inside("key", "create", *wanted, "--json", folder=tmp_path, url=database_url)

    held = (await gateway.ask(VIEWER, token=few.last["key"]))["viewer"]
    assert (held["kind"], held["actor"]) == ("API_KEY", {"displayName": "few"})
    assert {one["permission"] for one in held["permissions"]} == {"USERS_READ", "REPORTS_READ"}
    every = (await gateway.ask(VIEWER, token=full.last["key"]))["viewer"]["permissions"]
    assert len(every) == 21
    assert "DIRECTORY_SYNC" not in {one["permission"] for one in every}


async def test_a_key_needs_a_name_of_its_own_and_permissions_that_exist(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    for arguments, code, words in (
        (("--name", "Tests"), 1, "name already"),
        (("--name", "x", "--permissions", "USERS_READ,EVERYTHING"), 2, "EVERYTHING"),
        (("--name", "x", "--organization", "Nowhere"), 1, "Nowhere"),
    ):
        refused = await inside("key", "create", *arguments, folder=tmp_path, url=database_url)
        assert (refused.code, refused.out) == (code, "")
        assert words in refused.err
    await gateway.organization("Other")
    unclear = await inside("key", "create", "--name", "x", folder=tmp_path, url=database_url)
    assert unclear.code == 1
    assert "Acme, Other" in unclear.err


def test_sqlite_needs_nothing_of_postgresql(tmp_path: Path) -> None:
    """The driver is an extra: a gateway without it makes its tables, and people, and finds itself in order."""
    without = "import sys; sys.modules['asyncpg'] = None; from cli import main; main()"
    for arguments in (("seed", "--users", "20"), ("check", "--json")):
        ended = subprocess.run(
            [sys.executable, "-c", without, *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr


async def test_tables_are_brought_up_to_date_once(tmp_path: Path) -> None:
    first = await command("db", "upgrade", "--json", folder=tmp_path, anew=True)
    second = await inside("db", "upgrade", "--json", folder=tmp_path)
    assert (first.code, first.last["changed"], first.last["revision"]) == (0, True, newest())
    assert (second.code, second.last["changed"]) == (0, False)
    assert (tmp_path / "rosterql.db").exists()


async def test_the_schema_is_printed(tmp_path: Path) -> None:
    printed = await command("schema", "print", folder=tmp_path, anew=True)
    assert (printed.code, printed.out) == (0, print_schema())
