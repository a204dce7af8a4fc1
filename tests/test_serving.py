"""`rosterql serve` as a process of its own: how it starts, what it says, how it ends."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.commands import COMMAND, command, environment, inside
from tests.gateway import SIGN_IN
from tests.serving import Serving, serving

pytestmark = pytest.mark.anyio

# Three times what is promised (10 and 5) of a machine that does nothing else: other tests run beside these.
READY_WITHIN_S, ENDED_WITHIN_S = 30, 15
SIGNALS = pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
VIEWER = "{ viewer { kind } }"


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def ask(client: httpx2.AsyncClient, document: str, variables: dict[str, Any] | None = None) -> Any:
    response = await client.post("/graphql", json={"query": document, "variables": variables})
    assert response.status_code == 200, response.text
    assert "errors" not in response.json(), response.text
    return response.json()["data"]


async def any_agent(client: httpx2.AsyncClient) -> dict[str, str]:
    """The id of somebody who is an agent and nothing else."""
    document = "{ users(first: 1, filter: {role: {eq: AGENT}, status: {eq: ACTIVE}}) { nodes { id } } }"
    [agent] = (await ask(client, document))["users"]["nodes"]
    return dict(agent)


async def sign_in(served: Serving, surface: str = "PORTAL") -> str:
    """Sign the administrator of the demo in; the token."""
    terms = {**served.told["admin"], "surface": surface}
    async with served.client() as client:
        payload = (await ask(client, SIGN_IN, {"input": terms}))["signIn"]
    assert payload["errors"] == []
    return str(payload["token"])


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a demo organization on SQLite, and a key of it."""
    folder = tmp_path_factory.mktemp("demo")

    async def make() -> str:
        async with serving(folder, "--demo", DEMO__USERS="100") as served:
            served.tell()
            await served.ended()
            return str(served.told["token"])

    return folder, asyncio.run(make())


