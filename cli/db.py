"""`rosterql db`: the tables."""

from __future__ import annotations

import typer

from cli.running import Config, Json, opened, run, say, settings

app = typer.Typer(help="The tables of the database.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The tables of the database."""


@app.command()
def upgrade(config: Config = None, json: Json = False) -> None:
    """Create the tables, or bring older ones up to date; safe to run beside others that do the same."""
    chosen = settings(config)

    async def work() -> tuple[bool, str, str]:
        from migrations.upgrading import newest
        from migrations.upgrading import upgrade as bring_up_to_date

        async with opened(chosen, migrated=False) as database:
            return await bring_up_to_date(database), newest(), database.printable

    changed, revision, database = run(work)
    if json:
        say({"database": database, "revision": revision, "changed": changed})
    else:
        typer.echo(f"{database} {'is now' if changed else 'was already'} at revision {revision}.")
