"""`rosterql schema`: what can be asked."""

from __future__ import annotations

import typer

app = typer.Typer(help="The schema.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The schema."""


@app.command("print")
def print_() -> None:
    """Print the schema definition, as `schema.graphql` holds it."""
    from gql.schema import print_schema

    typer.echo(print_schema(), nl=False)
