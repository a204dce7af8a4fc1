"""Fixtures: databases, a gateway on each, people."""

from __future__ import annotations

import asyncio
import gc
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from resolvers import passwords, queued
from tests import databases
from tests.gateway import Acme, Gateway, found_acme
from tests.node_tools import Node, installed
from tests.people import Staff
from tests.statements import Statements

AS_FOR_PEOPLE = {name: getattr(passwords, name) for name in ("MEMORY_KIB", "ROUNDS", "NOBODYS_HASH")}

# Files with tests that take more than five seconds each.
LONGEST = {
    *("test_concurrency", "test_demo", "test_examples", "test_hostile", "test_kill", "test_loading", "test_machine"),
    *(
        "test_migrations",
        "test_properties",
        "test_repeat",
        "test_schema",
        "test_serving",
        "test_visibility",
        "test_work",
    ),
}

pytest_plugins = ["tests.requirements"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def _one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """One event loop for all tests of a process, to which the connections of databases belong."""
    yield
    databases.forget()


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Passwords are compared at a thousandth of the price: tests spent a tenth of their time on that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "MEMORY_KIB", 8)
        patch.setattr(passwords, "ROUNDS", 1)
        patch.setattr(passwords, "NOBODYS_HASH", passwords.hash_now("nobody knows it"))
        yield


@pytest.fixture
def dear_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are kept and compared as they are for people."""
    for name, value in AS_FOR_PEOPLE.items():
        monkeypatch.setattr(passwords, name, value)


@pytest.fixture(autouse=True)
async def _nothing_goes_on(_one_loop: None) -> AsyncIterator[None]:
    """Ends with each test what it has begun and not ended, as a loop of its own would."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if "_call_in_runner_task" not in repr(task.get_coro())}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=5)


def pytest_configure() -> None:
    """A shell has what it runs in the background ignore Ctrl+C; the commands that tests start are to heed it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Faults are logged as they are, and not painted with all that there was, which takes a second each.
    *others, _ = structlog.get_config()["processors"]
    printing = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, printing])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that all processes end together."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_collection_finish() -> None:
    """What is imported by now stays: searching it for garbage took a tenth of the time of the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.migrated_file(tmp_path_factory.mktemp("sqlite") / "template.db")


@pytest.fixture(scope="session")
def _postgres() -> Iterator[databases.PostgresServer | str]:
    """The server of this run, or why there is none."""
    server = databases.new_server()
    try:
        try:
            server.start()
        except (ImportError, RuntimeError, OSError) as error:
            yield f"no server can be started ({error})"
            return
        yield server
    finally:  # also when the migrations fail, or somebody is tired of waiting
        server.stop()


@pytest.fixture(scope="session")
def _sqlite_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sqlite") / "database"


@pytest.fixture(scope="session")
def _sqlite_with_acme(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Acme]:
    file = Path(shutil.copy(_sqlite_template, tmp_path_factory.mktemp("sqlite") / "acme.db"))
    return file, asyncio.run(found_acme(f"sqlite:///{file}"))


@pytest.fixture(scope="session")
def _postgres_with_acme(_postgres: databases.PostgresServer) -> tuple[str, Acme]:
    url = _postgres.copy()
    databases.forget(url)  # or a loop of its own would get connections of the tests', had they used this copy
    acme = asyncio.run(found_acme(url))
    rows = _postgres.rows(url)
    _postgres.drop(url)
    return rows, acme


@pytest.fixture
def _acme(request: pytest.FixtureRequest) -> bool:
    """Whether a gateway is opened, whose Acme need not be made anew for every test."""
    return any(name in request.fixturenames for name in ("gateway", "sqlite_gateway", "postgres_gateway"))


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, _acme: bool, _sqlite_template: Path, _sqlite_folder: Path) -> str:
    """The address of a migrated SQLite database; for each test of a process the same, in its own folder.

    It is empty unless the test has a gateway on it.
    """
    shutil.rmtree(_sqlite_folder, ignore_errors=True)  # what a test before started may still write there at its end
    _sqlite_folder.mkdir(exist_ok=True)
    for left in _sqlite_folder.iterdir():
        left.unlink()
    template = request.getfixturevalue("_sqlite_with_acme")[0] if _acme else _sqlite_template
    shutil.copyfile(template, _sqlite_folder / "rosterql.db")
    return f"sqlite:///{_sqlite_folder / 'rosterql.db'}"