@pytest.fixture
def demo(demo_file: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """A copy of it for one test."""
    folder = tmp_path / "demo"
    shutil.copytree(demo_file[0], folder)
    return folder, demo_file[1]


async def test_an_empty_folder_serves_a_demo_at_once_that_works(tmp_path: Path) -> None:
    """One line of JSON holds what is needed, and all of it works over the socket."""
    async with serving(tmp_path, "--demo", anew=True) as served:
        assert served.seconds < READY_WITHIN_S
        assert served.told["database"] == str(tmp_path / "rosterql.db")
        assert set(served.told) == {"url", "database", "admin", "token", "graphiql", "jobs"}
        assert set(served.told["admin"]) == {"email", "password"}
        async with served.client(served.told["token"]) as client:
            assert await ask(client, "{ viewer { kind } users(first: 3) { totalCount nodes { id } } }")
            assert (await client.get("/readyz")).json() == {"status": "ready"}
            agent = await any_agent(client)
        async with served.client(await sign_in(served)) as client:
            assert (await ask(client, VIEWER))["viewer"] == {"kind": "USER"}
            for mutation, status in (("deactivateUsers", "DEACTIVATED"), ("reactivateUsers", "ACTIVE")):
                target = f'{{target: {{ids: ["{agent["id"]}"]}}}}'
                await ask(client, f"mutation {{ {mutation}(input: {target}) {{ errors {{ code }} }} }}")
                found = await ask(client, "query U($id: ID!) { user(by: {id: $id}) { status } }", agent)
                assert found == {"user": {"status": status}}


async def test_what_was_made_at_the_first_start_is_there_at_the_next(tmp_path: Path) -> None:
    """A key and the password of the administrator are made anew at every start; those of earlier ones are void."""
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as first:
        async with first.client(first.told["token"]) as client:
            count = (await ask(client, "{ users { totalCount } }"))["users"]["totalCount"]
        first.tell()
        assert await first.ended() == 0
    assert count > 50
    pepper = tmp_path / "rosterql.db.pepper"
    for private in (pepper, tmp_path / "rosterql.db"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    kept = pepper.read_bytes()
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as second:
        for token in (second.told["token"], await sign_in(second)):
            async with second.client(token) as client:
                assert (await ask(client, "{ users { totalCount } }"))["users"]["totalCount"] == count
        async with second.client(first.told["token"]) as client:
            assert "UNAUTHENTICATED" in (await client.post("/graphql", json={"query": VIEWER})).text
    assert pepper.read_bytes() == kept


async def test_the_environment_chooses_the_database(tmp_path: Path, postgres_url: str) -> None:
    async with serving(tmp_path, "--demo", url=postgres_url, DEMO__USERS="100") as served:
        assert served.told["database"].startswith("postgresql")
        async with served.client(served.told["token"]) as client:
            assert (await ask(client, VIEWER))["viewer"] == {"kind": "API_KEY"}
        await sign_in(served)
        served.tell()
        assert await served.ended() == 0
    assert files(tmp_path) == ["stderr.log"]


@SIGNALS
async def test_told_to_end_it_ends_at_once_and_well(demo: tuple[Path, str], signal_: int) -> None:
    """Idle, and with a connection that a caller keeps open."""
    folder, token = demo
    async with serving(folder) as served:
        asked = served.tell(signal_)
        assert await served.ended() == 0
        assert time.monotonic() - asked < 2
    async with serving(folder) as served, served.client(token) as client:
        await ask(client, VIEWER)
        asked = served.tell(signal_)
        assert await served.ended() == 0
        assert time.monotonic() - asked < 2
    assert [line for line in served.logged if line["level"] in ("error", "critical")] == []


async def test_before_it_ends_it_says_that_it_is_not_ready(demo: tuple[Path, str]) -> None:
    folder, token = demo
    async with serving(folder) as served, served.client(token) as client:
        assert (await client.get("/readyz")).status_code == 200
        served.tell()
        seen: list[tuple[int, str]] = []
        try:
            while not seen or seen[-1][0] == 200:
                response = await client.get("/readyz")
                seen.append((response.status_code, response.json()["status"]))
                await asyncio.sleep(0.01)
            answered = await client.post("/graphql", json={"query": VIEWER})
        except httpx2.TransportError:
            pytest.fail(f"the door was shut without notice: {seen}")
        assert seen[-1] == (503, "ending")
        assert answered.json() == {"data": {"viewer": {"kind": "API_KEY"}}}
        assert await served.ended() == 0


@SIGNALS
async def test_a_change_under_way_is_done_and_answered_before_the_end(demo: tuple[Path, str], signal_: int) -> None:
    folder, token = demo
    async with serving(folder) as served, served.client(token) as client:
        agent = await any_agent(client)
        await asyncio.sleep(0.7)  # the last use of the key is written by now
        target = f'{{target: {{ids: ["{agent["id"]}"]}}}}'
        document = f"mutation {{ deactivateUsers(input: {target}) {{ operation {{ totals {{ succeeded }} }} }} }}"
        with closing(sqlite3.connect(folder / "rosterql.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            sent = asyncio.create_task(ask(client, document))
            await asyncio.sleep(0.3)
            asked = served.tell(signal_)
            await asyncio.sleep(1)
            assert not sent.done()
            assert served.process.returncode is None
            other.execute("ROLLBACK")
        assert (await sent)["deactivateUsers"]["operation"]["totals"] == {"succeeded": 1}
        assert await served.ended() == 0
        assert time.monotonic() - asked < ENDED_WITHIN_S
    with closing(sqlite3.connect(folder / "rosterql.db")) as after:
        assert after.execute("SELECT count(*) FROM bulk_operations").fetchone() == (1,)


@pytest.mark.parametrize(
    ("document", "locked", "settings", "within_s"),
    [
        ("{ teams { nodes { id } } }", "teams", {"SERVER__DRAIN_TIMEOUT_S": "1"}, 2),
        (
            'mutation { deactivateUsers(input: {target: {emails: ["admin@nordlicht.example"]}}) { errors { code } } }',
            "users, memberships, bulk_operations",  # the worker waits too, and is cut off as well
            {},
            ENDED_WITHIN_S,
        ),
    ],
    ids=["query", "change"],
)
async def test_what_does_not_finish_in_time_is_cut_off_and_told_so(
    tmp_path: Path, postgres_url: str, document: str, locked: str, settings: dict[str, str], within_s: float
) -> None:
    """A change that was cut off is undone as a whole."""
    host, name = postgres_url.partition("host=")[2], postgres_url.partition("@/")[2].partition("?")[0]
    counting = "SELECT count(*) FROM bulk_operations"
    async with serving(tmp_path, "--demo", url=postgres_url, DEMO__USERS="100", **settings) as served:
        client = served.client(served.told["token"])
        await any_agent(client)
        await asyncio.sleep(0.7)  # the last use of the key is written by now
        other = await asyncpg.connect(host=host, user="postgres", database=name)
        before = await other.fetchval(counting)
        await other.execute("BEGIN")
        await other.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        sent = asyncio.create_task(client.post("/graphql", json={"query": document}))
        await asyncio.sleep(0.3)
        asked = served.tell()
        code = await served.ended()
        took = time.monotonic() - asked
        await other.execute("ROLLBACK")
        after = await other.fetchval(counting)
        await other.close()
        answer = await sent
        await client.aclose()
    assert (code, after) == (0, before)
    assert took < within_s
    assert answer.status_code == 503
    assert "the gateway is ending" in answer.json()["errors"][0]["message"].lower()
    assert "Traceback" not in served.log.read_text()


async def test_the_log_is_json_on_standard_error_and_holds_no_secrets(tmp_path: Path) -> None:
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as served:
        session = await sign_in(served)
        async with served.client(session) as client:
            await client.post("/graphql", json={"query": VIEWER}, headers={"X-Request-Id": "first"})
            await client.post("/graphql", content=b"[]", headers={"X-Request-Id": "second"})
        served.tell()
        await served.ended()
    requests = {line["request_id"]: line for line in served.logged if line["event"] == "request"}
    assert (requests["first"]["status"], requests["first"]["caller"]) == (200, "USER")
    assert requests["second"]["codes"] == ["BAD_USER_INPUT"]
    assert {"level", "timestamp", "logger", "milliseconds", "method"} <= set(requests["first"])
    pepper = (tmp_path / "rosterql.db.pepper").read_text().strip()
    for secret in (session, served.told["token"], served.told["admin"]["password"], pepper):
        assert secret not in served.log.read_text()


async def told_by(process: asyncio.subprocess.Process) -> Any:
    """What a process prints once it serves."""
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 30))


async def test_of_four_started_at_once_on_one_file_one_serves(tmp_path: Path) -> None:
    """The others say why they do not, and leave the one that serves alone."""
    file = f"sqlite:///{tmp_path / 'shared.db'}"
    processes = []
    for _ in range(4):
        processes.append(
            await asyncio.create_subprocess_exec(
                *COMMAND,
                *("serve", "--port", "0", "--json"),
                cwd=tmp_path,
                env=environment(file),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
    try:
        ends = {asyncio.create_task(one.wait()): one for one in processes}
        waiting = set(ends)
        while len(waiting) > 1:
            done, waiting = await asyncio.wait(waiting, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert done, f"{len(waiting)} are still there"
            for one in done:
                out, err = await ends[one].communicate()
                assert (one.result(), out) == (3, b""), err
                assert b"served by another process" in err
                assert b"Traceback" not in err
        [last] = waiting
        told = await told_by(ends[last])
        ends[last].send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(last, 10) == 0
        assert told["database"] == str(tmp_path / "shared.db")
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()


async def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = await command("serve", "--port", str(port), folder=tmp_path)
    assert (refused.code, refused.out) == (3, "")
    assert f"127.0.0.1:{port}" in refused.err
    assert "Traceback" not in refused.err


async def test_of_two_started_at_once_on_one_port_one_serves(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        processes.append(
            await asyncio.create_subprocess_exec(
                *(*COMMAND, "serve", "--port", port, "--json"),
                cwd=tmp_path / name,
                env=environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
    try:
        ends = {asyncio.create_task(process.wait()): process for process in processes}
        [first], [other] = await asyncio.wait(ends, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        out, err = await ends[first].communicate()
        assert (first.result(), out) == (3, b""), err
        assert f"127.0.0.1:{port} is not to be had" in err.decode()
        assert b"Traceback" not in err
        told = await told_by(ends[other])
        ends[other].send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(other, 10) == 0
        assert told["url"] == f"http://127.0.0.1:{port}/graphql"
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()


async def test_a_database_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for url in ("postgresql://nobody:hidden@127.0.0.1:1/nothing", f"sqlite:///{tmp_path}/file/rosterql.db"):
        refused = await command("serve", "--port", "0", folder=tmp_path, url=url)
        assert (refused.code, refused.out) == (3, "")
        assert refused.err.strip()
        assert "Traceback" not in refused.err
        assert "hidden" not in refused.err


async def test_settings_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    for settings, word in (({"SERVER__PROT": "8001"}, "ROSTERQL_SERVER__PROT"), ({"SERVER__PORT": "x"}, "server.port")):
        refused = await inside("serve", folder=tmp_path, **settings)
        assert (refused.code, refused.out) == (2, "")
        assert word in refused.err
    assert files(tmp_path) == []
