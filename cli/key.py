"""`rosterql key`: API keys for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.running import Config, Json, fail, opened, run, say, settings

app = typer.Typer(help="API keys for programs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """API keys for programs."""


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the key, one of its own in the organization.")],
    organization: Annotated[
        str | None, typer.Option(help="Name of the organization; not needed where there is only one.")
    ] = None,
    permissions: Annotated[
        str | None, typer.Option(help="Permissions, separated by commas; all but DIRECTORY_SYNC when not given.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a key and print it, this once."""
    chosen = settings(config)

    async def work() -> str:
        from models.permission import Permission
        from resolvers.api_keys import create_api_key
        from resolvers.caller import system_caller
        from resolvers.context import Context
        from resolvers.organizations import organization_named

        granted = None
        if permissions is not None:
            names = [one.strip().upper() for one in permissions.split(",") if one.strip()]
            unknown = [one for one in names if one not in Permission.__members__]
            if unknown or not names:
                fail(f"There is no permission {', '.join(unknown) or 'without a name'}.", 2)
            granted = [Permission[one] for one in names]
        async with opened(chosen) as database:
            found = await organization_named(database, organization)
            return await create_api_key(Context(database, system_caller(found.id)), name, granted)

    key = run(work)
    say({"key": key}) if json else typer.echo(key)
