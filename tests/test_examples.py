"""The programs in `examples` do what they say, against a gateway that really serves."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.serving import Serving, serving

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[1] / "examples"
AGENTS = '{"query": "{ users(first: 4, filter: {role: {eq: AGENT}}) { nodes { email } } }"}'


async def run(server: Serving, *program: str, folder: Path) -> tuple[int, str]:
    """A program with the address and the key of a gateway; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *program,
        cwd=folder,
        env={**os.environ, "GATEWAY_URL": server.told["url"], "GATEWAY_KEY": server.told["token"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_the_programs_take_people_out_and_may_be_started_again(tmp_path: Path) -> None:
    """A1, A18: one by curl, several by Python, and nobody twice."""
    async with serving(tmp_path, "--demo") as server:
        async with server.client(server.told["token"]) as client:
            response = await client.post("/graphql", content=AGENTS, headers={"Content-Type": "application/json"})
        emails = [node["email"] for node in response.json()["data"]["users"]["nodes"]]
        (tmp_path / "leavers.txt").write_text("\n".join([*emails, "nobody@nowhere.example"]))

        curl = await run(server, str(EXAMPLES / "curl" / "take_out.sh"), emails[0], folder=tmp_path)
        assert (curl[0], '"succeeded":1' in curl[1]) == (0, True), curl
        python = (sys.executable, str(EXAMPLES / "python" / "take_out.py"), "leavers.txt")
        first = await run(server, *python, folder=tmp_path)
        again = await run(server, *python, folder=tmp_path)

    assert first[0] == again[0] == 1
    assert first[1].splitlines()[0].startswith("nobody@nowhere.example: ")
    assert first[1].splitlines()[-1] == "3 taken out, 1 were out already, 1 failed"
    assert again[1].splitlines()[-1] == "0 taken out, 4 were out already, 1 failed"
    assert (await run(server, *python, folder=tmp_path))[0] == 2  # nobody serves any more
