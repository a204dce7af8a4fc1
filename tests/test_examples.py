"""The programs in `examples` do what they say, against a gateway that really serves."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.node_tools import Node, installed
from tests.serving import Serving, serving

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[1] / "examples"


async def run(server: Serving, *program: str, folder: Path, **variables: str) -> tuple[int, str]:
    """A program with the address and the key of a gateway, unless told otherwise; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *program,
        cwd=folder,
        env={**os.environ, "GATEWAY_URL": server.told["url"], "GATEWAY_KEY": server.told["token"], **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode()


AGENTS = """
query Agents($first: Int!) { users(first: $first, filter: {role: {eq: AGENT}, protected: false}) { nodes { email } } }
"""


async def agents(server: Serving, count: int) -> list[str]:
    """Mail addresses of some agents whom anybody may take out."""
    async with server.client(server.told["token"]) as client:
        response = await client.post("/graphql", json={"query": AGENTS, "variables": {"first": count}})
    return [node["email"] for node in response.json()["data"]["users"]["nodes"]]


async def test_the_programs_take_people_out_and_may_be_started_again(tmp_path: Path) -> None:
    """A1, A18: one by curl, several by Python, and nobody twice."""
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as server:
        emails = await agents(server, 4)
        (tmp_path / "leavers.txt").write_text("\n".join([*emails, "nobody@nowhere.example"]))

        curl = await run(server, str(EXAMPLES / "curl" / "take_out.sh"), emails[0], folder=tmp_path)
        assert (curl[0], '"succeeded":1' in curl[1]) == (0, True), curl
        python = (sys.executable, str(EXAMPLES / "python" / "take_out.py"), "leavers.txt")
        first = await run(server, *python, folder=tmp_path)
        again = await run(server, *python, folder=tmp_path)
        (tmp_path / "many.txt").write_text(
            "\n".join([emails[0], *(f"{each}@nowhere.example" for each in range(1_000))])
        )
        many = await run(server, *python[:2], "many.txt", folder=tmp_path)  # more than are done before the answer

    assert first[0] == again[0] == 1
    assert first[1].splitlines()[0].startswith("nobody@nowhere.example: ")
    assert first[1].splitlines()[-1] == "3 taken out, 1 were out already, 1 failed"
    assert again[1].splitlines()[-1] == "0 taken out, 4 were out already, 1 failed"
    assert many[1].splitlines()[-1] == "0 taken out, 1 were out already, 1000 failed"
    assert len([line for line in many[1].splitlines() if "@nowhere.example: " in line]) == 1_000
    assert (await run(server, *python, folder=tmp_path))[0] == 2  # nobody serves any more


@pytest.fixture(scope="module")
def typescript() -> Node:
    """The example in TypeScript with its packages, and the types of its documents."""
    return installed(EXAMPLES / "typescript")


@pytest.mark.xdist_group("typescript")
async def test_the_typed_client_lists_people_and_tells_what_became_of_each(typescript: Node, tmp_path: Path) -> None:
    """A1, E5, by somebody who signs in and by a key."""
    node, program = str(typescript.binaries / "node"), str(typescript.folder / "dashboard.ts")
    generated = await typescript.run("generate.js", EXAMPLES.parent / "schema.graphql")
    assert generated[0] == 0, generated
    async with serving(tmp_path, "--demo", GRAPHQL__MAX_PAGE_SIZE="25") as server:
        emails = await agents(server, 25)
        person = {
            f"GATEWAY_{name}": server.told["admin"][key] for name, key in (("MAIL", "email"), ("PASSWORD", "password"))
        }
        listed = await run(server, node, program, "people", folder=tmp_path)
        taken = await run(
            server,
            node,
            program,
            "take-out",
            *emails,
            "nobody@nowhere.example",
            folder=tmp_path,
            GATEWAY_KEY="",
            **person,
        )
        again = await run(server, node, program, "take-out", emails[0], folder=tmp_path)
        afterwards = await run(server, node, program, "people", "--deactivated", folder=tmp_path)
        stranger = await run(server, node, program, "people", folder=tmp_path, GATEWAY_KEY="rql_nobody")

    lines = listed[1].splitlines()
    *people, counted = lines[1:]
    assert len(people) > 200
    assert counted.startswith(f"{len(people)} of {len(people)}, ")
    assert (taken[0], len(taken[1].splitlines())) == (1, 27)
    assert len([line for line in taken[1].splitlines() if line.endswith(": taken out")]) == 25
    assert taken[1].splitlines()[-1].startswith("nobody@nowhere.example: FAILED, NOT_FOUND (")
    assert (again[0], again[1].splitlines()[-1].endswith(": was out already")) == (0, True)
    assert [line.split("\t")[2][:10] for line in afterwards[1].splitlines() if emails[0] in line] == ["out since "]
    assert (stranger[0], stranger[1].partition(":")[0]) == (2, "UNAUTHENTICATED")


WRONG = """
import type { PeopleQuery, TakeOutMutationVariables } from "./documents.ts";
declare const people: PeopleQuery;
console.log(people.users?.nodes[0]?.agentNumber); // asked for by no document
const variables: TakeOutMutationVariables = { emails: [], first: 1, reason: "BORED" };
"""


@pytest.mark.xdist_group("typescript")
async def test_the_compiler_knows_the_schema(typescript: Node) -> None:
    compiler = ("node_modules/typescript/bin/tsc", "--noEmit", "--pretty", "false")
    wrong = typescript.folder / "wrong.ts"
    try:
        await typescript.run("generate.js", EXAMPLES.parent / "schema.graphql")
        code, out, err = await typescript.run(*compiler)
        assert code == 0, out + err
        wrong.write_text(WRONG)
        code, out, err = await typescript.run(*compiler)
    finally:
        wrong.unlink(missing_ok=True)
    assert [line.partition("(")[0] for line in out.splitlines()] == ["wrong.ts", "wrong.ts"], out
    assert "agentNumber" in out
    assert "BORED" in out
