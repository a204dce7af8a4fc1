"""The `rosterql` command: one file a command group; heavy imports wait until a command runs."""

from __future__ import annotations

import gc

import typer

from cli import (
    admin,
    check,
    db,
    demo,
    key,
    lifecycle,
    operation,
    organization,
    query,
    schema,
    seed,
    serve,
    users,
    worker,
)

app = typer.Typer(
    name="rosterql",
    help="GraphQL gateway through which people in contact centers are taken out of service and put back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(demo.demo)
app.command()(check.check)
app.command()(seed.seed)
app.command()(query.query)
for name, command in lifecycle.commands():
    users.app.command(name)(command)
app.add_typer(users.app, name="users")
app.add_typer(operation.app, name="operation")
app.add_typer(db.app, name="db")
app.add_typer(schema.app, name="schema")
app.add_typer(admin.app, name="admin")
app.add_typer(key.app, name="key")
app.add_typer(organization.app, name="organization")


def main() -> None:
    """The entry point of the installed command."""
    gc.disable()  # until all is imported, of which nothing is garbage; see `cli.running.imported`
    app()
