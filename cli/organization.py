"""`rosterql organization`: the organizations of the installation."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.running import MISUSED, Config, Json, fail, opened, run, say, settings

app = typer.Typer(help="The organizations of the installation.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name, regardless of case and accents.")]

# What a deletion tells of the tables that it emptied.
TOLD = {"users": "people", "teams": "teams", "queues": "queues", "call_records": "call records", "api_keys": "API keys"}


@app.callback()
def _group() -> None:
    """The organizations of the installation."""


@app.command("list")
def list_(config: Config = None, json: Json = False) -> None:
    """List organizations by name, with their people."""
    chosen = settings(config)

    async def work() -> None:
        from resolvers.organizations import organizations_with_people

        async with opened(chosen) as database:
            for each, people, active in await organizations_with_people(database):
                if json:
                    made = each.created_at.isoformat().replace("+00:00", "Z")
                    say({"name": each.name, "people": people, "active": active, "demo": each.demo, "createdAt": made})
                else:
                    number = f"{people:,} {'person' if people == 1 else 'people'}"
                    typer.echo(f"{each.name}: {number}, {active:,} active{', a demo' if each.demo else ''}")

    run(work)


@app.command()
def create(
    name: Name,
    time_zone: Annotated[str, typer.Option(help="IANA name of its time zone.")] = "UTC",
    config: Config = None,
    json: Json = False,
) -> None:
    """Make an organization; `rosterql admin create` gives it an administrator."""
    chosen = settings(config)

    async def work() -> str:
        from gql.ids import global_id
        from resolvers.organizations import make_organization

        async with opened(chosen) as database:
            return global_id("Organization", await make_organization(database, name, time_zone))

    key = run(work)
    say({"id": key, "name": name}) if json else typer.echo(f"{name} is made: {key}")


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name once more.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Delete an organization with its people, history and audit, for good; its mail addresses are free again."""
    chosen = settings(config)

    async def find() -> tuple[str, int]:
        from resolvers.organizations import organization_named, organizations_with_people

        async with opened(chosen) as database:
            found = await organization_named(database, name)
            people = {each.id: count for each, count, _ in await organizations_with_people(database)}
            return found.name, people[found.id]

    async def work() -> tuple[str, dict[str, int]]:
        from resolvers.organizations import remove_organization

        async with opened(chosen) as database:
            gone, rows = await remove_organization(database, name)
            return gone.name, rows

    if not yes:
        if not sys.stdin.isatty():
            fail("Nothing was deleted: there is nobody to ask here. Say --yes.", MISUSED)
        shown, people = run(find)
        typed = typer.prompt(f"{shown} and its {people:,} people go for good. Type its name", err=True)
        if typed != shown:
            fail("Nothing was deleted: that is another name.")
    shown, rows = run(work)
    if json:
        say({"name": shown, "deleted": rows})
    else:
        told = ", ".join(f"{rows[table]:,} {words}" for table, words in TOLD.items() if rows[table])
        typer.echo(f"{shown} is gone{f': {told}' if told else ''}. Its mail addresses can be used elsewhere.")
