"""`rosterql demo`: the main job, played through the real schema on the demo organization."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.running import MISUSED, REFUSED, Config, Json, fail, opened, run, say, settings

if TYPE_CHECKING:
    from cli.play.steps import Step
    from repositories.engine import Database
    from server.settings import Settings

KEY_NAME = "rosterql demo"


def demo(
    seed: Annotated[int, typer.Option(help="Another number takes other people.")] = 1,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take 25 people out of service and put them back, printing what is asked and checking what comes of it.

    Works on a database of its own, or on the one of the settings where it is empty or holds a demo organization.
    """
    chosen = settings(config)
    if "url" in chosen.database.model_fields_set:
        passed, total = run(lambda: _play(chosen, seed, json))
    else:
        with tempfile.TemporaryDirectory(prefix="rosterql-demo-") as folder:
            own = settings(
                config,
                database={"url": f"sqlite:///{Path(folder) / 'demo.db'}"},
                auth={"pepper_file": str(Path(folder) / "pepper")},
            )
            passed, total = run(lambda: _play(own, seed, json))
    _tell_score(f"{passed}/{total}", passed == total, json)
    if passed != total:
        raise typer.Exit(REFUSED)


async def _play(chosen: Settings, seed: int, json: bool) -> tuple[int, int]:
    """Play once; how many expectations held, of how many."""
    from cli.play.choosing import PEOPLE, choose
    from cli.play.steps import Gateway, Play, Stopped
    from cli.play.story import Story
    from cli.seeding.demo import made
    from resolvers.api_keys import create_api_key
    from resolvers.caller import system_caller
    from resolvers.context import Context
    from server import logs

    logs.configure()
    async with _playground(chosen) as database:
        organization_id = await made(database, users=chosen.demo.users)
        people = await choose(database, organization_id, seed)
        if len(people) < PEOPLE:
            fail(f"Only {len(people)} people of the demo organization are in teams and direct queues; {PEOPLE} play.")
        # A key of the play's own: that of a demo server on the same database stays as it is.
        token = await create_api_key(Context(database, system_caller(organization_id)), KEY_NAME, replacing=True)
        play = Play(Gateway(database, token), _tell_json if json else _tell)
        with suppress(Stopped):  # told with its step, and a miss
            await Story(play, database, organization_id, people).run()
        return play.passed, play.total


@asynccontextmanager
async def _playground(chosen: Settings) -> AsyncIterator[Database]:
    """The database to play on, which must be empty or hold a demo organization; looked at before it is touched."""
    from migrations.upgrading import current, upgrade
    from repositories.organizations import all_organizations

    async with opened(chosen, migrated=False) as database:
        if await current(database) is not None:
            async with database.reading() as connection:
                every = await all_organizations(connection)
            if every and not any(one.demo for one in every):
                fail(f"{database.printable} holds organizations, and none of them is for playing.", MISUSED)
        await upgrade(database)
        yield database


def _tell_json(step: Step) -> None:
    say(step.told())


def _tell_score(score: str, whole: bool, json: bool) -> None:
    if json:
        say({"checks": score})
        return
    from rich.console import Console

    style = "bold green" if whole else "bold red"
    Console(highlight=False).print(f"[{style}]{score} expectations held.[/]")


def _tell(step: Step) -> None:
    """Print a step: what was asked, what came back in short, and what held."""
    import orjson
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.text import Text

    console = Console(highlight=False)
    console.rule(f"[bold]{step.title}", align="left")
    shown: set[str] = set()
    for index, request in enumerate(step.requests):
        if request.document in shown:
            continue
        shown.add(request.document)
        console.print(Syntax(request.document, "graphql", background_color="default", word_wrap=True))
        again = sum(other.document == request.document for other in step.requests[index + 1 :])
        for name, value in (("with", request.variables), ("gives", request.answer)):
            if value:
                console.print(Text(f"{name} {_short(orjson.dumps(_brief(value)).decode())}", style="dim"))
        if again:
            console.print(Text(f"and {again} more of these", style="dim"))
    for check in step.checks:
        mark = Text("✓ ", style="green") if check.ok else Text("✗ ", style="bold red")
        console.print(mark + Text(check.what + ("" if check.ok else f": {check.found}")))
    console.print()


def _brief(value: Any) -> Any:
    from cli.play.steps import brief

    return brief(value, 1)


def _short(text: str, most: int = 600) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
