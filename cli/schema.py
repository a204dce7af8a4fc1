"""`rosterql schema`: what can be asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.running import MISUSED, REFUSED, Json, fail, say

if TYPE_CHECKING:
    from graphql import GraphQLSchema, SchemaChange

app = typer.Typer(help="The schema.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The schema."""


@app.command("print")
def print_() -> None:
    """Print the schema definition, as `schema.graphql` holds it."""
    from gql.schema import print_schema

    typer.echo(print_schema(), nl=False)


@app.command()
def errors() -> None:
    """Print the reference of all error codes, as `docs/errors.md` holds it."""
    from gql.codes import reference

    typer.echo(reference(), nl=False)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="File with the older schema definition.")],
    new: Annotated[
        Path | None, typer.Argument(help="File with the newer one; the schema of this program when not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell how a schema changed: what breaks clients, what may surprise them, what is safe.

    Exit code 1 if something breaks clients.
    """
    from graphql import BreakingChange, DangerousChange, find_schema_changes

    changes = find_schema_changes(_built(old), _built(new))
    kinds: dict[str, list[SchemaChange]] = {"breaking": [], "dangerous": [], "safe": []}
    for change in changes:
        breaks, surprises = isinstance(change, BreakingChange), isinstance(change, DangerousChange)
        kinds["breaking" if breaks else "dangerous" if surprises else "safe"].append(change)
    for kind, found in kinds.items():
        for change in sorted(found, key=lambda one: one.description):
            if json:
                say({"kind": kind, "type": change.type.name, "what": change.description})
            else:
                typer.echo(f"{kind:<9}  {change.description}")
    counts = {kind: len(found) for kind, found in kinds.items()}
    say(counts) if json else typer.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    if kinds["breaking"]:
        raise typer.Exit(REFUSED)


def _built(file: Path | None) -> GraphQLSchema:
    """A schema from its definition; ends the command if it is none."""
    from graphql import GraphQLError, build_schema

    if file is None:
        from gql.schema import print_schema

        return build_schema(print_schema())
    try:
        return build_schema(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", MISUSED)
    except (GraphQLError, TypeError, RecursionError) as error:
        fail(f"{file} is no schema definition: {error}", MISUSED)
