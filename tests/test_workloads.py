"""The seven workloads of `examples/workloads.graphql`: each runs as it stands, in a number of statements that stays."""

from __future__ import annotations

from typing import Any

import pytest

from models.license import LicenseType
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.statements import Statements
from tests.test_statements import settled
from tests.workloads import DOCUMENTS

pytestmark = pytest.mark.anyio

PAGE = {"first": 10, "status": "ACTIVE"}

# One of each asks who is asking. A dashboard asks once for a page of people, and once for each of its edges, the
# queues twice: which, and where from. How many people there are makes no difference.
STATEMENTS = {"W1": 3, "W2": 2, "W3": 7, "W4": 3, "W5": 27, "W6": 2, "W7": 2}


async def population(staff: Staff, people: int = 40) -> list[Person]:
    """People with a site, teams, queues and a license."""
    queues = [await staff.queue() for _ in range(3)]
    teams = [await staff.team(queues=queues[:number]) for number in range(3)]
    return await staff.hire(
        people, site=await staff.site(), teams=teams, queues=queues[1:], licenses=[LicenseType.STANDARD_AGENT]
    )


async def variables(gateway: Gateway, name: str, people: list[Person]) -> dict[str, Any]:
    if name == "W7":
        after = None
        for _ in range(3):  # page 4 of 5: what comes before it is not read again
            asked = await gateway.ask(DOCUMENTS["W2"], {**PAGE, "after": after})
            after = asked["users"]["pageInfo"]["endCursor"]
        return {**PAGE, "after": after}
    return {
        "W1": {"id": people[0].id},
        "W4": {"teams": 10, "members": 20},
        "W5": {"ids": [person.id for person in people]},
        "W6": {"search": people[0].name.split()[0], "first": 10},
    }.get(name, PAGE)


def first_list(data: dict[str, Any]) -> list[Any]:
    [root] = data.values()
    return list(root["nodes"]) if "nodes" in root else [root]


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_workload_runs_as_it_stands_in_so_many_statements(
    gateway: Gateway, staff: Staff, statements: Statements, name: str
) -> None:
    people = await population(staff)
    given = await variables(gateway, name, people)
    await settled(gateway)
    with statements.counting() as counted:
        data = await gateway.ask(DOCUMENTS["W2" if name == "W7" else name], given)
    found = first_list(data)
    match name:
        case "W1":
            assert (found[0]["id"], found[0]["site"]["name"] != "") == (people[0].id, True)
        case "W3":
            dashboard = [one for one in found if one["site"]]
            assert len(dashboard) >= 9
            assert all(len(one["teams"]["nodes"]) == len(one["queues"]["edges"]) == 3 for one in dashboard)
            assert all(one["effectiveLicense"]["type"] == "STANDARD_AGENT" for one in dashboard)
        case "W4":
            assert [len(team["members"]["nodes"]) for team in found] == [20] * 3
        case "W5":
            assert found[0]["operation"]["totals"]["succeeded"] == len(people)
        case "W6":
            assert people[0].id in [one["id"] for one in found]
        case _:
            assert len(found) == 10
    assert counted.count == STATEMENTS[name], counted


def test_no_workload_is_left_out() -> None:
    assert {*DOCUMENTS, "W7"} == set(STATEMENTS)
