"""One thing of every kind that has an id, so that every place that takes an id can be tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.license import LicenseType
from models.user import UserRole
from resolvers.context import utc_now
from tests.changes import bulk
from tests.gateway import Gateway
from tests.people import Person, Staff

_ELSE = """
query Else($id: ID!) {
  viewer { actor { ... on ApiKey { id } } organization { id } }
  user(by: {id: $id}) {
    profile { id } desktopProfile { id } effectiveLicense { id } licenseGrants { id }
    sessions { nodes { id } } auditEvents { nodes { id } }
  }
}
"""


@dataclass(frozen=True)
class Holdings:
    """What an organization has.

    Attributes:
        ids: A global id of each kind.
        person: Somebody with one of everything: `ids["User"]`.
        token: A key of the organization, with every permission.
        session: A token of the person: that of `ids["Session"]`.
    """

    ids: dict[str, str]
    person: Person
    token: str
    session: str

    @property
    def samples(self) -> dict[str, Any]:
        """What fills places that must be filled, for `documents.plausible`."""
        return {
            "ID": self.ids["User"],
            "String": "word",
            "Int": 1,
            "Boolean": True,
            "DateTime": "2026-11-24T08:00:00Z",
            "Date": "2026-11-24",
            "Query.agentReport(since)": (utc_now() - timedelta(days=1)).isoformat(),
            "Query.agentReport(until)": (utc_now() + timedelta(days=1)).isoformat(),
            "NewUserInput.email": "new.person@acme.example",
        }


async def holdings_of(gateway: Gateway, staff: Staff, token: str) -> Holdings:
    """Fill an organization.

    Args:
        token: A key of the organization.
    """
    site, queue = await staff.site(), await staff.queue()
    team = await staff.team(queues=[queue], site=site)
    below = await staff.team(parent=team)
    skill_group = await staff.skill_group(queues=[queue])
    person = await staff.hire(
        teams=[team],
        queues=[queue],
        skill_groups=[skill_group],
        site=site,
        licenses=[LicenseType.STANDARD_AGENT],
        profile=await staff.profile(),
    )
    await staff.hire(teams=[below], roles=[UserRole.AGENT])
    call = await staff.call(person, team=team, queue=queue, seconds=60)
    session = await gateway.sign_in(person)
    done = await bulk(gateway, "deactivateUsers", [await staff.hire()], token=token)
    item = await gateway.ask(
        "query Item($id: ID!) { bulkOperation(id: $id) { items { nodes { id } } } }",
        {"id": done.operation["id"]},
        token=token,
    )
    found = await gateway.ask(_ELSE, {"id": person.id}, token=token)
    ids = {thing.type_name: thing.id for thing in (site, queue, team, skill_group, person, call)} | {
        "ApiKey": found["viewer"]["actor"]["id"],
        "Organization": found["viewer"]["organization"]["id"],
        "UserProfile": found["user"]["profile"]["id"],
        "DesktopProfile": found["user"]["desktopProfile"]["id"],
        "License": found["user"]["effectiveLicense"]["id"],
        "LicenseGrant": found["user"]["licenseGrants"][0]["id"],
        "Session": found["user"]["sessions"]["nodes"][0]["id"],
        "AuditEvent": found["user"]["auditEvents"]["nodes"][0]["id"],
        "BulkOperation": done.operation["id"],
        "BulkOperationItem": item["bulkOperation"]["items"]["nodes"][0]["id"],
    }
    return Holdings(ids, person, token, session)
