"""Fixtures: databases, a gateway on each, people."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.gateway import Gateway
from tests.node_tools import Node, installed
from tests.people import Staff
from tests.statements import Statements

pytest_plugins = ["tests.requirements"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.migrated_file(tmp_path_factory.mktemp("sqlite") / "template.db")


@pytest.fixture(scope="session")
def _postgres() -> Iterator[databases.PostgresServer | str]:
    """The server of this run, or why there is none."""
    server = databases.new_server()
    try:
        server.start()
    except (ImportError, RuntimeError, OSError) as error:
        server.stop()
        yield f"no server can be started ({error})"
        return
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _sqlite_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sqlite") / "database"


@pytest.fixture
def sqlite_url(_sqlite_template: Path, _sqlite_folder: Path) -> str:
    """The address of an empty, migrated SQLite database; for each test of a process the same, in its own folder."""
    shutil.rmtree(_sqlite_folder, ignore_errors=True)  # what a test before started may still write there at its end
    _sqlite_folder.mkdir(exist_ok=True)
    for left in _sqlite_folder.iterdir():
        left.unlink()
    shutil.copyfile(_sqlite_template, _sqlite_folder / "rosterql.db")
    return f"sqlite:///{_sqlite_folder / 'rosterql.db'}"


@pytest.fixture
def postgres_url(_postgres: databases.PostgresServer | str) -> Iterator[str]:
    """The address of an empty, migrated PostgreSQL database."""
    if isinstance(_postgres, str):
        databases.missing("PostgreSQL", _postgres)
        return
    url = _postgres.copy()
    yield url
    _postgres.take_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty, migrated database of each kind."""
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
async def gateway(database_url: str, statements: Statements) -> AsyncIterator[Gateway]:
    """A gateway on each kind of database."""
    async for opened in _opened(database_url, statements):
        yield opened


@pytest.fixture
async def sqlite_gateway(sqlite_url: str, statements: Statements) -> AsyncIterator[Gateway]:
    """A gateway on SQLite."""
    async for opened in _opened(sqlite_url, statements):
        yield opened


@pytest.fixture
async def postgres_gateway(postgres_url: str, statements: Statements) -> AsyncIterator[Gateway]:
    """A gateway on PostgreSQL."""
    async for opened in _opened(postgres_url, statements):
        yield opened


async def _opened(url: str, statements: Statements) -> AsyncIterator[Gateway]:
    Staff.count_anew()  # so that nobody's name depends on which tests ran before
    gateway = await Gateway.open(url)
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
