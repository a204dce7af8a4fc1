"""Running `rosterql` as a process of its own, the way people do; or inside this one, where that shows no less."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from typer.testing import CliRunner

from cli import app
from tests.forking import Forked, fork
from tests.gateway import PEPPER

COMMAND = (sys.executable, "-c", "from cli import main; main()")
LONGEST_S = 120


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was printed, each line an object of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The object in the last line."""
        return self.lines[-1]


def environment(url: str | None = None, **settings: str) -> dict[str, str]:
    """The environment of a command: ours without any setting, and these; the pepper is that of the gateways of tests.

    Args:
        settings: By name without the prefix, for example `DEMO__USERS`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERQL_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process would compile the whole program
    given = settings if url is None else {"DATABASE__URL": url, "AUTH__PEPPER": PEPPER, **settings}
    here = str(Path(__file__).parents[1])
    return {**kept, "PYTHONPATH": here, **{f"ROSTERQL_{name}": value for name, value in given.items()}}


async def command(*arguments: str, folder: Path, url: str | None = None, anew: bool = False, **settings: str) -> Ended:
    """Run a command in a folder until it ends.

    Args:
        anew: Whether Python starts anew for it, as for people, and imports all it needs.
    """
    process = await start(*arguments, folder=folder, environment=environment(url, **settings), anew=anew)
    try:
        out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def start(
    *arguments: str, folder: Path, environment: Mapping[str, str], anew: bool, stderr: int | None = None
) -> Process | Forked:
    """Begin to run a command; what it prints is read, and its standard error unless that goes elsewhere."""
    if not anew:
        return await fork(*arguments, folder=folder, environment=environment, stderr=stderr)
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if stderr is None else stderr,
    )


async def inside(
    *arguments: str, folder: Path, url: str | None = None, given: str | None = None, **settings: str
) -> Ended:
    """Run a command inside this process, which costs a twentieth of one of its own; there is no terminal.

    Args:
        given: What stands on its standard input.

    What it leaves to the end of a process is not seen: not for what serves, or changes how this process logs.
    """

    def invoke() -> Ended:
        with chdir(folder), mock.patch.dict(os.environ, environment(url, **settings), clear=True):
            result = CliRunner().invoke(app, arguments, given, prog_name="rosterql", catch_exceptions=False)
        return Ended(result.exit_code, result.stdout_bytes.decode(), result.stderr_bytes.decode())

    return await asyncio.to_thread(invoke)
