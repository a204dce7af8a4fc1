"""`rosterql serve`: the gateway."""

from __future__ import annotations

from errno import EADDRINUSE
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.running import UNAVAILABLE, Config, Json, fail, opened, run, say, settings, shown

if TYPE_CHECKING:
    from repositories.engine import Database
    from server.settings import Settings
    from worker.beside import Beside


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve a made-up organization, made at the first start.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave what is done beside the requests to `rosterql worker`.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Serve the gateway; an empty or older database is brought up to date first."""
    chosen = settings(config, server={"host": host, "port": port}, jobs={"embedded": False if no_worker else None})
    beside = _worker_beside(chosen) if chosen.jobs.embedded else None
    run(lambda: _serve(chosen, demo, json, beside), uvloop=True)


def _worker_beside(chosen: Settings) -> Beside:
    """A worker process, which waits until the tables are there; what both need is imported before, once."""
    import migrations.upgrading  # noqa: F401
    import worker.jobs  # noqa: F401
    from cli.worker import work_beside
    from server import logs
    from worker.beside import begin_beside

    logs.configure()
    return begin_beside(lambda pipe: work_beside(chosen, pipe))


async def _serve(chosen: Settings, demo: bool, json: bool, beside: Beside | None) -> None:
    from server import logs
    from server.graphiql.page import Page
    from server.running import AlreadyServing, address, listen, serving
    from server.running import serve as serve_app
    from worker.jobs import all_jobs

    logs.configure()
    async with opened(chosen, migrated=False) as database:
        try:
            listening = listen(chosen)
        except OSError as error:
            _taken(chosen, error)
        from migrations.upgrading import upgrade

        await upgrade(database)
        try:
            with serving(database):
                url = f"{address(listening)}/graphql"
                page = url if chosen.server.graphiql and Page().missing is None else None
                told: dict[str, Any] = {"url": url, "graphiql": page, "database": shown(database)}
                if demo:
                    told = {**told, **await _demo(database, chosen)}
                from server.app import create_app  # brings the schema, and who is refused needs none

                app = create_app(chosen, database)
                jobs = all_jobs(chosen.retention.periods) if beside else ()
                told["jobs"] = [job.name for job in jobs]

                def ready() -> None:
                    if beside is not None:
                        app.state.gateway.bell.pass_on(beside.ring)
                        beside.ring()
                    if json:
                        say(told)
                    else:
                        _tell(told)

                def leaving() -> None:
                    if beside is not None:
                        beside.leave()

                try:
                    await serve_app(app, chosen, listening, ready, leaving)
                finally:
                    if beside is not None:
                        await beside.left()
        except AlreadyServing as error:
            fail(str(error), UNAVAILABLE)
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            _taken(chosen, error)  # two that began at the same time may bind to it; the second to listen is refused


def _taken(chosen: Settings, error: OSError) -> NoReturn:
    fail(f"{chosen.server.host}:{chosen.server.port} is not to be had: {error.strerror}", UNAVAILABLE)


async def _demo(database: Database, chosen: Settings) -> dict[str, Any]:
    """Make the demo organization where it is missing; a new key, and the administrator's password set again."""
    from cli.seeding.demo import open_demo

    opened = await open_demo(database, users=chosen.demo.users)
    return {"admin": {"email": opened.admin_email, "password": opened.password}, "token": opened.token}


def _tell(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows.add_row("GraphQL", told["url"])
    rows.add_row("GraphiQL", "the same in a browser" if told["graphiql"] else "not there: see `rosterql check`")
    rows.add_row("Database", told["database"])
    if "token" in told:
        rows.add_row("Administrator", told["admin"]["email"])
        rows.add_row("Password", told["admin"]["password"])
        rows.add_row("API key", told["token"])
    console = Console(highlight=False, soft_wrap=True)
    console.print(rows)
    console.print("Stop with Ctrl+C.")