@pytest.fixture
def postgres_url(
    request: pytest.FixtureRequest, _acme: bool, _postgres: databases.PostgresServer | str
) -> Iterator[str]:
    """The address of a migrated PostgreSQL database, which is empty unless the test has a gateway on it."""
    if isinstance(_postgres, str):
        databases.missing("PostgreSQL", _postgres)
        return
    rows = request.getfixturevalue("_postgres_with_acme")[0] if _acme else None
    url = _postgres.copy()
    if rows is not None:
        _postgres.fill(url, rows)
    yield url
    _postgres.take_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database of each kind, which is empty unless the test has a gateway on it."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated database of each kind, one for all tests of this file."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("module") / "rosterql.db"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server = request.getfixturevalue("_postgres")
    if isinstance(server, str):
        databases.missing("PostgreSQL", server)
        return
    url = server.copy()
    yield url
    server.take_back(url)


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with the tools of `tests/node`, installed from npm at the first use."""
    return installed()


@pytest.fixture
def statements() -> Iterator[Statements]:
    """Counts statements; fails the test when something was changed row by row."""
    watched = Statements()
    yield watched
    watched.end()
    assert not watched.row_by_row, "changed row by row:\n" + "\n".join(watched.row_by_row)


@pytest.fixture
async def gateway(request: pytest.FixtureRequest, database_url: str, statements: Statements) -> AsyncIterator[Gateway]:
    """A gateway on each kind of database."""
    async for opened in _opened(request, database_url, statements):
        yield opened


@pytest.fixture
async def sqlite_gateway(
    request: pytest.FixtureRequest, sqlite_url: str, statements: Statements
) -> AsyncIterator[Gateway]:
    """A gateway on SQLite."""
    async for opened in _opened(request, sqlite_url, statements):
        yield opened


@pytest.fixture
async def postgres_gateway(
    request: pytest.FixtureRequest, postgres_url: str, statements: Statements
) -> AsyncIterator[Gateway]:
    """A gateway on PostgreSQL."""
    async for opened in _opened(request, postgres_url, statements):
        yield opened


async def _opened(request: pytest.FixtureRequest, url: str, statements: Statements) -> AsyncIterator[Gateway]:
    kind = "sqlite" if url.startswith("sqlite") else "postgres"
    rows, acme = request.getfixturevalue(f"_{kind}_with_acme")
    gateway = await Gateway.open(url, acme)
    gateway.renew = partial(databases.renew, gateway.database, rows)
    statements.watch(gateway.database)
    yield gateway
    await gateway.close()


@pytest.fixture
def staff(gateway: Gateway) -> Staff:
    """Makes the people and structure of the gateway's organization."""
    return gateway.staff


@pytest.fixture
def hire(gateway: Gateway) -> Any:
    """`Staff.hire` of the gateway's organization."""
    return gateway.staff.hire


@pytest.fixture
def team(gateway: Gateway) -> Any:
    """`Staff.team` of the gateway's organization."""
    return gateway.staff.team


@pytest.fixture
def queue(gateway: Gateway) -> Any:
    """`Staff.queue` of the gateway's organization."""
    return gateway.staff.queue


@pytest.fixture
def site(gateway: Gateway) -> Any:
    """`Staff.site` of the gateway's organization."""
    return gateway.staff.site


@pytest.fixture
def license(gateway: Gateway) -> Any:
    """`Staff.license` of the gateway's organization."""
    return gateway.staff.license


@pytest.fixture
def small(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items a batch, and more than three are no longer handled before the answer."""
    monkeypatch.setattr(queued, "BATCH", 2)
    monkeypatch.setattr(gateway.shared, "limits", replace(gateway.shared.limits, max_inline_targets=3))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:  # one process of several, which tells the one that writes the summary
        output["not_run"] = databases.not_run


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    databases.not_run.update(getattr(node, "workeroutput", {}).get("not_run", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for part, why in databases.not_run.items():
        terminalreporter.write_line(f"not run: {part}, {why}", yellow=True)
