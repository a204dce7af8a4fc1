"""`rosterql seed`: a large organization, the same each time, to measure and to try things on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.running import MISUSED, Config, Json, fail, opened, run, say, settings

if TYPE_CHECKING:
    from cli.seeding.digest import Contents
    from cli.seeding.plan import Order

DATE = "%Y-%m-%d"


def seed(
    users: Annotated[int, typer.Option(min=10, max=2_000_000, help="How many people.")],
    seed: Annotated[int, typer.Option(min=0, help="Another number makes other people.")] = 1,
    organization: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='Name of the new organization; "Seed" and the number if omitted.'),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", formats=[DATE], help="The day on which it is shown; 2026-01-01 if omitted."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a large organization: the same one, to the last value, for the same number, size, name and day.

    Nobody in it has a password that is known: `rosterql admin reset-password` gives one. An organization of that name
    that is there already is left alone, and the exit code is 1.
    """
    from cli.seeding.plan import UNTIL, Order
    from resolvers.identity import Unacceptable
    from resolvers.identity import name as checked

    try:
        name = checked(organization or f"Seed {seed}")
    except Unacceptable as error:
        fail(f"--organization: {error}", MISUSED)
    order = Order(users, seed, name, UNTIL if until is None else until.date())
    if order.until > datetime.now(UTC).date():
        fail("--until: The organization cannot be shown on a day to come.", MISUSED)
    chosen = settings(config)

    async def work() -> Contents:
        from cli.seeding.digest import contents_of
        from cli.seeding.large import seed as make

        async with opened(chosen) as database:
            with _bar("People", users) as tell:
                organization_id = await make(database, order, tell)
            with _bar("Reading back", None) as tell:
                return await contents_of(database, organization_id, tell)

    contents = run(work)
    if json:
        say(
            {
                "organization": name,
                "administrator": f"admin@{order.domain}",
                "seed": seed,
                "until": order.until.isoformat(),
                "counts": contents.counts,
                "digest": contents.digest,
            }
        )
    else:
        _tell(order, contents)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def _tell(order: Order, contents: Contents) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(highlight=False, markup=False)
    rows = Table(Column("Rows", justify="right"), "Table", box=None, padding=(0, 2, 0, 0))
    for table, count in contents.counts.items():
        if count:
            rows.add_row(f"{count:,}", table)
    console.print(rows)
    console.print(f"Digest {contents.digest}")
    mail = f"admin@{order.domain}"
    console.print(f"{order.name} is administered by {mail}: `rosterql admin reset-password {mail}` lets you in.")
