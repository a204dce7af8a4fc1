"""`rosterql check`: whether what always holds does hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cli.running import REFUSED, UNAVAILABLE, Config, Json, fail, opened, run, say, settings

if TYPE_CHECKING:
    from repositories.engine import Database
    from repositories.invariants.invariant import Violation

FOREIGN_GQL = "foreign-gql"


def check(config: Config = None, json: Json = False) -> None:
    """Count violations of what always holds, in all organizations; nothing is changed. Exit code 1 if there are any."""
    chosen = settings(config)

    async def work() -> tuple[list[Violation], tuple[int, int]]:
        from repositories.audit_chain import chained_and_not

        async with opened(chosen, migrated=False) as database:
            await _refuse_other_tables(database)
            async with database.reading() as connection:
                counted = await chained_and_not(connection)
            return await violations(database), counted

    found, (chained, unchained) = run(work)
    page = _no_page() if chosen.server.graphiql else None
    if json:
        audit = {"chained": chained, "unchained": unchained}
        say(
            {
                "violations": sum(each.count for each in found),
                "found": [_said(each) for each in found],
                "audit": audit,
            }
        )
    else:
        _tell(found)
        typer.echo(f"Audit events: {chained:,} chained, {unchained:,} not yet.")
    if page is not None:
        typer.echo(page, err=True)
    if found:
        raise typer.Exit(REFUSED)


async def violations(database: Database) -> list[Violation]:
    """The invariants that do not hold now: those of the program itself first, then those of the database.

    Raises:
        DatabaseUnavailable: The database is gone.
    """
    from repositories.invariants import violations_in
    from resolvers.context import utc_now

    async with database.reading() as connection:
        return [*_foreign_gql(), *await violations_in(connection, utc_now())]


async def _refuse_other_tables(database: Database) -> None:
    """End the command unless the tables are those of this program; a file that is not there is not made."""
    from migrations.upgrading import current, newest

    path = database.path
    there = path is None or (path.exists() and path.stat().st_size > 0)
    revision = await current(database) if there else None
    if revision is None:
        fail(f"{database.printable} has no tables yet: `rosterql db upgrade` makes them.", UNAVAILABLE)
    if revision != newest():
        fail(
            f"{database.printable} is at revision {revision} and this program reads {newest()} only: "
            "`rosterql db upgrade` brings an older one up to date.",
            UNAVAILABLE,
        )


def _no_page() -> str | None:
    """Why browsers get no GraphiQL, and what helps; no violation, since the gateway does its work without."""
    from server.graphiql.page import Page

    return Page().missing


def _foreign_gql() -> list[Violation]:
    """PyPI's GraphQL client owns the import name `gql` too; with both in one environment, either breaks."""
    from importlib.metadata import packages_distributions
    from importlib.util import find_spec
    from pathlib import Path

    from repositories.invariants.invariant import Violation

    spec = find_spec("gql")
    ours = Path(__file__).parents[1] / "gql"
    place = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    owners = sorted(set(packages_distributions().get("gql", ())) - {"rosterql"})
    foreign = [] if place == ours and (ours / "schema.py").exists() else [str(place)]
    foreign += owners
    what = "The module `gql` is another package's: RosterQL needs an environment of its own."
    return [Violation(FOREIGN_GQL, len(foreign), what, tuple(foreign))] if foreign else []


def _said(violation: Violation) -> dict[str, object]:
    return {
        "name": violation.name,
        "count": violation.count,
        "what": violation.what,
        "examples": list(violation.examples),
    }


def _tell(found: list[Violation]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(highlight=False, markup=False)
    if not found:
        console.print("No violations.")
        return
    rows = Table("Count", Column("What", overflow="fold"), box=None, padding=(0, 2, 0, 0))
    for each in found:
        rows.add_row(str(each.count), "\n".join((f"{each.name}: {each.what}", *each.examples)))
    console.print(rows)
