"""How a command runs: its settings, its database, what it prints, and how it ends.

Exit codes: 0 done · 1 something that was to hold does not, or was refused · 2 wrong use, or a setting is not
acceptable · 3 the database, or the place of the serving process, is not to be had · 4 done, but not to all: see
`cli.following.end` · 130 interrupted with Ctrl+C.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from repositories.engine import Database
    from server.settings import Settings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Config = Annotated[Path | None, typer.Option("--config", help="File with settings in place of rosterql.toml.")]

REFUSED, MISUSED, UNAVAILABLE, INCOMPLETE = 1, 2, 3, 4


def fail(message: str, code: int = REFUSED) -> NoReturn:
    """End the command with words on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def say(value: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON."""
    typer.echo(dumps(value, ensure_ascii=False))


def confirm(question: str, *, yes: bool, nothing: str) -> None:
    """Ask before what cannot be taken back lightly; ends the command where the answer is no.

    Args:
        yes: Whether the caller said yes beforehand, which must be where there is no terminal.
        nothing: What is told of what was not done.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{nothing}: there is nobody to ask here. Say --yes.", MISUSED)
    if not typer.confirm(question, err=True):
        fail(f"{nothing}.")


def settings(config: Path | None = None, **overrides: Mapping[str, Any]) -> Settings:
    """The settings, those of the command line first; sections and names whose value is None say nothing."""
    from server.settings import SettingsRefused, load

    given = {
        section: {name: value for name, value in values.items() if value is not None}
        for section, values in overrides.items()
    }
    try:
        return load(given, config=config)
    except SettingsRefused as error:
        fail(str(error), MISUSED)


@asynccontextmanager
async def opened(settings: Settings, *, migrated: bool = True) -> AsyncIterator[Database]:
    """The database of the settings, brought to the newest tables unless told otherwise, and its pepper chosen."""
    from repositories.engine import Database
    from resolvers.pepper import choose_pepper

    database = Database(
        settings.database_url,
        pool_size=settings.database.pool_size,
        statement_timeout_ms=settings.database.statement_timeout_ms,
    )
    try:
        pepper = settings.auth.pepper
        choose_pepper(
            database, value=None if pepper is None else pepper.get_secret_value(), file=settings.auth.pepper_file
        )
        if migrated:
            from migrations.upgrading import upgrade

            await upgrade(database)
        imported()
        yield database
    finally:
        await database.close()


def shown(database: Database) -> str:
    """Where a database is, as people are told: the file, or the address without the password."""
    return str(Path(database.path).resolve()) if database.path is not None else database.printable


def imported() -> None:
    """Search for garbage from now on, but not in what was imported: that took a fifth of a command's time."""
    gc.freeze()
    gc.enable()


def seldom() -> None:
    """Search seldom for garbage in a process that puts together batches of hundreds of thousands of objects."""
    gc.set_threshold(100_000, 50, 100)


def run(work: Callable[[], Coroutine[Any, Any, T]], *, uvloop: bool = False) -> T:
    """Run a command's work; what refuses it ends the command with words and not with a traceback."""
    from sqlalchemy.exc import DBAPIError

    from repositories.engine import DatabaseUnavailable
    from resolvers.refusals import Refusal, Refused

    try:
        return _run(work, uvloop)
    except (Refusal, Refused) as error:
        fail(str(error))
    except DatabaseUnavailable as error:
        fail(f"The database does not answer: {_first_line(error.__cause__ or error)}", UNAVAILABLE)
    except (DBAPIError, OSError) as error:
        fail(f"The database is not to be had: {_first_line(error)}", UNAVAILABLE)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def _run(work: Callable[[], Coroutine[Any, Any, T]], fast: bool) -> T:
    if not fast:
        return asyncio.run(work())
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())
