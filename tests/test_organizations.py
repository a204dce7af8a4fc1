"""`rosterql organization`: organizations listed, made, and deleted for good."""

from __future__ import annotations

import asyncio
import os
import pty
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from gql.ids import key_of
from models import metadata
from models.license import LicenseType
from resolvers.organizations import remove_organization
from tests.changes import bulk
from tests.commands import COMMAND, command, environment, inside
from tests.editing import add
from tests.gateway import Gateway
from tests.holdings import holdings_of
from tests.people import Staff
from tests.statements import Statements

pytestmark = pytest.mark.anyio


async def rows_of(gateway: Gateway, organization: Any) -> dict[str, int]:
    """How many rows of each table belong to an organization, where there are any."""
    found = {}
    for name, table in metadata.tables.items():
        column = "id" if name == "organizations" else "organization_id"
        if column in table.c:
            sql = f"SELECT count(*) FROM {name} WHERE {column} = :key"
            found[name] = await gateway.scalar(sql, key=gateway.key_parameter(organization))
    return {name: count for name, count in found.items() if count}


async def test_an_organization_is_deleted_whole_and_its_mail_addresses_are_free(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    """D11: everything of it goes, its audit too, and nothing of another one."""
    trial = await gateway.other("Trial")
    key = await gateway.key("trial", organization_id=trial.organization_id)
    held = await holdings_of(gateway, trial, key)
    await trial.hire(blocked=True, licenses=[LicenseType.PREMIUM_AGENT])
    own = await holdings_of(gateway, staff, gateway.token)
    before = await rows_of(gateway, gateway.organization_id)
    assert set(await rows_of(gateway, trial.organization_id)) >= {
        "users",
        "audit_events",
        "sessions",
        "bulk_operations",
    }
    mail = held.person.email
    refused = await add(gateway, {"email": mail})
    assert refused.outcomes == ["EMAIL_IN_OTHER_ORGANIZATION"]
    before |= {name: before[name] + 1 for name in ("bulk_operations", "bulk_operation_items")}

    done = await command("organization", "delete", "TRIAL", "--yes", "--json", folder=tmp_path, url=database_url)

    assert done.code == 0, done.err
    assert done.last["name"] == "Trial"
    assert done.last["deleted"]["organizations"] == 1
    assert await rows_of(gateway, trial.organization_id) == {}
    assert await rows_of(gateway, gateway.organization_id) == before
    assert (await gateway.run("{ viewer { kind } }", token=held.session)).codes == ["UNAUTHENTICATED"]
    assert (await gateway.run("{ viewer { kind } }", token=key)).codes == ["UNAUTHENTICATED"]
    assert (await add(gateway, {"email": mail})).outcomes == ["SUCCEEDED"]
    assert (await bulk(gateway, "deactivateUsers", [own.person])).outcomes == ["SUCCEEDED"]
    checked = await inside("check", folder=tmp_path, url=database_url)
    assert checked.code == 0, checked.out


async def test_the_audit_goes_with_its_organization_and_never_otherwise(gateway: Gateway, staff: Staff) -> None:
    """Decision 18: one marked row opens the audit of that organization alone."""
    other = await gateway.other()
    await other.hire()
    await staff.hire()
    await gateway.execute(
        "UPDATE organizations SET deletion_began_at = created_at WHERE id = :key",
        key=gateway.key_parameter(other.organization_id),
    )
    with pytest.raises(DBAPIError, match="audit events are never"):
        await gateway.execute("DELETE FROM audit_events")
    with pytest.raises(DBAPIError, match="audit events are never"):
        await gateway.execute("UPDATE audit_events SET note = 'x'")
    sql = "DELETE FROM audit_events WHERE organization_id = :key"
    assert await gateway.execute(sql, key=gateway.key_parameter(other.organization_id)) == 1


async def test_a_deletion_takes_as_many_statements_for_many_people_as_for_none(
    gateway: Gateway, statements: Statements
) -> None:
    counts = []
    for count in (0, 50):
        other = await gateway.other(f"Trial {count}")
        await other.hire(count, teams=[await other.team()])
        with statements.counting() as counted:
            await remove_organization(gateway.database, f"Trial {count}")
        counts.append(counted.count)
    assert counts[0] == counts[1] <= len(metadata.tables) + 3


async def test_organizations_are_listed_with_their_people(
    gateway: Gateway, staff: Staff, database_url: str, tmp_path: Path
) -> None:
    await staff.hire(2)
    made = await inside(
        "organization", "create", "Beta AB", "--time-zone", "Europe/Stockholm", "--json", folder=tmp_path,
        url=database_url,
    )  # fmt: skip
    assert made.code == 0, made.err
    assert key_of(made.last["id"], "Organization") is not None
    listed = await inside("organization", "list", "--json", folder=tmp_path, url=database_url)
    assert [{name: one[name] for name in ("name", "people", "active")} for one in listed.lines] == [
        {"name": "Acme", "people": 3, "active": 3},
        {"name": "Beta AB", "people": 0, "active": 0},
    ]
    again = await inside("organization", "create", "BETA ab", folder=tmp_path, url=database_url)
    assert (again.code, "already" in again.err) == (1, True)
    nowhere = await inside("organization", "create", "Gamma", "--time-zone", "Mars", folder=tmp_path, url=database_url)
    assert nowhere.code == 1
    assert await gateway.scalar("SELECT count(*) FROM audit_events WHERE target_type = 'Organization'") == 1


async def test_nothing_is_deleted_where_nobody_can_be_asked_or_another_name_is_typed(
    sqlite_gateway: Gateway, sqlite_url: str, tmp_path: Path
) -> None:
    await sqlite_gateway.other("Trial")
    asked = await inside("organization", "delete", "Trial", folder=tmp_path, url=sqlite_url)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    unknown = await inside("organization", "delete", "Nobody", "--yes", folder=tmp_path, url=sqlite_url)
    assert unknown.code == 1
    assert await typing("Acme", tmp_path, sqlite_url) == 1
    assert await sqlite_gateway.scalar("SELECT count(*) FROM organizations") == 2
    assert await typing("Trial", tmp_path, sqlite_url) == 0
    assert await sqlite_gateway.scalar("SELECT count(*) FROM organizations") == 1


async def typing(answer: str, folder: Path, url: str) -> int:
    """Delete Trial at a terminal, answering what is asked; the exit code."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "organization", "delete", "trial", cwd=folder, env=environment(url), stdin=theirs,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.write(ours, f"{answer}\n".encode())
    code = await asyncio.wait_for(process.wait(), 60)
    os.close(ours)
    os.close(theirs)
    return code
