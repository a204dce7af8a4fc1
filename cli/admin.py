"""`rosterql admin`: the first administrator, and passwords when nobody can sign in."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.running import Config, Json, opened, run, say, settings

app = typer.Typer(help="Administrators, and lost passwords.", no_args_is_help=True)

Mail = Annotated[str, typer.Argument(metavar="MAIL", help="Mail address.")]


@app.callback()
def _group() -> None:
    """Administrators, and lost passwords."""


@app.command()
def create(
    mail: Mail,
    organization: Annotated[str, typer.Option(help="Name of the organization; made where there is none.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a full administrator, and the organization where it is missing; print a single-use password."""
    chosen = settings(config)

    async def work() -> str:
        from resolvers.administrators import create_administrator

        async with opened(chosen) as database:
            return await create_administrator(database, mail, organization)

    _tell(run(work), json)


@app.command("reset-password")
def reset_password(mail: Mail, config: Config = None, json: Json = False) -> None:
    """Give anybody a new single-use password; the old one and all sessions are void at once."""
    chosen = settings(config)

    async def work() -> str:
        from resolvers.administrators import reset_password

        async with opened(chosen) as database:
            return await reset_password(database, mail)

    _tell(run(work), json)


def _tell(password: str, json: bool) -> None:
    say({"password": password}) if json else typer.echo(password)
